"""Facts of other services becoming history, over a real bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.bus import Bus, FactMeta
from engagement import convert, ops
from engagement.consumers import HANDLERS
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from kernel.ids import new_id
from merkez.recording.v1 import recording_events_pb2, recording_pb2
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from testkit import ManualClock, eventually
from testkit.plugin import ServiceDb


async def test_call_from_queue_to_recording_becomes_one_entry_and_repeats_change_nothing(
    service_db: ServiceDb, make_bus: Callable[..., Awaitable[Bus]], clock: ManualClock
) -> None:
    db, bus = await service_db("engagement", clock=clock), await make_bus("engagement")
    tenant = new_id("ten", clock.now())
    who = await db.run(
        tenant, lambda tx: ops.identify_customer(tx, ops.Caller("brd_1", "+905551234567", "", ""), clock.now())
    )
    await bus.consume(db, "engagement", HANDLERS)

    async def publish(message: Message, key: str, event_id: str = "", suffix: str = "") -> None:
        await bus.publish_fact(
            full_name=message.DESCRIPTOR.full_name, tenant_id=tenant, key=key, time=clock.now(),
            event_id=event_id or new_id("evt", clock.now()), payload=message.SerializeToString(), suffix=suffix,
        )  # fmt: skip

    def contact(version: int, **more: Any) -> contact_pb2.Contact:
        made = contact_pb2.Contact(
            contact_id="con_1", customer_id=who.customer_id, call_id="call_1", queue_id="que_1", version=version, **more
        )
        made.queue_time.FromDatetime(clock.now())
        return made

    await publish(routing_events_pb2.ContactQueued(contact=contact(1)), "con_1", "evt_queued")
    await publish(routing_events_pb2.ContactQueued(contact=contact(1)), "con_1", "evt_queued", ".again")
    cdr = call_pb2.Cdr(call_id="call_1", talk_duration=Duration(seconds=31))
    await publish(telephony_events_pb2.CallEnded(cdr=cdr), "call_1")
    await publish(routing_events_pb2.ContactEnded(contact=contact(4, note="Done.", agent_id="usr_1")), "con_1")
    stored = recording_pb2.Recording(recording_id="rec_1", call_id="call_1")
    await publish(recording_events_pb2.RecordingStored(recording=stored), "rec_1")

    async def whole() -> Any:
        pop = await db.run(tenant, lambda tx: ops.screen_pop(tx, who.customer_id))
        [entry] = pop.history or [None]
        return entry if entry and entry.note == "Done." and entry.recording_id and entry.talk_seconds else None

    entry = await eventually(whole)
    assert (entry.agent_id, entry.talk_seconds, entry.recording_id) == ("usr_1", 31, "rec_1")


async def test_contact_whose_caller_nobody_knew_in_time_is_in_the_history_of_its_number(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db = await service_db("engagement", clock=clock)
    tenant = new_id("ten", clock.now())

    async def told(version: int, **more: Any) -> None:
        contact = contact_pb2.Contact(contact_id="con_9", brand_id="brd_1", version=version, **more)
        fact = routing_events_pb2.ContactEnded(contact=contact)
        meta = FactMeta(new_id("evt", clock.now()), tenant, "", clock.now(), "", "ContactEnded", "")
        await db.run(tenant, lambda tx: HANDLERS[type(fact)](tx, fact, meta))

    await told(1, caller_number="+905551234567", caller_name="Ayla")
    await told(4, caller_number="+905551234567", note="Wants a refund.")
    caller = ops.Caller("brd_1", "+905551234567", "", "")
    who = await db.run(tenant, lambda tx: ops.identify_customer(tx, caller, clock.now()))
    pop = await db.run(tenant, lambda tx: ops.screen_pop(tx, who.customer_id))
    assert who.display_name == "Ayla" and [entry.note for entry in pop.history] == ["Wants a refund."]


async def test_caller_without_a_number_has_one_history_for_one_contact(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db = await service_db("engagement", clock=clock)
    tenant = new_id("ten", clock.now())
    for version in (1, 2):
        news = convert.contact_news(contact_pb2.Contact(contact_id="con_9", version=version), "waiting", clock.now())
        await db.run(tenant, lambda tx, news=news: ops.note_contact(tx, news, clock.now()))
    customers, _ = await db.run(tenant, lambda tx: ops.list_customers(tx, "", 10, ""))
    assert len(customers) == 1


async def test_call_out_is_in_the_history_of_who_was_called_and_an_unanswered_question_in_nobodys(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db = await service_db("engagement", clock=clock)
    tenant = new_id("ten", clock.now())
    caller = ops.Caller("brd_1", "+994501234567", "", "")
    who = await db.run(tenant, lambda tx: ops.identify_customer(tx, caller, clock.now()))

    async def told(kind: type[Message], contact: contact_pb2.Contact) -> None:
        meta = FactMeta(new_id("evt", clock.now()), tenant, "", clock.now(), "", kind.__name__, "")
        await db.run(tenant, lambda tx: HANDLERS[kind](tx, kind(contact=contact), meta))  # pyright: ignore[reportCallIssue]

    contact = contact_pb2.Contact(
        contact_id="con_1", brand_id="brd_1", version=1, kind=contact_pb2.CONTACT_KIND_OUTBOUND, agent_id="usr_1",
        caller_number="+994120000001", dialed_number="+994501234567",
    )  # fmt: skip
    contact.answer_time.FromDatetime(clock.now())
    await told(routing_events_pb2.ContactStarted, contact)
    question = contact_pb2.Contact(
        contact_id="con_2", customer_id=who.customer_id, version=1, kind=contact_pb2.CONTACT_KIND_CONSULT
    )
    await told(routing_events_pb2.ContactQueued, question)
    await told(routing_events_pb2.ContactDequeued, question)
    pop = await db.run(tenant, lambda tx: ops.screen_pop(tx, who.customer_id))
    assert [(entry.contact_id, entry.outcome) for entry in pop.history] == [("con_1", "answered")]
    customers, _ = await db.run(tenant, lambda tx: ops.list_customers(tx, "", 10, ""))
    assert len(customers) == 1
