"""A wfm in this process, and the facts and files its history comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest_asyncio
from chassis.bus import FactMeta
from chassis.sql import Database
from chassis.turns import TurnTaking
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, queue_pb2, routing_events_pb2
from merkez.tenancy.v1 import tenancy_events_pb2, tenant_pb2
from testkit import ManualClock
from wfm.consumers import HANDLERS
from wfm.domain.series import Marks, Series


@dataclass
class Planning:
    """One tenant's workforce management."""

    db: TurnTaking
    clock: ManualClock
    tenant: str = ""

    def __post_init__(self) -> None:
        self.tenant = self.tenant or new_id("ten", self.clock.now())

    async def tell(self, *facts: Message, time: datetime | None = None) -> None:
        """Have facts worked as the consumer would, past its inbox."""
        for fact in facts:
            meta = FactMeta(new_id("evt", self.clock.now()), self.tenant, "", time or self.clock.now(), "", "", "")
            await self.db.run(self.tenant, lambda tx, fact=fact, meta=meta: HANDLERS[type(fact)](tx, fact, meta))

    async def queue(self, name: str = "Front desk") -> str:
        """A queue the tenant has; its id."""
        queue_id = new_id("que", self.clock.now())
        queue = queue_pb2.Queue(queue_id=queue_id, display_name=name, version=1)
        await self.tell(routing_events_pb2.QueueChanged(queue=queue))
        return queue_id

    async def lives_in(self, time_zone: str) -> None:
        """The tenant's days follow this zone."""
        tenant = tenant_pb2.Tenant(time_zone=time_zone, version=1)
        await self.tell(tenancy_events_pb2.TenantSignedUp(tenant=tenant))


def contact(version: int, state: str, queue_id: str, contact_id: str = "con_1", **marks: datetime) -> Any:
    """A contact as routing tells of it."""
    made = contact_pb2.Contact(
        contact_id=contact_id, queue_id=queue_id, version=version, channel=contact_pb2.CHANNEL_VOICE,
        state=contact_pb2.ContactState.Value(f"CONTACT_STATE_{state}"),
    )  # fmt: skip
    for name, value in marks.items():
        getattr(made, name).FromDatetime(value)
    return made


def served(queue_id: str, came: datetime, talk: float, acw: float = 0.0, contact_id: str = "con_1") -> list[Message]:
    """Facts of a contact that was answered at once and wrapped up."""
    marks = {"queue_time": came, "answer_time": came, "end_time": came + timedelta(seconds=talk)}
    over = marks["end_time"] + timedelta(seconds=acw)
    events = routing_events_pb2
    return [
        events.ContactQueued(contact=contact(1, "QUEUED", queue_id, contact_id, queue_time=came)),
        events.WrapUpStarted(contact=contact(3, "WRAP_UP", queue_id, contact_id, **marks)),
        events.ContactEnded(contact=contact(4, "ENDED", queue_id, contact_id, **marks, wrap_up_end_time=over)),
    ]


def made_up(days: int, *, first: date = date(2026, 1, 5), level: float = 40.0, slots: int = 48, seed: int = 7,
            marks: Marks | None = None, growth: float = 0.0) -> Series:  # fmt: skip
    """Poisson history of an office that is open from 8 to 18, Mondays busiest and weekends closed."""
    chance = np.random.default_rng(seed)
    numbers = np.arange(first.toordinal(), first.toordinal() + days)
    weekday = np.array([1.3, 1.1, 1.0, 0.95, 1.05, 0.0, 0.0])[(numbers + 6) % 7]
    hour = (np.arange(slots) + 0.5) * 24 / slots
    shape = np.where((hour > 8) & (hour < 18), 1 + 0.5 * np.sin((hour - 8) / 10 * np.pi), 0.0)
    rate = level * weekday[:, None] * shape[None, :] * (1 + growth * np.arange(days) / 365)[:, None]
    offered = chance.poisson(rate).astype(float)
    return Series(numbers, offered, offered, offered * 240.0, marks or {})


def history_csv(queue: str, series: Series, name: str = "queue") -> str:
    """A file of the history, half hour by half hour, in local time."""
    lines = [f"start,{name},offered,handled,aht_seconds"]
    for row, day in enumerate(series.days):
        for slot, volume in enumerate(series.offered[row]):
            if volume:
                at = datetime.combine(date.fromordinal(int(day)), datetime.min.time()) + timedelta(minutes=30 * slot)
                lines.append(f"{at:%Y-%m-%d %H:%M},{queue},{volume:g},{volume:g},240")
    return "\n".join(lines)


@pytest_asyncio.fixture
async def planning(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Planning:
    """A tenant of this test."""
    return await planned(service_db, clock)


async def planned(
    service_db: Callable[..., Awaitable[Database]], clock: ManualClock, *, fresh: bool = False
) -> Planning:
    """A tenant, with `fresh` the only one of its database."""
    made = await service_db("wfm", clock=clock, fresh=fresh)
    return Planning(TurnTaking(made.engine, made.system_engine, made.schema, clock), clock)
