"""Facts over a real bus becoming usage, and the fact that it was rated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from billing.consumers import HANDLERS
from chassis.bus import Bus, LiveMessage
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.gateway.v1 import limit_events_pb2 as request_limit
from merkez.telephony.v1 import limit_events_pb2 as call_limit
from testkit import eventually

from .conftest import MARCH, Ledger, call_fact, plan_fact


async def test_call_becomes_one_rated_record_however_often_it_is_told(
    ledger: Ledger, make_bus: Callable[..., Awaitable[Bus]]
) -> None:
    bus, heard = await make_bus("billing"), []

    async def hear(message: LiveMessage) -> None:
        heard.append(message.decode())

    async def publish(fact: Message, *suffixes: str) -> None:
        event_id = new_id("evt", ledger.clock.now())
        for suffix in ("", *suffixes):
            await bus.publish_fact(
                full_name=fact.DESCRIPTOR.full_name, tenant_id=ledger.tenant, key="k", time=ledger.clock.now(),
                event_id=event_id, payload=fact.SerializeToString(), suffix=suffix,
            )  # fmt: skip

    await bus.subscribe(f"merkez.{ledger.tenant}.usage.v1.*", hear)
    bus.relay(ledger.db)
    await bus.consume(ledger.db, "billing", HANDLERS)
    await publish(call_fact("call_1", 31, MARCH), ".1", ".2")
    await publish(plan_fact(), ".1")
    await eventually(lambda: len(heard) == 1)
    [record] = await ledger.usage()
    assert record.billed_seconds == heard[0].usage_record.billed_seconds == 36
    assert heard[0].usage_record.source_id == "call_1"


async def test_what_a_soft_limit_let_happen_is_metered_once(ledger: Ledger) -> None:
    call = call_limit.CallOverLimit(call_id="call_9", brand_id="brd_1", limit=2, live_calls=3)
    call.start_time.FromDatetime(ledger.clock.now())
    minute = request_limit.ApiRequestsOverLimit(gateway_id="gwy_1", count=45, limit=5)
    minute.minute_time.FromDatetime(ledger.clock.now())
    for fact in (call, call, minute, minute):
        await ledger.tell(fact)
    found = {each.meter: (each.quantity, each.brand_id) for each in await ledger.usage()}
    assert found == {"call_over_limit": (1, "brd_1"), "api_request_over_limit": (45, "")}
