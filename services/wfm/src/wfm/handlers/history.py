"""History, its import, and the calendar."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import history_pb2, history_service_pb2, history_service_pb2_grpc

from wfm import convert
from wfm.domain.calendar import SpecialDayInvalid
from wfm.domain.series import Interval
from wfm.ops import calendar
from wfm.ops import history as ops
from wfm.ops.history import Listed, Report

ask = history_service_pb2
MOST_PROBLEMS = 500


class History(history_service_pb2_grpc.HistoryServiceServicer):
    """merkez.wfm.v1.HistoryService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListHistorySeries(
        self, request: ask.ListHistorySeriesRequest, context: Any
    ) -> ask.ListHistorySeriesResponse:
        found, zone = await self._db.run(principal().tenant_id, ops.list_series, read_only=True)
        return ask.ListHistorySeriesResponse(series=[_series(each) for each in found], time_zone=zone)

    async def ListHistoryIntervals(
        self, request: ask.ListHistoryIntervalsRequest, context: Any
    ) -> ask.ListHistoryIntervalsResponse:
        queue_id = require_id("que", request.queue_id, "queue_id")
        key, minutes = ops.SeriesKey(queue_id, convert.channel_in(request.channel)), request.interval_minutes
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        minutes = ops.checked_minutes(minutes)
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.intervals(tx, key, request.brand_id, minutes, start, end),
            read_only=True,
        )
        return ask.ListHistoryIntervalsResponse(intervals=[_interval(each) for each in found])

    async def ImportHistory(self, request: ask.ImportHistoryRequest, context: Any) -> history_pb2.ImportReport:
        request_id, minutes = require_request_id(request.request_id), ops.checked_minutes(request.interval_minutes)
        now = self._db.clock.now()

        async def work(tx: Tx) -> history_pb2.ImportReport:
            async def imported() -> history_pb2.ImportReport:
                return _report(await ops.import_history(tx, request.csv, minutes, request.dry_run, now))

            # What a dry run says isn't kept: the file may be checked again after a queue was added.
            if request.dry_run:
                return await imported()
            return await tx.once(request_id, "ImportHistory", request, history_pb2.ImportReport, imported)

        return await self._db.run(principal().tenant_id, work)

    async def ListSpecialDays(self, request: ask.ListSpecialDaysRequest, context: Any) -> ask.ListSpecialDaysResponse:
        first, last = convert.day_in(request.first_day, "first_day"), convert.day_in(request.last_day, "last_day")
        found = await self._db.run(
            principal().tenant_id, lambda tx: calendar.list_special_days(tx, first, last), read_only=True
        )
        return ask.ListSpecialDaysResponse(special_days=[convert.special_day_out(each) for each in found])

    async def CreateSpecialDay(self, request: ask.CreateSpecialDayRequest, context: Any) -> history_pb2.SpecialDay:
        request_id = require_request_id(request.request_id)
        value = convert.special_day_in(request.special_day, SpecialDayInvalid.of)
        now = self._db.clock.now()

        async def work(tx: Tx) -> history_pb2.SpecialDay:
            async def create() -> history_pb2.SpecialDay:
                return convert.special_day_out(await calendar.create(tx, value, now))

            return await tx.once(request_id, "CreateSpecialDay", request, history_pb2.SpecialDay, create)

        return await self._db.run(principal().tenant_id, work)

    async def UpdateSpecialDay(self, request: ask.UpdateSpecialDayRequest, context: Any) -> history_pb2.SpecialDay:
        require_id("spd", request.special_day.special_day_id, "special_day.special_day_id")
        value = convert.special_day_in(request.special_day, SpecialDayInvalid.of)
        return convert.special_day_out(await self._db.run(principal().tenant_id, lambda tx: calendar.update(tx, value)))

    async def DeleteSpecialDay(self, request: ask.DeleteSpecialDayRequest, context: Any) -> empty_pb2.Empty:
        special_day_id = require_id("spd", request.special_day_id, "special_day_id")
        await self._db.run(principal().tenant_id, lambda tx: calendar.delete(tx, special_day_id))
        return empty_pb2.Empty()


def _series(value: Listed) -> history_pb2.HistorySeries:
    return history_pb2.HistorySeries(
        queue_id=value.key.queue_id, queue_name=value.name, channel=convert.channel_out(value.key.channel),
        first_day=value.first.isoformat(), last_day=value.last.isoformat(),
    )  # fmt: skip


def _interval(value: Interval) -> history_pb2.HistoryInterval:
    return history_pb2.HistoryInterval(
        start_time=time_out(value.start), offered=value.offered, answered=value.answered, abandoned=value.abandoned,
        handled=value.handled, handle_seconds=value.handle_seconds,
    )  # fmt: skip


def _report(value: Report) -> history_pb2.ImportReport:
    return history_pb2.ImportReport(
        good_lines=value.good,
        bad_lines=len(value.problems),
        problems=[
            history_pb2.ImportProblem(line=each.line, column=each.column, problem=each.problem, value=each.value)
            for each in value.problems[:MOST_PROBLEMS]
        ],
        replaced_intervals=value.replaced,
        first_day=value.days[0].isoformat() if value.days else "",
        last_day=value.days[1].isoformat() if value.days else "",
        imported=value.imported,
    )
