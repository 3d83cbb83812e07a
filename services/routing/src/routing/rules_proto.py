"""How a queue chooses, proto <-> domain.

Expressions are as people write them on their way in, and on their way out where the caller has the skills' names; facts
carry skills by id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from chassis.instants import duration_in, duration_out, time_out
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from merkez.routing.v1 import contact_pb2, rules_pb2

from routing.capacity_proto import channel_to_proto
from routing.domain.explaining import Explanation
from routing.domain.fairness import HeldBack
from routing.domain.requirements import renamed, text_of
from routing.domain.rules import (
    DEFAULT,
    MOST_POINTS,
    POINT,
    PREFERRED_WAIT,
    Change,
    ChangeKind,
    Level,
    Rules,
    Step,
    Strategy,
    Weights,
)

_EXPRESSIONS = {"also": ChangeKind.ALSO, "require": ChangeKind.REQUIRE, "replace": ChangeKind.REPLACE}


def rules_to_proto(rules: Rules, names: Mapping[str, str]) -> rules_pb2.RoutingRules:
    """Whole; `names` of skills by id."""
    weights = rules.weights
    return rules_pb2.RoutingRules(
        strategy=rules_pb2.Strategy.Value(f"STRATEGY_{rules.strategy}"),
        weights=rules_pb2.Weights(
            proficiency=weights.proficiency, idle_minute=weights.idle_minute, preferred=weights.preferred,
            cost=weights.cost,
        ),
        levels=[
            rules_pb2.ListLevel(agent_ids=level.agent_ids, wait=duration_out(level.wait)) for level in rules.levels
        ],
        requirement=renamed(rules.requirement, names.get),
        steps=[
            rules_pb2.RelaxationStep(
                after_wait=duration_out(step.after), expected_wait_over=duration_out(step.expected_over),
                changes=[_change_to_proto(change, names) for change in step.changes],
            )
            for step in rules.steps
        ],
        point_wait=duration_out(rules.point),
        points_per_minute=rules.acceleration,
        most_points=rules.most_points,
        preferred_wait=duration_out(rules.preferred_wait),
        ring_agents=rules.ring_agents,
    )  # fmt: skip


def rules_from_proto(message: rules_pb2.RoutingRules, field: str) -> Rules:
    """As given, with what is unset as usual; the rules check them. InvalidInput for what this version doesn't know."""
    name = rules_pb2.Strategy.DESCRIPTOR.values_by_number.get(message.strategy)
    if name is None:
        raise InvalidInput.of(f"{field}.strategy", "is not a value this version knows")
    strategy = Strategy(name.name.removeprefix("STRATEGY_")) if message.strategy else DEFAULT.strategy
    weights = message.weights
    return Rules(
        strategy,
        Weights(weights.proficiency, weights.idle_minute, weights.preferred, weights.cost)
        if message.HasField("weights")
        else DEFAULT.weights,
        tuple(Level(tuple(each.agent_ids), _length(each, "wait", timedelta(0))) for each in message.levels),
        message.requirement,
        tuple(
            Step(
                tuple(
                    _change_from_proto(change, f"{field}.steps[{index}].changes[{number}]")
                    for number, change in enumerate(step.changes)
                ),
                duration_in(step, "after_wait"),
                duration_in(step, "expected_wait_over"),
            )
            for index, step in enumerate(message.steps)
        ),
        _length(message, "point_wait", POINT),
        message.points_per_minute,
        message.most_points or MOST_POINTS,
        _length(message, "preferred_wait", PREFERRED_WAIT),
        message.ring_agents or DEFAULT.ring_agents,
    )


def explanation_to_proto(
    found: Explanation, contact: contact_pb2.Contact, names: Mapping[str, str]
) -> contact_pb2.Explanation:
    """Whole."""
    return contact_pb2.Explanation(
        contact=contact,
        requirement=renamed(text_of(found.stage.requirement), names.get),
        queue_ids=[each for each in found.stage.members if each.startswith("que_")],
        steps=[number + 1 for number in found.stage.steps],
        next_change_time=time_out(found.next_change_time),
        preferred_until_time=time_out(found.preferred_until),
        points=round(found.points, 3),
        counted_wait=duration_out(found.counted_wait),
        ahead=found.ahead,
        agents=[
            contact_pb2.Candidate(
                agent_id=each.agent_id, idle_duration=duration_out(each.idle), score=each.score or 0,
                rejection=each.rejection, held_back=_held_back_to_proto(each.held_back),
            )
            for each in found.agents
        ],
        agent_count=found.agent_count,
        time=time_out(found.time),
    )  # fmt: skip


def _held_back_to_proto(held: HeldBack | None) -> contact_pb2.HeldBack | None:
    if held is None:
        return None
    return contact_pb2.HeldBack(
        contact_id=held.contact_id, channel=channel_to_proto(held.channel), passed=held.passed,
        since_time=time_out(datetime.fromtimestamp(held.since, UTC)),
    )  # fmt: skip


def _change_to_proto(change: Change, names: Mapping[str, str]) -> rules_pb2.RequirementChange:
    made = rules_pb2.RequirementChange()
    match change.kind:
        case ChangeKind.REMOVE:
            made.remove_skill_id = change.skill_id
        case ChangeKind.LOWER:
            made.lower.skill_id, made.lower.proficiency = change.skill_id, change.level
        case ChangeKind.SWAP:
            made.swap.skill_id, made.swap.other_skill_id = change.skill_id, change.other_skill_id
            made.swap.proficiency = change.level
        case ChangeKind.ALSO_QUEUE:
            made.also_queue_id = change.queue_id
        case _:
            setattr(made, change.kind.lower(), renamed(change.expression, names.get))
    return made


def _change_from_proto(message: rules_pb2.RequirementChange, place: str) -> Change:
    match kind := message.WhichOneof("change"):
        case "remove_skill_id":
            return Change(ChangeKind.REMOVE, message.remove_skill_id)
        case "lower":
            return Change(ChangeKind.LOWER, message.lower.skill_id, level=message.lower.proficiency)
        case "swap":
            swap = message.swap
            return Change(ChangeKind.SWAP, swap.skill_id, swap.other_skill_id, swap.proficiency)
        case "also_queue_id":
            return Change(ChangeKind.ALSO_QUEUE, queue_id=message.also_queue_id)
        case None:
            raise InvalidInput.of(place, "says nothing this version knows")
        case _:
            return Change(_EXPRESSIONS[kind], expression=getattr(message, kind))


def _length(message: Message, field: str, default: timedelta) -> timedelta:
    given = duration_in(message, field)
    return default if given is None else given
