"""Domain values as JSON documents and back: definitions, run states, instructions.

The shape follows the dataclasses. A field that a stored document lacks takes its default and an unknown one is
ignored, so adding a field needs no migration; renaming or removing one does.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from flows.domain import definitions, orders

T = TypeVar("T")

_KINDS: dict[str, type] = {
    cls.__name__: cls for cls in (*typing.get_args(definitions.Action), *typing.get_args(orders.Order))
}
"""Members of the two unions, told apart by `kind` in the document."""


def to_document(value: Any) -> Any:
    """Plain JSON values; times as ISO 8601, durations as seconds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        document = {field.name: to_document(getattr(value, field.name)) for field in dataclasses.fields(value)}
        kind = type(value).__name__
        return {"kind": kind, **document} if _KINDS.get(kind) is type(value) else document
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_document(item) for item in value]
    return value


def from_document(cls: type[T], document: Mapping[str, Any]) -> T:
    """The dataclass `cls` a document stands for."""
    values = {name: _value(hint, document[name]) for name, hint in _hints(cls).items() if name in document}
    return cls(**values)


def order_from(document: Mapping[str, Any]) -> Any:
    """The order of an instruction's document."""
    return from_document(_KINDS[document["kind"]], document)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _value(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(hint), value)
    if origin is tuple:
        return tuple(_value(typing.get_args(hint)[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return dict(value)
    if hint is timedelta:
        return timedelta(seconds=value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return from_document(typing.cast(Any, hint), value)
    return value


def _union(members: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping) and "kind" in value:
        return from_document(_KINDS[value["kind"]], value)
    return _value(next(member for member in members if member is not types.NoneType), value)
