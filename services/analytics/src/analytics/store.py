"""Tables of analytics and the queries on them; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.sql import Time, Tx, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from analytics.domain.board import Agent, Queue, Waiting
from analytics.domain.callbacks import Callback
from analytics.domain.contacts import DEFAULT_THRESHOLD, WAITING, Contact, Span, holds_of
from analytics.domain.intervals import NAMES, Counters, Key

SCHEMA = "analytics"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

contact_rows = tenant_table(
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
    Column("threshold_seconds", BigInteger),
    Column("kind", Text, nullable=False),
    Column("targeted", Boolean, nullable=False),
)
hold_marks = tenant_table(
    "hold_marks",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("mark_time", Time, primary_key=True),
    Column("held", Boolean, primary_key=True),
)
missed_offers = tenant_table(
    "missed_offers",
    metadata,
    Column("offer_id", Text, primary_key=True),
    Column("queue_id", Text, nullable=False),
    Column("miss_time", Time, nullable=False),
)
callback_rows = tenant_table(
    "callbacks",
    metadata,
    Column("callback_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request_time", Time, nullable=False),
    Index("callbacks_by_time", "tenant_id", "request_time"),
)
queue_intervals = tenant_table(
    "queue_intervals",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in NAMES),
)
agent_intervals = tenant_table(
    "agent_intervals",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    Column("handled", BigInteger, nullable=False),
)
agents = tenant_table(
    "agents",
    metadata,
    Column("agent_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state_time", Time, nullable=False),
    Column("person_version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
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
tenants = tenant_table(
    "tenants", metadata, Column("time_zone", Text, nullable=False), Column("version", BigInteger, nullable=False)
)
boards = tenant_table(
    "boards", metadata, Column("sequence", BigInteger, nullable=False), Column("data_time", Time, nullable=False)
)

# Written out, since a partial index is only taken for a condition the planner can read.
_WAITING = [literal_column(f"'{state}'") for state in sorted(WAITING)]
_LONGEST_CONTACT = timedelta(days=2)


@dataclass(frozen=True)
class Which:
    """Which contacts: by one of their ids."""

    contact_ids: tuple[str, ...] = ()
    call_id: str = ""
    queue_id: str = ""
    without_threshold: bool = False


async def contacts(tx: Tx, which: Which) -> list[Contact]:
    """The contacts with their holds; none when no id is given."""
    statement = select(contact_rows).where(contact_rows.c.tenant_id == tx.tenant_id)
    named = False
    if which.contact_ids:
        statement, named = statement.where(contact_rows.c.contact_id.in_(which.contact_ids)), True
    for column, value in (("call_id", which.call_id), ("queue_id", which.queue_id)):
        if value:
            statement, named = statement.where(contact_rows.c[column] == value), True
    if which.without_threshold:
        statement = statement.where(contact_rows.c.threshold_seconds.is_(None))
    return await _with_holds(tx, await tx.all(statement.order_by(contact_rows.c.contact_id))) if named else []


async def contacts_touching(tx: Tx, start: datetime, end: datetime) -> list[Contact]:
    """Contacts with any mark in [start, end)."""
    statement = select(contact_rows).where(
        contact_rows.c.tenant_id == tx.tenant_id,
        contact_rows.c.queue_time < end,
        contact_rows.c.queue_time >= start - _LONGEST_CONTACT,
    )
    return await _with_holds(tx, await tx.all(statement))


async def save_contact(tx: Tx, value: Contact, version: int, call_id: str) -> None:
    """Brings a contact's row to `value` unless a newer version is there. A new row takes its queue's threshold."""
    row = {
        "tenant_id": tx.tenant_id, "contact_id": value.contact_id, "version": version, "queue_id": value.queue_id,
        "call_id": call_id, "state": value.state, "agent_id": value.agent_id, "queue_time": value.queue_time,
        "answer_time": value.answer_time, "end_time": value.end_time, "wrap_up_end_time": value.wrap_up_end_time,
        "abandoned": value.abandoned, "short_abandon": False, "threshold_seconds": await _threshold(tx, value.queue_id),
        "kind": value.kind, "targeted": value.targeted,
    }  # fmt: skip
    await _forward(tx, contact_rows, row, "contact_id", keep=("short_abandon", "threshold_seconds"))


async def mark_short_abandon(tx: Tx, contact_id: str) -> None:
    """The customer left within the short threshold."""
    await tx.execute(
        update(contact_rows)
        .where(contact_rows.c.tenant_id == tx.tenant_id, contact_rows.c.contact_id == contact_id)
        .values(short_abandon=True)
    )


async def mark_hold(tx: Tx, call_id: str, time: datetime, held: bool) -> None:
    """A mark of a hold's begin or end."""
    row = {"tenant_id": tx.tenant_id, "call_id": call_id, "mark_time": time, "held": held}
    await tx.execute(insert(hold_marks).values(**row).on_conflict_do_nothing())


