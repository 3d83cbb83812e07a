"""Runs over the wire: what telephony asks, and what routing, engagement and HTTP servers are asked for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chassis.auth import acting_for
from flows.domain.runs import RunState
from flows.ops import runs as ops
from flows.sealing import MaskedValues
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound, Unavailable
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.flows.v1 import run_service_pb2
from merkez.routing.v1 import contact_pb2, queue_pb2

from .conftest import flow_of, said, say


@pytest.fixture
def main_line(house: Any) -> pb.Definition:
    """Greeting, menu, queue with a limit."""
    queue = pb.Queue(queue_id=house.routing.queue_id, skills={house.routing.skill_id: 2}, priority=3, timed_out="bye")
    queue.max_wait.FromSeconds(90)
    return flow_of(
        say("hello", "Welcome to {brand_name}.", "main"),
        pb.Step(step_id="main", menu=pb.Menu(
            utterance=said("Press 1."), choices=[pb.Choice(digit="1", value="support", next="queue")],
            no_match="queue")),
        pb.Step(step_id="queue", queue=queue),
        pb.Step(step_id="bye", hang_up=pb.HangUpStep(utterance=said("Sorry."))),
    )  # fmt: skip


async def test_caller_is_greeted_chooses_and_waits_with_position_and_expected_wait(
    house: Any, main_line: pb.Definition
) -> None:
    flow = await house.publish(main_line)
    call_id = house.fresh("call")
    brand_id = house.fresh("brd")
    start = {"caller_number": "+994125551234", "caller_name": "Aygün", "brand_id": brand_id}
    play = await house.start(flow.flow_id, call_id, attributes={"page": "/help"}, **start)
    assert play.play.audio[0].text == "Welcome to Acme." and play.release_id == flow.release_id
    gather = await house.advance(play, "FINISHED")
    queue = await house.advance(gather, "DIGITS", "1")
    assert [play.sequence, gather.sequence, queue.sequence] == [1, 2, 3]
    assert queue.queue.audio[0].text == "You are number 2 in line. The expected wait is between 2 and 3 minutes."
    assert queue.queue.tick_interval.seconds == 30
    (request_id, contact), *others = house.routing.contacts.items()
    assert not others and request_id.startswith(f"{play.run_id}:queue:")
    assert contact == contact_pb2.Contact(
        contact_id=queue.queue.contact_id, channel=contact_pb2.CHANNEL_VOICE, queue_id=house.routing.queue_id,
        brand_id=brand_id, call_id=call_id, customer_id=house.engagement.customer_id, caller_number="+994125551234",
        caller_name="Aygün", priority=3,
        required_skills=[queue_pb2.SkillLevel(skill_id=house.routing.skill_id, proficiency=2)],
        attributes={"page": "/help", "menu.main": "support"},
    )  # fmt: skip
    house.clock.advance(30)
    again = await house.advance(queue, "QUEUE_TICK")
    assert again.queue.contact_id == queue.queue.contact_id and again.queue.audio
    run = await read(house, play.run_id)
    assert [(step.step_id, step.outcome) for step in run.steps] == [
        ("hello", "said"), ("main", "chose 1"), ("queue", "queued"), ("queue", "announced"), ("queue", "announced"),
    ]  # fmt: skip


async def read(house: Any, run_id: str) -> run_service_pb2.Run:
    with house.as_admin():
        return await house.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_id))


async def test_repeated_report_gets_the_same_answer_and_does_nothing_twice(
    house: Any, main_line: pb.Definition
) -> None:
    flow = await house.publish(main_line)
    call_id = house.fresh("call")
    play = await house.start(flow.flow_id, call_id)
    assert await house.start(flow.flow_id, call_id) == play
    gather = await house.advance(play, "FINISHED")
    queue = await house.advance(gather, "DIGITS", "1")
    asked = list(house.routing.asked)
    assert await house.advance(play, "FINISHED") == gather
    assert await house.advance(gather, "DIGITS", "1") == queue
    assert house.routing.asked == asked
    # A node that takes the call over asks from the beginning and gets what it was told last.
    assert await house.start(flow.flow_id, call_id) == queue


async def test_same_report_twice_at_once_is_one_turn(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    call_id = house.fresh("call")
    starts = await asyncio.gather(*(house.start(flow.flow_id, call_id) for _ in range(4)))
    assert all(start == starts[0] for start in starts)
    gather = await house.advance(starts[0], "FINISHED")
    answers = await asyncio.gather(*(house.advance(gather, "DIGITS", "1") for _ in range(4)))
    assert all(answer == answers[0] for answer in answers) and len(house.routing.contacts) == 1


async def test_report_on_an_instruction_that_was_not_given_is_out_of_order(
    house: Any, main_line: pb.Definition
) -> None:
    flow = await house.publish(main_line)
    play = await house.start(flow.flow_id)
    play.sequence = 5
    with pytest.raises(Conflict) as refused:
        await house.advance(play, "FINISHED")
    assert refused.value.reason == "SEQUENCE_OUT_OF_ORDER"
    play.sequence = 1
    with pytest.raises(FailedPrecondition) as unexpected:
        await house.advance(play, "QUEUE_TICK")
    assert unexpected.value.reason == "EVENT_UNEXPECTED"


async def test_run_stays_with_its_release_when_another_is_published(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    play = await house.start(flow.flow_id)
    changed = pb.Flow(flow_id=flow.flow_id, draft=flow_of(say("hello", "New.")))
    with house.as_admin():
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed))
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id="x", flow_id=flow.flow_id))
    gather = await house.advance(play, "FINISHED")
    assert gather.gather.audio[0].text == "Press 1." and gather.release_id == flow.release_id
    assert (await house.start(flow.flow_id)).play.audio[0].text == "New."


async def test_call_is_kept_while_routing_is_away_and_queued_once_when_it_is_back(
    house: Any, main_line: pb.Definition
) -> None:
    flow = await house.publish(main_line)
    gather = await house.advance(await house.start(flow.flow_id), "FINISHED")
    house.routing.away = True
    with pytest.raises(Unavailable):
        await house.advance(gather, "DIGITS", "1")
    house.routing.away = False
    queue = await house.advance(gather, "DIGITS", "1")
    assert queue.queue.contact_id and len(house.routing.contacts) == 1


async def test_wait_without_an_estimate_is_just_music(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    gather = await house.advance(await house.start(flow.flow_id), "FINISHED")
    house.routing.expected = None
    queue = await house.advance(gather, "DIGITS", "1")
    assert "can't tell" in queue.queue.audio[0].text
    house.routing.away = True
    house.clock.advance(30)
    assert not (await house.advance(queue, "QUEUE_TICK")).queue.audio


async def test_longest_wait_leads_on_unless_an_agent_is_being_rung(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    gather = await house.advance(await house.start(flow.flow_id), "FINISHED")
    queue = await house.advance(gather, "DIGITS", "1")
    house.clock.advance(90)
    house.routing.state_after_dequeue = contact_pb2.CONTACT_STATE_OFFERED
    queue = await house.advance(queue, "QUEUE_TICK")
    assert queue.queue.tick_interval.seconds == 5
    house.routing.state_after_dequeue = contact_pb2.CONTACT_STATE_ENDED
    end = await house.advance(queue, "QUEUE_TICK")
    assert end.hang_up.audio[0].text == "Sorry." and end.hang_up.cause == "FLOW_ENDED"
    assert house.routing.dequeued == [(queue.queue.contact_id, "max_wait")] * 2
    with pytest.raises(FailedPrecondition) as over:
        await house.advance(end, "FINISHED")
    assert over.value.reason == "RUN_ENDED"
    assert (await read(house, end.run_id)).HasField("end_time")


async def test_closed_hours_are_told_and_hours_that_are_gone_let_the_caller_in(house: Any) -> None:
    flow = await house.publish(
        flow_of(
            pb.Step(step_id="h", hours=pb.Hours(business_hours_id=house.routing.hours_id, open="in", closed="out")),
            say("in", "Open."),
            say("out", "Closed."),
        )
    )
    house.routing.open = False
    assert (await house.start(flow.flow_id)).play.audio[0].text == "Closed."
    house.routing.hours_id = house.fresh("hrs")
    assert (await house.start(flow.flow_id)).play.audio[0].text == "Open."
    house.routing.away = True
    with pytest.raises(Unavailable):
        await house.start(flow.flow_id)


async def test_queue_deleted_after_publishing_ends_the_call_politely(house: Any, main_line: pb.Definition) -> None:
    main_line.steps[2].queue.timed_out = ""
    del main_line.steps[3]
    flow = await house.publish(main_line)
    gather = await house.advance(await house.start(flow.flow_id), "FINISHED")
    house.routing.queue_id = house.fresh("que")
    end = await house.advance(gather, "DIGITS", "1")
    assert end.hang_up.cause == "FLOW_FAILED" and end.hang_up.audio


async def test_caller_is_greeted_when_nobody_can_tell_who_it_is(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    house.engagement.away = True
    play = await house.start(flow.flow_id, caller_number="anonymous")
    assert play.play.audio
    assert (await read(house, play.run_id)).attributes["customer_id"] == ""
    assert house.engagement.requests[0].number == ""


async def test_caller_nobody_knew_at_first_is_known_to_the_agent(house: Any, main_line: pb.Definition) -> None:
    flow = await house.publish(main_line)
    house.engagement.away = True
    gather = await house.advance(await house.start(flow.flow_id), "FINISHED")
    house.engagement.away = False
    queue = await house.advance(gather, "DIGITS", "1")
    (contact,) = house.routing.contacts.values()
    assert contact.customer_id == house.engagement.customer_id
    assert (await read(house, queue.run_id)).attributes["customer_id"] == house.engagement.customer_id


async def test_flow_without_release_of_another_tenant_or_unknown_starts_no_run(house: Any) -> None:
    flow = await house.publish(flow_of(say("a", "Hello.")))
    with house.as_admin():
        draft = await house.flows.CreateFlow(
            rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=pb.Flow(display_name="Draft"))
        )
    with pytest.raises(FailedPrecondition) as refused:
        await house.start(draft.flow_id)
    assert refused.value.reason == "FLOW_NOT_PUBLISHED"
    play = await house.start(flow.flow_id)
    house.tenant_id = house.fresh("ten")
    for attempt in (house.start(flow.flow_id), house.advance(play, "FINISHED"), read(house, play.run_id)):
        with pytest.raises(NotFound):
            await attempt


async def test_only_services_drive_runs(house: Any) -> None:
    request = run_service_pb2.StartRunRequest(call_id=house.fresh("call"), flow_id=house.fresh("flw"))
    with house.as_admin(), pytest.raises(Forbidden):
        await house.runs.StartRun(request)


async def test_malformed_reports_are_refused_by_field(house: Any) -> None:
    run_id = house.fresh("run")
    kind = run_service_pb2.RUN_EVENT_KIND_DIGITS
    wrong = [
        run_service_pb2.AdvanceRunRequest(run_id="x", sequence=1, event=kind),
        run_service_pb2.AdvanceRunRequest(run_id=run_id, sequence=0, event=kind),
        run_service_pb2.AdvanceRunRequest(run_id=run_id, sequence=1),
        run_service_pb2.AdvanceRunRequest(run_id=run_id, sequence=1, event=kind, digits="12a"),
        run_service_pb2.AdvanceRunRequest(run_id=run_id, sequence=1, event=kind, digits="1" * 65),
    ]
    with acting_for(house.tenant_id):
        for request in wrong:
            with pytest.raises(InvalidInput) as refused:
                await house.runs.AdvanceRun(request)
            assert refused.value.fields


async def test_masked_digits_are_nowhere_to_be_read(house: Any, seal: MaskedValues, capfd: Any) -> None:
    flow = await house.publish(
        flow_of(
            pb.Step(step_id="pin", collect=pb.Collect(
                utterance=said("PIN?"), attribute="pin", min_digits=4, max_digits=4, next="again", masked=True)),
            say("again", "Thank you."),
        )
    )  # fmt: skip
    gather = await house.start(flow.flow_id)
    assert gather.gather.masked
    await house.advance(gather, "DIGITS", "4711")
    run = await read(house, gather.run_id)
    assert run.attributes["pin"] == "***" and "4711" not in str(run)

    async def rows(tx: Any) -> tuple[RunState, str]:
        run, _ = await ops.read_run(tx, gather.run_id, seal)
        raw = []
        for table in ("runs", "instructions", "run_steps"):
            result = await tx.connection.exec_driver_sql(f"select t::text from flows.{table} t")
            raw += [row[0] for row in result]
        return run.state, " ".join(raw)

    state, raw = await house.db.run(house.tenant_id, rows)
    assert state.secrets == {"pin": "4711"} and "4711" not in raw
    assert "4711" not in capfd.readouterr().err


async def test_report_after_the_caller_left_is_refused_and_takes_nothing_back(
    house: Any, main_line: pb.Definition, seal: MaskedValues
) -> None:
    flow = await house.publish(main_line)
    call_id = house.fresh("call")
    gather = await house.advance(await house.start(flow.flow_id, call_id), "FINISHED")

    async def leave_meanwhile() -> None:
        await house.db.run(house.tenant_id, lambda tx: ops.end_runs(tx, call_id, seal, house.clock.now()))

    house.routing.on_enqueue = leave_meanwhile
    with pytest.raises(FailedPrecondition) as over:
        await house.advance(gather, "DIGITS", "1")
    assert over.value.reason == "RUN_ENDED"
    # The contact is routing's to abandon: taken out by us it would count as one the flow led elsewhere.
    assert len(house.routing.contacts) == 1 and house.routing.dequeued == []
