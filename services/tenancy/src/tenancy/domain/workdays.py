"""Working days of a country, which carriers reckon in: not Saturdays and Sundays (or the country's own weekend), not
its public holidays. Holidays come from the library `holidays`, which carries their rules along."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

_WEEKENDS: dict[str, frozenset[int]] = {"IR": frozenset({3, 4}), "AE": frozenset({5, 6}), "SA": frozenset({4, 5})}
"""Days of the week off, Monday 0; where they aren't Saturday and Sunday."""
_SATURDAY_SUNDAY = frozenset({5, 6})


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:  # a country the library doesn't know: weekends are all that is known
        return frozenset()


def is_workday(day: date, country: str) -> bool:
    """Whether carriers of the country work on this day."""
    return day.weekday() not in _WEEKENDS.get(country, _SATURDAY_SUNDAY) and day not in _holidays(country, day.year)


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
