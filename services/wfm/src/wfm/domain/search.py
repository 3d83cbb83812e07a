"""From an empty week to a good one: answers of all to all, then parts taken out and put back, and a bound under it all.

The same problem, seed and number of ticks make the same plan. A tick is some fifty milliseconds to a second of work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wfm.domain.bounds import Bound
from wfm.domain.coverage import TRUE, Figures, Price, figures
from wfm.domain.solving import Plan, Problem, Week, slot_hours

SQUARES = (1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.1, 0.1, 0.05, 0.02, 0.0)
"""How much of the squared cost each sweep answers to."""
BATCH = 12
ROUNDS = 4
"""Repairs of a tick."""
STALE = 150
"""Ticks that win nothing until a search gives up."""
GOOD_ENOUGH = 0.002
"""Of the bound: nearer than this isn't worth anybody's time."""


@dataclass(frozen=True)
class Progress:
    """Where a search stands. `phase`: SWEEP or REPAIR."""

    phase: str
    tick: int
    figures: Figures
    bound: float
    """Cost in agent hours that no plan is below."""

    @property
    def gap(self) -> float:
        """How far above the bound, as a share of it."""
        return self.figures.cost / self.bound - 1 if self.bound > 0 else 0.0


Tick = Callable[[Progress], bool]
"""Told where a search stands; True stops it."""


@dataclass(frozen=True)
class Kept:
    """What goes on where a search was stopped."""

    weeks: Sequence[Week]
    on: np.ndarray
    prices: np.ndarray | None
    bound: float
    ticks: int


class Search:
    """One search; `plan` is always whole and, after each tick, the best so far."""

    def __init__(self, problem: Problem, seed: int, kept: Kept | None = None) -> None:
        self.plan = Plan(problem, kept.weeks, kept.on) if kept else Plan(problem)
        self.bound = Bound(self.plan, kept.prices if kept else None, kept.bound if kept else 0.0)
        self.ticks = kept.ticks if kept else 0
        self._chance = np.random.default_rng([seed, self.ticks])
        self._free = [at for at, each in enumerate(self.plan.agents) if each.kinds]
        self._stale = 0

    def kept(self) -> Kept:
        """To go on from here in another process."""
        weeks, on = self.plan.copy()
        return Kept(weeks, on, self.bound.prices, self.bound.value, self.ticks)

    def progress(self, phase: str) -> Progress:
        """Where it stands."""
        counted = self.plan.counted
        made = figures(self.plan.need[:, counted], self.plan.cover[:, counted], slot_hours())
        return Progress(phase, self.ticks, made, self.bound.hours())

    def run(self, tick: Tick) -> Progress:
        """Works until told to stop, or until nothing is left to win."""
        if not self._free:
            self.bound.begin()
            return self.progress("SWEEP")
        while self.ticks < len(SQUARES):
            self._sweep(Price(1.0, SQUARES[self.ticks]))
            self.ticks += 1
            if self.ticks in (4, len(SQUARES)):
                self.bound.begin()
            if tick(self.progress("SWEEP")):
                return self.progress("SWEEP")
        while True:
            won = self._repair()
            self.ticks += 1
            if self.bound.worth_it:
                self.bound.tighten()
            self._stale = 0 if won > 1e-3 else self._stale + 1
            now = self.progress("REPAIR")
            if tick(now) or now.gap <= GOOD_ENOUGH or self._stale >= STALE:
                return now

    def _sweep(self, price: Price) -> None:
        """Everybody answers once, in an order of chance, agents of the same rules a few at a time."""
        plan = self.plan
        batch = max(1, min(BATCH, len(self._free) // 40))
        pieces: list[tuple[int, np.ndarray]] = []
        for at, crew in enumerate(plan.crews):
            if not crew.kinds:
                continue
            rows = self._chance.permutation(len(crew.members))
            pieces += [(at, rows[each : each + batch]) for each in range(0, len(rows), batch)]
        for piece in self._chance.permutation(len(pieces)).tolist():
            crew_at, rows = pieces[piece]
            self._answer(crew_at, rows, price)

    def _answer(self, crew_at: int, rows: np.ndarray, price: Price) -> None:
        plan, crew = self.plan, self.plan.crews[crew_at]
        tours, worth, target = plan.answers(crew, rows, price)
        for at, row in enumerate(rows.tolist()):
            tour, agent = tours[at], int(crew.members[row])
            if tour is not None:
                week = plan.placed(agent, tour, worth[at])
                plan.put(agent, week, plan.row_of(agent, week, target[at]), price)

    def _repair(self) -> float:
        """Takes a few agents out and puts them back one after the other, some times; what is won in slots."""
        plan, total = self.plan, 0.0
        for _ in range(ROUNDS):
            count = min(len(self._free), int(self._chance.integers(2, 13)))
            chosen = self._related(count)
            before = plan.cost()
            saved = plan.take_out(chosen)
            square = float(self._chance.choice([0.0, 0.02, 0.1]))
            for price in (Price(1.0, square), TRUE):
                for agent in self._chance.permutation(chosen).tolist():
                    at, row = plan.crew_of[agent]
                    self._answer(at, np.array([row]), price)
            after = plan.cost()
            if after > before + 1e-9:
                plan.restore(saved)
            else:
                total += before - after
        return total

    def _related(self, count: int) -> list[int]:
        """Agents to take out: those at work where there are too many, those who could be where too few are, or any."""
        plan = self.plan
        way = int(self._chance.integers(3))
        if way < 2:
            lacking = (plan.need - plan.cover)[:, plan.counted]
            weight = np.maximum(-lacking, 0) if way == 0 else np.maximum(lacking, 0)
            if weight.sum() > 0:
                flat = weight.ravel() / weight.sum()
                group, slot = divmod(int(self._chance.choice(len(flat), p=flat)), weight.shape[1])
                there = plan.on[self._free, plan.lead + slot] == group
                fit = [
                    agent for agent, at in zip(self._free, there.tolist(), strict=True)
                    if at == (way == 0) and group in plan.agents[agent].agent.groups
                ]  # fmt: skip
                if len(fit) >= 2:
                    return self._chance.choice(fit, min(count, len(fit)), replace=False).tolist()
        return self._chance.choice(self._free, count, replace=False).tolist()
