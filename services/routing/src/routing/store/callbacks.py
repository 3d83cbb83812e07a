"""Rows of callbacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from chassis.paging import keyset
from sqlalchemy import RowMapping, select, update

from routing.domain.callback_outcomes import Outcome
from routing.domain.callbacks import OPEN, Attempt, Callback, CallbackState
from routing.store.rows import Transaction, add, change, skills_from_json, skills_to_json
from routing.store.tables import callbacks

_PLAIN = (
    "callback_id", "queue_id", "number", "caller_name", "customer_id", "brand_id", "dialed_number", "requirement",
    "priority", "preferred_agent_id", "time_zone", "place_time", "due_time", "expire_time", "previous_contact_id",
    "contact_id", "call_id", "agent_id", "release_time", "close_time", "dial_by_time", "end_time",
    "cancel_reason", "traceparent", "create_time", "version", "customer_first", "answer_time",
)  # fmt: skip


async def add_callback(tx: Transaction, callback: Callback) -> None:
    """A new one."""
    await add(tx, callbacks, _row(callback, callback.create_time))


async def change_callback(tx: Transaction, callback: Callback, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, callbacks, "callback_id", _row(callback, now), was)


async def find_callback(tx: Transaction, callback_id: str) -> Callback | None:
    """One by its id."""
    row = await tx.one_or_none(
        select(callbacks).where(callbacks.c.tenant_id == tx.tenant_id, callbacks.c.callback_id == callback_id)
    )
    return _callback(row) if row is not None else None


async def open_callback(tx: Transaction, queue_id: str, number: str) -> Callback | None:
    """The queue's open one for this number."""
    row = await tx.one_or_none(
        select(callbacks).where(
            callbacks.c.tenant_id == tx.tenant_id, callbacks.c.queue_id == queue_id, callbacks.c.number == number,
            callbacks.c.state.in_(sorted(OPEN)),
        )
    )  # fmt: skip
    return _callback(row) if row is not None else None


async def callback_of_call(tx: Transaction, call_id: str) -> Callback | None:
    """The one whose customer this call is to."""
    row = await tx.one_or_none(
        select(callbacks).where(callbacks.c.tenant_id == tx.tenant_id, callbacks.c.call_id == call_id)
    )
    return _callback(row) if row is not None else None


async def callbacks_due(tx: Transaction, now: datetime, limit: int) -> list[Callback]:
    """Those whose time has come, the most overdue first."""
    rows = await tx.all(
        select(callbacks)
        .where(callbacks.c.tenant_id == tx.tenant_id, callbacks.c.next_time <= now)
        .order_by(callbacks.c.next_time)
        .limit(limit)
    )
    return [_callback(row) for row in rows]


async def look_again(tx: Transaction, queue_id: str, states: Sequence[CallbackState], now: datetime) -> None:
    """The clock looks now at the queue's callbacks in these states, whenever it was to. What they are stays."""
    await tx.execute(
        update(callbacks)
        .where(
            callbacks.c.tenant_id == tx.tenant_id, callbacks.c.queue_id == queue_id,
            callbacks.c.state.in_([state.value for state in states]),
        )
        .values(next_time=now)
    )  # fmt: skip


async def callbacks_of(tx: Transaction, callback_ids: Collection[str]) -> list[Callback]:
    """Those of the ids, in no order."""
    found: list[Callback] = []
    wanted = sorted(callback_ids)
    for begin in range(0, len(wanted), 1000):
        rows = await tx.all(
            select(callbacks).where(
                callbacks.c.tenant_id == tx.tenant_id, callbacks.c.callback_id.in_(wanted[begin : begin + 1000])
            )
        )
        found += map(_callback, rows)
    return found


async def page_of_callbacks(
    tx: Transaction, size: int, token: str, *, queue_id: str = "", states: Sequence[CallbackState] = (),
    number: str = "",
) -> list[Callback]:  # fmt: skip
    """Newest first, one more than `size` when there is a next page."""
    listed = select(callbacks).where(callbacks.c.tenant_id == tx.tenant_id)
    if queue_id:
        listed = listed.where(callbacks.c.queue_id == queue_id)
    if states:
        listed = listed.where(callbacks.c.state.in_([state.value for state in states]))
    if number:
        listed = listed.where(callbacks.c.number == number)
    rows = await tx.all(keyset(listed, callbacks.c.create_time, callbacks.c.callback_id, token, size))
    return [_callback(row) for row in rows]


def _row(callback: Callback, now: datetime) -> dict[str, Any]:
    return {name: getattr(callback, name) for name in _PLAIN} | {
        "state": callback.state.value,
        "required_skills": skills_to_json(callback.required_skills),
        "attributes": dict(callback.attributes),
        "next_time": callback.next_time,
        "attempts": [
            {
                "begin_time": each.begin_time.isoformat(),
                "agent_id": each.agent_id,
                "contact_id": each.contact_id,
                "call_id": each.call_id,
                "outcome": each.outcome.value,
            }
            for each in callback.attempts
        ],
        "update_time": now,
    }


def _callback(row: RowMapping) -> Callback:
    return Callback(
        **{name: row[name] for name in _PLAIN},
        state=CallbackState(row["state"]),
        required_skills=skills_from_json(row["required_skills"]),
        attributes=row["attributes"],
        attempts=tuple(
            Attempt(
                datetime.fromisoformat(each["begin_time"]), each["agent_id"], each["contact_id"], each["call_id"],
                Outcome(each["outcome"]),
            )
            for each in row["attempts"]
        ),
    )  # fmt: skip
