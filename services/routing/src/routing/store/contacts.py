"""Rows of contacts and of calls that are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.paging import keyset
from chassis.statements import Sought
from sqlalchemy import RowMapping, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from routing.domain.contacts import OPEN, WAITING, Channel, Contact, ContactKind, ContactState, points_of
from routing.domain.overflow import LeaveReason
from routing.domain.queues import WrapUpMode
from routing.store.overflow import overflows_from_json, overflows_to_json
from routing.store.rows import (
    Transaction,
    add,
    change,
    duration,
    find,
    milliseconds,
    skills_from_json,
    skills_to_json,
    sought,
)
from routing.store.tables import contacts, ended_calls


async def add_contact(tx: Transaction, contact: Contact) -> None:
    """A new one."""
    await add(tx, contacts, _row(contact, contact.create_time))


async def change_contact(tx: Transaction, contact: Contact, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, contacts, "contact_id", _row(contact, now), was)


async def find_contact(tx: Transaction, contact_id: str) -> Contact | None:
    """One by its id."""
    row = await find(tx, contacts, "contact_id", contact_id)
    return _contact(row) if row is not None else None


def sought_contact(contact_id: str) -> Sought:
    """That row, for who will read it."""
    return sought(contacts, "contact_id", contact_id)


async def find_contacts(tx: Transaction, contact_ids: Sequence[str]) -> list[Contact]:
    """Those of the ids that exist."""
    rows = await tx.all(
        select(contacts).where(contacts.c.tenant_id == tx.tenant_id, contacts.c.contact_id.in_(contact_ids))
    )
    return [_contact(row) for row in rows]


async def open_contacts_of_call(tx: Transaction, call_id: str) -> list[Contact]:
    """The call's contacts that have not come to their end."""
    rows = await tx.all(
        select(contacts).where(
            contacts.c.tenant_id == tx.tenant_id, contacts.c.call_id == call_id, contacts.c.state.in_(sorted(OPEN))
        )
    )
    return [_contact(row) for row in rows]


async def queued_contacts(tx: Transaction) -> list[Contact]:
    """Everything that waits without an offer."""
    rows = await tx.all(
        select(contacts).where(contacts.c.tenant_id == tx.tenant_id, contacts.c.state == ContactState.QUEUED)
    )
    return [_contact(row) for row in rows]


async def queued_for(tx: Transaction, agent_id: str) -> list[Contact]:
    """What waits, or waited first, for its preferred agent alone, who is this one."""
    rows = await tx.all(
        select(contacts).where(
            contacts.c.tenant_id == tx.tenant_id, contacts.c.state == ContactState.QUEUED,
            contacts.c.preferred_agent_id == agent_id, contacts.c.preferred_wait_ms > 0,
        )
    )  # fmt: skip
    return [_contact(row) for row in rows]


async def queued_versions(tx: Transaction) -> dict[str, int]:
    """Their ids and versions."""
    rows = await tx.all(
        select(contacts.c.contact_id, contacts.c.version).where(
            contacts.c.tenant_id == tx.tenant_id, contacts.c.state == ContactState.QUEUED
        )
    )
    return {row["contact_id"]: row["version"] for row in rows}


async def waiting_line(tx: Transaction, queue_id: str) -> list[Contact]:
    """Everything that waits for whoever serves the queue, offered or not, in no order. Reads only what its order
    needs."""
    names = (
        "contact_id", "channel", "kind", "state", "queue_id", "queue_time", "create_time", "priority", "offer_count",
        "target_agent_id", "preferred_agent_id", "preferred_wait_ms", "fired_steps", "required_skills", "requirement",
        "overflows", "call_id",
    )  # fmt: skip
    rows = await tx.all(
        select(*(contacts.c[name] for name in names)).where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.queue_id == queue_id,
            contacts.c.target_agent_id == "",
            contacts.c.state.in_(sorted(WAITING)),
        )
    )
    return [
        Contact(
            **{name: row[name] for name in names if name != "preferred_wait_ms"}
            | {
                "channel": Channel(row["channel"]),
                "kind": ContactKind(row["kind"]),
                "state": ContactState(row["state"]),
                "overflows": overflows_from_json(row["overflows"]),
                "required_skills": skills_from_json(row["required_skills"]),
                "preferred_wait": duration(row["preferred_wait_ms"]),
            }
        )
        for row in rows
    ]


async def line_before(tx: Transaction, queue_id: str, latest: float) -> list[tuple[float, float, str]]:
    """Everything that waits for whoever serves the queue and came by then: since when, in seconds since the epoch like
    `latest`, with how many points, its id; in no order."""
    names = ("contact_id", "queue_time", "priority", "offer_count")
    rows = await tx.all(
        select(*(contacts.c[name] for name in names)).where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.queue_id == queue_id,
            contacts.c.target_agent_id == "",
            contacts.c.state.in_(sorted(WAITING)),
            contacts.c.queue_time <= datetime.fromtimestamp(latest, UTC),
        )
    )
    return [
        (row["queue_time"].timestamp(), points_of(row["priority"], again=row["offer_count"] > 0), row["contact_id"])
        for row in rows
    ]


async def queued_between(tx: Transaction, begin: datetime, end: datetime, limit: int) -> list[Contact]:
    """Customers who began to wait for whoever serves a queue within this time and wait no more, to be called back or
    in a call, the oldest first."""
    rows = await tx.all(
        select(contacts)
        .where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.create_time >= begin,
            contacts.c.create_time < end,
            contacts.c.queue_id != "",
            contacts.c.target_agent_id == "",
            contacts.c.kind.in_((ContactKind.INBOUND.value, ContactKind.TRANSFER.value, ContactKind.CALLBACK.value)),
            contacts.c.state.in_((ContactState.ENDED.value, ContactState.ABANDONED.value, ContactState.WRAP_UP.value)),
        )
        .order_by(contacts.c.create_time, contacts.c.contact_id)
        .limit(limit)
    )
    return [_contact(row) for row in rows]


