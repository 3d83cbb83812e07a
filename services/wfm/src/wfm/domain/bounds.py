"""What no schedule can be better than: coverage relaxed by prices (Lagrange), everybody's week exact under them.

Let c(z) be the cost of z agents where d are needed. For any price p of a slot c(z) >= min over whole z' of
(c(z') - p z') + p z, so the cost of any plan is at least the sum of those minima less what the agents could earn at
most, each with the best week under the prices p (Held, Karp 1971). That numbers of agents are whole is in it.
Wishes cost a plan something or nothing, so a bound without them holds with them.
"""

from __future__ import annotations

import numpy as np

from wfm.domain.coverage import OVER, TRUE, UNDER
from wfm.domain.solving import Crew, Plan, Week, slot_hours, worths_of
from wfm.domain.tours import NEVER, SHORT, best

_TOGETHER = 64


class Bound:
    """The best bound found yet for a plan's problem.

    Prices begin with the plan itself: an agent is worth 3 where it lacks some and -1 where it has too many, more of the
    one or the other all over. From there they move along what the best weeks leave open, in the mean of such weeks (the
    volume algorithm of Barahona, Anbil 2000), a step at a time.
    """

    def __init__(self, plan: Plan, prices: np.ndarray | None, value: float) -> None:
        self._plan = plan
        self._need = plan.need[:, plan.counted]
        self.value = max(value, self._rounding())
        """3 under + over in slots."""
        self.prices = prices
        """Groups by slots, what an agent there is worth; None before the first."""
        self._at_prices = value
        self._mean = plan.cover[:, plan.counted].copy()
        self._step = 0.3
        self._failed = 0

    def hours(self) -> float:
        """Needed + 3 under + over, in agent hours."""
        return (float(self._need.sum()) + self.value) * slot_hours()

    @property
    def worth_it(self) -> bool:
        """Whether the bound may still rise so much that it is worth the time."""
        return self._step > 1e-3 and self.value < self._plan.coverage_cost() * 0.995

    def begin(self) -> None:
        """Prices from the plan as it stands."""
        cover = self._plan.cover[:, self._plan.counted]
        open_ = self._need - cover
        lacking = np.sign(open_) * np.maximum(0.0, np.abs(open_) - 0.5)
        tried = [np.full_like(open_, level) for level in (-OVER, 0.0, UNDER)]
        tried += [np.clip(level + 10.0 * lacking, -OVER, UNDER) for level in (-OVER, 0.0, UNDER)]
        found = [(self._at(each)[0], at) for at, each in enumerate(tried)]
        value, at = max(found)
        if self.prices is None or value > self._at_prices:
            self.prices, self._at_prices = tried[at], value
        self.value = max(self.value, self._at_prices)
        self._mean = cover.copy()
        self._step = 0.3

    def tighten(self) -> None:
        """One step."""
        if self.prices is None:
            self.begin()
            return
        prices, value = self.prices, self._at_prices
        slope = self._whole(prices) - self._mean
        slope[((prices <= -OVER) & (slope < 0)) | ((prices >= UNDER) & (slope > 0))] = 0.0
        size = float((slope * slope).sum())
        goal = self._plan.coverage_cost()
        if size < 1e-9 or goal <= value:
            self._step = 0.0
            return
        tried = np.clip(prices + self._step * (goal - value) / max(size, 1.0) * slope, -OVER, UNDER)
        found, there = self._at(tried)
        self._mean = 0.1 * there + 0.9 * self._mean
        if found > value:
            self.prices, self._at_prices, self._failed = tried, found, 0
            self._step = min(2.0, self._step * 1.2)
            self.value = max(self.value, found)
            return
        self._failed += 1
        if self._failed >= 2:
            self._step, self._failed = self._step * 0.7, 0

    def _at(self, prices: np.ndarray) -> tuple[float, np.ndarray]:
        """The bound of these prices, and who would be there under them."""
        plan = self._plan
        whole = self._whole(prices)
        total = float((TRUE.of(self._need - whole) + prices * whole).sum())
        there = np.zeros_like(prices)
        if plan.problem.given is not None:
            there += plan.problem.given
            total -= float((prices * plan.problem.given).sum())
        line = np.zeros((len(prices), plan.length))
        line[:, plan.counted] = prices
        for crew in plan.crews:
            for at in range(0, len(crew.members), _TOGETHER):
                total -= self._earned(crew, np.arange(at, min(at + _TOGETHER, len(crew.members))), line, there)
        return total, there

    def _earned(self, crew: Crew, rows: np.ndarray, line: np.ndarray, there: np.ndarray) -> float:
        """What these members earn at most; adds who would be where."""
        plan = self._plan
        members = crew.members[rows]
        if not crew.groups or not crew.kinds:
            return 0.0
        worth = line[list(crew.groups)].max(axis=0)
        target = np.array(crew.groups)[line[list(crew.groups)].argmax(axis=0)]
        shared = worths_of(crew, worth[None])
        worths = np.where(crew.base[rows] > NEVER / 2, shared, NEVER)
        for at, agent in enumerate(members.tolist()):
            for day in plan.agents[agent].locked:
                placed = plan.weeks[agent][day]
                row = plan.on[agent, placed.start : placed.start + plan.agents[agent].kinds[placed.kind].gross]
                slots = placed.start + np.flatnonzero(row >= 0)
                earned = float(line[row[row >= 0], slots].sum())
                worths[at, day, placed.kind] = np.where(worths[at, day, placed.kind] > NEVER / 2, earned, NEVER)
        found, tours = best(
            crew.shape, worths, crew.free[rows], crew.ready[rows], crew.resting[rows], crew.least[rows], crew.unit / 60
        )
        for at, (agent, tour) in enumerate(zip(members.tolist(), tours, strict=True)):
            if tour is None:
                found[at], week = _alone(plan, agent, line), plan.weeks[agent]
            else:
                week = plan.placed(agent, tour, worth)
                found[at] = found[at] + _lacking(plan, agent, week)
            row = plan.row_of(agent, week, target)
            row = row[plan.counted]
            slots = np.flatnonzero(row >= 0)
            np.add.at(there, (row[slots], slots), 1.0)
        return float(found.astype(float).sum())

    def _whole(self, prices: np.ndarray) -> np.ndarray:
        """By slot, the whole number of agents that c(z) - p z is least at... with the sign of a worth: c(z) + p z."""
        low = np.floor(self._need)
        down, up = TRUE.of(self._need - low) + prices * low, TRUE.of(self._need - low - 1) + prices * (low + 1)
        return np.where(up < down, low + 1, low)

    def _rounding(self) -> float:
        """That numbers are whole, and how much work there can be at most."""
        low = np.floor(self._need)
        return float(np.minimum(TRUE.of(self._need - low), TRUE.of(self._need - low - 1)).sum())


def _lacking(plan: Plan, agent: int, week: Week) -> float:
    """What the hours missing from a week cost: it is no part of what coverage wins."""
    each = plan.agents[agent]
    work = sum(each.shape.work[placed.kind] for placed in week.values())
    return SHORT * (max(0, each.least[1] - work) * each.unit / 60 + 8.0 * max(0, each.least[0] - len(week)))


def _alone(plan: Plan, agent: int, line: np.ndarray) -> float:
    """What an agent earns whose week can't be any other."""
    row = plan.on[agent]
    slots = np.flatnonzero((row >= 0) & plan.counted)
    return float(line[row[slots], slots].sum())
