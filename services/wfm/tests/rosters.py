"""Offices at random to make schedules for."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from wfm.domain.labour import COUNTRIES
from wfm.domain.shifts import SLOT, Agent, BreakRule, Contract, Pattern, TimeOff, Wish
from wfm.domain.solving import Problem
from wfm.domain.week import Grid

LUNCH = BreakRule("Lunch", 195, 285, 30, False)
SHORT = (BreakRule("First", 90, 150, 15, True), LUNCH, BreakRule("Second", 360, 420, 15, True))
DAY = Pattern("day", "Day", 360, 870, 30, 510, 510, 30, SHORT)
LATE = Pattern("late", "Late", 840, 1320, 30, 510, 510, 30, SHORT)
PART = Pattern("part", "Part time", 420, 1020, 30, 300, 360, 60, (BreakRule("First", 120, 180, 30, True),))
FULL_TIME = Contract("full", "Full time", 2400, 2400, 5, 5, ("day", "late"))
PART_TIME = Contract("flex", "Part time", 900, 1800, 3, 5, ("part",))


def office(
    count: int, seed: int, *, country: str = "EU", first: date = date(2026, 3, 2), zone: str = "Europe/Berlin",
    load: float = 1.0,
) -> Problem:  # fmt: skip
    """Two queues; some serve both, some have time off, some can't always come."""
    chance = np.random.default_rng(seed)
    grid = Grid(first, zone)
    agents = [_agent(number, chance, grid, country) for number in range(count)]
    hours = sum(37.5 if each.contract is FULL_TIME else 21 for each in agents) * 0.97 * load
    hour = ((grid.wall[: grid.slots] % 1440) // SLOT) / 4
    weekday = np.array([1.15, 1.05, 1, 1, 0.95, 0.6, 0.5])[np.minimum(grid.wall[: grid.slots] // 1440, 6)]
    open_ = (hour >= 7) & (hour < 22)
    shape = np.where(open_, np.exp(-(((hour - 11) / 3) ** 2)) + 0.8 * np.exp(-(((hour - 16) / 3) ** 2)) + 0.15, 0)
    need = np.stack([0.55 * shape * weekday, 0.45 * np.where(open_, np.roll(shape, 4), 0) * weekday])
    return Problem(grid, tuple(agents), need / need.sum() * hours * 60 / SLOT)


def _agent(number: int, chance: np.random.Generator, grid: Grid, country: str) -> Agent:
    full = chance.random() < 0.6
    contract, patterns = (FULL_TIME, (DAY, LATE)) if full else (PART_TIME, (PART,))
    luck = chance.random()
    groups = (0,) if luck < 0.4 else (1,) if luck < 0.75 else (0, 1)
    off: tuple[TimeOff, ...] = ()
    if chance.random() < 0.15:
        day = int(chance.integers(7))
        starts = [grid.time(grid.day_start[each]) for each in (day, day + 1)]
        off = (TimeOff(starts[0], starts[1], 480 if full else 240),)
    availability = None
    if chance.random() < 0.2:
        free = int(chance.integers(7))
        availability = {day: ((420, 1230),) for day in range(7) if day != free}
    wish = Wish(free_weekdays=(int(chance.integers(7)),)) if chance.random() < 0.3 else Wish()
    limits = COUNTRIES[country].adult
    return Agent(f"usr_{number}", contract, limits, patterns, groups, availability, off, wish)


def week_before(grid: Grid) -> date:
    """The Monday before."""
    return grid.first - timedelta(days=7)
