"""Flows that others call: what would break the callers is refused, and names them."""

from __future__ import annotations

from typing import Any

import pytest
from kernel.errors import FailedPrecondition
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc

from .conftest import flow_of, say


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


async def test_flow_that_others_lead_into_is_not_deleted(house: Any) -> None:
    inner = await house.publish(asks())
    outer = await house.publish(calls(inner.flow_id))
    request = rpc.DeleteFlowRequest(flow_id=inner.flow_id)
    with house.as_admin():
        with pytest.raises(FailedPrecondition, match=f"{outer.display_name!r}") as refused:
            await house.flows.DeleteFlow(request)
        assert refused.value.reason == "FLOW_IN_USE"
    await publish(house, outer, flow_of(say("hi", "Alone.")))
    with house.as_admin():
        await house.flows.DeleteFlow(request)
