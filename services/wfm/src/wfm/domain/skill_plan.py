"""The fewest agents of each group with which every queue keeps its promise, found by simulation (`pooling`).

It begins with the work alone, spread over groups by a linear program, and grows: each round another agent of the group
that reaches most of what lacks for its cost. Then it tries to do without agents one by one, and to have one who serves
more in place of two who serve less, each on the same contacts; what it comes to is simulated anew at length, and
grows again where a promise does not hold there. All intervals are worked beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import linprog

from wfm.domain.pooling import Floats, Network, Outcomes, simulate

Numbers = np.ndarray
TOLERANCE = 0.005
"""By how much a simulated share may be below what is promised: about its standard error."""
RUNS = 16
GROW, TRIM, VERIFY = 6_000, 10_000, 40_000
"""Contacts to simulate for a number of agents of an interval."""
WARM_UP = 3.0
"""Mean handle times until what is counted begins; lanes begin with the work there usually is."""
_MOST_LANES = 8192
_ROUNDS = 200
_TRIMS = 24
_AT_A_TIME, _MOST_TRADES = 6, 12
"""Trades of agents to try at a time, and of each kind."""
_MORE = 6
_SHORT = 1e3


@dataclass(frozen=True)
class Promise:
    """By queue: share to be served in time, most of their time that all who serve it at once may be busy together
    (those with more skills always are busier than the others), fewest of them."""

    levels: Floats
    occupancy: Floats
    fewest: Floats


@dataclass(frozen=True)
class Problem:
    """What is to be staffed: who reaches whom, what is promised, what an agent of each group costs and how many of
    them there are; `rates` (contacts a second) and `handles` (seconds), intervals by queues."""

    net: Network
    promise: Promise
    costs: Floats
    most: Numbers
    rates: Floats
    handles: Floats


@dataclass(frozen=True)
class Staffed:
    """Agents, intervals by groups, and what comes of them by queue or group. `kept`: whether the promise holds."""

    agents: Numbers
    level: Floats
    level_error: Floats
    abandoned: Floats
    wait: Floats
    occupancy: Floats
    kept: np.ndarray
    contacts: int


Told = Callable[[float], None]
"""Is told the share that is done."""


def staffed(problem: Problem, seed: int, tell: Told = lambda _: None) -> Staffed:
    """Each interval's agents. The same seed gives the same."""
    return _Search(problem, seed, tell).run()


def tried(problem: Problem, agents: Numbers, seed: int, contacts: int = VERIFY) -> Staffed:
    """What comes of numbers (intervals by groups) that somebody thinks of."""
    search = _Search(problem, seed, lambda _: None)
    return search.said(agents, search.measured(np.arange(len(agents)), agents, contacts))


