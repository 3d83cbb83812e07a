"""What the law and agreements allow: limits as data, a table of countries, and what in limits contradicts itself.

Figures are minutes; 0 (or an empty tuple) means that there is no such rule. Where a law averages over months the
figure here holds for every week, which is stricter. A tenant starts from a country's row and makes it their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

DAY, WEEK = 1440, 7 * 1440


@dataclass(frozen=True)
class Limits:
    """What somebody may be scheduled for. Work is what lies between a shift's ends without its unpaid breaks."""

    max_day: int = 0
    """Work in a shift."""
    max_week: int = 0
    """Work in a local week, Monday to Sunday."""
    min_rest: int = 0
    """From the end of a shift to the start of the next."""
    min_weekly_rest: int = 0
    """The longest rest that lies within each local week is at least this long."""
    max_consecutive_days: int = 0
    """Days in a row on which shifts begin."""
    max_weekends: int = 0
    """Of any four weekends in a row, those with a shift on Saturday or Sunday; 0 leaves them free to plan."""
    night_start: int = 0
    """Minute of the day night begins; equal to `night_end` where no night is defined."""
    night_end: int = 0
    night_from: int = 0
    """A shift with more than so much of its time in the night is a night shift."""
    max_night_day: int = 0
    """Work in a night shift."""
    night_forbidden: bool = False
    """No time of a shift lies in the night."""
    free_weekdays: tuple[int, ...] = ()
    """Days of the week nobody works on, 0 is Monday."""
    breaks: tuple[tuple[int, int], ...] = ()
    """(more work than, breaks of at least): the longest that applies holds."""
    max_stretch: int = 0
    """Work without a break."""


@dataclass(frozen=True)
class LabourRules:
    """Limits of grown-ups and of those under age, with where they are written."""

    country: str
    adult: Limits
    young: Limits | None
    source: str


@dataclass(frozen=True)
class Clash:
    """Two rules that can't both hold: `rule` asks for `figure`, `against` for `other`. `words` say it to a person."""

    rule: str
    figure: int
    against: str
    other: int
    words: str


_EU_YOUNG = Limits(
    max_day=480, max_week=2400, min_rest=720, min_weekly_rest=2880, max_consecutive_days=5, night_start=1320,
    night_end=360, night_forbidden=True, breaks=((270, 30),), max_stretch=270,
)  # fmt: skip

