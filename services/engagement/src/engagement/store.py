"""Tables of engagement and the queries on them; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Json, Time, Tx, standard_tables, tenant_table
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    MetaData,
    RowMapping,
    Select,
    Text,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from engagement.domain import WAITING, CallRecording, ContactNews, Customer, HistoryEntry, search_text

SCHEMA = "engagement"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

customers = tenant_table(
    "customers",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("brand_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
)
customer_addresses = tenant_table(
    "customer_addresses",
    metadata,
    Column("brand_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
)
history = tenant_table(
    "history",
    metadata,
    Column("history_entry_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("contact_id", Text),
    Column("contact_version", BigInteger, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("disposition_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("create_time", Time, nullable=False),
)
call_notes = tenant_table(
    "call_notes",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("talk_seconds", BigInteger),
    Column("recording_id", Text),
    Column("recording_erased", Boolean, nullable=False, server_default=false()),
)


async def customer_of_address(tx: Tx, brand_id: str, kind: str, address: str) -> str | None:
    """Id of the brand's customer with this number or e-mail."""
    table = customer_addresses
    found = await tx.one_or_none(
        select(table.c.customer_id).where(
            table.c.tenant_id == tx.tenant_id,
            table.c.brand_id == brand_id,
            table.c.kind == kind,
            table.c.address == address,
        )
    )
    return found["customer_id"] if found else None


async def customer(tx: Tx, customer_id: str) -> Customer | None:
    """One customer with numbers and e-mails, in one statement: a screen pop waits for it."""
    table = customer_addresses
    joined = customers.outerjoin(
        table, and_(table.c.tenant_id == customers.c.tenant_id, table.c.customer_id == customers.c.customer_id)
    )
    rows = await tx.all(
        select(customers, table.c.kind, table.c.address)
        .select_from(joined)
        .where(customers.c.tenant_id == tx.tenant_id, customers.c.customer_id == customer_id)
        .order_by(table.c.position)
    )
    return _customer(rows[0], [row for row in rows if row["address"] is not None]) if rows else None


async def list_customers(tx: Tx, terms: Sequence[str], size: int, token: str) -> tuple[list[Customer], bool]:
    """A page of customers in whom any of `terms` is found (none: all), newest first, and whether there is more."""
    statement = select(customers).where(customers.c.tenant_id == tx.tenant_id)
    if terms:
        statement = statement.where(or_(*(customers.c.search_text.like(f"%{_escaped(term)}%") for term in terms)))
    wanted = page_size(size)
    found = await _customers(tx, keyset(statement, customers.c.create_time, customers.c.customer_id, token, wanted))
    return found[:wanted], len(found) > wanted


async def customers_with(tx: Tx, brand_id: str, name: str, value: str, size: int) -> list[Customer]:
    """Customers of a brand whose attribute of this name is this value, newest first, at most `size`."""
    statement = (
        select(customers)
        .where(
            customers.c.tenant_id == tx.tenant_id,
            customers.c.brand_id == brand_id,
            customers.c.attributes.contains({name: value}),
        )
        .order_by(customers.c.create_time.desc(), customers.c.customer_id.desc())
        .limit(size)
    )
    return await _customers(tx, statement)


async def last_agent(tx: Tx, customer_id: str) -> str:
    """Who talked with a customer last; empty when nobody did."""
    row = await tx.one_or_none(
        select(history.c.agent_id)
        .where(
            history.c.tenant_id == tx.tenant_id,
            history.c.customer_id == customer_id,
            history.c.kind == "contact",
            history.c.agent_id != "",
        )
        .order_by(history.c.create_time.desc(), history.c.history_entry_id.desc())
        .limit(1)
    )
    return row["agent_id"] if row else ""


async def save_customer(tx: Tx, value: Customer) -> None:
    """Writes a customer whole: the row, and its addresses in place of the old ones.

    A unique violation means an address belongs to another customer of the brand.
    """
    row = {
        "tenant_id": tx.tenant_id,
        "customer_id": value.customer_id,
        "brand_id": value.brand_id,
        "display_name": value.display_name,
        "search_text": search_text(value),
        "attributes": dict(value.attributes),
        "create_time": value.create_time,
        "update_time": value.update_time,
        "version": value.version,
    }
    await tx.execute(_upsert(customers, row, ("tenant_id", "customer_id")))
    await tx.execute(
        delete(customer_addresses).where(
            customer_addresses.c.tenant_id == tx.tenant_id,
            customer_addresses.c.customer_id == value.customer_id,
        )
    )
    rows = [
        {
            "tenant_id": tx.tenant_id, "brand_id": value.brand_id, "kind": kind, "address": address,
            "customer_id": value.customer_id, "position": position,
        }
        for kind, addresses in (("number", value.numbers), ("email", value.emails))
        for position, address in enumerate(addresses)
    ]  # fmt: skip
    if rows:
        await tx.execute(insert(customer_addresses), rows)


async def customer_of_contact(tx: Tx, contact_id: str) -> str:
    """Whose history a contact is in; empty when it is in none."""
    row = await tx.one_or_none(
        select(history.c.customer_id).where(history.c.tenant_id == tx.tenant_id, history.c.contact_id == contact_id)
    )
    return row["customer_id"] if row else ""


