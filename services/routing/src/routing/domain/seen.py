"""Agents as they stand in lines, and what a decision saw of them.

Why somebody was chosen is asked of few decisions, and later. So a decision keeps the beginnings of the lines it looked
at, and who of them was ready is worked out for whoever asks: an entry says until which decision it counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from routing.domain import requirements
from routing.domain.ranking import Ranking, Ready
from routing.domain.requirements import Requirement
from routing.domain.rules import Strategy


class Entry:
    """An agent who became ready, with their rank by idle time. `gone` is the number of the last decision that could
    have had them, None while they are ready; the entry stays in its lines until somebody comes by it."""

    __slots__ = ("agent", "gone", "rank")

    def __init__(self, agent: Ready, rank: tuple[datetime, str]) -> None:
        self.agent = agent
        self.rank = rank
        self.gone: int | None = None

    def counted(self, decision: int) -> bool:
        """Whether the agent was ready at this decision."""
        return self.gone is None or self.gone >= decision


class Seen(NamedTuple):
    """What one decision saw: the beginning of each group's line, best group first, or where agents are ranked the first
    of them with their scores; and who became ready last, those before `end` in a list that only grows: a copy of its
    end would be made for every decision, and is read for few."""

    decision: int
    lines: Sequence[tuple[int, Sequence[Entry]]]
    ranked: Sequence[tuple[Ready, int]]
    latest: Sequence[Entry]
    end: int

    def weighed(self, most: int, ranking: Ranking, requirement: Requirement) -> list[tuple[Ready, int]]:
        """So many ready agents at most, with their score, the best first."""
        if self.ranked:
            return list(self.ranked[:most])
        found = ((group, each.agent) for group, line in self.lines for each in line if each.counted(self.decision))
        by_skills = ranking.strategy is Strategy.SKILLS
        return [
            (agent, ranking.score_of(group) if by_skills else requirements.score(agent.skills, requirement) or 0)
            for group, agent in islice(found, most)
        ]

    def others(self, most: int) -> list[Ready]:
        """So many of those who were ready at most, the last first."""
        before = (self.latest[place] for place in range(self.end - 1, -1, -1))
        found = (each.agent for each in before if each.counted(self.decision))
        return list(islice(found, most))


NOBODY = Seen(0, (), (), (), 0)
