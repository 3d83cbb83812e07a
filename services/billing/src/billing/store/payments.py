"""Queries on payments, credit notes, balances, payment methods and campaigns of reminding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from billing.domain.credit_notes import CreditedLine, CreditNote
from billing.domain.dunning import Campaign
from billing.domain.payments import Method, Payment, PaymentState
from billing.domain.statements import Tax
from billing.store.invoicing_tables import (
    balance_entries,
    credit_notes,
    dunning_campaigns,
    payment_methods,
    payments,
    provider_events,
)


async def save_payment(tx: Tx, value: Payment) -> None:
    """A payment as it is now."""
    row = {name: found for name, found in vars(value).items() if name != "time"}
    row |= {"state": value.state.value, "payment_time": value.time}
    statement = insert(payments).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "payment_id"], set_=row))


async def payment(tx: Tx, payment_id: str) -> Payment | None:
    """One payment of the tenant."""
    row = await tx.one_or_none(
        select(payments).where(payments.c.tenant_id == tx.tenant_id, payments.c.payment_id == payment_id)
    )
    return _payment(row) if row else None


async def payments_of(tx: Tx, invoice_id: str) -> list[Payment]:
    """The payments of an invoice, oldest first."""
    rows = await tx.all(
        select(payments)
        .where(payments.c.tenant_id == tx.tenant_id, payments.c.invoice_id == invoice_id)
        .order_by(payments.c.payment_time, payments.c.payment_id)
    )
    return [_payment(row) for row in rows]


async def insert_credit_note(tx: Tx, value: CreditNote) -> None:
    """A new credit note."""
    row = {name: found for name, found in vars(value).items()}
    row |= {
        "lines": [{"line": each.line_id, "amount": str(each.amount)} for each in value.lines],
        "taxes": [
            {
                "code": tax.tax_code, "name": tax.name, "percent": str(tax.percent), "base": str(tax.base),
                "amount": str(tax.amount), "included": tax.included, "lines": list(tax.line_codes),
                "line_ids": list(tax.line_ids),
            }
            for tax in value.taxes
        ],
    }  # fmt: skip
    await tx.execute(insert(credit_notes).values(**row))


async def credit_note(tx: Tx, credit_note_id: str) -> CreditNote | None:
    """One credit note of the tenant."""
    row = await tx.one_or_none(
        select(credit_notes).where(
            credit_notes.c.tenant_id == tx.tenant_id, credit_notes.c.credit_note_id == credit_note_id
        )
    )
    return _credit_note(row) if row else None


async def credit_notes_of(tx: Tx, invoice_id: str) -> list[CreditNote]:
    """The credit notes of an invoice, oldest first."""
    rows = await tx.all(
        select(credit_notes)
        .where(credit_notes.c.tenant_id == tx.tenant_id, credit_notes.c.invoice_id == invoice_id)
        .order_by(credit_notes.c.issue_time, credit_notes.c.credit_note_id)
    )
    return [_credit_note(row) for row in rows]


async def add_to_balance(
    tx: Tx, entry_id: str, kind: str, source_id: str, amount: Decimal, currency: str, now: datetime
) -> None:
    """An entry of the company's credit, never changed afterwards; negative for what is used of it."""
    row = {
        "tenant_id": tx.tenant_id, "entry_id": entry_id, "kind": kind, "source_id": source_id, "amount": amount,
        "currency": currency, "entry_time": now,
    }  # fmt: skip
    await tx.execute(insert(balance_entries).values(**row))


async def balances(tx: Tx) -> dict[str, Decimal]:
    """The company's credit by currency, what is nothing left out."""
    total = func.sum(balance_entries.c.amount).label("total")
    rows = await tx.all(
        select(balance_entries.c.currency, total)
        .where(balance_entries.c.tenant_id == tx.tenant_id)
        .group_by(balance_entries.c.currency)
        .order_by(balance_entries.c.currency)
    )
    return {row["currency"]: Decimal(row["total"]) for row in rows if row["total"]}


async def method(tx: Tx, provider: str) -> Method | None:
    """How the company pays at a provider."""
    row = await tx.one_or_none(
        select(payment_methods).where(
            payment_methods.c.tenant_id == tx.tenant_id, payment_methods.c.provider == provider
        )
    )
    return Method(row["provider"], row["customer_id"], row["method_id"], row["label"]) if row else None


async def save_method(tx: Tx, value: Method) -> None:
    """How the company pays at a provider now."""
    row = {"tenant_id": tx.tenant_id, **vars(value)}
    statement = insert(payment_methods).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "provider"], set_=row))


async def first_time(tx: Tx, provider: str, event_id: str, now: datetime) -> bool:
    """Whether the provider's event is told for the first time; it is remembered."""
    row = {"tenant_id": tx.tenant_id, "provider": provider, "event_id": event_id, "receive_time": now}
    return bool((await tx.execute(insert(provider_events).values(**row).on_conflict_do_nothing())).rowcount)


async def campaigns(tx: Tx) -> dict[str, Campaign]:
    """The tenant's campaigns by currency."""
    rows = await tx.all(select(dunning_campaigns).where(dunning_campaigns.c.tenant_id == tx.tenant_id))
    return {row["currency"]: Campaign(row["currency"], row["stage"], row["last_time"]) for row in rows}


async def save_campaign(tx: Tx, value: Campaign, next_time: datetime | None) -> None:
    """A campaign as it is now."""
    row = {"tenant_id": tx.tenant_id, **vars(value), "next_time": next_time}
    statement = insert(dunning_campaigns).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "currency"], set_=row))


async def end_campaign(tx: Tx, currency: str) -> None:
    """Nothing is overdue in the currency any more."""
    mine = (dunning_campaigns.c.tenant_id == tx.tenant_id, dunning_campaigns.c.currency == currency)
    await tx.execute(delete(dunning_campaigns).where(*mine))


def _payment(row: Mapping[Any, Any]) -> Payment:
    return Payment(
        row["payment_id"], row["tenant_id"], row["invoice_id"], row["provider"], row["reference"],
        Decimal(row["amount"]), row["currency"], PaymentState(row["state"]), row["payment_time"], row["failure"],
    )  # fmt: skip


def _credit_note(row: Mapping[Any, Any]) -> CreditNote:
    taxes = [
        Tax(
            tax["code"], tax["name"], Decimal(tax["percent"]), Decimal(tax["base"]), Decimal(tax["amount"]),
            tax["included"], tuple(tax["lines"]), tuple(tax.get("line_ids", ())),
        )
        for tax in row["taxes"]
    ]  # fmt: skip
    return CreditNote(
        **{name: row[name] for name in ("credit_note_id", "tenant_id", "invoice_id", "number", "reason", "currency",
                                        "total", "applied", "to_balance", "issue_time")},
        lines=[CreditedLine(each["line"], Decimal(each["amount"])) for each in row["lines"]],
        taxes=taxes,
    )  # fmt: skip
