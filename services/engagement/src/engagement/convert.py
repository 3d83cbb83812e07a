"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from datetime import datetime

from chassis.instants import time_in, time_out
from merkez.engagement.v1 import customer_pb2, engagement_events_pb2
from merkez.routing.v1 import contact_pb2

from engagement.domain import ContactNews, Customer, HistoryEntry, ScreenPop


def customer_out(value: Customer) -> customer_pb2.Customer:
    """A customer as the contract shows it."""
    return customer_pb2.Customer(
        customer_id=value.customer_id,
        display_name=value.display_name,
        numbers=value.numbers,
        emails=value.emails,
        brand_id=value.brand_id,
        attributes=value.attributes,
        create_time=time_out(value.create_time),
        update_time=time_out(value.update_time),
        version=value.version,
    )


def customer_in(message: customer_pb2.Customer, now: datetime) -> Customer:
    """A customer as a caller wrote it; ids and times of the stored one win later."""
    return Customer(
        customer_id=message.customer_id,
        brand_id=message.brand_id,
        display_name=message.display_name,
        numbers=tuple(message.numbers),
        emails=tuple(message.emails),
        attributes=dict(message.attributes),
        create_time=now,
        update_time=now,
    )


def entry_out(value: HistoryEntry) -> customer_pb2.HistoryEntry:
    """A history entry as the contract shows it."""
    return customer_pb2.HistoryEntry(
        history_entry_id=value.history_entry_id,
        customer_id=value.customer_id,
        kind=value.kind,
        contact_id=value.contact_id,
        call_id=value.call_id,
        recording_id=value.recording_id,
        agent_id=value.agent_id,
        queue_id=value.queue_id,
        outcome=value.outcome,
        disposition_id=value.disposition_id,
        note=value.note,
        attributes=value.attributes,
        create_time=time_out(value.create_time),
        talk_seconds=value.talk_seconds,
    )


def pop_out(value: ScreenPop) -> customer_pb2.ScreenPop:
    """A screen pop as the contract shows it."""
    return customer_pb2.ScreenPop(
        customer=customer_out(value.customer) if value.customer else None,
        history=[entry_out(entry) for entry in value.history],
        contact_count=value.contact_count,
    )


def contact_news(contact: contact_pb2.Contact, outcome: str, now: datetime) -> ContactNews:
    """What a fact of routing says for the history. The customer of a call out is who was called."""
    outbound = contact.kind == contact_pb2.CONTACT_KIND_OUTBOUND
    return ContactNews(
        contact_id=contact.contact_id,
        version=contact.version,
        customer_id=contact.customer_id,
        call_id=contact.call_id,
        queue_id=contact.queue_id,
        agent_id=contact.agent_id,
        outcome=outcome,
        disposition_id=contact.disposition_id,
        note=contact.note,
        attributes=dict(contact.attributes),
        time=time_in(contact, "queue_time") or now,
        brand_id=contact.brand_id,
        caller_number=contact.dialed_number if outbound else contact.caller_number,
        caller_name=contact.caller_name,
    )


def customer_changed(value: Customer) -> engagement_events_pb2.CustomerChanged:
    """The fact that a customer was created or changed."""
    return engagement_events_pb2.CustomerChanged(customer=customer_out(value))


def history_added(value: HistoryEntry) -> engagement_events_pb2.HistoryAdded:
    """The fact that something was added to a history."""
    return engagement_events_pb2.HistoryAdded(entry=entry_out(value))
