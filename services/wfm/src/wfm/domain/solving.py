"""A week's plan while it is being made: who works when, what that covers, and the best answer of an agent to the rest.

All agents are on one line of slots, which are instants. The week that is covered lies on it, and each agent's own week,
Monday to Sunday by their site's clocks, begins earlier or later on it: what lies outside the covered week covers
nothing. Where all go by the same clocks the line is that week with its tail.

Agents whose rules are the same are answered for together, each against the others as they stood; every answer is then
held against what really is, and taken only when it is better. Nothing reads a clock: the caller says when to stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

import numpy as np

from wfm.domain.coverage import TRUE, Price
from wfm.domain.shifts import SLOT, Agent, Shift
from wfm.domain.tours import NEVER, SHORT, Shape, Tour, best
from wfm.domain.week import DAYS, TAIL, Grid, Kind, Planned, as_shift, planned

NONE = -1


@dataclass(frozen=True)
class Problem:
    """`need`: groups by slots of the week, agents with fractions. `given`: what shifts of the week before, which reach
    into this one, cover. `fairness` as in `week.planned`."""

    grid: Grid
    agents: tuple[Agent, ...]
    need: np.ndarray
    given: np.ndarray | None = None
    fairness: float = 0.0
    burdens: Mapping[str, float] = field(default_factory=dict)
    """By agent: hours people would rather not have that they had in the weeks before."""


@dataclass
class Crew:
    """Agents whose rules, kinds of shift and groups are the same."""

    members: np.ndarray
    shape: Shape
    kinds: tuple[Kind, ...]
    groups: tuple[int, ...]
    unit: int
    begins: int
    """Where on the plan's line their own week begins."""
    base: np.ndarray
    """Members by days by kinds by starts: worth beyond coverage, `NEVER` where not allowed."""
    free: np.ndarray
    ready: np.ndarray
    resting: np.ndarray
    least: np.ndarray


@dataclass(frozen=True)
class Placed:
    """A shift of a plan: kind (-1: the locked one of the day), slot of the line, breaks as (slot, slots)."""

    kind: int
    start: int
    breaks: tuple[tuple[int, int], ...]


Week = dict[int, Placed]


