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
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class OpenInterval:
    """From and to on one ISO weekday (1 is Monday), minutes of the local day; the end is not inside. An end after 1440
    is on the next day: a night belongs to the day it begins on."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True)
class Holiday:
    """A day that differs, or those from `day` to `last_day`: open in its own intervals only, closed without any."""

    day: date
    display_name: str
    intervals: tuple[OpenInterval, ...]
    last_day: date | None = None

    @property
    def last(self) -> date:
        """The last day of it."""
        return self.last_day or self.day


@dataclass(frozen=True)
class Hours:
    """When something is open. Without intervals or holidays it never is. A single day among `holidays` comes before a
    range that holds it, and both before the `calendar`, whose days are single ones. What differs holds for the whole
    day on the calendar: a night that began the evening before ends at its midnight."""

    time_zone: str
    intervals: tuple[OpenInterval, ...]
    holidays: tuple[Holiday, ...] = ()
    calendar: tuple[Holiday, ...] = ()


@dataclass(frozen=True)
class Opening:
    """Whether it is open, which holiday says so (empty: none), and when that changes (None: not within the
    horizon)."""

    open: bool
    holiday: str
    change_time: datetime | None


def is_open(hours: Hours, at: datetime) -> bool:
    """Whether `hours` are open at the instant `at`: all of `opening` that takes no looking ahead."""
    return _Days(hours).open_at(at.astimezone(ZoneInfo(hours.time_zone)))


def opening(hours: Hours, at: datetime, horizon: timedelta = HORIZON) -> Opening:
    """Whether `hours` are open at the instant `at`, and when that changes next. InvalidInput at the ends of time."""
    if not _FIRST <= at <= _LAST - horizon:
        raise InvalidInput.of("time", f"must be from {_FIRST.year} to {_LAST.year}")
    zone, days = ZoneInfo(hours.time_zone), _Days(hours)
    now_open = days.open_at(at.astimezone(zone))
    holiday = days.differing(at.astimezone(zone).date())
    change = None
    for instant in _turning_points(days, zone, at.astimezone(UTC), horizon):
        if at < instant <= at + horizon and days.open_at(instant.astimezone(zone)) != now_open:
            change = instant
            break
    return Opening(now_open, (holiday.display_name or holiday.day.isoformat()) if holiday else "", change)


class _Days:
    """What holds on each day."""

    def __init__(self, hours: Hours) -> None:
        self._intervals = hours.intervals
        self._single = {each.day: each for each in (*hours.calendar, *hours.holidays) if each.last_day is None}
        self._own = {each.day for each in hours.holidays if each.last_day is None}
        self._ranges = [each for each in hours.holidays if each.last_day is not None]

    def differing(self, day: date) -> Holiday | None:
        """What makes this day differ from its weekday."""
        ranged = (each for each in self._ranges if each.day <= day <= each.last)
        return (None if day in self._own else next(ranged, None)) or self._single.get(day)

    def of(self, day: date) -> Sequence[OpenInterval]:
        """The intervals that begin on it."""
        if (holiday := self.differing(day)) is not None:
            return holiday.intervals
        return [each for each in self._intervals if each.weekday == day.isoweekday()]

    def since_yesterday(self, day: date) -> list[int]:
        """The minutes of the day at which nights of the day before end."""
        if day == date.min or self.differing(day) is not None:
            return []
        return [each.end_minute - _DAY_MINUTES for each in self.of(day - _DAY) if each.end_minute > _DAY_MINUTES]

    def open_at(self, local: datetime) -> bool:
        minute, day = local.hour * 60 + local.minute, local.date()
        today = any(each.start_minute <= minute < each.end_minute for each in self.of(day))
        return today or any(minute < end for end in self.since_yesterday(day))


def _turning_points(days: _Days, zone: ZoneInfo, at: datetime, horizon: timedelta) -> Iterator[datetime]:
    """Every instant at which open and closed could change within the horizon, day by day: both readings of each
    boundary, each midnight, and each change of the zone's offset."""
    first = at.astimezone(zone).date()
    for offset in range(horizon.days + 2):
        day = first + offset * _DAY
        minutes = {0, *(minute for each in days.of(day) for minute in (each.start_minute, each.end_minute))}
        midnight = datetime.combine(day, time())
        found = {
            (midnight + timedelta(minutes=minute)).replace(tzinfo=zone, fold=fold).astimezone(UTC)
            for minute in {*minutes, *days.since_yesterday(day)}
            if minute <= _DAY_MINUTES
            for fold in (0, 1)
        }
        begin = midnight.replace(tzinfo=zone).astimezone(UTC)
        found.update(_offset_changes(zone, begin, (midnight + _DAY).replace(tzinfo=zone).astimezone(UTC)))
        yield from sorted(found)


def _offset_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Those between two instants a day apart."""
    if start.astimezone(zone).utcoffset() == end.astimezone(zone).utcoffset():
        return
    before = start
    while before < end:
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
        if not each.start_minute < each.end_minute <= each.start_minute + _DAY_MINUTES:
            raise InvalidInput.of(f"{place}.end_minute", "must be after the start and at most a day later")


def is_zone(name: str) -> bool:
    """Whether it is an IANA time zone, such as Asia/Baku."""
    return name in _zones()


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