_ROWS = (
    LabourRules(
        "EU",
        Limits(max_day=780, max_week=2880, min_rest=660, min_weekly_rest=2100, max_consecutive_days=6, night_start=1380,
               night_end=360, night_from=180, max_night_day=480, breaks=((360, 20),), max_stretch=360),
        _EU_YOUNG,
        "Directive 2003/88/EC, art. 2-6 and 8 (13 h a day is what 11 h of rest leave; 20 minutes are usual, the"
        " directive leaves them to states); young: Directive 94/33/EC, art. 8-12",
    ),
    LabourRules(
        "DE",
        Limits(max_day=600, max_week=2880, min_rest=660, min_weekly_rest=2100, max_consecutive_days=6, night_start=1380,
               night_end=360, night_from=120, max_night_day=600, breaks=((360, 30), (540, 45)), max_stretch=360),
        Limits(max_day=480, max_week=2400, min_rest=720, min_weekly_rest=2880, max_consecutive_days=5, night_start=1200,
               night_end=360, night_forbidden=True, free_weekdays=(5, 6), breaks=((270, 30), (360, 60)),
               max_stretch=270),
        "Arbeitszeitgesetz, § 2-6, 9, 11; young: Jugendarbeitsschutzgesetz, § 8, 11, 13-17",
    ),
    LabourRules(
        "FR",
        Limits(max_day=600, max_week=2880, min_rest=660, min_weekly_rest=2100, max_consecutive_days=6, night_start=1260,
               night_end=360, night_from=180, max_night_day=480, breaks=((360, 20),), max_stretch=360),
        Limits(max_day=480, max_week=2100, min_rest=720, min_weekly_rest=2880, max_consecutive_days=5, night_start=1320,
               night_end=360, night_forbidden=True, breaks=((270, 30),), max_stretch=270),
        "Code du travail, L3121-16, -18, -20, L3122-2, -5, -6, L3131-1, L3132-1, -2; young: L3162-1, -3, L3163-1, -2,"
        " L3164-1, -2",
    ),
    LabourRules(
        "GB",
        Limits(max_day=780, max_week=2880, min_rest=660, min_weekly_rest=1440, max_consecutive_days=6, night_start=1380,
               night_end=360, night_from=180, max_night_day=480, breaks=((360, 20),)),
        Limits(max_day=480, max_week=2400, min_rest=720, min_weekly_rest=2880, max_consecutive_days=5, night_start=1320,
               night_end=360, night_forbidden=True, breaks=((270, 30),), max_stretch=270),
        "Working Time Regulations 1998, reg. 2, 4, 6, 10-12; young: reg. 5A, 6A, 10-12",
    ),
    LabourRules(
        "TR",
        Limits(max_day=660, max_week=2700, min_rest=660, min_weekly_rest=1440, max_consecutive_days=6, night_start=1200,
               night_end=360, night_from=225, max_night_day=450, breaks=((0, 15), (240, 30), (450, 60))),
        Limits(max_day=480, max_week=2400, min_rest=840, min_weekly_rest=2400, max_consecutive_days=6, night_start=1200,
               night_end=360, night_forbidden=True, breaks=((0, 15), (240, 30), (450, 60))),
        "Labour Act 4857, art. 46, 63, 68, 69, 71, 73, and the by-laws on work in shifts (11 h between shifts) and on"
        " young workers",
    ),
    LabourRules(
        "AZ",
        Limits(max_day=720, max_week=2400, min_rest=720, min_weekly_rest=1440, max_consecutive_days=6, night_start=1320,
               night_end=360),
        Limits(max_day=480, max_week=2160, min_rest=720, min_weekly_rest=2520, max_consecutive_days=5, night_start=1200,
               night_end=420, night_forbidden=True),
        "Labour Code of 1999, chapters on working time and rest (art. 89-91, 96, 97, 103, 104); young: art. 91, 254",
    ),
    LabourRules(
        "IR",
        Limits(max_day=720, max_week=2640, min_weekly_rest=1440, max_consecutive_days=6, night_start=1320,
               night_end=360),
        Limits(max_day=450, max_week=2640, min_weekly_rest=1440, max_consecutive_days=6, night_start=1320,
               night_end=360, night_forbidden=True),
        "Labour Code of 1990, sec. 51, 53, 56, 57, 60, 62; young: sec. 82, 83",
    ),
    LabourRules(
        "US",
        Limits(max_consecutive_days=0),
        None,
        "Fair Labor Standards Act: no limits on adults' hours, rest or breaks; states have their own",
    ),
)  # fmt: skip

COUNTRIES: Mapping[str, LabourRules] = {row.country: row for row in _ROWS}
"""By ISO 3166 code, and `EU` for the directives alone."""

_RANGES: Mapping[str, tuple[int, int]] = {
    "max_day": (60, DAY), "max_week": (60, WEEK), "min_rest": (60, DAY), "min_weekly_rest": (60, 4 * DAY),
    "max_consecutive_days": (1, 14), "max_weekends": (1, 4), "night_from": (0, DAY), "max_night_day": (60, DAY),
    "max_stretch": (30, DAY),
}  # fmt: skip


def out_of_range(limits: Limits) -> list[tuple[str, str]]:
    """(field, what it must be) of each figure that is no figure of a law."""
    found = []
    for each in fields(limits):
        value = getattr(limits, each.name)
        if each.name in _RANGES and value and not _RANGES[each.name][0] <= value <= _RANGES[each.name][1]:
            low, high = _RANGES[each.name]
            found.append((each.name, f"must be 0 for none, or {low} to {high}"))
    for name in ("night_start", "night_end"):
        if not 0 <= getattr(limits, name) < DAY:
            found.append((name, "must be a minute of the day, 0 to 1439"))
    if any(not 0 <= day <= 6 for day in limits.free_weekdays) or len(set(limits.free_weekdays)) != len(
        limits.free_weekdays
    ):
        found.append(("free_weekdays", "must be days of the week, 0 to 6, each once"))
    if any(after < 0 or not 0 < length <= 240 for after, length in limits.breaks):
        found.append(("breaks", "must be of more than 0 and at most 240 minutes"))
    return found


