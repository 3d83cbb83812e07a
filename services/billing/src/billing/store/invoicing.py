"""Queries on invoices that are issued, and on when the next one is due; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.invoicing import Invoice, Kind, State
from billing.domain.parties import as_json, entity_from, profile_from
from billing.store.invoicing_tables import billing_accounts, invoices
from billing.store.tables import plans_held

_SUMMARY = [column for column in invoices.c if column.name not in ("statement",)]
SWEPT = 200


@dataclass(frozen=True)
class Account:
    """Until when the company is invoiced, and when the next draft is to be made: when its next period ends."""

    last_end_time: datetime | None
    next_end_time: datetime


@dataclass(frozen=True)
class Due:
    """An invoice something is to be done with, and its place in the line."""

    tenant_id: str
    invoice_id: str
    time: datetime


async def insert_invoice(tx: Tx, invoice: Invoice) -> None:
    """A new invoice; one of the same period there already makes the transaction run again and find it."""
    if not (await tx.execute(insert(invoices).values(**_row(invoice)).on_conflict_do_nothing())).rowcount:
        raise TryAgain


async def save_invoice(tx: Tx, invoice: Invoice) -> None:
    """The invoice as it is now; what a finalized one says isn't written again."""
    values = _row(invoice)
    if not values["statement"]:  # it was read without
        del values["statement"]
    known = (invoices.c.tenant_id == tx.tenant_id, invoices.c.invoice_id == invoice.invoice_id)
    await tx.execute(update(invoices).where(*known).values(**values))


async def invoice(tx: Tx, invoice_id: str) -> Invoice | None:
    """One invoice of the tenant."""
    row = await tx.one_or_none(
        select(invoices).where(invoices.c.tenant_id == tx.tenant_id, invoices.c.invoice_id == invoice_id)
    )
    return _invoice(row) if row else None


async def overdue(tx: Tx) -> list[Invoice]:
    """The tenant's overdue invoices, oldest first, without what they say."""
    rows = await tx.all(
        select(*_SUMMARY)
        .where(invoices.c.tenant_id == tx.tenant_id, invoices.c.state == State.OVERDUE.value)
        .order_by(invoices.c.due_time, invoices.c.invoice_id)
    )
    return [_invoice(row) for row in rows]


async def tenant_of(tx: Tx, invoice_id: str) -> str:
    """Whose invoice it is; empty for none. System transaction."""
    row = await tx.one_or_none(select(invoices.c.tenant_id).where(invoices.c.invoice_id == invoice_id))
    return row["tenant_id"] if row else ""


async def drafts_before(tx: Tx, start: datetime, kind: Kind = Kind.OWN) -> list[Invoice]:
    """The drafts that come before one of a kind of the period that begins at `start`, oldest first: what a period costs
    in advance comes before what it costs as a whole."""
    earlier = invoices.c.start_time < start
    if kind is Kind.OWN:
        earlier = or_(earlier, and_(invoices.c.start_time == start, invoices.c.kind == Kind.ADVANCE.value))
    rows = await tx.all(
        select(invoices)
        .where(
            invoices.c.tenant_id == tx.tenant_id, invoices.c.kind.in_(_beside(kind)),
            invoices.c.state == State.DRAFT.value, earlier,
        )
        .order_by(invoices.c.start_time, invoices.c.invoice_id)
    )  # fmt: skip
    return [_invoice(row) for row in rows]


async def finalized(tx: Tx, kind: Kind = Kind.OWN) -> list[Invoice]:
    """The tenant's invoices of a kind that were finalized, also void ones, oldest period first, without what they say.
    Those of what a period costs in advance are the company's own too."""
    rows = await tx.all(
        select(*_SUMMARY)
        .where(
            invoices.c.tenant_id == tx.tenant_id, invoices.c.kind.in_(_beside(kind)),
            invoices.c.cutoff_time.is_not(None),
        )
        .order_by(invoices.c.start_time, invoices.c.cutoff_time)
    )  # fmt: skip
    return [_invoice(row) for row in rows]


def _beside(kind: Kind) -> list[str]:
    return [kind.value] if kind is Kind.RESALE else [Kind.OWN.value, Kind.ADVANCE.value]


async def next_own(tx: Tx, after: datetime | None, ended_by: datetime) -> Invoice | None:
    """The tenant's first invoice of its own usage whose period ended after `after` and by `ended_by`, without what it
    says."""
    statement = select(*_SUMMARY).where(
        invoices.c.tenant_id == tx.tenant_id, invoices.c.kind == Kind.OWN.value, invoices.c.follows_invoice_id == "",
        invoices.c.end_time <= ended_by,
    )  # fmt: skip
    if after is not None:
        statement = statement.where(invoices.c.end_time > after)
    row = await tx.one_or_none(statement.order_by(invoices.c.end_time).limit(1))
    return _invoice(row) if row else None


async def list_invoices(tx: Tx, state: State | None, size: int, token: str) -> tuple[list[Invoice], bool]:
    """A page of the tenant's invoices, newest period first, without what they say; and whether there is more."""
    statement = select(*_SUMMARY).where(invoices.c.tenant_id == tx.tenant_id)
    if state is not None:
        statement = statement.where(invoices.c.state == state.value)
    return await _page(
        tx, keyset(statement, invoices.c.start_time, invoices.c.invoice_id, token, page_size(size)), size
    )


