"""The wallboard and the intervals as a supervisor reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from analytics.handlers import Analytics
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import Forbidden, InvalidInput
from merkez.analytics.v1 import analytics_service_pb2
from merkez.analytics.v1.analytics_service_pb2_grpc import AnalyticsServiceStub, add_AnalyticsServiceServicer_to_server
from testkit import RpcHouse, someone

from .conftest import Floor, answered_call, queue_fact

ask = analytics_service_pb2


@pytest_asyncio.fixture
async def stub(floor: Floor, rpc: RpcHouse) -> Any:
    await rpc.serve("analytics", [(add_AnalyticsServiceServicer_to_server, Analytics(floor.db))])
    return rpc.stub(AnalyticsServiceStub, "analytics")


async def test_supervisor_reads_the_wallboard_and_another_tenants_is_empty(stub: Any, floor: Floor) -> None:
    await floor.tell(queue_fact())
    for told in answered_call("con_1", floor.clock.now(), 12, 40, 20, 15):
        await floor.work(told)
    with acting_as(someone("supervisor", floor.tenant)):
        [tile] = (await stub.GetWallboard(ask.GetWallboardRequest())).queues
    assert (tile.queue_name, tile.answered, tile.service_level, tile.aht_seconds) == ("Queue que_1", 1, 1.0, 75.0)
    with acting_as(someone("supervisor", Floor(floor.db, floor.clock).tenant)):
        empty = await stub.GetWallboard(ask.GetWallboardRequest())
    assert not empty.queues and not empty.total.HasField("service_level") and empty.total.offered == 0


async def test_raw_counters_are_read_in_whole_seconds(stub: Any, floor: Floor) -> None:
    await floor.tell(queue_fact())
    for told in answered_call("con_1", floor.clock.now(), 12.4, 40, 20.5, 15):
        await floor.work(told)
    with acting_as(someone("supervisor", floor.tenant)):
        [counted] = (await stub.ListQueueIntervals(ask.ListQueueIntervalsRequest())).intervals
    seconds = (counted.wait_seconds, counted.talk_seconds, counted.hold_seconds, counted.acw_seconds)
    assert seconds == (12, 40, 21, 15) and counted.handled == 1


@pytest.mark.parametrize("role", ["agent", "customer", "stranger"])
async def test_only_those_who_may_watch_do(stub: Any, floor: Floor, role: str) -> None:
    for call in (
        stub.GetWallboard(ask.GetWallboardRequest()),
        stub.ListQueueIntervals(ask.ListQueueIntervalsRequest()),
    ):
        with acting_as(someone(role, floor.tenant)), pytest.raises(Forbidden):
            await call


async def test_endless_range_and_malformed_queue_are_refused(stub: Any, floor: Floor) -> None:
    endless = ask.ListQueueIntervalsRequest()
    endless.start_time.CopyFrom(time_out(datetime(2020, 1, 1, tzinfo=UTC)))
    latest = ask.ListQueueIntervalsRequest(start_time=time_out(datetime(9999, 12, 31, 23, tzinfo=UTC)))
    with acting_as(someone("supervisor", floor.tenant)):
        with pytest.raises(InvalidInput) as refused:
            await stub.ListQueueIntervals(endless)
        with pytest.raises(InvalidInput):
            await stub.ListQueueIntervals(latest)
        assert refused.value.reason == "RANGE_INVALID"
        with pytest.raises(InvalidInput):
            await stub.ListQueueIntervals(ask.ListQueueIntervalsRequest(queue_id="front desk"))
