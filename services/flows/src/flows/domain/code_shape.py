"""How a flow's definition looks as a file: the keys of each kind of step, and what their values are.

The keys are the fields of the dataclasses in their order, so a kind or a field that is added is written and read from
then on. What differs is said here: a reference goes by its noun, what is said stands in the step itself, and of what a
step may lead to, such as a transfer's number or queue, one key is there.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flows.domain import definitions as d
from flows.domain.names import Noun
from flows.domain.scenarios import Input, Kind

FORMAT = "merkez.flow/1"
"""First line of every file: which shape follows."""
MAX_BYTES = 2 * 1024 * 1024
"""Of a file: a draft may have 512 kB, its tests 400."""

KINDS: Mapping[str, type[d.Action]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in typing.get_args(d.Action)
}
"""Kinds of steps by the key they are written under."""
KIND_KEYS: Mapping[type, str] = {cls: key for key, cls in KINDS.items()}

INLINE = frozenset({"utterance", "scenario"})
"""Fields whose own fields stand beside the others, such as what a step says."""

_REFERENCES: Mapping[str, tuple[str, Noun]] = {
    "prompt_id": ("prompt", Noun.PROMPT),
    "music_prompt_id": ("music", Noun.PROMPT),
    "business_hours_id": ("business_hours", Noun.HOURS),
    "queue_id": ("queue", Noun.QUEUE),
    "flow_id": ("flow", Noun.FLOW),
}
_RENAMED: Mapping[str, str] = {"display_name": "name", "expectation": "expect"}
_KEYED_BY: Mapping[str, Noun] = {"skills": Noun.SKILL}
_EXPRESSIONS = frozenset({"requirement"})


@dataclass(frozen=True)
class Choice:
    """Two fields of which one says what the other is, written as one key: `field` holds which, `value` the value."""

    field: str
    value: str
    keys: Mapping[str, tuple[str, Noun | None]]
    """By what `field` may hold: the key, and the noun that its value refers to."""


CHOICES: Mapping[type, Choice] = {
    d.Transfer: Choice(
        "to", "target",
        {
            "number": ("number", None), "queue_id": ("queue", Noun.QUEUE), "agent_id": ("agent", Noun.AGENT),
            "flow_id": ("flow", Noun.FLOW),
        },
    ),
    Input: Choice("kind", "value", {kind.value: (kind.value, None) for kind in Kind}),
    d.Voicemail: Choice("mailbox", "owner", {"agent_id": ("agent", Noun.AGENT), "queue_id": ("queue", Noun.QUEUE)}),
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """One key: the field it stands for, the type of its value, and the noun it refers to."""

    key: str
    field: str
    hint: Any
    default: Any
    noun: Noun | None = None
    expression: bool = False
    """Whether the value is an expression of skills, with references within."""


@functools.cache
def keys_of(cls: type) -> tuple[Key, ...]:
    """The keys of a dataclass in the order they are written, those of a `Choice` left out."""
    hints = typing.get_type_hints(cls)
    choice = CHOICES.get(cls)
    found: list[Key] = []
    for each in dataclasses.fields(cls):
        if choice is not None and each.name in (choice.field, choice.value):
            continue
        made = each.default_factory() if each.default_factory is not dataclasses.MISSING else each.default
        key = _RENAMED.get(each.name, each.name)
        key, noun = _REFERENCES.get(each.name, (key, _KEYED_BY.get(each.name)))
        found.append(Key(key, each.name, hints[each.name], made, noun, each.name in _EXPRESSIONS))
    return tuple(found)


_PART = r"(?:(\d{1,8})h)?(?:(\d{1,8})m)?(?:(\d{1,14})(?:\.(\d{1,6}))?s)?"
_DURATION = re.compile(rf"(-?)(?:(\d{{1,12}})ms|{_PART})")


def write_duration(value: timedelta) -> str:
    """In seconds: `5s`, `0.25s`."""
    whole = value // timedelta(microseconds=1)
    seconds, micros = divmod(abs(whole), 1_000_000)
    return f"{'-' if whole < 0 else ''}{seconds}{f'.{micros:06d}'.rstrip('0') if micros else ''}s"


def read_duration(text: str) -> timedelta | None:
    """`5s`, `1.5s`, `2m30s`, `1h` or `500ms`; None for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        return None
    sign, millis, hours, minutes, seconds, fraction = (part or "" for part in found.groups())
    size = -1 if sign else 1
    try:
        return timedelta(
            hours=size * int(hours or 0),
            minutes=size * int(minutes or 0),
            seconds=size * int(seconds or 0),
            milliseconds=size * int(millis or 0),
            microseconds=size * int(fraction.ljust(6, "0") or 0),
        )
    except OverflowError:
        return None
