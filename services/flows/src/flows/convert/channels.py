"""What a customer comes by, routing's channels <-> the values of the attribute `channel`."""

from __future__ import annotations

from kernel.errors import InvalidInput
from merkez.routing.v1 import contact_pb2

_PREFIX = "CHANNEL_"


def channel_from(value: int, field: str) -> str:
    """Such as `chat`; empty when it is unset. InvalidInput."""
    if value not in contact_pb2.Channel.values():
        raise InvalidInput.of(field, "is not a value this version knows")
    return contact_pb2.Channel.Name(value).removeprefix(_PREFIX).lower() if value else ""  # pyright: ignore[reportArgumentType]


def channel_to(channel: str) -> contact_pb2.Channel.ValueType:
    """Of `chat`; unset of an empty one."""
    return contact_pb2.Channel.Value(f"{_PREFIX}{(channel or 'UNSPECIFIED').upper()}")
