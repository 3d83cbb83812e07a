"""How a queue chooses: the strategy by which agents are ranked, what a point of priority is worth, for how long a
preferred agent is waited for, and the steps by which a contact that waits asks for less, or for something else.

Each step says which skills and whose agents hold from then on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from routing.domain import requirements
from routing.domain.requirements import Requirement

LONGEST_WAIT = timedelta(days=30)
"""No step, level or window lies later."""
POINT = timedelta(hours=1)
"""A point of priority is worth so much waiting unless the queue says otherwise: in practice more points always win."""
MOST_POINTS = 100.0
PREFERRED_WAIT = timedelta(seconds=15)
MOST_RINGING = 20


class Strategy(StrEnum):
    """Who of those who fit is offered a contact first."""

    SKILLS = "SKILLS"
    """The highest sum of levels over the skills asked for, then the longest idle."""
    LONGEST_IDLE = "LONGEST_IDLE"
    ROUND_ROBIN = "ROUND_ROBIN"
    """Whose last offer is longest ago."""
    FEWEST_CONTACTS = "FEWEST_CONTACTS"
    """Who handled fewest since their shift began."""
    LEAST_TALK_TIME = "LEAST_TALK_TIME"
    """Who talked least since their shift began."""
    LIST = "LIST"
    """In the order of a list; whoever stands in a later level only after the levels before it had their time."""
    WEIGHTED = "WEIGHTED"
    """The highest sum of what each criterion is worth: `Weights`."""


@dataclass(frozen=True)
class Weights:
    """Points of the strategy WEIGHTED, 0 to 100 each: for a level of proficiency in a skill asked for, for a minute
    idle, for being the preferred agent, and, taken off, for a unit of the agent's cost."""

    proficiency: float = 1.0
    idle_minute: float = 0.1
    preferred: float = 5.0
    cost: float = 0.0


@dataclass(frozen=True)
class Level:
    """A part of the list of the strategy LIST: who, in order, and how long only they and those before them are
    offered what waits. The last one's `wait` means nothing."""

    agent_ids: tuple[str, ...]
    wait: timedelta = timedelta(0)


class ChangeKind(StrEnum):
    """What a step does to what was asked for up to then."""

    REMOVE = "REMOVE"
    """A skill is asked for no more."""
    LOWER = "LOWER"
    """A lower level of a skill is enough."""
    SWAP = "SWAP"
    """Another skill in place of one."""
    ALSO = "ALSO"
    """Whoever meets an expression will do as well."""
    REQUIRE = "REQUIRE"
    """An expression must be met on top."""
    REPLACE = "REPLACE"
    """An expression in place of all before."""
    ALSO_QUEUE = "ALSO_QUEUE"
    """Agents of another queue may take it too; it keeps its place here."""


@dataclass(frozen=True)
class Change:
    """One change of a step. Which of the fields say something depends on `kind`; `expression` names skills by id."""

    kind: ChangeKind
    skill_id: str = ""
    other_skill_id: str = ""
    level: int = 0
    expression: str = ""
    queue_id: str = ""

    def on(self, asked: Requirement) -> Requirement:
        """What is asked for after it."""
        kind = self.kind
        if kind is ChangeKind.REMOVE:
            return requirements.without(asked, self.skill_id)
        if kind is ChangeKind.LOWER:
            return requirements.lowered(asked, self.skill_id, self.level)
        if kind is ChangeKind.SWAP:
            return requirements.swapped(asked, self.skill_id, self.other_skill_id, self.level)
        if kind is ChangeKind.ALSO_QUEUE:
            return asked
        stated = stated_by(self.expression)
        if kind is ChangeKind.ALSO:
            return requirements.either(asked, stated)
        return stated if kind is ChangeKind.REPLACE else requirements.both(asked, stated)


@dataclass(frozen=True)
class Step:
    """What changes for a contact that has waited for `after`, or, when that is None, once its expected further wait is
    longer than `expected_over`. A step that came stays."""

    changes: tuple[Change, ...]
    after: timedelta | None = None
    expected_over: timedelta | None = None


@dataclass(frozen=True)
class Rules:
    """How a queue chooses. `requirement` is an expression with skills by id. `acceleration` are the points a contact
    gains for each minute it waits; its points never count above `most_points`."""

    strategy: Strategy = Strategy.SKILLS
    weights: Weights = Weights()
    levels: tuple[Level, ...] = ()
    requirement: str = ""
    steps: tuple[Step, ...] = ()
    point: timedelta = POINT
    acceleration: float = 0.0
    most_points: float = MOST_POINTS
    preferred_wait: timedelta = PREFERRED_WAIT
    ring_agents: int = 1
    """At how many agents at most a contact rings together."""

    @property
    def watches_expected_wait(self) -> bool:
        """Whether a step depends on it."""
        return any(step.after is None for step in self.steps)

    def steps_over(self, expected: timedelta | None, came: int) -> int:
        """A bit for each step that has come by an expected wait, those that `came` before included. When nobody is at
        work, None, every such wait is too long."""
        for number, step in enumerate(self.steps):
            if step.expected_over is not None and (expected is None or expected > step.expected_over):
                came |= 1 << number
        return came

    @property
    def skills_named(self) -> set[str]:
        """Every skill these rules name."""
        named = requirements.skills_named(stated_by(self.requirement))
        for change in self.changes:
            named |= {change.skill_id, change.other_skill_id} - {""}
            named |= requirements.skills_named(stated_by(change.expression))
        return named

    @property
    def changes(self) -> list[Change]:
        """Those of all steps."""
        return [change for step in self.steps for change in step.changes]

    @property
    def agents_named(self) -> set[str]:
        """Every agent these rules name."""
        return {agent_id for level in self.levels for agent_id in level.agent_ids}

    @property
    def queues_named(self) -> set[str]:
        """Every queue these rules name."""
        return {change.queue_id for change in self.changes} - {""}


DEFAULT = Rules()


@dataclass(frozen=True)
class Asked:
    """What holds at a time: the skills, and agents of which queues besides its own may take it. `came` are the steps
    that hold, by their place among those given."""

    requirement: Requirement
    also_queues: tuple[str, ...] = ()
    came: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def stated_by(expression: str) -> Requirement:
    """The requirement of an expression that was checked when it was saved, with skills by id."""
    return requirements.parsed(expression, lambda name: name, "expression", stored=True)


def asked_after(first: Requirement, steps: Iterable[Step]) -> Asked:
    """What holds once these steps have come, in their order. A step that would leave nobody who may take the contact,
    because of what it brings itself or of steps that came before their turn, doesn't come for it."""
    requirement, queues, came = first, list[str](), list[int]()
    for place, step in enumerate(steps):
        after = requirement
        for change in step.changes:
            after = change.on(after)
        if after:
            requirement = after
            queues += [each.queue_id for each in step.changes if each.kind is ChangeKind.ALSO_QUEUE]
            came.append(place)
    return Asked(requirement, tuple(dict.fromkeys(queues)), tuple(came))
