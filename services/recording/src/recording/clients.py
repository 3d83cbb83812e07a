"""What recording asks of routing."""

from __future__ import annotations

from chassis.auth import principal
from chassis.grpc import Peers
from kernel.errors import Forbidden, NotFound
from merkez.routing.v1 import contact_service_pb2, contact_service_pb2_grpc

_SECONDS = 2.0


class Routing:
    """Who serves which queue."""

    def __init__(self, peers: Peers) -> None:
        self._agents = peers.stub(contact_service_pb2_grpc.AgentServiceStub, "routing")

    async def queues_served(self) -> frozenset[str]:
        """Ids of the queues that the caller of the current rpc serves: none for who is no agent. Raises Unavailable."""
        if principal().role == "api_client":
            return frozenset()
        try:
            desktop = await self._agents.GetMyDesktop(contact_service_pb2.GetMyDesktopRequest(), timeout=_SECONDS)
        except (Forbidden, NotFound):
            return frozenset()
        return frozenset(desktop.agent.queue_ids)