class Plan:
    """The week as it stands. `on`: agents by slots of the line, the group they cover or `NONE`; `cover`: groups by
    slots of the line. `lead`: slots of the line before the covered week; `counted`: those that are in it."""

    def __init__(self, problem: Problem, weeks: Sequence[Week] | None = None, on: np.ndarray | None = None) -> None:
        self.problem = problem
        grid = problem.grid
        mean = sum(problem.burdens.values()) / max(1, len(problem.agents))
        self.agents: list[Planned] = [
            planned(each, grid, problem.fairness, problem.burdens.get(each.agent_id, 0.0) - mean)
            for each in problem.agents
        ]
        begins = [grid.slot(each.grid.begins) for each in self.agents]
        held = [grid.slot(shift.start) for each in self.agents for shift in each.locked.values()]
        self.lead = -min([0, *begins, *held])
        ends = [at + each.grid.slots + TAIL for at, each in zip(begins, self.agents, strict=True)]
        self.length = self.lead + max([grid.slots + TAIL, *ends, *(each + TAIL for each in held)])
        self.counted = np.zeros(self.length, bool)
        self.counted[self.lead : self.lead + grid.slots] = True
        groups = len(problem.need)
        self.need = np.zeros((groups, self.length))
        self.need[:, self.counted] = problem.need
        self.crews, self.crew_of = _crews(self.agents, [self.lead + each for each in begins])
        self.weeks: list[Week] = [dict(each) for each in weeks] if weeks else [{} for _ in self.agents]
        self.on = np.full((len(self.agents), self.length), NONE, np.int16) if on is None else on.copy()
        self.extra = np.zeros(len(self.agents))
        """Worth of each agent's week beyond coverage, missing hours in it."""
        if on is None:
            self._lock()
        self.cover = np.zeros((groups, self.length))
        if problem.given is not None:
            self.cover[:, self.counted] += problem.given
        for group in range(groups):
            self.cover[group] += (self.on == group).sum(axis=0)
        for agent in range(len(self.agents)):
            self.extra[agent] = self.worth_beyond(agent, self.weeks[agent])

    def _lock(self) -> None:
        for agent, each in enumerate(self.agents):
            for day, shift in each.locked.items():
                self._set_locked(agent, day, shift)

    def _set_locked(self, agent: int, day: int, shift: Shift) -> None:
        each = self.agents[agent]
        start, end = self.slot(shift.start), self.slot(shift.end)
        number = next(
            at for at, kind in enumerate(each.kinds) if kind.gross == end - start and kind.worked == shift.worked
        )
        breaks = tuple((self.slot(rest.start), self.slot(rest.end) - self.slot(rest.start)) for rest in shift.breaks)
        self.weeks[agent][day] = Placed(number, start, breaks)
        if not each.agent.groups:
            return
        row = self.on[agent]
        row[start:end] = each.agent.groups[0]
        for at, group in shift.work:
            row[max(start, self.slot(at)) : end] = group
        for at, length in breaks:
            row[at : at + length] = NONE

    def slot(self, at: datetime) -> int:
        """The slot of the line an instant lies in."""
        return self.lead + self.problem.grid.slot(at)

    def time(self, slot: int) -> datetime:
        """The instant a slot of the line begins."""
        return self.problem.grid.time(slot - self.lead)

    def day_start(self, agent: int, day: int) -> int:
        """The slot of the line an agent's day begins at."""
        return self.crews[self.crew_of[agent][0]].begins + self.agents[agent].grid.day_start[day]

    def worth_beyond(self, agent: int, week: Week) -> float:
        """Wishes and fairness less what missing hours cost, in slots of coverage."""
        each, crew = self.agents[agent], self.crews[self.crew_of[agent][0]]
        row = self.crew_of[agent][1]
        worth, work = 0.0, 0
        for day, placed in week.items():
            if day not in each.locked:
                start = placed.start - crew.begins - each.grid.day_start[day]
                worth += max(float(crew.base[row, day, placed.kind, start]), -1e6)
            work += each.shape.work[placed.kind]
        lacking = max(0, each.least[1] - work) * each.unit / 60 + 8.0 * max(0, each.least[0] - len(week))
        return worth - SHORT * lacking

    def cost(self, price: Price = TRUE) -> float:
        """Of the whole week at a price, in slots."""
        return float(price.of(self.need - self.cover)[:, self.counted].sum()) - float(self.extra.sum())

    def coverage_cost(self) -> float:
        """3 under + over, in slots of agents."""
        return float(TRUE.of(self.need - self.cover)[:, self.counted].sum())

    def gains(self, price: Price) -> tuple[np.ndarray, np.ndarray]:
        """What one more agent is worth, group by slot; and what the last of those there is."""
        lacking = self.need - self.cover
        here = price.of(lacking)
        more, last = here - price.of(lacking - 1.0), price.of(lacking + 1.0) - here
        more[:, ~self.counted] = 0.0
        last[:, ~self.counted] = 0.0
        return more, last

    def answers(self, crew: Crew, rows: np.ndarray, price: Price) -> tuple[list[Tour | None], np.ndarray, np.ndarray]:
        """The best week of each of these members of a crew against all others as they stand: tours, their slots'
        worths (members by slots) and which group each slot would go to."""
        more, last = self.gains(price)
        mine = self.on[crew.members[rows]]
        worth = np.full(mine.shape, -np.inf)
        target = np.zeros(mine.shape, np.int16)
        for group in crew.groups:
            found = np.where(mine == group, last[group], more[group])
            better = found > worth
            worth, target = np.where(better, found, worth), np.where(better, np.int16(group), target)
        if not crew.groups:
            worth = np.zeros(mine.shape)
        worths = worths_of(crew, worth) + crew.base[rows]
        _, tours = best(
            crew.shape, worths, crew.free[rows], crew.ready[rows], crew.resting[rows], crew.least[rows],
            crew.unit / 60,
        )  # fmt: skip
        return tours, worth, target

    def placed(self, agent: int, tour: Tour, worth: np.ndarray) -> Week:
        """A tour with its breaks where they cost least."""
        each = self.agents[agent]
        sums = np.concatenate([[0.0], np.cumsum(worth)])
        week: Week = {}
        for day, choice in enumerate(tour):
            if choice is None:
                continue
            if day in each.locked:
                week[day] = self.weeks[agent][day]
                continue
            kind, start = choice[0], self.day_start(agent, day) + choice[1]
            breaks = []
            for low, high, length in each.kinds[kind].breaks:
                at = np.arange(start + low, start + high + 1)
                breaks.append((int(at[np.argmin(sums[at + length] - sums[at])]), length))
            week[day] = Placed(kind, start, tuple(breaks))
        return week

    def row_of(self, agent: int, week: Week, target: np.ndarray) -> np.ndarray:
        """The group by slot an agent covers in a week."""
        each = self.agents[agent]
        row = np.full(self.length, NONE, np.int16)
        if not each.agent.groups:
            return row
        for day, shift in week.items():
            end = shift.start + each.kinds[shift.kind].gross
            source = self.on[agent] if day in each.locked else target
            row[shift.start : end] = source[shift.start : end]
            for at, length in shift.breaks:
                row[at : at + length] = NONE
        return row

    def put(self, agent: int, week: Week, row: np.ndarray, price: Price, slack: float = 0.0) -> float | None:
        """Gives an agent a week when that is better at the price, by more than `-slack`; what is won, or None."""
        old = self.on[agent]
        changed = np.flatnonzero(old != row)
        extra = self.worth_beyond(agent, week)
        won = extra - self.extra[agent]
        if len(changed):
            groups = list(self.agents[agent].agent.groups)
            at_slots = (np.array(groups, int)[:, None], changed[None, :])
            part = self.cover[at_slots]
            after = part.copy()
            was, now = old[changed], row[changed]
            for at, group in enumerate(groups):
                after[at] += (now == group).astype(float) - (was == group)
            need, counted = self.need[at_slots], self.counted[changed]
            won += float(((price.of(need - part) - price.of(need - after)) * counted).sum())
            if won <= 1e-6 - slack:
                return None
            self.cover[at_slots] = after
        elif won <= 1e-6 - slack:
            return None
        self.on[agent], self.weeks[agent], self.extra[agent] = row, week, extra
        return won

    def restore(self, saved: Mapping[int, tuple[Week, np.ndarray]]) -> None:
        """Puts weeks back as they were."""
        for agent, (week, row) in saved.items():
            for group in self.agents[agent].agent.groups:
                self.cover[group] += (row == group).astype(float) - (self.on[agent] == group)
            self.on[agent], self.weeks[agent] = row, week
            self.extra[agent] = self.worth_beyond(agent, week)

    def take_out(self, agents: Sequence[int]) -> dict[int, tuple[Week, np.ndarray]]:
        """Frees agents but for what is locked; how they were."""
        saved = {agent: (self.weeks[agent], self.on[agent].copy()) for agent in agents}
        bare: dict[int, tuple[Week, np.ndarray]] = {}
        for agent in agents:
            week = {day: each for day, each in self.weeks[agent].items() if day in self.agents[agent].locked}
            bare[agent] = (week, self.row_of(agent, week, self.on[agent]))
        self.restore(bare)
        return saved

    def shifts(self) -> list[Shift]:
        """The plan in instants, agents in order."""
        found = []
        for agent, week in enumerate(self.weeks):
            each = self.agents[agent]
            for day, shift in sorted(week.items()):
                if day in each.locked:
                    found.append(each.locked[day])
                    continue
                part = self.on[agent, shift.start : shift.start + each.kinds[shift.kind].gross]
                found.append(as_shift(each, day, shift.kind, shift.start, shift.breaks, part, self.time))
        return found

    def copy(self) -> tuple[list[Week], np.ndarray]:
        """What makes the same plan again."""
        return [dict(each) for each in self.weeks], self.on.copy()


