"""What differs between two definitions, step by step, as a person reads it: names instead of ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows.domain.code_out import write_step
from flows.domain.code_shape import KIND_KEYS
from flows.domain.definitions import Definition, Parameter, Step
from flows.domain.names import Names


class Change(StrEnum):
    """What happened to a step."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"


@dataclass(frozen=True)
class FieldChange:
    """One field before and after; empty where it isn't set."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class StepChange:
    """One step that differs. `kind` is what it does after, or did when it was removed."""

    step_id: str
    display_name: str
    kind: str
    change: Change
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class Diff:
    """All that differs: in the flow as a whole, then step by step in the order of the steps, removed ones last."""

    fields: tuple[FieldChange, ...] = ()
    steps: tuple[StepChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.fields and not self.steps


def compare(before: Definition, after: Definition, names: Names) -> Diff:
    """What becomes of `before` by `after`. A step is followed by its id."""
    fields = [
        FieldChange(name, old, new)
        for name, old, new in (
            ("language", before.language, after.language),
            ("start", _called(before, before.start), _called(after, after.start)),
            ("inputs", _listed(before.inputs), _listed(after.inputs)),
            ("outputs", _listed(before.outputs), _listed(after.outputs)),
        )
        if old != new
    ]
    old_order = [step.step_id for step in before.steps if after.step(step.step_id)]
    new_order = [step.step_id for step in after.steps if before.step(step.step_id)]
    if old_order != new_order:
        fields.append(FieldChange("order", ", ".join(old_order), ", ".join(new_order)))
    steps = [found for step in after.steps if (found := _step(before.step(step.step_id), step, names))]
    steps += [found for step in before.steps if not after.step(step.step_id) and (found := _step(step, None, names))]
    return Diff(tuple(fields), tuple(steps))


def _listed(parameters: Sequence[Parameter]) -> str:
    return ", ".join(f"{each.name}: {each.type}{'' if each.required else '?'}" for each in parameters)


def _called(definition: Definition, step_id: str) -> str:
    step = definition.step(step_id)
    return step.display_name if step and step.display_name else step_id


def _step(before: Step | None, after: Step | None, names: Names) -> StepChange | None:
    if before == after:
        return None
    shown = after or before
    assert shown is not None
    old, new = _flat(before, names), _flat(after, names)
    fields = tuple(
        FieldChange(field, old.get(field, ""), new.get(field, ""))
        for field in dict.fromkeys([*new, *old])
        if old.get(field, "") != new.get(field, "")
    )
    if before is None or after is None:
        change = Change.REMOVED if after is None else Change.ADDED
    else:
        change = Change.CHANGED
        if not fields:
            # Maps in another order, or a field that is written as its default: nothing anybody could tell.
            return None
    return StepChange(shown.step_id, shown.display_name, _kind(shown), change, fields)


def _kind(step: Step) -> str:
    return KIND_KEYS[type(step.action)] if step.action is not None else ""


def _flat(step: Step | None, names: Names) -> Mapping[str, str]:
    if step is None:
        return {}
    written = dict(write_step(step, names))
    found = {"name": written.pop("name")} if "name" in written else {}
    for kind, fields in written.items():
        found |= {"kind": kind, **dict(_leaves("", fields))}
    return found


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _list(path, value)
    else:
        yield path, ("true" if value else "false") if isinstance(value, bool) else str(value)


_KEYS = ("digit", "name")
"""What items of a list are followed by: a choice by its digit, a branch by its name."""


def _list(path: str, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
    # One that is put in before the others doesn't change them.
    key = next((each for each in _KEYS if any(each in item for item in items)), "digit")
    named = [str(item.get(key, "")) for item in items]
    followed = len(set(named)) == len(named)
    if followed and len(named) > 1:
        yield f"{path}.order", ", ".join(named)
    for place, item in enumerate(items):
        rest = {name: value for name, value in item.items() if name != key} if followed else item
        where = f"{path}[{named[place] if followed else place}]"
        yield from _leaves(where, rest) if rest else [(where, named[place])]
