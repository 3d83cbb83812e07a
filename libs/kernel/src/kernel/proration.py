"""Periods counted from an instant, and which part of one a stretch of time is: exact, by the microsecond.

Periods follow the wall clock of a zone: one that begins on the 31st at 09:00 begins again on the last day of a shorter
month, at 09:00 there, and on the 31st after it. Where the clocks jump over that time of day the period begins as much
later; where it comes twice, at its first occurrence.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""The intervals there are, in months."""

_MICROSECOND = timedelta(microseconds=1)


def share(start: datetime, end: datetime, period_start: datetime, period_end: datetime) -> Fraction:
    """Which part of [period_start, period_end) lies in [start, end): 0 to 1. ValueError for an empty period."""
    if period_start >= period_end:
        raise ValueError("a period ends after its start")
    since, until = max(start, period_start), min(end, period_end)
    if since >= until:
        return Fraction(0)
    return Fraction(micros(until - since), micros(period_end - period_start))


def period_containing(anchor: datetime, interval: str, time: datetime, zone: str | tzinfo) -> tuple[datetime, datetime]:
    """The period [start, end) that `time` lies in, of those counted from `anchor` in both directions, in UTC.

    `interval` is month, quarter or year (ValueError otherwise). OverflowError too near the years 1 and 9999.
    """
    if interval not in MONTHS:
        raise ValueError(f"{interval!r} is no interval: month, quarter or year")
    where = ZoneInfo(zone or "UTC") if isinstance(zone, str) else zone
    months = MONTHS[interval]
    local, now = anchor.astimezone(where), time.astimezone(where)
    place = ((now.year - local.year) * 12 + now.month - local.month) // months
    while _begin(anchor, local, place * months) > time:
        place -= 1
    while _begin(anchor, local, (place + 1) * months) <= time:
        place += 1
    return _begin(anchor, local, place * months), _begin(anchor, local, (place + 1) * months)


def micros(length: timedelta) -> int:
    """A length of time in whole microseconds."""
    return length // _MICROSECOND


def _begin(anchor: datetime, local: datetime, months: int) -> datetime:
    if months == 0:
        return anchor.astimezone(UTC)
    years, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    if not 1 <= years <= 9999:
        raise OverflowError("a period this far away has no date")
    day = min(local.day, monthrange(years, month + 1)[1])
    return local.replace(year=years, month=month + 1, day=day, fold=0).astimezone(UTC)
