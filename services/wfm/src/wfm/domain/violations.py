"""Holds a schedule against every rule there is, by instants alone: the proof of what a solver made or a person moved.

Nothing here is shared with the solver but the rules themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from wfm.domain.labour import break_due, in_night
from wfm.domain.shifts import Agent, Pattern, Shift


class Rule(StrEnum):
    """What may be broken. All are hard."""

    OVERLAP = "OVERLAP"
    DAY_HOURS = "DAY_HOURS"
    WEEK_HOURS = "WEEK_HOURS"
    REST = "REST"
    WEEKLY_REST = "WEEKLY_REST"
    CONSECUTIVE_DAYS = "CONSECUTIVE_DAYS"
    WEEKENDS = "WEEKENDS"
    FREE_WEEKDAY = "FREE_WEEKDAY"
    NIGHT = "NIGHT"
    NIGHT_HOURS = "NIGHT_HOURS"
    BREAKS = "BREAKS"
    STRETCH = "STRETCH"
    CONTRACT_HOURS = "CONTRACT_HOURS"
    CONTRACT_DAYS = "CONTRACT_DAYS"
    TOO_FEW_HOURS = "TOO_FEW_HOURS"
    TOO_FEW_DAYS = "TOO_FEW_DAYS"
    AVAILABILITY = "AVAILABILITY"
    TIME_OFF = "TIME_OFF"
    PATTERN = "PATTERN"
    SKILL = "SKILL"


@dataclass(frozen=True)
class Violation:
    """A rule that is broken: by whom, on which day (the week's first for rules of weeks), what is allowed and what is
    there, in minutes or days as the rule counts."""

    agent_id: str
    day: date
    rule: Rule
    allowed: int
    found: int


def violations(agents: Sequence[Agent], shifts: Sequence[Shift], first: date, zone: str) -> list[Violation]:
    """All that is broken in the week that begins on `first`, agents in the order given; each by their own clocks, those
    of `zone` where nothing else is said."""
    mine: dict[str, list[Shift]] = {}
    for shift in sorted(shifts, key=lambda each: each.start):
        mine.setdefault(shift.agent_id, []).append(shift)
    found: list[Violation] = []
    for agent in agents:
        found += _of(agent, mine.get(agent.agent_id, []), first, ZoneInfo(agent.zone or zone))
    return found


def _of(agent: Agent, shifts: Sequence[Shift], first: date, place: ZoneInfo) -> Iterator[Violation]:
    for shift in shifts:
        for rule, allowed, there in _of_shift(agent, shift, place):
            yield Violation(agent.agent_id, shift.day, rule, allowed, there)
    for day, rule, allowed, there in (*_between(agent, shifts, first), *_of_week(agent, shifts, first, place)):
        yield Violation(agent.agent_id, day, rule, allowed, there)


def _local(at: datetime, day: date, place: ZoneInfo) -> int:
    """Minutes by the wall clock since the day's midnight."""
    local = at.astimezone(place)
    return (local.date() - day).days * 1440 + local.hour * 60 + local.minute


def _of_shift(agent: Agent, shift: Shift, place: ZoneInfo) -> Iterator[tuple[Rule, int, int]]:
    limits = agent.limits
    start, end = _local(shift.start, shift.day, place), _local(shift.end, shift.day, place)
    if limits.max_day and shift.worked > limits.max_day:
        yield Rule.DAY_HOURS, limits.max_day, shift.worked
    if shift.day.weekday() in limits.free_weekdays:
        yield Rule.FREE_WEEKDAY, 0, 1
    night = in_night(limits, start, end)
    if limits.night_forbidden and night:
        yield Rule.NIGHT, 0, night
    if limits.max_night_day and night > limits.night_from and shift.worked > limits.max_night_day:
        yield Rule.NIGHT_HOURS, limits.max_night_day, shift.worked
    rests = sum(int((each.end - each.start).total_seconds()) // 60 for each in shift.breaks)
    if rests < break_due(limits, shift.worked):
        yield Rule.BREAKS, break_due(limits, shift.worked), rests
    if limits.max_stretch and (stretch := _stretch(shift)) > limits.max_stretch:
        yield Rule.STRETCH, limits.max_stretch, stretch
    if agent.availability is not None:
        stretches = agent.availability.get(shift.day.weekday(), ())
        if not any(low <= start and end <= high for low, high in stretches):
            yield Rule.AVAILABILITY, 0, 1
    lost = sum(
        max(0, int((min(shift.end, each.end) - max(shift.start, each.start)).total_seconds()) // 60)
        for each in agent.time_off
    )
    if lost:
        yield Rule.TIME_OFF, 0, lost
    if not shift.locked and not any(fits(each, shift, place) for each in agent.patterns):
        yield Rule.PATTERN, 1, 0
    if any(group not in agent.groups for _, group in shift.work):
        yield Rule.SKILL, 0, 1


def _stretch(shift: Shift) -> int:
    at, longest = shift.start, timedelta(0)
    for each in sorted(shift.breaks, key=lambda rest: rest.start):
        longest, at = max(longest, each.start - at), max(at, each.end)
    return int(max(longest, shift.end - at).total_seconds()) // 60


def fits(pattern: Pattern, shift: Shift, place: ZoneInfo) -> bool:
    """Whether a shift with its breaks is one of the pattern's."""
    start = _local(shift.start, shift.day, place)
    if shift.day.weekday() not in pattern.weekdays or shift.minutes not in pattern.lengths:
        return False
    if not pattern.first_start <= start <= pattern.last_start or (start - pattern.first_start) % pattern.step:
        return False
    if len(shift.breaks) != len(pattern.breaks):
        return False
    for said, each in zip(pattern.breaks, sorted(shift.breaks, key=lambda rest: rest.start), strict=True):
        offset, length = each.start - shift.start, each.end - each.start
        if not timedelta(minutes=said.earliest) <= offset <= timedelta(minutes=said.latest):
            return False
        if length != timedelta(minutes=said.length) or each.paid != said.paid:
            return False
    return True


def _between(agent: Agent, shifts: Sequence[Shift], first: date) -> Iterator[tuple[date, Rule, int, int]]:
    """Rules of two shifts, and of days in a row, with the weeks before and after."""
    limits, last_day = agent.limits, first + timedelta(days=6)
    line = sorted((*agent.before, *shifts, *agent.after), key=lambda each: each.start)
    for one, other in pairwise(line):
        if not (first <= one.day <= last_day or first <= other.day <= last_day):
            continue
        day = other.day if first <= other.day <= last_day else one.day
        rest = int((other.start - one.end).total_seconds()) // 60
        if rest < 0 or one.day == other.day:
            yield day, Rule.OVERLAP, 1, 2
        elif limits.min_rest and rest < limits.min_rest:
            yield day, Rule.REST, limits.min_rest, rest
    if limits.max_consecutive_days:
        days = sorted({each.day for each in line})
        run: list[date] = []
        for day in (*days, date.max):
            if run and day != run[-1] + timedelta(days=1):
                if len(run) > limits.max_consecutive_days and run[-1] >= first and run[0] <= last_day:
                    at = max(run[limits.max_consecutive_days], first)
                    yield min(at, last_day), Rule.CONSECUTIVE_DAYS, limits.max_consecutive_days, len(run)
                run = []
            run.append(day)


def _of_week(
    agent: Agent, shifts: Sequence[Shift], first: date, place: ZoneInfo
) -> Iterator[tuple[date, Rule, int, int]]:
    limits, contract = agent.limits, agent.contract
    begins, ends = (_midnight(first + timedelta(days=each), place) for each in (0, 7))
    worked, credited = sum(each.worked for each in shifts), credit(agent, first, place)
    days = len({each.day for each in shifts})
    if limits.max_week and worked > limits.max_week:
        yield first, Rule.WEEK_HOURS, limits.max_week, worked
    if worked + credited > max(contract.max_week, credited):
        yield first, Rule.CONTRACT_HOURS, contract.max_week, worked + credited
    if worked + credited < contract.min_week:
        yield first, Rule.TOO_FEW_HOURS, contract.min_week, worked + credited
    if days > contract.max_days:
        yield first, Rule.CONTRACT_DAYS, contract.max_days, days
    if not agent.time_off and days < contract.min_days:
        yield first, Rule.TOO_FEW_DAYS, contract.min_days, days
    if limits.min_weekly_rest:
        at, longest = begins, timedelta(0)
        for shift in sorted((*agent.before, *shifts), key=lambda each: each.start):
            longest, at = max(longest, min(shift.start, ends) - at), max(at, shift.end)
        rest = int(max(longest, ends - at).total_seconds()) // 60
        if rest < limits.min_weekly_rest:
            yield first, Rule.WEEKLY_REST, limits.min_weekly_rest, rest
    count = weekends((*agent.before, *shifts), first)
    if limits.max_weekends and count > limits.max_weekends and any(each.day.weekday() >= 5 for each in shifts):
        yield first + timedelta(days=5), Rule.WEEKENDS, limits.max_weekends, count


def _midnight(day: date, place: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=place).astimezone(UTC)


def weekends(shifts: Sequence[Shift], first: date) -> int:
    """Weekends worked of this week's and the three before."""
    mondays = {each.day - timedelta(days=each.day.weekday()) for each in shifts if each.day.weekday() >= 5}
    return sum(1 for monday in mondays if first - timedelta(days=21) <= monday <= first)


def credit(agent: Agent, first: date, place: ZoneInfo) -> int:
    """Minutes of time off that count as worked in the week: by its days, where it spans weeks."""
    begins, ends = _midnight(first, place), _midnight(first + timedelta(days=7), place)
    total = 0.0
    for each in agent.time_off:
        whole = (each.end - each.start).total_seconds()
        inside = (min(each.end, ends) - max(each.start, begins)).total_seconds()
        if inside > 0 and whole > 0:
            total += each.credited * inside / whole
    return int(total)


def by_rule(found: Sequence[Violation]) -> Mapping[Rule, int]:
    """How often each rule is broken."""
    counts: dict[Rule, int] = {}
    for each in found:
        counts[each.rule] = counts.get(each.rule, 0) + 1
    return counts


def worse(old: Sequence[Violation], new: Sequence[Violation]) -> list[Violation]:
    """Broken rules that weren't, or not as much."""
    known = {(each.agent_id, each.rule, each.day): abs(each.found - each.allowed) for each in old}
    return [
        each for each in new if abs(each.found - each.allowed) > known.get((each.agent_id, each.rule, each.day), -1)
    ]
