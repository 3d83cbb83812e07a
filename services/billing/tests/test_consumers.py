"""Facts over a real bus becoming usage and an invoice, whatever their order."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from billing import ops, store
from billing.consumers import HANDLERS
from billing.handlers import Billing
from chassis.auth import acting_as
from chassis.bus import Bus
from chassis.sql import Database
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import FailedPrecondition, Forbidden, InvalidInput
from kernel.ids import new_id
from merkez.billing.v1 import billing_service_pb2
from merkez.billing.v1.billing_service_pb2_grpc import BillingServiceStub, add_BillingServiceServicer_to_server
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import plan_pb2, session_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2
from testkit import ManualClock, eventually, someone

Publish = Callable[..., Awaitable[None]]


def stamp(value: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(value)
    return made


def plan_fact(clock: ManualClock) -> tenancy_events_pb2.PlanSubscribed:
    def rate(meter: str, price: str, first: int = 0, following: int = 0) -> plan_pb2.Rate:
        return plan_pb2.Rate(
            meter=meter, price=money_pb2.Money(currency="EUR", amount=price),
            first_increment_seconds=first, next_increment_seconds=following,
        )  # fmt: skip

    plan = plan_pb2.Plan(
        plan_id="starter", version=1, currency="EUR",
        rates=[rate("seat_month", "20"), rate("voice_inbound_minute", "0.06", 30, 6)],
    )  # fmt: skip
    return tenancy_events_pb2.PlanSubscribed(plan=plan, effective_time=stamp(clock.now()), time_zone="UTC")


def call_fact(call_id: str, seconds: float, clock: ManualClock, cause: str = "NORMAL") -> Message:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    cdr = call_pb2.Cdr(
        call_id=call_id, brand_id="brd_1", duration=duration, start_time=stamp(clock.now()), end_cause=cause
    )
    return telephony_events_pb2.CallEnded(cdr=cdr)


def user_fact(clock: ManualClock, state: int = session_pb2.USER_STATE_ACTIVE) -> Message:
    user = session_pb2.User(user_id="usr_1", role=session_pb2.ROLE_AGENT, state=state)  # type: ignore[arg-type]
    return tenancy_events_pb2.UserChanged(user=user)


@pytest_asyncio.fixture
async def db(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Database:
    return await service_db("billing", clock=clock)


@pytest.fixture
def tenant(clock: ManualClock) -> str:
    return new_id("ten", clock.now())


@pytest_asyncio.fixture
async def publish(db: Database, make_bus: Callable[..., Awaitable[Bus]], clock: ManualClock, tenant: str) -> Publish:
    bus = await make_bus("billing")
    await bus.consume(db, "billing", HANDLERS)

    async def send(message: Message, event_id: str = "", suffix: str = "", time: datetime | None = None) -> None:
        await bus.publish_fact(
            full_name=message.DESCRIPTOR.full_name, tenant_id=tenant, key="k", time=time or clock.now(),
            event_id=event_id or new_id("evt", clock.now()), payload=message.SerializeToString(), suffix=suffix,
        )  # fmt: skip

    return send


async def usage(db: Database, tenant: str) -> list[Any]:
    return (await db.run(tenant, lambda tx: store.list_usage(tx, "", "", 0, "")))[0]


async def test_call_is_rated_by_the_plan_held_when_it_began(
    db: Database, tenant: str, publish: Publish, clock: ManualClock
) -> None:
    await publish(plan_fact(clock))
    clock.advance(60)
    await publish(call_fact("call_1", 30.2, clock))
    [record] = await eventually(lambda: usage(db, tenant))
    assert (record.used_seconds, record.billed_seconds, record.charge) == (31, 36, Decimal("0.036"))


async def test_call_that_comes_before_its_plan_waits_for_it(
    db: Database, tenant: str, publish: Publish, clock: ManualClock
) -> None:
    await publish(call_fact("call_1", 10, clock))
    await publish(plan_fact(clock))
    assert len(await eventually(lambda: usage(db, tenant), deadline=20)) == 1


async def test_repeated_and_shuffled_facts_make_the_same_invoice(
    db: Database, tenant: str, publish: Publish, clock: ManualClock
) -> None:
    facts = [(f"evt_{tenant}_{n}", call_fact(f"call_{n}", 61, clock)) for n in range(5)]
    await publish(plan_fact(clock), f"evt_{tenant}_p")
    await publish(user_fact(clock), f"evt_{tenant}_u")
    repeated = facts * 3
    random.Random(7).shuffle(repeated)
    for position, (event_id, fact) in enumerate(repeated):
        await publish(fact, event_id, suffix=f".{position}")

    async def all_rated() -> bool:
        return len(await usage(db, tenant)) == 5

    await eventually(all_rated)
    invoice = await db.run(tenant, lambda tx: ops.preview_invoice(tx, clock.now()))
    minutes = next(line for line in invoice.lines if line.meter == "voice_inbound_minute")
    assert (minutes.quantity, minutes.amount) == (Decimal("5.5"), Decimal("0.33"))


async def test_same_call_with_another_length_is_refused(db: Database, tenant: str, clock: ManualClock) -> None:
    from billing import convert
    from billing.domain.usage import UsageConflict

    await db.run(tenant, lambda tx: store.save_plan(tx, convert.plan_in(plan_fact(clock))))
    call = ops.EndedCall("call_1", "brd_1", clock.now(), 60)
    other = ops.EndedCall("call_1", "brd_1", clock.now(), 90)
    for _ in range(2):
        await db.run(tenant, lambda tx: ops.rate_ended_call(tx, call, clock.now()))
    with pytest.raises(UsageConflict):
        await db.run(tenant, lambda tx: ops.rate_ended_call(tx, other, clock.now()))


async def test_refused_call_is_not_billed(db: Database, tenant: str, publish: Publish, clock: ManualClock) -> None:
    await publish(plan_fact(clock))
    await publish(call_fact("call_1", 5, clock, "CONCURRENT_CALL_LIMIT_REACHED"))
    await publish(call_fact("call_2", 5, clock))
    [record] = await eventually(lambda: usage(db, tenant))
    assert record.source_id == "call_2"


async def test_disabled_user_stops_costing_and_costs_again_when_back(
    db: Database, tenant: str, publish: Publish, clock: ManualClock
) -> None:
    began = clock.now()
    await publish(plan_fact(clock))
    await publish(user_fact(clock))
    await publish(user_fact(clock, session_pb2.USER_STATE_DISABLED), time=clock.advance(3600))
    await publish(user_fact(clock), time=clock.advance(3600))

    async def spans() -> list[Any] | None:
        found = await db.run(tenant, lambda tx: store.spans_between(tx, began, datetime(2030, 1, 1, tzinfo=UTC)))
        return found if len(found) == 2 else None

    found = sorted(await eventually(spans), key=lambda span: span.start_time)
    assert (found[0].end_time - found[0].start_time).total_seconds() == 3600 and found[1].end_time is None


async def test_owner_reads_the_preview_and_nobody_else_does(
    db: Database, rpc: Any, tenant: str, clock: ManualClock
) -> None:
    from billing import convert

    await rpc.serve("billing", [(add_BillingServiceServicer_to_server, Billing(db))])
    stub = rpc.stub(BillingServiceStub, "billing")
    asked = billing_service_pb2.PreviewInvoiceRequest()
    with acting_as(someone("owner", tenant)):
        with pytest.raises(FailedPrecondition):
            await stub.PreviewInvoice(asked)
        await db.run(tenant, lambda tx: store.save_plan(tx, convert.plan_in(plan_fact(clock))))
        await db.run(tenant, lambda tx: store.open_span(tx, "seat_month", "usr_1", clock.now()))
        preview = await stub.PreviewInvoice(asked)
        assert preview.total.currency == "EUR" and [line.meter for line in preview.lines] == ["seat_month"]
        with pytest.raises(InvalidInput):
            await stub.SummarizeUsage(
                billing_service_pb2.SummarizeUsageRequest(start_time=stamp(clock.now()), end_time=stamp(clock.now()))
            )
    with acting_as(someone("supervisor", tenant)), pytest.raises(Forbidden):
        await stub.PreviewInvoice(asked)