async def upsert_contact(tx: Tx, news: ContactNews, history_entry_id: str) -> bool:
    """Brings a contact's entry to what `news` says unless something newer is there. True when it was new."""
    known = await tx.one_or_none(
        select(history.c.history_entry_id, history.c.contact_version).where(
            history.c.tenant_id == tx.tenant_id, history.c.contact_id == news.contact_id
        )
    )
    values: dict[str, Any] = {
        "contact_version": news.version,
        "queue_id": news.queue_id,
        "agent_id": news.agent_id,
        "outcome": news.outcome,
        "disposition_id": news.disposition_id,
        "note": news.note,
        "attributes": dict(news.attributes),
    }
    if known is None:
        await tx.execute(
            insert(history).values(
                tenant_id=tx.tenant_id, history_entry_id=history_entry_id, kind="contact",
                customer_id=news.customer_id, contact_id=news.contact_id, call_id=news.call_id,
                create_time=news.time, **values,
            )
        )  # fmt: skip
        return True
    if known["contact_version"] < news.version:
        await tx.execute(
            update(history)
            .where(history.c.tenant_id == tx.tenant_id, history.c.history_entry_id == known["history_entry_id"])
            .values(**values)
        )
    return False


async def insert_note(tx: Tx, entry: HistoryEntry) -> None:
    """Adds a note to a customer's history."""
    await tx.execute(
        insert(history).values(
            tenant_id=tx.tenant_id, history_entry_id=entry.history_entry_id, customer_id=entry.customer_id,
            kind=entry.kind, contact_id=None, contact_version=0, call_id="", agent_id=entry.agent_id, queue_id="",
            outcome="", disposition_id="", note=entry.note, attributes={}, create_time=entry.create_time,
        )
    )  # fmt: skip


async def note_call(tx: Tx, call_id: str, **known: Any) -> None:
    """Keeps what is known by call: `talk_seconds`, `recording_id`, `recording_erased`."""
    row = {"tenant_id": tx.tenant_id, "call_id": call_id, **known}
    await tx.execute(_upsert(call_notes, row, ("tenant_id", "call_id")))


async def recording_of_call(tx: Tx, call_id: str) -> CallRecording | None:
    """The newest recording known of a call."""
    row = await tx.one_or_none(
        select(call_notes.c.recording_id, call_notes.c.recording_erased).where(
            call_notes.c.tenant_id == tx.tenant_id, call_notes.c.call_id == call_id
        )
    )
    return CallRecording(row["recording_id"], row["recording_erased"]) if row and row["recording_id"] else None


async def list_history(tx: Tx, customer_id: str, size: int, token: str) -> tuple[list[HistoryEntry], bool]:
    """A page of a customer's history, newest first, and whether there is more."""
    wanted = page_size(size)
    statement = keyset(_history(tx, customer_id), history.c.create_time, history.c.history_entry_id, token, wanted)
    found = [_entry(row) for row in await tx.all(statement)]
    return found[:wanted], len(found) > wanted


async def past(tx: Tx, customer_id: str, size: int) -> tuple[list[HistoryEntry], int]:
    """The newest entries without contacts that still wait, and how many contacts there ever were; one statement."""
    contacts = func.count().filter(history.c.kind == "contact").over().label("contacts")
    statement = (
        _history(tx, customer_id)
        .add_columns(contacts)
        .where(history.c.outcome != WAITING)
        .order_by(history.c.create_time.desc(), history.c.history_entry_id.desc())
        .limit(size)
    )
    rows = await tx.all(statement)
    return [_entry(row) for row in rows], rows[0]["contacts"] if rows else 0


def _history(tx: Tx, customer_id: str) -> Select[Any]:
    joined = history.outerjoin(
        call_notes, and_(call_notes.c.tenant_id == history.c.tenant_id, call_notes.c.call_id == history.c.call_id)
    )
    return (
        select(history, call_notes.c.talk_seconds, call_notes.c.recording_id, call_notes.c.recording_erased)
        .select_from(joined)
        .where(history.c.tenant_id == tx.tenant_id, history.c.customer_id == customer_id)
    )


async def _customers(tx: Tx, statement: Select[Any]) -> list[Customer]:
    rows = await tx.all(statement)
    if not rows:
        return []
    table = customer_addresses
    found = await tx.all(
        select(table)
        .where(table.c.tenant_id == tx.tenant_id, table.c.customer_id.in_([row["customer_id"] for row in rows]))
        .order_by(table.c.position)
    )
    return [_customer(row, [a for a in found if a["customer_id"] == row["customer_id"]]) for row in rows]


def _customer(row: RowMapping, addresses: Sequence[RowMapping]) -> Customer:
    return Customer(
        customer_id=row["customer_id"],
        brand_id=row["brand_id"],
        display_name=row["display_name"],
        numbers=tuple(each["address"] for each in addresses if each["kind"] == "number"),
        emails=tuple(each["address"] for each in addresses if each["kind"] == "email"),
        attributes=row["attributes"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        version=row["version"],
    )


def _entry(row: RowMapping) -> HistoryEntry:
    return HistoryEntry(
        history_entry_id=row["history_entry_id"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        create_time=row["create_time"],
        contact_id=row["contact_id"] or "",
        call_id=row["call_id"],
        recording_id=row["recording_id"] if row["recording_id"] and not row["recording_erased"] else "",
        agent_id=row["agent_id"],
        queue_id=row["queue_id"],
        outcome=row["outcome"],
        disposition_id=row["disposition_id"],
        note=row["note"],
        attributes=row["attributes"],
        talk_seconds=row["talk_seconds"] or 0,
    )


def _upsert(table: Any, row: Mapping[str, Any], key: Sequence[str]) -> Any:
    statement = insert(table).values(**row)
    rest = {name: statement.excluded[name] for name in row if name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=rest)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
