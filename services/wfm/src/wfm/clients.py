"""The one call to another service that wfm needs: what queues there are. No transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from chassis.auth import acting_for
from chassis.grpc import Peers
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc

_PAGE = 200
_MOST_PAGES = 100


class Routing:
    """Queues as routing keeps them."""

    def __init__(self, peers: Peers) -> None:
        self._queues = cast(
            "queue_service_pb2_grpc.QueueServiceAsyncStub",
            peers.stub(queue_service_pb2_grpc.QueueServiceStub, "routing"),
        )

    async def queues(self, tenant_id: str) -> Sequence[queue_pb2.Queue]:
        """All of a tenant. Raises Unavailable."""
        found: list[queue_pb2.Queue] = []
        token = ""
        for _ in range(_MOST_PAGES):
            request = queue_service_pb2.ListQueuesRequest(page_size=_PAGE, page_token=token)
            with acting_for(tenant_id):
                page = await self._queues.ListQueues(request, timeout=10)
            found += page.queues
            token = page.next_page_token
            if not token:
                break
        return found