class _Search:
    def __init__(self, problem: Problem, seed: int, tell: Told) -> None:
        self.problem, self.seed, self.tell = problem, seed, tell
        net = problem.net
        self.loads = problem.rates * problem.handles
        self.at_once = net.reach <= 0
        thresholds = np.maximum(net.thresholds, 1.0)
        late = 0.5 * np.exp(-np.minimum(net.reach / thresholds, 700.0))
        self.helps = np.where(self.at_once, 1.0, np.where(np.isfinite(net.reach), late, 0.0))
        # Who frees somebody else for it helps a queue, too, though less.
        shared = (self.at_once.astype(float) @ self.at_once.T.astype(float)) > 0
        self.frees = 0.1 * (shared.astype(float) @ self.helps > 0)
        self.shared = shared.astype(float)
        self.contacts = 0

    def run(self) -> Staffed:
        numbers = np.stack([self.begun(each) for each in self.loads]) if len(self.loads) else self._none()
        numbers = self.grown(numbers, np.arange(len(numbers)), GROW, _ROUNDS)
        self.tell(0.4)
        numbers = self.trimmed(numbers)
        self.tell(0.85)
        found = self.measured(np.arange(len(numbers)), numbers, VERIFY)
        for _ in range(_MORE):
            lacks = np.flatnonzero(~self.holds(found, numbers, np.arange(len(numbers))))
            more = self.with_more(lacks, numbers[lacks], _some(found, lacks))
            changed = (more != numbers[lacks]).any(axis=1)
            if not changed.any():
                break
            lacks = lacks[changed]
            numbers[lacks] = more[changed]
            found = _put(found, lacks, self.measured(lacks, numbers[lacks], VERIFY))
        self.tell(1.0)
        return self.said(numbers, found)

    def _none(self) -> Numbers:
        return np.zeros((0, len(self.problem.costs)), np.int64)

    def begun(self, loads: Floats) -> Numbers:
        """Agents for the work alone: the cheapest way to spread it, as far as there are enough."""
        reach, costs, most = self.problem.net.reach, self.problem.costs, self.problem.most
        pairs = [(g, q) for g, q in np.ndindex(reach.shape) if np.isfinite(reach[g, q]) and loads[q] > 0]
        queues = np.flatnonzero(loads > 0)
        price = [costs[g] + (0.0 if self.at_once[g, q] else 1.0) for g, q in pairs] + [_SHORT] * len(queues)
        within = np.zeros((len(costs), len(price)))
        exactly = np.zeros((len(queues), len(price)))
        for at, (group, queue) in enumerate(pairs):
            within[group, at] = 1.0
            exactly[np.searchsorted(queues, queue), at] = 1.0
        exactly[np.arange(len(queues)), len(pairs) + np.arange(len(queues))] = 1.0
        numbers = np.zeros(len(costs))
        if len(queues):
            solved = linprog(price, within, most, exactly, loads[queues])
            for at, (group, _) in enumerate(pairs):
                numbers[group] += solved.x[at] if solved.x is not None else 0.0
        numbers = np.minimum(np.floor(numbers + 0.5), most).astype(np.int64)
        return self.with_fewest(numbers, loads)

    def with_fewest(self, numbers: Numbers, loads: Floats) -> Numbers:
        """So many who serve each queue as must be there at least, where there is anything to do."""
        numbers = numbers.copy()
        for queue in np.flatnonzero(loads > 0):
            while numbers[self.at_once[:, queue]].sum() < self.problem.promise.fewest[queue]:
                room = self.at_once[:, queue] & (numbers < self.problem.most)
                if not room.any():
                    break
                numbers[np.flatnonzero(room)[np.argmin(self.problem.costs[room])]] += 1
        return numbers

    def grown(self, numbers: Numbers, cases: Numbers, contacts: int, rounds: int) -> Numbers:
        """Until everything holds, or there is nobody left."""
        numbers, open_ = numbers.copy(), np.array(cases)
        for each in range(rounds):
            if not len(open_):
                break
            found = self.measured(open_, numbers[open_], contacts)
            lacks = ~self.holds(found, numbers[open_], open_)
            open_ = open_[lacks]
            more = self.with_more(open_, numbers[open_], _some(found, np.flatnonzero(lacks)))
            grew = (more != numbers[open_]).any(axis=1)
            numbers[open_] = more
            open_ = open_[grew]
            self.tell(0.4 * (1 - 0.9**each))
        return numbers

    def lacking(self, found: Outcomes, numbers: Numbers, cases: Numbers) -> Floats:
        """How many agents too few there are, about, by interval and queue; 0 where its promise holds."""
        promise, comes = self.problem.promise, self.problem.rates[cases] > 0
        serve = numbers @ self.at_once
        gap = np.maximum(0.0, promise.levels - TOLERANCE - found.level)
        # A square root of the load more is worth most of a share between nothing and everything.
        late = gap * 1.2 * np.sqrt(np.maximum(1.0, self.loads[cases]))
        busy = (numbers * found.occupancy) @ self.at_once
        tired = np.where(busy > (promise.occupancy + TOLERANCE) * serve, busy / promise.occupancy - serve, 0.0)
        return np.where(comes, np.maximum(np.maximum(late, tired), promise.fewest - serve), 0.0)

    def holds(self, found: Outcomes, numbers: Numbers, cases: Numbers) -> np.ndarray:
        """Whether all that is promised does, by interval."""
        return np.all(self.lacking(found, numbers, cases) <= 0, axis=1)

    def with_more(self, cases: Numbers, numbers: Numbers, found: Outcomes) -> Numbers:
        """Another agent, or several while much lacks, of the group that helps most for its cost."""
        lacks = self.lacking(found, numbers, cases)
        score = lacks @ (self.helps + self.frees).T
        score = np.where(numbers < self.problem.most, score / self.problem.costs, 0.0)
        best = score.argmax(axis=1) if len(score) else np.zeros(0, np.intp)
        some = np.arange(len(numbers))
        step = np.maximum(1, np.floor(0.7 * lacks.max(axis=1, initial=0.0))).astype(np.int64)
        more = numbers.copy()
        grows = np.where(score[some, best] > 0, step, 0)
        more[some, best] = np.minimum(more[some, best] + grows, self.problem.most[best])
        return more

    def trimmed(self, numbers: Numbers) -> Numbers:
        """Without whom it goes without."""
        numbers, open_ = numbers.copy(), np.arange(len(numbers))
        spare = self.spare(self.measured(open_, numbers, TRIM), open_)
        tried_ = np.zeros(len(numbers), np.intp)
        for each in range(_TRIMS):
            cases, tries = self.tries(open_, numbers, spare, tried_)
            if not len(cases):
                break
            found = self.measured(cases, tries, TRIM)
            fine = self.holds(found, tries, cases)
            left, cheap = self.spare(found, cases), tries @ self.problem.costs
            for case in np.unique(cases):
                mine = np.flatnonzero((cases == case) & fine)
                tried_[case] += 1
                if len(mine):
                    # The cheapest; of several the one whose tightest promise is the least tight.
                    best = mine[np.lexsort((-left[mine].min(axis=1), np.round(cheap[mine], 6)))[0]]
                    numbers[case], spare[case], tried_[case] = tries[best], left[best], 0
            open_ = np.unique(cases)
            self.tell(0.4 + 0.45 * (1 - 0.8 ** (each + 1)))
        return numbers

    def spare(self, found: Outcomes, cases: Numbers) -> Floats:
        """By how much more than promised is served in time, by interval and queue."""
        return np.where(self.problem.rates[cases] > 0, found.level - self.problem.promise.levels, 1.0)

    def tries(self, cases: Numbers, numbers: Numbers, spare: Floats, tried_: Numbers) -> tuple[Numbers, Numbers]:
        """Cheaper numbers of each of these intervals. First one agent less, and one who costs less in place of one who
        costs more; then, a few at a time, those who serve more in place of more who serve less, of those with most to
        spare first. `tried_`: how often something was tried of the numbers as they are."""
        costs, most = self.problem.costs, self.problem.most
        groups = range(len(costs))
        moves = [((g,), ()) for g in groups]
        moves += [((g,), (h,)) for g in groups for h in groups if costs[h] < costs[g] - 1e-9 and self.shared[g, h]]
        wide = sorted(groups, key=lambda g: -self.at_once[g].sum())[:2]
        # Of two or three who serve less, one less who serve more.
        trades = [
            [
                (less, (h,) * (size - 1))
                for h in wide
                for less in combinations_with_replacement([g for g in groups if g != h and self.shared[g, h]], size)
                if costs[list(less)].sum() > costs[h] * (size - 1) + 1e-9
            ]
            for size in (2, 3)
        ]
        found_cases: list[int] = []
        found: list[Numbers] = []
        for case in cases:
            has = np.where(self.at_once, spare[case], np.inf).min(axis=1)
            has = np.where(np.isfinite(has), has, 0.0)
            first = int(tried_[case]) * _AT_A_TIME
            best = [move for each in trades for move in sorted(each, key=_spared(has))[:_MOST_TRADES]]
            chosen = (moves if not first else []) + best[first : first + _AT_A_TIME]
            for less, more in chosen:
                made = numbers[case].copy()
                for group in less:
                    made[group] -= 1
                for group in more:
                    made[group] += 1
                if (made >= 0).all() and (made <= most).all():
                    found_cases.append(int(case))
                    found.append(made)
        return np.array(found_cases, np.intp), np.stack(found) if found else self._none()

    def measured(self, cases: Numbers, numbers: Numbers, contacts: int) -> Outcomes:
        """What comes of numbers of these intervals; the same contacts for each number of one interval."""
        rates, handles = self.problem.rates[cases], self.problem.handles[cases]
        self.seed += 1
        quickest = np.where(rates > 0, 1 / handles, 0.0).max(axis=1, initial=0.0)
        room = np.zeros_like(numbers)
        most = np.zeros((len(self.problem.rates), numbers.shape[1]), numbers.dtype)
        np.maximum.at(most, cases, numbers)
        room = most[cases]
        ring = rates.sum(axis=1) + quickest * room.sum(axis=1)
        share = np.divide(rates.sum(axis=1), ring, out=np.ones(len(cases)), where=ring > 0)
        warm = np.ceil(WARM_UP * ring * np.where(rates > 0, handles, 0.0).max(axis=1, initial=1.0))
        length = np.maximum(contacts / RUNS / np.maximum(share, 0.05), 1.5 * warm)
        # Those of like length beside each other, and all of one interval together.
        order = np.lexsort((cases, length.round(-2)))
        pieces: list[tuple[Numbers, Outcomes]] = []
        for part in _parts(order, cases, max(1, _MOST_LANES // RUNS)):
            made = simulate(
                self.problem.net, rates[part], handles[part], numbers[part], steps=int(length[part].max()),
                warm_up=int(warm[part].max()), runs=RUNS, seed=self.seed, room=room[part], streams=cases[part],
            )  # fmt: skip
            self.contacts += made.contacts
            pieces.append((part, made))
        return _joined(pieces, len(cases), self.problem)

    def said(self, numbers: Numbers, found: Outcomes) -> Staffed:
        """As it is told; a queue's promise is also broken where fewer serve it than must."""
        kept = self.lacking(found, numbers, np.arange(len(numbers))) <= 0
        level = np.where(self.problem.rates > 0, found.level, 1.0)
        return Staffed(
            numbers, level, found.level_error, found.abandoned, found.wait, found.occupancy, kept, self.contacts
        )


def _spared(has: Floats) -> Callable[[tuple[tuple[int, ...], tuple[int, ...]]], float]:
    """Sorts trades: who gives away of what most is to spare (`has`, by group) first, and not all of one group."""

    def place(trade: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
        less, _ = trade
        return 0.1 * (len(less) - len(set(less))) - float(sum(has[each] for each in less))

    return place


def _parts(order: Numbers, cases: Numbers, most: int) -> list[Numbers]:
    """Pieces of about so many; what is of one interval may be in two, with the same contacts all the same."""
    return [order[at : at + most] for at in range(0, len(order), most)]


_FIELDS = (
    "offered", "level", "level_error", "abandoned", "abandoned_error", "wait", "wait_error", "late", "occupancy",
    "occupancy_error",
)  # fmt: skip


def _joined(pieces: Sequence[tuple[Numbers, Outcomes]], count: int, problem: Problem) -> Outcomes:
    groups, queues = problem.net.reach.shape
    made = {name: np.zeros((count, groups if name.startswith("occ") else queues)) for name in _FIELDS}
    for part, each in pieces:
        for name in _FIELDS:
            made[name][part] = getattr(each, name)
    return Outcomes(**made, contacts=sum(each.contacts for _, each in pieces))


def _some(found: Outcomes, which: Numbers) -> Outcomes:
    return Outcomes(**{name: getattr(found, name)[which] for name in _FIELDS}, contacts=found.contacts)


def _put(found: Outcomes, which: Numbers, better: Outcomes) -> Outcomes:
    made = {name: getattr(found, name).copy() for name in _FIELDS}
    for name in _FIELDS:
        made[name][which] = getattr(better, name)
    return Outcomes(**made, contacts=found.contacts + better.contacts)
