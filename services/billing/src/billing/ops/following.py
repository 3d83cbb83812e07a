"""Invoices that follow another of the same period: in place of a void one, or for what came late of it and can't stand
on a later invoice because its currency is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id

from billing.domain import canonical
from billing.domain.invoicing import (
    ISSUED,
    Following,
    Invoice,
    InvoiceFollowed,
    InvoiceNotFound,
    InvoiceStateWrong,
    InvoiceTooYoung,
    Kind,
    State,
)
from billing.domain.rates import DeckPrice
from billing.ops.issuing import left_out, statement_for
from billing.store import invoicing as store
from billing.store import left_out as left_out_store
from billing.store import parties

LeftOutRow = left_out_store.LeftOutRow
list_left_out = left_out_store.list_open


async def reissue(tx: Tx, invoice_id: str, now: datetime, decks: DeckPrice | None = None) -> Invoice:
    """A draft that bills the period of a void invoice anew; the void one stays as it is and says which followed.

    Raises `InvoiceNotFound`, `InvoiceStateWrong`, `InvoiceFollowed`, `CurrenciesMixed`.
    """
    original = await _get(tx, invoice_id)
    if original.state is not State.VOID:
        raise InvoiceStateWrong(
            "Only a void invoice is issued anew: declare it void first.", metadata={"state": original.state.value}
        )
    return await _follow(tx, original, Following.REPLACES, now, decks)


async def bill_left_out(tx: Tx, invoice_id: str, now: datetime, decks: DeckPrice | None = None) -> Invoice:
    """A draft for what came late of an invoice's period, in that invoice's currency.

    Raises `InvoiceNotFound`, `InvoiceStateWrong`, `InvoiceFollowed`.
    """
    original = await _get(tx, invoice_id)
    if original.state not in ISSUED or await left_out_store.find(tx, invoice_id) is None:
        raise InvoiceStateWrong(
            "Nothing of this invoice's period waits to be billed.", metadata={"state": original.state.value}
        )
    made = await _follow(tx, original, Following.SUPPLEMENTS, now, decks)
    await left_out_store.settle(tx, invoice_id, made.invoice_id, now)
    return made


async def check_old_enough(tx: Tx, invoice: Invoice, cutoff: datetime) -> None:
    """Raises `InvoiceTooYoung` while the cutoff of one that follows another isn't past what that one depends on, or
    of one to a reseller past what its companies' periods were noted by."""
    if invoice.kind is Kind.RESALE and invoice.create_time >= cutoff:
        raise InvoiceTooYoung("Its companies' periods have only just ended: try again in a minute.")
    if not invoice.follows_invoice_id:
        return
    original = await _get(tx, invoice.follows_invoice_id)
    since = original.void_time if invoice.follow_kind == Following.REPLACES else original.cutoff_time
    if since is None or since >= cutoff:
        raise InvoiceTooYoung("The invoice it follows has only just changed: try again in a minute.")


async def note_left_out(tx: Tx, invoice: Invoice, now: datetime, decks: DeckPrice | None = None) -> None:
    """Lists for the operators what came late of earlier periods and can't stand on this invoice."""
    if invoice.cutoff_time is None or invoice.kind is not Kind.OWN:  # resold usage has an invoice for each currency
        return
    for each in await left_out(tx, invoice.start_time, invoice.currency, invoice.cutoff_time, decks):
        await left_out_store.note(tx, each.invoice, each.amount, invoice.invoice_id, now)


async def note_while_resold(tx: Tx, start: datetime, now: datetime, decks: DeckPrice | None = None) -> None:
    """Lists for the operators what came late of periods the company was invoiced for itself, before one that its
    reseller pays for: no invoice of its own comes that could hold it."""
    for each in await left_out(tx, start, "", now, decks):
        await left_out_store.note(tx, each.invoice, each.amount, "", now)


async def _follow(tx: Tx, original: Invoice, kind: Following, now: datetime, decks: DeckPrice | None) -> Invoice:
    if original.followed_by_invoice_id:
        raise InvoiceFollowed(
            "Another invoice was made after it already.", metadata={"invoice_id": original.followed_by_invoice_id}
        )
    statement = await statement_for(tx, replace(original, follow_kind=kind.value), now, decks, drafts=True)
    profile = await parties.profile(tx)
    made = Invoice(
        invoice_id=new_id("ivc", now), tenant_id=tx.tenant_id, state=State.DRAFT, start_time=original.start_time,
        end_time=original.end_time, currency=statement.currency, statement=canonical.statement_bytes(statement),
        digest="", subtotal=statement.subtotal, total=statement.total, create_time=now, time_zone=original.time_zone,
        purchase_order=profile.purchase_order, notes=profile.notes,
        follows_invoice_id=original.invoice_id, follows_number=original.number,
        follow_kind=kind.value, kind=original.kind,
    )  # fmt: skip
    await store.insert_invoice(tx, made)
    followed = replace(original, followed_by_invoice_id=made.invoice_id, version=original.version + 1)
    await store.save_invoice(tx, followed)
    return made


async def _get(tx: Tx, invoice_id: str) -> Invoice:
    found = await store.invoice(tx, invoice_id)
    if found is None:
        raise InvoiceNotFound("There is no such invoice.")
    return found
