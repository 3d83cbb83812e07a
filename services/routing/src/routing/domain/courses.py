"""What holds for a contact while it waits: for whom it waits from when on.

A course is the list of its stages, worked out once for all contacts of a queue that bring the same: the skills asked
for relax by the queue's steps, its list widens level by level, and a preferred agent has it alone for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from routing.domain import requirements
from routing.domain.requirements import ANYBODY, Requirement
from routing.domain.rules import DEFAULT, Rules, Strategy, asked_after, stated_by

Demand = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Line:
    """What the matcher needs of a queue. `needed` are the skills it asks for besides its rules' own expression."""

    queue_id: str
    open_to_all: bool
    needed: Demand
    rules: Rules = DEFAULT

    @property
    def first(self) -> Requirement:
        """What it asks for before any step."""
        return requirements.both(requirements.of_levels(self.needed), stated_by(self.rules.requirement))


class Stage(NamedTuple):
    """What holds from `after` seconds of waiting on: agents of these queues (of any when none is named) who meet the
    requirement, and of a list so many levels. `steps` are the numbers of the steps that have come. `at_desk`: none who
    is reached by telephone alone."""

    after: float
    members: tuple[str, ...]
    requirement: Requirement
    levels: int
    steps: tuple[int, ...]
    at_desk: bool = False


@lru_cache(maxsize=4096)
def course(line: Line, brought: Requirement, fired: int) -> tuple[Stage, ...]:
    """The stages of a contact that brings skills of its own; `fired` has a bit for each step that came because the
    expected wait was too long. Never empty; the first is from 0 on."""
    rules = line.rules
    # Rules may have changed since it came: what it brings and they rule out counts no more, or nobody could take it.
    first = requirements.both(line.first, brought) or line.first
    # A list says itself whose agents they are.
    anybodys = line.open_to_all or rules.strategy is Strategy.LIST
    times = {0.0, *(step.after.total_seconds() for step in rules.steps if step.after is not None)}
    widens = _widens(rules)
    times.update(widens)
    stages: list[Stage] = []
    for time in sorted(times):
        came = tuple(
            number
            for number, step in enumerate(rules.steps)
            if (step.after.total_seconds() <= time if step.after is not None else fired >> number & 1)
        )
        asked = asked_after(first, [rules.steps[number] for number in came])
        members = () if anybodys else (line.queue_id, *asked.also_queues)
        levels = sum(each <= time for each in widens)
        stages.append(Stage(time, members, asked.requirement, levels, tuple(came[place] for place in asked.came)))
    return tuple(stages)


def stage_at(stages: Sequence[Stage], since: float, now: float) -> tuple[int, float | None]:
    """Which stage holds at `now` for a contact that came at `since`, and when the next one begins."""
    # Times are compared, not spans: since + after - since may be less than after, and a stage that is due at its own
    # beginning must hold then.
    index = len(stages) - 1
    while index and since + stages[index].after > now:
        index -= 1
    return index, since + stages[index + 1].after if index + 1 < len(stages) else None


def ahead(
    stages: Sequence[Stage], since: float, now: float, preferred: Stage | None = None, until: float | None = None
) -> list[tuple[float, Stage]]:
    """What holds for a contact that came at `since`, and what comes for it by waiting, each with the seconds until
    then. A `preferred` agent's stage comes before them, `until` a moment."""
    found = [(0.0, preferred)] if preferred is not None and until is not None else []
    begins = until if found and until is not None else now
    index, _ = stage_at(stages, since, begins)
    found.append((begins - now, stages[index]))
    return found + [(since + each.after - now, each) for each in stages[index + 1 :]]


def preferred_until(since: float, wait: float, now: float) -> float | None:
    """Until when the preferred agent of a contact that came at `since` has it alone; None when they don't, or no
    more."""
    until = since + wait
    return until if wait and now < until else None


def alone(agent_id: str, *, at_desk: bool = False) -> Stage:
    """For one agent alone, whatever their skills."""
    return Stage(0.0, (agent_id,), ANYBODY, 0, (), at_desk)


def at_desk(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The same for a callback: its agent calls the customer, and so must be at the desk."""
    return tuple(stage._replace(at_desk=True) for stage in stages)


def _widens(rules: Rules) -> list[float]:
    """When each level of a list comes."""
    if rules.strategy is not Strategy.LIST:
        return []
    times, passed = [0.0], 0.0
    for level in rules.levels[:-1]:
        passed += level.wait.total_seconds()
        times.append(passed)
    return times


ANYTIME = Stage(0.0, (), ANYBODY, 0, ())
"""Anybody, from the first moment on."""
