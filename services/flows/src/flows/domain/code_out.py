"""A definition as plain values in the order people read them; `yaml_text` makes a file of them.

The same definition gives the same values in the same order: what has its default is left out, and maps are sorted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.domain.code_shape import CHOICES, FORMAT, INLINE, KIND_KEYS, Key, keys_of, write_duration
from flows.domain.definitions import LANGUAGES, Definition, Problem, Severity, Step
from flows.domain.expectations import Case
from flows.domain.flows import StepIdTwice
from flows.domain.names import BY_ID, Names, references

Tree = dict[str, Any]


def write_flow(display_name: str, definition: Definition, names: Names, tests: Sequence[Case] = ()) -> Tree:
    """A whole flow with its tests. Raises StepIdTwice for a draft with two steps of one id: no file can hold it."""
    made: Tree = {"format": FORMAT, "name": display_name, "language": definition.language, "start": definition.start}
    for name, parameters in (("inputs", definition.inputs), ("outputs", definition.outputs)):
        if parameters:
            made[name] = [write_fields(each, names) for each in parameters]
    steps: Tree = {}
    for step in definition.steps:
        if step.step_id in steps:
            raise StepIdTwice(f"two steps are called {step.step_id!r}: rename one of them, then export the flow")
        steps[step.step_id] = write_step(step, names)
    made["steps"] = steps
    if tests:
        made["tests"] = [write_fields(case, names) for case in tests]
    return made


def write_step(step: Step, names: Names) -> Tree:
    """One step: its name, and its fields under its kind."""
    made: Tree = {"name": step.display_name} if step.display_name else {}
    if step.action is not None:
        made[KIND_KEYS[type(step.action)]] = write_fields(step.action, names)
    return made


def write_fields(value: Any, names: Names) -> Tree:
    """The fields of a dataclass that differ from their defaults."""
    made: Tree = {}
    choice = CHOICES.get(type(value))
    chosen = getattr(value, choice.field) if choice else ""
    if choice and chosen:
        key, noun = choice.keys[chosen]
        target = getattr(value, choice.value)
        made[key] = names.written(noun, target) if noun else target
    for key in keys_of(type(value)):
        held = getattr(value, key.field)
        if held == key.default:
            continue
        if key.field in INLINE:
            made |= write_fields(held, names)
        else:
            made[key.key] = _value(key, held, names)
    return made


def _value(key: Key, held: Any, names: Names) -> Any:
    if isinstance(held, timedelta):
        return write_duration(held)
    if isinstance(held, datetime):
        return held.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(held, Mapping):
        if key.noun is not None:
            return dict(sorted((names.written(key.noun, each), value) for each, value in held.items()))
        return {each: held[each] for each in sorted(held, key=_order)}
    if isinstance(held, tuple):
        return [each if isinstance(each, str) else write_fields(each, names) for each in held]
    if dataclasses.is_dataclass(held):
        return write_fields(held, names)
    if key.expression:
        return names.written_within(held)
    return names.written(key.noun, held) if key.noun is not None else held


def _order(key: str) -> tuple[int, str]:
    # Languages as everywhere else, whatever other keys there are by letter.
    return (LANGUAGES.index(key) if key in LANGUAGES else len(LANGUAGES)), key


def not_portable(definition: Definition, names: Names) -> list[Problem]:
    """Warnings about references that are written by id, so that another tenant won't know what they mean."""
    found: list[Problem] = []
    for step in definition.steps:
        for each in references(step.action):
            if names.written(each.noun, each.value).startswith(BY_ID):
                known = each.value in names.by_id.get(each.noun, {})
                reason = "NAME_AMBIGUOUS" if known else "NAME_MISSING"
                why = "shares its name with another" if known else "doesn't exist any more"
                message = f"This {each.noun} {why}, so it is written by its id, which only this tenant knows."
                found.append(Problem(step.step_id, each.field, Severity.WARNING, reason, message))
    return found
