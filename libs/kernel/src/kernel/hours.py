"""Hours of the week and days that differ, on the wall clock of an IANA time zone: when something is open.

Open means that a clock on the wall there shows a time inside an interval of that day. So on the 23-hour day the hour
that does not exist is nobody's, and on the 25-hour day the hour that comes twice counts both times.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from kernel.errors import InvalidInput

HORIZON = timedelta(days=14)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Around these a calendar has no room left for the horizon."""
_DAY_MINUTES = 1440
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class OpenInterval:
    """From and to on one ISO weekday (1 is Monday), minutes of the local day; the end is not inside."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True)
class Holiday:
    """A day that differs: open in its own intervals only, closed without any."""

    day: date
    display_name: str
    intervals: tuple[OpenInterval, ...]


@dataclass(frozen=True)
class Hours:
    """When something is open. Without intervals or holidays it never is."""

    time_zone: str
    intervals: tuple[OpenInterval, ...]
    holidays: tuple[Holiday, ...] = ()


@dataclass(frozen=True)
class Opening:
    """Whether it is open, which holiday says so (empty: none), and when that changes (None: not within 14 days)."""

    open: bool
    holiday: str
    change_time: datetime | None


def opening(hours: Hours, at: datetime) -> Opening:
    """Whether `hours` are open at the instant `at`, and when that changes next. InvalidInput at the ends of time."""
    if not _FIRST <= at <= _LAST:
        raise InvalidInput.of("time", f"must be from {_FIRST.year} to {_LAST.year}")
    zone = ZoneInfo(hours.time_zone)
    holidays = {holiday.day: holiday for holiday in hours.holidays}
    local = at.astimezone(zone)
    now_open = _is_open(hours, holidays, local)
    holiday = holidays.get(local.date())
    change = None
    for instant in sorted(set(_turning_points(hours, holidays, zone, at))):
        if at < instant <= at + HORIZON and _is_open(hours, holidays, instant.astimezone(zone)) != now_open:
            change = instant
            break
    return Opening(now_open, (holiday.display_name or holiday.day.isoformat()) if holiday else "", change)


def _is_open(hours: Hours, holidays: dict[date, Holiday], local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    return any(each.start_minute <= minute < each.end_minute for each in _of_day(hours, holidays, local.date()))


def _of_day(hours: Hours, holidays: dict[date, Holiday], day: date) -> Sequence[OpenInterval]:
    if (holiday := holidays.get(day)) is not None:
        return holiday.intervals
    return [each for each in hours.intervals if each.weekday == day.isoweekday()]


def _turning_points(hours: Hours, holidays: dict[date, Holiday], zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Every instant at which open and closed could change within the horizon: both readings of each boundary, each
    midnight, and each change of the zone's offset."""
    first = at.astimezone(zone).date()
    for offset in range(HORIZON.days + 2):
        day = first + timedelta(days=offset)
        minutes = {0, *(m for each in _of_day(hours, holidays, day) for m in (each.start_minute, each.end_minute))}
        for minute in minutes:
            naive = datetime.combine(day, time()) + timedelta(minutes=minute)
            for fold in (0, 1):
                yield naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    yield from _offset_changes(zone, at.astimezone(UTC))


def _offset_changes(zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    before = start
    while before < start + HORIZON:
        after = before + _HOUR
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            yield high.replace(microsecond=0)
        before = after


def check_intervals(intervals: Sequence[OpenInterval], field: str, *, weekly: bool) -> None:
    """InvalidInput naming the first that makes no sense below `field`; without `weekly` weekdays are ignored."""
    if len(intervals) > 100:
        raise InvalidInput.of(field, "has more than 100 intervals")
    for index, each in enumerate(intervals):
        place = f"{field}[{index}]"
        if weekly and not 1 <= each.weekday <= 7:
            raise InvalidInput.of(f"{place}.weekday", "must be 1 (Monday) to 7 (Sunday)")
        if not 0 <= each.start_minute < _DAY_MINUTES:
            raise InvalidInput.of(f"{place}.start_minute", "must be 0 to 1439")
        if not each.start_minute < each.end_minute <= _DAY_MINUTES:
            raise InvalidInput.of(f"{place}.end_minute", "must be after the start and at most 1440")


def is_zone(name: str) -> bool:
    """Whether it is an IANA time zone, such as Asia/Baku."""
    return name in _zones()


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
