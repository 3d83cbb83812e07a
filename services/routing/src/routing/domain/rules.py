"""How a queue chooses: the strategy by which agents are ranked, what a point of priority is worth, for how long a
preferred agent is waited for, and the steps by which a contact that waits asks for less, or for something else.

Steps are worked out when a queue is saved: each says which skills and whose agents hold from then on, so that a step
nobody could reach, or that changes nothing, is refused with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kernel.errors import InvalidInput
from kernel.ids import is_id

from routing.domain import requirements
from routing.domain.requirements import ANYBODY, MAX_PROFICIENCY, Requirement

MAX_STEPS = 50
MAX_CHANGES = 20
MAX_LEVELS, MAX_LISTED = 20, 500
LONGEST_WAIT = timedelta(days=30)
"""No step, level or window lies later."""
POINT = timedelta(hours=1)
"""A point of priority is worth so much waiting unless the queue says otherwise: in practice more points always win."""
MOST_POINTS = 100.0
PREFERRED_WAIT = timedelta(seconds=15)
MOST_RINGING = 20
_MAX_WEIGHT = 100.0


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
    """What holds at a time: the skills, and agents of which queues besides its own may take it."""

    requirement: Requirement
    also_queues: tuple[str, ...] = ()


def stated_by(expression: str) -> Requirement:
    """The requirement of an expression that was checked when it was saved, with skills by id."""
    return requirements.parsed(expression, lambda name: name, "expression")


def asked_after(first: Requirement, steps: Iterable[Step]) -> Asked:
    """What holds once these steps have come, in their order."""
    requirement, queues = first, []
    for step in steps:
        for change in step.changes:
            requirement = change.on(requirement)
            if change.kind is ChangeKind.ALSO_QUEUE:
                queues.append(change.queue_id)
    return Asked(requirement, tuple(dict.fromkeys(queues)))


def check_rules(rules: Rules, first: Requirement, queue_id: str, field: str) -> Rules:
    """The rules, when they can work for a queue that asks for `first`; InvalidInput with the place of the fault.
    Whether skills, agents and queues exist is for the caller to know."""
    _check_numbers(rules, field)
    _check_levels(rules, f"{field}.levels")
    if len(rules.steps) > MAX_STEPS:
        raise InvalidInput.of(f"{field}.steps", f"has more than {MAX_STEPS} steps")
    if not first:
        raise InvalidInput.of(
            f"{field}.requirement", "and the queue's required skills contradict each other: nobody could ever meet both"
        )
    latest: tuple[timedelta, int] | None = None
    for index, step in enumerate(rules.steps):
        place = f"{field}.steps[{index}]"
        _check_trigger(step, place)
        if step.after is not None:
            if latest is not None and step.after <= latest[0]:
                raise InvalidInput.of(
                    f"{place}.after_wait",
                    f"is not later than that of steps[{latest[1]}]: that one would be over before it began",
                )
            latest = (step.after, index)
        _check_changes(step, rules.steps[:index], first, queue_id, place)
    return rules


def _check_changes(step: Step, before: Sequence[Step], first: Requirement, queue_id: str, place: str) -> None:
    if not 1 <= len(step.changes) <= MAX_CHANGES:
        raise InvalidInput.of(f"{place}.changes", f"must be 1 to {MAX_CHANGES} changes")
    now = asked_after(first, before)
    requirement, queues = now.requirement, list(now.also_queues)
    for index, change in enumerate(step.changes):
        at = f"{place}.changes[{index}]"
        _check_change(change, requirement, at)
        after = change.on(requirement)
        if not after:
            raise InvalidInput.of(at, "contradicts what is asked for up to then: nobody could ever meet it")
        if change.kind is ChangeKind.ALSO_QUEUE:
            if change.queue_id == queue_id:
                raise InvalidInput.of(f"{at}.also_queue_id", "is this queue itself")
            if change.queue_id in queues:
                raise InvalidInput.of(f"{at}.also_queue_id", "was added by an earlier step")
            queues.append(change.queue_id)
        elif after == requirement:
            raise InvalidInput.of(at, "changes nothing: what is asked for is the same without it")
        if len(after) > requirements.MAX_ALTERNATIVES:
            raise InvalidInput.of(at, f"leads to more than {requirements.MAX_ALTERNATIVES} alternatives")
        requirement = after


def _check_change(change: Change, asked: Requirement, at: str) -> None:
    named = requirements.skills_named(asked)
    if change.kind in (ChangeKind.REMOVE, ChangeKind.LOWER, ChangeKind.SWAP) and change.skill_id not in named:
        raise InvalidInput.of(at, f"is about {change.skill_id}, which is not asked for by then")
    if change.kind in (ChangeKind.LOWER, ChangeKind.SWAP) and not 1 <= change.level <= MAX_PROFICIENCY:
        raise InvalidInput.of(f"{at}.proficiency", f"must be 1 to {MAX_PROFICIENCY}")
    if change.kind in (ChangeKind.ALSO, ChangeKind.REQUIRE) and stated_by(change.expression) == ANYBODY:
        raise InvalidInput.of(at, "is an empty expression")


def _check_trigger(step: Step, place: str) -> None:
    if (step.after is None) == (step.expected_over is None):
        raise InvalidInput.of(place, "needs either after_wait or expected_wait_over")
    for name, value in (("after_wait", step.after), ("expected_wait_over", step.expected_over)):
        if value is not None and not timedelta(seconds=1) <= value <= LONGEST_WAIT:
            raise InvalidInput.of(f"{place}.{name}", "must be 1 second to 30 days")


def _check_levels(rules: Rules, field: str) -> None:
    listed = rules.strategy is Strategy.LIST
    if bool(rules.levels) != listed:
        raise InvalidInput.of(field, "must name at least one level" if listed else "goes with the strategy LIST alone")
    if len(rules.levels) > MAX_LEVELS:
        raise InvalidInput.of(field, f"has more than {MAX_LEVELS} levels")
    seen: set[str] = set()
    for index, level in enumerate(rules.levels):
        at = f"{field}[{index}]"
        if not level.agent_ids:
            raise InvalidInput.of(f"{at}.agent_ids", "names nobody")
        if not timedelta(0) <= level.wait <= LONGEST_WAIT:
            raise InvalidInput.of(f"{at}.wait", "must be 0 seconds to 30 days")
        for number, agent_id in enumerate(level.agent_ids):
            if not is_id("usr", agent_id):
                raise InvalidInput.of(f"{at}.agent_ids[{number}]", "is not the id of a user (usr_...)")
            if agent_id in seen:
                raise InvalidInput.of(f"{at}.agent_ids[{number}]", "stands on the list twice")
            seen.add(agent_id)
    if len(seen) > MAX_LISTED:
        raise InvalidInput.of(field, f"names more than {MAX_LISTED} agents")


def _check_numbers(rules: Rules, field: str) -> None:
    if not timedelta(0) <= rules.point <= timedelta(days=1):
        raise InvalidInput.of(f"{field}.point_wait", "must be 0 seconds to 1 day")
    if not 1 <= rules.ring_agents <= MOST_RINGING:
        raise InvalidInput.of(f"{field}.ring_agents", f"must be 1 to {MOST_RINGING}")
    if not timedelta(0) <= rules.preferred_wait <= timedelta(hours=1):
        raise InvalidInput.of(f"{field}.preferred_wait", "must be 0 seconds to 1 hour")
    for name, value, most in (
        ("points_per_minute", rules.acceleration, MOST_POINTS), ("most_points", rules.most_points, MOST_POINTS),
        ("weights.proficiency", rules.weights.proficiency, _MAX_WEIGHT),
        ("weights.idle_minute", rules.weights.idle_minute, _MAX_WEIGHT),
        ("weights.preferred", rules.weights.preferred, _MAX_WEIGHT), ("weights.cost", rules.weights.cost, _MAX_WEIGHT),
    ):  # fmt: skip
        if not 0 <= value <= most:  # NaN is not
            raise InvalidInput.of(f"{field}.{name}", f"must be 0 to {most:g}")
