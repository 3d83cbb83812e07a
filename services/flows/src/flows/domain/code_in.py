"""A flow's file, already taken apart into nodes with their lines, as a definition: every mistake with its place.

Reading is strict where a slip would change what callers hear: unknown and double keys, values of another kind and names
that mean nothing or two things here are refused. Whether the flow makes sense is `validation`'s business.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kernel.skills import renamed

from flows.domain.code_shape import CHOICES, FORMAT, INLINE, KINDS, Key, keys_of, read_duration
from flows.domain.definitions import Definition, Problem, Severity, Step
from flows.domain.expectations import MAX_TESTS, MAX_TESTS_SIZE, Case, case_size
from flows.domain.flows import MAX_NAME
from flows.domain.names import BY_ID, Names, Noun
from flows.domain.scenarios import check
from flows.domain.subflows import Parameter

MAX_PROBLEMS = 100
_NUMBER = re.compile(r"-?[0-9]{1,10}")
_INT32 = 2**31
_ABSENT = ("", "~", "null", "Null", "NULL")
_FLAGS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True)
class Node:
    """A part of a file: one text, a list, or pairs of key and value. `line` counts from 1; `plain`: without quotes."""

    line: int
    value: str | list[Node] | list[tuple[Node, Node]]
    kind: str
    """text, list or map."""
    plain: bool = False

    @property
    def absent(self) -> bool:
        """Whether a key was written and no value after it."""
        return self.kind == "text" and self.plain and self.value in _ABSENT


@dataclass(frozen=True)
class Spot:
    """Where in a file something stands: the step, and the keys that lead there within it."""

    step_id: str = ""
    path: str = ""

    def key(self, name: str) -> Spot:
        """A key below."""
        return Spot(self.step_id, f"{self.path}.{name}" if self.path else name)

    def item(self, name: object) -> Spot:
        """An item of a list or a map below."""
        return Spot(self.step_id, f"{self.path}[{name}]")


class Reading:
    """One file being read: what was wrong so far."""

    def __init__(self, names: Names):
        self.names = names
        self.nouns: set[Noun] = set()
        self.problems: list[Problem] = []

    def refuse(self, node: Node, place: Spot, reason: str, message: str) -> None:
        """Note a mistake."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(place.step_id, place.path, Severity.ERROR, reason, message, node.line))

    def keys(self, node: Node, place: Spot, known: Collection[str] | None = None) -> dict[str, Node]:
        """The pairs of a map by their key, in order; keys without a value left out."""
        if node.absent:
            return {}
        if node.kind != "map":
            self.refuse(node, place, "VALUE_INVALID", "Keys with their values belong here.")
            return {}
        found: dict[str, Node] = {}
        seen: set[str] = set()
        for key, value in typing.cast("list[tuple[Node, Node]]", node.value):
            name = self.text(key, place)
            if known is not None and name not in known:
                message = f"There is no key {name!r} here. Known are: {', '.join(known)}."
                self.refuse(key, place.key(name), "KEY_UNKNOWN", message)
            elif name in seen:
                self.refuse(key, place.key(name), "KEY_DUPLICATE", f"The key {name!r} is there twice.")
            elif not value.absent or known is None:
                found[name] = value
            seen.add(name)
        return found

    def items(self, node: Node, place: Spot) -> list[Node]:
        """The items of a list."""
        if node.absent:
            return []
        if node.kind == "list":
            return typing.cast("list[Node]", node.value)
        self.refuse(node, place, "VALUE_INVALID", "A list belongs here.")
        return []

    def text(self, node: Node, place: Spot) -> str:
        """A text, as it is written: `no` and `1` are texts as well."""
        if node.kind != "text":
            self.refuse(node, place, "VALUE_INVALID", "A text belongs here.")
            return ""
        said = str(node.value)
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in said):
            self.refuse(node, place, "VALUE_INVALID", "The text holds a character that no text can hold.")
            return ""
        return "" if node.absent else said

    def number(self, node: Node, place: Spot) -> int:
        """A whole number of 32 bits."""
        if node.kind == "text" and _NUMBER.fullmatch(str(node.value)):
            number = int(str(node.value))
            if -_INT32 <= number < _INT32:
                return number
        self.refuse(node, place, "VALUE_INVALID", "A whole number belongs here.")
        return 0

    def flag(self, node: Node, place: Spot) -> bool:
        """True or false."""
        if node.kind == "text" and node.value in _FLAGS:
            return _FLAGS[str(node.value)]
        self.refuse(node, place, "VALUE_INVALID", "Write true or false.")
        return False

    def duration(self, node: Node, place: Spot) -> timedelta | None:
        """A duration with its unit."""
        made = read_duration(str(node.value)) if node.kind == "text" else None
        if made is None:
            self.refuse(node, place, "VALUE_INVALID", "Write a duration with its unit, such as 5s, 2m30s or 500ms.")
        return made

    def time(self, node: Node, place: Spot) -> datetime | None:
        """An instant."""
        try:
            made = datetime.fromisoformat(str(node.value)) if node.kind == "text" else None
            if made is not None and made.tzinfo is not None:
                return made.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.refuse(node, place, "VALUE_INVALID", "Write a time with its zone, such as 2026-03-01T09:00:00Z.")
        return None

    def reference(self, node: Node, place: Spot, noun: Noun) -> str:
        """The id behind a name."""
        return self._meant(node, self.text(node, place), place, noun)

    def expression(self, node: Node, place: Spot) -> str:
        """An expression of skills, with the ids behind their names; whether it can be read is for validation."""
        return renamed(self.text(node, place), lambda each: self._meant(node, each, place, Noun.SKILL) or None)

    def _meant(self, node: Node, name: str, place: Spot, noun: Noun) -> str:
        if not name:
            return ""
        if name.startswith(BY_ID):
            return name.removeprefix(BY_ID)
        self.nouns.add(noun)
        ids = self.names.ids(noun, name)
        if len(ids) == 1:
            return ids[0]
        if ids:
            message = f"{len(ids)} here have the name {name!r}: rename one, so that it is clear which {noun} is meant."
            self.refuse(node, place, "NAME_AMBIGUOUS", message)
        else:
            message = f"There is no {noun} {name!r} here: create it or write the name of another."
            self.refuse(node, place, "NAME_MISSING", message)
        return ""


