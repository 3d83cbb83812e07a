"""What a customer hears and presses after the last agent has left them to their flow, over real media."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from chassis.auth import acting_for
from kernel.errors import DomainError
from merkez.flows.v1 import run_service_pb2 as run
from merkez.recording.v1 import recording_pb2
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import Contact
from telephony.domain.legs import Q850
from testkit import eventually

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange, an_id
from .neighbours import queue_instruction
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, EVE_HZ, ZOE_HZ, Scene
from .test_flow_dials import dial
from .test_flow_driver import gather, hang_up, play
from .test_voicemail import record

pytestmark = pytest.mark.media

BYE = hang_up("Goodbye")


def waits(*, goes_on: bool = True, contact_id: str = "") -> run.Instruction:
    """A queue step, with something for after the agent."""
    instruction = queue_instruction()
    instruction.queue.goes_on_after_agent = goes_on
    instruction.queue.contact_id = contact_id or instruction.queue.contact_id
    return instruction


@dataclass
class Talk(Scene):
    """A customer who talks with Ann, and a flow that goes on after her. `contacts` are those the flow waits as."""

    contacts: list[str]


async def talk_with_ann(exchange: Exchange, *steps: run.Instruction) -> Talk:
    exchange.flows.steps = list(steps)
    contacts = [step.queue.contact_id for step in steps if step.WhichOneof("action") == "queue"]
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await eventually(lambda: exchange.flows.started)
    await exchange.accept(call.call_id, ann_id, Contact(contacts[0], an_id("que")))
    await asyncio.gather(customer.hears(ANN_HZ), ann.hears(CUSTOMER_HZ))
    return Talk(exchange, call.call_id, customer, ann, ann_id, contacts)


async def kept(exchange: Exchange, call_id: str) -> bool:
    """Whether the rows know that the flow goes on."""
    from telephony.store import calls as store

    call = await exchange.house.db.run(exchange.tenant_id, lambda tx: store.get_call(tx, call_id), read_only=True)
    return bool(call.kept_run_id)


async def shown(exchange: Exchange, call_id: str) -> call_pb2.Call:
    with exchange.as_owner():
        return await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call_id))


async def cdr_of(exchange: Exchange, call_id: str) -> call_pb2.Cdr:
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    return cdr


async def left(exchange: Exchange) -> list[tuple[str, str]]:
    return [(each.agent_id, each.reason) for each in await exchange.told() if each.DESCRIPTOR.name == "AgentLeft"]


async def test_the_customer_hears_the_question_after_the_agent_hung_up_and_answers_it(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=5), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    call = await talk.do("HangUp")
    assert (call.state, call.agent_id) == (call_pb2.CALL_STATE_IN_FLOW, "")
    await talk.customer.hears(SPOKEN_HZ)
    assert await left(exchange) == [(talk.ann_id, "HUNG_UP")], "her wrap-up begins at once"
    [resumed] = exchange.flows.resumed
    assert (resumed.contact_id, resumed.agent_id) == (talk.contacts[0], talk.ann_id)
    assert resumed.queue_id.startswith("que_")
    await talk.customer.press("5")
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "5")])
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_cause, cdr.end_party) == ("FLOW_ENDED", call_pb2.END_PARTY_FLOW)
    assert (cdr.agent_id, cdr.contact_id) == (talk.ann_id, talk.contacts[0])
    talked, after, all_of_it = (
        each.ToMilliseconds() for each in (cdr.talk_duration, cdr.after_agent_duration, cdr.duration)
    )
    assert talked > 0 and after > 500 and talked + after <= all_of_it + 50
    facts = await exchange.facts()
    assert facts.count("CallEnded") == facts.count("CallAnswered") == 1


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_who_hangs_up_twice_does_not_hang_up_on_the_customer_who_is_asked(exchange: Exchange, role: str) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=30), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    said = await asyncio.gather(*(talk.do("HangUp", role=role) for _ in range(2)))
    said.append(await talk.do("HangUp", role=role))
    assert [each.state for each in said] == [call_pb2.CALL_STATE_IN_FLOW] * 3
    await talk.customer.hears(SPOKEN_HZ)
    assert len(exchange.flows.resumed) == 1 and await left(exchange) == [(talk.ann_id, "HUNG_UP")]


async def test_the_agent_is_free_for_the_next_call_while_the_customer_is_asked(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=30), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.do("HangUp")
    await talk.customer.hears(SPOKEN_HZ)
    other = exchange.peer(ZOE_HZ)
    call = await exchange.call(other)
    await exchange.accept(call.call_id, talk.ann_id, Contact(an_id("con")))
    await asyncio.gather(other.hears(ANN_HZ), talk.ann.hears(ZOE_HZ))
    await talk.customer.hears_nothing()


async def test_the_recording_ends_with_the_agent_and_has_nothing_of_the_answers(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=30), BYE)
    await eventually(lambda: kept(exchange, talk.call_id) if exchange.recording.begun else False)
    await talk.do("HangUp")
    await talk.customer.hears(SPOKEN_HZ)
    [recording_id] = exchange.recording.begun
    finished = await eventually(lambda: exchange.recording.finished.get(recording_id))
    assert exchange.switchboard.find(talk.call_id) is not None, "the customer is still asked"
    segments = len(exchange.recording.segments)
    await eventually(lambda: talk.customer.packets_heard > 100)
    assert len(exchange.recording.segments) == segments and finished is not None


async def test_who_wants_to_talk_again_waits_again_and_that_talk_is_a_recording_of_its_own(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("One to talk again"), waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id) if exchange.recording.begun else False)
    await talk.do("HangUp")
    await talk.customer.hears(SPOKEN_HZ)
    await talk.customer.press("1")
    await talk.customer.hears(MUSIC_HZ)
    await eventually(lambda: kept(exchange, talk.call_id))
    ben, ben_id = await talk.agent(BEN_HZ)
    await exchange.accept(talk.call_id, ben_id, Contact(talk.contacts[1]))
    await asyncio.gather(talk.customer.hears(BEN_HZ), ben.hears(CUSTOMER_HZ))
    await eventually(lambda: len(exchange.recording.begun) == 2)
    await talk.do("HangUp", ben_id)
    await talk.customer.hears(SPOKEN_HZ)
    assert [each.agent_id for each in exchange.flows.resumed] == [talk.ann_id, ben_id]
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.agent_id, cdr.contact_id) == (ben_id, talk.contacts[1])
    await eventually(lambda: len(exchange.recording.finished) == 2)


async def test_without_anything_for_it_the_call_ends_with_the_agent_as_ever(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(goes_on=False), play("Nobody hears this"), BYE)
    assert (await talk.do("HangUp")).state == call_pb2.CALL_STATE_ENDED
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_cause, cdr.end_party, cdr.agent_id) == ("NORMAL", call_pb2.END_PARTY_AGENT, talk.ann_id)
    assert exchange.flows.resumed == [] and await left(exchange) == []


async def test_a_customer_who_hangs_up_first_is_asked_nothing(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    with acting_for(exchange.tenant_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=talk.call_id))
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_party, cdr.after_agent_duration.ToMilliseconds()) == (call_pb2.END_PARTY_CUSTOMER, 0)
    assert exchange.flows.resumed == []


async def test_a_customer_who_hangs_up_while_they_are_asked_has_ended_the_call(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=30), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.do("HangUp")
    await talk.customer.hears(SPOKEN_HZ)
    with acting_for(exchange.tenant_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=talk.call_id))
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_party, cdr.end_cause) == (call_pb2.END_PARTY_CUSTOMER, "NORMAL")
    assert cdr.agent_id == talk.ann_id


async def test_a_supervisor_who_ends_an_agents_call_ends_it_for_the_customer_too(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    call = await talk.do("HangUp", an_id("usr"), role="supervisor")
    assert call.state == call_pb2.CALL_STATE_ENDED and exchange.flows.resumed == []


async def test_nobody_acts_on_the_call_while_the_customer_is_asked(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), gather("How was it", timeout=30), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.do("HangUp")
    _, sue_id = await talk.agent(EVE_HZ)
    refused: dict[str, str] = {}
    for verb, role, fields in (
        ("HoldCall", "agent", {}), ("LeaveCall", "agent", {}), ("ParkCall", "agent", {}),
        ("TransferCall", "agent", {"agent_id": an_id("usr")}), ("SendDigits", "agent", {"digits": "1"}),
        ("SuperviseCall", "supervisor", {"mode": call_pb2.SUPERVISION_MODE_LISTEN}),
        ("TakeOverCall", "supervisor", {}),
    ):  # fmt: skip
        with pytest.raises(DomainError) as caught:
            await talk.do(verb, sue_id if role == "supervisor" else "", role=role, **fields)
        refused[verb] = caught.value.reason
    assert refused == dict.fromkeys(refused, "NOT_ON_CALL") | {
        "SuperviseCall": "CALL_NOT_TALKING", "TakeOverCall": "CALL_NOT_TALKING",
    }  # fmt: skip
    assert await talk.refused(lambda: talk.do("HangUp", an_id("usr"))) == "NOT_ON_CALL"
    assert (await talk.do("HangUp", sue_id, role="supervisor")).state == call_pb2.CALL_STATE_ENDED


async def test_of_a_conference_the_first_who_leaves_or_is_dropped_leaves_the_customer_with_the_others(
    exchange: Exchange,
) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    _, ben_id = await talk.agent(BEN_HZ)
    await talk.consult(ben_id)
    await talk.do("JoinCall")
    await talk.do("LeaveCall")
    assert (await shown(exchange, talk.call_id)).agent_id == ben_id and exchange.flows.resumed == []
    assert await talk.refused(lambda: talk.do("LeaveCall", ben_id)) == "NOBODY_LEFT"
    own = next(leg.leg_id for leg in (await shown(exchange, talk.call_id)).legs if leg.agent_id == ben_id)
    assert await talk.refused(lambda: talk.do("DropLeg", ben_id, leg_id=own)) == "NOBODY_LEFT"
    await talk.do("HangUp", ben_id)
    await talk.customer.hears(SPOKEN_HZ)
    assert [each.agent_id for each in exchange.flows.resumed] == [ben_id]


async def test_a_consult_that_still_rings_is_taken_back_when_its_agent_hangs_up(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    _, ben_id = await talk.agent(BEN_HZ)
    asked = await talk.do("ConsultCall", agent_id=ben_id)
    contact_id = next(leg.contact_id for leg in asked.legs if leg.consulted)
    await talk.do("HangUp")
    await talk.customer.hears(SPOKEN_HZ)
    assert [each.contact_id for each in exchange.routing.dequeued] == [contact_id]


async def test_after_a_transfer_to_a_colleague_the_flow_goes_on_when_the_colleague_hangs_up(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    first = (await shown(exchange, talk.call_id)).run_id
    ben, ben_id = await talk.agent(BEN_HZ)
    built_in = waits(goes_on=False)
    exchange.flows.steps[0] = built_in
    await talk.do("TransferCall", agent_id=ben_id)
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert exchange.flows.started[1].kept_run_id == first, "which flows lets stand"
    await talk.customer.hears(MUSIC_HZ)
    await exchange.accept(talk.call_id, ben_id, Contact(built_in.queue.contact_id))
    await asyncio.gather(talk.customer.hears(BEN_HZ), ben.hears(CUSTOMER_HZ))
    await talk.do("HangUp", ben_id)
    await talk.customer.hears(SPOKEN_HZ)
    [resumed] = exchange.flows.resumed
    assert (resumed.run_id, resumed.agent_id, resumed.contact_id) == (first, ben_id, built_in.queue.contact_id)


async def test_a_transfer_to_a_queue_leaves_the_flow_behind(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    _, ben_id = await talk.agent(BEN_HZ)
    exchange.flows.steps[0] = built_in = waits(goes_on=False)
    await talk.do("TransferCall", queue_id=an_id("que"))
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert exchange.flows.started[1].kept_run_id == ""
    await exchange.accept(talk.call_id, ben_id, Contact(built_in.queue.contact_id))
    await talk.customer.hears(BEN_HZ)
    assert (await talk.do("HangUp", ben_id)).state == call_pb2.CALL_STATE_ENDED
    assert exchange.flows.resumed == []


async def test_an_agent_whose_browser_is_gone_has_not_hung_up(make_exchange: Any) -> None:
    exchange = await make_exchange(media_silent_seconds=0.4, talking_grace_seconds=0.6)
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.ann.close()
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_cause, cdr.end_party) == ("MEDIA_LOST", call_pb2.END_PARTY_AGENT)
    assert exchange.flows.resumed == []


async def test_an_agent_who_was_faster_than_flows_answer_hands_the_customer_back_all_the_same(
    exchange: Exchange,
) -> None:
    exchange.flows.down = True
    step = waits()
    exchange.flows.steps = [step, play("How was it"), BYE]
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, ann_id, Contact(step.queue.contact_id))
    await customer.hears(ANN_HZ)
    exchange.flows.down = False
    await eventually(lambda: kept(exchange, call.call_id))
    talk = Talk(exchange, call.call_id, customer, ann, ann_id, [step.queue.contact_id])
    await talk.do("HangUp")
    await customer.hears(SPOKEN_HZ)


async def test_an_agent_who_answers_while_flows_still_works_on_the_wait_hands_the_customer_back_too(
    exchange: Exchange,
) -> None:
    step = waits()
    exchange.flows.steps = [gather("Press one", timeout=20), step, play("How was it"), BYE]
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    call = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    exchange.flows.working.clear()
    await customer.press("1")
    await eventually(lambda: exchange.flows.reports)
    await exchange.accept(call.call_id, ann_id, Contact(step.queue.contact_id))
    await customer.hears(ANN_HZ)
    assert not await kept(exchange, call.call_id)
    exchange.flows.working.set()
    await eventually(lambda: kept(exchange, call.call_id))
    await Talk(exchange, call.call_id, customer, ann, ann_id, [step.queue.contact_id]).do("HangUp")
    await eventually(lambda: exchange.flows.resumed)


async def test_while_flows_is_away_the_customer_hears_music_and_is_let_go_soon_without_an_apology(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.live.flow._RESUME_PATIENCE", 1.5)
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    exchange.flows.down = True
    await talk.do("HangUp")
    await talk.customer.hears(MUSIC_HZ)
    cdr = await cdr_of(exchange, talk.call_id)
    assert cdr.end_cause == "FLOW_FAILED" and exchange.house.clips.spoken == []  # type: ignore[attr-defined]


async def test_a_number_that_was_left_with_the_customer_hangs_up_and_the_flow_goes_on(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), play("How was it"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.do("TransferCall", number="+15550100199")
    line = await eventually(lambda: next(iter(exchange.outside.begun), None))
    zoe = exchange.peer(ZOE_HZ)
    await line.answer(zoe)
    await talk.customer.hears(ZOE_HZ)
    line.go(Q850.NORMAL)
    await talk.customer.hears(SPOKEN_HZ)
    assert [each.agent_id for each in exchange.flows.resumed] == [talk.ann_id]


async def test_a_customer_leaves_a_message_after_the_agent_which_is_a_recording_of_its_own(exchange: Exchange) -> None:
    talk = await talk_with_ann(exchange, waits(), record(), BYE)
    await eventually(lambda: kept(exchange, talk.call_id) if exchange.recording.begun else False)
    await talk.do("HangUp")
    await eventually(lambda: len(exchange.recording.begun) == 2)
    await eventually(lambda: len(exchange.recording.finished) == 2, deadline=30)
    kinds = [each.kind for each in exchange.recording.begun.values()]
    assert kinds == [recording_pb2.RECORDING_KIND_UNSPECIFIED, recording_pb2.RECORDING_KIND_VOICEMAIL]
    assert exchange.flows.events() == [("RECORDED", "")]


async def test_a_customer_is_put_through_to_a_number_after_the_agent_and_comes_back_to_the_flow(
    exchange: Exchange,
) -> None:
    talk = await talk_with_ann(exchange, waits(), dial(), play("Thank you"), BYE)
    await eventually(lambda: kept(exchange, talk.call_id))
    await talk.do("HangUp")
    line = await eventually(lambda: next(iter(exchange.outside.begun), None))
    zoe = exchange.peer(ZOE_HZ)
    await line.answer(zoe)
    await asyncio.gather(talk.customer.hears(ZOE_HZ), zoe.hears(CUSTOMER_HZ))
    line.go()
    await talk.customer.hears(SPOKEN_HZ)
    assert exchange.flows.events()[0] == ("DIAL_ENDED", "") and len(exchange.flows.resumed) == 1
    cdr = await cdr_of(exchange, talk.call_id)
    assert (cdr.end_cause, cdr.agent_id) == ("FLOW_ENDED", talk.ann_id)
