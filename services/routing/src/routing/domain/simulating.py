"""A day of contacts played through the matcher's own board, event by event (docs/mechanisms/simulator.md).

Nothing here is random and nothing waits: who comes when, how patient they are and how long they are handled is part of
the day, so that the same day under other rules differs by the rules alone. Times are seconds from any beginning.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from zlib import crc32

from routing.domain import requirements, waiting
from routing.domain.board import Board
from routing.domain.courses import Demand, Line, course
from routing.domain.matches import Match, Waiting
from routing.domain.ranking import Ranking, Ready, Tally
from routing.domain.urgency import USUAL, Urgency, urgency_of

MOST_CONTACTS, MOST_AGENTS = 50_000, 2_000
_ESTIMATES = 2_000
"""Contacts whose expected wait is compared with the true one: evenly spread over the day."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A contact: when it comes, how long it waits at most, and how long an agent has it from the answer to the end of
    wrap-up."""

    contact_id: str
    queue_id: str
    at: float
    patience: float
    handle: float
    points: float = 0.0
    asked: Demand = ()
    preferred: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """An agent at work from `begin` to `end`; whoever is on a contact then finishes it."""

    agent_id: str
    begin: float
    end: float
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    cost: int = 0


@dataclass(frozen=True)
class Day:
    """What happens, whatever the rules. `ring` is how long an agent takes to answer."""

    arrivals: Sequence[Arrival]
    shifts: Sequence[Shift]
    ring: float = 0.0


@dataclass(frozen=True)
class Played:
    """One day to play, with the rules of its queues and their service level thresholds in seconds, 20 without one."""

    day: Day
    lines: Mapping[str, Line]
    thresholds: Mapping[str, float]


@dataclass
class Figures:
    """What came of a queue's contacts, or of all. Waits are in seconds."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    in_time: int = 0
    """Answered within the queue's service level threshold."""
    waits: list[float] = field(default_factory=list)
    """Of the answered ones."""
    handled: float = 0.0
    """Seconds agents spent on them."""
    errors: list[float] = field(default_factory=list)
    """Expected wait when they came, less the true one: of answered contacts who were told one."""
    in_range: int = 0
    """Of those, how many waited within the range that was told."""

    @property
    def service_level(self) -> float | None:
        """The share of all who came and were answered in time."""
        return self.in_time / self.offered if self.offered else None

    @property
    def asa(self) -> float | None:
        """Average speed of answer."""
        return sum(self.waits) / len(self.waits) if self.waits else None

    def wait_at(self, share: float) -> float | None:
        """The wait that this share of the answered ones didn't exceed."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

    @property
    def mean_error(self) -> float | None:
        """Mean absolute error of the expected wait."""
        return sum(map(abs, self.errors)) / len(self.errors) if self.errors else None


@dataclass
class Outcome:
    """A day under one set of rules."""

    queues: dict[str, Figures]
    whole: Figures
    staffed: float
    """Seconds agents were at work."""
    busy: float
    """Seconds of them on contacts, wrap-up and ringing included."""
    contacts_by_agent: Counter[str]
    rules: Counter[str]
    """How often each rule found an agent."""

    @property
    def occupancy(self) -> float | None:
        """The share of their time that agents were busy."""
        return self.busy / self.staffed if self.staffed else None


class _Kind(IntEnum):
    """At one moment agents are free before others come, and whoever has waited enough goes last."""

    FREE = 0
    SHIFT = 1
    ARRIVAL = 2
    NONE = 3
    END = 4
    ABANDON = 5


def simulated(played: Played) -> Outcome:
    """What becomes of the day. ValueError for a contact of a queue that has no rules here."""
    return _Floor(played.day, played.lines, played.thresholds).run()


class _Floor:
    """The contact centre while the day passes."""

    def __init__(self, day: Day, lines: Mapping[str, Line], thresholds: Mapping[str, float]) -> None:
        missing = {arrival.queue_id for arrival in day.arrivals} - set(lines)
        if missing:
            raise ValueError(f"contacts come to queues without rules: {', '.join(sorted(missing))}")
        self._day, self._lines, self._thresholds = day, lines, thresholds
        self._board = Board()
        for line in lines.values():
            self._board.put_line(line)
        self._urgencies = {queue_id: urgency_of(line.rules) for queue_id, line in lines.items()}
        self._rankings = {queue_id: Ranking(line.rules) for queue_id, line in lines.items()}
        self._events: list[tuple[float, int, int, str | Arrival | Shift]] = []
        self._numbers = itertools.count()
        self._waits: dict[str, Arrival] = {}
        self._in_line: dict[str, dict[str, Arrival]] = {queue_id: {} for queue_id in lines}
        self._on: dict[str, Shift] = {}
        self._busy: set[str] = set()
        self._tallies: dict[str, Tally] = {}
        self._told: dict[str, waiting.WaitEstimate] = {}
        self._handle = dict.fromkeys(lines, waiting.PRIOR_HANDLE_SECONDS)
        self._every = max(1, len(day.arrivals) // _ESTIMATES)
        self._outcome = Outcome({queue_id: Figures() for queue_id in lines}, Figures(), 0.0, 0.0, Counter(), Counter())

    def run(self) -> Outcome:
        for number, arrival in enumerate(sorted(self._day.arrivals, key=lambda each: (each.at, each.contact_id))):
            self._at(arrival.at, _Kind.ARRIVAL, arrival)
            if number % self._every == 0:
                self._told[arrival.contact_id] = _NOT_YET
        for shift in self._day.shifts:
            self._at(shift.begin, _Kind.SHIFT, shift)
            self._at(shift.end, _Kind.END, shift)
            self._outcome.staffed += shift.end - shift.begin
        while self._events:
            now, kind, _, what = heapq.heappop(self._events)
            self._board.advance(now)
            self._happens(_Kind(kind), what, now)
            while (match := self._board.decide(now)) is not None:
                self._assign(match, now)
            due = self._board.next_due
            if due is not None and (not self._events or due < self._events[0][0]):
                self._at(due, _Kind.NONE, "")
        return self._outcome

    def _happens(self, kind: _Kind, what: str | Arrival | Shift, now: float) -> None:
        if isinstance(what, Arrival) and kind is _Kind.ARRIVAL:
            self._arrive(what, now)
        elif isinstance(what, Shift) and kind is _Kind.SHIFT:
            self._on[what.agent_id] = what
            self._ready(what.agent_id, now)
        elif isinstance(what, Shift) and self._on.get(what.agent_id) is what:
            del self._on[what.agent_id]
            self._board.drop_agent(what.agent_id)
        elif isinstance(what, str) and kind is _Kind.FREE:
            self._busy.discard(what)
            self._ready(what, now)
        elif isinstance(what, str) and kind is _Kind.ABANDON and what in self._waits:
            arrival = self._leaves(what)
            self._board.drop_contact(what)
            for figures in self._figures(arrival):
                figures.abandoned += 1

    def _arrive(self, arrival: Arrival, now: float) -> None:
        self._waits[arrival.contact_id] = self._in_line[arrival.queue_id][arrival.contact_id] = arrival
        for figures in self._figures(arrival):
            figures.offered += 1
        if arrival.contact_id in self._told:
            self._told[arrival.contact_id] = self._estimate(arrival, now)
        wait = self._lines[arrival.queue_id].rules.preferred_wait.total_seconds()
        wait = wait if arrival.preferred in self._on else 0.0
        self._board.put_contact(
            Waiting(
                arrival.contact_id, arrival.queue_id, arrival.at, arrival.points, arrival.asked, 1,
                preferred=arrival.preferred, preferred_wait=wait,
            ),
            now,
        )  # fmt: skip
        self._at(now + arrival.patience, _Kind.ABANDON, arrival.contact_id)

    def _assign(self, match: Match, now: float) -> None:
        agent_id, arrival = _taker(match), self._leaves(match.contact.contact_id)
        for other in match.agents if match.companions else ():
            if other.agent_id != agent_id:
                self._board.put_agent(other)
        wait, busy = now + self._day.ring - arrival.at, self._day.ring + arrival.handle
        for figures in self._figures(arrival):
            figures.answered += 1
            figures.in_time += wait <= self._thresholds.get(arrival.queue_id, 20.0)
            figures.waits.append(wait)
            figures.handled += arrival.handle
            self._compare(figures, arrival, wait)
        self._outcome.busy += busy
        self._outcome.contacts_by_agent[agent_id] += 1
        self._outcome.rules[match.rule] += 1
        before = self._tallies.get(agent_id, Tally())
        self._tallies[agent_id] = before._replace(
            offered_at=now, handled=before.handled + 1, talked=before.talked + arrival.handle
        )
        smoothed = self._handle[arrival.queue_id]
        self._handle[arrival.queue_id] = smoothed + waiting.SMOOTHING * (arrival.handle - smoothed)
        self._busy.add(agent_id)
        self._at(now + busy, _Kind.FREE, agent_id)

    def _compare(self, figures: Figures, arrival: Arrival, wait: float) -> None:
        told = self._told.get(arrival.contact_id)
        if told is not None and told.expected is not None and told.low is not None and told.high is not None:
            figures.errors.append(told.expected.total_seconds() - wait)
            figures.in_range += told.low.total_seconds() <= wait <= told.high.total_seconds()

    def _estimate(self, arrival: Arrival, now: float) -> waiting.WaitEstimate:
        """By the published formula, from what is known in that moment."""
        line, urgency = self._lines[arrival.queue_id], self._urgencies[arrival.queue_id]
        stage = course(line, arrival.asked, 0)[0]
        ranking = self._rankings[arrival.queue_id]
        lines = [self._lines[queue_id] for queue_id, there in self._in_line.items() if there]
        serving, free = 0.0, 0
        for shift in self._on.values():
            member = not stage.members or not shift.queue_ids.isdisjoint(stage.members)
            fits = member and requirements.score(shift.skills, stage.requirement) is not None
            if fits and ranking.lists(shift.agent_id, stage.levels):
                shared = sum(each.open_to_all or each.queue_id in shift.queue_ids for each in lines)
                serving += 1 / max(1, shared)
                free += shift.agent_id not in self._busy
        there = self._in_line[arrival.queue_id].values()
        place = _place(arrival, urgency, now)
        position = 1 + sum(_place(other, urgency, now) < place for other in there)
        return waiting.estimate(
            position=position, depth=len(there), serving=serving, free=free,
            handle_seconds=self._handle[arrival.queue_id], waited=timedelta(0),
        )  # fmt: skip

    def _ready(self, agent_id: str, now: float) -> None:
        shift = self._on.get(agent_id)
        if shift is not None and agent_id not in self._busy:
            tally = self._tallies.get(agent_id, Tally())._replace(cost=shift.cost)
            idle = _BEGIN + timedelta(seconds=now)
            self._board.put_agent(Ready(agent_id, idle, shift.skills, shift.queue_ids, 1, tally=tally))

    def _leaves(self, contact_id: str) -> Arrival:
        arrival = self._waits.pop(contact_id)
        del self._in_line[arrival.queue_id][contact_id]
        return arrival

    def _figures(self, arrival: Arrival) -> tuple[Figures, Figures]:
        return self._outcome.queues[arrival.queue_id], self._outcome.whole

    def _at(self, time: float, kind: _Kind, what: str | Arrival | Shift) -> None:
        heapq.heappush(self._events, (time, kind, next(self._numbers), what))


_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_YET = waiting.WaitEstimate(0, 0, None, None, None, timedelta(0))


def _taker(match: Match) -> str:
    """Who answers first where it rings together: any of them alike, and the same one whenever this day is played."""
    agents = match.agents
    return agents[crc32(match.contact.contact_id.encode()) % len(agents)].agent_id


def _place(arrival: Arrival, urgency: Urgency = USUAL, now: float = 0.0) -> tuple[float, float, str]:
    return urgency.came(arrival.at, arrival.points, now), arrival.at, arrival.contact_id
