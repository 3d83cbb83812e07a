"""Facts over a real bus becoming a wallboard that is pushed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from analytics import ops
from analytics.consumers import handlers
from analytics.handlers import Analytics
from analytics.live import WallboardPush
from chassis.auth import acting_as
from chassis.bus import Bus, LiveMessage
from chassis.lifecycle import Tasks
from chassis.sql import Database
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from kernel.errors import Forbidden, InvalidInput
from kernel.ids import new_id
from merkez.analytics.v1 import analytics_pb2, analytics_service_pb2
from merkez.analytics.v1.analytics_service_pb2_grpc import AnalyticsServiceStub, add_AnalyticsServiceServicer_to_server
from merkez.routing.v1 import contact_pb2, queue_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from testkit import ManualClock, eventually, someone


@dataclass
class Counting:
    """A running analytics with its own tenant, and what it pushed."""

    db: Database
    bus: Bus
    clock: ManualClock
    tenant: str
    pushed: list[analytics_pb2.Wallboard] = field(default_factory=list)

    async def publish(self, message: Message, key: str = "k", event_id: str = "", suffix: str = "") -> None:
        await self.bus.publish_fact(
            full_name=message.DESCRIPTOR.full_name, tenant_id=self.tenant, key=key, time=self.clock.now(),
            event_id=event_id or new_id("evt", self.clock.now()), payload=message.SerializeToString(), suffix=suffix,
        )  # fmt: skip

    def contact(self, version: int, state: str, **marks: datetime) -> contact_pb2.Contact:
        made = contact_pb2.Contact(
            contact_id="con_1", queue_id="que_1", call_id="call_1", version=version, agent_id="usr_1",
            state=contact_pb2.ContactState.Value(f"CONTACT_STATE_{state}"),
        )  # fmt: skip
        for name, value in marks.items():
            getattr(made, name).FromDatetime(value)
        return made

    async def board(self) -> analytics_pb2.Wallboard:
        from analytics import convert

        return convert.wallboard_out(await self.db.run(self.tenant, lambda tx: ops.wallboard(tx, self.clock.now())))


@pytest_asyncio.fixture
async def counting(
    service_db: Callable[..., Awaitable[Database]], make_bus: Callable[..., Awaitable[Bus]], clock: ManualClock
) -> AsyncIterator[Counting]:
    db, bus = await service_db("analytics", clock=clock), await make_bus("analytics")
    made = Counting(db, bus, clock, new_id("ten", clock.now()))
    async with Tasks("test") as tasks:

        async def keep(message: LiveMessage) -> None:
            made.pushed.append(analytics_pb2.Wallboard.FromString(message.data))

        await bus.subscribe(f"merkez.{made.tenant}.live.v1.wallboard", keep)
        await bus.consume(db, "analytics", handlers(WallboardPush(db, bus, tasks).touch))
        queue = queue_pb2.Queue(queue_id="que_1", display_name="Front desk", version=1)
        queue.service_level_threshold.CopyFrom(Duration(seconds=20))
        await made.publish(routing_events_pb2.QueueChanged(queue=queue), "que_1")
        await eventually(lambda: made.pushed)
        yield made


async def test_contact_is_counted_once_from_queue_to_wrap_up_and_every_step_is_pushed(counting: Counting) -> None:
    began = counting.clock.now()
    queued = routing_events_pb2.ContactQueued(contact=counting.contact(1, "QUEUED", queue_time=began))
    await counting.publish(queued, "con_1", "evt_1")
    await counting.publish(queued, "con_1", "evt_1", ".again")
    await eventually(lambda: counting.pushed[-1].total.depth == 1, deadline=2)

    answered = counting.clock.advance(12)
    marks = {"queue_time": began, "answer_time": answered}
    offer = contact_pb2.Offer(offer_id="ofr_1", contact=counting.contact(3, "ON_CONTACT", **marks))
    await counting.publish(routing_events_pb2.OfferAccepted(offer=offer), "con_1")
    await eventually(lambda: counting.pushed[-1].total.answered == 1)

    call = call_pb2.Call(call_id="call_1")
    counting.clock.advance(10)
    await counting.publish(telephony_events_pb2.CallHeld(call=call), "call_1")
    counting.clock.advance(20)
    await counting.publish(telephony_events_pb2.CallResumed(call=call), "call_1")
    ended = counting.clock.advance(30)
    await counting.publish(
        routing_events_pb2.WrapUpStarted(contact=counting.contact(4, "WRAP_UP", **marks, end_time=ended)), "con_1"
    )
    over = counting.clock.advance(15)
    last = counting.contact(5, "ENDED", **marks, end_time=ended, wrap_up_end_time=over)
    await counting.publish(routing_events_pb2.ContactEnded(contact=last), "con_1")
    await eventually(lambda: counting.pushed[-1].total.HasField("aht_seconds"))

    [tile] = (await counting.board()).queues
    assert (tile.offered, tile.answered, tile.answered_within_threshold, tile.depth) == (1, 1, 1, 0)
    assert (tile.service_level, tile.asa_seconds, tile.aht_seconds) == (1.0, 12.0, 75.0)

    async def held() -> bool:
        counted = await counting.db.run(
            counting.tenant, lambda tx: ops.queue_intervals(tx, "", None, None, counting.clock.now())
        )
        return [(c.talk_seconds, c.hold_seconds, c.acw_seconds) for _, c in counted] == [(40, 20, 15)]

    await eventually(held)


async def test_late_fact_of_an_older_version_changes_nothing(counting: Counting) -> None:
    began = counting.clock.now()
    gone = counting.contact(4, "ABANDONED", queue_time=began)
    await counting.publish(routing_events_pb2.ContactAbandoned(contact=gone, short_abandon=True), "con_1")
    rescinded = contact_pb2.Offer(offer_id="ofr_1", contact=gone)
    await counting.publish(routing_events_pb2.OfferRescinded(offer=rescinded), "con_1")
    late = counting.contact(1, "QUEUED", queue_time=began)
    await counting.publish(routing_events_pb2.ContactQueued(contact=late), "con_1")
    await eventually(lambda: counting.pushed[-1].total.abandoned == 1)
    await asyncio.sleep(0)
    [tile] = (await counting.board()).queues
    assert (tile.offered, tile.abandoned, tile.short_abandoned, tile.depth) == (1, 1, 1, 0)
    assert not tile.HasField("service_level")


async def test_missed_offer_is_counted_where_it_was_missed(counting: Counting) -> None:
    waiting = counting.contact(2, "QUEUED", queue_time=counting.clock.now())
    missed = routing_events_pb2.OfferMissed(offer=contact_pb2.Offer(offer_id="ofr_1", contact=waiting))
    await counting.publish(missed, "con_1", "evt_m")
    await counting.publish(missed, "con_1", "evt_m", ".again")
    await eventually(lambda: counting.pushed[-1].queues[0].missed_offers == 1)


async def test_agents_are_counted_by_their_newest_state(counting: Counting) -> None:
    for version, state in ((2, "ON_CONTACT"), (1, "AVAILABLE")):
        agent = contact_pb2.Agent(
            agent_id="usr_1", display_name="Alex", version=version,
            state=contact_pb2.AgentState.Value(f"AGENT_STATE_{state}"),
        )  # fmt: skip
        agent.state_time.FromDatetime(counting.clock.now())
        await counting.publish(routing_events_pb2.AgentStateChanged(agent=agent), "usr_1")
    await eventually(lambda: len(counting.pushed[-1].agents) == 1)
    counts = {each.state: each.count for each in (await counting.board()).agent_states}
    assert counts["ON_CONTACT"] == 1 and counts["AVAILABLE"] == 0


async def test_supervisor_reads_the_wallboard_and_an_agent_does_not(counting: Counting, rpc: Any) -> None:
    await rpc.serve("analytics", [(add_AnalyticsServiceServicer_to_server, Analytics(counting.db))])
    stub = rpc.stub(AnalyticsServiceStub, "analytics")
    asked = analytics_service_pb2.GetWallboardRequest()
    with acting_as(someone("supervisor", counting.tenant)):
        assert [tile.queue_name for tile in (await stub.GetWallboard(asked)).queues] == ["Front desk"]
    with acting_as(someone("supervisor", new_id("ten", counting.clock.now()))):
        assert not (await stub.GetWallboard(asked)).queues
    with acting_as(someone("agent", counting.tenant)), pytest.raises(Forbidden):
        await stub.GetWallboard(asked)


async def test_endless_range_is_refused(counting: Counting, rpc: Any) -> None:
    await rpc.serve("analytics", [(add_AnalyticsServiceServicer_to_server, Analytics(counting.db))])
    stub = rpc.stub(AnalyticsServiceStub, "analytics")
    asked = analytics_service_pb2.ListQueueIntervalsRequest()
    asked.start_time.FromDatetime(datetime(2020, 1, 1))  # noqa: DTZ001 - protobuf takes naive UTC
    with acting_as(someone("supervisor", counting.tenant)), pytest.raises(InvalidInput) as refused:
        await stub.ListQueueIntervals(asked)
    assert refused.value.reason == "RANGE_INVALID"
