"""Runs of forecasts, what they say, and what people know better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from chassis.paging import Page, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound, QuotaExceeded
from kernel.ids import new_id

from wfm.domain.calendar import marks_for
from wfm.domain.forecasting import LONGEST_DAYS, Forecast, wape
from wfm.domain.overrides import Curve, Override, applied, checked
from wfm.domain.series import Marks, Series, binned, instants, midnight, series_of
from wfm.ops.history import require_queue
from wfm.store import calendar, history
from wfm.store import forecasts as store
from wfm.store.forecasts import Kept, Run
from wfm.store.history import SeriesKey

MOST_RUNNING = 5
DEFAULT_DAYS = 28
HISTORY_DAYS = 2 * 364 + 42
"""What a forecast looks back at: two years, so that a season is seen twice."""
LEASE = timedelta(minutes=5)


class ForecastInvalid(InvalidInput):
    """What to forecast is wrong."""

    reason = "FORECAST_INVALID"


class ForecastNoHistory(FailedPrecondition):
    """Nothing was counted or imported that a forecast could be made from."""

    reason = "FORECAST_NO_HISTORY"


class ForecastRunning(QuotaExceeded):
    """As many runs of the tenant go on as may."""

    reason = "FORECAST_RUNNING"


class ForecastRunNotFound(NotFound):
    """No such run."""

    reason = "FORECAST_RUN_NOT_FOUND"


class ForecastNotFound(NotFound):
    """The run has no forecast of this queue and channel, or not yet."""

    reason = "FORECAST_NOT_FOUND"


class OverrideNotFound(NotFound):
    """No such override."""

    reason = "OVERRIDE_NOT_FOUND"


@dataclass(frozen=True)
class Read:
    """A forecast with what came: NaN where an interval isn't over. Errors are WAPE, None before anything came."""

    kept: Kept
    curve: Curve
    came: np.ndarray
    error: float | None
    last_week_error: float | None


async def start(tx: Tx, queue_ids: Sequence[str], first: date | None, days: int, minutes: int, now: datetime) -> Run:
    """Begins a run; its series wait for a worker."""
    today = now.astimezone(ZoneInfo(await history.time_zone(tx))).date()
    first = first or today + timedelta(days=1)
    if not 0 <= days <= LONGEST_DAYS:
        raise ForecastInvalid.of("days", f"must be 1 to {LONGEST_DAYS}")
    if not -HISTORY_DAYS <= (first - today).days <= LONGEST_DAYS:
        raise ForecastInvalid.of("first_day", f"must be at most {LONGEST_DAYS} days ahead")
    if await store.running_count(tx) >= MOST_RUNNING:
        raise ForecastRunning(f"{MOST_RUNNING} runs go on: wait for one to end, or cancel it")
    keys = await history.series(tx, queue_ids)
    if not keys:
        raise ForecastNoHistory("nothing was counted or imported of these queues: import their history first")
    until = min(today, first) - timedelta(days=1)
    run = Run(new_id("fcr", now), "RUNNING", first, days or DEFAULT_DAYS, minutes, len(keys), until, now)
    await store.insert_run(tx, run, keys)
    return run


async def get_run(tx: Tx, forecast_run_id: str) -> Run:
    """A run with its progress."""
    run = await store.find_run(tx, forecast_run_id)
    if run is None:
        raise ForecastRunNotFound("no such forecast run")
    return run


async def list_runs(tx: Tx, page: Page) -> tuple[list[Run], str]:
    """Runs, newest first, and the token of the next page."""
    size = page_size(page.size)
    found = await store.list_runs(tx, page.token, size)
    token = encode_token(found[size - 1].create_time, found[size - 1].forecast_run_id) if len(found) > size else ""
    return found[:size], token


async def cancel(tx: Tx, forecast_run_id: str, now: datetime) -> Run:
    """Nothing more is made of a run; what it has stays. A worker that is at it throws its piece away."""
    await get_run(tx, forecast_run_id)
    await store.end_run(tx, forecast_run_id, "CANCELLED", now)
    return await get_run(tx, forecast_run_id)


async def claim(tx: Tx, now: datetime, most: int) -> tuple[Run, list[SeriesKey]] | None:
    """Series that nobody else will work on for a while; None when there are none."""
    return await store.claim(tx, now, now + LEASE, most)


async def histories(tx: Tx, run: Run, keys: Sequence[SeriesKey]) -> list[Series]:
    """What a worker needs: the history of each series up to the run's, and its special days."""
    zone, days = await history.time_zone(tx), await calendar.list_special_days(tx)
    return [
        await read_series(tx, key, run.history_until, run.minutes, zone, marks_for(key.queue_id, days)) for key in keys
    ]


async def read_series(tx: Tx, key: SeriesKey, until: date, minutes: int, zone: str, marks: Marks) -> Series:
    """History of a series up to the end of a local day, from its first counted day on, two years at most."""
    place = ZoneInfo(zone)
    times = await history.stretch(tx, key)
    first = until + timedelta(days=1)
    if times is not None:
        first = max(times[0].astimezone(place).date(), until - timedelta(days=HISTORY_DAYS))
    start, end = midnight(first, place), midnight(until + timedelta(days=1), place)
    counted = await history.history(tx, key, start, end) if start < end else []
    return series_of(counted, first, until, minutes, zone, marks)


