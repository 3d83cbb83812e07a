"""Business hours: in which a brand serves its customers. When hours are open is for `kernel.hours` to say, and which
days a country's holidays are for `holidays`. Flows and queues judge by the same `opening`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from kernel import hours as rules
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.hours import Holiday, Hours, Opening, OpenInterval

from routing.domain.holidays import NO_CALENDAR, HolidayCalendar, NamedDay, check_calendar, closed_days, days_of
from routing.domain.queues import require_name

AHEAD = timedelta(days=366)
"""How far the next change and coming holidays are looked for."""
LONGEST_RANGE = timedelta(days=366)
MOST_YEARS, YEARS = 50, (1970, 2200)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9996, 1, 1, tzinfo=UTC)
"""Before and after them no calendar is asked."""


class BusinessHoursNotFound(NotFound):
    """No such business hours, or another tenant's."""

    reason = "BUSINESS_HOURS_NOT_FOUND"


class BusinessHoursInUse(FailedPrecondition):
    """A queue goes by them, or calls back within them."""

    reason = "BUSINESS_HOURS_IN_USE"


@dataclass(frozen=True)
class BusinessHours:
    """When a brand serves its customers. `holidays` are its own days and ranges that differ; they come before those of
    the `calendar`."""

    business_hours_id: str
    display_name: str
    time_zone: str
    intervals: tuple[OpenInterval, ...]
    holidays: tuple[Holiday, ...]
    create_time: datetime
    version: int = 1
    calendar: HolidayCalendar = NO_CALENDAR


@dataclass(frozen=True)
class ComingDay:
    """A holiday of the calendar that is to come. `off`: it is a day as usual; `own`: days of the brand's own say what
    holds on it."""

    named: NamedDay
    off: bool
    own: bool


def check_hours(hours: BusinessHours) -> BusinessHours:
    """The hours, name trimmed and in order of time, when they make sense; InvalidInput naming the field if not."""
    if not rules.is_zone(hours.time_zone):
        raise InvalidInput.of("business_hours.time_zone", "is not an IANA time zone such as Asia/Baku")
    if len(hours.holidays) > 400:
        raise InvalidInput.of("business_hours.holidays", "has more than 400 days")
    rules.check_intervals(hours.intervals, "business_hours.intervals", weekly=True)
    _check_days(hours.holidays)
    return replace(
        hours,
        display_name=require_name(hours.display_name, "business_hours.display_name"),
        intervals=tuple(sorted(hours.intervals, key=lambda each: (each.weekday, each.start_minute))),
        holidays=tuple(sorted(hours.holidays, key=lambda each: (each.day, each.last))),
        calendar=check_calendar(hours.calendar, "business_hours.calendar"),
    )


def _check_days(holidays: tuple[Holiday, ...]) -> None:
    """One day may lie within a range, and comes first then; two ranges may not meet."""
    seen: set[date] = set()
    for index, holiday in enumerate(holidays):
        field = f"business_hours.holidays[{index}]"
        rules.check_intervals(holiday.intervals, f"{field}.intervals", weekly=False)
        if len(holiday.display_name) > 200:
            raise InvalidInput.of(f"{field}.display_name", "is longer than 200 characters")
        if holiday.last_day is None:
            if holiday.day in seen:
                raise InvalidInput.of(f"{field}.date", "is named twice")
            seen.add(holiday.day)
            continue
        if not timedelta(0) < holiday.last_day - holiday.day <= LONGEST_RANGE:
            raise InvalidInput.of(f"{field}.end_date", "must be after date, and at most 366 days later")
        for number, other in enumerate(holidays[:index]):
            if other.last_day is not None and other.day <= holiday.last_day and holiday.day <= other.last_day:
                raise InvalidInput.of(f"{field}.date", f"lies within the days of holidays[{number}], or before its end")


def opening(hours: BusinessHours, at: datetime) -> Opening:
    """Whether `hours` are open at the instant `at`, and when that changes within a year. InvalidInput at the ends of
    time."""
    days = calendar_days(hours, at)
    return rules.opening(Hours(hours.time_zone, hours.intervals, hours.holidays, days), at, AHEAD)


def is_open(hours: BusinessHours, at: datetime) -> bool:
    """Whether `opening` says open."""
    days = calendar_days(hours, at, timedelta(days=1))
    return rules.is_open(Hours(hours.time_zone, hours.intervals, hours.holidays, days), at)


def calendar_days(hours: BusinessHours, at: datetime, ahead: timedelta = AHEAD) -> tuple[Holiday, ...]:
    """Days on which the calendar closes, from the day before `at` to so long after it."""
    if not hours.calendar.country or not _FIRST <= at <= _LAST:
        return ()
    first = at.astimezone(ZoneInfo(hours.time_zone)).date() - timedelta(days=1)
    return closed_days(hours.calendar, first, first + ahead + timedelta(days=3))


def calendar_days_with(hours: BusinessHours, at: datetime, years: Iterable[int]) -> tuple[Holiday, ...]:
    """The calendar's days around `at` and those of these years, each once."""
    found = {each.day: each for each in calendar_days(hours, at)}
    for year in years:
        found |= {each.day: each for each in closed_days(hours.calendar, date(year, 1, 1), date(year, 12, 31))}
    return tuple(found[day] for day in sorted(found))


def check_years(years: Sequence[int], field: str) -> Sequence[int]:
    """The years, when calendars of so many are looked up at once; InvalidInput."""
    if len(years) > MOST_YEARS:
        raise InvalidInput.of(field, f"are more than {MOST_YEARS}")
    first, last = YEARS
    for index, year in enumerate(years):
        if not first <= year <= last:
            raise InvalidInput.of(f"{field}[{index}]", f"must be {first} to {last}")
    return years


def coming_days(hours: BusinessHours, at: datetime, language: str = "") -> list[ComingDay]:
    """The calendar's holidays from `at` to a year after it, those that are off as well."""
    calendar, first = hours.calendar, at.astimezone(ZoneInfo(hours.time_zone)).date()
    last = first + AHEAD
    return [
        ComingDay(each, each.name in calendar.off, any(own.day <= each.day <= own.last for own in hours.holidays))
        for year in (range(first.year, last.year + 1) if calendar.country else ())
        for each in days_of(calendar.country, calendar.subdivision, year, language)
        if first <= each.day <= last
    ]
