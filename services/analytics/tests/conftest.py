"""An analytics in this process, and the facts of a call center at work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest_asyncio
from analytics import ops, store
from analytics.consumers import handlers
from analytics.domain import board
from analytics.domain.intervals import Counters, Key
from chassis.bus import FactMeta
from chassis.sql import Database
from chassis.turns import TurnTaking
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, queue_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2, tenant_pb2
from testkit import ManualClock

Told = tuple[Message, datetime]


@dataclass
class Floor:
    """One tenant's floor: what happened on it, and what analytics made of that."""

    db: TurnTaking
    clock: ManualClock
    tenant: str = ""
    touched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = self.tenant or new_id("ten", self.clock.now())

    async def tell(self, *facts: Message, time: datetime | None = None) -> None:
        """Have facts worked as the consumer would, past its inbox."""
        for fact in facts:
            await self.work((fact, time or self.clock.now()))

    async def work(self, told: Told) -> None:
        """The consumer's work on one fact."""
        fact, time = told
        handler = handlers(lambda tenant, _: self.touched.append(tenant))[type(fact)]
        meta = FactMeta(new_id("evt", time), self.tenant, "", time, "", type(fact).__name__, "")
        await self.db.run(self.tenant, lambda tx: handler(tx, fact, meta))

    async def board(self) -> board.Snapshot:
        """The wallboard now."""
        return await self.db.run(self.tenant, lambda tx: ops.wallboard(tx, self.clock.now()), read_only=True)

    async def counters(self) -> dict[Key, Counters]:
        """Everything counted, by queue and interval; what is all zero left out."""
        now = self.clock.now()
        found = await self.db.run(
            self.tenant,
            lambda tx: store.list_counters(tx, "", now - timedelta(days=30), now + timedelta(days=30)),
            read_only=True,
        )
        return {key: counters for key, counters in found if counters != Counters()}


def queue_fact(queue_id: str = "que_1", threshold: int = 20, version: int = 1) -> Message:
    """A queue with a service level threshold."""
    queue = queue_pb2.Queue(queue_id=queue_id, display_name=f"Queue {queue_id}", version=version)
    queue.service_level_threshold.CopyFrom(Duration(seconds=threshold))
    return routing_events_pb2.QueueChanged(queue=queue)


def contact(version: int, state: str, contact_id: str = "con_1", queue_id: str = "que_1", **marks: datetime) -> Any:
    """A contact as routing tells of it."""
    made = contact_pb2.Contact(
        contact_id=contact_id, queue_id=queue_id, call_id=contact_id.replace("con", "call"), version=version,
        agent_id="usr_1", state=contact_pb2.ContactState.Value(f"CONTACT_STATE_{state}"),
    )  # fmt: skip
    for name, value in marks.items():
        getattr(made, name).FromDatetime(value)
    return made


def answered_call(
    contact_id: str, began: datetime, wait: float, talk: float, hold: float, acw: float, queue_id: str = "que_1"
) -> list[Told]:
    """Every fact of a contact that is offered, missed once, answered, held and wrapped up."""
    answer, end = began + timedelta(seconds=wait), began + timedelta(seconds=wait + talk + hold)
    over = end + timedelta(seconds=acw)
    held, back = answer + timedelta(seconds=talk / 2), answer + timedelta(seconds=talk / 2 + hold)
    call = call_pb2.Call(call_id=contact_id.replace("con", "call"))
    cdr = call_pb2.Cdr(call_id=call.call_id)
    cdr.end_time.FromDatetime(end)

    def offer(number: int, version: int, state: str, **marks: datetime) -> contact_pb2.Offer:
        inner = contact(version, state, contact_id, queue_id, queue_time=began, **marks)
        return contact_pb2.Offer(offer_id=f"ofr_{contact_id}_{number}", contact=inner)

    talking = {"queue_time": began, "answer_time": answer}
    events, calls = routing_events_pb2, telephony_events_pb2
    return [
        (events.ContactQueued(contact=contact(1, "QUEUED", contact_id, queue_id, queue_time=began)), began),
        (events.OfferMade(offer=offer(1, 2, "OFFERED")), began),
        (events.OfferMissed(offer=offer(1, 3, "QUEUED")), began + timedelta(seconds=wait / 2)),
        (events.OfferMade(offer=offer(2, 4, "OFFERED")), answer),
        (events.OfferAccepted(offer=offer(2, 5, "ON_CONTACT", answer_time=answer)), answer),
        (calls.CallHeld(call=call), held),
        (calls.CallResumed(call=call), back),
        (calls.CallEnded(cdr=cdr), end),
        (events.WrapUpStarted(contact=contact(6, "WRAP_UP", contact_id, queue_id, **talking, end_time=end)), end),
        (
            events.ContactEnded(
                contact=contact(7, "ENDED", contact_id, queue_id, **talking, end_time=end, wrap_up_end_time=over)
            ),
            over,
        ),
    ]


def abandoned_call(contact_id: str, began: datetime, wait: float, *, short: bool) -> list[Told]:
    """Every fact of a contact whose customer left."""
    left = began + timedelta(seconds=wait)
    gone = contact(2, "ABANDONED", contact_id, queue_time=began, end_time=left)
    return [
        (routing_events_pb2.ContactQueued(contact=contact(1, "QUEUED", contact_id, queue_time=began)), began),
        (routing_events_pb2.ContactAbandoned(contact=gone, short_abandon=short), left),
    ]


def agent_fact(version: int, state: str, time: datetime, agent_id: str = "usr_1", reason: str = "") -> Message:
    """An agent's state."""
    agent = contact_pb2.Agent(
        agent_id=agent_id, display_name="Alex", version=version, reason=reason,
        state=contact_pb2.AgentState.Value(f"AGENT_STATE_{state}"),
    )  # fmt: skip
    agent.state_time.FromDatetime(time)
    return routing_events_pb2.AgentStateChanged(agent=agent)


def user_fact(version: int, name: str, agent_id: str = "usr_1", *, active: bool = True) -> Message:
    """A user who changed."""
    state = session_pb2.USER_STATE_ACTIVE if active else session_pb2.USER_STATE_DISABLED
    user = session_pb2.User(user_id=agent_id, display_name=name, version=version, state=state)
    return tenancy_events_pb2.UserChanged(user=user)


def zone_fact(time_zone: str, version: int = 1) -> Message:
    """A tenant that lives in a zone: from its sign-up, or since its `version`."""
    tenant = tenant_pb2.Tenant(time_zone=time_zone, version=version)
    if version == 1:
        return tenancy_events_pb2.TenantSignedUp(tenant=tenant)
    return tenancy_events_pb2.TenantChanged(tenant=tenant)


@pytest_asyncio.fixture
async def floor(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> Floor:
    """A tenant of this test."""
    made = await service_db("analytics", clock=clock)
    return Floor(TurnTaking(made.engine, made.system_engine, made.schema, clock), clock)
