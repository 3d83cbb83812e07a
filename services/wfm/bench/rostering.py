"""Benchmark rosters of schedulingbenchmarks.org: whole shifts over weeks; rules hard, cover and requests soft.

The week's planner (`wfm.domain.search`) places quarter hours and breaks; these instances have neither, but weeks in a
row. They are worked here by HiGHS, which scipy has in it: a start employee by employee, then parts (some employees, or
some days of all) made anew with the rest fixed, as long as there is time. `score` reads a roster by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csc_array

BEST_KNOWN = {1: 607, 2: 828, 3: 1001, 4: 1716, 5: 1143, 6: 1950, 7: 1056, 10: 4631, 11: 3443, 13: 1348}
"""As published with the instances (Curtois, Qu 2014, and later results)."""
SECONDS = 60.0
FREE = -1


@dataclass(frozen=True)
class Employee:
    """Figures of an employee."""

    name: str
    most: Mapping[str, int]
    max_minutes: int
    min_minutes: int
    max_run: int
    min_run: int
    min_off: int
    max_weekends: int


@dataclass(frozen=True)
class Instance:
    """One file. `off`: (employee, day); requests: (employee, day, shift, weight); cover by (day, shift): (need, under,
    over)."""

    days: int
    shifts: tuple[str, ...]
    minutes: tuple[int, ...]
    barred: tuple[frozenset[int], ...]
    """By shift, those that can't follow it the day after."""
    staff: tuple[Employee, ...]
    off: frozenset[tuple[int, int]]
    on_requests: tuple[tuple[int, int, int, int], ...]
    off_requests: tuple[tuple[int, int, int, int], ...]
    cover: Mapping[tuple[int, int], tuple[int, int, int]]


def read(path: Path) -> Instance:
    """An instance of a file."""
    parts: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in path.read_text().splitlines():
        if line.startswith("SECTION_"):
            rows = parts.setdefault(line.strip(), [])
        elif line.strip() and not line.startswith("#"):
            rows.append([each.strip() for each in line.split(",")])
    shifts = tuple(row[0] for row in parts["SECTION_SHIFTS"])
    at = {name: number for number, name in enumerate(shifts)}
    barred = [frozenset(at[each] for each in row[2].split("|") if each) for row in parts["SECTION_SHIFTS"]]
    staff = []
    for row in parts["SECTION_STAFF"]:
        most = {name: int(count) for name, count in (each.split("=") for each in row[1].split("|"))}
        staff.append(Employee(row[0], most, *(int(each) for each in row[2:8])))
    who = {each.name: number for number, each in enumerate(staff)}
    off = frozenset((who[row[0]], int(day)) for row in parts["SECTION_DAYS_OFF"] for day in row[1:])

    def requests(name: str) -> tuple[tuple[int, int, int, int], ...]:
        return tuple((who[row[0]], int(row[1]), at[row[2]], int(row[3])) for row in parts.get(name, []))

    cover = {(int(row[0]), at[row[1]]): (int(row[2]), int(row[3]), int(row[4])) for row in parts["SECTION_COVER"]}
    return Instance(
        int(parts["SECTION_HORIZON"][0][0]), shifts, tuple(int(row[1]) for row in parts["SECTION_SHIFTS"]),
        tuple(barred), tuple(staff), off, requests("SECTION_SHIFT_ON_REQUESTS"),
        requests("SECTION_SHIFT_OFF_REQUESTS"), cover,
    )  # fmt: skip


def score(given: Instance, roster: np.ndarray) -> tuple[int, int]:
    """Cost of a roster (employees by days, a shift or `FREE`) and how many hard rules it breaks."""
    cost = sum(weight for who, day, shift, weight in given.on_requests if roster[who, day] != shift)
    cost += sum(weight for who, day, shift, weight in given.off_requests if roster[who, day] == shift)
    for (day, shift), (need, under, over) in given.cover.items():
        there = int((roster[:, day] == shift).sum())
        cost += under * max(0, need - there) + over * max(0, there - need)
    return cost, sum(_broken(given, who, roster[who].tolist()) for who in range(len(given.staff)))


def _broken(given: Instance, who: int, days: list[int]) -> int:
    told, wrong = given.staff[who], 0
    minutes = sum(given.minutes[each] for each in days if each != FREE)
    wrong += not told.min_minutes <= minutes <= told.max_minutes
    wrong += sum(days.count(at) > told.most.get(name, given.days) for at, name in enumerate(given.shifts))
    wrong += sum((who, day) in given.off for day, each in enumerate(days) if each != FREE)
    wrong += sum(each != FREE and days[day + 1] in given.barred[each] for day, each in enumerate(days[:-1]))
    runs: list[tuple[bool, int, int]] = []
    for day, each in enumerate(days):
        on = each != FREE
        if runs and runs[-1][0] == on:
            runs[-1] = (on, runs[-1][1], day)
        else:
            runs.append((on, day, day))
    for on, first, last in runs:
        inside = first > 0 and last < given.days - 1
        wrong += on and last - first + 1 > told.max_run
        wrong += inside and last - first + 1 < (told.min_run if on else told.min_off)
    busy = sum(days[day] != FREE or days[day + 1] != FREE for day in range(5, given.days - 1, 7))
    return wrong + (busy > told.max_weekends)


