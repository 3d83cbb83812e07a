"""Tables of analytics and the queries on them; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.sql import Time, Tx, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Text, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from analytics.domain.board import Agent, Queue
from analytics.domain.contacts import WAITING, Contact, Span

SCHEMA = "analytics"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

contacts = tenant_table(
    "contacts",
    metadata,
    Column("contact_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("queue_time", Time, nullable=False),
    Column("answer_time", Time),
    Column("end_time", Time),
    Column("wrap_up_end_time", Time),
    Column("abandoned", Boolean, nullable=False),
    Column("short_abandon", Boolean, nullable=False),
    Column("within_threshold", Boolean, nullable=False),
    Column("fact_time", Time, nullable=False),
)
holds = tenant_table(
    "holds",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    Column("end_time", Time),
)
missed_offers = tenant_table(
    "missed_offers",
    metadata,
    Column("offer_id", Text, primary_key=True),
    Column("queue_id", Text, nullable=False),
    Column("miss_time", Time, nullable=False),
)
agents = tenant_table(
    "agents",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state_time", Time, nullable=False),
    Column("fact_time", Time, nullable=False),
)
queues = tenant_table(
    "queues",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("threshold_seconds", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
)
tenants = tenant_table("tenants", metadata, Column("time_zone", Text, nullable=False))

GONE = 2**62
"""Version of something deleted: nothing brings it back."""


async def save_contact(tx: Tx, value: Contact, version: int, call_id: str, fact_time: datetime) -> None:
    """Brings a contact's row to `value` unless a newer version is there."""
    row = {
        "tenant_id": tx.tenant_id,
        "contact_id": value.contact_id,
        "version": version,
        "queue_id": value.queue_id,
        "call_id": call_id,
        "state": value.state,
        "agent_id": value.agent_id,
        "queue_time": value.queue_time,
        "answer_time": value.answer_time,
        "end_time": value.end_time,
        "wrap_up_end_time": value.wrap_up_end_time,
        "abandoned": value.abandoned,
        "short_abandon": False,
        "within_threshold": value.within_threshold,
        "fact_time": fact_time,
    }
    await _forward(tx, contacts, row, "contact_id", keep=("short_abandon",))


async def mark_short_abandon(tx: Tx, contact_id: str) -> None:
    """The customer left within the short threshold. Holds whichever version of the contact came before."""
    await tx.execute(
        update(contacts)
        .where(contacts.c.tenant_id == tx.tenant_id, contacts.c.contact_id == contact_id)
        .values(short_abandon=True)
    )


async def contacts_between(tx: Tx, start: datetime, end: datetime, *, with_waiting: bool = False) -> list[Contact]:
    """Contacts that arrived in [start, end), with their holds; also those still waiting when asked."""
    arrived = (contacts.c.queue_time >= start) & (contacts.c.queue_time < end)
    wanted = or_(arrived, contacts.c.state.in_(WAITING)) if with_waiting else arrived
    rows = await tx.all(select(contacts).where(contacts.c.tenant_id == tx.tenant_id, wanted))
    held = await _holds_since(tx, start)
    return [_contact(row, held.get(row["call_id"], ())) for row in rows]


async def contacts_touching(tx: Tx, start: datetime, end: datetime, queue_id: str) -> list[Contact]:
    """Contacts with any mark in [start, end): arrived before its end, and not over before its start."""
    statement = select(contacts).where(
        contacts.c.tenant_id == tx.tenant_id,
        contacts.c.queue_time < end,
        contacts.c.queue_time >= start - timedelta(days=1),
    )
    if queue_id:
        statement = statement.where(contacts.c.queue_id == queue_id)
    held = await _holds_since(tx, start - timedelta(days=1))
    return [_contact(row, held.get(row["call_id"], ())) for row in await tx.all(statement)]


async def newest_fact(tx: Tx) -> datetime | None:
    """Time of the newest fact counted."""
    times = [
        (await tx.one(select(func.max(table.c.fact_time).label("t")).where(table.c.tenant_id == tx.tenant_id)))["t"]
        for table in (contacts, agents)
    ]
    return max((time for time in times if time is not None), default=None)


async def begin_hold(tx: Tx, call_id: str, time: datetime) -> None:
    """The customer was put on hold."""
    row = {"tenant_id": tx.tenant_id, "call_id": call_id, "start_time": time, "end_time": None}
    await tx.execute(insert(holds).values(**row).on_conflict_do_nothing())


async def end_holds(tx: Tx, call_id: str, time: datetime) -> None:
    """Whatever hold was open is over."""
    await tx.execute(
        update(holds)
        .where(holds.c.tenant_id == tx.tenant_id, holds.c.call_id == call_id, holds.c.end_time.is_(None))
        .values(end_time=time)
    )


async def note_missed(tx: Tx, offer_id: str, queue_id: str, time: datetime) -> None:
    """An offer was missed."""
    row = {"tenant_id": tx.tenant_id, "offer_id": offer_id, "queue_id": queue_id, "miss_time": time}
    await tx.execute(insert(missed_offers).values(**row).on_conflict_do_nothing())


