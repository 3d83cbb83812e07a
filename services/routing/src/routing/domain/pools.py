"""Where contacts wait and agents stand: those who may take the same contacts, ranked the same way, share a pool."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from routing.domain import requirements
from routing.domain.contacts import Channel
from routing.domain.courses import Stage
from routing.domain.matches import Waiting
from routing.domain.ranking import AWAY, IDLE, Ranked, Ranking, Ready
from routing.domain.rules import Strategy
from routing.domain.seen import Entry
from routing.domain.urgency import Urgency

Standing = deque[Entry]
"""Agents of one group, who all are idle, hold something or are away alike: the longest idle first."""
Head = tuple[float, float, str, Waiting]
"""When a contact stands as if it had come, when it came, which one, and itself: smaller is first."""


@dataclass(slots=True, eq=False)
class Pool:
    """Contacts of one stage and channel, and the agents who may take them: in a line per group, best group first, where
    idle time tells them apart, else in order of their ranks."""

    stage: Stage
    ranking: Ranking
    channel: Channel
    steady: list[Head] = field(default_factory=list)
    growing: dict[tuple[Urgency, float], list[tuple[float, str, Waiting]]] = field(default_factory=dict)
    """Contacts that gain on others while they wait: by what they gain alike, the oldest first."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    lines: list[tuple[int, Standing]] = field(default_factory=list)
    ranked: Ranked | None = None
    rule: str = ""
    """What a match made here goes by."""
    ready: int = 0
    """Agents who stand here."""
    forgotten: bool = False

    def line(self, group: int) -> Standing:
        """Where agents of this group stand."""
        for each, line in self.lines:
            if each == group:
                return line
        line = Standing()
        self.lines.append((group, line))
        self.lines.sort(key=lambda grouped: -grouped[0])
        return line

    def beginnings(self, most: int) -> list[tuple[int, Sequence[Entry]]]:
        """Of each group's line, best group first, the beginning: enough for so many agents who are ready, as a rule.
        The first entry is of the best of them."""
        found: list[tuple[int, Sequence[Entry]]] = []
        left = 3 * most  # entries that count no more among them
        for group, line in self.lines:
            while line and line[0].gone is not None:
                line.popleft()
            if line:
                beginning = tuple(islice(line, 2 * most))
                found.append((group, beginning))
                left -= len(beginning)
                if left <= 0:
                    break
        return found

    def first_ranked(self, contact: Waiting, most: int) -> list[tuple[Ready, int]]:
        """Where agents are ranked: so many who are ready, with their score, the best for this contact first."""
        if self.ranked is None:
            return []
        weighted = self.ranking.strategy is Strategy.WEIGHTED and contact.preferred
        favour = self.ranking.weights.preferred
        return list(islice(self.ranked.advanced(contact.preferred, favour) if weighted else self.ranked, most))

    def spare(self, weighed: Sequence[tuple[Ready, int]], fits: Mapping[str, Fit]) -> list[Ready]:
        """Of the agents weighed for a contact, the best left out, those whom nobody else who waits could have: here or
        in another pool."""
        free = [agent for agent, _ in weighed[1:] if not fits[agent.agent_id].wanted(agent, self)]
        return free[: max(0, len(free) + 1 - len(self.waiting))]

    def tidy(self) -> None:
        """Forget entries that count no more."""
        for _, line in self.lines:
            kept = [entry for entry in line if entry.gone is None]
            line.clear()
            line.extend(kept)

    def head(self, now: float) -> Head | None:
        """The contact to serve next, and its place before it; drops those that went away since."""
        steady, waiting = self.steady, self.waiting
        while steady and waiting.get(steady[0][2]) is not steady[0][3]:
            heapq.heappop(steady)
        found = steady[0] if steady else None
        if not self.growing:
            return found
        for (urgency, points), heap in self.growing.items():
            while heap and waiting.get(heap[0][1]) is not heap[0][2]:
                heapq.heappop(heap)
            if heap:
                since, contact_id, contact = heap[0]
                first = (urgency.came(since, points, now), since, contact_id, contact)
                if found is None or first < found:  # no two have one id: contacts themselves are never compared
                    found = first
        return found

    def put(self, contact: Waiting, urgency: Urgency) -> None:
        """Let a contact wait here."""
        self.waiting[contact.contact_id] = contact
        since, points = contact.since, contact.points
        if urgency.grows:
            heap = self.growing.setdefault((urgency, points), [])
            heapq.heappush(heap, (since, contact.contact_id, contact))
        else:
            if len(self.steady) > 2 * len(self.waiting) + 16:
                self.steady = [entry for entry in self.steady if self.waiting.get(entry[2]) is entry[3]]
                heapq.heapify(self.steady)
            heapq.heappush(self.steady, (urgency.came(since, points, since), since, contact.contact_id, contact))

    def take(self, contact_id: str) -> None:
        """It waits here no longer."""
        self.waiting.pop(contact_id, None)
        if not self.waiting:
            self.steady.clear()
            self.growing.clear()


@dataclass(slots=True, eq=False)
class Fit:
    """Where an agent stands when ready; kept while they are away: only skills, queues and new pools change it."""

    agent_id: str
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    direct: bool
    away: bool
    stands: list[tuple[Pool, Standing, int]]
    """Pools told apart by idle time, with the line of those like them when they hold nothing, and the score."""
    ranks: list[tuple[Pool, int]]
    """The same of pools that are ranked, with the agent's score."""

    def first(self, now: float) -> tuple[Pool | None, Head | None, int]:
        """Of pools told apart by idle time that of the contact to serve next, its place, and the agent's score."""
        best: Pool | None = None
        first: Head | None = None
        score = 0
        for pool, _, points in self.stands:
            if pool.waiting:
                head = pool.head(now)
                if head is not None and (first is None or head < first):
                    best, first, score = pool, head, points
        return best, first, score

    def wanted(self, agent: Ready, pool: Pool) -> bool:
        """Whether somebody waits in another pool for whom there would be room."""
        room = agent.open
        return any(
            each.waiting and each is not pool and (room is None or each.channel in room)
            for each, *_ in (*self.stands, *self.ranks)
        )

    def stand(self, pool: Pool) -> bool:
        """Take the pool in, when the agent may serve it."""
        members = pool.stage.members
        own = self.agent_id in members
        if (
            (self.away and pool.stage.at_desk)
            or (self.direct and not own)
            or (members and not own and self.queue_ids.isdisjoint(members))
        ):
            return False
        points = requirements.score(self.skills, pool.stage.requirement)
        if points is None or not (own or pool.ranking.lists(self.agent_id, pool.stage.levels)):
            return False
        if pool.ranked is None:
            tier = AWAY if self.away else IDLE
            self.stands.append((pool, pool.line(pool.ranking.group(points, tier)), points))
        else:
            self.ranks.append((pool, points))
        return True


def place_by_idle(line: Standing, entry: Entry) -> None:
    """Into the line at the place of its idle time: mostly near the end, or after an offer that was taken back the
    head."""
    rank = entry.rank
    if line and rank < line[0].rank:
        line.appendleft(entry)
        return
    behind: list[Entry] = []
    while line and rank < line[-1].rank:
        behind.append(line.pop())
    line.append(entry)
    line.extend(reversed(behind))