@dataclass(frozen=True)
class FlowFile:
    """What a file says. `display_name` is empty when it names none; `problems` are in the order of its lines; `nouns`
    are those whose names it has."""

    display_name: str
    definition: Definition
    problems: list[Problem] = field(default_factory=list)
    nouns: Collection[Noun] = ()
    tests: tuple[Case, ...] | None = None
    """None when the file says nothing of tests."""


_TOP = ("format", "name", "language", "start", "inputs", "outputs", "steps", "tests")


def read_flow(root: Node, names: Names) -> FlowFile:
    """A whole flow. Of a file with problems the definition is not to be used."""
    reading = Reading(names)
    whole = Spot()
    top = reading.keys(root, whole, _TOP)
    texts = {name: reading.text(node, whole.key(name)) for name, node in top.items() if name in _TOP[:4]}
    if texts.get("format", FORMAT) != FORMAT:
        message = f"This is {texts['format']!r}, and only {FORMAT} can be read here."
        reading.refuse(top["format"], whole.key("format"), "FORMAT_UNKNOWN", message)
    steps: tuple[Step, ...] = ()
    if "steps" in top:
        named = reading.keys(top["steps"], whole.key("steps"))
        steps = tuple(_step(reading, step_id, node) for step_id, node in named.items())
    tests = _tests(reading, top["tests"], whole.key("tests")) if "tests" in top else None
    given, made = (_parameters(reading, top, name) for name in ("inputs", "outputs"))
    definition = Definition(texts.get("start", ""), steps, texts.get("language", ""), given, made)
    found = sorted(reading.problems, key=lambda each: each.line)
    return FlowFile(texts.get("name", ""), definition, found, reading.nouns, tests)


def _parameters(reading: Reading, top: Mapping[str, Node], name: str) -> tuple[Parameter, ...]:
    if name not in top:
        return ()
    place = Spot().key(name)
    items = enumerate(reading.items(top[name], place))
    return tuple(read_fields(reading, Parameter, each, place.item(number)) for number, each in items)


def _step(reading: Reading, step_id: str, node: Node) -> Step:
    place = Spot(step_id)
    found = reading.keys(node, place, ("name", *KINDS))
    name = reading.text(found.pop("name"), place.key("name")) if "name" in found else ""
    # A kind without fields, `hang_up:`, is one as well.
    written = [_key_of(key) for key, _ in typing.cast("list[tuple[Node, Node]]", node.value)] if _is_map(node) else []
    kinds = [each for each in dict.fromkeys(written) if each in KINDS]
    if len(kinds) > 1:
        message = f"A step does one thing, and this one is {' and '.join(kinds)}: make two steps of it."
        reading.refuse(node, place, "KIND_TWICE", message)
    if not kinds:
        return Step(step_id, name)
    kind = kinds[0]
    fields = found.get(kind, Node(node.line, "", "text", plain=True))
    return Step(step_id, name, read_fields(reading, KINDS[kind], fields, place))


