"""Runs that stand still while an agent talks, and go on once: as telephony asks for it, whatever is asked twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chassis.auth import acting_for
from flows.ops import runs as ops
from kernel.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.flows.v1 import run_service_pb2
from merkez.routing.v1 import contact_pb2
from testkit.told import told

from .conftest import DEADLINE, flow_of, said, say
from .test_handlers_turns import read, refused


def surveyed(house: Any) -> pb.Definition:
    rate = pb.Survey(utterance=said("1 to 5?"), question_id="helped", lowest=1, highest=5, next="again")
    menu = pb.Menu(utterance=said("1?"), choices=[pb.Choice(digit="1", next="q"), pb.Choice(digit="2", next="bye")])
    return flow_of(
        pb.Step(step_id="q", queue=pb.Queue(queue_id=house.routing.queue_id, after_agent="rate")),
        pb.Step(step_id="rate", survey=rate), pb.Step(step_id="again", menu=menu), say("bye", "Bye."),
    )  # fmt: skip


async def resume(house: Any, run_id: str, contact_id: str, **more: str) -> Any:
    asked = {"agent_id": house.routing.agent_id, "queue_id": house.routing.queue_id} | more
    request = run_service_pb2.ResumeRunRequest(run_id=run_id, contact_id=contact_id, **asked)
    with acting_for(house.tenant_id):
        return await house.runs.ResumeRun(request, timeout=DEADLINE)


async def waits(house: Any, definition: pb.Definition | None = None) -> tuple[str, Any]:
    flow = await house.publish(definition or surveyed(house))
    call_id = house.fresh("call")
    return call_id, await house.start(flow.flow_id, call_id, attributes={"order": "4711"})


async def test_an_answer_after_the_agent_is_told_with_the_agent_the_contact_and_the_queue(house: Any) -> None:
    call_id, queue = await waits(house)
    assert queue.queue.goes_on_after_agent
    ask = await resume(house, queue.run_id, queue.queue.contact_id)
    assert (ask.step_id, ask.gather.audio[0].text) == ("rate", "1 to 5?")
    await house.advance(ask, "DIGITS", "5")
    (fact,) = await told(house.db, house.tenant_id, "SurveyAnswered")
    assert (fact.call_id, fact.value, fact.contact_id) == (call_id, 5, queue.queue.contact_id)
    assert (fact.agent_id, fact.queue_id) == (house.routing.agent_id, house.routing.queue_id)
    run = await read(house, queue.run_id)
    assert run.attributes["order"] == "4711", "what was known before is known still"
    assert run.attributes["served.agent_id"] == house.routing.agent_id
    assert [each.outcome for each in run.steps if each.step_id == "q"] == ["queued", "announced", "the agent has left"]


async def test_an_answer_before_any_agent_names_none(house: Any) -> None:
    rate = pb.Survey(utterance=said("1 to 5?"), question_id="before", lowest=1, highest=5, next="bye")
    _, ask = await waits(house, flow_of(pb.Step(step_id="rate", survey=rate), say("bye", "Bye.")))
    await house.advance(ask, "DIGITS", "5")
    (fact,) = await told(house.db, house.tenant_id, "SurveyAnswered")
    assert (fact.contact_id, fact.agent_id, fact.queue_id) == ("", "", "")


async def test_who_asks_again_gets_the_newest_instruction_and_the_run_went_on_once(house: Any) -> None:
    _, queue = await waits(house)
    contact_id = queue.queue.contact_id
    asked = await asyncio.gather(*(resume(house, queue.run_id, contact_id) for _ in range(3)), return_exceptions=True)
    asks = [each for each in asked if not isinstance(each, Unavailable)]
    assert asks and all(each == asks[0] for each in asks)
    again = await resume(house, queue.run_id, contact_id)
    assert again == asks[0]
    menu = await house.advance(again, "DIGITS", "3")
    assert await resume(house, queue.run_id, contact_id) == menu, "as the node that adopts the call asks"
    bye = await house.advance(menu, "DIGITS", "2")
    over = await house.advance(bye, "FINISHED")
    assert over.hang_up.cause == "FLOW_ENDED"
    assert await resume(house, queue.run_id, contact_id) == over, "also when the goodbye was not said yet"
    assert len(await told(house.db, house.tenant_id, "RunEnded")) == 1


async def test_who_waits_again_is_a_transfer_and_the_run_goes_on_after_that_agent_too(house: Any) -> None:
    _, queue = await waits(house)
    menu = await house.advance(await resume(house, queue.run_id, queue.queue.contact_id), "DIGITS", "3")
    second = await house.advance(menu, "DIGITS", "1")
    assert second.queue.goes_on_after_agent and second.queue.contact_id != queue.queue.contact_id
    contact = next(each for each in house.routing.contacts.values() if each.contact_id == second.queue.contact_id)
    assert (contact.kind, contact.previous_contact_id) == (
        contact_pb2.CONTACT_KIND_TRANSFER, queue.queue.contact_id,
    )  # fmt: skip
    other = house.fresh("usr")
    ask = await resume(house, queue.run_id, second.queue.contact_id, agent_id=other)
    assert ask.step_id == "rate"
    await house.advance(ask, "DIGITS", "1")
    facts = await told(house.db, house.tenant_id, "SurveyAnswered")
    assert [(each.value, each.agent_id) for each in facts] == [(3, house.routing.agent_id), (1, other)]


async def test_a_colleagues_run_leaves_the_one_that_goes_on_and_a_queues_ends_it(house: Any) -> None:
    call_id, queue = await waits(house)
    colleague = await house.hand_on(call_id, 1, agent_id=house.routing.agent_id, kept_run_id=queue.run_id)
    assert not colleague.queue.goes_on_after_agent
    assert not (await read(house, queue.run_id)).HasField("end_time")
    ask = await resume(house, queue.run_id, colleague.queue.contact_id)
    assert ask.step_id == "rate"
    await house.hand_on(call_id, 2, queue_id=house.routing.queue_id)
    assert (await read(house, queue.run_id)).HasField("end_time")
    await refused(resume(house, queue.run_id, house.fresh("con")), FailedPrecondition, "RUN_ENDED")


async def test_a_call_that_has_ended_goes_on_no_more(house: Any, seal: Any) -> None:
    call_id, queue = await waits(house)
    await house.db.run(house.tenant_id, lambda tx: ops.end_runs(tx, call_id, seal, house.clock.now(), but=""))
    await refused(resume(house, queue.run_id, queue.queue.contact_id), FailedPrecondition, "RUN_ENDED")


async def test_a_run_that_waits_for_nobody_is_not_gone_on_with(house: Any) -> None:
    _, hello = await waits(house, flow_of(say("hi", "Hello.", "bye"), say("bye", "Bye.")))
    await refused(resume(house, hello.run_id, house.fresh("con")), FailedPrecondition, "EVENT_UNEXPECTED")


async def test_a_run_of_another_company_is_not_there(house: Any) -> None:
    _, queue = await waits(house)
    house.tenant_id = house.fresh("ten")
    await refused(resume(house, queue.run_id, queue.queue.contact_id), NotFound, "RUN_NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "value"),
    [("run_id", ""), ("run_id", "call_1"), ("contact_id", ""), ("agent_id", ""), ("agent_id", "con_1"),
     ("queue_id", "usr_1")],
)  # fmt: skip
async def test_what_is_missing_is_refused_by_its_field(house: Any, field: str, value: str) -> None:
    asked = {"run_id": house.fresh("run"), "contact_id": house.fresh("con")} | {field: value}
    await refused(resume(house, **asked), InvalidInput, "", field)


async def test_a_tick_that_is_under_way_is_waited_for(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, queue = await waits(house)
    begun, held = asyncio.Event(), asyncio.Event()
    routing = house.turns._routing
    check = routing.check_contact

    async def slowly(effect: Any) -> Any:
        begun.set()
        await held.wait()
        return await check(effect)

    monkeypatch.setattr(routing, "check_contact", slowly)
    async with asyncio.TaskGroup() as group:
        tick = group.create_task(house.advance(queue, "QUEUE_TICK"))
        await begun.wait()
        asked = group.create_task(refused(resume(house, queue.run_id, queue.queue.contact_id), Unavailable))
        group.create_task(_soon(held))
    assert tick.result().queue.contact_id == queue.queue.contact_id and asked.done()
    assert (await resume(house, queue.run_id, queue.queue.contact_id)).step_id == "rate"


async def _soon(event: asyncio.Event) -> None:
    await asyncio.sleep(0.2)
    event.set()


async def test_the_exit_comes_back_as_it_was_drawn(house: Any) -> None:
    draft = surveyed(house)
    with house.as_admin():
        made = await house.flows.CreateFlow(
            rpc.CreateFlowRequest(request_id="r", flow=pb.Flow(display_name="Asked", draft=draft))
        )
    assert made.draft == draft
