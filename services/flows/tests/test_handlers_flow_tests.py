"""Trying flows out and keeping what was tried as tests, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from chassis.auth import acting_as
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.flows.v1 import flow_code_service_pb2 as code
from merkez.flows.v1 import flow_diff_pb2 as diff
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.flows.v1 import flow_test_service_pb2 as tests
from merkez.flows.v1 import simulation_pb2 as sim
from testkit import someone

from .conftest import flow_of, said, say

FIRST = sim.SimulationInput(digits="1")
ANSWERED = sim.SimulationInput(queue=sim.QUEUE_OUTCOME_ANSWERED)


def main_line(house: Any, following: str = "line") -> pb.Definition:
    menu = pb.Menu(utterance=said("Press 1."), choices=[pb.Choice(digit="1", value="sales", next=following)])
    return flow_of(
        pb.Step(step_id="ask", menu=menu),
        pb.Step(step_id="line", queue=pb.Queue(queue_id=house.routing.queue_id, timed_out="bye")),
        say("bye", "Bye."),
    )


@pytest.fixture
def flow(house: Any) -> Callable[..., Any]:
    """A flow whose draft this is."""

    async def make(draft: pb.Definition | None = None) -> pb.Flow:
        wanted = pb.Flow(display_name="Main", draft=draft or main_line(house))
        with house.as_admin():
            return await house.flows.CreateFlow(rpc.CreateFlowRequest(request_id=house.fresh("req"), flow=wanted))

    return make


async def simulates(house: Any, flow_id: str, *inputs: sim.SimulationInput, **more: Any) -> sim.Simulation:
    with house.as_admin():
        return await house.tests.SimulateFlow(tests.SimulateFlowRequest(flow_id=flow_id, inputs=inputs, **more))


async def keeps(house: Any, flow_id: str, name: str, *inputs: sim.SimulationInput, **more: Any) -> sim.FlowTest:
    test = sim.FlowTest(flow_id=flow_id, display_name=name, inputs=inputs)
    request = {"request_id": house.fresh("req"), "test": test, **more}
    with house.as_admin():
        return await house.tests.CreateFlowTest(tests.CreateFlowTestRequest(**request))


async def runs(house: Any, flow_id: str, **more: Any) -> tests.RunFlowTestsResponse:
    with house.as_admin():
        return await house.tests.RunFlowTests(tests.RunFlowTestsRequest(flow_id=flow_id, **more))


async def publishes(house: Any, flow_id: str) -> pb.Release:
    with house.as_admin():
        return await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow_id))


async def redraws(house: Any, flow_id: str, draft: pb.Definition) -> None:
    with house.as_admin():
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow_id, draft=draft)))


async def test_a_draft_is_tried_out_without_asking_anybody(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    begun = await simulates(house, flow_id)
    assert begun.end == "waiting" and list(begun.waiting.kinds) == ["digits", "text", "timed_out"]
    assert [each.text for each in begun.visits[0].heard] == ["Press 1."]
    done = await simulates(house, flow_id, FIRST, ANSWERED, scenario=sim.Scenario(attributes={"vip": "yes"}))
    assert done.end == "answered" and [visit.step_id for visit in done.visits] == ["ask", "line"]
    assert done.visits[1].attributes["menu.ask"] == "sales" and done.visits[1].attributes["vip"] == "yes"
    assert done.expectation == sim.Expectation(path=["ask", "line"], attributes={"menu.ask": "sales"}, end="answered")
    assert "EnqueueContact" not in house.routing.asked


async def test_releases_and_unsaved_drafts_are_tried_out_as_well(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    await publishes(house, flow_id)
    await redraws(house, flow_id, main_line(house, "bye"))
    assert (await simulates(house, flow_id, FIRST)).visits[-1].step_id == "bye"
    assert (await simulates(house, flow_id, FIRST, release_number=1)).visits[-1].step_id == "line"
    typed = flow_of(say("only", "Hello."))
    assert (await simulates(house, flow_id, definition=typed)).visits[-1].step_id == "only"
    with pytest.raises(InvalidInput, match="release_number"):
        await simulates(house, flow_id, definition=typed, release_number=1)
    with pytest.raises(NotFound):
        await simulates(house, flow_id, release_number=7)


async def test_an_input_that_does_not_fit_is_named_and_one_that_can_not_be_is_refused(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    found = await simulates(house, flow_id, ANSWERED)
    assert found.mismatch.index == 0 and "step ask" in found.mismatch.message
    for wrong, field in (
        (sim.SimulationInput(digits="x"), "inputs[0].digits"), (sim.SimulationInput(), "inputs[0]"),
        (sim.SimulationInput(queue=cast(Any, 77)), "inputs[0].queue"),
        (sim.SimulationInput(hang_up=False), "inputs[0]"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await simulates(house, flow_id, wrong)
        assert refused.value.fields[0].field == field


async def test_business_hours_are_those_of_the_pretended_time(house: Any, flow: Any) -> None:
    draft = flow_of(
        pb.Step(
            step_id="open", hours=pb.Hours(business_hours_id=house.routing.hours_id, open="in", closed="out")
        ),
        say("in", "In."), say("out", "Out."),
    )  # fmt: skip
    flow_id = (await flow(draft)).flow_id
    for day, step in ((2, "in"), (1, "out")):
        time = Timestamp()
        time.FromDatetime(datetime(2026, 3, day, 9, tzinfo=UTC))
        found = await simulates(house, flow_id, scenario=sim.Scenario(time=time))
        assert found.visits[-1].step_id == step
    house.routing.away = True
    assert list((await simulates(house, flow_id, scenario=sim.Scenario(time=time))).waiting.kinds) == ["hours"]


async def test_a_test_of_a_holiday_passes_still_when_that_day_is_long_over(house: Any, flow: Any) -> None:
    draft = flow_of(
        pb.Step(
            step_id="open", hours=pb.Hours(business_hours_id=house.routing.hours_id, open="in", closed="out")
        ),
        say("in", "In."), say("out", "Out."),
    )  # fmt: skip
    made = await flow(draft)
    for day, step in ((1, "out"), (2, "in")):
        time = Timestamp()
        time.FromDatetime(datetime(2024, 1, day, 9, tzinfo=UTC))  # a Monday, and a Tuesday
        test = sim.FlowTest(
            flow_id=made.flow_id, display_name=f"day {day}", scenario=sim.Scenario(time=time),
            expectation=sim.Expectation(path=["open", step]),
        )  # fmt: skip
        request = tests.CreateFlowTestRequest(request_id=house.fresh("req"), test=test)
        with house.as_admin():
            await house.tests.CreateFlowTest(request)
    assert [each.passed for each in (await runs(house, made.flow_id)).results] == [True, True]


async def test_a_flow_that_is_handed_on_to_is_run_as_published(house: Any, flow: Any) -> None:
    other = await flow(flow_of(say("there", "There.")))
    draft = flow_of(pb.Step(step_id="over", transfer=pb.Transfer(flow_id=other.flow_id, failed="")))
    flow_id = (await flow(draft)).flow_id
    assert (await simulates(house, flow_id)).end == "flow_failed"
    await publishes(house, other.flow_id)
    found = await simulates(house, flow_id)
    assert [(each.flow_id, each.step_id) for each in found.visits] == [("", "over"), (other.flow_id, "there")]


async def test_a_run_is_kept_with_what_came_of_it_and_passes(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    kept = await keeps(house, flow_id, "Sales", FIRST, ANSWERED)
    assert kept.expectation == sim.Expectation(path=["ask", "line"], attributes={"menu.ask": "sales"}, end="answered")
    with house.as_admin():
        listed = await house.tests.ListFlowTests(tests.ListFlowTestsRequest(flow_id=flow_id))
    assert list(listed.tests) == [kept]
    answer = await runs(house, flow_id)
    assert answer.passed and answer.results[0].passed and not answer.results[0].differences
    assert (await publishes(house, flow_id)).number == 1


async def test_publishing_is_refused_by_test_step_and_difference(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    kept = await keeps(house, flow_id, "Sales", FIRST, ANSWERED)
    await redraws(house, flow_id, main_line(house, "bye"))
    with pytest.raises(FailedPrecondition) as refused:
        await publishes(house, flow_id)
    assert refused.value.reason == "FLOW_INVALID"  # the line is not reached any more
    await redraws(house, flow_id, flow_of(*main_line(house, "bye").steps[::2]))
    with pytest.raises(FailedPrecondition) as refused:
        await publishes(house, flow_id)
    assert refused.value.reason == "FLOW_TESTS_FAILED"
    assert refused.value.metadata == {"failed": "1", "test_id": kept.test_id, "step_id": "ask"}
    assert "test 'Sales': after step ask step line was expected and bye came" in refused.value.message
    assert [each.field for each in refused.value.fields] == [
        "tests[Sales].path[1]", "tests[Sales].inputs[1]", "tests[Sales].end",
    ]  # fmt: skip
    (result,) = (await runs(house, flow_id)).results
    assert result.differences[0].expected == "line" and result.differences[0].actual == "bye"
    kept.expectation.CopyFrom(result.actual)
    del kept.inputs[1]
    with house.as_admin():
        changed = await house.tests.UpdateFlowTest(tests.UpdateFlowTestRequest(test=kept, version=kept.version))
        with pytest.raises(Conflict):
            await house.tests.UpdateFlowTest(tests.UpdateFlowTestRequest(test=kept, version=kept.version))
    assert changed.version == 2 and (await publishes(house, flow_id)).number == 1


async def test_rolling_back_asks_the_tests_unless_told_to_do_it_in_spite_of_them(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    first = await publishes(house, flow_id)
    await redraws(house, flow_id, flow_of(say("bye", "Bye.")))
    second = await publishes(house, flow_id)
    await keeps(house, flow_id, "Bye")
    request = rpc.RollBackFlowRequest(request_id=house.fresh("req"), flow_id=flow_id, release_id=first.release_id)
    with house.as_admin():
        with pytest.raises(FailedPrecondition) as refused:
            await house.flows.RollBackFlow(request)
        assert refused.value.reason == "FLOW_TESTS_FAILED"
        running = await house.flows.GetFlow(rpc.GetFlowRequest(flow_id=flow_id))
        assert running.release_id == second.release_id, "what ran runs on"
        request.in_spite_of_tests = True
        assert (await house.flows.RollBackFlow(request)).number == 3
        request = rpc.RollBackFlowRequest(request_id=house.fresh("req"), flow_id=flow_id, release_id=second.release_id)
        assert (await house.flows.RollBackFlow(request)).number == 4, "its tests pass"


async def test_a_repeated_publishing_gives_the_first_answer_though_a_test_fails_now(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    request = rpc.PublishFlowRequest(request_id="once", flow_id=flow_id)
    with house.as_admin():
        first = await house.flows.PublishFlow(request)
        await keeps(house, flow_id, "Sales", FIRST, ANSWERED)
        await redraws(house, flow_id, flow_of(say("bye", "Bye.")))
        assert await house.flows.PublishFlow(request) == first


async def test_repeated_creation_keeps_one_test_and_names_are_one_of_their_kind(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    first = await keeps(house, flow_id, "Sales", FIRST, request_id="once")
    assert await keeps(house, flow_id, "Sales", FIRST, request_id="once") == first
    with pytest.raises(AlreadyExists):
        await keeps(house, flow_id, "Sales", ANSWERED, request_id="once")
    with pytest.raises(FailedPrecondition) as taken:
        await keeps(house, flow_id, "Sales", FIRST)
    assert taken.value.reason == "FLOW_TEST_NAME_TAKEN"
    with pytest.raises(InvalidInput, match=r"test\.display_name"):
        await keeps(house, flow_id, " ")
    with house.as_admin():
        await house.tests.DeleteFlowTest(tests.DeleteFlowTestRequest(test_id=first.test_id))
        with pytest.raises(NotFound) as gone:
            await house.tests.DeleteFlowTest(tests.DeleteFlowTestRequest(test_id=first.test_id))
    assert gone.value.reason == "FLOW_TEST_NOT_FOUND"


async def test_a_flow_can_not_have_endless_tests(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    big = sim.SimulationInput(http_answer="x" * 60_000)
    for number in range(6):
        await keeps(house, flow_id, f"Big {number}", big)
    with pytest.raises(FailedPrecondition) as refused:
        await keeps(house, flow_id, "Too big", big)
    assert refused.value.reason == "TOO_MANY_FLOW_TESTS"


async def test_tests_go_with_the_flows_file(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    time = Timestamp()
    time.FromDatetime(datetime(2026, 3, 2, 9, tzinfo=UTC))
    scenario = sim.Scenario(caller_number="+994501234567", time=time, attributes={"vip": "yes"})
    test = sim.FlowTest(flow_id=flow_id, display_name="Sales", scenario=scenario, inputs=[FIRST, ANSWERED])
    kept = await keeps(house, flow_id, "Sales", test=test)
    with house.as_admin():
        file = (await house.code.ExportFlow(code.ExportFlowRequest(flow_id=flow_id))).yaml
    assert (
        """\