async def queues_with_waiting(tx: Transaction) -> Mapping[str, int]:
    """Queue -> how many wait for whoever serves it, for queues where anybody does."""
    rows = await tx.all(
        select(contacts.c.queue_id, func.count().label("waiting"))
        .where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.target_agent_id == "",
            contacts.c.state.in_(sorted(WAITING)),
        )
        .group_by(contacts.c.queue_id)
    )
    return {row["queue_id"]: row["waiting"] for row in rows}


async def last_handled(tx: Transaction, queue_id: str, limit: int) -> list[timedelta]:
    """From answer to the end of wrap-up of the last customers who came through the queue, the newest last."""
    rows = await tx.all(
        select(contacts.c.answer_time, contacts.c.wrap_up_end_time)
        .where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.queue_id == queue_id,
            contacts.c.state == ContactState.ENDED,
            contacts.c.kind.in_((ContactKind.INBOUND.value, ContactKind.TRANSFER.value)),
            contacts.c.answer_time.is_not(None),
        )
        .order_by(contacts.c.wrap_up_end_time.desc())
        .limit(limit)
    )
    return [row["wrap_up_end_time"] - row["answer_time"] for row in reversed(rows)]


async def page_of_contacts(
    tx: Transaction,
    size: int,
    token: str,
    *,
    queue_id: str = "",
    states: Sequence[ContactState] = (),
    customer_id: str = "",
) -> list[Contact]:
    """Newest first, one more than `size` when there is a next page."""
    listed = select(contacts).where(contacts.c.tenant_id == tx.tenant_id)
    if queue_id:
        listed = listed.where(contacts.c.queue_id == queue_id)
    if states:
        listed = listed.where(contacts.c.state.in_([state.value for state in states]))
    if customer_id:
        listed = listed.where(contacts.c.customer_id == customer_id)
    rows = await tx.all(keyset(listed, contacts.c.create_time, contacts.c.contact_id, token, size))
    return [_contact(row) for row in rows]


async def wrap_ups_due(tx: Transaction, now: datetime, limit: int) -> list[Contact]:
    """Contacts whose wrap-up time is over, the most overdue first."""
    rows = await tx.all(
        select(contacts)
        .where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.state == ContactState.WRAP_UP,
            contacts.c.wrap_up_expire_time <= now,
        )
        .order_by(contacts.c.wrap_up_expire_time)
        .limit(limit)
    )
    return [_contact(row) for row in rows]


async def note_ended_call(tx: Transaction, call_id: str, now: datetime) -> None:
    """Remember that a call is over."""
    row = {"tenant_id": tx.tenant_id, "call_id": call_id, "create_time": now}
    await tx.execute(insert(ended_calls).values(row).on_conflict_do_nothing())


async def call_has_ended(tx: Transaction, call_id: str) -> bool:
    """Whether the call is known to be over."""
    return await find(tx, ended_calls, "call_id", call_id) is not None


def sought_ended_call(call_id: str) -> Sought:
    """That row, for who will ask."""
    return sought(ended_calls, "call_id", call_id)


async def forget_ended_calls(tx: Transaction, before: datetime) -> int:
    """Forget calls that ended long ago; how many."""
    done = await tx.execute(
        delete(ended_calls).where(ended_calls.c.tenant_id == tx.tenant_id, ended_calls.c.create_time < before)
    )
    return done.rowcount


def _row(contact: Contact, now: datetime) -> dict[str, Any]:
    plain = (
        "contact_id", "queue_id", "queue_time", "brand_id", "call_id", "customer_id", "caller_number", "caller_name",
        "dialed_number", "requirement", "priority", "agent_id", "answer_time", "end_time", "wrap_up_expire_time",
        "wrap_up_end_time", "disposition_id", "note", "offer_count", "ringing", "traceparent",
        "previous_contact_id", "target_agent_id", "consulting_agent_id", "preferred_agent_id", "fired_steps",
        "callback_id", "wrap_up_wanted", "wrap_up_least_time", "create_time", "version",
    )  # fmt: skip
    return {name: getattr(contact, name) for name in plain} | {
        "channel": contact.channel.value,
        "kind": contact.kind.value,
        "state": contact.state.value,
        "required_skills": skills_to_json(contact.required_skills),
        "attributes": dict(contact.attributes),
        "preferred_wait_ms": milliseconds(contact.preferred_wait),
        "overflows": overflows_to_json(contact.overflows),
        "leave_reason": contact.leave_reason or "",
        "wrap_up_mode": contact.wrap_up_mode.value if contact.wrap_up_mode is not None else "",
        "wrap_up_extension_ms": milliseconds(contact.wrap_up_extension),
        "update_time": now,
    }


_OTHERWISE = ("tenant_id", "update_time", "preferred_wait_ms", "wrap_up_extension_ms")


def _contact(row: RowMapping) -> Contact:
    values = {name: row[name] for name in row if name not in _OTHERWISE}
    return Contact(
        **values
        | {
            "channel": Channel(row["channel"]),
            "kind": ContactKind(row["kind"]),
            "overflows": overflows_from_json(row["overflows"]),
            "leave_reason": LeaveReason(row["leave_reason"]) if row["leave_reason"] else None,
            "state": ContactState(row["state"]),
            "required_skills": skills_from_json(row["required_skills"]),
            "preferred_wait": duration(row["preferred_wait_ms"]),
            "wrap_up_mode": WrapUpMode(row["wrap_up_mode"]) if row["wrap_up_mode"] else None,
            "wrap_up_extension": duration(row["wrap_up_extension_ms"]),
        }
    )
