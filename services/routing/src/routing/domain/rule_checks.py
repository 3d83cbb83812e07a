"""Whether a queue's rules can work, when they are saved: what nobody could reach, or what changes nothing, is refused
with its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from kernel.ids import is_id

from routing.domain import requirements
from routing.domain.faults import fault, length_fault, number_fault
from routing.domain.overflow import NONE, Overflow, Trigger
from routing.domain.requirements import ANYBODY, MAX_PROFICIENCY, Requirement
from routing.domain.rules import (
    LONGEST_WAIT,
    MOST_POINTS,
    MOST_RINGING,
    PREFERRED_WAIT,
    Change,
    ChangeKind,
    Rules,
    Step,
    Strategy,
    asked_after,
    stated_by,
)

MAX_STEPS = 50
MAX_CHANGES = 20
MAX_LEVELS, MAX_LISTED = 20, 500
_MAX_WEIGHT = 100.0


def check_rules(
    rules: Rules, first: Requirement, queue_id: str, field: str, *, open_to_all: bool = False,
    overflow: Overflow = NONE, listed: Requirement = ANYBODY,
) -> Rules:  # fmt: skip
    """The rules, when they can work for a queue that asks for `first`, of which `listed` is what it asks for beside the
    rules' own expression; InvalidInput with the place of the fault. Whether skills, agents and queues exist is for the
    caller to know."""
    _check_numbers(rules, field)
    _check_levels(rules, f"{field}.levels")
    if len(rules.steps) > MAX_STEPS:
        raise fault("TOO_MANY", f"{field}.steps", f"has more than {MAX_STEPS} steps", most=MAX_STEPS)
    if not first:
        raise fault(
            "CONTRADICTS_SKILLS", f"{field}.requirement",
            "and the queue's required skills contradict each other: nobody could ever meet both",
        )  # fmt: skip
    _check_parts(stated_by(rules.requirement), listed, f"{field}.requirement")
    everybody = "OPEN_ALREADY" if open_to_all else "LIST_ALONE" if rules.strategy is Strategy.LIST else ""
    latest: tuple[timedelta, int] | None = None
    for index, step in enumerate(rules.steps):
        place = f"{field}.steps[{index}]"
        _check_trigger(step, place)
        if step.after is not None:
            if latest is not None and step.after <= latest[0]:
                raise fault(
                    "STEP_NOT_LATER", f"{place}.after_wait",
                    f"is not later than that of steps[{latest[1]}]: that one would be over before it began",
                    step=latest[1] + 1,
                )  # fmt: skip
            latest = (step.after, index)
            _check_reached(step.after, overflow, f"{place}.after_wait")
        if step.expected_over is not None:
            _check_expected(step.expected_over, overflow, f"{place}.expected_wait_over")
        _check_changes(step, rules.steps[:index], first, queue_id, place, everybody)
    _check_levels_reached(rules, overflow, f"{field}.levels")
    if rules.preferred_wait != PREFERRED_WAIT:  # what nobody chose is nobody's fault
        _check_reached(rules.preferred_wait, overflow, f"{field}.preferred_wait")
    return rules


def _check_parts(stated: Requirement, beside: Requirement, place: str) -> None:
    """Whether each alternative of an expression can hold with what else is asked for."""
    if len(stated) > 1 and not all(requirements.both((each,), beside) for each in stated):
        raise fault("PART_NEVER", place, "has a part that can never hold beside what is asked for already")


def _check_changes(
    step: Step, before: Sequence[Step], first: Requirement, queue_id: str, place: str, everybody: str
) -> None:  # fmt: skip
    if not 1 <= len(step.changes) <= MAX_CHANGES:
        raise fault("CHANGES_COUNT", f"{place}.changes", f"must be 1 to {MAX_CHANGES} changes", most=MAX_CHANGES)
    now = asked_after(first, before)
    requirement, queues = now.requirement, list(now.also_queues)
    for index, change in enumerate(step.changes):
        at = f"{place}.changes[{index}]"
        _check_change(change, requirement, at)
        after = change.on(requirement)
        if not after:
            raise fault("CONTRADICTS", at, "contradicts what is asked for up to then: nobody could ever meet it")
        if change.kind is ChangeKind.ALSO_QUEUE:
            _check_also_queue(change.queue_id, queue_id, queues, f"{at}.also_queue_id", everybody)
            queues.append(change.queue_id)
        elif change.kind is ChangeKind.REQUIRE:
            _check_parts(stated_by(change.expression), requirement, f"{at}.require")
        if change.kind is not ChangeKind.ALSO_QUEUE and after == requirement:
            raise fault("CHANGES_NOTHING", at, "changes nothing: what is asked for is the same without it")
        if len(after) > requirements.MAX_ALTERNATIVES:
            most = requirements.MAX_ALTERNATIVES
            raise fault("ALTERNATIVES", at, f"leads to more than {most} alternatives", most=most)
        requirement = after


def _check_also_queue(other_id: str, queue_id: str, added: Sequence[str], at: str, everybody: str) -> None:
    if everybody == "OPEN_ALREADY":
        raise fault(everybody, at, "changes nothing: this queue is open to everybody's agents already")
    if everybody:
        raise fault(everybody, at, "changes nothing: the list alone says whose agents are offered what waits")
    if other_id == queue_id:
        raise fault("THIS_QUEUE", at, "is this queue itself")
    if other_id in added:
        raise fault("ADDED_BEFORE", at, "was added by an earlier step")


def _check_change(change: Change, asked: Requirement, at: str) -> None:
    named = requirements.skills_named(asked)
    if change.kind in (ChangeKind.REMOVE, ChangeKind.LOWER, ChangeKind.SWAP) and change.skill_id not in named:
        raise fault("NOT_ASKED", at, f"is about {change.skill_id}, which is not asked for by then")
    if change.kind is ChangeKind.SWAP and change.skill_id not in requirements.skills_wanted(asked):
        raise fault(
            "SWAPS_UNWANTED", at, f"is about {change.skill_id}, which nobody needs by then: agents must not have it"
        )  # fmt: skip
    if change.kind in (ChangeKind.LOWER, ChangeKind.SWAP) and not 1 <= change.level <= MAX_PROFICIENCY:
        raise number_fault(f"{at}.proficiency", 1, MAX_PROFICIENCY)
    if change.kind in (ChangeKind.ALSO, ChangeKind.REQUIRE) and stated_by(change.expression) == ANYBODY:
        raise fault("EMPTY_EXPRESSION", at, "is an empty expression")


def _check_trigger(step: Step, place: str) -> None:
    if (step.after is None) == (step.expected_over is None):
        raise fault("WHEN_MISSING", place, "needs either after_wait or expected_wait_over")
    for name, value in (("after_wait", step.after), ("expected_wait_over", step.expected_over)):
        if value is not None and not timedelta(seconds=1) <= value <= LONGEST_WAIT:
            wrong = "must be 1 second to 30 days"
            raise length_fault(f"{place}.{name}", wrong, timedelta(seconds=1), LONGEST_WAIT)


def _check_reached(after: timedelta, overflow: Overflow, place: str) -> None:
    """Whether anybody waits here for so long."""
    if overflow.max_wait is not None and after >= overflow.max_wait:
        raise fault("AFTER_MAX_WAIT", place, "is never reached: it is not before the longest wait of this queue")
    for index, rule in enumerate(overflow.rules):
        if rule.trigger is Trigger.AFTER_WAIT and rule.number and after >= rule.wait:
            wrong = f"is never reached: overflow.rules[{index}] sends everybody on before"
            raise fault("AFTER_OVERFLOW", place, wrong, rule=index + 1)


def _check_expected(over: timedelta, overflow: Overflow, place: str) -> None:
    """Whether anybody is left here whose expected wait is so long."""
    for index, rule in enumerate(overflow.rules):
        if rule.trigger is Trigger.EXPECTED_WAIT and rule.number and over >= rule.wait:
            wrong = f"is never reached: overflow.rules[{index}] sends everybody on before"
            raise fault("AFTER_OVERFLOW", place, wrong, rule=index + 1)


def _check_levels_reached(rules: Rules, overflow: Overflow, field: str) -> None:
    passed = timedelta(0)
    for index, level in enumerate(rules.levels):
        if index:
            _check_reached(passed, overflow, f"{field}[{index}]")
        passed += level.wait


def _check_levels(rules: Rules, field: str) -> None:
    listed = rules.strategy is Strategy.LIST
    if bool(rules.levels) != listed:
        code, wrong = (
            ("LEVELS_MISSING", "must name at least one level") if listed
            else ("LEVELS_UNUSED", "goes with the strategy LIST alone")
        )  # fmt: skip
        raise fault(code, field, wrong)
    if len(rules.levels) > MAX_LEVELS:
        raise fault("TOO_MANY", field, f"has more than {MAX_LEVELS} levels", most=MAX_LEVELS)
    seen: set[str] = set()
    for index, level in enumerate(rules.levels):
        at = f"{field}[{index}]"
        if not level.agent_ids:
            raise fault("LEVEL_EMPTY", f"{at}.agent_ids", "names nobody")
        if not timedelta(0) <= level.wait <= LONGEST_WAIT:
            raise length_fault(f"{at}.wait", "must be 0 seconds to 30 days", timedelta(0), LONGEST_WAIT)
        for number, agent_id in enumerate(level.agent_ids):
            if not is_id("usr", agent_id):
                wrong = "is not the id of a user (usr_...)"
                raise fault("AGENT_UNKNOWN", f"{at}.agent_ids[{number}]", wrong)
            if agent_id in seen:
                raise fault("LISTED_TWICE", f"{at}.agent_ids[{number}]", "stands on the list twice")
            seen.add(agent_id)
    if len(seen) > MAX_LISTED:
        raise fault("TOO_MANY", field, f"names more than {MAX_LISTED} agents", most=MAX_LISTED)


def _check_numbers(rules: Rules, field: str) -> None:
    none, day, hour = timedelta(0), timedelta(days=1), timedelta(hours=1)
    if not none <= rules.point <= day:
        raise length_fault(f"{field}.point_wait", "must be 0 seconds to 1 day", none, day)
    if not 1 <= rules.ring_agents <= MOST_RINGING:
        raise number_fault(f"{field}.ring_agents", 1, MOST_RINGING)
    if not none <= rules.preferred_wait <= hour:
        raise length_fault(f"{field}.preferred_wait", "must be 0 seconds to 1 hour", none, hour)
    for name, value, most in (
        ("points_per_minute", rules.acceleration, MOST_POINTS), ("most_points", rules.most_points, MOST_POINTS),
        ("weights.proficiency", rules.weights.proficiency, _MAX_WEIGHT),
        ("weights.idle_minute", rules.weights.idle_minute, _MAX_WEIGHT),
        ("weights.preferred", rules.weights.preferred, _MAX_WEIGHT), ("weights.cost", rules.weights.cost, _MAX_WEIGHT),
    ):  # fmt: skip
        if not 0 <= value <= most:  # NaN is not
            raise number_fault(f"{field}.{name}", 0, most)
    weights = rules.weights
    if rules.strategy is Strategy.WEIGHTED and not any(
        (weights.proficiency, weights.idle_minute, weights.preferred, weights.cost)
    ):
        raise fault("WEIGHTS_ZERO", f"{field}.weights", "are all 0: every agent would be worth the same")
    if rules.acceleration and not (rules.point and rules.most_points):
        wrong = "changes nothing: a point is worth no waiting here, or at most 0 points count"
        raise fault("POINTS_WORTHLESS", f"{field}.points_per_minute", wrong)
