"""Parties outside of a call whose node died, of whom one doesn't follow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telephony.ops import trunks as trunk_ops
from telephony.sip import OfferRefused, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .test_sip_calls import NUMBER, OURS, port, trunk
from .two_nodes import do

pytestmark = pytest.mark.media

CALLER_HZ, OTHER_HZ, AGENT_HZ = 440.0, 1320.0, 880.0


async def a_carrier(tone: float) -> Carrier:
    made = Carrier(await RtpPeer.start(tone))
    await made.start()
    return made


async def taken_over(make_exchange: Any, first: Exchange) -> Exchange:
    """The node dies, and another one has its call."""
    (live,) = first.switchboard.calls
    await eventually(lambda: live.outside and all(each.kept() is not None for each in live.outside.values()))
    await live.journal.write(lambda tx: asyncio.sleep(0))
    assert first.edge is not None
    await first.edge.agent.close()
    live.earpiece.stop()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0")
    await second.edge.roster.refresh()
    node = first.house.settings.node_id
    assert await second.nodes.adopt(first.tenant_id, live.call_id, node, second.house.now())
    return second


async def test_a_peer_that_refuses_to_go_on_elsewhere_is_hung_up(make_exchange: Any) -> None:
    first, carrier = await make_exchange(sip_listen="udp:127.0.0.1:0"), await a_carrier(CALLER_HZ)
    await trunk(first, carrier)
    dialog = await carrier.call(port(first), OURS)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)

    async def refuses(_sdp: str | None) -> str:
        raise OfferRefused(488)

    dialog.on_offer = refuses
    second = await taken_over(make_exchange, first)
    await eventually(lambda: not second.switchboard.calls)
    await eventually(lambda: carrier.ended)
    edge = second.edge
    await eventually(lambda: edge is not None and not edge.agent.dialogs and not second.house.plane.legs)
    await carrier.close()


async def test_a_call_on_a_trunk_that_was_switched_off_meanwhile_goes_on_by_what_its_carrier_takes(
    make_exchange: Any,
) -> None:
    first, carrier = await make_exchange(sip_listen="udp:127.0.0.1:0"), await a_carrier(CALLER_HZ)
    trunk_id = await trunk(first, carrier)
    dialog = await carrier.call(port(first), OURS)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    house = first.house
    # As an admin is told to, before a trunk is deleted: its calls are waited for.
    await house.db.run(
        first.tenant_id, lambda tx: trunk_ops.update_trunk(tx, trunk_id, {"enabled": False}, 0, house.now())
    )
    offers: list[str] = []

    async def follows(sdp: str | None) -> str:
        offers.append(sdp or "")
        return carrier.peer.describe()

    dialog.on_offer = follows
    second = await taken_over(make_exchange, first)
    await eventually(lambda: offers)
    assert "opus" not in offers[0] and "crypto" not in offers[0], "none of a desk phone's"
    (live,) = second.switchboard.calls
    await eventually(lambda: live.customer is not None)
    await carrier.close()


async def test_who_does_not_follow_keeps_nobody_else_waiting(make_exchange: Any) -> None:
    first, carrier = await make_exchange(sip_listen="udp:127.0.0.1:0"), await a_carrier(CALLER_HZ)
    await trunk(first, carrier)
    agent, agent_id = first.peer(AGENT_HZ), an_id("usr")
    await first.attach(agent, agent_id)
    call = await first.call(first.peer(300.0))
    await first.accept(call.call_id, agent_id)
    for count in (1, 2):
        await do(first, agent_id, "ConsultCall", call.call_id, number=NUMBER)
        await eventually(lambda count=count: len(carrier.dialogs) == count)

        async def joined() -> bool:
            try:
                await do(first, agent_id, "JoinCall", call.call_id)
            except Exception:
                return False
            return True

        await eventually(joined)
    told: list[int] = []
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def hangs(_sdp: str | None) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return ""

    async def follows(_sdp: str | None) -> str:
        told.append(1)
        return carrier.peer.describe()

    carrier.dialogs[0].on_offer, carrier.dialogs[1].on_offer = hangs, follows
    await taken_over(make_exchange, first)
    await eventually(lambda: told and asked.is_set(), deadline=60)
    assert not given_up.is_set(), "who doesn't follow is still waited for"
    await carrier.close()
