"""What names what: prompts that queues play, and flows that send callers to queues and go by hours."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.auth import acting_for
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput, Unavailable
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import flow_service_pb2 as rpc
from merkez.flows.v1 import flow_service_pb2_grpc

from .conftest import flow_of
from .test_handlers import hang_up


async def test_prompt_that_a_queues_callbacks_play_can_not_be_deleted(house: Any, make_wav: Any) -> None:
    with house.as_admin():
        prompt = await house.prompts.CreatePrompt(
            rpc.CreatePromptRequest(
                request_id=house.fresh("req"), prompt=pb.Prompt(display_name="Sorry"), audio=make_wav()
            )
        )
    request = rpc.DeletePromptRequest(prompt_id=prompt.prompt_id)
    house.routing.played[house.routing.queue_id] = prompt.prompt_id
    with house.as_admin():
        with pytest.raises(FailedPrecondition, match="'Support'") as refused:
            await house.prompts.DeletePrompt(request)
        assert refused.value.reason == "PROMPT_IN_USE"
        house.routing.away = True
        with pytest.raises(Unavailable):
            await house.prompts.DeletePrompt(request)
        house.routing.away = False
        house.routing.played.clear()
        await house.prompts.DeletePrompt(request)


async def test_flows_whose_draft_or_running_release_names_a_queue_or_hours_are_listed_with_the_steps(
    house: Any,
) -> None:
    queue_id, hours_id = house.routing.queue_id, house.routing.hours_id
    hours = pb.Step(step_id="when", hours=pb.Hours(business_hours_id=hours_id, open="line", closed="bye"))
    line = pb.Step(step_id="line", queue=pb.Queue(queue_id=queue_id))
    flow = await house.publish(flow_of(hours, line, hang_up("bye")))
    stub = house.rpc.stub(flow_service_pb2_grpc.FlowServiceStub, "flows", caller="routing")
    of_queue = rpc.ListFlowUsesRequest(queue_id=queue_id)

    async def uses(request: Any, tenant_id: str = "") -> list[tuple[str, list[str]]]:
        with acting_for(tenant_id or house.tenant_id):
            return [(each.flow_id, list(each.step_ids)) for each in (await stub.ListFlowUses(request)).uses]

    assert await uses(of_queue) == [(flow.flow_id, ["line"])]
    assert await uses(rpc.ListFlowUsesRequest(business_hours_id=hours_id)) == [(flow.flow_id, ["when"])]
    assert await uses(of_queue, house.fresh("ten")) == []
    with house.as_admin():
        changed = pb.Flow(flow_id=flow.flow_id, draft=flow_of(hang_up("bye")))
        await house.flows.UpdateFlow(rpc.UpdateFlowRequest(flow=changed))
        with pytest.raises(Forbidden):
            await house.flows.ListFlowUses(of_queue)
    assert await uses(of_queue) == [(flow.flow_id, ["line"])], "callers still go through the release"
    with house.as_admin():
        await house.flows.PublishFlow(rpc.PublishFlowRequest(request_id=house.fresh("req"), flow_id=flow.flow_id))
    assert await uses(of_queue) == [], "an older release is checked anew when it comes back"
    with pytest.raises(InvalidInput):
        await uses(rpc.ListFlowUsesRequest())


async def test_flows_that_ask_for_a_skill_are_listed_with_the_steps_wherever_they_say_it(house: Any) -> None:
    queue_id, skill_id = house.routing.queue_id, house.routing.skill_id
    row = pb.EntryRule(condition="true", queue_id=queue_id, requirement="Turkish >= 3")
    rules = pb.Step(step_id="rules", entry_rules=pb.EntryRules(rules=[row], next="line", otherwise="later"))
    line = pb.Step(step_id="line", queue=pb.Queue(by_rules=True))
    offer = pb.CallbackOffer(queue_id=queue_id, skills={skill_id: 2}, always=True, declined="bye")
    flow = await house.publish(flow_of(rules, line, pb.Step(step_id="later", callback_offer=offer), hang_up("bye")))
    stub = house.rpc.stub(flow_service_pb2_grpc.FlowServiceStub, "flows", caller="routing")
    with acting_for(house.tenant_id):
        (use,) = (await stub.ListFlowUses(rpc.ListFlowUsesRequest(skill_id=skill_id))).uses
        other = await stub.ListFlowUses(rpc.ListFlowUsesRequest(skill_id=house.fresh("skl")))
    assert (use.flow_id, list(use.step_ids)) == (flow.flow_id, ["later", "rules"])
    assert not other.uses
