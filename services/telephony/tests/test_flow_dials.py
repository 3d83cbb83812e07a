"""A flow rings a number for the customer: what both hear, what flows is told, and how the call goes on."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain import flow_dials
from telephony.domain.dialing import NoTrunk
from telephony.domain.legs import Q850
from telephony.live.call import LiveCall
from telephony.ops import calls as ops
from testkit import eventually
from testkit.rpc import someone
from testkit.webrtc import Peer

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .neighbours import queue_instruction
from .outside_peers import OutsidePeer

pytestmark = pytest.mark.media

CUSTOMER_HZ, ZOE_HZ, EVE_HZ = 440.0, 1980.0, 1540.0


def dial(number: str = "+15550100199", seconds: float = 30.0, **more: Any) -> run.Instruction:
    timeout = Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
    return run.Instruction(dial=run.DialInstruction(number=number, timeout=timeout, **more))


def say(text: str) -> run.Instruction:
    return run.Instruction(play=run.PlayInstruction(audio=[run.Audio(text=text)]))


def hang_up() -> run.Instruction:
    return run.Instruction(hang_up=run.HangUpInstruction(cause="FLOW_ENDED"))


async def rung(exchange: Exchange, *steps: run.Instruction) -> tuple[Peer, str, OutsidePeer]:
    """(customer, call id, the number's line), ringing."""
    exchange.flows.steps = list(steps)
    customer = exchange.peer(CUSTOMER_HZ)
    response = await exchange.call(customer)
    line = await eventually(lambda: next(iter(exchange.outside.begun), None))
    return customer, response.call_id, line


async def comes_back(exchange: Exchange, live: LiveCall) -> None:
    """The customer of an adopted call attaches anew: flows goes on with nobody before."""
    peer = exchange.peer(CUSTOMER_HZ)
    media, answer = await exchange.house.plane.answer(await peer.offer(), exchange.tenant_id, live.customer_id)
    await peer.accept(answer)
    assert await media.connected
    live.attach(live.customer_id, media)


async def call_of(exchange: Exchange, call_id: str) -> call_pb2.Call:
    with exchange.as_owner():
        return await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call_id))


async def cdr_of(exchange: Exchange, call_id: str) -> call_pb2.Cdr:
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    return cdr


async def test_a_number_is_rung_joined_and_when_its_party_leaves_the_flow_goes_on(exchange: Exchange) -> None:
    customer, call_id, line = await rung(exchange, dial(), say("Thank you"), queue_instruction())
    assert (line.planned.number, line.planned.caller_number) == ("+15550100199", "+15550100")
    await customer.hears(MUSIC_HZ)  # the ringing tone of these tests
    assert (await call_of(exchange, call_id)).state == call_pb2.CALL_STATE_DIALING
    zoe = exchange.peer(ZOE_HZ)
    await line.answer(zoe)
    await customer.hears(ZOE_HZ)
    await zoe.hears(CUSTOMER_HZ)
    assert exchange.flows.reports == []
    line.go()
    await customer.hears(SPOKEN_HZ)
    await customer.hears(MUSIC_HZ)
    assert exchange.flows.events() == [("DIAL_ENDED", ""), ("FINISHED", "")]
    assert 0 < exchange.flows.reports[0].duration.ToMilliseconds() < 10_000
    call = await call_of(exchange, call_id)
    assert call.state == call_pb2.CALL_STATE_QUEUED and exchange.recording.begun == {}
    told = [fact for fact in await exchange.facts() if fact in ("LegChanged", "CallAnswered", "CallEnded")]
    assert told == ["LegChanged", "CallAnswered", "LegChanged"]


