"""Which of the agents who may take a contact is offered it: one order for each strategy."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from routing.domain.contacts import Channel
from routing.domain.rules import DEFAULT, Rules, Strategy, Weights

LOADED = datetime(9000, 1, 1, tzinfo=UTC)
"""Idle since then, and later the more they hold, are agents who handle something already and have room for more."""
LAST = datetime.max.replace(tzinfo=UTC)
"""Idle since then are agents who are away."""
IDLE, HOLDING, AWAY = range(3)
"""Whoever is at the desk and holds nothing comes before who holds something already, and both before who is away:
whatever the strategy, and however well they fit."""
_TIER = 1_000_000
"""More than any score."""


class Tally(NamedTuple):
    """What strategies besides idle time go by: the last offer in seconds since the epoch, contacts handled and seconds
    talked since the shift began, and what the agent costs, 0 to 100."""

    offered_at: float = 0.0
    handled: int = 0
    talked: float = 0.0
    cost: int = 0


NOTHING = Tally()


class Ready(NamedTuple):
    """An agent who is AVAILABLE, or away and reached by telephone: then `idle_since` is `LAST`, and `direct` says that
    only contacts for them alone may be offered. `open` are the channels they have room for, None for every one; `does`
    are those they would have room for if they held nothing; they are `loaded` when they hold something."""

    agent_id: str
    idle_since: datetime
    skills: Mapping[str, int]
    queue_ids: frozenset[str]
    version: int
    direct: bool = False
    tally: Tally = NOTHING
    open: frozenset[Channel] | None = None
    does: frozenset[Channel] | None = None
    loaded: bool = False

    def takes(self, channel: Channel) -> bool:
        """Whether they have room for one more contact of this channel."""
        return self.open is None or channel in self.open

    def could_take(self, channel: Channel) -> bool:
        """Whether they have room for one of this channel, or would if they held nothing."""
        return self.takes(channel) or (not self.away and (self.does is None or channel in self.does))

    def waits_for(self, channel: Channel) -> bool:
        """Whether they would have room for one if they held nothing, and haven't now."""
        return self.loaded and not self.takes(channel) and (self.does is None or channel in self.does)

    @property
    def tier(self) -> int:
        """IDLE, HOLDING or AWAY."""
        return HOLDING if self.loaded else AWAY if self.idle_since == LAST else IDLE

    @property
    def away(self) -> bool:
        """Whether they are reached by telephone alone."""
        return self.idle_since == LAST

    @property
    def rank(self) -> tuple[datetime, str]:
        """Longer idle first."""
        return (self.idle_since, self.agent_id)


Key = tuple[int, float, datetime, str]


class Ranking:
    """One queue's order of agents. Queues with the same `name` share it."""

    def __init__(self, rules: Rules, name: str = "") -> None:
        self.strategy: Strategy = rules.strategy
        self.weights: Weights = rules.weights
        listed = [agent_id for level in rules.levels for agent_id in level.agent_ids]
        self.places: Mapping[str, int] = {agent_id: place for place, agent_id in enumerate(listed)}
        ends: list[int] = []
        for level in rules.levels:
            ends.append((ends[-1] if ends else 0) + len(level.agent_ids))
        self._ends = ends
        self.name = name or (f"{self.strategy}:{self.weights}" if self.strategy is Strategy.WEIGHTED else self.strategy)

    @property
    def by_idle(self) -> bool:
        """Whether agents of one score are told apart by idle time alone."""
        return self.strategy in (Strategy.SKILLS, Strategy.LONGEST_IDLE)

    def group(self, score: int, tier: int = IDLE) -> int:
        """Of those `by_idle`: agents of a higher group come first."""
        return (score if self.strategy is Strategy.SKILLS else 0) - _TIER * tier

    @staticmethod
    def score_of(group: int) -> int:
        """Of the strategy SKILLS: the score that all of a group have."""
        return group % _TIER

    def lists(self, agent_id: str, levels: int) -> bool:
        """Whether an agent may be offered a contact when so many levels of the list have come."""
        if self.strategy is not Strategy.LIST:
            return True
        place = self.places.get(agent_id)
        return place is not None and place < self._ends[min(levels, len(self._ends)) - 1]

    def key(self, agent: Ready, score: int) -> Key:
        """Smaller is first."""
        return (agent.tier, self._measure(agent, score), agent.idle_since, agent.agent_id)

    def value(self, agent: Ready, score: int, now: float, preferred: str) -> float:
        """Of the strategy WEIGHTED: what an agent is worth for a contact with this preferred agent."""
        weights = self.weights
        idle = 0.0 if agent.tier else max(0.0, now - agent.idle_since.timestamp()) / 60
        bonus = weights.preferred if agent.agent_id == preferred else 0.0
        return weights.proficiency * score + weights.idle_minute * idle + bonus - weights.cost * agent.tally.cost

    def why_after(self, agent: Ready, score: int, best: Ready, best_score: int) -> str:
        """Why an agent who may take a contact comes after the best one."""
        if agent.tier != best.tier:
            return "away" if agent.away else "holds_contacts"
        if self.strategy is Strategy.SKILLS and score != best_score:
            return "lower_proficiency"
        if not self.by_idle and self._measure(agent, score) != self._measure(best, best_score):
            return _WHY[self.strategy]
        return "shorter_idle"

    def _measure(self, agent: Ready, score: int) -> float:
        match self.strategy:
            case Strategy.ROUND_ROBIN:
                return agent.tally.offered_at
            case Strategy.FEWEST_CONTACTS:
                return agent.tally.handled
            case Strategy.LEAST_TALK_TIME:
                return agent.tally.talked
            case Strategy.LIST:
                return self.places.get(agent.agent_id, len(self.places))
            case Strategy.WEIGHTED:
                weights = self.weights
                # The value at any time but for what all of a tier have alike.
                idle = 0.0 if agent.tier else weights.idle_minute * agent.idle_since.timestamp() / 60
                return idle + weights.cost * agent.tally.cost - weights.proficiency * score
            case _:
                return -self.group(score)


_WHY = {
    Strategy.ROUND_ROBIN: "offered_more_recently", Strategy.FEWEST_CONTACTS: "handled_more",
    Strategy.LEAST_TALK_TIME: "talked_more", Strategy.LIST: "later_on_list", Strategy.WEIGHTED: "lower_value",
}  # fmt: skip


class Ranked:
    """Agents in the order of their keys."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._by_agent: dict[str, tuple[Key, Ready, int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, key: Key, agent: Ready, score: int) -> None:
        """An agent who doesn't stand here."""
        self._by_agent[agent.agent_id] = (key, agent, score)
        insort(self._keys, key)

    def drop(self, agent_id: str) -> None:
        """An agent who stands here."""
        key, _, _ = self._by_agent.pop(agent_id)
        del self._keys[bisect_left(self._keys, key)]

    def __iter__(self) -> Iterator[tuple[Ready, int]]:
        for key in self._keys:
            _, agent, score = self._by_agent[key[-1]]
            yield agent, score

    def advanced(self, agent_id: str, by: float) -> Iterator[tuple[Ready, int]]:
        """The same, this agent's measure smaller by so much."""
        known = self._by_agent.get(agent_id)
        if known is None:
            yield from self
            return
        key, favourite, points = known
        place = (key[0], key[1] - by, *key[2:])
        yielded = False
        for other in self._keys:
            if not yielded and place <= other:
                yielded = True
                yield favourite, points
            if other is not key and other[-1] != agent_id:
                _, agent, score = self._by_agent[other[-1]]
                yield agent, score
        if not yielded:
            yield favourite, points


USUALLY = Ranking(DEFAULT)
