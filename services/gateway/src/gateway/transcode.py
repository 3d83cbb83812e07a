"""JSON, query and path to proto messages, and back (the proto3 JSON mapping), by descriptors alone.

Stricter than protobuf's own parser, which takes `[]` for a message and stops at the first mistake without its place:
everything that is wrong is reported at once, each by its proto path, and values are never repeated (they may be
secrets or personal data).
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from kernel.errors import FieldViolation, InvalidInput

M = TypeVar("M", bound=Message)

MAX_DEPTH = 40
MAX_VIOLATIONS = 50
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1, "a 32-bit integer"),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1, "a 64-bit integer"),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1, "a 32-bit unsigned integer"),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1, "a 64-bit unsigned integer"),
}
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_WELL_KNOWN = {
    "google.protobuf.Timestamp": 'must be an RFC 3339 time such as "2026-01-31T09:30:00Z"',
    "google.protobuf.Duration": 'must be seconds such as "3.5s"',
    "google.protobuf.FieldMask": 'must be field names with commas such as "displayName,language"',
}
_INTEGER_TEXT = re.compile(r"-?[0-9]{1,20}")


class JsonInvalid(InvalidInput):
    """The body is not JSON text in UTF-8 of a sane depth."""

    reason = "JSON_INVALID"


class RequestInvalid(InvalidInput):
    """Fields of the request are unknown or of the wrong type; `fields` names every one."""

    reason = "REQUEST_INVALID"


class _TooMany(Exception):
    """Enough violations were found to say so."""


class Violations:
    """Collects what is wrong, up to a bound."""

    def __init__(self) -> None:
        self.found: list[FieldViolation] = []

    def add(self, path: str, description: str) -> None:
        """Note one; ends the reading when there are too many."""
        self.found.append(FieldViolation(path[:200], description))
        if len(self.found) >= MAX_VIOLATIONS:
            raise _TooMany

    def check(self) -> None:
        """RequestInvalid when anything was found."""
        if self.found:
            first = self.found[0]
            message = f"{first.field or 'the body'} {first.description}"
            if len(self.found) > 1:
                message += f" (and {len(self.found) - 1} more)"
            raise RequestInvalid(message, fields=self.found)


def parse_json(content: bytes) -> Any:
    """The value of a JSON text (RFC 8259), without NaN, repeated names or unreasonable depth."""
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise JsonInvalid("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonInvalid(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise JsonInvalid("the body is nested too deeply") from None
    except ValueError as error:
        words = str(error) if isinstance(error, _Wrong) else "a number is too long"
        raise JsonInvalid(f"the body is not JSON: {words}") from None
    if _deeper_than(value, MAX_DEPTH):
        raise JsonInvalid("the body is nested too deeply")
    return value


def from_json(kind: type[M], value: Any, bound: Mapping[str, str] | None = None) -> M:
    """The message of a decoded JSON body; `bound` are the proto paths the URL already says."""
    message = kind()
    violations = Violations()
    try:
        _merge(message, value, "", violations)
        for path, text in (bound or {}).items():
            _bind(message, path, text, violations)
    except _TooMany:
        pass
    violations.check()
    return message


def from_query(kind: type[M], pairs: Iterable[tuple[str, str]], bound: Mapping[str, str]) -> M:
    """The message of query parameters and what the path says. `a.b=1` sets a field of a field, repeated ones add."""
    message = kind()
    violations = Violations()
    seen: set[str] = set()
    try:
        for name, text in pairs:
            _set_parameter(message, name, text, seen, violations)
        for path, text in bound.items():
            _bind(message, path, text, violations)
    except _TooMany:
        pass
    violations.check()
    return message


def to_json(message: Message) -> dict[str, Any]:
    """Proto3 JSON: camelCase, and what has no presence is there with its empty value."""
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def camel_path(path: str) -> str:
    """`queue.display_name` -> `queue.displayName`: the name a JSON client knows the field by."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), path)


def _merge(message: Message, value: Any, path: str, violations: Violations) -> None:
    if not isinstance(value, dict):
        violations.add(path, "must be an object")
        return
    fields = _fields(message)
    oneofs: dict[str, str] = {}
    seen: set[str] = set()
    for name, item in value.items():
        field = fields.get(name)
        if field is None:
            violations.add(_join(path, _printable(name)), "is not a known field")
            continue
        here = _join(path, field.name)
        if field.name in seen:
            violations.add(here, "is given twice")
        seen.add(field.name)
        if item is None:
            continue
        choice = field.containing_oneof
        if choice is not None and oneofs.setdefault(choice.name, field.name) != field.name:
            violations.add(here, f"can't be given together with {oneofs[choice.name]}")
            continue
        _set(message, field, item, here, violations)


def _set(message: Message, field: Any, value: Any, path: str, violations: Violations) -> None:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        _set_map(message, field, value, path, violations)
    elif field.is_repeated:
        if not isinstance(value, list):
            violations.add(path, "must be a list")
            return
        target = getattr(message, field.name)
        for index, item in enumerate(value):
            here = f"{path}[{index}]"
            if field.message_type is not None:
                _fill(target.add(), field, item, here, violations)
            elif (plain := _scalar(field, item, here, violations)) is not None:
                target.append(plain)
    elif field.message_type is not None:
        child = getattr(message, field.name)
        child.SetInParent()
        _fill(child, field, value, path, violations)
    elif (plain := _scalar(field, value, path, violations)) is not None:
        setattr(message, field.name, plain)


