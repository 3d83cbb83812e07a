"""The matcher of one tenant, in memory: who is ready, who waits, and who gets whom.

Contacts that the same agents may take (same queue membership, same skills asked for) share a `_Pool` with the ready
agents who may take them, so a pool with both is a match and finding it needs no search. Contacts for one agent alone
have a pool of that agent's own, and so stand in nobody's way. Rules: contacts by priority, returned ones and those for
one agent first among them, then age; agents by the sum of proficiency over the skills asked for, then by idle time. The
board only proposes: the rows decide.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import NamedTuple

from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import Contact, ContactState
from routing.domain.queues import Queue, demand, score

LONGEST_IDLE, BEST_PROFICIENCY, TARGET = "longest_idle", "best_proficiency_then_idle", "target_agent"
CANDIDATES = 20
_EXAMINED = 64
_MAX_POOLS = 50_000
LAST = datetime.max.replace(tzinfo=UTC)
"""Idle since then are agents who are away: whoever is at the desk comes before them."""

Demand = tuple[tuple[str, int], ...]
Order = tuple[int, bool, datetime, str]


class Ready(NamedTuple):
    """An agent who is AVAILABLE, or away and reached by telephone: then `idle_since` is `LAST`, and `direct` says that
    only contacts for them alone may be offered."""

    agent_id: str
    idle_since: datetime
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    version: int
    direct: bool = False

    @property
    def rank(self) -> tuple[datetime, str]:
        """Longer idle first."""
        return (self.idle_since, self.agent_id)


class Waiting(NamedTuple):
    """A contact that is QUEUED. `order` is its place, smaller first; `asked` the skills it brings itself; `target` the
    one agent it is for, empty for any."""

    contact_id: str
    queue_id: str
    order: Order
    asked: Demand
    version: int
    traceparent: str = ""
    target: str = ""


class Line(NamedTuple):
    """What the board needs of a queue."""

    queue_id: str
    open_to_all: bool
    needed: Demand


class Candidate(NamedTuple):
    """One agent weighed; `rejection` is empty for the one chosen, `score` None when a skill is missing."""

    agent: Ready
    score: int | None
    rejection: str


class Match(NamedTuple):
    """A proposal: this contact to this agent, and what it was made from. `weighed` are the best agents with their
    scores, best first; `others` were ready as well."""

    contact: Waiting
    agent: Ready
    rule: str
    weighed: tuple[tuple[Ready, int], ...] = ()
    others: tuple[Ready, ...] = ()
    member: str = ""
    needed: Demand = ()

    @property
    def candidates(self) -> list[Candidate]:
        """The trace: who was weighed and why not chosen, then who could not be; at most 20."""
        found: list[Candidate] = []
        for agent, points in self.weighed:
            why = "" if not found else "shorter_idle" if points == found[0].score else "lower_proficiency"
            found.append(Candidate(agent, points, why))
        unfit = (Candidate(agent, None, why) for agent in self.others if (why := self._why_not(agent)))
        return found + list(islice(unfit, CANDIDATES - len(found)))

    def _why_not(self, agent: Ready) -> str:
        if self.contact.target:
            return "" if agent.agent_id == self.contact.target else "not_the_target"
        if agent.direct:
            return "away"
        if self.member and self.member not in agent.queue_ids:
            return "not_in_queue"
        for skill_id, least in self.needed:
            held = agent.skills.get(skill_id, 0)
            if held < least:
                return f"{'proficiency_too_low' if held else 'skill_missing'}:{skill_id}"
        return ""


Standing = OrderedDict[str, Ready]
"""Ready agents of one score, the longest idle first."""


@dataclass(slots=True, eq=False)
class _Pool:
    """`member` is the id of a queue or of the one agent, or empty for every agent. Ready agents stand in a line per
    score, best score first."""

    member: str
    needed: Demand
    heap: list[tuple[Order, int, Waiting]] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    count: int = 0
    lines: list[tuple[int, Standing]] = field(default_factory=list)

    def line(self, points: int) -> Standing:
        """Where agents of this score stand."""
        for each, line in self.lines:
            if each == points:
                return line
        line = Standing()
        self.lines.append((points, line))
        self.lines.sort(key=lambda scored: -scored[0])
        return line

    @property
    def staffed(self) -> bool:
        """Whether anybody is ready for it."""
        return any(line for _, line in self.lines)

    def best(self) -> Iterator[tuple[Ready, int]]:
        """Ready agents with their score, best first."""
        for points, line in self.lines:
            for agent in line.values():
                yield agent, points

    def head(self) -> Waiting | None:
        """The contact to serve next; drops those that went away since."""
        while self.heap and not self._still(self.heap[0][2]):
            heapq.heappop(self.heap)
        return self.heap[0][2] if self.heap else None

    def put(self, contact: Waiting) -> None:
        """Let a contact wait here."""
        if len(self.heap) > 2 * len(self.waiting) + 16:
            self.heap = [entry for entry in self.heap if self._still(entry[2])]
            heapq.heapify(self.heap)
        self.waiting[contact.contact_id] = contact
        self.count += 1
        heapq.heappush(self.heap, (contact.order, self.count, contact))

    def take(self, contact_id: str) -> None:
        """It waits here no longer."""
        self.waiting.pop(contact_id, None)
        if not self.waiting:
            self.heap.clear()

    def _still(self, contact: Waiting) -> bool:
        return self.waiting.get(contact.contact_id) is contact


@dataclass(slots=True, eq=False)
class _Fit:
    """Where an agent stands when ready; kept while they are away: only skills, queues and new pools change it."""

    agent_id: str
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    direct: bool
    stands: list[tuple[_Pool, Standing]]

    def stand(self, pool: _Pool) -> Standing | None:
        """Take the pool in, when the agent may serve it."""
        if self.direct and pool.member != self.agent_id:
            return None
        points = score(self.skills, pool.needed)
        if points is None or (pool.member and pool.member != self.agent_id and pool.member not in self.queue_ids):
            return None
        line = pool.line(points)
        self.stands.append((pool, line))
        return line


class Board:
    """Ready agents and waiting contacts of one tenant."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._ready: dict[str, Ready] = {}
        self._waiting: dict[str, Waiting] = {}
        self._place: dict[str, _Pool] = {}
        self._pools: dict[tuple[str, Demand], _Pool] = {}
        self._by_member: dict[str, dict[Demand, _Pool]] = {}
        self._members: dict[str, set[str]] = {}
        self._fits: dict[str, _Fit] = {}
        self._newest: tuple[datetime, str] | None = None
        self._live: dict[int, _Pool] = {}

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
        return bool(self._live)

    def put_line(self, line: Line) -> None:
        """A queue's rules, new or changed: its waiting contacts are weighed anew."""
        if self._lines.get(line.queue_id) == line:
            return
        moved = [each for each in self._waiting.values() if each.queue_id == line.queue_id and not each.target]
        for contact in moved:
            self.drop_contact(contact.contact_id)
        self._lines[line.queue_id] = line
        for contact in moved:
            self.put_contact(contact)

    def drop_line(self, queue_id: str) -> None:
        """The queue is gone; nothing waits in it."""
        self._lines.pop(queue_id, None)

    def knows(self, queue_id: str) -> bool:
        """Whether the rules of this queue are here."""
        return queue_id in self._lines

    def put_agent(self, agent: Ready) -> None:
        """An agent became ready, or changed while ready."""
        agent_id, rank = agent.agent_id, agent.rank
        self.drop_agent(agent_id)
        fit = self._fits.get(agent_id)
        if fit is None or (fit.skills, fit.queue_ids, fit.direct) != (agent.skills, agent.queue_ids, agent.direct):
            fit = self._refit(agent, fit)
        self._ready[agent_id] = agent
        newest = self._newest is None or self._newest < rank
        if newest:
            self._newest = rank
        for pool, line in fit.stands:
            if newest:
                line[agent_id] = agent
            else:
                _place(line, agent)
            if pool.waiting:
                self._live[id(pool)] = pool

    def drop_agent(self, agent_id: str) -> Ready | None:
        """No longer ready."""
        agent = self._ready.pop(agent_id, None)
        if agent is not None:
            for pool, line in self._fits[agent_id].stands:
                del line[agent_id]
                if pool.waiting and not pool.staffed:
                    self._live.pop(id(pool), None)
        return agent

    def put_contact(self, contact: Waiting) -> None:
        """A contact waits, or changed while waiting. KeyError when its queue's rules are not known."""
        self.drop_contact(contact.contact_id)
        pool = self._pool(contact)
        self._waiting[contact.contact_id] = contact
        self._place[contact.contact_id] = pool
        pool.put(contact)
        if pool.staffed:
            self._live[id(pool)] = pool

    def drop_contact(self, contact_id: str) -> Waiting | None:
        """No longer waits."""
        contact = self._waiting.pop(contact_id, None)
        if contact is not None:
            pool = self._place.pop(contact_id)
            pool.take(contact_id)
            if not pool.waiting:
                self._live.pop(id(pool), None)
        return contact

    def decide(self) -> Match | None:
        """Take the first contact, in order, that any ready agent may take, and its best agent, off the board."""
        best: _Pool | None = None
        head: Waiting | None = None
        for pool in self._live.values():
            first = pool.head()
            if first is not None and (head is None or first.order < head.order):
                best, head = pool, first
        if best is None or head is None:
            return None
        weighed = tuple(islice(best.best(), CANDIDATES))
        # Those who were ready too but may not take it: what a supervisor asks about first. From the end: those at a
        # dict's front go first, and looking for the first one left would take ever longer.
        others = tuple(islice(reversed(self._ready.values()), _EXAMINED)) if len(weighed) < CANDIDATES else ()
        agent = weighed[0][0]
        self.drop_contact(head.contact_id)
        self.drop_agent(agent.agent_id)
        rule = TARGET if head.target else BEST_PROFICIENCY if best.needed else LONGEST_IDLE
        return Match(head, agent, rule, weighed, others, best.member, best.needed)

    def _refit(self, agent: Ready, before: _Fit | None) -> _Fit:
        for queue_id in before.queue_ids - agent.queue_ids if before else ():
            self._members[queue_id].discard(agent.agent_id)
        fit = self._fits[agent.agent_id] = _Fit(agent.agent_id, agent.skills, agent.queue_ids, agent.direct, [])
        for queue_id in agent.queue_ids:
            self._members.setdefault(queue_id, set()).add(agent.agent_id)
        for member in ("", agent.agent_id, *agent.queue_ids):
            for pool in self._by_member.get(member, {}).values():
                fit.stand(pool)
        return fit

    def _pool(self, contact: Waiting) -> _Pool:
        key = self._key(contact)
        needed = key[1]
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _MAX_POOLS:
                self._forget_empty()
            pool = self._pools[key] = _Pool(*key)
            self._by_member.setdefault(pool.member, {})[needed] = pool
            for agent_id in self._candidates(pool.member):
                standing = self._fits[agent_id].stand(pool)
                if standing is not None and agent_id in self._ready:
                    standing[agent_id] = self._ready[agent_id]
            for _, standing in pool.lines:
                for agent in sorted(standing.values(), key=lambda each: each.rank):
                    standing.move_to_end(agent.agent_id)
        return pool

    def _key(self, contact: Waiting) -> tuple[str, Demand]:
        """Whom it is for: member and skills."""
        if contact.target:
            return contact.target, ()
        line = self._lines[contact.queue_id]
        return "" if line.open_to_all else line.queue_id, merged(line.needed, contact.asked)

    def _candidates(self, member: str) -> Collection[str]:
        """Known agents who may stand in a pool, skills aside."""
        if not member:
            return self._fits
        return (member,) if member in self._fits else self._members.get(member, ())

    def _forget_empty(self) -> None:
        for key, pool in list(self._pools.items()):
            if not pool.waiting:
                del self._pools[key]
                del self._by_member[pool.member][pool.needed]
        for fit in self._fits.values():
            fit.stands = [each for each in fit.stands if each[0].waiting]


