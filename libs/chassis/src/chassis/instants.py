"""Times and durations between Python and protobuf: aware datetimes in UTC, timedeltas, microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import InvalidInput


@overload
def time_out(value: datetime) -> Timestamp: ...
@overload
def time_out(value: datetime | None) -> Timestamp | None: ...
def time_out(value: datetime | None) -> Timestamp | None:
    """A time as a message; None stays unset."""
    if value is None:
        return None
    made = Timestamp()
    made.FromDatetime(value)
    return made


@overload
def duration_out(value: timedelta) -> Duration: ...
@overload
def duration_out(value: timedelta | None) -> Duration | None: ...
def duration_out(value: timedelta | None) -> Duration | None:
    """A duration as a message; None stays unset."""
    if value is None:
        return None
    made = Duration()
    made.FromTimedelta(value)
    return made


def time_in(message: Message, field: str) -> datetime | None:
    """A message's time, None while it is unset. InvalidInput when it isn't between the years 1 and 9999."""
    if not message.HasField(field):
        return None
    try:
        return getattr(message, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(field, "is not a time between the years 1 and 9999") from error


def duration_in(message: Message, field: str) -> timedelta | None:
    """A message's duration, None while it is unset. InvalidInput when Python can't hold it."""
    if not message.HasField(field):
        return None
    try:
        return getattr(message, field).ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(field, "is not a duration of at most 10,000 years") from error
