"""Runs of forecasts, what they say, and what people know better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import forecast_pb2, forecast_service_pb2, forecast_service_pb2_grpc

from wfm import convert
from wfm.domain.overrides import Override
from wfm.ops import forecasts as ops
from wfm.ops.forecasts import Read, Run, SeriesKey
from wfm.ops.history import checked_minutes

ask = forecast_service_pb2


class Forecasts(forecast_service_pb2_grpc.ForecastServiceServicer):
    """merkez.wfm.v1.ForecastService. `wake` tells whoever forecasts that there is something to do."""

    def __init__(self, db: Database, wake: Callable[[], None]) -> None:
        self._db = db
        self._wake = wake

    async def StartForecast(self, request: ask.StartForecastRequest, context: Any) -> forecast_pb2.ForecastRun:
        request_id, minutes = require_request_id(request.request_id), checked_minutes(request.interval_minutes)
        queue_ids = [require_id("que", each, "queue_ids") for each in request.queue_ids]
        first, now = convert.day_in(request.first_day, "first_day"), self._db.clock.now()

        async def work(tx: Tx) -> forecast_pb2.ForecastRun:
            async def start() -> forecast_pb2.ForecastRun:
                return _run(await ops.start(tx, queue_ids, first, request.days, minutes, now))

            tx.after_commit(self._wake)
            return await tx.once(request_id, "StartForecast", request, forecast_pb2.ForecastRun, start)

        return await self._db.run(principal().tenant_id, work)

    async def GetForecastRun(self, request: ask.GetForecastRunRequest, context: Any) -> forecast_pb2.ForecastRun:
        run_id = require_id("fcr", request.forecast_run_id, "forecast_run_id")
        return _run(await self._db.run(principal().tenant_id, lambda tx: ops.get_run(tx, run_id), read_only=True))

    async def ListForecastRuns(
        self, request: ask.ListForecastRunsRequest, context: Any
    ) -> ask.ListForecastRunsResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(principal().tenant_id, lambda tx: ops.list_runs(tx, page), read_only=True)
        return ask.ListForecastRunsResponse(forecast_runs=[_run(each) for each in found], next_page_token=token)

    async def CancelForecastRun(self, request: ask.CancelForecastRunRequest, context: Any) -> forecast_pb2.ForecastRun:
        run_id, now = require_id("fcr", request.forecast_run_id, "forecast_run_id"), self._db.clock.now()
        return _run(await self._db.run(principal().tenant_id, lambda tx: ops.cancel(tx, run_id, now)))

    async def GetForecast(self, request: ask.GetForecastRequest, context: Any) -> forecast_pb2.Forecast:
        run_id = require_id("fcr", request.forecast_run_id, "forecast_run_id")
        key = SeriesKey(require_id("que", request.queue_id, "queue_id"), convert.channel_in(request.channel))
        start, end, now = time_in(request, "start_time"), time_in(request, "end_time"), self._db.clock.now()
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.read(tx, run_id, key, start, end, now), read_only=True
        )
        return _forecast(run_id, found)

    async def CreateForecastOverride(
        self, request: ask.CreateForecastOverrideRequest, context: Any
    ) -> forecast_pb2.ForecastOverride:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        value = _override_in(request.forecast_override, principal().subject, now)

        async def work(tx: Tx) -> forecast_pb2.ForecastOverride:
            async def create() -> forecast_pb2.ForecastOverride:
                return _override(await ops.create_override(tx, value, now))

            return await tx.once(request_id, "CreateForecastOverride", request, forecast_pb2.ForecastOverride, create)

        return await self._db.run(principal().tenant_id, work)

    async def ListForecastOverrides(
        self, request: ask.ListForecastOverridesRequest, context: Any
    ) -> ask.ListForecastOverridesResponse:
        key = SeriesKey(require_id("que", request.queue_id, "queue_id"), convert.channel_in(request.channel))
        found = await self._db.run(principal().tenant_id, lambda tx: ops.list_overrides(tx, key), read_only=True)
        return ask.ListForecastOverridesResponse(forecast_overrides=[_override(each) for each in found])

    async def DeleteForecastOverride(self, request: ask.DeleteForecastOverrideRequest, context: Any) -> empty_pb2.Empty:
        override_id = require_id("fov", request.forecast_override_id, "forecast_override_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_override(tx, override_id))
        return empty_pb2.Empty()


def _run(value: Run) -> forecast_pb2.ForecastRun:
    return forecast_pb2.ForecastRun(
        forecast_run_id=value.forecast_run_id,
        state=forecast_pb2.ForecastRunState.Value(f"FORECAST_RUN_STATE_{value.state}"),
        first_day=value.first.isoformat(), days=value.days, interval_minutes=value.minutes,
        series_count=value.series_count, done_count=value.done_count, failed_count=value.failed_count,
        create_time=time_out(value.create_time), end_time=time_out(value.end_time),
        history_until=value.history_until.isoformat(),
    )  # fmt: skip


def _forecast(run_id: str, found: Read) -> forecast_pb2.Forecast:
    curve, kept = found.curve, found.kept
    rows = zip(
        curve.starts, curve.volume.tolist(), curve.low.tolist(), curve.high.tolist(), curve.aht.tolist(),
        curve.overridden.tolist(), found.came.tolist(), strict=True,
    )  # fmt: skip
    return forecast_pb2.Forecast(
        forecast_run_id=run_id,
        queue_id=kept.key.queue_id,
        channel=convert.channel_out(kept.key.channel),
        method=kept.method,
        backtest=_backtest(kept.backtest),
        warnings=[forecast_pb2.ForecastWarning(code=each.code, data=dict(each.data)) for each in kept.warnings],
        intervals=[
            forecast_pb2.ForecastInterval(
                start_time=time_out(start), volume=volume, low=low, high=high, aht_seconds=aht, overridden=touched,
                came=None if np.isnan(came) else came,
            )
            for start, volume, low, high, aht, touched, came in rows
        ],
        error=found.error,
        last_week_error=found.last_week_error,
    )  # fmt: skip


def _backtest(kept: Mapping[str, Any] | None) -> forecast_pb2.Backtest | None:
    if kept is None:
        return None
    names = sorted(kept["overall"], key=kept["overall"].__getitem__)
    return forecast_pb2.Backtest(
        origins=kept["origins"],
        methods=[
            forecast_pb2.BacktestMethod(
                method=name,
                error=kept["overall"][name],
                error_by_week=[-1.0 if each is None else each for each in kept["by_week"][name]],
            )
            for name in names
        ],
        coverage=kept["coverage"],
    )


def _override_in(message: forecast_pb2.ForecastOverride, user_id: str, now: Any) -> Override:
    start, end = time_in(message, "start_time"), time_in(message, "end_time")
    if start is None or end is None:
        field = "start_time" if start is None else "end_time"
        raise InvalidInput.of(f"forecast_override.{field}", "must be given")
    return Override(
        "", require_id("que", message.queue_id, "forecast_override.queue_id"), convert.channel_in(message.channel),
        start, end, message.total if message.HasField("total") else None,
        message.percent if message.HasField("percent") else None, message.aht_seconds, message.reason.strip(), user_id,
        now,
    )  # fmt: skip


def _override(value: Override) -> forecast_pb2.ForecastOverride:
    made = forecast_pb2.ForecastOverride(
        forecast_override_id=value.override_id, queue_id=value.queue_id, channel=convert.channel_out(value.channel),
        start_time=time_out(value.start), end_time=time_out(value.end), aht_seconds=value.aht_seconds,
        reason=value.reason, user_id=value.user_id, create_time=time_out(value.create_time),
    )  # fmt: skip
    if value.total is not None:
        made.total = value.total
    elif value.percent is not None:
        made.percent = value.percent
    return made
