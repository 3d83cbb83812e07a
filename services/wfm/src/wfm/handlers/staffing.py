"""What is promised of queues, and what that takes."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database
from kernel.ids import require_id
from merkez.wfm.v1 import staffing_pb2, staffing_service_pb2, staffing_service_pb2_grpc

from wfm import convert
from wfm.domain.staffing import Need, tried_out
from wfm.ops import staffing as ops
from wfm.ops.history import SeriesKey, checked_minutes

ask = staffing_service_pb2


class Staffing(staffing_service_pb2_grpc.StaffingServiceServicer):
    """merkez.wfm.v1.StaffingService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetStaffingRule(self, request: ask.GetStaffingRuleRequest, context: Any) -> staffing_pb2.StaffingRule:
        key = SeriesKey(require_id("que", request.queue_id, "queue_id"), convert.channel_in(request.channel))
        found = await self._db.run(principal().tenant_id, lambda tx: ops.rule(tx, key), read_only=True)
        return convert.rule_out(key.queue_id, key.channel, *found)

    async def UpdateStaffingRule(
        self, request: ask.UpdateStaffingRuleRequest, context: Any
    ) -> staffing_pb2.StaffingRule:
        said = request.staffing_rule
        queue_id = require_id("que", said.queue_id, "staffing_rule.queue_id")
        key, value = SeriesKey(queue_id, convert.channel_in(said.channel)), convert.rule_in(said)
        return convert.rule_out(
            key.queue_id,
            key.channel,
            *await self._db.run(principal().tenant_id, lambda tx: ops.update_rule(tx, key, value, said.version)),
        )

    async def GetRequirements(self, request: ask.GetRequirementsRequest, context: Any) -> ask.GetRequirementsResponse:
        run_id = require_id("fcr", request.forecast_run_id, "forecast_run_id")
        queue_ids = [require_id("que", each, "queue_ids") for each in request.queue_ids]
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        asked = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.asked(tx, run_id, queue_ids, start, end, request.caution),
            read_only=True,
        )
        # Beside whoever else is served: a month of many queues takes seconds.
        curves, totals = await asyncio.to_thread(ops.required, asked)
        return ask.GetRequirementsResponse(
            curves=[
                staffing_pb2.RequirementCurve(
                    rule=convert.rule_out(each.key.queue_id, each.key.channel, each.rule, each.version),
                    requirements=[_need(need, at) for at, need in zip(each.starts, each.needs, strict=True)],
                )
                for each in curves
            ],
            totals=[
                staffing_pb2.RequirementTotal(
                    start_time=time_out(each.start), scheduled=each.scheduled, rounded_apart=each.rounded_apart
                )
                for each in totals
            ],
        )

    async def CalculateStaffing(
        self, request: ask.CalculateStaffingRequest, context: Any
    ) -> ask.CalculateStaffingResponse:
        minutes, rule = checked_minutes(request.interval_minutes), convert.rule_in(request.staffing_rule)
        found = tried_out(request.volume, request.aht_seconds, request.agents, rule, minutes)
        return ask.CalculateStaffingResponse(requirement=_need(found, None))


def _need(value: Need, start: datetime | None) -> staffing_pb2.Requirement:
    came = value.outcome
    return staffing_pb2.Requirement(
        start_time=time_out(start), volume=value.volume, aht_seconds=value.aht_seconds, agents=value.agents,
        scheduled=value.scheduled, service_level=came.service_level,
        asa_seconds=came.asa if came.asa is not None and math.isfinite(came.asa) else 0.0, occupancy=came.occupancy,
        abandon_share=came.p_abandon,
    )  # fmt: skip