async def save_missed_offer(tx: Tx, offer_id: str, queue_id: str, time: datetime) -> bool:
    """An offer was missed; whether that is news."""
    row = {"tenant_id": tx.tenant_id, "offer_id": offer_id, "queue_id": queue_id, "miss_time": time}
    return bool((await tx.execute(insert(missed_offers).values(**row).on_conflict_do_nothing())).rowcount)


async def missed_between(tx: Tx, start: datetime, end: datetime) -> dict[Key, int]:
    """Missed offers in [start, end) by queue and quarter hour."""
    quarter = func.date_bin(timedelta(minutes=15), missed_offers.c.miss_time, start)
    rows = await tx.all(
        select(missed_offers.c.queue_id, quarter.label("quarter"), func.count().label("missed"))
        .where(
            missed_offers.c.tenant_id == tx.tenant_id,
            missed_offers.c.miss_time >= start,
            missed_offers.c.miss_time < end,
        )
        .group_by(missed_offers.c.queue_id, "quarter")
    )
    return {(row["queue_id"], row["quarter"]): row["missed"] for row in rows}


async def save_callback(tx: Tx, value: Callback, version: int) -> None:
    """Brings a callback's row to `value` unless a newer version is there."""
    await _forward(tx, callback_rows, {"tenant_id": tx.tenant_id, "version": version, **vars(value)}, "callback_id")


async def callback(tx: Tx, callback_id: str) -> list[Callback]:
    """The callback, if it was heard of."""
    rows = await tx.all(
        select(callback_rows).where(
            callback_rows.c.tenant_id == tx.tenant_id, callback_rows.c.callback_id == callback_id
        )
    )
    return [_callback(row) for row in rows]


async def callbacks_between(tx: Tx, start: datetime, end: datetime) -> list[Callback]:
    """Callbacks asked for in [start, end)."""
    rows = await tx.all(
        select(callback_rows).where(
            callback_rows.c.tenant_id == tx.tenant_id,
            callback_rows.c.request_time >= start,
            callback_rows.c.request_time < end,
        )
    )
    return [_callback(row) for row in rows]


async def add_counters(tx: Tx, differences: Mapping[Key, Counters]) -> None:
    """Adds to the counters of each queue and interval."""
    for (queue_id, start), difference in sorted(differences.items()):
        row = {"tenant_id": tx.tenant_id, "queue_id": queue_id, "start_time": start, **vars(difference)}
        await _add(tx, queue_intervals, row, ["tenant_id", "queue_id", "start_time"], NAMES)


async def add_handled(tx: Tx, differences: Mapping[Key, int]) -> None:
    """Adds to what each agent handled in each interval."""
    for (agent_id, start), difference in sorted(differences.items()):
        row = {"tenant_id": tx.tenant_id, "agent_id": agent_id, "start_time": start, "handled": difference}
        await _add(tx, agent_intervals, row, ["tenant_id", "agent_id", "start_time"], ("handled",))


async def sum_by_queue(tx: Tx, start: datetime) -> dict[str, Counters]:
    """Counters since `start`, by queue."""
    rows = await tx.all(
        select(queue_intervals.c.queue_id, *(func.sum(queue_intervals.c[name]).label(name) for name in NAMES))
        .where(queue_intervals.c.tenant_id == tx.tenant_id, queue_intervals.c.start_time >= start)
        .group_by(queue_intervals.c.queue_id)
    )
    return {row["queue_id"]: _counters(row) for row in rows}