tests:
- name: Sales
  caller_number: '+994501234567'
  time: '2026-03-02T09:00:00Z'
  attributes:
    vip: 'yes'
  inputs:
  - digits: '1'
  - queue: answered
  expect:
    path:
    - ask
    - line
    attributes:
      menu.ask: sales
    end: answered
"""
        in file
    )
    with house.as_admin():
        copy = await house.code.ImportFlow(code.ImportFlowRequest(request_id="copy", yaml=file))
        assert [(each.display_name, each.change) for each in copy.changes.tests] == [("Sales", diff.FLOW_CHANGE_ADDED)]
        (copied,) = (await house.tests.ListFlowTests(tests.ListFlowTestsRequest(flow_id=copy.flow.flow_id))).tests
        assert (copied.scenario, copied.expectation) == (kept.scenario, kept.expectation)
        again = code.ExportFlowRequest(flow_id=copy.flow.flow_id)
        assert (await house.code.ExportFlow(again)).yaml == file
        other = file.replace("name: Sales", "name: Sold")
        tried = await house.code.ImportFlow(code.ImportFlowRequest(yaml=other, flow_id=flow_id, dry_run=True))
        assert not tried.changes.same and [(each.display_name, each.change) for each in tried.changes.tests] == [
            ("Sold", diff.FLOW_CHANGE_ADDED), ("Sales", diff.FLOW_CHANGE_REMOVED),
        ]  # fmt: skip
        without = file[: file.index("tests:")]
        await house.code.ImportFlow(code.ImportFlowRequest(request_id="w", yaml=without, flow_id=flow_id))
        assert (await house.tests.ListFlowTests(tests.ListFlowTestsRequest(flow_id=flow_id))).tests == [kept]


async def test_what_another_tenant_has_is_not_found_and_agents_keep_no_tests(house: Any, flow: Any) -> None:
    flow_id = (await flow()).flow_id
    kept = await keeps(house, flow_id, "Sales", FIRST)
    with house.as_admin(house.fresh("ten")):
        for work in (
            house.tests.SimulateFlow(tests.SimulateFlowRequest(flow_id=flow_id)),
            house.tests.ListFlowTests(tests.ListFlowTestsRequest(flow_id=flow_id)),
            house.tests.RunFlowTests(tests.RunFlowTestsRequest(flow_id=flow_id)),
            house.tests.CreateFlowTest(tests.CreateFlowTestRequest(request_id="r", test=kept)),
            house.tests.UpdateFlowTest(tests.UpdateFlowTestRequest(test=kept)),
            house.tests.DeleteFlowTest(tests.DeleteFlowTestRequest(test_id=kept.test_id)),
        ):
            with pytest.raises(NotFound):
                await work
    with acting_as(someone("agent", house.tenant_id)), pytest.raises(Forbidden):
        await house.tests.CreateFlowTest(tests.CreateFlowTestRequest(request_id="r", test=kept))
