"""A queue's rules as they lie in its row: empty when they are the usual ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from routing.domain.rules import DEFAULT, Change, ChangeKind, Level, Rules, Step, Strategy, Weights
from routing.store.rows import duration, milliseconds

_GLUED = (
    re.compile(r"skl_[0-9a-z]{26}(?=and|or)", re.IGNORECASE), re.compile(r"\b(?:and|or|not)(?=skl_)", re.IGNORECASE)
)  # fmt: skip
"""In expressions of rules that were saved once without the blanks between their words: no such skill was known."""


def rules_to_json(rules: Rules) -> dict[str, Any]:
    """For the rules column."""
    if rules == DEFAULT:
        return {}
    return {
        "strategy": rules.strategy.value,
        "weights": vars(rules.weights),
        "levels": [{"agent_ids": list(each.agent_ids), "wait_ms": milliseconds(each.wait)} for each in rules.levels],
        "requirement": rules.requirement,
        "steps": [_step_to_json(step) for step in rules.steps],
        "point_ms": milliseconds(rules.point),
        "acceleration": rules.acceleration,
        "most_points": rules.most_points,
        "preferred_wait_ms": milliseconds(rules.preferred_wait),
        "ring_agents": rules.ring_agents,
    }


def rules_from_json(value: Mapping[str, Any]) -> Rules:
    """From the rules column."""
    if not value:
        return DEFAULT
    return Rules(
        Strategy(value["strategy"]),
        Weights(**value["weights"]),
        tuple(Level(tuple(each["agent_ids"]), duration(each["wait_ms"])) for each in value["levels"]),
        _parted(value["requirement"]),
        tuple(_step_from_json(each) for each in value["steps"]),
        duration(value["point_ms"]),
        value["acceleration"],
        value["most_points"],
        duration(value["preferred_wait_ms"]),
        value.get("ring_agents", 1),  # not there in rules saved before there was such a thing
    )


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "after_ms": None if step.after is None else milliseconds(step.after),
        "expected_over_ms": None if step.expected_over is None else milliseconds(step.expected_over),
        "changes": [vars(change) | {"kind": change.kind.value} for change in step.changes],
    }


def _step_from_json(value: Mapping[str, Any]) -> Step:
    return Step(
        tuple(
            Change(**each | {"kind": ChangeKind(each["kind"]), "expression": _parted(each["expression"])})
            for each in value["changes"]
        ),
        None if value["after_ms"] is None else duration(value["after_ms"]),
        None if value["expected_over_ms"] is None else duration(value["expected_over_ms"]),
    )


def _parted(expression: str) -> str:
    for glued in _GLUED:
        expression = glued.sub(r"\g<0> ", expression)
    return expression
