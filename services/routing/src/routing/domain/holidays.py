"""Public holidays of a country, or of a part of one, by the library `holidays`: which days, and what they are called.

The library works days out from rules it carries along: nothing is read or asked. What it calls a day "observed" or
"estimated" belongs to the holiday of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import holidays
from kernel.errors import InvalidInput
from kernel.hours import Holiday

MOST_OFF = 200
_ENGLISH = "en_US"
_ADDED = re.compile(r" \((observed|estimated|observed, estimated)\)$")


@dataclass(frozen=True)
class HolidayCalendar:
    """Which country's public holidays close, by ISO 3166-1 alpha-2 code, and which part's by the library's code
    (mostly ISO 3166-2 without the country); no country: none. `off` names holidays that are days as usual."""

    country: str = ""
    subdivision: str = ""
    off: tuple[str, ...] = ()


NO_CALENDAR = HolidayCalendar()


@dataclass(frozen=True)
class NamedDay:
    """A holiday's day: the holiday's name, in English where the library knows it, and what the day is called in the
    language asked for."""

    day: date
    name: str
    display_name: str


@cache
def countries() -> Mapping[str, tuple[str, ...]]:
    """Each country's parts, by its code."""
    found = holidays.list_supported_countries(include_aliases=False)
    return {code: tuple(sorted(found[code])) for code in sorted(found)}


@lru_cache(maxsize=1024)
def days_of(country: str, subdivision: str, year: int, language: str = "") -> tuple[NamedDay, ...]:
    """The public holidays of a year, day by day; a day may be two. `language` is an ISO 639-1 code: English where the
    library has no names in it. Empty for a year it knows nothing of."""
    english = _days(country, subdivision, year, _ENGLISH)
    spoken = _days(country, subdivision, year, language) if language else english
    found: list[NamedDay] = []
    for day, names in english.items():
        shown = spoken.get(day, names)
        for index, name in enumerate(names):
            called = shown[index] if len(shown) == len(names) else name
            found.append(NamedDay(day, _ADDED.sub("", name), called))
    return tuple(sorted(found, key=lambda each: (each.day, each.name)))


def closed_days(calendar: HolidayCalendar, first: date, last: date) -> tuple[Holiday, ...]:
    """Days from first to last on which the calendar closes: those with a holiday that isn't off."""
    named: dict[date, list[str]] = {}
    for year in range(first.year, last.year + 1) if calendar.country else ():
        for each in days_of(calendar.country, calendar.subdivision, year):
            if first <= each.day <= last and each.name not in calendar.off:
                named.setdefault(each.day, []).append(each.display_name)
    return tuple(Holiday(day, "; ".join(names), ()) for day, names in sorted(named.items()))


def check_calendar(calendar: HolidayCalendar, field: str) -> HolidayCalendar:
    """The calendar when the library has it; InvalidInput naming the field if not."""
    if not calendar.country:
        if calendar.subdivision or calendar.off:
            raise InvalidInput.of(f"{field}.country", "is required with subdivision and off")
        return NO_CALENDAR
    parts = countries().get(calendar.country)
    if parts is None:
        raise InvalidInput.of(f"{field}.country", "is not a country there are holidays of, such as AZ")
    if calendar.subdivision and calendar.subdivision not in parts:
        raise InvalidInput.of(f"{field}.subdivision", f"is not one of {calendar.country}'s: {', '.join(parts)[:200]}")
    if len(calendar.off) > MOST_OFF:
        raise InvalidInput.of(f"{field}.off", f"has more than {MOST_OFF} names")
    for index, name in enumerate(calendar.off):
        if not name or len(name) > 200:
            raise InvalidInput.of(f"{field}.off[{index}]", "must be 1 to 200 characters")
    return HolidayCalendar(calendar.country, calendar.subdivision, tuple(sorted(set(calendar.off))))


def _days(country: str, subdivision: str, year: int, language: str) -> Mapping[date, Sequence[str]]:
    known = _languages(country)
    spoken = next((each for each in known if each == language or each.partition("_")[0] == language), None)
    if spoken is None:
        spoken = _ENGLISH if _ENGLISH in known else None
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=year, language=spoken)
    return {day: found.get_list(day) for day in sorted(found) if day.year == year}


@cache
def _languages(country: str) -> tuple[str, ...]:
    return tuple(holidays.country_holidays(country).supported_languages)