class Model:
    """The instance as rows and columns. Columns: x[employee, day, shift], worked weekends, then under and over."""

    def __init__(self, given: Instance) -> None:
        self.given = given
        staff, days, shifts = len(given.staff), given.days, len(given.shifts)
        self.x = np.arange(staff * days * shifts).reshape(staff, days, shifts)
        weekends = np.arange(5, days, 7)
        self.w = self.x.size + np.arange(staff * len(weekends)).reshape(staff, len(weekends))
        edge = self.x.size + self.w.size
        self.under = edge + np.arange(days * shifts).reshape(days, shifts)
        self.over = self.under + days * shifts
        self.columns = edge + 2 * days * shifts
        self.upper = np.ones(self.columns)
        self.upper[edge:] = np.inf
        self.cost = np.zeros(self.columns)
        self.constant = sum(weight for *_, weight in given.on_requests)
        for who, day, shift, weight in given.on_requests:
            self.cost[self.x[who, day, shift]] -= weight
        for who, day, shift, weight in given.off_requests:
            self.cost[self.x[who, day, shift]] += weight
        self._rows: list[tuple[list[int], list[float], float, float]] = []
        for (day, shift), (need, under, over) in given.cover.items():
            self.cost[self.under[day, shift]], self.cost[self.over[day, shift]] = under, over
            cols = [*self.x[:, day, shift].tolist(), int(self.under[day, shift]), int(self.over[day, shift])]
            self._rows.append((cols, [*[1.0] * staff, 1.0, -1.0], need, need))
        for who, day in given.off:
            self.upper[self.x[who, day]] = 0
        for who in range(staff):
            self._employee(who)
        numbers = [np.full(len(row[0]), at) for at, row in enumerate(self._rows)]
        cols = np.concatenate([row[0] for row in self._rows])
        values = np.concatenate([row[1] for row in self._rows])
        self.matrix = csc_array(
            coo_array((values, (np.concatenate(numbers), cols)), shape=(len(self._rows), self.columns))
        )
        self.low = np.array([row[2] for row in self._rows])
        self.high = np.array([row[3] for row in self._rows])
        self.integral = np.zeros(self.columns)
        self.integral[:edge] = 1

    def _employee(self, who: int) -> None:
        given, told, days = self.given, self.given.staff[who], self.given.days
        x, shifts = self.x[who], range(len(self.given.shifts))
        minutes = [float(given.minutes[shift]) for _ in range(days) for shift in shifts]
        self._rows.append((x.ravel().tolist(), minutes, told.min_minutes, told.max_minutes))
        for shift in shifts:
            most = told.most.get(given.shifts[shift], days)
            if most == 0:
                self.upper[x[:, shift]] = 0
            elif most < days:
                self._rows.append((x[:, shift].tolist(), [1.0] * days, -np.inf, most))
        for day in range(days):
            self._rows.append((x[day].tolist(), [1.0] * len(shifts), -np.inf, 1))
            if day + 1 < days:
                for shift in shifts:
                    after = [int(x[day + 1, each]) for each in given.barred[shift]]
                    if after:
                        self._rows.append(([int(x[day, shift]), *after], [1.0] * (len(after) + 1), -np.inf, 1))

        def pattern(first: int, signs: list[float], low: float, high: float) -> None:
            cols = [int(each) for day in range(first, first + len(signs)) for each in x[day]]
            self._rows.append((cols, [sign for sign in signs for _ in shifts], low, high))

        for day in range(days - told.max_run):
            pattern(day, [1.0] * (told.max_run + 1), -np.inf, told.max_run)
        for short in range(1, told.min_run):
            for day in range(days - short - 1):
                pattern(day, [1.0, *[-1.0] * short, 1.0], 1 - short, np.inf)
        for short in range(1, told.min_off):
            for day in range(days - short - 1):
                pattern(day, [1.0, *[-1.0] * short, 1.0], -np.inf, 1)
        for at, saturday in enumerate(range(5, days, 7)):
            for day in range(saturday, min(saturday + 2, days)):
                cols = [*x[day].tolist(), int(self.w[who, at])]
                self._rows.append((cols, [*[1.0] * len(shifts), -1.0], -np.inf, 0))
        self._rows.append((self.w[who].tolist(), [1.0] * self.w.shape[1], -np.inf, told.max_weekends))

    def part(self, values: np.ndarray, free: np.ndarray, seconds: float) -> np.ndarray | None:
        """All values with those of the free columns (under and over always are) at their best; None: not in time."""
        keep = np.flatnonzero(free)
        inner = self.matrix[:, keep]
        rows = np.flatnonzero(np.diff(inner.tocsr().indptr))
        fixed = np.where(free, 0.0, values)
        shift = (self.matrix @ fixed)[rows]
        low, high = self.low[rows] - shift, self.high[rows] - shift
        found = milp(
            self.cost[keep],
            constraints=LinearConstraint(inner.tocsr()[rows], low, high),  # pyright: ignore[reportArgumentType]
            integrality=self.integral[keep],
            bounds=Bounds(np.zeros(len(keep)), self.upper[keep]),  # pyright: ignore[reportArgumentType]
            options={"time_limit": max(0.1, seconds), "mip_rel_gap": 1e-4},
        )
        if found.x is None:
            return None
        made = values.copy()
        made[keep] = np.where(self.integral[keep] > 0, np.round(found.x), found.x)
        return made

    def values(self, roster: np.ndarray) -> np.ndarray:
        """Columns of a roster."""
        made = np.zeros(self.columns)
        who, day = np.nonzero(roster != FREE)
        made[self.x[who, day, roster[who, day]]] = 1.0
        for at, saturday in enumerate(range(5, self.given.days, 7)):
            made[self.w[:, at]] = (roster[:, saturday : saturday + 2] != FREE).any(axis=1)
        for (day_, shift), (need, _, _) in self.given.cover.items():
            there = int((roster[:, day_] == shift).sum())
            made[self.under[day_, shift]], made[self.over[day_, shift]] = max(0, need - there), max(0, there - need)
        return made

    def roster(self, values: np.ndarray) -> np.ndarray:
        """Employees by days."""
        x = values[self.x] > 0.5
        return np.where(x.any(axis=2), x.argmax(axis=2), FREE)

    def free(self, staff: np.ndarray, days: np.ndarray | None = None) -> np.ndarray:
        """Columns of employees (on days); under, over and weekends go along."""
        found = np.zeros(self.columns, bool)
        found[self.x[staff] if days is None else self.x[np.ix_(staff, days)]] = True
        found[self.w[staff]] = True
        found[self.under.min() :] = True
        return found & ((self.upper > 0) | (self.integral == 0))


