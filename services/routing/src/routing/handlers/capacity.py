"""CapacityService."""

from __future__ import annotations

from typing import Any

from merkez.routing.v1 import capacity_pb2, capacity_service_pb2
from merkez.routing.v1.capacity_service_pb2_grpc import CapacityServiceServicer

from routing.capacity_proto import capacity_rules_from_proto, capacity_rules_to_proto
from routing.handlers.asking import Asked
from routing.ops import capacity as ops


class CapacityServicer(Asked, CapacityServiceServicer):
    """Rules of capacity."""

    async def GetCapacityRules(
        self, request: capacity_service_pb2.GetCapacityRulesRequest, context: Any
    ) -> capacity_pb2.CapacityRules:
        return capacity_rules_to_proto(await self._run(ops.get_rules, read_only=True))

    async def UpdateCapacityRules(
        self, request: capacity_service_pb2.UpdateCapacityRulesRequest, context: Any
    ) -> capacity_pb2.CapacityRules:
        channels, now = capacity_rules_from_proto(request.capacity_rules), self._desk.clock.now()
        return capacity_rules_to_proto(await self._run(lambda tx: ops.set_rules(tx, channels, request.version, now)))