async def list_counters(tx: Tx, queue_id: str, start: datetime, end: datetime) -> list[tuple[Key, Counters]]:
    """Counters of the intervals that begin in [start, end), oldest first; of one queue when named."""
    statement = select(queue_intervals).where(
        queue_intervals.c.tenant_id == tx.tenant_id,
        queue_intervals.c.start_time >= start,
        queue_intervals.c.start_time < end,
    )
    if queue_id:
        statement = statement.where(queue_intervals.c.queue_id == queue_id)
    rows = await tx.all(statement.order_by(queue_intervals.c.start_time, queue_intervals.c.queue_id))
    return [((row["queue_id"], row["start_time"]), _counters(row)) for row in rows]


async def handled_since(tx: Tx, start: datetime) -> dict[str, int]:
    """Contacts handled since `start`, by agent."""
    rows = await tx.all(
        select(agent_intervals.c.agent_id, func.sum(agent_intervals.c.handled).label("handled"))
        .where(agent_intervals.c.tenant_id == tx.tenant_id, agent_intervals.c.start_time >= start)
        .group_by(agent_intervals.c.agent_id)
    )
    return {row["agent_id"]: int(row["handled"]) for row in rows}


async def waiting(tx: Tx) -> dict[str, Waiting]:
    """Customers who wait now for whoever serves the queue, by queue."""
    rows = await tx.all(
        select(contact_rows.c.queue_id, func.count().label("depth"), func.min(contact_rows.c.queue_time).label("since"))
        .where(
            contact_rows.c.tenant_id == tx.tenant_id,
            contact_rows.c.state.in_(_WAITING),
            contact_rows.c.kind != "CONSULT",
            contact_rows.c.targeted.is_(False),
        )
        .group_by(contact_rows.c.queue_id)
    )
    return {row["queue_id"]: Waiting(row["depth"], row["since"]) for row in rows}


async def move_on(tx: Tx, fact_time: datetime) -> None:
    """The wallboard's place: it rises with every push, also over restarts and replicas."""
    statement = insert(boards).values(tenant_id=tx.tenant_id, sequence=1, data_time=fact_time)
    newer = {
        "sequence": boards.c.sequence + 1,
        "data_time": func.greatest(boards.c.data_time, statement.excluded.data_time),
    }
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=newer))


async def place(tx: Tx) -> tuple[int, datetime | None]:
    """Sequence and time of the newest fact; 0 and None before the first."""
    row = await tx.one_or_none(select(boards).where(boards.c.tenant_id == tx.tenant_id))
    return (row["sequence"], row["data_time"]) if row else (0, None)


async def save_agent_state(tx: Tx, agent: Agent, version: int) -> None:
    """Brings an agent's state to `agent` unless a newer version is there."""
    row = {
        "tenant_id": tx.tenant_id, "agent_id": agent.agent_id, "version": version, "state": agent.state,
        "reason": agent.reason, "state_time": agent.state_time, "person_version": 0,
        "display_name": agent.display_name, "active": True,
    }  # fmt: skip
    await _forward(tx, agents, row, "agent_id", keep=("person_version", "display_name", "active"))


async def save_person(tx: Tx, agent_id: str, version: int, display_name: str, active: bool, joined: datetime) -> None:
    """Name of an agent, and whether they still work here, unless newer ones are known; their state stays as it is."""
    row = {
        "tenant_id": tx.tenant_id, "agent_id": agent_id, "version": 0, "state": "OFFLINE", "reason": "",
        "state_time": joined, "person_version": version, "display_name": display_name, "active": active,
    }  # fmt: skip
    keep = ("version", "state", "reason", "state_time")
    await _forward(tx, agents, row, "agent_id", keep=keep, by="person_version")


async def list_agents(tx: Tx) -> list[Agent]:
    """Active agents by name."""
    rows = await tx.all(
        select(agents)
        .where(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True))
        .order_by(agents.c.display_name, agents.c.agent_id)
    )
    return [Agent(row["agent_id"], row["display_name"], row["state"], row["reason"], row["state_time"]) for row in rows]


