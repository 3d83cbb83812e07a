"""Working days of a country, which carriers reckon in: not Saturdays and Sundays (or the country's own weekend), not
its public holidays. Holidays come from the library `holidays`, which carries their rules along."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays


@lru_cache(maxsize=64)
def _calendar(country: str) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:  # a country the library doesn't know: Saturdays and Sundays are all that is known
        return holidays.HolidayBase()


def is_workday(day: date, country: str) -> bool:
    """Whether carriers of the country work on this day."""
    return _calendar(country).is_working_day(day)


def add_workdays(day: date, count: int, country: str) -> date:
    """The `count`th working day after `day`, before it when negative."""
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not is_workday(day, country):
            day += step
    return day


def workday_before(moment: datetime, zone: str, country: str) -> datetime:
    """The same time of day one working day earlier, in the zone."""
    local = moment.astimezone(ZoneInfo(zone))
    day = add_workdays(local.date(), -1, country)
    return datetime.combine(day, time(local.hour, local.minute, local.second), local.tzinfo)
