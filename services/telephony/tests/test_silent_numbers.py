"""A number in a call whose carrier has died without a word."""

from __future__ import annotations

from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.store import lines as line_store
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .test_sip_calls import AGENT_HZ, NUMBER, OURS, an_agent, port, trunk

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
