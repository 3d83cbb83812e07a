"""Parties outside of a node that an operator drains: nobody is sent where they can't be reached, or not yet."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic
from typing import Any

import pytest
from chassis.sql import Database
from telephony.live import handover
from telephony.sip import SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer
from testkit.webrtc import Peer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .test_handover import beating, drain
from .test_sip_calls import NUMBER, OURS, port, trunk
from .two_nodes import back, known_to_each_other, owner, passed

pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ, CALLER_HZ = 440.0, 880.0, 1320.0


class SlowDatabase:
    """What one node writes of calls takes a while."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.clock = db.clock

    async def run(self, tenant_id: str, write: Any) -> Any:
        await asyncio.sleep(0.4)
        return await self._db.run(tenant_id, write)


async def two_nodes(make_exchange: Any, transport: str = "udp") -> tuple[Exchange, Exchange]:
    first = await make_exchange(sip_listen=f"{transport}:127.0.0.1:0")
    second = await make_exchange(sip_listen=f"{transport}:127.0.0.1:0", beside=first)
    await known_to_each_other(first, second)
    beating(first, second)
    return first, second


async def talking(first: Exchange) -> tuple[DeskPhone, Any, Peer]:
    """(phone by TCP, call, customer), talking."""
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(first, agent_id, PHONE_HZ, transport="TCP")
    customer = first.peer(CUSTOMER_HZ)
    call = await first.call(customer)
    await first.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    return phone, call, customer


def follows(party: Carrier, dialog: SipDialog) -> None:
    """It sends where a re-INVITE says."""

    async def moved(sdp: str | None) -> str:
        party.peer.accept(sdp or "")
        return party.peer.describe()

    dialog.on_offer = moved


async def test_a_phone_that_only_its_own_connection_reaches_is_waited_for_and_not_cut_off(make_exchange: Any) -> None:
    first, second = await two_nodes(make_exchange, "tcp")
    phone, call, customer = await talking(first)
    # As behind a router: it connects to us, and nobody connects to it.
    for listening in phone.agent.stack.transports._listening:
        listening.shutdown(socket.SHUT_RDWR)
    await drain(first)
    await passed(1.5)
    assert await owner(second, call.call_id) == first.house.settings.node_id and not phone.ended
    customer.forget()
    await asyncio.gather(customer.hears(PHONE_HZ), phone.peer.hears(CUSTOMER_HZ))
    await phone.dialogs[0].bye()
    await eventually(lambda: not first.switchboard.calls)
    await phone.close()


async def test_a_process_that_must_go_gives_such_a_phone_away_in_its_last_seconds(
    make_exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two_nodes(make_exchange, "tcp")
    phone, call, _ = await talking(first)
    follows(phone, phone.dialogs[0])
    monkeypatch.setattr(handover, "LAST_SECONDS", first.house.settings.drain_seconds - 1.0)
    began = monotonic()
    await first.handover.drain()
    assert monotonic() - began >= 1.0
    peer, _ = await back(second, call, CUSTOMER_HZ)
    await asyncio.gather(peer.hears(PHONE_HZ), phone.peer.hears(CUSTOMER_HZ))
    assert not phone.ended
    await phone.close()


async def test_a_phone_with_two_calls_is_waited_for_until_it_has_one(make_exchange: Any) -> None:
    first, second = await two_nodes(make_exchange)
    agent_id, customer = an_id("usr"), first.peer(CUSTOMER_HZ)
    phone, colleague = await DeskPhone.signed_in(first, agent_id, PHONE_HZ), Carrier(await RtpPeer.start(CALLER_HZ))
    await colleague.start()
    await trunk(first, colleague)
    call = await first.call(customer)
    await first.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    follows(phone, phone.dialogs[0])
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe("sendonly")))
    line = await RtpPeer.start(PHONE_HZ, host=PHONES)
    asking = await phone.dial(NUMBER, line)
    assert isinstance(asking, SipDialog)
    await line.hears(CALLER_HZ)
    await drain(first)
    await passed(1.5)
    assert await owner(second, call.call_id) == first.house.settings.node_id and not phone.ended
    line.forget()
    await line.hears(CALLER_HZ)
    await asking.bye()
    await eventually(lambda: second.switchboard.find(call.call_id) is not None)
    for party in (phone, colleague, line):
        await party.close()


async def test_a_caller_who_was_answered_a_moment_ago_is_moved_when_the_rows_know_their_dialog(
    make_exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two_nodes(make_exchange)
    carrier = Carrier(await RtpPeer.start(CALLER_HZ))
    await carrier.start()
    await trunk(first, carrier)
    assert second.edge is not None
    await second.edge.roster.refresh()
    monkeypatch.setattr(first.house.ledger, "_db", lambda: SlowDatabase(first.house.db))
    dialog = await carrier.call(port(first), OURS)
    assert isinstance(dialog, SipDialog)

    follows(carrier, dialog)
    (live,) = first.switchboard.calls
    await drain(first)
    await eventually(lambda: second.switchboard.find(live.call_id) is not None)
    await eventually(lambda: live.call_id not in first.switchboard._parting)
    carrier.peer.forget()
    await carrier.peer.hears(MUSIC_HZ)
    assert not carrier.ended
    await carrier.close()
