"""A SIP peer that holds by its own key and sends nothing meanwhile is not a lost one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from testkit import eventually

from .conftest import MUSIC_HZ
from .test_phones_in_calls import CUSTOMER_HZ, PHONE_HZ, talking
from .test_sip_calls import AGENT_HZ, NUMBER, OURS, an_agent, carrier, port, trunk

__all__ = ["carrier"]
pytestmark = pytest.mark.media

QUICK = {"sip_listen": "udp:127.0.0.1:0", "sip_silent_seconds": 0.8, "talking_grace_seconds": 0.5}


def held(said: str, how: str) -> str:
    """The peer's description as it holds."""
    if how == "zero":
        return re.sub(r"(c=IN IP4) \S+", r"\1 0.0.0.0", said)
    return said.replace("a=sendrecv", f"a={how}")


@pytest.mark.parametrize("how", ["sendonly", "zero"])
async def test_an_agent_who_holds_by_their_phones_key_in_silence_finds_the_customer_again(
    make_exchange: Any, how: str
) -> None:
    exchange = await make_exchange(**QUICK)
    phone, _, customer, call = await talking(exchange)
    said = phone.peer.describe()
    await phone.dialogs[0].reinvite(held(said, how))
    await customer.hears(MUSIC_HZ)
    phone.peer.talking = False
    await asyncio.sleep(3.0)
    assert exchange.switchboard.find(call.call_id) is not None, "held, however long"
    phone.peer.talking = True
    await phone.dialogs[0].reinvite(said)
    await customer.hears(PHONE_HZ)
    await phone.peer.hears(CUSTOMER_HZ)
    phone.peer.talking = False
    await eventually(lambda: not exchange.switchboard.calls)  # silence means something again
    await phone.close()


async def test_a_caller_who_holds_us_in_silence_is_not_lost(make_exchange: Any, carrier: Any) -> None:
    exchange = await make_exchange(**QUICK, customer_grace_seconds=0.8)
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    dialog = await carrier.call(port(exchange), OURS, NUMBER)
    (live,) = exchange.switchboard.calls
    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    await dialog.reinvite(carrier.peer.describe("sendonly"))
    carrier.peer.talking = False
    await asyncio.sleep(2.5)
    assert exchange.switchboard.find(live.call_id) is not None
    carrier.peer.talking = True
    await dialog.reinvite(carrier.peer.describe())
    carrier.peer.forget()
    await carrier.peer.hears(AGENT_HZ)
