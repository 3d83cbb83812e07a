"""The matcher of one tenant, in memory: who is ready, who waits, and who gets whom.

Contacts that the same agents may take, ranked the same way, share a `Pool` (pools.py) with the ready agents who may
take them, so a pool with both is a match and finding it needs no search. Contacts for one agent alone have a pool of
that agent's own, and so stand in nobody's way. A contact whose queue asks for less as it waits moves from pool to pool
(`advance`). Contacts are ordered by urgency (urgency.py), agents by their queue's strategy (ranking.py). The board only
proposes: the rows decide. Times are seconds since the epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from routing.domain import requirements
from routing.domain.contacts import Channel
from routing.domain.courses import Line, Stage, alone, at_desk, course, preferred_until, stage_at
from routing.domain.fairness import HeldBack, Turns
from routing.domain.matches import ALONE, CANDIDATES, PREFERRED, TARGET, Match, Waiting, rings_along, rule_of
from routing.domain.pools import Fit, Head, Pool, place_by_idle
from routing.domain.ranking import AWAY, HOLDING, IDLE, USUALLY, Ranked, Ranking, Ready
from routing.domain.rules import Strategy
from routing.domain.seen import Entry, Seen
from routing.domain.urgency import USUAL, Urgency, urgency_of

_LATEST = 96
"""Of those who became ready last, for a trace, so many more are kept than twice as many as are ready."""
_MOST_STALE = 32
"""Entries of a line, or of what falls due, that count no more, besides as many as do."""
_MAX_POOLS = 50_000
_MAX_COURSES = 20_000

_Key = tuple[tuple[str, ...], requirements.Requirement, str, int, bool, Channel]


@dataclass(slots=True, eq=False)
class _Course:
    """The stages of contacts that bring the same, with the pool of each once it was used."""

    stages: tuple[Stage, ...]
    pools: list[Pool | None]


class Board:
    """Ready agents and waiting contacts of one tenant."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._rankings: dict[str, Ranking] = {}
        self._urgencies: dict[str, Urgency] = {}
        self._courses: dict[str, dict[tuple[requirements.Requirement, int, bool, Channel], _Course]] = {}
        self._ready: dict[str, Ready] = {}
        self._entries: dict[str, Entry] = {}
        self._waiting: dict[str, Waiting] = {}
        self._place: dict[str, Pool] = {}
        self._pools: dict[_Key, Pool] = {}
        self._by_member: dict[str, dict[int, Pool]] = {}
        self._members: dict[str, set[str]] = {}
        self._fits: dict[str, Fit] = {}
        self._newest: tuple[datetime, str] | None = None
        self._live: dict[int, Pool] = {}
        self._due: list[tuple[float, int, Waiting]] = []
        self._count = 0
        self._turns = Turns()
        self._held_back: dict[str, Ready] = {}
        self._latest: list[Entry] = []
        self._decisions = 0
        self._come: tuple[Entry, Fit] | None = None
        """Who has just become ready, while nothing else could be matched: stands in no pool yet, since as a rule the
        next decision takes them away again."""

    @property
    def held_back(self) -> Mapping[str, Ready]:
        """Agents who could be matched, and aren't until they have room for a channel whose turn has come."""
        return self._held_back

    def held_for(self, now: float) -> list[HeldBack]:
        """For which contacts they are."""
        found = (self._turns.held_for(agent, self._fits[each], now) for each, agent in self._held_back.items())
        return [each for each in found if each is not None]

    @property
    def ready(self) -> Mapping[str, Ready]:
        """Agents who may be matched."""
        return self._ready

    @property
    def waiting(self) -> Mapping[str, Waiting]:
        """Contacts that may be matched."""
        return self._waiting

    @property
    def matchable(self) -> bool:
        """Whether `decide` would find something."""
        self._let_stand()
        return bool(self._live)

    @property
    def next_due(self) -> float | None:
        """When a contact comes to its next stage; `advance` then."""
        while self._due and self._waiting.get(self._due[0][2].contact_id) is not self._due[0][2]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def put_line(self, line: Line, now: float = 0.0) -> None:
        """A queue's rules, new or changed: its waiting contacts are weighed anew."""
        queue_id = line.queue_id
        if self._lines.get(queue_id) == line:
            return
        moved = [each for each in self._waiting.values() if each.queue_id == queue_id]
        for contact in moved:
            self.drop_contact(contact.contact_id)
        self._lines[queue_id] = line
        self._count += 1
        listed = line.rules.strategy is Strategy.LIST
        self._rankings[queue_id] = Ranking(line.rules, f"{queue_id}:{self._count}" if listed else "")
        self._urgencies[queue_id] = urgency_of(line.rules)
        self._courses.pop(queue_id, None)
        for contact in moved:
            self.put_contact(contact, now)

    def drop_line(self, queue_id: str) -> None:
        """The queue is gone; nothing waits in it."""
        for known in (self._lines, self._rankings, self._urgencies, self._courses):
            known.pop(queue_id, None)

    def knows(self, queue_id: str) -> bool:
        """Whether the rules of this queue are here."""
        return queue_id in self._lines

    def put_agent(self, agent: Ready) -> None:
        """An agent became ready, or changed while ready."""
        agent_id = agent.agent_id
        if agent_id in self._ready or agent_id in self._held_back:
            self.drop_agent(agent_id)
        self._let_stand()
        rank, tier = agent.rank, agent.tier
        fit = self._fits.get(agent_id)
        known = (agent.skills, agent.queue_ids, agent.direct, tier == AWAY)
        if fit is None or (fit.skills, fit.queue_ids, fit.direct, fit.away) != known:
            fit = self._refit(agent, fit)
        if agent.loaded and self._turns.holds_back(agent, fit):
            self._held_back[agent_id] = agent
            return
        self._ready[agent_id] = agent
        entry = self._entries[agent_id] = Entry(agent, rank)
        self._latest.append(entry)
        if len(self._latest) > 2 * len(self._ready) + _LATEST:
            self._latest = [each for each in self._latest if each.gone is None]
        plain = tier == IDLE and agent.open is None and not fit.ranks
        if plain and self._waiting and not self._live and not self._turns.watched:
            self._come = entry, fit
        else:
            self._stand_ready(entry, fit)

    def _let_stand(self) -> None:
        if self._come is not None:
            come, self._come = self._come, None
            self._stand_ready(*come)

    def _stand_ready(self, entry: Entry, fit: Fit) -> None:
        agent, rank = entry.agent, entry.rank
        tier = agent.tier
        newest = tier == IDLE and (self._newest is None or self._newest < rank)
        if newest:
            self._newest = rank
        live, room = self._live, agent.open
        for pool, line, points in fit.stands:
            if room is not None and pool.channel not in room:
                continue
            line = pool.line(pool.ranking.group(points, tier)) if tier == HOLDING else line
            if newest:
                line.append(entry)
            else:
                place_by_idle(line, entry)
            pool.ready += 1
            if len(line) > 2 * pool.ready + _MOST_STALE:
                pool.tidy()
            if pool.waiting:
                live[id(pool)] = pool
        for pool, points in fit.ranks:
            if room is not None and pool.channel not in room:
                continue
            if pool.ranked is not None:
                pool.ranked.put(pool.ranking.key(agent, points), agent, points)
            pool.ready += 1
            if pool.waiting:
                live[id(pool)] = pool

    def drop_agent(self, agent_id: str) -> Ready | None:
        """No longer ready."""
        agent = self._ready.pop(agent_id, None)
        if agent is None:
            return self._held_back.pop(agent_id, None)
        entry = self._entries.pop(agent_id)
        entry.gone = self._decisions
        if self._come is not None and self._come[0] is entry:
            self._come = None
            return agent
        fit, room = self._fits[agent_id], agent.open
        for pool, _, _ in fit.stands:
            if room is not None and pool.channel not in room:
                continue
            pool.ready -= 1
            if not pool.ready and pool.waiting:
                self._live.pop(id(pool), None)
        for pool, _ in fit.ranks:
            if room is not None and pool.channel not in room:
                continue
            pool.ready -= 1
            if pool.ranked is not None:
                pool.ranked.drop(agent_id)
            if not pool.ready and pool.waiting:
                self._live.pop(id(pool), None)
        return agent

    def put_contact(self, contact: Waiting, now: float = 0.0) -> None:
        """A contact waits, or changed while waiting. KeyError when its queue's rules are not known."""
        self._let_stand()
        contact_id, passed = contact.contact_id, 0
        # Counted before it is taken from where it stood: it has waited all the time.
        self._turns.came(contact.channel)
        if contact_id in self._waiting:
            passed = self._turns.carried(self._place[contact_id], contact_id, now)
            self.drop_contact(contact_id)
        try:
            pool, due = self._pool(contact, now)
        except KeyError:
            self._turns.went(contact.channel)
            raise
        self._waiting[contact_id] = contact
        self._stand(contact, pool)
        if passed:
            self._carry(pool, passed)
        if due is not None:
            self._fall_due(contact, due)

    def drop_contact(self, contact_id: str) -> Waiting | None:
        """No longer waits."""
        contact = self._waiting.pop(contact_id, None)
        if contact is not None:
            self._unplace(contact_id)
            self._turns.went(contact.channel)
        return contact

    def advance(self, now: float) -> int:
        """Bring each contact whose time has come to its next stage; how many."""
        count = 0
        if self._due and self._due[0][0] <= now:
            self._let_stand()
        while self._due and self._due[0][0] <= now:
            _, _, contact = heapq.heappop(self._due)
            if self._waiting.get(contact.contact_id) is not contact:
                continue
            pool, due = self._pool(contact, now)
            passed = self._turns.carried(self._place[contact.contact_id], contact.contact_id, now)
            self._unplace(contact.contact_id)
            self._stand(contact, pool)
            self._carry(pool, passed)
            if due is not None:
                self._fall_due(contact, due)
            count += 1
        return count

    def decide(self, now: float = 0.0) -> Match | None:
        """Take the first contact, in order, that any ready agent may take, and its best agents, off the board."""
        entry, fit = self._come or (None, None)
        best, first, points = fit.first(now) if fit is not None else self._first(now)
        if best is None or first is None:
            return None
        mixed = self._turns.mixed
        contact = first[3]
        self._decisions += 1
        lines = best.beginnings(CANDIDATES) if entry is None else [(best.ranking.group(points), (entry,))]
        ranked = best.first_ranked(contact, CANDIDATES) if best.ranked is not None else []
        seen = Seen(self._decisions, lines, ranked, self._latest, len(self._latest))
        agent = ranked[0][0] if ranked else lines[0][1][0].agent
        kept = tuple(islice(self._held_back.values(), CANDIDATES)) if self._held_back else ()
        rule = TARGET if contact.target else PREFERRED if best.stage.members == (contact.preferred,) else best.rule
        line = None if rule in ALONE else self._lines.get(contact.queue_id)
        most = line.rules.ring_agents if line is not None else 1
        match = Match(contact, agent, rule, best.stage, best.ranking, seen, now, (), kept)
        if most > 1:
            weighed = match.weighed
            match = match._replace(companions=rings_along(weighed, most - 1, best.spare(weighed, self._fits)))
        self.drop_contact(contact.contact_id)
        self.drop_agent(agent.agent_id)
        for companion in match.companions:
            self.drop_agent(companion.agent_id)
        self._served(best)
        if mixed:
            self._take_turns(contact.channel, match.agent, now)
        return match

    def _first(self, now: float) -> tuple[Pool | None, Head | None, int]:
        """Where the contact to serve next waits, and its place; the score is of no agent yet."""
        turn = self._turns.next_of(self._live) if self._turns.mixed else None
        best: Pool | None = None
        first: Head | None = None
        for pool in self._live.values() if turn is None else (turn,):
            head = pool.head(now)
            if head is not None and (first is None or head < first):
                best, first = pool, head
        return best, first, 0

    def _take_turns(self, channel: Channel, agent: Ready, now: float) -> None:
        """A contact of this channel was taken for an agent, and the first of every other channel they could have had
        was passed over. When the turn of one has come, whoever would take it had they room takes nothing else until
        they have."""
        came = self._turns.chosen(channel, agent, self._fits[agent.agent_id], now)
        self._let_go()
        if came:
            self._hold_back()

    def _hold_back(self) -> None:
        for agent in [each for each in self._ready.values() if each.loaded]:
            if self._turns.holds_back(agent, self._fits[agent.agent_id]):
                self.drop_agent(agent.agent_id)
                self._held_back[agent.agent_id] = agent

    def _carry(self, pool: Pool, passed: int) -> None:
        if passed and self._turns.came_to(pool, passed):
            self._hold_back()

    def _served(self, pool: Pool) -> None:
        if self._turns.passed and self._turns.served(pool):
            self._let_go()

    def _let_go(self) -> None:
        for agent in list(self._held_back.values()):
            if not self._turns.holds_back(agent, self._fits[agent.agent_id]):
                self.put_agent(agent)

    def _stand(self, contact: Waiting, pool: Pool) -> None:
        self._place[contact.contact_id] = pool
        pool.put(contact, self._urgencies.get(contact.queue_id, USUAL))
        if pool.ready:
            self._live[id(pool)] = pool

    def _fall_due(self, contact: Waiting, due: float) -> None:
        if len(self._due) > 2 * len(self._waiting) + _MOST_STALE:
            self._due = [each for each in self._due if self._waiting.get(each[2].contact_id) is each[2]]
            heapq.heapify(self._due)
        self._count += 1
        heapq.heappush(self._due, (due, self._count, contact))

    def _unplace(self, contact_id: str) -> None:
        pool = self._place.pop(contact_id)
        pool.take(contact_id)
        if not pool.waiting:
            self._live.pop(id(pool), None)
            self._served(pool)

    def _refit(self, agent: Ready, before: Fit | None) -> Fit:
        for queue_id in before.queue_ids - agent.queue_ids if before else ():
            self._members[queue_id].discard(agent.agent_id)
        fit = Fit(agent.agent_id, agent.skills, agent.queue_ids, agent.direct, agent.away, [], [])
        self._fits[agent.agent_id] = fit
        for queue_id in agent.queue_ids:
            self._members.setdefault(queue_id, set()).add(agent.agent_id)
        there: dict[int, Pool] = {}
        for member in ("", agent.agent_id, *agent.queue_ids):
            there.update(self._by_member.get(member, {}))
        for pool in there.values():
            fit.stand(pool)
        return fit

    def _pool(self, contact: Waiting, now: float) -> tuple[Pool, float | None]:
        """Where a contact waits now, and until when."""
        if contact.target:
            return self._pool_of(alone(contact.target), USUALLY, contact.channel), None
        line = self._lines[contact.queue_id]
        until = preferred_until(contact.since, contact.preferred_wait, now) if contact.preferred else None
        if until is not None:
            preferred = alone(contact.preferred, at_desk=contact.callback)
            return self._pool_of(preferred, USUALLY, contact.channel), until
        way = self._course(line, contact)
        index, due = (0, None) if len(way.stages) == 1 else stage_at(way.stages, contact.since, now)
        pool = way.pools[index]
        if pool is None or pool.forgotten:
            pool = way.pools[index] = self._pool_of(
                way.stages[index], self._rankings[contact.queue_id], contact.channel
            )
        return pool, due

    def _course(self, line: Line, contact: Waiting) -> _Course:
        asked, fired, callback, channel = contact.asked, contact.fired, contact.callback, contact.channel
        known = self._courses.get(line.queue_id)
        way = known.get((asked, fired, callback, channel)) if known is not None else None
        if way is None:
            known = self._courses.setdefault(line.queue_id, {})
            if len(known) >= _MAX_COURSES:
                known.clear()
            stages = at_desk(course(line, asked, fired)) if callback else course(line, asked, fired)
            way = known[asked, fired, callback, channel] = _Course(stages, [None] * len(stages))
        return way

    def _pool_of(self, stage: Stage, ranking: Ranking, channel: Channel) -> Pool:
        key = (stage.members, stage.requirement, ranking.name, stage.levels, stage.at_desk, channel)
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _MAX_POOLS:
                self._forget_empty()
            ranked = None if ranking.by_idle else Ranked()
            pool = self._pools[key] = Pool(stage, ranking, channel, ranked=ranked, rule=rule_of(stage, ranking))
            for member in stage.members or ("",):
                self._by_member.setdefault(member, {})[id(pool)] = pool
            found = [fit for agent_id in self._candidates(stage.members) if (fit := self._fits[agent_id]).stand(pool)]
            ready = self._ready
            self._gather(pool, [fit for fit in found if fit.agent_id in ready and ready[fit.agent_id].takes(channel)])
        return pool

    def _gather(self, pool: Pool, fits: list[Fit]) -> None:
        """Have these ready agents, whose fits have just taken the pool in, stand in it."""
        for fit in sorted(fits, key=lambda each: self._entries[each.agent_id].rank):
            agent = self._ready[fit.agent_id]
            if pool.ranked is None:
                _, line, points = fit.stands[-1]
                line = pool.line(pool.ranking.group(points, HOLDING)) if agent.loaded else line
                line.append(self._entries[fit.agent_id])
            else:
                points = fit.ranks[-1][1]
                pool.ranked.put(pool.ranking.key(agent, points), agent, points)
        pool.ready = len(fits)

    def _candidates(self, members: tuple[str, ...]) -> Collection[str]:
        """Known agents who may stand in a pool, skills aside."""
        if not members:
            return self._fits
        found: set[str] = set()
        for member in members:
            found |= {member} if member in self._fits else self._members.get(member, set())
        return found

    def _forget_empty(self) -> None:
        for key, pool in list(self._pools.items()):
            if not pool.waiting:
                pool.forgotten = True
                del self._pools[key]
                for member in pool.stage.members or ("",):
                    del self._by_member[member][id(pool)]
        for fit in self._fits.values():
            fit.stands = [each for each in fit.stands if not each[0].forgotten]
            fit.ranks = [each for each in fit.ranks if not each[0].forgotten]
