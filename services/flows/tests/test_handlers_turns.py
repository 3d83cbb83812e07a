"""A call that is handed on: one run after the other, as telephony begins them, and what its contacts say of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from flows.ops import runs as ops
from google.protobuf.duration_pb2 import Duration
from kernel.errors import FailedPrecondition, InvalidInput
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2, run_service_pb2
from merkez.routing.v1 import contact_pb2

from .conftest import flow_of, said, say


async def refused(call: Any, kind: type[Exception], reason: str = "", field: str = "") -> None:
    with pytest.raises(kind) as error:
        await call
    assert not reason or error.value.reason == reason  # type: ignore[attr-defined]
    assert not field or field in [each.field for each in error.value.fields]  # type: ignore[attr-defined]


async def read(house: Any, run_id: str) -> Any:
    with house.as_admin():
        return await house.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_id))


async def test_call_handed_to_a_queue_has_a_second_run_and_the_first_is_over(house: Any) -> None:
    flow = await house.publish(flow_of(say("a", "Hi.", "b"), say("b", "Bye.")))
    call_id, before = house.fresh("call"), house.fresh("con")
    first = await house.start(flow.flow_id, call_id)
    target = {"queue_id": house.routing.queue_id, "previous_contact_id": before}
    queue = await house.hand_on(call_id, **target)
    assert queue.release_id == "builtin:queue" and queue.queue.audio[0].language == "en", "as before"
    [contact] = house.routing.contacts.values()
    assert (contact.kind, contact.previous_contact_id, contact.call_id) == (
        contact_pb2.CONTACT_KIND_TRANSFER, before, call_id,
    )  # fmt: skip
    await refused(house.advance(first, "FINISHED"), FailedPrecondition, "RUN_ENDED")
    assert await house.hand_on(call_id, **target) == queue, "a repeat gets the same answer"
    assert (await read(house, first.run_id)).HasField("end_time")
    second = await read(house, queue.run_id)
    assert (second.turn, second.flow_id, second.release_id) == (1, "", "builtin:queue")
    assert await house.start(flow.flow_id, call_id) == first, "a repeat of the first turn changes nothing"
    assert not (await read(house, queue.run_id)).HasField("end_time")


async def test_who_chose_a_language_is_spoken_to_in_it_after_an_agent_hands_them_on(house: Any) -> None:
    choices = [pb.LanguageChoice(digit="1", language="az"), pb.LanguageChoice(digit="2", language="fa")]
    words = pb.Utterance(text={"en": "For your language.", "az": "Azərbaycan dili üçün 1.", "fa": "برای فارسی ۲."})
    asks = pb.Step(step_id="ask", choose_language=pb.ChooseLanguage(utterance=words, choices=choices, next="q"))
    flow = await house.publish(flow_of(asks, pb.Step(step_id="q", queue=pb.Queue(queue_id=house.routing.queue_id))))
    call_id = house.fresh("call")
    asked = await house.start(flow.flow_id, call_id)
    waits = await house.advance(asked, "DIGITS", digits="2")
    assert waits.queue.audio[0].language == "fa"
    again = await house.hand_on(call_id, queue_id=house.routing.queue_id)
    assert again.queue.audio[0].language == "fa", "the brand speaks Turkish, and they don't"
    once_more = await house.hand_on(call_id, 2, flow_id=flow.flow_id)
    assert (await read(house, once_more.run_id)).attributes["language"] == "fa"


async def test_turn_that_was_overtaken_before_it_began_does_not_begin(house: Any) -> None:
    call_id = house.fresh("call")
    await house.hand_on(call_id, 2, queue_id=house.routing.queue_id)
    await refused(house.hand_on(call_id, 1, queue_id=house.routing.queue_id), FailedPrecondition, "RUN_ENDED")


async def test_turn_that_is_begun_by_several_at_once_begins_once(house: Any) -> None:
    call_id = house.fresh("call")
    begun = await asyncio.gather(*(house.hand_on(call_id, queue_id=house.routing.queue_id) for _ in range(3)))
    assert len({each.run_id for each in begun}) == 1 and len(house.routing.contacts) == 1


async def test_call_handed_to_a_flow_runs_its_newest_release_and_its_contacts_are_transfers(house: Any) -> None:
    waits = pb.Step(step_id="q", queue=pb.Queue(queue_id=house.routing.queue_id))
    flow = await house.publish(flow_of(waits))
    queue = await house.hand_on(house.fresh("call"), flow_id=flow.flow_id)
    assert queue.release_id == flow.release_id
    assert [each.kind for each in house.routing.contacts.values()] == [contact_pb2.CONTACT_KIND_TRANSFER]


async def test_call_that_ends_ends_every_run_of_it(house: Any, seal: Any) -> None:
    call_id = house.fresh("call")
    runs = [await house.hand_on(call_id, turn, queue_id=house.routing.queue_id) for turn in (1, 2)]
    await house.db.run(house.tenant_id, lambda tx: ops.end_runs(tx, call_id, seal, house.clock.now()))
    assert all([(await read(house, each.run_id)).HasField("end_time") for each in runs])


async def test_call_handed_to_an_agent_who_turns_it_down_ends_in_their_voicemail(house: Any) -> None:
    queue = await house.hand_on(house.fresh("call"), agent_id=house.routing.agent_id)
    assert (queue.release_id, queue.queue.tick_interval.seconds, len(queue.queue.audio)) == ("builtin:agent", 5, 0)
    [contact] = house.routing.contacts.values()
    assert (contact.target_agent_id, contact.queue_id) == (house.routing.agent_id, "")
    queue = await house.advance(queue, "QUEUE_TICK")
    house.routing.state = contact_pb2.CONTACT_STATE_ENDED
    record = await house.advance(queue, "QUEUE_TICK")
    assert record.record.agent_id == house.routing.agent_id and record.record.beep
    assert (record.record.max_duration.seconds, record.record.silence_timeout.seconds) == (120, 5)
    assert record.record.audio[0].language == "tr"
    over = await house.advance(record, "RECORDED", duration=Duration(seconds=8))
    assert over.hang_up.cause == "FLOW_ENDED" and over.hang_up.audio
    run = await read(house, over.run_id)
    assert [step.outcome for step in run.steps] == ["queued", "not taken", "message of 8 s"]


async def test_agent_is_waited_for_while_routing_is_away(house: Any) -> None:
    queue = await house.hand_on(house.fresh("call"), agent_id=house.routing.agent_id)
    house.routing.away = True
    assert (await house.advance(queue, "QUEUE_TICK")).queue.contact_id == queue.queue.contact_id


async def test_call_for_an_agent_who_is_not_at_work_goes_back_to_who_handed_it_on(house: Any) -> None:
    queue = await house.hand_on(
        house.fresh("call"), agent_id=house.routing.offline_agent_id, return_agent_id=house.routing.agent_id
    )
    assert queue.step_id == "back"
    assert [each.target_agent_id for each in house.routing.contacts.values()] == [house.routing.agent_id]


@pytest.mark.parametrize("mailbox", ["agent_id", "queue_id"])
async def test_message_may_be_left_at_once(house: Any, mailbox: str) -> None:
    owner = house.fresh("usr" if mailbox == "agent_id" else "que")
    record = await house.hand_on(house.fresh("call"), **{f"voicemail_of_{mailbox}": owner})
    assert record.release_id == "builtin:voicemail" and getattr(record.record, mailbox) == owner


async def test_consult_is_told_apart_and_fails_without_a_word(house: Any) -> None:
    asking = house.fresh("usr")
    queue = await house.hand_on(
        house.fresh("call"), agent_id=house.routing.agent_id, consulting_agent_id=asking,
        contact_kind=contact_pb2.CONTACT_KIND_CONSULT,
    )  # fmt: skip
    assert queue.release_id == "builtin:consult"
    [contact] = house.routing.contacts.values()
    assert (contact.kind, contact.consulting_agent_id) == (contact_pb2.CONTACT_KIND_CONSULT, asking)
    house.routing.state = contact_pb2.CONTACT_STATE_ENDED
    over = await house.advance(queue, "QUEUE_TICK")
    assert (over.hang_up.cause, len(over.hang_up.audio)) == ("CONSULT_FAILED", 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "flow_id"),
        ({"queue_id": "usr_1"}, "queue_id"),
        ({"agent_id": "que_1"}, "agent_id"),
        ({"voicemail_of_queue_id": "usr_1"}, "voicemail_of_queue_id"),
        ({"queue_id": "ok", "turn": -1}, "turn"),
        ({"queue_id": "ok", "turn": 1001}, "turn"),
        ({"queue_id": "ok", "contact_kind": 99}, "contact_kind"),
        ({"queue_id": "ok", "contact_kind": contact_pb2.CONTACT_KIND_OUTBOUND}, "contact_kind"),
        ({"queue_id": "ok", "contact_kind": contact_pb2.CONTACT_KIND_CONSULT}, "consulting_agent_id"),
        ({"queue_id": "ok", "previous_contact_id": "call_1"}, "previous_contact_id"),
        ({"queue_id": "ok", "return_agent_id": "que_1"}, "return_agent_id"),
    ],
)
async def test_call_sent_nowhere_is_refused_by_field(house: Any, changes: dict[str, Any], field: str) -> None:
    known = {name: house.routing.queue_id if value == "ok" else value for name, value in changes.items()}
    await refused(house.hand_on(house.fresh("call"), **{"turn": 1} | known), InvalidInput, "", field)


async def test_flow_calls_a_number_and_goes_on_in_another_flow_when_it_fails(house: Any) -> None:
    other = await house.publish(flow_of(say("hello", "The other flow.")))
    transfer = pb.Transfer(number="+994501234567", caller_number="+994120000001", failed="other")
    number = pb.Step(step_id="number", transfer=transfer)
    elsewhere = pb.Step(step_id="other", transfer=pb.Transfer(flow_id=other.flow_id))
    flow = await house.publish(flow_of(number, elsewhere))
    dial = await house.start(flow.flow_id)
    assert (dial.dial.number, dial.dial.caller_number, dial.dial.timeout.seconds) == (
        "+994501234567", "+994120000001", 30,
    )  # fmt: skip
    await refused(house.advance(dial, "DIAL_FAILED", detail="no such luck"), InvalidInput, "", "detail")
    await refused(house.advance(dial, "DIAL_ENDED", duration=Duration(seconds=-1)), InvalidInput, "", "duration")
    play = await house.advance(dial, "DIAL_FAILED", detail="BUSY")
    assert (play.play.audio[0].text, play.release_id) == ("The other flow.", other.release_id)
    run = await read(house, dial.run_id)
    assert (run.flow_id, run.release_id) == (other.flow_id, other.release_id)
    with house.as_admin():
        request = flow_service_pb2.DeleteFlowRequest(flow_id=other.flow_id)
        await refused(house.flows.DeleteFlow(request), FailedPrecondition, "FLOW_CALLED")
    assert (await house.advance(play, "FINISHED")).hang_up.cause == "FLOW_ENDED"


async def test_draft_with_transfers_and_messages_is_read_back_as_it_was_written_and_checked(house: Any) -> None:
    known = house.routing
    steps = [
        pb.Step(step_id="a", transfer=pb.Transfer(agent_id=known.offline_agent_id, failed="b")),
        pb.Step(
            step_id="b",
            transfer=pb.Transfer(queue_id=known.queue_id, timeout=Duration(seconds=60), failed="c"),
        ),
        pb.Step(step_id="c", voicemail=pb.Voicemail(utterance=said("Speak."), agent_id=known.agent_id, next="d")),
        pb.Step(
            step_id="d",
            voicemail=pb.Voicemail(
                utterance=said("Again."), queue_id=known.queue_id, max_duration=Duration(seconds=60),
                silence_timeout=Duration(seconds=3), end_digit="*", without_beep=True,
            ),
        ),
    ]  # fmt: skip
    flow = await house.publish(flow_of(*steps))
    assert list(flow.draft.steps) == steps
    wrong = flow_of(
        pb.Step(step_id="a", transfer=pb.Transfer(agent_id=house.fresh("usr"), failed="b")),
        pb.Step(step_id="b", transfer=pb.Transfer(flow_id=house.fresh("flw"), failed="c")),
        pb.Step(step_id="c", transfer=pb.Transfer(queue_id="")),
    )
    with house.as_admin():
        request = flow_service_pb2.ValidateFlowRequest(flow_id=flow.flow_id, definition=wrong)
        problems = (await house.flows.ValidateFlow(request)).problems
    assert {(each.step_id, each.field, each.reason) for each in problems} == {
        ("a", "agent_id", "AGENT_UNKNOWN"), ("b", "flow_id", "FLOW_UNKNOWN"), ("c", "queue_id", "QUEUE_UNKNOWN"),
    }  # fmt: skip
