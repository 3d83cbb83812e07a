"""A day of contacts played through the matcher's own board, event by event (docs/mechanisms/simulator.md).

Nothing here is random and nothing waits: who comes when, how patient they are and how long they are handled is part of
the day, so that the same day under other rules differs by the rules alone. Times are seconds from any beginning.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

from routing.domain import waiting
from routing.domain.board import Board
from routing.domain.contacts import Channel
from routing.domain.hall import Arrival, Guest, Hall, House, Shift
from routing.domain.matches import Match
from routing.domain.overflow import SentOn
from routing.domain.ranking import Ready, Tally
from routing.domain.room import has_any_room, with_room

MOST_CONTACTS, MOST_AGENTS = 50_000, 2_000
_DAY = 86_400.0
_ESTIMATES = 2_000
"""Contacts whose expected wait is compared with the true one: evenly spread over the day."""


@dataclass(frozen=True)
class Day:
    """What happens, whatever the rules. `ring` is how long an agent takes to answer, `begin` the moment that is second
    0: by it queues are open and closed, and always open without it."""

    arrivals: Sequence[Arrival]
    shifts: Sequence[Shift]
    ring: float = 0.0
    begin: datetime | None = None


@dataclass(frozen=True)
class Played:
    """One day to play, with its queues and their service level thresholds in seconds, 20 without one."""

    day: Day
    house: House
    thresholds: Mapping[str, float]


@dataclass
class Figures:
    """What came of a queue's contacts, or of all. Waits are in seconds, from when the contact came to its first queue.
    Whoever is sent on is offered in the other queue as well; all together they are offered once."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    overflowed: int = 0
    """Sent on to another queue."""
    left: int = 0
    """Gone to an outside number, or by an exit of their flow."""
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
    """Seconds of them with a contact or several, or kept for one: ringing and wrap-up included."""
    contacts_by_agent: Counter[str]
    rules: Counter[str]
    """How often each rule found an agent."""

    @property
    def occupancy(self) -> float | None:
        """The share of their time that agents were busy."""
        return self.busy / self.staffed if self.staffed else None


class _Talk(NamedTuple):
    """An agent's time with one contact."""

    agent_id: str
    channel: Channel


_What = str | Arrival | Shift | _Talk


class _Kind(IntEnum):
    """At one moment agents are free before others come, and whoever has waited enough goes last."""

    FREE = 0
    SHIFT = 1
    ARRIVAL = 2
    NONE = 3
    LOOK = 4
    END = 5
    ABANDON = 6


def simulated(played: Played) -> Outcome:
    """What becomes of the day. ValueError for a contact of a queue that has no rules here."""
    return _Floor(played).run()