async def save_queue(tx: Tx, queue: Queue, version: int) -> None:
    """Brings a queue to `queue` unless a newer version is there; gives it to contacts that came before it. What
    is deleted stays so."""
    row = {
        "tenant_id": tx.tenant_id, "queue_id": queue.queue_id, "version": version, "deleted": False,
        "display_name": queue.display_name, "threshold_seconds": queue.threshold_seconds,
    }  # fmt: skip
    await _forward(tx, queues, row, "queue_id", keep=("deleted",))
    await tx.execute(
        update(contact_rows)
        .where(
            contact_rows.c.tenant_id == tx.tenant_id,
            contact_rows.c.queue_id == queue.queue_id,
            contact_rows.c.threshold_seconds.is_(None),
        )
        .values(threshold_seconds=queue.threshold_seconds)
    )


async def delete_queue(tx: Tx, queue_id: str) -> None:
    """Nothing brings a deleted queue back. Its threshold still holds for contacts heard of later."""
    row = {
        "tenant_id": tx.tenant_id, "queue_id": queue_id, "version": 0, "deleted": True, "display_name": "",
        "threshold_seconds": 0,
    }  # fmt: skip
    statement = insert(queues).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "queue_id"], set_={"deleted": True}))


async def list_queues(tx: Tx) -> list[Queue]:
    """Queues by name."""
    rows = await tx.all(
        select(queues)
        .where(queues.c.tenant_id == tx.tenant_id, queues.c.deleted.is_(False))
        .order_by(queues.c.display_name, queues.c.queue_id)
    )
    return [Queue(row["queue_id"], row["display_name"], row["threshold_seconds"]) for row in rows]


async def save_time_zone(tx: Tx, time_zone: str, version: int) -> None:
    """The zone a tenant's days follow, unless a newer version of the tenant was heard of."""
    row = {"tenant_id": tx.tenant_id, "time_zone": time_zone, "version": version}
    statement = insert(tenants).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row, where=tenants.c.version < version)
    )


async def time_zone(tx: Tx) -> str:
    """The zone a tenant's days follow; UTC while unknown."""
    row = await tx.one_or_none(select(tenants.c.time_zone).where(tenants.c.tenant_id == tx.tenant_id))
    return row["time_zone"] if row else "UTC"


async def _threshold(tx: Tx, queue_id: str) -> int | None:
    row = await tx.one_or_none(
        select(queues.c.threshold_seconds).where(
            queues.c.tenant_id == tx.tenant_id, queues.c.queue_id == queue_id, queues.c.version > 0
        )
    )
    return row["threshold_seconds"] if row else None


async def _forward(
    tx: Tx, table: Table, row: Mapping[str, Any], key: str, keep: Sequence[str] = (), by: str = "version"
) -> None:
    statement = insert(table).values(**row)
    newer = {name: statement.excluded[name] for name in row if name not in ("tenant_id", key, *keep)}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", key], set_=newer, where=table.c[by] < statement.excluded[by]
        )
    )


async def _add(tx: Tx, table: Table, row: Mapping[str, Any], key: Sequence[str], names: Sequence[str]) -> None:
    statement = insert(table).values(**row)
    sums = {name: table.c[name] + statement.excluded[name] for name in names}
    await tx.execute(statement.on_conflict_do_update(index_elements=key, set_=sums))


async def _with_holds(tx: Tx, rows: Sequence[Mapping[Any, Any]]) -> list[Contact]:
    calls = {row["call_id"] for row in rows if row["call_id"]}
    marks: dict[str, list[tuple[datetime, bool]]] = {}
    if calls:
        found = await tx.all(
            select(hold_marks).where(hold_marks.c.tenant_id == tx.tenant_id, hold_marks.c.call_id.in_(sorted(calls)))
        )
        for mark in found:
            marks.setdefault(mark["call_id"], []).append((mark["mark_time"], mark["held"]))
    return [_contact(row, holds_of(marks.get(row["call_id"], ()))) for row in rows]


def _contact(row: Mapping[Any, Any], held: Sequence[Span]) -> Contact:
    threshold = row["threshold_seconds"]
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
        threshold=DEFAULT_THRESHOLD if threshold is None else timedelta(seconds=threshold),
        holds=held,
        kind=row["kind"],
        targeted=row["targeted"],
    )


def _callback(row: Mapping[Any, Any]) -> Callback:
    return Callback(row["callback_id"], row["queue_id"], row["state"], row["request_time"])


def _counters(row: Mapping[Any, Any]) -> Counters:
    return Counters(**{name: int(row[name]) for name in NAMES})