@pytest.mark.parametrize(("q850", "detail"), [(17, "BUSY"), (19, "NO_ANSWER"), (21, "REJECTED"), (1, "UNREACHABLE")])
async def test_a_number_that_is_not_reached_is_told_with_its_cause_and_the_customer_stays(
    exchange, q850, detail
) -> None:
    customer, call_id, line = await rung(exchange, dial(), say("Nobody there"), queue_instruction())
    line.go(q850, 486)
    await customer.hears(SPOKEN_HZ)
    report = exchange.flows.reports[0]
    assert (report.event, report.detail) == (run.RUN_EVENT_KIND_DIAL_FAILED, detail)
    leg = next(leg for leg in (await call_of(exchange, call_id)).legs if leg.party == "participant")
    assert (leg.state, leg.q850_cause, leg.sip_status) == (call_pb2.LEG_STATE_ENDED, q850, 486)


async def test_a_number_that_rings_too_long_is_given_up(exchange: Exchange) -> None:
    customer, _, line = await rung(exchange, dial(seconds=0.5), say("Nobody there"), queue_instruction())
    await customer.hears(SPOKEN_HZ)
    assert line.hung_up == Q850.NO_ANSWER and exchange.flows.reports[0].detail == "NO_ANSWER"


async def test_what_the_rules_of_dialing_refuse_is_told_and_the_next_number_is_rung(exchange: Exchange) -> None:
    exchange.outside.refusal = NoTrunk("none")
    exchange.flows.steps = [dial(), say("One moment"), dial("+15550100198"), queue_instruction()]
    customer = exchange.peer(CUSTOMER_HZ)
    await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    exchange.outside.refusal = None
    assert exchange.flows.reports[0].detail == "NO_TRUNK"
    line = await eventually(lambda: next(iter(exchange.outside.begun), None))
    await line.answer(exchange.peer(ZOE_HZ))
    await customer.hears(ZOE_HZ)
    assert line.planned.number == "+15550100198"


async def test_a_flows_own_words_are_heard_in_place_of_the_numbers_tones_until_it_answers(exchange: Exchange) -> None:
    audio = [run.Audio(text="We connect you")]
    customer, _, line = await rung(exchange, dial(audio=audio, caller_number="+15550100123"), queue_instruction())
    assert line.planned.caller_number == "+15550100123"
    await customer.hears(SPOKEN_HZ)
    zoe = exchange.peer(ZOE_HZ)
    await line.early_media(zoe)
    customer.forget()
    await customer.hears(SPOKEN_HZ)
    await line.answer(zoe)
    await customer.hears(ZOE_HZ)


@pytest.mark.parametrize("answered", [False, True])
async def test_a_customer_who_hangs_up_takes_the_number_with_them(exchange: Exchange, answered: bool) -> None:
    customer, call_id, line = await rung(exchange, dial(), hang_up())
    if answered:
        await line.answer(exchange.peer(ZOE_HZ))
        await customer.hears(ZOE_HZ)
    with acting_for(exchange.tenant_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call_id))
    cdr = await cdr_of(exchange, call_id)
    await eventually(lambda: line.hung_up is not None)
    assert cdr.end_party == call_pb2.END_PARTY_CUSTOMER
    assert (cdr.talk_duration.ToMilliseconds() > 0) is answered
    assert exchange.flows.reports == []


async def test_a_flow_that_hangs_up_afterwards_bills_the_talk_with_the_number_once(exchange: Exchange) -> None:
    customer, call_id, line = await rung(exchange, dial(), hang_up())
    await line.answer(exchange.peer(ZOE_HZ))
    await customer.hears(ZOE_HZ)
    line.go()
    cdr = await cdr_of(exchange, call_id)
    assert (cdr.end_party, cdr.end_cause) == (call_pb2.END_PARTY_FLOW, "FLOW_ENDED")
    told = exchange.flows.reports[0].duration.ToMilliseconds()
    assert cdr.talk_duration.ToMilliseconds() == pytest.approx(told, abs=300)


