"""Facts in and out over a real bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from chassis.bus import Bus, LiveMessage
from chassis.sql import Tx
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.recording.v1 import recording_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import plan_pb2, tenancy_events_pb2
from recording import store
from recording.consumers import handlers
from testkit import eventually

from .conftest import GRACE, House
from .sounds import opus_tone, placed


async def publish(bus: Bus, house: House, tenant: str, fact: Message, key: str, *times: str) -> None:
    """Put a fact into its stream, again for each further suffix."""
    event_id = new_id("evt", house.clock.now())
    for suffix in ("", *times):
        await bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=tenant, key=key, time=house.clock.now(),
            event_id=event_id, payload=fact.SerializeToString(), suffix=suffix,
        )  # fmt: skip


async def test_ended_call_ends_its_recording_after_the_grace_however_often_it_is_told(
    house: House, make_bus: Callable[..., Awaitable[Bus]]
) -> None:
    bus, tenant = await make_bus("recording"), house.tenant()
    begun, sealer = await house.begin(tenant)
    await house.append(sealer, "customer", 0, sealer.seal("customer", 0, placed(opus_tone(440, 1))))
    await bus.consume(house.db, "recording", handlers(GRACE))
    ended = telephony_events_pb2.CallEnded(cdr=call_pb2.Cdr(call_id=begun.call_id))
    await publish(bus, house, tenant, ended, begun.call_id, ".again")

    async def due() -> bool:
        value = await house.db.run(tenant, lambda tx: store.recording(tx, begun.recording_id))
        return value is not None and value.mux_due_time == house.clock.now() + GRACE

    await eventually(due)
    house.clock.advance(GRACE)
    await house.sweeps.make()
    assert (await house.get(tenant, begun.recording_id)).state == recording_pb2.RECORDING_STATE_STORED


async def test_plan_says_how_long_recordings_are_kept(house: House, make_bus: Callable[..., Awaitable[Bus]]) -> None:
    bus, tenant = await make_bus("recording"), house.tenant()
    await bus.consume(house.db, "recording", handlers(GRACE))
    fact = tenancy_events_pb2.PlanSubscribed(plan=plan_pb2.Plan(limits=plan_pb2.Limits(recording_retention_days=7)))
    fact.effective_time.FromDatetime(house.clock.now())
    await publish(bus, house, tenant, fact, tenant, ".again")
    now = house.clock.now()
    await eventually(lambda: house.db.run(tenant, lambda tx: store.retention_days(tx, now)))
    made = await house.talk(tenant)
    assert made.expire_time.ToDatetime() - made.start_time.ToDatetime() == timedelta(days=7)


async def test_newest_plan_says_how_long_recordings_are_kept_whatever_is_heard_of_first(
    house: House, make_bus: Callable[..., Awaitable[Bus]]
) -> None:
    bus, tenant, now = await make_bus("recording"), house.tenant(), house.clock.now()
    await bus.consume(house.db, "recording", handlers(GRACE))
    for days, since in ((7, now), (30, now - timedelta(days=1)), (90, now + timedelta(days=1))):
        fact = tenancy_events_pb2.PlanSubscribed(
            plan=plan_pb2.Plan(limits=plan_pb2.Limits(recording_retention_days=days))
        )
        fact.effective_time.FromDatetime(since)
        await publish(bus, house, tenant, fact, tenant)

    later = now + timedelta(days=1)
    await eventually(lambda: house.db.run(tenant, lambda tx: _is_kept(tx, later, 90)))
    assert await house.db.run(tenant, lambda tx: store.retention_days(tx, now)) == 7


async def _is_kept(tx: Tx, at: datetime, days: int) -> bool:
    return await store.retention_days(tx, at) == days


async def test_recording_tells_that_it_began_is_stored_and_erased(
    house: House, make_bus: Callable[..., Awaitable[Bus]]
) -> None:
    bus, tenant = await make_bus("recording"), house.tenant()
    heard: list[LiveMessage] = []

    async def hear(message: LiveMessage) -> None:
        heard.append(message)

    await bus.subscribe(f"merkez.{tenant}.recording.v1.*", hear)
    bus.relay(house.db)
    made = await house.talk(tenant)
    house.clock.advance(timedelta(days=100))
    await house.sweeps.expire()
    await eventually(lambda: len(heard) == 3)
    names = [type(message.decode()).__name__ for message in heard]
    assert names == ["RecordingStarted", "RecordingStored", "RecordingErased"]
    assert heard[1].decode().recording == made  # type: ignore[attr-defined]