def worths_of(crew: Crew, worth: np.ndarray) -> np.ndarray:
    """Members by days by kinds by starts: what each shift's slots are worth with its breaks at their best, float32.
    `worth`: members by slots of the line."""
    members, slots = len(worth), crew.shape.day_slots
    sums = np.concatenate([np.zeros((members, 1)), np.cumsum(worth, axis=1)], axis=1)[:, crew.begins :]
    starts, width = list(accumulate(slots, initial=0)), crew.shape.width
    found = np.full((members, DAYS, len(crew.kinds), width), NEVER, np.float32)
    known: dict[tuple[int, int, int], np.ndarray] = {}
    edge = starts[-1]
    for number, kind in enumerate(crew.kinds):
        if kind.pattern is None:
            found[:, :, number] = 0.0
            continue
        value = sums[:, kind.gross : kind.gross + edge] - sums[:, :edge]
        for each in kind.breaks:
            if each not in known:
                low, high, rest = each
                lost = sums[:, low + rest : high + rest + edge] - sums[:, low : high + edge]
                window = np.lib.stride_tricks.sliding_window_view(lost, high - low + 1, axis=1)
                known[each] = window.min(axis=2)
            value = value - known[each]
        if all(each == width for each in slots):
            found[:, :, number] = value.reshape(members, DAYS, width)
        else:
            for day in range(DAYS):
                found[:, day, number, : slots[day]] = value[:, starts[day] : starts[day + 1]]
    return found


def _crews(agents: Sequence[Planned], begins: Sequence[int]) -> tuple[list[Crew], list[tuple[int, int]]]:
    """Agents by what they have in common, and where each is: (crew, row)."""
    found: dict[object, list[int]] = {}
    for number, each in enumerate(agents):
        found.setdefault((each.shape, each.kinds, each.agent.groups, each.unit, begins[number]), []).append(number)
    crews, place = [], [(0, 0)] * len(agents)
    for crew_at, members in enumerate(found.values()):
        first, own = agents[members[0]], [agents[each] for each in members]
        base = [np.where(each.allowed, each.extra, NEVER).astype(np.float32) for each in own]
        crews.append(
            Crew(
                np.array(members), first.shape, first.kinds, first.agent.groups, first.unit, begins[members[0]],
                np.stack(base), np.stack([each.free for each in own]), np.array([each.ready for each in own]),
                np.array([each.resting for each in own]), np.array([each.least for each in own]),
            )
        )  # fmt: skip
        for row, number in enumerate(members):
            place[number] = (crew_at, row)
    return crews, place


def slot_hours() -> float:
    """Hours of a slot."""
    return SLOT / 60