async def missed_since(tx: Tx, start: datetime) -> dict[str, int]:
    """Missed offers by queue."""
    rows = await tx.all(
        select(missed_offers.c.queue_id, func.count().label("n"))
        .where(missed_offers.c.tenant_id == tx.tenant_id, missed_offers.c.miss_time >= start)
        .group_by(missed_offers.c.queue_id)
    )
    return {row["queue_id"]: row["n"] for row in rows}


async def save_agent_state(tx: Tx, agent: Agent, version: int, fact_time: datetime) -> None:
    """Brings an agent's state to `agent` unless a newer version is there."""
    row = {
        "tenant_id": tx.tenant_id, "agent_id": agent.agent_id, "version": version, "active": True,
        "display_name": agent.display_name, "state": agent.state, "reason": agent.reason,
        "state_time": agent.state_time, "fact_time": fact_time,
    }  # fmt: skip
    await _forward(tx, agents, row, "agent_id", keep=("active",))


async def save_person(tx: Tx, agent_id: str, display_name: str, active: bool, time: datetime) -> None:
    """Name of an agent, and whether they still work here; their state stays as it is."""
    row = {
        "tenant_id": tx.tenant_id, "agent_id": agent_id, "version": 0, "display_name": display_name,
        "active": active, "state": "OFFLINE", "reason": "", "state_time": time, "fact_time": time,
    }  # fmt: skip
    statement = insert(agents).values(**row)
    named = {name: statement.excluded[name] for name in ("display_name", "active")}
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "agent_id"], set_=named))


async def list_agents(tx: Tx) -> list[Agent]:
    """Active agents by name."""
    rows = await tx.all(
        select(agents)
        .where(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True))
        .order_by(agents.c.display_name, agents.c.agent_id)
    )
    return [Agent(row["agent_id"], row["display_name"], row["state"], row["reason"], row["state_time"]) for row in rows]


async def save_queue(tx: Tx, queue: Queue, version: int, *, deleted: bool = False) -> None:
    """Brings a queue to `queue` unless a newer version is there."""
    row = {
        "tenant_id": tx.tenant_id, "queue_id": queue.queue_id, "version": version, "deleted": deleted,
        "display_name": queue.display_name, "threshold_seconds": queue.threshold_seconds,
    }  # fmt: skip
    await _forward(tx, queues, row, "queue_id")


async def list_queues(tx: Tx) -> list[Queue]:
    """Queues by name."""
    rows = await tx.all(
        select(queues)
        .where(queues.c.tenant_id == tx.tenant_id, queues.c.deleted.is_(False))
        .order_by(queues.c.display_name, queues.c.queue_id)
    )
    return [_queue(row) for row in rows]


async def queue(tx: Tx, queue_id: str) -> Queue:
    """One queue; with the default threshold when its fact has not come yet."""
    row = await tx.one_or_none(select(queues).where(queues.c.tenant_id == tx.tenant_id, queues.c.queue_id == queue_id))
    return _queue(row) if row else Queue(queue_id, "")


async def save_time_zone(tx: Tx, time_zone: str) -> None:
    """The zone a tenant's days follow."""
    statement = insert(tenants).values(tenant_id=tx.tenant_id, time_zone=time_zone)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_={"time_zone": time_zone}))


async def time_zone(tx: Tx) -> str:
    """The zone a tenant's days follow; UTC while unknown."""
    row = await tx.one_or_none(select(tenants.c.time_zone).where(tenants.c.tenant_id == tx.tenant_id))
    return row["time_zone"] if row else "UTC"


async def _forward(tx: Tx, table: Any, row: Mapping[str, Any], key: str, keep: Sequence[str] = ()) -> None:
    statement = insert(table).values(**row)
    newer = {name: statement.excluded[name] for name in row if name not in ("tenant_id", key, *keep)}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", key], set_=newer, where=table.c.version < statement.excluded.version
        )
    )


async def _holds_since(tx: Tx, start: datetime) -> dict[str, list[Span]]:
    rows = await tx.all(
        select(holds).where(
            holds.c.tenant_id == tx.tenant_id, holds.c.start_time >= start, holds.c.end_time.is_not(None)
        )
    )
    found: dict[str, list[Span]] = {}
    for row in rows:
        found.setdefault(row["call_id"], []).append((row["start_time"], row["end_time"]))
    return found


def _contact(row: Mapping[Any, Any], held: Sequence[Span]) -> Contact:
    return Contact(
        contact_id=row["contact_id"],
        queue_id=row["queue_id"],
        state=row["state"],
        queue_time=row["queue_time"],
        answer_time=row["answer_time"],
        end_time=row["end_time"],
        wrap_up_end_time=row["wrap_up_end_time"],
        agent_id=row["agent_id"],
        abandoned=row["abandoned"],
        short_abandon=row["short_abandon"],
        within_threshold=row["within_threshold"],
        holds=held,
    )


def _queue(row: Mapping[Any, Any]) -> Queue:
    return Queue(row["queue_id"], row["display_name"], row["threshold_seconds"])