def clashes(limits: Limits) -> list[Clash]:
    """What in the limits can't hold together."""
    found: list[Clash] = []

    def clash(rule: str, figure: int, against: str, other: int, words: str) -> None:
        found.append(Clash(rule, figure, against, other, words))

    if limits.max_day and limits.max_week and limits.max_day > limits.max_week:
        clash("max_day", limits.max_day, "max_week", limits.max_week,
              f"a day of {_hours(limits.max_day)} is more than the week's {_hours(limits.max_week)}")  # fmt: skip
    if limits.max_day and limits.min_rest and limits.max_day + limits.min_rest > DAY:
        clash("max_day", limits.max_day, "min_rest", limits.min_rest,
              f"{_hours(limits.max_day)} of work and {_hours(limits.min_rest)} of rest are more than 24 h")  # fmt: skip
    if limits.min_weekly_rest > DAY and limits.min_weekly_rest < limits.min_rest:
        clash("min_weekly_rest", limits.min_weekly_rest, "min_rest", limits.min_rest,
              "the weekly rest is shorter than the daily rest")  # fmt: skip
    if len(limits.free_weekdays) == 7:
        clash("free_weekdays", 7, "max_week", limits.max_week, "nobody works on any day of the week")
    if limits.max_night_day and limits.max_day and limits.max_night_day > limits.max_day:
        clash("max_night_day", limits.max_night_day, "max_day", limits.max_day,
              f"nights of {_hours(limits.max_night_day)} are longer than days of {_hours(limits.max_day)}")  # fmt: skip
    if (limits.max_night_day or limits.night_forbidden) and limits.night_start == limits.night_end:
        clash("max_night_day" if limits.max_night_day else "night_forbidden", limits.max_night_day or 1,
              "night_start", limits.night_start, "there is a rule of nights, but no night")  # fmt: skip
    if limits.night_forbidden and limits.max_night_day:
        clash("night_forbidden", 1, "max_night_day", limits.max_night_day,
              "nights are forbidden, and night shifts have a longest length")  # fmt: skip
    found += _break_clashes(limits)
    return found


def _break_clashes(limits: Limits) -> list[Clash]:
    found = []
    steps = sorted(limits.breaks)
    for (after, length), (later, shorter) in pairwise(steps):
        if later == after or shorter <= length:
            found.append(Clash("breaks", length, "breaks", shorter,
                f"more than {_hours(later)} of work asks for {shorter} minutes of break,"
                f" and more than {_hours(after)} for {length}"))  # fmt: skip
    if limits.max_day and steps and steps[-1][0] >= limits.max_day:
        found.append(Clash("breaks", steps[-1][0], "max_day", limits.max_day,
            f"a break is asked for after {_hours(steps[-1][0])} of work, and no day may be as long"))  # fmt: skip
    return found


def break_due(limits: Limits, work: int) -> int:
    """Minutes of break that so much work asks for."""
    return max((length for after, length in limits.breaks if work > after), default=0)


def in_night(limits: Limits, start: int, end: int) -> int:
    """Minutes of [start, end), counted from a local midnight, that lie in the night."""
    if limits.night_start == limits.night_end:
        return 0
    length = (limits.night_end - limits.night_start) % DAY
    total = 0
    for day in range((start // DAY) - 1, end // DAY + 1):
        begins = day * DAY + limits.night_start
        total += max(0, min(end, begins + length) - max(start, begins))
    return total


def _hours(minutes: int) -> str:
    return f"{minutes / 60:g} h"


def told(found: Sequence[Clash]) -> str:
    """All clashes as one sentence."""
    return "; ".join(each.words for each in found)
