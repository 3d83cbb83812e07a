"""NodeService."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.telephony.v1 import node_service_pb2, node_service_pb2_grpc

from telephony.convert import node_message
from telephony.live.handover import Handover
from telephony.live.nodes import Nodes
from telephony.ops import nodes as node_ops


class NodeHandlers(node_service_pb2_grpc.NodeServiceServicer):
    """NodeService."""

    def __init__(self, db: Database, nodes: Nodes, handover: Handover, drain_default: timedelta) -> None:
        self._db = db
        self._drain_default = drain_default
        self._nodes = nodes
        self._handover = handover

    async def ListNodes(
        self, request: node_service_pb2.ListNodesRequest, context: Any
    ) -> node_service_pb2.ListNodesResponse:
        found = await self._db.system(node_ops.list_nodes, read_only=True)
        return node_service_pb2.ListNodesResponse(nodes=[node_message(node) for node in found])

    async def DrainNode(self, request: node_service_pb2.DrainNodeRequest, context: Any) -> node_service_pb2.Node:
        node_id, bound = _named(request.node_id), _bound(request)
        default = self._drain_default
        return node_message(
            await self._db.system(lambda tx: node_ops.drain(tx, node_id, bound, default, self._db.clock.now()))
        )

    async def UndrainNode(self, request: node_service_pb2.UndrainNodeRequest, context: Any) -> node_service_pb2.Node:
        node_id = _named(request.node_id)
        return node_message(await self._db.system(lambda tx: node_ops.undrain(tx, node_id)))

    async def PingNode(
        self, request: node_service_pb2.PingNodeRequest, context: Any
    ) -> node_service_pb2.PingNodeResponse:
        return self._nodes.ping()

    async def AdoptCall(self, request: node_service_pb2.AdoptCallRequest, context: Any) -> Empty:
        call_id = require_id("call", request.call_id, "call_id")
        if not request.from_node_id:
            raise InvalidInput.of("from_node_id", "is required")
        await self._handover.take(principal().tenant_id, call_id, request.from_node_id)
        return Empty()


def _named(node_id: str) -> str:
    if not node_id:
        raise InvalidInput.of("node_id", "is required")
    return node_id


def _bound(request: node_service_pb2.DrainNodeRequest) -> timedelta | None:
    """How long is to be waited; None when it isn't said."""
    if not request.HasField("drain_duration"):
        return None
    try:
        return request.drain_duration.ToTimedelta()
    except (ValueError, OverflowError):
        raise InvalidInput.of("drain_duration", "is no duration") from None
