"""Hours of the week between Python and protobuf."""

from __future__ import annotations

from collections.abc import Iterable

from kernel.hours import OpenInterval
from merkez.routing.v1 import queue_pb2


def intervals_out(intervals: Iterable[OpenInterval]) -> list[queue_pb2.OpenInterval]:
    """As messages."""
    return [
        queue_pb2.OpenInterval(weekday=each.weekday, start_minute=each.start_minute, end_minute=each.end_minute)
        for each in intervals
    ]


def intervals_in(intervals: Iterable[queue_pb2.OpenInterval]) -> tuple[OpenInterval, ...]:
    """As they were sent; `kernel.hours.check_intervals` says what makes no sense."""
    return tuple(OpenInterval(each.weekday, each.start_minute, each.end_minute) for each in intervals)
