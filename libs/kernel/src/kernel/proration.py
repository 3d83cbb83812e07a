"""The periods fees fall due in, and shares of them. Exact: what a part costs is a fraction until it is rounded, once.

Periods are counted from an anchor by the wall clock of a zone: the anchor's day of the month at the anchor's time of
day, or the last day of a month that is shorter. The next month has the anchor's day again: 31 January, 28 February,
31 March. A time of day that a change to summer time leaves out is as much later; of one that comes twice the first
counts.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

MONTH, QUARTER, YEAR = "month", "quarter", "year"
MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}
"""The intervals there are, in months."""

_MICROSECOND = timedelta(microseconds=1)


def period_containing(anchor: datetime, interval: str, time: datetime, zone: str | tzinfo) -> tuple[datetime, datetime]:
    """The period [start, end) of `interval` that `time` lies in, in UTC; `zone` is an IANA name or a zone.

    Also for a time before the anchor, whose periods go on backwards. ValueError for what is no interval, OverflowError
    too near the years 1 and 9999.
    """
    index = _index(anchor, interval, time, zone)
    return boundary(anchor, interval, index, zone), boundary(anchor, interval, index + 1, zone)


def next_end(anchor: datetime, interval: str, end: datetime, zone: str | tzinfo) -> datetime:
    """Where the period ends that begins at `end`, the end of another one.

    Where the zone changed since that one began, `end` lies beside where a period of now would begin: the one it is
    nearest to is meant, so that nobody pays for a period of a few hours.
    """
    index = _index(anchor, interval, end, zone)
    start, following = boundary(anchor, interval, index, zone), boundary(anchor, interval, index + 1, zone)
    nearest = index if end - start <= following - end else index + 1
    return boundary(anchor, interval, nearest + 1, zone)


def boundary(anchor: datetime, interval: str, index: int, zone: str | tzinfo) -> datetime:
    """Where the period with this number begins, in UTC; that of number 0 begins at the anchor."""
    if index == 0:
        return anchor.astimezone(UTC)
    local = anchor.astimezone(_place(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + index * MONTHS[interval], 12)
    if not 1 <= year <= 9999:
        raise OverflowError("a period this far away has no date")
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def has_the_anchors_day(anchor: datetime, time: datetime, zone: str | tzinfo) -> bool:
    """Whether a boundary at `time` is on the anchor's day, and not on the last day of a shorter month."""
    place = _place(zone)
    return time.astimezone(place).day == anchor.astimezone(place).day


def share(start: datetime, end: datetime, period_start: datetime, period_end: datetime) -> Fraction:
    """Which part of [period_start, period_end) lies in [start, end): 0 to 1. ValueError for an empty period."""
    if period_start >= period_end:
        raise ValueError("a period ends after its start")
    since, until = max(start, period_start), min(end, period_end)
    if since >= until:
        return Fraction(0)
    return Fraction(micros(until - since), micros(period_end - period_start))


def micros(length: timedelta) -> int:
    """A length of time in whole microseconds."""
    return length // _MICROSECOND


def _index(anchor: datetime, interval: str, time: datetime, zone: str | tzinfo) -> int:
    if interval not in MONTHS:
        raise ValueError(f"{interval!r} is no interval: month, quarter or year")
    place = _place(zone)
    first, then = anchor.astimezone(place), time.astimezone(place)
    index = ((then.year - first.year) * 12 + then.month - first.month) // MONTHS[interval]
    while boundary(anchor, interval, index, place) > time:
        index -= 1
    while boundary(anchor, interval, index + 1, place) <= time:
        index += 1
    return index


def _place(zone: str | tzinfo) -> tzinfo:
    return ZoneInfo(zone or "UTC") if isinstance(zone, str) else zone
