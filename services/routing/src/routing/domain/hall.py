"""Who is where at a moment of a day that is played: what expected waits, steps by them and overflow go by there.

The counterpart, for `simulating`, of what rows say in service; the formulas and rules are the same. Who could take what
has come to a stage is counted as agents come and go, not anew for each contact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from routing.domain import overflow, requirements, waiting
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Channel
from routing.domain.courses import Line, Stage, ahead, alone, course, preferred_until
from routing.domain.hours import BusinessHours, opening
from routing.domain.matches import Waiting
from routing.domain.overflow import LeaveReason, Look, Overflow, SentOn, Situation, Trigger
from routing.domain.ranking import Ranking
from routing.domain.requirements import ANYBODY, Requirement
from routing.domain.room import has_any_room
from routing.domain.urgency import Urgency, urgency_of
from routing.domain.waiting import Prospect

_AT_ONCE = timedelta(0)
_BY_LINE = {Trigger.DEPTH, Trigger.EXPECTED_WAIT}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A contact: when it comes, how long it waits at most, and how long an agent has it from the answer to the end of
    wrap-up. `leaves`: it doesn't give up then, but goes another way. A `callback` stays in its queue, and has the
    `place` of one that waits since then."""

    contact_id: str
    queue_id: str
    at: float
    patience: float
    handle: float
    points: float = 0.0
    asked: Requirement = ANYBODY
    preferred: str = ""
    leaves: bool = False
    callback: bool = False
    place: float | None = None
    channel: Channel = Channel.VOICE
    kept: float = 0.0
    """How long its agent is kept before they have it: until a customer who is called first answers."""
    in_vain: bool = False
    """The customer who is called first doesn't answer: its agent was kept for nothing."""

    @property
    def since(self) -> float:
        """Since when it counts as waiting."""
        return self.at if self.place is None else self.place


@dataclass(frozen=True, slots=True)
class Shift:
    """An agent at work from `begin` to `end`; whoever is on a contact then finishes it."""

    agent_id: str
    begin: float
    end: float
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    cost: int = 0
    capacities: Mapping[Channel, int] = field(default_factory=dict)
    """How many contacts of a channel they handle at once, where that is other than usual."""


class House(NamedTuple):
    """Queues: how each chooses, where it sends contacts on, and when it is open, always for those without hours. And
    how much agents handle at once."""

    lines: Mapping[str, Line]
    overflows: Mapping[str, Overflow] = {}
    hours: Mapping[str, BusinessHours] = {}
    capacity: CapacityRules = USUAL_RULES


@dataclass(slots=True)
class Guest:
    """A contact that waits. `been` are the queues it was sent on from, `fired` has a bit for each step that came by
    expected wait in the one it is in now."""

    arrival: Arrival
    queue_id: str
    been: tuple[str, ...] = ()
    fired: int = 0
    preferred_wait: float = 0.0

    @property
    def waiting(self) -> Waiting:
        """As the board sees it."""
        it = self.arrival
        return Waiting(
            it.contact_id, self.queue_id, it.since, it.points, it.asked, 1, preferred=it.preferred,
            preferred_wait=self.preferred_wait, fired=self.fired, callback=it.callback, channel=it.channel,
        )  # fmt: skip


@dataclass(slots=True)
class _Crew:
    """Agents at work who could take what has come to a stage, by the queues they serve, and how many are free: have
    room for one more contact of the channel."""

    channel: Channel = Channel.VOICE
    on: Counter[frozenset[str]] = field(default_factory=Counter)
    free: int = 0
    serving: float = 0.0
    """Them all, each shared among the queues they serve where anybody waits; as of `epoch`."""
    epoch: int = -1


