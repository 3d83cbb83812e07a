"""Changing the day: what would help, applied and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import adjustment_pb2, adjustment_service_pb2, adjustment_service_pb2_grpc

from wfm import convert
from wfm.domain.adjusting import BreakMove
from wfm.ops import adjustments as ops
from wfm.ops.adjustments import Suggested

ask = adjustment_service_pb2


class Adjustments(adjustment_service_pb2_grpc.AdjustmentServiceServicer):
    """merkez.wfm.v1.AdjustmentService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListSuggestions(self, request: ask.ListSuggestionsRequest, context: Any) -> ask.ListSuggestionsResponse:
        day, now = convert.day_in(request.day, "day"), self._db.clock.now()
        gathered = await self._read(lambda tx: ops.gather(tx, day, now))
        # Beside whoever else is served: every agent's rules are held against every change that would help.
        moves, offers = await asyncio.to_thread(ops.suggestions, gathered, now)
        return ask.ListSuggestionsResponse(
            break_moves=[_move(each) for each in moves], offers=[_suggested(each) for each in offers]
        )

    async def MoveBreak(self, request: ask.MoveBreakRequest, context: Any) -> adjustment_pb2.Adjustment:
        request_id, now, by = require_request_id(request.request_id), self._db.clock.now(), principal().subject
        user_id, day = require_id("usr", request.user_id, "user_id"), convert.day_in(request.day, "day")
        start, to = time_in(request, "start_time"), time_in(request, "new_start_time")

        async def work(tx: Tx) -> adjustment_pb2.Adjustment:
            async def move() -> adjustment_pb2.Adjustment:
                return convert.adjustment_out(await ops.move_break(tx, user_id, day, start, to, by, now))

            return await tx.once(request_id, "MoveBreak", request, adjustment_pb2.Adjustment, move)

        return await self._db.run(principal().tenant_id, work)

    async def UndoAdjustment(self, request: ask.UndoAdjustmentRequest, context: Any) -> adjustment_pb2.Adjustment:
        key, now, by = require_id("adj", request.adjustment_id, "adjustment_id"), self._db.clock.now(), principal()
        return convert.adjustment_out(
            await self._db.run(by.tenant_id, lambda tx: ops.undo(tx, key, by.subject, now))
        )  # fmt: skip

    async def ListAdjustments(self, request: ask.ListAdjustmentsRequest, context: Any) -> ask.ListAdjustmentsResponse:
        day = convert.day_in(request.day, "day")
        found = await self._read(lambda tx: ops.list_adjustments(tx, day))
        return ask.ListAdjustmentsResponse(adjustments=[convert.adjustment_out(each) for each in found])

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _move(value: BreakMove) -> adjustment_pb2.BreakMove:
    return adjustment_pb2.BreakMove(
        user_id=value.agent_id, day=value.day.isoformat(), start_time=time_out(value.before.start),
        new_start_time=time_out(value.after.start), saved_hours=value.saved,
        minutes=int((value.before.end - value.before.start).total_seconds()) // 60,
    )  # fmt: skip


def _suggested(value: Suggested) -> adjustment_pb2.OfferSuggestion:
    window = value.window
    return adjustment_pb2.OfferSuggestion(
        kind=adjustment_pb2.AdjustmentKind.Value(f"ADJUSTMENT_KIND_{window.kind.value}"), places=window.most,
        start_time=time_out(window.start), end_time=time_out(window.end), hours=window.hours,
        user_ids=value.user_ids, group=window.group,
    )  # fmt: skip