class _Floor:
    """The contact centre while the day passes."""

    def __init__(self, played: Played) -> None:
        day, house = played.day, played.house
        missing = {arrival.queue_id for arrival in day.arrivals} - set(house.lines)
        if missing:
            raise ValueError(f"contacts come to queues without rules: {', '.join(sorted(missing))}")
        self._day, self._lines, self._thresholds = day, house.lines, played.thresholds
        self._board = Board()
        for line in house.lines.values():
            self._board.put_line(line)
        self._hall = Hall(house, day.shifts, day.begin)
        self._events: list[tuple[float, int, int, _What]] = []
        self._numbers = itertools.count()
        self._look_at = math.inf
        self._end = _DAY + max([0.0, *(each.at for each in day.arrivals), *(each.end for each in day.shifts)])
        self._tallies: dict[str, Tally] = {}
        self._capacity = house.capacity
        self._busy_since: dict[str, float] = {}
        self._rings_until: dict[str, float] = {}
        self._told: dict[str, waiting.WaitEstimate] = {}
        self._every = max(1, len(day.arrivals) // _ESTIMATES)
        figures = {queue_id: Figures() for queue_id in house.lines}
        self._outcome = Outcome(figures, Figures(), 0.0, 0.0, Counter(), Counter())

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
            changed = self._happens(_Kind(kind), what, now)
            while (match := self._board.decide(now)) is not None:
                self._assign(match, now)
            due = self._board.next_due
            if due is not None and (not self._events or due < self._events[0][0]):
                self._at(due, _Kind.NONE, "")
            if changed:
                self._look_by(math.floor(now) + 1.0, now)
        return self._outcome

    def _happens(self, kind: _Kind, what: _What, now: float) -> bool:
        """Whether it may have changed what contacts that wait go by."""
        if isinstance(what, Arrival):
            self._arrive(what, now)
        elif isinstance(what, Shift) and kind is _Kind.SHIFT:
            self._hall.comes(what)
            self._ready(what.agent_id, now)
        elif isinstance(what, Shift) and self._hall.on.get(what.agent_id) is what:
            self._hall.leaves_work(what.agent_id)
            self._board.drop_agent(what.agent_id)
        elif isinstance(what, _Talk):
            self._end_talk(what, now)
        elif isinstance(what, str) and kind is _Kind.FREE:
            self._ready(what, now)
        elif isinstance(what, str) and kind is _Kind.ABANDON and what in self._hall.guests:
            guest = self._goes(what)
            for figures in self._figures(guest.queue_id):
                figures.left += guest.arrival.leaves
                figures.abandoned += not guest.arrival.leaves
        elif kind is _Kind.LOOK:
            return self._look(now)
        return True

    def _arrive(self, arrival: Arrival, now: float) -> None:
        for figures in self._figures(arrival.queue_id):
            figures.offered += 1
        wait = self._lines[arrival.queue_id].rules.preferred_wait.total_seconds()
        preferred = arrival.preferred in self._hall.on
        guest = Guest(arrival, arrival.queue_id, preferred_wait=wait + now - arrival.since if preferred else 0.0)
        self._hall.stands(guest)
        if arrival.contact_id in self._told:
            self._told[arrival.contact_id] = self._hall.estimate(guest, now)
        self._at(now + arrival.patience, _Kind.ABANDON, arrival.contact_id)
        if not self._sends_on(guest, now, entering=True):
            self._board.put_contact(guest.waiting, now)
            self._wakes(guest, now)

    def _look(self, now: float) -> bool:
        """What each second is seen to in service: steps by expected wait, and overflow."""
        if self._look_at > now:
            return False  # another one came before it
        self._look_at = math.inf
        changed = False
        for queue_id in self._hall.watched:
            position = 1
            for guest in self._hall.order(queue_id, now):
                fired = self._hall.steps_due(guest, now, position)
                if fired != guest.fired:
                    guest.fired, changed = fired, True
                    self._board.put_contact(guest.waiting, now)
                if self._sends_on(guest, now, entering=False, position=position):
                    changed = True
                else:
                    position += 1
                    self._wakes(guest, now)
        return changed

    def _sends_on(self, guest: Guest, now: float, *, entering: bool, position: int | None = None) -> bool:
        """Whether the contact went to another queue, or left."""
        went = False
        while (way := self._hall.way(guest, now, entering=entering, position=position)) is not None:
            went, entering, position = True, True, None
            from_id = guest.queue_id
            if isinstance(way, SentOn) and way.rule.queue_id:
                guest = replace(guest, queue_id=way.rule.queue_id, been=(*guest.been, from_id), fired=0)
                self._hall.stands(guest)
                self._outcome.queues[guest.queue_id].offered += 1
                for figures in self._figures(from_id):
                    figures.overflowed += 1
                continue
            self._goes(guest.arrival.contact_id)
            for figures in self._figures(from_id):
                figures.left += 1
            return True
        if went:
            self._board.put_contact(guest.waiting, now)
            self._wakes(guest, now)
        return went

    def _wakes(self, guest: Guest, now: float) -> None:
        """A rule or a limit may come for it by waiting alone."""
        due = self._hall.next_look(guest, now)
        if due is not None:
            self._look_by(due, now)

    def _look_by(self, time: float, now: float) -> None:
        # Callers without end to their patience may be left when everybody has gone home.
        if self._hall.waits_watched and time < min(self._look_at, self._end):
            self._look_at = max(time, now)
            self._at(self._look_at, _Kind.LOOK, "")

    def _assign(self, match: Match, now: float) -> None:
        agent_id, guest = _taker(match), self._hall.goes(match.contact.contact_id)
        arrival = guest.arrival
        for other in match.agents if match.companions else ():
            if other.agent_id != agent_id:
                self._board.put_agent(other)
        wait, handle = now + self._day.ring + arrival.kept - arrival.at, 0.0 if arrival.in_vain else arrival.handle
        for figures in self._figures(guest.queue_id):
            if arrival.in_vain:
                figures.left += 1
                continue
            figures.answered += 1
            figures.in_time += wait <= self._thresholds.get(guest.queue_id, 20.0)
            figures.waits.append(wait)
            figures.handled += arrival.handle
            if not guest.been:
                self._compare(figures, arrival, wait)
        self._outcome.rules[match.rule] += 1
        before = self._tallies.get(agent_id, Tally())
        self._tallies[agent_id] = before._replace(offered_at=now)
        if not arrival.in_vain:
            self._outcome.contacts_by_agent[agent_id] += 1
            self._tallies[agent_id] = before._replace(
                offered_at=now, handled=before.handled + 1, talked=before.talked + handle
            )
            self._hall.handled(guest.queue_id, handle)
        self._busy_since.setdefault(agent_id, now)
        self._hall.takes(agent_id, arrival.channel)
        self._at(now + self._day.ring + arrival.kept + handle, _Kind.FREE, _Talk(agent_id, arrival.channel))
        if self._day.ring:
            # One offer at a time: nothing else comes while it rings.
            self._rings_until[agent_id] = now + self._day.ring
            self._at(now + self._day.ring, _Kind.FREE, agent_id)
        else:
            self._ready(agent_id, now)

    def _end_talk(self, talk: _Talk, now: float) -> None:
        self._hall.lets_go(talk.agent_id, talk.channel)
        if not self._hall.held(talk.agent_id):
            self._outcome.busy += now - self._busy_since.pop(talk.agent_id)
        self._ready(talk.agent_id, now)

    def _compare(self, figures: Figures, arrival: Arrival, wait: float) -> None:
        told = self._told.get(arrival.contact_id)
        if told is not None and told.expected is not None and told.low is not None and told.high is not None:
            figures.errors.append(told.expected.total_seconds() - wait)
            figures.in_range += told.low.total_seconds() <= wait <= told.high.total_seconds()

    def _ready(self, agent_id: str, now: float) -> None:
        """An agent who came, or holds more or less than before, is matched by the room they have."""
        shift, held = self._hall.on.get(agent_id), self._hall.held(agent_id)
        if shift is None or now < self._rings_until.get(agent_id, 0.0):
            return
        if held and not has_any_room(held, shift.capacities, self._capacity):
            self._board.drop_agent(agent_id)
            return
        tally = self._tallies.get(agent_id, Tally())._replace(cost=shift.cost)
        idle = Ready(agent_id, _BEGIN + timedelta(seconds=now), shift.skills, shift.queue_ids, 1, tally=tally)
        self._board.put_agent(with_room(idle, held, shift.capacities, self._capacity))

    def _goes(self, contact_id: str) -> Guest:
        self._board.drop_contact(contact_id)
        return self._hall.goes(contact_id)

    def _figures(self, queue_id: str) -> tuple[Figures, Figures]:
        return self._outcome.queues[queue_id], self._outcome.whole

    def _at(self, time: float, kind: _Kind, what: _What) -> None:
        heapq.heappush(self._events, (time, kind, next(self._numbers), what))


_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_YET = waiting.WaitEstimate(0, 0, None, None, None, timedelta(0))


def _taker(match: Match) -> str:
    """Who answers first where it rings together: any of them alike, and the same one whenever this day is played."""
    agents = match.agents
    return agents[crc32(match.contact.contact_id.encode()) % len(agents)].agent_id
