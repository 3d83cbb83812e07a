"""Which steps of a flow name something of routing's, so that it isn't deleted under them."""

from __future__ import annotations

from dataclasses import dataclass

from flows.domain.definitions import Definition
from flows.domain.names import Noun, references


@dataclass(frozen=True)
class FlowUse:
    """A flow that names something, and where."""

    flow_id: str
    display_name: str
    step_ids: tuple[str, ...]


def steps_naming(definition: Definition, noun: Noun, value: str) -> tuple[str, ...]:
    """Steps that refer to it."""
    return tuple(
        step.step_id
        for step in definition.steps
        if any(each.noun is noun and each.value == value for each in references(step.action))
    )
