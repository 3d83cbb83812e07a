"""A local week as a line of quarter hours, by the clock on the wall and by the instant, and what an agent may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from math import gcd
from zoneinfo import ZoneInfo

import numpy as np

from wfm.domain.labour import DAY, Limits, break_due, in_night
from wfm.domain.series import midnight
from wfm.domain.shifts import SLOT, Agent, Break, Pattern, Shift, pattern_clashes
from wfm.domain.tours import Shape
from wfm.domain.violations import credit, weekends

TAIL = 100
"""Slots past the week's end that its last shifts may reach into."""
DAYS = 7


@dataclass(frozen=True)
class Grid:
    """The week from the local midnight of `first`, a Monday."""

    first: date
    zone: str

    @cached_property
    def place(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def begins(self) -> datetime:
        return midnight(self.first, self.place)

    @cached_property
    def day_start(self) -> tuple[int, ...]:
        """Slot each day begins at, and the slot the week ends at."""
        days = (midnight(self.first + timedelta(days=each), self.place) for each in range(DAYS + 1))
        return tuple(int((each - self.begins).total_seconds()) // (60 * SLOT) for each in days)

    @cached_property
    def day_slots(self) -> tuple[int, ...]:
        return tuple(end - start for start, end in zip(self.day_start, self.day_start[1:], strict=False))

    @property
    def slots(self) -> int:
        """Of the week."""
        return self.day_start[-1]

    @cached_property
    def wall(self) -> np.ndarray:
        """By slot, to the end of the tail: minutes the clock on the wall is past the week's first midnight."""
        found = []
        for slot in range(self.slots + TAIL + 1):
            local = self.time(slot).astimezone(self.place)
            found.append((local.date() - self.first).days * DAY + local.hour * 60 + local.minute)
        return np.array(found)

    def time(self, slot: int) -> datetime:
        """The instant a slot begins."""
        return self.begins + timedelta(minutes=SLOT * int(slot))

    def slot(self, at: datetime) -> int:
        """The slot an instant lies in; below 0 before the week."""
        return int((at - self.begins).total_seconds() // (60 * SLOT))


@lru_cache(maxsize=256)
def _clocks(first: date, zone: str) -> Grid:
    return Grid(first, zone)


def own_grid(agent: Agent, grid: Grid) -> Grid:
    """The week by the agent's own clocks: Monday to Sunday as their site has them."""
    return grid if agent.zone in ("", grid.zone) else _clocks(grid.first, agent.zone)


@dataclass(frozen=True)
class Kind:
    """A length of a pattern. Breaks are (earliest, latest, length) in slots from the shift's start, in order."""

    pattern: Pattern | None
    """None: the one of a locked shift."""
    gross: int
    worked: int
    """Minutes."""
    breaks: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Planned:
    """An agent made ready to be planned: what `tours.best` needs, less the worth of shifts."""

    agent: Agent
    grid: Grid
    """Of their own clocks; all slots here are of it."""
    kinds: tuple[Kind, ...]
    shape: Shape
    allowed: np.ndarray
    """Days by kinds by starts."""
    extra: np.ndarray
    """What a start is worth beyond what it covers: wishes and fairness, in slots of coverage."""
    free: np.ndarray
    """Days that may be free."""
    ready: int
    resting: int
    least: tuple[int, int]
    """Days and units of work they should have."""
    unit: int
    """Minutes."""
    locked: Mapping[int, Shift]
    """By day."""


def planned(agent: Agent, grid: Grid, fairness: float = 0.0, burden: float = 0.0) -> Planned:
    """Makes an agent ready, by their own clocks. `fairness`: what an hour in the night or at the weekend costs, in
    slots of coverage, for each hour of such that the agent had more than others in the weeks before; `burden`: those
    hours."""
    grid = own_grid(agent, grid)
    locked = {(each.day - grid.first).days: each for each in agent.locked}
    kinds = _kinds(agent, locked)
    unit = gcd(*(each.worked for each in kinds)) if kinds else SLOT
    allowed = _allowed(agent, kinds, grid)
    extra = _extra(agent, kinds, grid, fairness * burden)
    free = np.ones(DAYS, bool)
    for day, shift in locked.items():
        at = next(number for number, kind in enumerate(kinds) if _is_of(kind, shift))
        allowed[day], extra[day], free[day] = False, 0.0, False
        # Of an agent who went to another site the day may be that of the clocks there.
        start = min(max(0, grid.slot(shift.start) - grid.day_start[day]), grid.day_slots[day] - 1)
        allowed[day, at, start] = True
    for day in agent.locked_free:
        allowed[(day - grid.first).days] = False
    limits, contract = agent.limits, agent.contract
    had = credit(agent, grid.first, grid.place)
    most = min(contract.max_week - had, limits.max_week or contract.max_week)
    ends = max((each.end for each in agent.before), default=None)
    end = -10_000 if ends is None else -(-int((ends - grid.begins).total_seconds()) // (60 * SLOT))
    rest, weekly = _slots(limits.min_rest), _slots(limits.min_weekly_rest)
    shape = Shape(
        tuple(each.gross for each in kinds), tuple(each.worked // unit for each in kinds), rest, weekly,
        contract.max_days, max(0, most) // unit, limits.max_consecutive_days, _run(agent.before, grid.first, -1),
        _run(agent.after, grid.first + timedelta(days=DAYS - 1), 1), grid.day_slots,
    )  # fmt: skip
    least_days = 0 if agent.time_off else contract.min_days
    least = (least_days, -(-max(0, contract.min_week - had) // unit))
    resting = max(0, end) + weekly - grid.day_slots[0]
    return Planned(agent, grid, kinds, shape, allowed, extra, free, max(0, end + rest), resting, least, unit, locked)


def _slots(minutes: int) -> int:
    return -(-minutes // SLOT)


def _run(shifts: Sequence[Shift], edge: date, way: int) -> int:
    """Days in a row with shifts right before (after) the edge."""
    days = {each.day for each in shifts}
    count = 0
    while edge + timedelta(days=way * (count + 1)) in days:
        count += 1
    return count


def _is_of(kind: Kind, shift: Shift) -> bool:
    return kind.pattern is None and kind.gross * SLOT == shift.minutes and kind.worked == shift.worked


def _kinds(agent: Agent, locked: Mapping[int, Shift]) -> tuple[Kind, ...]:
    limits, found = agent.limits, []
    for pattern in agent.patterns:
        for length in pattern.lengths:
            work = length - pattern.unpaid
            if (limits.max_day and work > limits.max_day) or work > agent.contract.max_week:
                continue
            if sum(each.length for each in pattern.breaks) < break_due(limits, work):
                continue
            breaks = _breaks(pattern, length, limits)
            if breaks is not None:
                found.append(Kind(pattern, length // SLOT, work, breaks))
    for shift in locked.values():
        if not any(_is_of(each, shift) for each in found):
            found.append(Kind(None, shift.minutes // SLOT, shift.worked, ()))
    return tuple(found)


def _breaks(pattern: Pattern, length: int, limits: Limits) -> tuple[tuple[int, int, int], ...] | None:
    """Windows of breaks so narrow that no stretch of work gets too long wherever they lie; None: impossible."""
    windows = [[each.earliest, each.latest, each.length] for each in pattern.breaks]
    most = limits.max_stretch
    if most:
        begins = 0
        for at, window in enumerate(windows):
            window[1] = min(window[1], begins + most)
            later = windows[at + 1][0] if at + 1 < len(windows) else length
            window[0] = max(window[0], later - most - window[2])
            if window[0] > window[1]:
                return None
            begins = window[0] + window[2]
        if not windows and length > most:
            return None
    return tuple((-(-low // SLOT), high // SLOT, each // SLOT) for low, high, each in windows)


def _allowed(agent: Agent, kinds: Sequence[Kind], grid: Grid) -> np.ndarray:
    """Days by kinds by starts: what no rule of a single shift forbids."""
    width = max(grid.day_slots)
    found = np.zeros((DAYS, len(kinds), width), bool)
    blocked = np.zeros(grid.slots + TAIL + 1, bool)
    for each in agent.time_off:
        blocked[max(0, grid.slot(each.start)) : max(0, -(-_seconds(each.end, grid) // (60 * SLOT)))] = True
    taken = np.concatenate([[0], np.cumsum(blocked)])
    until = min((each.start for each in agent.after), default=None)
    latest = grid.slots + TAIL if until is None else grid.slot(until) - _slots(agent.limits.min_rest)
    before = (*agent.before, *(each for each in agent.locked if each.day.weekday() >= 5))
    held = weekends(before, grid.first)
    earliest = 0 if agent.begins is None else -(-_seconds(agent.begins, grid) // (60 * SLOT))
    full = bool(agent.limits.max_weekends) and held >= agent.limits.max_weekends
    if any(each.day.weekday() >= 5 for each in agent.locked):
        full = held > agent.limits.max_weekends > 0
    for day in range(DAYS):
        if day in agent.limits.free_weekdays or (day >= 5 and full):
            continue
        starts = np.arange(grid.day_start[day], grid.day_start[day + 1])
        at = grid.wall[starts] - day * DAY
        for number, kind in enumerate(kinds):
            pattern = kind.pattern
            if pattern is None or day not in pattern.weekdays:
                continue
            ends = starts + kind.gross
            over = grid.wall[ends] - day * DAY
            fine = (
                (at >= pattern.first_start)
                & (at <= pattern.last_start)
                & ((at - pattern.first_start) % pattern.step == 0)
            )
            fine &= (taken[ends] == taken[starts]) & (ends <= latest) & (starts >= earliest)
            if agent.availability is not None:
                inside = np.zeros(len(starts), bool)
                for low, high in agent.availability.get(day, ()):
                    inside |= (at >= low) & (over <= high)
                fine &= inside
            fine &= _night_fine(agent.limits, kind.worked, at, over)
            found[day, number, : len(starts)] = fine
    return found


def _seconds(at: datetime, grid: Grid) -> int:
    return int((at - grid.begins).total_seconds())


def _night_fine(limits: Limits, worked: int, at: np.ndarray, over: np.ndarray) -> np.ndarray:
    if not limits.night_forbidden and not (limits.max_night_day and worked > limits.max_night_day):
        return np.ones(len(at), bool)
    nights = np.array([in_night(limits, low, high) for low, high in zip(at.tolist(), over.tolist(), strict=True)])
    return nights == 0 if limits.night_forbidden else nights <= limits.night_from


def _extra(agent: Agent, kinds: Sequence[Kind], grid: Grid, burden: float) -> np.ndarray:
    wish, width = agent.wish, max(grid.day_slots)
    found = np.zeros((DAYS, len(kinds), width))
    if not (wish.free_weekdays or wish.earliest_start or wish.latest_end or burden):
        return found
    for day in range(DAYS):
        starts = np.arange(grid.day_start[day], grid.day_start[day + 1])
        at = grid.wall[starts] - day * DAY
        for number, kind in enumerate(kinds):
            over = at + kind.gross * SLOT
            worse = np.zeros(len(starts))
            if day in wish.free_weekdays:
                worse += 4.0
            if wish.earliest_start:
                worse += np.maximum(0, wish.earliest_start - at) / 60
            if wish.latest_end:
                worse += np.maximum(0, over - wish.latest_end) / 60
            found[day, number, : len(starts)] = -worse * wish.weight
            if burden:
                hours = burden_hours(day, at, over)
                found[day, number, : len(starts)] -= burden * hours
    return found


def burden_hours(weekday: int, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Hours of shifts that people would rather not have: at the weekend, before 7:00, after 20:00."""
    if weekday >= 5:
        return (end - start) / 60
    early = np.maximum(0, np.minimum(end, 420) - start)
    late = np.maximum(0, end - np.maximum(start, 1200))
    return (early + late) / 60


def usable(patterns: Sequence[Pattern], limits: Limits) -> tuple[Pattern, ...]:
    """Patterns that somebody under these limits may work as a whole."""
    return tuple(each for each in patterns if not pattern_clashes(each, limits))


def as_shift(value: Planned, day: int, kind: int, start: int, breaks: Sequence[tuple[int, int]],
             groups: np.ndarray, time: Callable[[int], datetime]) -> Shift:  # fmt: skip
    """A shift of the plan in instants. `start` is a slot `time` knows, `breaks` (slot, slots), `groups` by slot of the
    shift the group it covers."""
    pattern, gross = value.kinds[kind].pattern, value.kinds[kind].gross
    assert pattern is not None
    rests = tuple(
        Break(time(at), time(at + length), said.paid) for (at, length), said in zip(breaks, pattern.breaks, strict=True)
    )
    work: list[tuple[datetime, int]] = []
    for offset, group in enumerate(groups.tolist()):
        if group >= 0 and (not work or work[-1][1] != group):
            work.append((time(start + offset), group))
    return Shift(
        value.agent.agent_id, value.grid.first + timedelta(days=day), time(start), time(start + gross), rests,
        pattern.pattern_id, False, tuple(work),
    )  # fmt: skip
