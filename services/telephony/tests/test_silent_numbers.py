"""Numbers whose carrier sends nothing: one in a call that has died without a word, one that rings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.sip import Invitation
from telephony.store import lines as line_store
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, an_id
from .test_sip_calls import AGENT_HZ, NUMBER, OURS, an_agent, cdr, port, trunk

pytestmark = pytest.mark.media


async def test_a_number_whose_carrier_dies_is_out_of_the_conference_and_costs_no_more(make_exchange: Any) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", sip_silent_seconds=1.5)
    near, far = Carrier(await RtpPeer.start(440.0)), Carrier(await RtpPeer.start(1320.0))
    await near.start()
    await far.start()
    await trunk(exchange, near)
    _, agent_id = await an_agent(exchange)
    await near.call(port(exchange), OURS)
    live = exchange.switchboard.calls[0]
    await exchange.accept(live.call_id, agent_id)
    await near.peer.hears(AGENT_HZ)
    near.behave = far.answer
    with exchange.as_agent(agent_id):
        which = {"call_id": live.call_id}
        await exchange.calls.ConsultCall(call_service_pb2.ConsultCallRequest(**which, number=NUMBER))
        await far.peer.hears(AGENT_HZ)
        await exchange.calls.JoinCall(call_service_pb2.JoinCallRequest(**which))
        await far.close()

        async def alone() -> bool:
            call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(**which))
            number = next(leg for leg in call.legs if leg.party == "participant")
            return number.state == call_pb2.LEG_STATE_ENDED

        await eventually(alone)
    found = await exchange.house.db.system(lambda tx: line_store.lines_of(tx, exchange.house.settings.node_id))
    assert len(found) == 1
    await near.peer.hears(AGENT_HZ)
    await near.close()


async def test_a_number_rings_on_though_its_carrier_describes_itself_and_sends_nothing_before_the_answer(
    make_exchange: Any,
) -> None:
    """Many gateways answer 183 with a description and let the caller's side make the ringing tone."""
    exchange = await make_exchange(
        sip_listen="udp:127.0.0.1:0", sip_silent_seconds=0.5, customer_grace_seconds=0.5, talking_grace_seconds=5.0
    )
    carrier, picked_up = Carrier(await RtpPeer.start(440.0)), asyncio.Event()
    await carrier.start()
    carrier.peer.talking = False

    async def silent_ringing(invitation: Invitation) -> None:
        described = carrier._described(invitation)
        await invitation.progress(described)
        await picked_up.wait()
        carrier.peer.talking = True
        carrier._keep(await invitation.answer(described))

    carrier.behave = silent_ringing
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    with exchange.as_agent(agent_id):
        request = call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER)
        call = await exchange.calls.DialCall(request)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: carrier.peer.headers or live.ending)
    agent.forget()
    await agent.hears(MUSIC_HZ)  # which is this house's ringing tone too
    looked = asyncio.get_running_loop().time()
    await eventually(lambda: live.ending or asyncio.get_running_loop().time() > looked + 3.0)
    assert live.ending is None, "it rings on"
    picked_up.set()
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(440.0)
    # From the answer on silence means what it says.
    await carrier.close()
    await eventually(lambda: not exchange.switchboard.calls)
    assert (await cdr(exchange, call.call_id)).end_cause == "MEDIA_LOST"