def solve(given: Instance, seconds: float, seed: int = 1) -> np.ndarray:
    """The best roster found in so many seconds."""
    from columns import Dive

    began, model, chance = time.perf_counter(), Model(given), np.random.default_rng(seed)

    def left() -> float:
        return seconds - (time.perf_counter() - began)

    def cost(roster: np.ndarray) -> float:
        told, broken = score(given, roster)
        return told + 1e6 * broken

    dives = Dive(given, cost, left, seed)
    dives.run(0.2 * seconds)
    dives.finish(0.6 * left())
    values = model.values(dives.best)
    for free, most in _parts(model, chance):
        if left() < 0.3:
            break
        made = model.part(values, free, min(most, left() - 0.2))
        if made is not None and model.cost @ made <= model.cost @ values + 1e-6:
            values = made
    return model.roster(values)


def _parts(model: Model, chance: np.random.Generator) -> Iterator[tuple[np.ndarray, float]]:
    """What to make anew: all at first where that is little, then employees or days by chance, as many as go quickly."""
    staff, days = len(model.given.staff), model.given.days
    if staff * days * len(model.given.shifts) <= 600:
        yield model.free(np.arange(staff)), 15.0
    width = {"staff": max(2.0, min(float(staff), 1600 / (days * len(model.given.shifts)))), "days": 7.0}
    while True:
        kind = "staff" if chance.random() < 0.6 else "days"
        began = time.perf_counter()
        if kind == "staff":
            chosen = chance.choice(staff, min(staff, int(width[kind])), replace=False)
            yield model.free(chosen), 6.0
        else:
            count = min(days, int(width[kind]))
            first = int(chance.integers(days - count + 1))
            yield model.free(np.arange(staff), np.arange(first, first + count)), 6.0
        spent = time.perf_counter() - began
        width[kind] = max(2.0, width[kind] * (1.15 if spent < 1.0 else 0.85 if spent > 3.0 else 1.0))


def bench_rostering(tell: Callable[..., None], folder: Path) -> None:
    """Each instance of the folder that a best known cost is published of: how far above it after a minute."""
    for number, known in BEST_KNOWN.items():
        path = folder / f"Instance{number}.txt"
        if not path.exists():
            tell(f"wfm.rostering.{number}: {path.name} is missing", None, "% over best known")
            continue
        given = read(path)
        began = time.perf_counter()
        cost, broken = score(given, solve(given, SECONDS))
        spent = time.perf_counter() - began
        goal = 1.0 if number <= 7 else 5.0 if number <= 12 else None
        gap = round(100 * (cost / known - 1), 2) if not broken else None
        tell(f"wfm.rostering.{number}.over_best_known ({cost} to {known}, {spent:.0f} s)", gap, "%", goal)
        tell(f"wfm.rostering.{number}.rules_broken", float(broken), "violations", 0.0)
