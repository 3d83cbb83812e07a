"""Times and durations pass the wire unchanged, and what Python can't hold is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from chassis.instants import duration_in, duration_out, time_in, time_out
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import InvalidInput
from merkez.analytics.v1.analytics_service_pb2 import ListQueueIntervalsRequest
from merkez.routing.v1.queue_pb2 import Queue


def test_a_time_comes_back_to_the_microsecond_and_nothing_stays_nothing() -> None:
    time = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
    asked = ListQueueIntervalsRequest(start_time=time_out(time))
    assert time_in(asked, "start_time") == time
    assert time_in(asked, "end_time") is None and time_out(None) is None


def test_a_duration_of_nothing_differs_from_none_given() -> None:
    queue = Queue(wrap_up_duration=duration_out(timedelta(0)))
    assert duration_in(queue, "wrap_up_duration") == timedelta(0)
    assert duration_in(queue, "offer_timeout") is None and duration_out(None) is None


def test_a_time_or_duration_nobody_can_name_is_refused_with_its_field() -> None:
    asked = ListQueueIntervalsRequest(start_time=Timestamp(seconds=1 << 62))
    with pytest.raises(InvalidInput) as refused:
        time_in(asked, "start_time")
    assert refused.value.fields[0].field == "start_time"
    with pytest.raises(InvalidInput, match="offer_timeout"):
        duration_in(Queue(offer_timeout=Duration(seconds=1 << 62)), "offer_timeout")
