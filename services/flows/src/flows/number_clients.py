"""What flows asks of tenancy: which numbers lead into a flow that is to be deleted."""

from __future__ import annotations

from chassis.auth import acting_for
from chassis.grpc import Peers
from merkez.tenancy.v1 import number_service_pb2, number_service_pb2_grpc, porting_pb2, porting_service_pb2
from merkez.tenancy.v1 import porting_service_pb2_grpc as porting_grpc

from flows.domain.flows import FlowHasNumbers

_SECONDS = 2.0
_PAGE = 200
_SHOWN = 5
_SETTLED = (porting_pb2.PORT_STATE_PORTED, porting_pb2.PORT_STATE_CANCELLED)


class Numbers:
    """The numbers of a tenant, with those that are to come from another carrier. Asked on flows' own account: whoever
    deletes flows need not be allowed to read numbers. Unavailable while tenancy can't say."""

    def __init__(self, peers: Peers) -> None:
        self._numbers = peers.stub(number_service_pb2_grpc.NumberServiceStub, "tenancy")
        self._porting = peers.stub(porting_grpc.PortingServiceStub, "tenancy")

    async def require_none(self, tenant_id: str, flow_id: str) -> None:
        """FlowHasNumbers, naming them, while calls to any lead into the flow; a brand's chat widget goes by its
        number."""
        with acting_for(tenant_id):
            found = [*await self._held(flow_id), *await self._coming(flow_id)]
        if found:
            named = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
            what = f"calls to these numbers come here: {named}; point them at another flow first"
            raise FlowHasNumbers(what, metadata={"numbers": named})

    async def _held(self, flow_id: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            request = number_service_pb2.ListNumbersRequest(page_size=_PAGE, page_token=token)
            page = await self._numbers.ListNumbers(request, timeout=_SECONDS)
            found += [each.number for each in page.numbers if each.flow_id == flow_id]
            token = page.next_page_token
            if not token:
                return found

    async def _coming(self, flow_id: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            request = porting_service_pb2.ListPortOrdersRequest(page_size=_PAGE, page_token=token)
            page = await self._porting.ListPortOrders(request, timeout=_SECONDS)
            for order in page.orders:
                if order.flow_id == flow_id and any(lane.state not in _SETTLED for lane in order.lanes):
                    found += [each.number for each in order.numbers]
            token = page.next_page_token
            if not token:
                return found
