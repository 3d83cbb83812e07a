"""What flows name is not deleted under them, and what calls back would play is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from chassis.sql import Database
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import FailedPrecondition, InvalidInput, NotFound, Unavailable
from kernel.ids import new_id
from merkez.flows.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc
from merkez.routing.v1 import callback_rules_pb2, queue_pb2
from merkez.routing.v1 import queue_service_pb2 as qs
from merkez.routing.v1 import queue_service_pb2_grpc as queues_grpc
from routing.clients import Flows
from routing.handlers import servicers
from routing.ledger import Desk
from testkit.rpc import RpcHouse

from .conftest import Floor, as_, refused


@dataclass
class FakeFlows(flow_service_pb2_grpc.FlowServiceServicer, flow_service_pb2_grpc.PromptServiceServicer):
    """Flows as routing sees it."""

    named: dict[str, list[flow_service_pb2.FlowUse]] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)
    away: bool = False

    async def ListFlowUses(self, request: Any, context: Any) -> flow_service_pb2.ListFlowUsesResponse:
        if self.away:
            raise Unavailable("flows are away")
        named = getattr(request, request.WhichOneof("named"))
        return flow_service_pb2.ListFlowUsesResponse(uses=self.named.get(named, []))

    async def ListPrompts(self, request: Any, context: Any) -> flow_service_pb2.ListPromptsResponse:
        if self.away:
            raise Unavailable("flows are away")
        at = int(request.page_token or 0)
        return flow_service_pb2.ListPromptsResponse(
            prompts=[flow_pb2.Prompt(prompt_id=each) for each in self.prompts[at : at + 1]],
            next_page_token=str(at + 1) if at + 1 < len(self.prompts) else "",
        )


@dataclass
class House:
    """Routing beside flows."""

    flows: FakeFlows
    queues: Any
    hours: Any
    skills: Any


@pytest_asyncio.fixture
async def house(rpc: RpcHouse, db: Database) -> AsyncIterator[House]:
    """A desk that asks flows."""
    flows = FakeFlows()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve(
        "flows",
        [
            (flow_service_pb2_grpc.add_FlowServiceServicer_to_server, flows),
            (flow_service_pb2_grpc.add_PromptServiceServicer_to_server, flows),
        ],
    )
    await rpc.serve("routing", servicers(Desk(db, flows=Flows(rpc.peers("routing")))))
    peers = rpc.peers()
    yield House(
        flows, peers.stub(queues_grpc.QueueServiceStub, "routing"),
        peers.stub(queues_grpc.BusinessHoursServiceStub, "routing"),
        peers.stub(queues_grpc.SkillServiceStub, "routing"),
    )  # fmt: skip


async def test_a_queue_that_a_flow_sends_callers_to_is_not_deleted_and_the_flow_is_named(
    house: House, floor: Floor
) -> None:
    queue = await floor.queue()
    delete = qs.DeleteQueueRequest(queue_id=queue.queue_id)
    use = flow_service_pb2.FlowUse(flow_id="flw_1", display_name="Front desk", step_ids=["line", "vip"])
    house.flows.named[queue.queue_id] = [use]
    with as_("admin", floor):
        try:
            await house.queues.DeleteQueue(delete)
        except FailedPrecondition as error:
            assert error.reason == "QUEUE_IN_USE" and error.metadata["flow_ids"] == "flw_1"
            assert "'Front desk' (step line, vip)" in str(error)
        else:
            raise AssertionError("it was deleted")
        house.flows.named.clear()
        house.flows.away = True
        await refused(house.queues.DeleteQueue(delete), Unavailable)
        house.flows.away = False
        await house.queues.DeleteQueue(delete)
        await refused(house.queues.DeleteQueue(delete), NotFound)


async def test_hours_that_a_flow_goes_by_are_not_deleted(house: House, floor: Floor) -> None:
    with as_("admin", floor):
        draft = queue_pb2.BusinessHours(display_name="Weekdays", time_zone="Asia/Baku")
        hours = await house.hours.CreateBusinessHours(
            qs.CreateBusinessHoursRequest(request_id="1", business_hours=draft)
        )
        delete = qs.DeleteBusinessHoursRequest(business_hours_id=hours.business_hours_id)
        house.flows.named[hours.business_hours_id] = [flow_service_pb2.FlowUse(flow_id="flw_1", display_name="Main")]
        await refused(house.hours.DeleteBusinessHours(delete), FailedPrecondition, "BUSINESS_HOURS_IN_USE")
        house.flows.named.clear()
        await house.hours.DeleteBusinessHours(delete)


async def test_a_skill_that_a_flow_asks_for_is_not_deleted_and_the_flow_is_named(house: House, floor: Floor) -> None:
    with as_("admin", floor):
        made = await house.skills.CreateSkill(
            qs.CreateSkillRequest(request_id="1", skill=queue_pb2.Skill(display_name="French"))
        )
        delete = qs.DeleteSkillRequest(skill_id=made.skill_id)
        use = flow_service_pb2.FlowUse(flow_id="flw_1", display_name="Front desk", step_ids=["rules"])
        house.flows.named[made.skill_id] = [use]
        with pytest.raises(FailedPrecondition, match=r"'Front desk' \(step rules\)") as error:
            await house.skills.DeleteSkill(delete)
        assert error.value.reason == "SKILL_IN_USE" and error.value.metadata["flow_ids"] == "flw_1"
        house.flows.named.clear()
        house.flows.away = True
        await refused(house.skills.DeleteSkill(delete), Unavailable)
        assert [each.skill_id for each in (await house.skills.ListSkills(qs.ListSkillsRequest())).skills] == [
            made.skill_id
        ]
        house.flows.away = False
        await house.skills.DeleteSkill(delete)
        await refused(house.skills.DeleteSkill(delete), NotFound)


async def test_a_queue_does_not_call_back_with_prompts_that_are_not_there(house: House, floor: Floor) -> None:
    known, gone = new_id("prm", floor.clock.now()), new_id("prm", floor.clock.now())
    house.flows.prompts = [new_id("prm", floor.clock.now()), known]
    rules = callback_rules_pb2.CallbackRules(
        on_machine=callback_rules_pb2.CALLBACK_MACHINE_ACTION_LEAVE_MESSAGE, message_prompt_id=gone
    )
    draft = queue_pb2.Queue(display_name="Sales", offer_timeout=Duration(seconds=20), callbacks=rules)
    field = "queue.callbacks.message_prompt_id"
    with as_("admin", floor):
        create = qs.CreateQueueRequest(request_id="1", queue=draft)
        await refused(house.queues.CreateQueue(create), InvalidInput, field=field)
        create.queue.callbacks.message_prompt_id = known
        queue = await house.queues.CreateQueue(create)
        changed = queue_pb2.Queue(queue_id=queue.queue_id, callbacks=rules)
        update = qs.UpdateQueueRequest(queue=changed, update_mask=FieldMask(paths=["callbacks"]))
        await refused(house.queues.UpdateQueue(update), InvalidInput, field=field)
        house.flows.away = True
        update.queue.callbacks.message_prompt_id = known
        await house.queues.UpdateQueue(update)
        update.queue.callbacks.message_prompt_id = gone
        await refused(house.queues.UpdateQueue(update), Unavailable)