async def list_all(
    tx: Tx, state: State | None, tenant_id: str, number: str, size: int, token: str
) -> tuple[list[Invoice], bool]:
    """A page of all tenants' invoices, newest first. System transaction."""
    statement = select(*_SUMMARY)
    if state is not None:
        statement = statement.where(invoices.c.state == state.value)
    if tenant_id:
        statement = statement.where(invoices.c.tenant_id == tenant_id)
    if number:
        statement = statement.where(invoices.c.number == number)
    return await _page(
        tx, keyset(statement, invoices.c.create_time, invoices.c.invoice_id, token, page_size(size)), size
    )


async def account(tx: Tx) -> Account | None:
    """Until when the tenant is invoiced."""
    row = await tx.one_or_none(select(billing_accounts).where(billing_accounts.c.tenant_id == tx.tenant_id))
    return Account(row["last_end_time"], row["next_end_time"]) if row else None


async def save_account(tx: Tx, value: Account) -> None:
    """Until when the tenant is invoiced now."""
    row = {"tenant_id": tx.tenant_id, "last_end_time": value.last_end_time, "next_end_time": value.next_end_time}
    statement = insert(billing_accounts).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def first_plan_time(tx: Tx) -> datetime | None:
    """When the tenant first held a plan."""
    row = await tx.one(
        select(func.min(plans_held.c.effective_time).label("first")).where(plans_held.c.tenant_id == tx.tenant_id)
    )
    return row["first"]


async def without_account(tx: Tx) -> list[str]:
    """Tenants that hold a plan and were never looked at. System transaction."""
    rows = await tx.all(
        select(plans_held.c.tenant_id)
        .distinct()
        .outerjoin(billing_accounts, billing_accounts.c.tenant_id == plans_held.c.tenant_id)
        .where(billing_accounts.c.tenant_id.is_(None))
        .order_by(plans_held.c.tenant_id)
        .limit(SWEPT)
    )
    return [row["tenant_id"] for row in rows]


async def periods_over(tx: Tx, now: datetime, after: str) -> list[str]:
    """Tenants whose period has ended, from the one after `after`. System transaction."""
    rows = await tx.all(
        select(billing_accounts.c.tenant_id)
        .where(billing_accounts.c.next_end_time <= now, billing_accounts.c.tenant_id > after)
        .order_by(billing_accounts.c.tenant_id)
        .limit(SWEPT)
    )
    return [row["tenant_id"] for row in rows]


async def drafts_over(tx: Tx, ended_by: datetime, after: Due | None) -> list[Due]:
    """Drafts whose period ended by then, of charges in advance began by then, oldest period first, from the one after
    `after`. System transaction."""
    state = invoices.c.state == State.DRAFT.value
    begun = and_(invoices.c.kind == Kind.ADVANCE.value, invoices.c.start_time <= ended_by)
    return await _due(tx, state, invoices.c.start_time, or_(invoices.c.end_time <= ended_by, begun), after)


async def fallen_due(tx: Tx, now: datetime, after: Due | None) -> list[Due]:
    """Invoices whose due time has passed, from the one after `after`. System transaction."""
    state = invoices.c.state == State.FINALIZED.value
    return await _due(tx, state, invoices.c.due_time, invoices.c.due_time < now, after)


async def overdue_tenants(tx: Tx, after: str) -> list[str]:
    """Tenants with overdue invoices. System transaction."""
    rows = await tx.all(
        select(invoices.c.tenant_id)
        .distinct()
        .where(invoices.c.state == State.OVERDUE.value, invoices.c.tenant_id > after)
        .order_by(invoices.c.tenant_id)
        .limit(SWEPT)
    )
    return [row["tenant_id"] for row in rows]


async def _due(tx: Tx, state: Any, time: ColumnElement[Any], over: Any, after: Due | None) -> list[Due]:
    statement = select(invoices.c.tenant_id, invoices.c.invoice_id, time.label("time")).where(state, over)
    if after is not None:
        same = and_(time == after.time, invoices.c.invoice_id > after.invoice_id)
        statement = statement.where(or_(time > after.time, same))
    rows = await tx.all(statement.order_by(time, invoices.c.invoice_id).limit(SWEPT))
    return [Due(row["tenant_id"], row["invoice_id"], row["time"]) for row in rows]


async def _page(tx: Tx, statement: Select[Any], size: int) -> tuple[list[Invoice], bool]:
    wanted = page_size(size)
    found: Sequence[Invoice] = [_invoice(row) for row in await tx.all(statement)]
    return list(found[:wanted]), len(found) > wanted


def _row(value: Invoice) -> dict[str, Any]:
    row = {name: found for name, found in vars(value).items()}
    return row | {
        "state": value.state.value,
        "kind": value.kind.value,
        "names": dict(value.names),
        "seller": as_json(value.seller) if value.seller else None,
        "buyer": as_json(value.buyer) if value.buyer else None,
    }


def _invoice(row: Mapping[Any, Any]) -> Invoice:
    values = {"statement": b"", **row}
    for name in ("subtotal", "total", "paid", "credited"):
        values[name] = Decimal(values[name])
    return Invoice(
        **values
        | {
            "state": State(row["state"]),
            "kind": Kind(row["kind"]),
            "statement": bytes(values["statement"]),
            "seller": entity_from(row["seller"]) if row["seller"] else None,
            "buyer": profile_from(row["buyer"]) if row["buyer"] else None,
        }
    )