def _tests(reading: Reading, node: Node, place: Spot) -> tuple[Case, ...]:
    made: dict[str, Case] = {}
    nodes = reading.items(node, place)
    if len(nodes) > MAX_TESTS:
        reading.refuse(node, place, "TOO_MANY_FLOW_TESTS", f"A flow has at most {MAX_TESTS} tests.")
        nodes = []
    for number, each in enumerate(nodes):
        below = place.item(number)
        case = read_fields(reading, Case, each, below)
        name = case.display_name
        if not name.strip() or len(name) > MAX_NAME:
            message = f"A test needs a name of at most {MAX_NAME} characters."
            reading.refuse(each, below.key("name"), "TEST_INVALID", message)
        elif name in made:
            reading.refuse(each, below.key("name"), "TEST_INVALID", f"Another test is called {name!r} as well.")
        for wrong in check(case.scenario, case.inputs):
            field = wrong.field.removeprefix("scenario.")
            reading.refuse(each, below.key(field), "TEST_INVALID", f"{field} {wrong.description}.")
        made[name] = case
    if sum(case_size(case) for case in made.values()) > MAX_TESTS_SIZE:
        reading.refuse(node, place, "TOO_MANY_FLOW_TESTS", "The tests are bigger than 400 kB together.")
    return tuple(made.values())


def _is_map(node: Node) -> bool:
    return node.kind == "map"


def _key_of(node: Node) -> str:
    return node.value if isinstance(node.value, str) else ""


T = typing.TypeVar("T")


def read_fields(reading: Reading, cls: type[T], node: Node, place: Spot) -> T:
    """A dataclass of its keys; what isn't there takes its default."""
    return _from_keys(reading, cls, reading.keys(node, place, _known(cls)), place)


def _known(cls: type) -> list[str]:
    choice = CHOICES.get(cls)
    known = [key for key, _ in choice.keys.values()] if choice else []
    for key in keys_of(cls):
        known += _known(key.hint) if key.field in INLINE else [key.key]
    return known


def _from_keys(reading: Reading, cls: type[T], found: Mapping[str, Node], place: Spot) -> T:
    values: dict[str, Any] = {}
    choice = CHOICES.get(cls)
    if choice is not None:
        chosen = [(held, *named) for held, named in choice.keys.items() if named[0] in found]
        if len(chosen) > 1:
            _, key, _ = chosen[1]
            message = f"Only one of {', '.join(key for _, key, _ in chosen)} can be there."
            reading.refuse(found[key], place.key(key), "TARGET_TWICE", message)
        for held, key, noun in chosen[:1]:
            values[choice.field] = held
            below = place.key(key)
            node = found[key]
            values[choice.value] = reading.reference(node, below, noun) if noun else reading.text(node, below)
    for key in keys_of(cls):
        if key.field in INLINE:
            values[key.field] = _from_keys(reading, key.hint, found, place)
        elif key.key in found:
            values[key.field] = _value(reading, key, found[key.key], place.key(key.key))
    return cls(**values)


def _value(reading: Reading, key: Key, node: Node, place: Spot) -> Any:
    origin = typing.get_origin(key.hint)
    if origin is tuple:
        item = typing.get_args(key.hint)[0]
        nodes = enumerate(reading.items(node, place))
        if item is str:
            return tuple(reading.text(each, place.item(number)) for number, each in nodes)
        return tuple(read_fields(reading, item, each, place.item(number)) for number, each in nodes)
    if origin is not None and issubclass(origin, Mapping):
        return _map(reading, key, node, place)
    if timedelta in typing.get_args(key.hint):
        return reading.duration(node, place)
    if datetime in typing.get_args(key.hint):
        return reading.time(node, place)
    if dataclasses.is_dataclass(key.hint):
        return read_fields(reading, typing.cast("type[Any]", key.hint), node, place)
    if key.expression:
        return reading.expression(node, place)
    if key.noun is not None:
        return reading.reference(node, place, key.noun)
    return {bool: reading.flag, int: reading.number, str: reading.text}[key.hint](node, place)


def _map(reading: Reading, key: Key, node: Node, place: Spot) -> dict[str, Any]:
    read = reading.number if typing.get_args(key.hint)[1] is int else reading.text
    made: dict[str, Any] = {}
    for name, value in reading.keys(node, place).items():
        below = place.item(name)
        meant = name
        if key.noun is not None:
            meant = reading.reference(Node(value.line, name, "text"), below, key.noun)
            if meant in made:
                reading.refuse(value, below, "KEY_DUPLICATE", f"This {key.noun} is there twice.")
        made[meant] = read(value, below)
    return made
