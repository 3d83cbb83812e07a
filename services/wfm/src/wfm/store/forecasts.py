"""Forecast runs, what came out of them, and overrides."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import and_, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.cleaning import Warned
from wfm.domain.forecasting import Backtest, Forecast
from wfm.domain.overrides import Override
from wfm.store.history import SeriesKey
from wfm.store.rows import own
from wfm.store.tables import forecast_runs as runs
from wfm.store.tables import forecasts, overrides

MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Run:
    """A making of forecasts. `state`: RUNNING, DONE, CANCELLED."""

    forecast_run_id: str
    state: str
    first: date
    days: int
    minutes: int
    series_count: int
    history_until: date
    create_time: datetime
    end_time: datetime | None = None
    done_count: int = 0
    failed_count: int = 0


@dataclass(frozen=True)
class Kept:
    """What a run says of a series: days by slots, float32."""

    key: SeriesKey
    state: str
    method: str
    backtest: Mapping[str, Any] | None
    warnings: Sequence[Warned]
    arrays: Mapping[str, np.ndarray]


async def insert_run(tx: Tx, run: Run, keys: Sequence[SeriesKey]) -> None:
    """Begins a run over these series."""
    row = {
        "tenant_id": tx.tenant_id, "forecast_run_id": run.forecast_run_id, "state": run.state,
        "first_day": run.first.isoformat(), "days": run.days, "interval_minutes": run.minutes,
        "series_count": run.series_count, "history_until": run.history_until.isoformat(),
        "create_time": run.create_time, "end_time": None,
    }  # fmt: skip
    await tx.execute(insert(runs).values(**row))
    rows = [
        {
            "tenant_id": tx.tenant_id, "forecast_run_id": run.forecast_run_id, "queue_id": key.queue_id,
            "channel": key.channel, "state": "PENDING", "attempts": 0, "method": "", "warnings": [],
        }
        for key in keys
    ]  # fmt: skip
    await tx.execute(insert(forecasts), rows)


async def find_run(tx: Tx, forecast_run_id: str) -> Run | None:
    """A run with its progress."""
    row = await tx.one_or_none(_with_progress().where(runs.c.forecast_run_id == forecast_run_id, own(tx, runs)))
    return _run(row) if row else None


async def list_runs(tx: Tx, token: str, size: int) -> list[Run]:
    """Newest first, one more than `size`."""
    statement = _with_progress().where(own(tx, runs))
    rows = await tx.all(keyset(statement, runs.c.create_time, runs.c.forecast_run_id, token, size))
    return [_run(row) for row in rows]


async def running_count(tx: Tx) -> int:
    """Runs of the tenant that go on."""
    row = await tx.one(select(func.count().label("n")).where(own(tx, runs), runs.c.state == "RUNNING"))
    return int(row["n"])


async def end_run(tx: Tx, forecast_run_id: str, state: str, now: datetime) -> None:
    """The run is over; of one that was cancelled nothing more is made."""
    await tx.execute(
        update(runs)
        .where(own(tx, runs), runs.c.forecast_run_id == forecast_run_id, runs.c.state == "RUNNING")
        .values(state=state, end_time=now)
    )
    if state == "CANCELLED":
        await tx.execute(delete(forecasts).where(_of(tx, forecast_run_id), forecasts.c.state == "PENDING"))


async def tenants_with_work(tx: Tx, now: datetime) -> list[str]:
    """Of all tenants, those with anything to forecast that nobody works on."""
    rows = await tx.all(
        select(forecasts.c.tenant_id)
        .where(forecasts.c.state == "PENDING", or_(forecasts.c.lease_until.is_(None), forecasts.c.lease_until < now))
        .group_by(forecasts.c.tenant_id)
        .limit(10_000)
    )
    return sorted(row["tenant_id"] for row in rows)


async def claim(tx: Tx, now: datetime, until: datetime, most: int) -> tuple[Run, list[SeriesKey]] | None:
    """Up to `most` series of the tenant's oldest run that has any free, kept for us until then."""
    free = and_(forecasts.c.state == "PENDING", or_(forecasts.c.lease_until.is_(None), forecasts.c.lease_until < now))
    oldest = await tx.one_or_none(
        select(runs.c.forecast_run_id)
        .where(
            own(tx, runs),
            runs.c.state == "RUNNING",
            select(1).where(own(tx, forecasts), forecasts.c.forecast_run_id == runs.c.forecast_run_id, free).exists(),
        )
        .order_by(runs.c.create_time, runs.c.forecast_run_id)
        .limit(1)
    )
    if oldest is None:
        return None
    run = await find_run(tx, oldest["forecast_run_id"])
    rows = await tx.all(
        select(forecasts.c.queue_id, forecasts.c.channel)
        .where(_of(tx, oldest["forecast_run_id"]), free)
        .order_by(forecasts.c.attempts, forecasts.c.queue_id, forecasts.c.channel)
        .limit(most)
    )
    keys = [SeriesKey(row["queue_id"], row["channel"]) for row in rows]
    for key in keys:
        await tx.execute(
            update(forecasts)
            .where(_at(tx, oldest["forecast_run_id"], key))
            .values(lease_until=until, attempts=forecasts.c.attempts + 1)
        )
    return (run, keys) if run is not None and keys else None


async def save(tx: Tx, forecast_run_id: str, key: SeriesKey, made: Forecast | None) -> None:
    """Keeps a forecast. None: it could not be made, and is given up after a few attempts."""
    mine = and_(_at(tx, forecast_run_id, key), forecasts.c.state == "PENDING")
    if made is None:
        given_up = forecasts.c.attempts >= MOST_ATTEMPTS
        state = case((given_up, "FAILED"), else_="PENDING")
        await tx.execute(
            update(forecasts)
            .where(mine)
            .values(state=state, lease_until=None, warnings=[{"code": "FAILED", "data": {}}])
        )
        return
    values = {
        "state": "DONE", "lease_until": None, "method": made.method, "backtest": _backtest_out(made.backtest),
        "warnings": [{"code": each.code, "data": dict(each.data)} for each in made.warnings],
        "curve": _packed(made),
    }  # fmt: skip
    await tx.execute(update(forecasts).where(mine).values(**values))


