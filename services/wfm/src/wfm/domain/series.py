"""History of one queue and channel as days by slots of local time, and what is known of its days.

A day has the same slots whatever the clock does: on a day of 23 hours those of the lost hour are unknown (NaN), on one
of 25 hours the doubled ones hold the mean of both. So weeks compare with weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np

LENGTHS = (15, 30, 60)
"""Minutes an interval may have."""
DAY_MINUTES = 1440


class MarkKind(StrEnum):
    """What is special about a day."""

    SPECIAL_DAY = "SPECIAL_DAY"
    """A holiday or the like: its level is learnt from earlier days of the same name, or given."""
    CLOSURE = "CLOSURE"
    """Nobody can come: forecast as nothing, and its zeros teach nothing."""
    CAMPAIGN = "CAMPAIGN"
    """More (or less) comes, by a stated percentage that is taken out of history and put into the forecast."""


@dataclass(frozen=True)
class Mark:
    """What is special about a day. `percent` is more or less than usual; None of a SPECIAL_DAY is learnt."""

    kind: MarkKind
    name: str
    percent: float | None = None


Marks = Mapping[date, Mark]


@dataclass(frozen=True)
class Interval:
    """What was counted in [start, start + length of the series)."""

    start: datetime
    offered: float = 0.0
    handled: float = 0.0
    handle_seconds: float = 0.0
    abandoned: float = 0.0
    answered: float = 0.0


@dataclass(frozen=True)
class Series:
    """`offered`, `handled`, `seconds`: days by slots, NaN where unknown. `days`: ordinals (date.toordinal)."""

    days: np.ndarray
    offered: np.ndarray
    handled: np.ndarray
    seconds: np.ndarray
    marks: Marks = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """Intervals a day."""
        return self.offered.shape[1]

    def until(self, day: int) -> Series:
        """Only the days before the one of this ordinal."""
        keep = self.days < day
        return Series(self.days[keep], self.offered[keep], self.handled[keep], self.seconds[keep], self.marks)


def series_of(
    intervals: Iterable[Interval], first: date, last: date, minutes: int, zone: str, marks: Marks | None = None
) -> Series:
    """Intervals counted from `first` to `last`, both whole local days; what isn't there was nothing."""
    place = ZoneInfo(zone)
    slots = DAY_MINUTES // minutes
    count = (last - first).days + 1
    sums = np.zeros((3, max(0, count), slots))
    for each in intervals:
        local = each.start.astimezone(place)
        row, slot = (local.date() - first).days, (local.hour * 60 + local.minute) // minutes
        if 0 <= row < count:
            sums[:, row, slot] += (each.offered, each.handled, each.handle_seconds)
    days = np.arange(first.toordinal(), first.toordinal() + max(0, count))
    for row in range(max(0, count)):
        for slot, times in enumerate(_odd_hours(first + timedelta(days=row), slots, place)):
            if times != 1:
                sums[:, row, slot] = sums[:, row, slot] / times if times else np.nan
    return Series(days, sums[0], sums[1], sums[2], marks or {})


def instants(day: date, minutes: int, zone: str) -> list[list[datetime]]:
    """The instants each slot of a local day begins at: none in the hour the clock skips, two in one it repeats."""
    place = ZoneInfo(zone)
    slots = DAY_MINUTES // minutes
    found: list[list[datetime]] = [[] for _ in range(slots)]
    at, end = midnight(day, place), midnight(day + timedelta(days=1), place)
    while at < end:
        local = at.astimezone(place)
        found[(local.hour * 60 + local.minute) // minutes].append(at)
        at += timedelta(minutes=minutes)
    return found


def midnight(day: date, place: ZoneInfo) -> datetime:
    """The instant a local day begins."""
    return datetime.combine(day, time(0), place).astimezone(UTC)


def binned(rows: Iterable[Interval], minutes: int, zone: str) -> list[Interval]:
    """Shorter intervals put together to local ones of `minutes`, oldest first."""
    place = ZoneInfo(zone)
    found: dict[datetime, list[float]] = {}
    for row in rows:
        local = row.start.astimezone(place)
        start = row.start - timedelta(
            minutes=local.minute % minutes, seconds=local.second, microseconds=local.microsecond
        )
        sums = found.setdefault(start, [0.0] * 5)
        for at, value in enumerate((row.offered, row.handled, row.handle_seconds, row.abandoned, row.answered)):
            sums[at] += value
    return [Interval(start, *sums) for start, sums in sorted(found.items())]


def marks_by_day(marks: Iterable[tuple[date, date, Mark]]) -> dict[date, Mark]:
    """Stretches of days to days. Of several on one day a closure counts, then a special day."""
    order = {MarkKind.CAMPAIGN: 0, MarkKind.SPECIAL_DAY: 1, MarkKind.CLOSURE: 2}
    found: dict[date, Mark] = {}
    for first, last, mark in marks:
        day = first
        while day <= last:
            if day not in found or order[mark.kind] > order[found[day].kind]:
                found[day] = mark
            day += timedelta(days=1)
    return found


def weekday_names(days: Sequence[int]) -> list[str]:
    """English names for warnings' data: MONDAY .. SUNDAY."""
    names = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    return [names[day] for day in days]


def _odd_hours(day: date, slots: int, place: ZoneInfo) -> list[int]:
    if midnight(day + timedelta(days=1), place) - midnight(day, place) == timedelta(days=1):
        return [1] * slots
    return [len(each) for each in instants(day, DAY_MINUTES // slots, place.key)]