class Hall:
    """Queues, who waits in them and who is at work."""

    def __init__(self, house: House, shifts: Iterable[Shift], begin: datetime | None) -> None:
        self._house, self._begin = house, begin
        self._overflows = {queue_id: house.overflows.get(queue_id, overflow.NONE) for queue_id in house.lines}
        self._rankings = {queue_id: Ranking(line.rules) for queue_id, line in house.lines.items()}
        self._urgencies = {queue_id: urgency_of(line.rules) for queue_id, line in house.lines.items()}
        self._triggers = {queue_id: each.triggers for queue_id, each in self._overflows.items()}
        self._steps = {queue_id for queue_id, line in house.lines.items() if line.rules.watches_expected_wait}
        self.watched = self._steps | {queue_id for queue_id, each in self._overflows.items() if each.watches}
        """Queues that are looked at while contacts wait there."""
        self._shifts = list(shifts)
        self.guests: dict[str, Guest] = {}
        self.in_line: dict[str, dict[str, Guest]] = {queue_id: {} for queue_id in house.lines}
        self.on: dict[str, Shift] = {}
        self._held: dict[str, list[Channel]] = {}
        self._rooms: dict[tuple[tuple[tuple[Channel, int], ...], tuple[Channel, ...]], frozenset[Channel]] = {}
        self._handle = dict.fromkeys(house.lines, waiting.PRIOR_HANDLE_SECONDS)
        self._crews: dict[tuple[str, Stage, Channel], _Crew] = {}
        self._crews_of: dict[str, list[_Crew]] = {}
        self._open: dict[str, tuple[bool, float]] = {}
        self._epoch = 0

    @property
    def waits_watched(self) -> bool:
        """Whether anybody waits where there is something to look for."""
        return any(self.in_line[queue_id] for queue_id in self.watched)

    def comes(self, shift: Shift) -> None:
        """An agent begins work."""
        self.leaves_work(shift.agent_id)
        self.on[shift.agent_id] = shift
        self._count(shift, 1)

    def leaves_work(self, agent_id: str) -> None:
        """An agent's shift is over."""
        shift = self.on.pop(agent_id, None)
        if shift is not None:
            self._count(shift, -1)

    def held(self, agent_id: str) -> Sequence[Channel]:
        """Channels of the contacts an agent has, the first first."""
        return self._held.get(agent_id, ())

    def takes(self, agent_id: str, channel: Channel) -> None:
        """An agent has one more contact."""
        self._holds(agent_id, [*self.held(agent_id), channel])

    def lets_go(self, agent_id: str, channel: Channel) -> None:
        """An agent has one less."""
        left = list(self.held(agent_id))
        left.remove(channel)
        self._holds(agent_id, left)

    def stands(self, guest: Guest) -> None:
        """A contact waits, or waits elsewhere now."""
        before = self.guests.get(guest.arrival.contact_id)
        if before is not None:
            self.goes(before.arrival.contact_id)
        self.guests[guest.arrival.contact_id] = self.in_line[guest.queue_id][guest.arrival.contact_id] = guest
        self._epoch += len(self.in_line[guest.queue_id]) == 1

    def goes(self, contact_id: str) -> Guest:
        """A contact waits no more."""
        guest = self.guests.pop(contact_id)
        del self.in_line[guest.queue_id][contact_id]
        self._epoch += not self.in_line[guest.queue_id]
        return guest

    def handled(self, queue_id: str, seconds: float) -> None:
        """How long an agent of the queue had a contact."""
        smoothed = self._handle[queue_id]
        self._handle[queue_id] = smoothed + waiting.SMOOTHING * (seconds - smoothed)

    def order(self, queue_id: str, now: float) -> list[Guest]:
        """Who waits in a queue, first to last."""
        urgency = self._urgencies[queue_id]
        return sorted(self.in_line[queue_id].values(), key=lambda each: _place(each, urgency, now))

    def estimate(self, guest: Guest, now: float, position: int | None = None) -> waiting.WaitEstimate:
        """By the published formula, from what is known in that moment; `position` when it was counted before."""
        there = self.in_line[guest.queue_id]
        if position is None:
            urgency = self._urgencies[guest.queue_id]
            place = _place(guest, urgency, now)
            position = 1 + sum(_place(other, urgency, now) < place for other in there.values())
        crews = ((begins, self._crew(guest, stage)) for begins, stage in self._ahead(guest, now))
        return waiting.estimate(
            position=position, depth=len(there) + (guest.arrival.contact_id not in there),
            prospects=(Prospect(begins, self._serving(crew, guest.queue_id), crew.free) for begins, crew in crews),
            handle_seconds=self._handle[guest.queue_id], waited=timedelta(seconds=now - guest.arrival.since),
        )  # fmt: skip

    def steps_due(self, guest: Guest, now: float, position: int) -> int:
        """A bit for each step that has come by expected wait, those of before included."""
        if guest.queue_id not in self._steps:
            return guest.fired
        expected = self.estimate(guest, now, position).expected
        return self._house.lines[guest.queue_id].rules.steps_over(expected, guest.fired)

    def way(
        self, guest: Guest, now: float, *, entering: bool, position: int | None = None
    ) -> SentOn | LeaveReason | None:
        """Where the contact goes from its queue; None: it stays."""
        if guest.arrival.callback:
            return None
        asking = overflow.way(self._overflows, guest.queue_id, set(guest.been), entering=entering)
        situation: Situation | None = None
        while True:
            try:
                look = asking.send(situation)
            except StopIteration as end:
                return end.value
            situation = self._seen(guest, look, now, position if look.queue_id == guest.queue_id else None)

    def next_look(self, guest: Guest, now: float) -> float | None:
        """When a rule, or a limit, of its queue comes by waiting alone, or its hours change."""
        if guest.arrival.callback:
            return None
        times: list[float] = []
        asks = self._overflows[guest.queue_id]
        wait = overflow.next_by_wait(asks, timedelta(seconds=now - guest.arrival.at))
        if wait is not None:
            times.append(guest.arrival.at + wait.total_seconds())
        if Trigger.CLOSED in self._triggers[guest.queue_id]:
            times.append(self._opening(guest.queue_id, now)[1])
        return min((each for each in times if each > now), default=None)

    def _seen(self, guest: Guest, look: Look, now: float, position: int | None) -> Situation | None:
        queue_id, line = look.queue_id, self._house.lines.get(look.queue_id)
        if line is None:
            return None
        if queue_id != guest.queue_id:
            if not requirements.both(line.first, guest.arrival.asked):
                return None
            guest = Guest(guest.arrival, queue_id, preferred_wait=guest.preferred_wait)
        asks = self._triggers[queue_id]
        line = self.in_line[queue_id]
        ahead, expected, staffed = 0, _AT_ONCE, True
        if _BY_LINE & asks:
            told = self.estimate(guest, now, position)
            ahead, expected = told.position - 1, told.expected
        if Trigger.NOBODY_STAFFED in asks:
            staffed = any(self._crew(guest, each).on.total() for _, each in self._ahead(guest, now))
        return Situation(
            look.entering, timedelta(seconds=now - guest.arrival.at), self._opening(queue_id, now)[0], staffed,
            len(line) - (guest.arrival.contact_id in line), ahead, expected,
        )  # fmt: skip

    def _opening(self, queue_id: str, now: float) -> tuple[bool, float]:
        """Whether a queue is open, and until when that is so."""
        hours, begin = self._house.hours.get(queue_id), self._begin
        if hours is None or begin is None:
            return True, float("inf")
        known = self._open.get(hours.business_hours_id)
        if known is None or now >= known[1]:
            found = opening(hours, begin + timedelta(seconds=now))
            until = (found.change_time - begin).total_seconds() if found.change_time else float("inf")
            known = self._open[hours.business_hours_id] = (found.open, until)
        return known

    def _ahead(self, guest: Guest, now: float) -> list[tuple[float, Stage]]:
        it = guest.arrival
        until = preferred_until(it.since, guest.preferred_wait, now)
        stages = course(self._house.lines[guest.queue_id], it.asked, guest.fired)
        return ahead(stages, it.since, now, alone(it.preferred) if until is not None else None, until)

    def _crew(self, guest: Guest, stage: Stage) -> _Crew:
        queue_id, channel = guest.queue_id, guest.arrival.channel
        crew = self._crews.get((queue_id, stage, channel))
        if crew is None:
            crew = self._crews[queue_id, stage, channel] = _Crew(channel)
            for shift in self._shifts:
                if self._fits(queue_id, stage, shift, channel):
                    self._crews_of.setdefault(shift.agent_id, []).append(crew)
                    if self.on.get(shift.agent_id) is shift:
                        crew.on[shift.queue_ids] += 1
                        crew.free += channel in self._room(shift, self.held(shift.agent_id))
        return crew

    def _fits(self, queue_id: str, stage: Stage, shift: Shift, channel: Channel) -> bool:
        if not self._house.capacity.capacity(channel, shift.capacities):
            return False
        if shift.agent_id in stage.members:
            return True
        member = not stage.members or not shift.queue_ids.isdisjoint(stage.members)
        fits = member and requirements.score(shift.skills, stage.requirement) is not None
        return fits and self._rankings[queue_id].lists(shift.agent_id, stage.levels)

    def _serving(self, crew: _Crew, queue_id: str) -> float:
        if crew.epoch != self._epoch or not self.in_line[queue_id]:
            lines = [self._house.lines[each] for each, there in self.in_line.items() if there or each == queue_id]
            crew.serving = sum(
                number / max(1, sum(line.open_to_all or line.queue_id in queue_ids for line in lines))
                for queue_ids, number in crew.on.items()
            )
            crew.epoch = self._epoch if self.in_line[queue_id] else -1
        return crew.serving

    def _count(self, shift: Shift, change: int) -> None:
        self._epoch += 1
        for crew in self._crews_of.get(shift.agent_id, ()):
            crew.on[shift.queue_ids] += change
            crew.free += change * (crew.channel in self._room(shift, self.held(shift.agent_id)))

    def _holds(self, agent_id: str, held: list[Channel]) -> None:
        shift, before = self.on.get(agent_id), self.held(agent_id)
        self._held[agent_id] = held
        if shift is None or agent_id not in self._crews_of:
            return
        had, has = self._room(shift, before), self._room(shift, held)
        for crew in self._crews_of[agent_id]:
            crew.free += (crew.channel in has) - (crew.channel in had)

    def _room(self, shift: Shift, held: Sequence[Channel]) -> frozenset[Channel]:
        # Few different loads come again and again.
        key = tuple(sorted(shift.capacities.items())), tuple(sorted(held))
        room = self._rooms.get(key)
        if room is None:
            some = has_any_room(held, shift.capacities, self._house.capacity)
            room = self._rooms[key] = self._house.capacity.room(held, shift.capacities) if some else frozenset()
        return room


def _place(guest: Guest, urgency: Urgency, now: float) -> tuple[float, float, str]:
    it = guest.arrival
    return urgency.place(it.contact_id, it.since, it.points, now)