async def keep(tx: Tx, run_id: str, made: Sequence[tuple[SeriesKey, Forecast | None]], now: datetime) -> None:
    """Keeps what a worker made. The run is over with its last series."""
    for key, forecast in made:
        await store.save(tx, run_id, key, forecast)
    if not await store.left(tx, run_id):
        await store.end_run(tx, run_id, "DONE", now)


async def read(
    tx: Tx, forecast_run_id: str, key: SeriesKey, start: datetime | None, end: datetime | None, now: datetime
) -> Read:
    """What a run says of a series, overrides in it, with what came beside it."""
    run = await get_run(tx, forecast_run_id)
    kept = await store.find(tx, forecast_run_id, key)
    if kept is None:
        raise ForecastNotFound("this run has no forecast of this queue and channel, or not yet")
    zone = await history.time_zone(tx)
    curve = await known_curve(tx, run, kept, zone, start, end)
    came, copied = await _came(tx, run, key, curve, zone, now)
    return Read(kept, curve, came, wape(curve.volume, came), wape(copied, came))


def curve_of(run: Run, kept: Kept, zone: str) -> Curve:
    """A forecast by interval: none in the hour the clock skips, the same twice in one that it repeats."""
    starts: list[datetime] = []
    places: list[tuple[int, int]] = []
    if kept.arrays:
        for row in range(run.days):
            for slot, times in enumerate(instants(run.first + timedelta(days=row), run.minutes, zone)):
                starts += times
                places += [(row, slot)] * len(times)
    order = sorted(range(len(starts)), key=starts.__getitem__)
    rows, slots = (np.array([places[at][part] for at in order], int) for part in (0, 1))

    def taken(name: str) -> np.ndarray:
        return kept.arrays[name][rows, slots] if len(rows) else np.zeros(0)

    ordered = [starts[at] for at in order]
    return Curve(ordered, taken("volume"), taken("low"), taken("high"), taken("aht"), np.zeros(len(order), bool))


async def known_curve(tx: Tx, run: Run, kept: Kept, zone: str, start: datetime | None, end: datetime | None) -> Curve:
    """What a run says of the intervals that begin in [start, end), with what is known better. That is laid over the
    whole run first: the total of a week is none of a day of it."""
    return cut(await _with_overrides(tx, kept.key, curve_of(run, kept, zone)), start, end)


def cut(curve: Curve, start: datetime | None, end: datetime | None) -> Curve:
    """Only the intervals that begin in [start, end)."""
    keep = np.array([(start is None or at >= start) and (end is None or at < end) for at in curve.starts], bool)
    starts = [at for at, kept in zip(curve.starts, keep, strict=True) if kept]
    return Curve(starts, curve.volume[keep], curve.low[keep], curve.high[keep], curve.aht[keep], curve.overridden[keep])


async def _with_overrides(tx: Tx, key: SeriesKey, curve: Curve) -> Curve:
    """The curve with what is known better of its stretch."""
    if not curve.starts:
        return curve
    return applied(curve, await store.list_overrides(tx, key, curve.starts[0], curve.starts[-1] + timedelta(hours=1)))


async def create_override(tx: Tx, value: Override, now: datetime) -> Override:
    """Says what is known better."""
    made = replace(checked(value), override_id=new_id("fov", now), create_time=now)
    await require_queue(tx, made.queue_id)
    await store.insert_override(tx, made)
    return made


async def list_overrides(tx: Tx, key: SeriesKey) -> list[Override]:
    """Of a queue and channel, newest first."""
    return await store.list_overrides(tx, key, most=200)


async def delete_override(tx: Tx, override_id: str) -> None:
    """Takes one back."""
    if not await store.delete_override(tx, override_id):
        raise OverrideNotFound("no such override")


async def _came(
    tx: Tx, run: Run, key: SeriesKey, curve: Curve, zone: str, now: datetime
) -> tuple[np.ndarray, np.ndarray]:
    """What came in each interval that is over, and the last week the run knew, copied to it; NaN elsewhere."""
    count, length = len(curve.starts), timedelta(minutes=run.minutes)
    came, copied = np.full(count, np.nan), np.full(count, np.nan)
    over = [at for at, start in enumerate(curve.starts) if start + length <= now]
    if not over:
        return came, copied
    place = ZoneInfo(zone)
    known_from = midnight(run.history_until - timedelta(days=6), place)
    last = curve.starts[over[-1]] + length
    pieces = await history.history(tx, key, min(known_from, curve.starts[over[0]]), last)
    counted = {each.start: each.offered for each in binned(pieces, run.minutes, zone)}
    for at in over:
        start = curve.starts[at]
        came[at] = counted.get(start, 0.0)
        local = start.astimezone(place)
        weeks = -(-((local.date() - run.history_until).days) // 7)
        before = (local.replace(tzinfo=None) - timedelta(days=7 * max(1, weeks))).replace(tzinfo=place)
        copied[at] = counted.get(before.astimezone(UTC), 0.0)
    return came, copied
