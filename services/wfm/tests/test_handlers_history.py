"""Interval statistics over the service: of a queue and channel, of one client, in any length."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import InvalidInput
from merkez.wfm.v1 import history_service_pb2
from merkez.wfm.v1.history_service_pb2_grpc import HistoryServiceStub, add_HistoryServiceServicer_to_server
from testkit import ManualClock, RpcHouse, someone
from wfm.handlers.history import History

from .conftest import Planning, served

ask = history_service_pb2
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def test_intervals_of_a_queue_are_told_in_any_length_and_of_one_client_alone(
    planning: Planning, clock: ManualClock, rpc: RpcHouse
) -> None:
    await rpc.serve("history", [(add_HistoryServiceServicer_to_server, History(planning.db))])
    history = rpc.stub(HistoryServiceStub, "history")
    queue_id = await planning.queue("Front desk")
    for number, (minute, brand_id) in enumerate(((1, "brd_one"), (20, "brd_one"), (40, "brd_two"))):
        facts: Any = served(queue_id, NINE + timedelta(minutes=minute), 60.0, contact_id=f"con_{number}")
        for each in facts:
            each.contact.brand_id = brand_id
        await planning.tell(*facts)

    async def told(**said: Any) -> list[tuple[datetime, float, float]]:
        asked = ask.ListHistoryIntervalsRequest(
            queue_id=queue_id, start_time=time_out(NINE), end_time=time_out(NINE + timedelta(hours=1)), **said
        )
        found = await history.ListHistoryIntervals(asked)
        return [(each.start_time.ToDatetime(UTC), each.offered, each.handle_seconds) for each in found.intervals]

    with acting_as(someone("supervisor", planning.tenant)):
        assert await told(interval_minutes=60) == [(NINE, 3, 180)]
        assert await told() == [(NINE, 2, 120), (NINE + timedelta(minutes=30), 1, 60)]
        quarters = [(NINE + timedelta(minutes=at), 1, 60) for at in (0, 15)]
        assert await told(interval_minutes=15, brand_id="brd_one") == quarters
        assert await told(interval_minutes=60, brand_id="brd_two") == [(NINE, 1, 60)]
        with pytest.raises(InvalidInput) as odd:
            await told(interval_minutes=20)
        assert odd.value.reason == "INTERVAL_LENGTH_INVALID"
        (listed,) = (await history.ListHistorySeries(ask.ListHistorySeriesRequest())).series
        assert (listed.queue_id, listed.queue_name) == (queue_id, "Front desk")
    with acting_as(someone("supervisor", Planning(planning.db, clock).tenant)):
        assert await told() == [] and not (await history.ListHistorySeries(ask.ListHistorySeriesRequest())).series
