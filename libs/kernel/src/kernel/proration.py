"""The periods fees fall due in, and shares of them. Exact: what a part costs is a fraction until it is rounded, once.

Periods are counted from an anchor by the wall clock of a zone: the anchor's day of the month at the anchor's time of
day, or the last day of a month that is shorter. The next month has the anchor's day again: 31 January, 28 February,
31 March.
A time of day that a change to summer time leaves out is as much later; of one that comes twice the first counts.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from kernel.money import minor_digits

MONTH, YEAR = "MONTH", "YEAR"
_MONTHS = {MONTH: 1, YEAR: 12}


def period_containing(anchor: datetime, interval: str, time: datetime, zone: str) -> tuple[datetime, datetime]:
    """The period [start, end) of `interval` (`MONTH` or `YEAR`) that `time` lies in, in UTC; `zone` is an IANA name.

    Also for a time before the anchor, whose periods go on backwards.
    """
    index = _index(anchor, interval, time, zone)
    return boundary(anchor, interval, index, zone), boundary(anchor, interval, index + 1, zone)


def next_end(anchor: datetime, interval: str, end: datetime, zone: str) -> datetime:
    """Where the period ends that begins at `end`, the end of another one.

    Where the zone changed since that one began, `end` lies beside where a period of now would begin: the one it is
    nearest to is meant, so that nobody pays for a period of a few hours.
    """
    index = _index(anchor, interval, end, zone)
    start, following = boundary(anchor, interval, index, zone), boundary(anchor, interval, index + 1, zone)
    nearest = index if end - start <= following - end else index + 1
    return boundary(anchor, interval, nearest + 1, zone)


def boundary(anchor: datetime, interval: str, index: int, zone: str) -> datetime:
    """Where the period with this number begins, in UTC; that of number 0 begins at the anchor."""
    if index == 0:
        return anchor.astimezone(UTC)
    local = anchor.astimezone(ZoneInfo(zone or "UTC"))
    year, month = divmod(local.year * 12 + local.month - 1 + index * _MONTHS[interval], 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def has_the_anchors_day(anchor: datetime, time: datetime, zone: str) -> bool:
    """Whether a boundary at `time` is on the anchor's day, and not on the last day of a shorter month."""
    place = ZoneInfo(zone or "UTC")
    return time.astimezone(place).day == anchor.astimezone(place).day


def share(start: datetime, end: datetime, period_start: datetime, period_end: datetime) -> Fraction:
    """Which part of the period [start, end) is, by elapsed time: 0 when they don't touch, 1 when it covers it."""
    since, until = max(start, period_start), min(end, period_end)
    if since >= until:
        return Fraction(0)
    return Fraction(_micros(until - since), _micros(period_end - period_start))


def rounded(amount: Fraction, currency: str) -> Decimal:
    """To the currency's minor unit, halves away from zero. A line is rounded once, here."""
    digits = minor_digits(currency)
    whole = (abs(amount) * 10**digits * 2 + 1) // 2
    return (Decimal(int(whole)) if amount >= 0 else -Decimal(int(whole))).scaleb(-digits)


def _index(anchor: datetime, interval: str, time: datetime, zone: str) -> int:
    place = ZoneInfo(zone or "UTC")
    first, then = anchor.astimezone(place), time.astimezone(place)
    index = ((then.year - first.year) * 12 + then.month - first.month) // _MONTHS[interval]
    while boundary(anchor, interval, index, zone) > time:
        index -= 1
    while boundary(anchor, interval, index + 1, zone) <= time:
        index += 1
    return index


def _micros(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds
