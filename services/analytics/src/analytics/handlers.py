"""gRPC servicer of the wallboard and the intervals."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_in
from chassis.sql import Database
from kernel.ids import require_id
from merkez.analytics.v1 import analytics_pb2, analytics_service_pb2, analytics_service_pb2_grpc

from analytics import convert, ops


class Analytics(analytics_service_pb2_grpc.AnalyticsServiceServicer):
    """merkez.analytics.v1.AnalyticsService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetWallboard(
        self, request: analytics_service_pb2.GetWallboardRequest, context: Any
    ) -> analytics_pb2.Wallboard:
        now = self._db.clock.now()
        snapshot = await self._db.run(principal().tenant_id, lambda tx: ops.wallboard(tx, now), read_only=True)
        return convert.wallboard_out(snapshot)

    async def ListQueueIntervals(
        self, request: analytics_service_pb2.ListQueueIntervalsRequest, context: Any
    ) -> analytics_service_pb2.ListQueueIntervalsResponse:
        if request.queue_id:
            require_id("que", request.queue_id, "queue_id")
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        now = self._db.clock.now()
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.queue_intervals(tx, request.queue_id, start, end, now),
            read_only=True,
        )
        return analytics_service_pb2.ListQueueIntervalsResponse(
            intervals=[convert.interval_out(key, counters) for key, counters in found]
        )
