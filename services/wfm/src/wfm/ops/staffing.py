"""What is promised of queues, and what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.sql import Tx

from wfm.domain.series import midnight
from wfm.domain.staffing import Need, Rule, checked, needs, whole, worked
from wfm.ops.calendar import VersionConflict
from wfm.ops.forecasts import get_run, known_curve
from wfm.ops.history import RangeInvalid, require_queue
from wfm.store import forecasts, history
from wfm.store import staffing as store
from wfm.store.history import SeriesKey

LONGEST_RANGE = timedelta(days=31)
USUAL_RANGE = timedelta(days=7)
MOST_CURVES = 50


@dataclass(frozen=True)
class Needed:
    """A series' requirement curve with the rule that made it."""

    key: SeriesKey
    rule: Rule
    version: int
    starts: Sequence[datetime]
    needs: Sequence[Need]


@dataclass(frozen=True)
class Asked:
    """A series' forecast with the rule that its requirement is to be made by."""

    key: SeriesKey
    rule: Rule
    version: int
    minutes: int
    starts: Sequence[datetime]
    volume: Sequence[float]
    aht: Sequence[float]
    worked: Sequence[bool]
    """By interval whether work that can wait is done in it."""


@dataclass(frozen=True)
class Total:
    """Agents to schedule for all series: rounded once, and what rounding each would have made of it."""

    start: datetime
    scheduled: int
    rounded_apart: int


async def rule(tx: Tx, key: SeriesKey) -> tuple[Rule, int]:
    """What is promised, and its version."""
    await require_queue(tx, key.queue_id)
    return await store.find(tx, key)


async def update_rule(tx: Tx, key: SeriesKey, value: Rule, version: int) -> tuple[Rule, int]:
    """Says what is promised."""
    await require_queue(tx, key.queue_id)
    checked(value)
    _, known = await store.find(tx, key)
    if known != version:
        raise VersionConflict("the staffing rule was changed meanwhile: read it again")
    await store.save(tx, key, value, version + 1)
    return value, version + 1


async def asked(
    tx: Tx,
    forecast_run_id: str,
    queue_ids: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    caution: float,
    most: int = MOST_CURVES,
) -> list[Asked]:
    """What requirements are to be made of; making them takes long, so it is done after the transaction."""
    run = await get_run(tx, forecast_run_id)
    if not 0 <= caution <= 1:
        raise RangeInvalid.of("caution", "must be 0 to 1")
    zone = await history.time_zone(tx)
    start = start or midnight(run.first, ZoneInfo(zone))
    end = end or start + USUAL_RANGE
    if not timedelta(0) < end - start <= LONGEST_RANGE:
        raise RangeInvalid.of("end_time", f"must be after start_time and at most {LONGEST_RANGE.days} days later")
    found = []
    for kept in await forecasts.all_of(tx, forecast_run_id, queue_ids, most):
        curve = await known_curve(tx, run, kept, zone, start, end)
        said, version = await store.find(tx, kept.key)
        volume = curve.volume + caution * (curve.high - curve.volume)
        made = Asked(
            kept.key, said, version, run.minutes, curve.starts, volume.tolist(), curve.aht.tolist(),
            worked(said, curve.starts, zone),
        )  # fmt: skip
        found.append(made)
    return found


def required(curves: Sequence[Asked]) -> tuple[list[Needed], list[Total]]:
    """Curves of series and of all together. What can wait is spread over the whole stretch asked for."""
    found = [
        Needed(
            each.key, each.rule, each.version, each.starts,
            needs(each.volume, each.aht, each.rule, each.minutes, each.worked),
        )
        for each in curves
    ]  # fmt: skip
    return found, totals(found)


def totals(curves: Sequence[Needed]) -> list[Total]:
    """All series together, by interval: added first and rounded once."""
    sums: dict[datetime, tuple[float, int]] = {}
    for curve in curves:
        for start, need in zip(curve.starts, curve.needs, strict=True):
            scheduled, apart = sums.get(start, (0.0, 0))
            sums[start] = (scheduled + need.scheduled, apart + whole(need.scheduled))
    return [Total(start, whole(scheduled), apart) for start, (scheduled, apart) in sorted(sums.items())]
