"""Which number lists a flow names, and where."""

from __future__ import annotations

from flows.domain.definitions import Action, Definition, expressions
from flows.domain.formulas import lists_in


def list_keys(definition: Definition) -> list[str]:
    """Every list that its expressions ask about, sorted: what NUMBER_LIST_IN_USE is decided by."""
    return sorted({key for step in definition.steps for key in _keys(step.action)})


def steps_naming(definition: Definition, key: str) -> tuple[str, ...]:
    """Steps whose expressions ask about the list."""
    return tuple(step.step_id for step in definition.steps if key in _keys(step.action))


def _keys(action: Action | None) -> set[str]:
    return {str(key.value) for _, text in expressions(action) for key in lists_in(text)}
