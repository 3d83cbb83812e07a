"""What routing asks of flows: which name a queue, hours or a skill to be deleted, and which prompts there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chassis.auth import acting_for
from chassis.grpc import Peers
from merkez.flows.v1 import flow_service_pb2, flow_service_pb2_grpc

from routing.domain.faults import fault, together
from routing.domain.hours import BusinessHoursInUse
from routing.domain.queues import QueueInUse, SkillInUse

_SECONDS = 2.0


class Flows:
    """The flows and prompts of a tenant. Asked on routing's own account: whoever may change queues need not be allowed
    to read flows. Everything raises Unavailable while flows can't say."""

    def __init__(self, peers: Peers) -> None:
        self._flows = peers.stub(flow_service_pb2_grpc.FlowServiceStub, "flows")
        self._prompts = peers.stub(flow_service_pb2_grpc.PromptServiceStub, "flows")

    async def require_queue_unused(self, tenant_id: str, queue_id: str) -> None:
        """QueueInUse, with the flows and their steps, while drafts or releases that run name the queue."""
        uses = await self._uses(tenant_id, flow_service_pb2.ListFlowUsesRequest(queue_id=queue_id))
        if uses:
            raise QueueInUse(f"flows send callers to this queue: {_named(uses)}", metadata=_ids(uses))

    async def require_hours_unused(self, tenant_id: str, business_hours_id: str) -> None:
        """BusinessHoursInUse, with the flows and their steps, while drafts or releases that run go by the hours."""
        uses = await self._uses(tenant_id, flow_service_pb2.ListFlowUsesRequest(business_hours_id=business_hours_id))
        if uses:
            raise BusinessHoursInUse(f"flows go by these hours: {_named(uses)}", metadata=_ids(uses))

    async def require_skill_unused(self, tenant_id: str, skill_id: str) -> None:
        """SkillInUse, with the flows and their steps, while drafts or releases that run ask for the skill."""
        uses = await self._uses(tenant_id, flow_service_pb2.ListFlowUsesRequest(skill_id=skill_id))
        if uses:
            raise SkillInUse(f"flows ask for this skill: {_named(uses)}", metadata=_ids(uses))

    async def require_prompts(self, tenant_id: str, prompts: Mapping[str, str]) -> None:
        """InvalidInput that names each field whose prompt the tenant hasn't. `prompts` are prompt ids by field."""
        missing = {field: prompt_id for field, prompt_id in prompts.items() if prompt_id}
        token = ""
        while missing:
            with acting_for(tenant_id):
                page = await self._prompts.ListPrompts(
                    flow_service_pb2.ListPromptsRequest(page_size=200, page_token=token), timeout=_SECONDS
                )
            known = {each.prompt_id for each in page.prompts}
            missing = {field: prompt_id for field, prompt_id in missing.items() if prompt_id not in known}
            token = page.next_page_token
            if not token:
                break
        if missing:
            wrong = "is no prompt of yours: choose another"
            raise together([fault("PROMPT_UNKNOWN", field, wrong) for field in missing])

    async def _uses(
        self, tenant_id: str, request: flow_service_pb2.ListFlowUsesRequest
    ) -> Sequence[flow_service_pb2.FlowUse]:
        with acting_for(tenant_id):
            return (await self._flows.ListFlowUses(request, timeout=_SECONDS)).uses


def _named(uses: Sequence[flow_service_pb2.FlowUse]) -> str:
    named = ", ".join(f"{each.display_name!r} (step {', '.join(each.step_ids[:5])})" for each in uses[:5])
    more = f" and {len(uses) - 5} more" if len(uses) > 5 else ""
    return f"{named}{more}. Take it out of them first"


def _ids(uses: Sequence[flow_service_pb2.FlowUse]) -> Mapping[str, str]:
    return {"flow_ids": ",".join(each.flow_id for each in uses[:20])}
