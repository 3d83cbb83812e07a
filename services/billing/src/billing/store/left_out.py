"""Queries on late usage that no invoice could hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.invoicing import Invoice
from billing.store.invoicing_tables import invoices, left_out_usage


@dataclass(frozen=True)
class LeftOutRow:
    """What came late of an invoice's period, as it was when the newest invoice was made that couldn't hold it."""

    tenant_id: str
    invoice_id: str
    number: str
    currency: str
    amount: Decimal
    start_time: datetime
    end_time: datetime
    left_out_of: str
    notice_time: datetime


async def note(tx: Tx, invoice: Invoice, amount: Decimal, left_out_of: str, now: datetime) -> None:
    """Lists it, or what it has come to; what was settled before is open again when more came."""
    row: dict[str, Any] = {
        "tenant_id": tx.tenant_id, "invoice_id": invoice.invoice_id, "currency": invoice.currency, "amount": amount,
        "start_time": invoice.start_time, "end_time": invoice.end_time, "left_out_of": left_out_of,
        "notice_time": now, "settle_time": None, "settled_by_invoice_id": "",
    }  # fmt: skip
    statement = insert(left_out_usage).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "invoice_id"], set_=row))


async def find(tx: Tx, invoice_id: str) -> Decimal | None:
    """What is left out of this invoice's period and open; None for nothing."""
    row = await tx.one_or_none(
        select(left_out_usage.c.amount).where(
            left_out_usage.c.tenant_id == tx.tenant_id,
            left_out_usage.c.invoice_id == invoice_id,
            left_out_usage.c.settle_time.is_(None),
        )
    )
    return Decimal(row["amount"]) if row else None


async def settle(tx: Tx, invoice_id: str, by_invoice_id: str, now: datetime) -> None:
    """It is billed by another invoice."""
    mine = (left_out_usage.c.tenant_id == tx.tenant_id, left_out_usage.c.invoice_id == invoice_id)
    await tx.execute(update(left_out_usage).where(*mine).values(settle_time=now, settled_by_invoice_id=by_invoice_id))


async def list_open(tx: Tx, size: int, token: str) -> tuple[list[LeftOutRow], bool]:
    """A page of what is open, of all tenants, newest first, and whether there is more. System transaction."""
    wanted = page_size(size)
    statement = (
        select(left_out_usage, invoices.c.number)
        .join(invoices, invoices.c.invoice_id == left_out_usage.c.invoice_id)
        .where(left_out_usage.c.settle_time.is_(None))
    )
    rows = await tx.all(keyset(statement, left_out_usage.c.notice_time, left_out_usage.c.invoice_id, token, wanted))
    return [_row(row) for row in rows[:wanted]], len(rows) > wanted


def _row(row: Mapping[Any, Any]) -> LeftOutRow:
    return LeftOutRow(
        row["tenant_id"], row["invoice_id"], row["number"], row["currency"], Decimal(row["amount"]),
        row["start_time"], row["end_time"], row["left_out_of"], row["notice_time"],
    )  # fmt: skip