def ready_of(agent: Agent) -> Ready | None:
    """The agent as the board sees them; None when neither AVAILABLE nor to be found by telephone."""
    held = {level.skill_id: level.proficiency for level in agent.skills}
    if agent.findable:
        direct = agent.passed_over or not agent.reach.queue_calls
        return Ready(agent.agent_id, LAST, held, frozenset(agent.queue_ids), agent.version, direct)
    if agent.state is not AgentState.AVAILABLE:
        return None
    idle = agent.idle_since or agent.state_time
    return Ready(agent.agent_id, idle, held, frozenset(agent.queue_ids), agent.version)


def waiting_of(contact: Contact) -> Waiting | None:
    """The contact as the board sees it; None when not QUEUED."""
    if contact.state is not ContactState.QUEUED:
        return None
    asked = demand((), contact.required_skills)
    return Waiting(
        contact.contact_id, contact.queue_id, contact.order, asked, contact.version, contact.traceparent,
        contact.target_agent_id,
    )  # fmt: skip


def line_of(queue: Queue) -> Line:
    """The queue as the board sees it."""
    return Line(queue.queue_id, queue.open_to_all, demand(queue.required_skills, ()))


def merged(needed: Demand, asked: Demand) -> Demand:
    if not asked:
        return needed
    levels = dict(needed)
    for skill_id, level in asked:
        levels[skill_id] = max(level, levels.get(skill_id, 0))
    return tuple(sorted(levels.items()))


def _place(line: Standing, agent: Ready) -> None:
    """Into the line at the place of its idle time: mostly near the end, or after an offer that was taken back the
    head."""
    agent_id, rank = agent.agent_id, agent.rank
    if line and rank < line[next(iter(line))].rank:
        line[agent_id] = agent
        line.move_to_end(agent_id, last=False)
        return
    behind = list(takewhile(lambda other: rank < line[other].rank, reversed(line)))
    line[agent_id] = agent
    for other in reversed(behind):
        line.move_to_end(other)