def _fill(child: Message, field: Any, value: Any, path: str, violations: Violations) -> None:
    expected = _WELL_KNOWN.get(field.message_type.full_name)
    if expected is None:
        _merge(child, value, path, violations)
        return
    try:
        if not isinstance(value, str):
            raise ValueError
        child.FromJsonString(value)  # type: ignore[attr-defined]
    except (ValueError, OverflowError):
        violations.add(path, expected)


def _set_map(message: Message, field: Any, value: Any, path: str, violations: Violations) -> None:
    if not isinstance(value, dict):
        violations.add(path, "must be an object")
        return
    target = getattr(message, field.name)
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for name, item in value.items():
        here = f"{path}[{_printable(name)}]"
        key = _scalar(key_field, _key_value(key_field, name), here, violations)
        if key is None:
            continue
        if value_field.message_type is not None:
            _fill(target[key], value_field, item, here, violations)
        elif (plain := _scalar(value_field, item, here, violations)) is not None:
            target[key] = plain


def _scalar(field: Any, value: Any, path: str, violations: Violations) -> Any:
    """The Python value of a plain field, or None after noting what is wrong."""
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        converted, expected = _bytes(value), "base64"
    elif kind == FieldDescriptor.CPPTYPE_STRING:
        converted, expected = _text(value), "text"
    elif kind == FieldDescriptor.CPPTYPE_BOOL:
        converted, expected = value if isinstance(value, bool) else None, "true or false"
    elif kind == FieldDescriptor.CPPTYPE_ENUM:
        converted, expected = _enum(field.enum_type, value), f"one of {', '.join(field.enum_type.values_by_name)}"
    elif kind in _FLOATS:
        converted, expected = _number(value), "a number"
    else:
        low, high, expected = _INTEGERS[kind]
        converted = _integer(value, low, high)
    if converted is None:
        violations.add(path, f"must be {expected}")
    return converted


def _text(value: Any) -> str | None:
    # U+0000 can't be stored, and lone surrogates are no text at all.
    if not isinstance(value, str) or "\0" in value:
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return value


def _bytes(value: Any) -> bytes | None:
    if not isinstance(value, str):
        return None
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _integer(value: Any, low: int, high: int) -> int | None:
    if (isinstance(value, str) and _INTEGER_TEXT.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return None
    return value


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _enum(kind: EnumDescriptor, value: Any) -> int | None:
    # A text that is not UTF-8 can't be looked up at all.
    if _text(value) is not None and value in kind.values_by_name:
        return kind.values_by_name[value].number
    if isinstance(value, int) and not isinstance(value, bool) and value in kind.values_by_number:
        return value
    return None


def _set_parameter(message: Message, name: str, text: str, seen: set[str], violations: Violations) -> None:
    here = message
    path = ""
    *parents, last = name.split(".")
    for parent in parents[:MAX_DEPTH]:
        field = _fields(here).get(parent)
        path = _join(path, field.name if field is not None else _printable(parent))
        if field is None or field.is_repeated or field.message_type is None:
            violations.add(path, "is not a known field")
            return
        here = getattr(here, field.name)
    field = _fields(here).get(last)
    if field is None:
        violations.add(_join(path, _printable(last)), "is not a known parameter")
        return
    path = _join(path, field.name)
    if not field.is_repeated and path in seen:
        violations.add(path, "is given twice")
        return
    seen.add(path)
    value: Any = {"true": True, "false": False}.get(text, text) if _is_bool(field) else text
    _set(here, field, [value] if field.is_repeated else value, path, violations)


def _bind(message: Message, path: str, text: str, violations: Violations) -> None:
    here = message
    *parents, last = path.split(".")
    for parent in parents:
        here = getattr(here, parent)
    if getattr(here, last) not in ("", text):
        violations.add(path, "is not what the path says")
    elif _text(text) is None:
        violations.add(path, "must be text")
    else:
        setattr(here, last, text)


def _fields(message: Message) -> dict[str, FieldDescriptor]:
    return _fields_of(type(message))


@functools.cache
def _fields_of(kind: type[Message]) -> dict[str, FieldDescriptor]:
    found: dict[str, Any] = {}
    for field in kind.DESCRIPTOR.fields:
        found[field.name] = found[field.json_name] = field
    return found


def _is_bool(field: FieldDescriptor) -> bool:
    return field.cpp_type == FieldDescriptor.CPPTYPE_BOOL


def _key_value(field: FieldDescriptor, name: str) -> Any:
    return {"true": True, "false": False}.get(name, name) if _is_bool(field) else name


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _printable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.\-]", "?", name[:64])


class _Wrong(ValueError):
    """A JSON text that Python would take and RFC 8259 or we don't."""


def _no_constant(name: str) -> Any:
    raise _Wrong(f"{name} is not a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("an object has the same name twice")
    return found


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)