async def test_a_supervisor_takes_such_a_talk_over_and_hands_it_back_to_the_flow(exchange: Exchange) -> None:
    eve, eve_id = exchange.peer(EVE_HZ), an_id("usr")
    await exchange.attach(eve, eve_id)
    customer, call_id, line = await rung(exchange, dial(), say("Thank you"), queue_instruction())
    zoe = exchange.peer(ZOE_HZ)
    await line.answer(zoe)
    await customer.hears(ZOE_HZ)
    with acting_as(someone("supervisor", exchange.tenant_id, eve_id)):
        await exchange.calls.TakeOverCall(call_service_pb2.TakeOverCallRequest(call_id=call_id))
        await customer.hears_all(ZOE_HZ, EVE_HZ)
        await eventually(lambda: len(exchange.recording.begun) == 1)
        await exchange.calls.LeaveCall(call_service_pb2.LeaveCallRequest(call_id=call_id))
    await customer.hears(ZOE_HZ)
    line.go()
    await customer.hears(SPOKEN_HZ)
    assert exchange.flows.events()[0] == ("DIAL_ENDED", "") and len(exchange.outside.begun) == 1


async def test_a_node_that_dies_while_the_number_talks_rings_nobody_twice(exchange: Exchange) -> None:
    customer, call_id, line = await rung(exchange, dial(), say("Thank you"), queue_instruction())
    await line.answer(exchange.peer(ZOE_HZ))
    await customer.hears(ZOE_HZ)
    live = exchange.switchboard.find(call_id)
    assert live is not None and flow_dials.led_by_flow(live.call, live.legs)
    rows = live.call, live.legs
    # Its process is gone: nothing more of it is written, and the line is dead.
    exchange.switchboard.abandon(live)
    await comes_back(exchange, exchange.switchboard.adopt(exchange.tenant_id, *rows, 0.0))
    await eventually(lambda: exchange.flows.reports)
    assert exchange.flows.events() == [("DIAL_ENDED", "")] and len(exchange.outside.begun) == 1
    assert [request.turn for request in exchange.flows.started] == [0, 0]


async def test_a_talk_with_the_number_goes_on_at_another_node_and_then_the_flow_does(exchange: Exchange) -> None:
    customer, call_id, line = await rung(exchange, dial(), say("Thank you"), queue_instruction())
    line.keeps = True
    await line.answer(exchange.peer(ZOE_HZ))
    line.on_changed()
    await customer.hears(ZOE_HZ)
    live = exchange.switchboard.find(call_id)
    assert live is not None

    async def kept() -> bool:
        found = await exchange.house.db.run(exchange.tenant_id, lambda tx: ops.kept_dialogs(tx, call_id))
        return bool(found)

    await eventually(kept)
    rows = live.call, live.legs
    exchange.switchboard.abandon(live)
    await comes_back(exchange, exchange.switchboard.adopt(exchange.tenant_id, *rows, 0.0))
    again = await eventually(lambda: next(iter(exchange.outside.resumed), None))
    await eventually(lambda: len(exchange.flows.started) == 2)
    again.go()
    await eventually(lambda: exchange.flows.reports)
    assert exchange.flows.events() == [("DIAL_ENDED", "")] and len(exchange.outside.begun) == 1


async def test_a_node_that_dies_while_the_number_rings_lets_the_next_one_ring_it(exchange: Exchange) -> None:
    _, call_id, _ = await rung(exchange, dial(), say("Thank you"), queue_instruction())
    live = exchange.switchboard.find(call_id)
    assert live is not None
    await eventually(lambda: live.outside)
    rows = live.call, live.legs
    exchange.switchboard.abandon(live)
    await comes_back(exchange, exchange.switchboard.adopt(exchange.tenant_id, *rows, 0.0))
    await eventually(lambda: len(exchange.outside.begun) == 2)
    exchange.outside.begun[1].go(Q850.BUSY)
    await eventually(lambda: exchange.flows.reports)
    assert exchange.flows.reports[0].detail == "BUSY"
    legs = (await call_of(exchange, call_id)).legs
    assert [leg.party for leg in legs].count("participant") == 2