async def left(tx: Tx, forecast_run_id: str) -> int:
    """Series still to be forecast."""
    row = await tx.one(select(func.count().label("n")).where(_of(tx, forecast_run_id), forecasts.c.state == "PENDING"))
    return int(row["n"])


async def find(tx: Tx, forecast_run_id: str, key: SeriesKey) -> Kept | None:
    """What a run says of a series, once it does."""
    row = await tx.one_or_none(select(forecasts).where(_at(tx, forecast_run_id, key), forecasts.c.state != "PENDING"))
    return _kept(row) if row else None


async def all_of(tx: Tx, forecast_run_id: str, queue_ids: Sequence[str], most: int) -> list[Kept]:
    """What a run says of its series, those that are done."""
    statement = select(forecasts).where(_of(tx, forecast_run_id), forecasts.c.state == "DONE")
    if queue_ids:
        statement = statement.where(forecasts.c.queue_id.in_(queue_ids))
    rows = await tx.all(statement.order_by(forecasts.c.queue_id, forecasts.c.channel).limit(most))
    return [_kept(row) for row in rows]


async def insert_override(tx: Tx, value: Override) -> None:
    """Keeps what is known better."""
    row = {
        "tenant_id": tx.tenant_id, "forecast_override_id": value.override_id, "queue_id": value.queue_id,
        "channel": value.channel, "start_time": value.start, "end_time": value.end, "total": value.total,
        "percent": value.percent, "aht_seconds": value.aht_seconds, "reason": value.reason, "user_id": value.user_id,
        "create_time": value.create_time,
    }  # fmt: skip
    await tx.execute(insert(overrides).values(**row))


async def list_overrides(
    tx: Tx, key: SeriesKey, start: datetime | None = None, end: datetime | None = None, most: int = 2000
) -> list[Override]:
    """Those that touch [start, end), newest first."""
    statement = select(overrides).where(
        own(tx, overrides), overrides.c.queue_id == key.queue_id, overrides.c.channel == key.channel
    )
    if start:
        statement = statement.where(overrides.c.end_time > start)
    if end:
        statement = statement.where(overrides.c.start_time < end)
    newest = (overrides.c.create_time.desc(), overrides.c.forecast_override_id.desc())
    return [_override(row) for row in await tx.all(statement.order_by(*newest).limit(most))]


async def delete_override(tx: Tx, override_id: str) -> bool:
    """Takes one back; whether it was there."""
    done = await tx.execute(
        delete(overrides).where(own(tx, overrides), overrides.c.forecast_override_id == override_id)
    )
    return bool(done.rowcount)


def _of(tx: Tx, forecast_run_id: str) -> Any:
    return and_(own(tx, forecasts), forecasts.c.forecast_run_id == forecast_run_id)


def _at(tx: Tx, forecast_run_id: str, key: SeriesKey) -> Any:
    return and_(_of(tx, forecast_run_id), forecasts.c.queue_id == key.queue_id, forecasts.c.channel == key.channel)


def _with_progress() -> Any:
    def counted(state: str) -> Any:
        mine = and_(
            forecasts.c.tenant_id == runs.c.tenant_id,
            forecasts.c.forecast_run_id == runs.c.forecast_run_id,
            forecasts.c.state == state,
        )
        return select(func.count()).where(mine).scalar_subquery()

    return select(runs, counted("DONE").label("done_count"), counted("FAILED").label("failed_count"))


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(
        row["forecast_run_id"], row["state"], date.fromisoformat(row["first_day"]), row["days"],
        row["interval_minutes"], row["series_count"], date.fromisoformat(row["history_until"]), row["create_time"],
        row["end_time"], row["done_count"], row["failed_count"],
    )  # fmt: skip


def _backtest_out(backtest: Backtest | None) -> dict[str, Any] | None:
    if backtest is None:
        return None
    return {
        "origins": [each.isoformat() for each in backtest.origins], "overall": dict(backtest.overall),
        "by_week": {name: list(weeks) for name, weeks in backtest.by_week.items()}, "coverage": backtest.coverage,
    }  # fmt: skip


def _packed(made: Forecast) -> bytes:
    kept = io.BytesIO()
    aht = made.handle_seconds if made.handle_seconds is not None else np.zeros_like(made.volume)
    arrays = {"volume": made.volume, "low": made.quantiles[0], "high": made.quantiles[2], "aht": aht}
    np.savez_compressed(kept, **{name: each.astype(np.float32) for name, each in arrays.items()})
    return kept.getvalue()


def _kept(row: Mapping[Any, Any]) -> Kept:
    arrays: dict[str, np.ndarray] = {}
    if row["curve"]:
        with np.load(io.BytesIO(row["curve"]), allow_pickle=False) as found:
            arrays = {name: found[name].astype(float) for name in found.files}
    warnings = [Warned(each["code"], each["data"]) for each in row["warnings"]]
    key = SeriesKey(row["queue_id"], row["channel"])
    return Kept(key, row["state"], row["method"] or "NONE", row["backtest"], warnings, arrays)


def _override(row: Mapping[Any, Any]) -> Override:
    return Override(
        row["forecast_override_id"], row["queue_id"], row["channel"], row["start_time"], row["end_time"], row["total"],
        row["percent"], row["aht_seconds"], row["reason"], row["user_id"], row["create_time"],
    )  # fmt: skip
