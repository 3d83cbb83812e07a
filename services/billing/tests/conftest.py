"""A billing service in this process, and the facts of others that it meters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from billing.consumers import HANDLERS
from billing.domain.statements import Statement
from billing.domain.usage import UsageRecord
from billing.live.decks import DeckShelf
from billing.live.rating import Rating
from billing.ops.issuing import preview_invoice
from billing.store import usage as store
from chassis.bus import FactMeta
from chassis.instants import time_out
from chassis.sql import Database
from chassis.turns import TurnTaking
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.recording.v1 import recording_events_pb2, recording_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import number_pb2, plan_pb2, session_pb2, tenancy_events_pb2, tenant_pb2
from merkez.type.v1 import money_pb2
from testkit import ManualClock

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """A fact with its time and id."""

    fact: Any
    time: datetime
    event_id: str


@dataclass
class Ledger:
    """One tenant's billing."""

    db: Database
    clock: ManualClock
    tenant: str = ""
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = self.tenant or new_id("ten", self.clock.now())

    @property
    def rating(self) -> Rating:
        """What rates by decks."""
        return Rating(self.db, DeckShelf(self.db))

    def twin(self) -> Ledger:
        """Another tenant."""
        return Ledger(self.db, self.clock)

    async def tell(self, fact: Message, time: datetime | None = None) -> None:
        """Have a fact worked as the consumer would."""
        told = Told(fact, time or self.clock.now(), new_id("evt", self.clock.now()))
        self.told.append(told)
        await self.work(told)

    async def work(self, told: Told) -> None:
        """The consumer's work on a fact, past its inbox: a repeat with another event id would come as far."""
        meta = FactMeta(told.event_id, self.tenant, "", told.time, "", type(told.fact).__name__, "")
        handler = HANDLERS[type(told.fact)]
        await self.db.run(self.tenant, lambda tx: handler(tx, told.fact, meta))

    async def usage(self) -> list[UsageRecord]:
        """The usage records, newest first."""
        return (await self.db.run(self.tenant, lambda tx: store.list_usage(tx, "", "", 0, "")))[0]

    async def invoice(self, time: datetime | None = None) -> Statement:
        """The preview of a month."""
        at = time or self.clock.now()
        return await self.db.run(self.tenant, lambda tx: preview_invoice(tx, at))

    async def amounts(self, time: datetime | None = None) -> dict[str, Decimal]:
        """Amount by meter."""
        found: dict[str, Decimal] = {}
        for line in (await self.invoice(time)).lines:
            found[line.meter] = found.get(line.meter, Decimal(0)) + line.amount
        return found


def zone_fact(time_zone: str, version: int) -> tenancy_events_pb2.TenantChanged:
    """A version of the tenant, in its zone."""
    return tenancy_events_pb2.TenantChanged(tenant=tenant_pb2.Tenant(time_zone=time_zone, version=version))


def plan_fact(effective: datetime = MARCH, version: int = 1, minute: str = "0.06") -> tenancy_events_pb2.PlanSubscribed:
    """A plan with seats at 20, numbers at 3, storage at 10 and minutes in 30/6."""

    def rate(meter: str, price: str, first: int = 0, following: int = 0) -> plan_pb2.Rate:
        return plan_pb2.Rate(
            meter=meter, price=money_pb2.Money(currency="EUR", amount=price),
            first_increment_seconds=first, next_increment_seconds=following,
        )  # fmt: skip

    plan = plan_pb2.Plan(
        plan_id="starter", version=version, currency="EUR",
        rates=[
            rate("seat_month", "20"), rate("number_month", "3"), rate("recording_storage_gb_month", "10"),
            rate("voice_inbound_minute", minute, 30, 6),
        ],
    )  # fmt: skip
    return tenancy_events_pb2.PlanSubscribed(plan=plan, effective_time=time_out(effective), time_zone="UTC")


def call_fact(
    call_id: str,
    seconds: float,
    start: datetime,
    cause: str = "NORMAL",
    direction: Any = call_pb2.DIRECTION_INBOUND,
) -> telephony_events_pb2.CallEnded:
    """A call that ended; one out was answered at once."""
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    cdr = call_pb2.Cdr(
        call_id=call_id, brand_id="brd_1", duration=duration, start_time=time_out(start), end_cause=cause,
        direction=direction,
    )  # fmt: skip
    cdr.end_time.FromNanoseconds(cdr.start_time.ToNanoseconds() + duration.ToNanoseconds())
    if direction == call_pb2.DIRECTION_OUTBOUND:
        cdr.answer_time.CopyFrom(cdr.start_time)
    return telephony_events_pb2.CallEnded(cdr=cdr)


def user_fact(user_id: str, version: int, *, active: bool = True, role: Any = session_pb2.ROLE_AGENT) -> Message:
    """A user who joined (version 1) or changed."""
    user = session_pb2.User(
        user_id=user_id, role=role, version=version,
        state=session_pb2.USER_STATE_ACTIVE if active else session_pb2.USER_STATE_DISABLED,
    )  # fmt: skip
    if version == 1:
        return tenancy_events_pb2.UserJoined(user=user)
    return tenancy_events_pb2.UserChanged(user=user)


def number_fact(time: datetime, *, released: bool = False, test: bool = False) -> Message:
    """A number assigned or given back."""
    if released:
        return tenancy_events_pb2.NumberReleased(number="+994125550100", release_time=time_out(time))
    number = number_pb2.Number(number="+994125550100", assign_time=time_out(time), test=test)
    return tenancy_events_pb2.NumberAssigned(number=number)


def recording_fact(version: int, size: int) -> Message:
    """A recording stored, or erased when there is nothing left of it."""
    recording = recording_pb2.Recording(recording_id="rec_1", version=version, size_bytes=size)
    if size:
        return recording_events_pb2.RecordingStored(recording=recording)
    return recording_events_pb2.RecordingErased(recording=recording)


@pytest_asyncio.fixture
async def db(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Database:
    """Billing's database."""
    made = await service_db("billing", clock=clock)
    return TurnTaking(made.engine, made.system_engine, made.schema, clock)


@pytest.fixture
def ledger(db: Database, clock: ManualClock) -> Ledger:
    """A tenant of this test."""
    return Ledger(db, clock)


@pytest_asyncio.fixture
async def house(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Any:
    """A company that is billed, alone in its database: an invoice run works for everybody in it."""
    from .invoice_house import House

    made = await service_db("billing", clock=clock, fresh=True)
    return House(Ledger(TurnTaking(made.engine, made.system_engine, made.schema, clock), clock))
