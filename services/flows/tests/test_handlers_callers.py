"""Flows that others call: what would break the callers is refused, and names them."""

from __future__ import annotations

from typing import Any

import pytest
from flows.domain.flows import VersionConflict
from flows.ops import flows
from flows.ops.callers import Asked, callers_of, require_callers_passed
from kernel.errors import FailedPrecondition
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.flows.v1 import flow_test_service_pb2 as tests

from .conftest import flow_of, said, say
from .test_handlers_flow_tests import FIRST, keeps, redraws, runs


def asks(*inputs: tuple[str, bool]) -> pb.Definition:
    made = flow_of(say("hi", "Inner."))
    made.inputs.extend(pb.Parameter(name=name, type="text", required=required) for name, required in inputs)
    return made


def calls(flow_id: str, **inputs: str) -> pb.Definition:
    call = pb.Step(step_id="c", call_flow=pb.CallFlow(flow_id=flow_id, inputs=inputs, next="done", failed="sorry"))
    return flow_of(call, say("done", "Done."), say("sorry", "Sorry."))


async def publish(house: Any, flow: pb.Flow, draft: pb.Definition) -> None:
    with house.as_admin():
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=pb.Flow(flow_id=flow.flow_id, draft=draft)))
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id))


async def test_release_that_callers_would_not_get_through_is_refused_with_their_names(house: Any) -> None:
    inner = await house.publish(asks(("a", True)))
    outer = await house.publish(calls(inner.flow_id, a="'x'"))
    for broken in (asks(("a", True), ("b", True)), asks()):
        with pytest.raises(FailedPrecondition, match=f"{outer.display_name!r}") as refused:
            await publish(house, inner, broken)
        assert refused.value.reason == "FLOW_INVALID"
    assert "Inner." in [each.text for each in (await house.start(outer.flow_id)).play.audio]
    await publish(house, inner, asks(("a", True), ("b", False)))
    await publish(house, outer, calls(inner.flow_id, a="'x'", b="'y'"))
    await publish(house, inner, asks(("a", True), ("b", True)))
    assert "Inner." in [each.text for each in (await house.start(outer.flow_id)).play.audio]


def asks_first(step_id: str = "ask") -> pb.Definition:
    """Asks for a digit, and says what it was to whoever called it."""
    menu = pb.Menu(utterance=said("Press 1."), choices=[pb.Choice(digit="1", value="yes", next="hi")])
    made = flow_of(pb.Step(step_id=step_id, menu=menu), say("hi", "Inner."))
    made.outputs.append(pb.Parameter(name="answer", type="text"))
    return made


async def test_release_with_which_a_callers_test_fails_is_refused_with_flow_test_and_difference(house: Any) -> None:
    inner = await house.publish(asks_first())
    middle = await house.publish(calls(inner.flow_id))
    outer = await house.publish(calls(middle.flow_id))
    await keeps(house, middle.flow_id, "Through", FIRST)
    kept = await keeps(house, outer.flow_id, "Far off", FIRST)
    assert list(kept.expectation.path) == ["c", "c", "ask", "hi", "done", "done"]
    await publish(house, inner, asks_first())
    with pytest.raises(FailedPrecondition) as refused:
        await publish(house, inner, flow_of(say("hi", "Nothing is asked any more.")))
    assert refused.value.reason == "CALLER_TESTS_FAILED"
    assert f"test 'Through' of flow {middle.display_name!r}: after step c step ask was expected" in str(refused.value)
    assert refused.value.metadata["failed"] == "2" and refused.value.metadata["flow_id"] == middle.flow_id
    fields = [each.field for each in refused.value.fields]
    assert f"flows[{outer.display_name}].tests[Far off].path[2]" in fields
    assert (await house.start(outer.flow_id)).HasField("gather"), "callers go on as before"


async def test_callers_tests_are_shown_before_and_accepted_or_of_no_account_when_they_fail_already(house: Any) -> None:
    inner = await house.publish(asks_first())
    outer = await house.publish(calls(inner.flow_id))
    kept = await keeps(house, outer.flow_id, "Through", FIRST)
    stale = await keeps(house, outer.flow_id, "Of yesterday")
    stale.expectation.path[:] = ["long", "gone"]
    with house.as_admin():
        await house.tests.UpdateFlowTest(tests.UpdateFlowTestRequest(test=stale))
    await redraws(house, inner.flow_id, asks_first("want"))
    tried = await runs(house, inner.flow_id)
    (failed,) = tried.failed_callers
    assert not tried.passed and not tried.results
    assert (failed.flow_id, failed.display_name) == (outer.flow_id, outer.display_name)
    assert failed.result.test.test_id == kept.test_id and not failed.result.passed
    assert (await runs(house, inner.flow_id, release_number=1)).passed
    kept.expectation.CopyFrom(failed.result.actual)
    with house.as_admin():
        await house.tests.UpdateFlowTest(tests.UpdateFlowTestRequest(test=kept))
    assert (await runs(house, inner.flow_id)).passed
    await publish(house, inner, asks_first("want"))


async def test_what_leads_into_a_flow_and_changes_while_tests_are_run_is_run_again(house: Any) -> None:
    inner = await house.publish(asks_first())
    outer = await house.publish(calls(inner.flow_id))
    await keeps(house, outer.flow_id, "Through", FIRST)

    async def look(tx: Any) -> Asked:
        return Asked(await callers_of(tx, inner.flow_id, await draft(tx)))

    async def draft(tx: Any) -> Any:
        return (await flows.get_flow(tx, inner.flow_id)).draft

    async def settle(tx: Any, asked: Asked) -> None:
        await require_callers_passed(tx, inner.flow_id, await draft(tx), asked)

    asked = await house.db.run(house.tenant_id, look, read_only=True)
    assert [each.flow_id for each in asked.callers] == [outer.flow_id]
    await house.db.run(house.tenant_id, lambda tx: settle(tx, asked))
    await keeps(house, outer.flow_id, "Kept meanwhile", FIRST)
    with pytest.raises(VersionConflict):
        await house.db.run(house.tenant_id, lambda tx: settle(tx, asked))
    asked = await house.db.run(house.tenant_id, look, read_only=True)
    louder = calls(inner.flow_id)
    louder.steps[1].say.utterance.text["en"] = "DONE."
    await publish(house, outer, louder)
    with pytest.raises(VersionConflict):
        await house.db.run(house.tenant_id, lambda tx: settle(tx, asked))


async def test_flow_that_others_lead_into_is_not_deleted(house: Any) -> None:
    inner = await house.publish(asks())
    outer = await house.publish(calls(inner.flow_id))
    request = rpc.DeleteFlowRequest(flow_id=inner.flow_id)
    with house.as_admin():
        with pytest.raises(FailedPrecondition, match=f"{outer.display_name!r}") as refused:
            await house.flows.DeleteFlow(request)
        assert refused.value.reason == "FLOW_CALLED" and refused.value.metadata["flows"] == outer.display_name
    await publish(house, outer, flow_of(say("hi", "Alone.")))
    with house.as_admin():
        await house.flows.DeleteFlow(request)
