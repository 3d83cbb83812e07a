"""What tenancy asks of flows, of telephony and of billing."""

from __future__ import annotations

from chassis.auth import acting_for
from chassis.grpc import Peers
from kernel.tenant import PLATFORM
from merkez.billing.v1 import plan_rating_service_pb2, plan_rating_service_pb2_grpc
from merkez.flows.v1 import flow_service_pb2, flow_service_pb2_grpc
from merkez.telephony.v1 import trunk_service_pb2, trunk_service_pb2_grpc
from merkez.tenancy.v1 import plan_pb2

_SECONDS = 2.0


class Flows:
    """Which flows a tenant has."""

    def __init__(self, peers: Peers) -> None:
        self._flows = peers.stub(flow_service_pb2_grpc.FlowServiceStub, "flows")

    async def require(self, tenant_id: str, flow_id: str) -> None:
        """Raises NotFound (FLOW_NOT_FOUND) unless the tenant has this flow, Unavailable while flows can't say.

        Asked on tenancy's own account: whoever points numbers need not be allowed to read flows.
        """
        with acting_for(tenant_id):
            await self._flows.GetFlow(flow_service_pb2.GetFlowRequest(flow_id=flow_id), timeout=_SECONDS)


class Trunks:
    """Which trunks a tenant has."""

    def __init__(self, peers: Peers) -> None:
        self._trunks = peers.stub(trunk_service_pb2_grpc.TrunkServiceStub, "telephony")

    async def require(self, tenant_id: str, trunk_id: str) -> None:
        """Raises NotFound (TRUNK_NOT_FOUND) unless the trunk is the tenant's own, Unavailable while telephony can't
        say."""
        with acting_for(tenant_id):
            await self._trunks.GetTrunk(trunk_service_pb2.GetTrunkRequest(trunk_id=trunk_id), timeout=_SECONDS)


class PlanRating:
    """Whether billing can rate a plan."""

    def __init__(self, peers: Peers) -> None:
        self._plans = peers.stub(plan_rating_service_pb2_grpc.PlanRatingServiceStub, "billing")

    async def faults(self, plan: plan_pb2.Plan) -> list[tuple[str, str]]:
        """(path, key) of everything that keeps the plan from being rated; Unavailable while billing can't say."""
        request = plan_rating_service_pb2.CheckPlanRatesRequest(plan=plan)
        with acting_for(PLATFORM):
            answer = await self._plans.CheckPlanRates(request, timeout=_SECONDS)
        return [(each.field, each.fault) for each in answer.faults]
