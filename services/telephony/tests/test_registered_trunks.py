"""Calls in over a trunk that registers: its carrier calls what was registered, and says beside it which number is
meant."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from telephony.sip import RegisterWish
from testkit import eventually

from .carriers import Carrier
from .conftest import Exchange
from .sip.peers import a_stranger
from .test_sip_calls import OURS, carrier, port, trunk

__all__ = ["carrier"]
pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)


async def contact_at(carrier: Carrier, exchange: Exchange, user_name: str) -> str:
    """A trunk registers at the carrier: the URI it is called by there from now on."""
    heard: list[RegisterWish] = []

    async def registered(wish: RegisterWish) -> list[Any]:
        heard.append(wish)
        return list(wish.bindings)

    async def whoever(_: Any) -> str:
        return user_name

    carrier.agent.on_register = registered
    carrier.agent._gate.identify = whoever  # type: ignore[union-attr, method-assign, assignment]
    await trunk(exchange, carrier, registers=True, user_name=user_name)
    assert exchange.edge is not None
    await exchange.edge.roster.register(exchange.edge.agent)
    await eventually(lambda: heard)
    return heard[0].bindings[0].uri


@pytest.mark.parametrize(
    ("to", "more"),
    [
        (OURS, []),
        (OURS.removeprefix("+"), []),
        ("merkez", [f"P-Called-Party-ID: <sip:{OURS}@carrier.example>"]),
    ],
)
async def test_a_call_to_what_was_registered_is_for_the_number_its_carrier_names(exchange, carrier, to, more) -> None:
    contact = await contact_at(carrier, exchange, "merkez")
    async with a_stranger() as caller:
        caller.to = port(exchange)
        said = caller.message("INVITE", "z9hG4bKone", *more, uri=contact, body=carrier.peer.describe())
        caller.say(said.replace("To: <sip:100@", f"To: <sip:{to}@"))
        await caller.response(180)
        await caller.response(200)
    (live,) = exchange.switchboard.calls
    assert live.call.dialed_number == OURS


async def test_only_who_is_called_by_what_it_registered_is_asked_for_another_number(exchange, carrier) -> None:
    await contact_at(carrier, exchange, "merkez")
    async with a_stranger() as caller:
        caller.to = port(exchange)
        other = f"sip:+902125550199@127.0.0.1:{caller.to}"
        said = caller.message("INVITE", "z9hG4bKone", uri=other, body=carrier.peer.describe())
        caller.say(said.replace("To: <sip:100@", f"To: <sip:{OURS}@"))
        await caller.response(404)
