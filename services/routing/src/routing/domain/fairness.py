"""Every channel's turn comes, however many contacts of another one come in.

Urgency orders contacts across channels, so an older one comes first anyway, unless priority or growth says otherwise,
or contacts of light channels fill each gap in agents whom a heavier one needs whole. Against both there is one count
for each pool, so for the agents who may take what waits there: of decisions for other channels made for one of them
while a contact of it was the first of its channel they could have taken. What other agents do counts neither for it
nor against it. At `MOST_PASSED` its first contact is next, when anybody can take it; when nobody has room, agents who
could take it are held back from other work until they have.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from routing.domain.contacts import Channel
from routing.domain.pools import Fit, Head, Pool
from routing.domain.ranking import Ready

MOST_PASSED = 25
"""Decisions for other channels before what waits has its turn."""


class HeldBack(NamedTuple):
    """An agent who takes nothing else until they have room for this contact, of a channel whose turn has come: it was
    passed over so often. `since` is in seconds since the epoch."""

    agent_id: str
    contact_id: str
    channel: Channel
    passed: int
    since: float = 0.0


class Turns:
    """How often what waits was passed over."""

    def __init__(self) -> None:
        self._waiting: dict[Channel, int] = {}
        self.passed: dict[Pool, int] = {}
        """Where contacts wait that others were chosen before, and how often."""

    @property
    def mixed(self) -> bool:
        """Whether contacts of more than one channel wait: else nobody's turn needs watching."""
        return len(self._waiting) > 1

    @property
    def watched(self) -> bool:
        """Whether anybody's turn needs watching, or something was passed over."""
        return len(self._waiting) > 1 or bool(self.passed)

    def came(self, channel: Channel) -> None:
        """A contact waits."""
        self._waiting[channel] = self._waiting.get(channel, 0) + 1

    def went(self, channel: Channel) -> None:
        """A contact waits no more."""
        left = self._waiting[channel] - 1
        if left:
            self._waiting[channel] = left
        else:
            del self._waiting[channel]

    def chosen(self, channel: Channel, agent: Ready, fit: Fit, now: float) -> bool:
        """A contact of this channel was just taken for an agent, and the first of each other channel that they could
        have had was passed over; whether the turn of one has come now, or comes again without anybody found."""
        firsts: dict[Channel, tuple[Head, Pool]] = {}
        for pool, *_ in (*fit.stands, *fit.ranks):
            if pool.waiting and pool.channel is not channel and agent.could_take(pool.channel):
                first, known = pool.head(now), firsts.get(pool.channel)
                if first is not None and (known is None or first < known[0]):
                    firsts[pool.channel] = (first, pool)
        comes = False
        for _, pool in firsts.values():
            passed = self.passed[pool] = self.passed.get(pool, 0) + 1
            comes |= passed % MOST_PASSED == 0
        return comes

    def carried(self, pool: Pool | None, contact_id: str, now: float) -> int:
        """How often a contact was passed over where it waits, as the first there: it goes with it elsewhere."""
        passed = self.passed.get(pool, 0) if pool is not None else 0
        first = pool.head(now) if pool is not None and passed else None
        return passed if first is not None and first[2] == contact_id else 0

    def came_to(self, pool: Pool, passed: int) -> bool:
        """A contact that was passed over so often waits here now; whether it is its turn."""
        self.passed[pool] = max(passed, self.passed.get(pool, 0))
        return self._is_overdue(pool)

    def holds_back(self, agent: Ready, fit: Fit) -> bool:
        """Whether an agent who holds something is to take nothing else until they have room for what has its turn, for
        which nobody has."""
        return bool(self.passed) and self._held_for(agent, fit) is not None

    def held_for(self, agent: Ready, fit: Fit, now: float) -> HeldBack | None:
        """For which contact an agent is held back now: the first where it waits."""
        pool = self._held_for(agent, fit)
        first = pool.head(now) if pool is not None else None
        if pool is None or first is None:
            return None
        return HeldBack(agent.agent_id, first[2], pool.channel, self.passed[pool])

    def _held_for(self, agent: Ready, fit: Fit) -> Pool | None:
        due = (
            pool
            for pool, *_ in (*fit.stands, *fit.ranks)
            if pool.waiting and not pool.ready and self._is_overdue(pool) and agent.waits_for(pool.channel)
        )
        return next(due, None)

    def served(self, pool: Pool) -> bool:
        """Its first contact was taken, or nothing waits there any more; whether it was its turn."""
        return self.passed.pop(pool, 0) >= MOST_PASSED

    def next_of(self, live: Container[int]) -> Pool | None:
        """Of the pools with a match, by their `id`, the one whose turn it is, and was passed over most often; None
        when urgency decides."""
        due = [pool for pool, passed in self.passed.items() if passed >= MOST_PASSED and id(pool) in live]
        return max(due, key=self.passed.__getitem__, default=None)

    def _is_overdue(self, pool: Pool) -> bool:
        return self.passed.get(pool, 0) >= MOST_PASSED
