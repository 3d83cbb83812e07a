"""Invoices from draft to void: made when a period has ended, frozen once, never changed again. Each verb is one
transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.sql import Tx
from kernel.ids import new_id

from billing import invoices_proto as convert
from billing.domain import canonical, invoicing, resales
from billing.domain.charges import CurrenciesMixed
from billing.domain.credit_notes import CreditNote
from billing.domain.invoicing import (
    Invoice,
    InvoiceNotFinalized,
    InvoiceNotFound,
    InvoiceStateWrong,
    Kind,
    State,
    Trigger,
)
from billing.domain.parties import NoLegalEntity
from billing.domain.payments import Payment
from billing.domain.rates import DeckPrice
from billing.domain.statements import Statement
from billing.domain.wholesale import ResoldPeriod
from billing.ops import following, settling
from billing.ops.issuing import (
    advance_of,
    calendar_of,
    coming,
    drafted_ahead,
    names_on,
    statement_for,
    whole_statement,
    zone_of,
)
from billing.store import invoicing as store
from billing.store import parties, payments
from billing.store import resales as resale_store

SIGNED_UP = timedelta(minutes=1)
"""How long after a company first holds a plan what it pays in advance is drafted: until then all of it was heard of."""
list_invoices = store.list_invoices
list_all = store.list_all


@dataclass(frozen=True)
class Whole:
    """An invoice with what it says, what was paid and what was taken back."""

    invoice: Invoice
    statement: Statement
    payments: Sequence[Payment]
    credit_notes: Sequence[CreditNote]


async def look_ahead(tx: Tx) -> store.Account | None:
    """When the tenant's next draft is to be made, kept for the sweep: when its next period ends, of its first one when
    it has begun. None when it holds no plan."""
    account = await store.account(tx)
    first = await store.first_plan_time(tx)
    if first is None:
        return None
    last = account.last_end_time if account else None
    _, end = invoicing.next_period(first, last, *await calendar_of(tx, first))
    found = store.Account(last, end if last else min(end, first + SIGNED_UP))
    if found != account:
        await store.save_account(tx, found)
    return found


async def draft_next(tx: Tx, now: datetime, decks: DeckPrice | None = None) -> Invoice | None:
    """Makes the draft of the next period that has ended; None when none has. Run again, or by two at once, it makes one
    for each period."""
    account = await look_ahead(tx)
    first = await store.first_plan_time(tx)
    if account is None or first is None or account.next_end_time > now:
        return None
    by = await calendar_of(tx, first)
    zone = by[0]
    start, end = invoicing.next_period(first, account.last_end_time, *by)
    if account.last_end_time is None and end > now:
        await store.save_account(tx, store.Account(start, end))
        return await draft_in_advance(tx, (start, end), now, decks)
    resale = resales.in_force(await resale_store.mine(tx), start)
    if resale is not None:
        # Its reseller pays for it: the platform doesn't bill the same usage twice.
        over = ResoldPeriod(tx.tenant_id, resale.reseller_id, resale.wholesale_list_id, start, end, now, zone)
        await resale_store.insert_period(tx, over)
        await following.note_while_resold(tx, start, now, decks)
        then = invoicing.next_period(first, end, *by)
        await store.save_account(tx, store.Account(end, then[1]))
        await draft_in_advance(tx, then, now, decks)
        return await draft_next(tx, now, decks)
    statement = await whole_statement(
        tx, start, end, now, decks, await coming(tx, end), drafted=await drafted_ahead(tx, start)
    )
    made = await _draft(tx, statement, now, zone)
    then = invoicing.next_period(first, end, *by)
    await store.save_account(tx, store.Account(end, then[1]))
    if statement.advance is None:  # such as in another currency
        await draft_in_advance(tx, then, now, decks)
    return made


async def draft_in_advance(
    tx: Tx, period: tuple[datetime, datetime], now: datetime, decks: DeckPrice | None = None
) -> Invoice | None:
    """The draft of what a period costs in advance that no invoice before it can say; None when it costs nothing in
    advance or has two currencies, when a reseller pays for it, or when it is over: its own invoice says it all then."""
    if period[1] <= now or resales.in_force(await resale_store.mine(tx), period[0]) is not None:
        return None
    drafted = await drafted_ahead(tx, period[0], Kind.ADVANCE)
    try:
        statement = await advance_of(tx, period, now, decks, drafted=drafted)
    except CurrenciesMixed:  # the period's own invoice will say so; what came before doesn't wait for it
        return None
    if not statement.lines:
        return None
    return await _draft(tx, statement, now, await zone_of(tx, period[0]), Kind.ADVANCE)


async def _draft(tx: Tx, statement: Statement, now: datetime, zone: str, kind: Kind = Kind.OWN) -> Invoice:
    profile = await parties.profile(tx)
    made = Invoice(
        invoice_id=new_id("ivc", now), tenant_id=tx.tenant_id, state=State.DRAFT, start_time=statement.start_time,
        end_time=statement.end_time, currency=statement.currency, statement=canonical.statement_bytes(statement),
        digest="", subtotal=statement.subtotal, total=statement.total, create_time=now, time_zone=zone,
        purchase_order=profile.purchase_order, notes=profile.notes, kind=kind,
    )  # fmt: skip
    await store.insert_invoice(tx, made)
    return made


async def finalize(
    tx: Tx, invoice_id: str, now: datetime, settle: timedelta, version: int = 0, decks: DeckPrice | None = None
) -> Invoice:
    """Freezes a draft: computes it of everything heard of until `settle` ago, gives it its number and its due time, and
    pays it from the company's credit as far as that goes.

    `settle` is longer than any transaction lasts: what is written at this very moment is heard of after the cutoff, and
    so is late for this invoice instead of lost between two. Raises `InvoiceNotFound`, `InvoiceStateWrong`,
    `InvoiceVersionConflict`, `InvoiceTooYoung`, `NoLegalEntity`.
    """
    draft = await get(tx, invoice_id)
    invoicing.check_version(draft, version)
    invoice = invoicing.moved(draft, Trigger.FINALIZE)
    cutoff = now - settle
    if invoice.complete_time > cutoff:
        raise InvoiceStateWrong("The invoice's period has only just ended.", metadata={"state": draft.state.value})
    if await store.drafts_before(tx, invoice.start_time, invoice.kind):
        raise InvoiceStateWrong("An earlier invoice is still a draft.", metadata={"state": draft.state.value})
    await following.check_old_enough(tx, invoice, cutoff)
    profile = await parties.profile(tx)
    seller = await parties.entity(tx, profile.legal_entity_id)
    if seller is None:
        raise NoLegalEntity("Nobody is set up in whose name invoices are sent.")
    statement = await statement_for(tx, invoice, cutoff, decks)
    data = canonical.statement_bytes(statement)
    sequence = await parties.take_number(tx, seller.legal_entity_id, parties.INVOICES)
    invoice = replace(
        invoice, statement=data, digest=canonical.digest(data), currency=statement.currency,
        subtotal=statement.subtotal, total=statement.total, cutoff_time=cutoff, issue_time=now,
        due_time=now + timedelta(days=profile.payment_terms_days), legal_entity_id=seller.legal_entity_id,
        sequence=sequence, number=invoicing.number_text(seller.number_prefix, sequence), seller=seller, buyer=profile,
        names=await names_on(tx, statement, decks),
    )  # fmt: skip
    await store.save_invoice(tx, invoice)
    await following.note_left_out(tx, invoice, now, decks)
    tx.emit(convert.finalized(invoice), key=invoice.invoice_id)
    return await settling.pay_from_balance(tx, invoice, now)


async def rebuild(tx: Tx, invoice_id: str, decks: DeckPrice | None = None) -> tuple[Invoice, bytes]:
    """A finalized invoice, and its statement computed anew from events and plan versions with its own cutoff. Raises
    `InvoiceNotFound`, `InvoiceNotFinalized`."""
    invoice = await issued(tx, invoice_id)
    assert invoice.cutoff_time is not None
    frozen = canonical.statement_from(invoice.statement)
    again = await statement_for(tx, invoice, invoice.cutoff_time, decks, frozen)
    return invoice, canonical.statement_bytes(again, frozen.format)


async def tenant_of(tx: Tx, invoice_id: str) -> str:
    """Whose invoice it is. System transaction. Raises `InvoiceNotFound`."""
    found = await store.tenant_of(tx, invoice_id)
    if not found:
        raise InvoiceNotFound("There is no such invoice.")
    return found


async def get(tx: Tx, invoice_id: str) -> Invoice:
    """One invoice. Raises `InvoiceNotFound`."""
    found = await store.invoice(tx, invoice_id)
    if found is None:
        raise InvoiceNotFound("There is no such invoice.")
    return found


async def issued(tx: Tx, invoice_id: str) -> Invoice:
    """One invoice that was finalized. Raises `InvoiceNotFound`, `InvoiceNotFinalized`."""
    found = await get(tx, invoice_id)
    if found.state is State.DRAFT:
        raise InvoiceNotFinalized("The invoice is a draft: it has no number and no documents yet.")
    return found


async def whole(tx: Tx, invoice_id: str, now: datetime, decks: DeckPrice | None = None) -> Whole:
    """One invoice with all that belongs to it; a draft as it would be now. Raises `InvoiceNotFound`."""
    invoice = await get(tx, invoice_id)
    if invoice.state is State.DRAFT:
        statement = await statement_for(tx, invoice, now, decks, drafts=True)
        invoice = replace(
            invoice, subtotal=statement.subtotal, total=statement.total, currency=statement.currency,
            buyer=await parties.profile(tx), names=await names_on(tx, statement, decks),
        )  # fmt: skip
        return Whole(invoice, statement, (), ())
    return Whole(
        invoice, canonical.statement_from(invoice.statement), await payments.payments_of(tx, invoice_id),
        await payments.credit_notes_of(tx, invoice_id),
    )  # fmt: skip


async def annotate(tx: Tx, invoice_id: str, purchase_order: str, notes: str, version: int) -> Invoice:
    """Changes what stands on a draft. Raises `InvoiceNotFound`, `InvoiceStateWrong`, `InvoiceVersionConflict`,
    `InvoiceTextInvalid`."""
    draft = await get(tx, invoice_id)
    invoicing.check_version(draft, version)
    if draft.state is not State.DRAFT:
        raise InvoiceStateWrong("The invoice is finalized: it never changes.", metadata={"state": draft.state.value})
    changed = replace(
        draft,
        purchase_order=invoicing.text(purchase_order, "purchase_order", invoicing.LONGEST_ORDER, required=False),
        notes=invoicing.text(notes, "notes", invoicing.LONGEST_NOTES, required=False),
        version=draft.version + 1,
    )
    await store.save_invoice(tx, changed)
    return changed


async def fall_due(tx: Tx, invoice_id: str, now: datetime) -> Invoice:
    """Makes an invoice overdue whose due time has passed; any other one stays as it is."""
    invoice = await get(tx, invoice_id)
    if invoice.state is State.FINALIZED and invoice.due_time is not None and invoice.due_time < now:
        invoice = invoicing.moved(invoice, Trigger.FALL_DUE)
        await store.save_invoice(tx, invoice)
    return invoice


async def declare_void(tx: Tx, invoice_id: str, why: str, version: int, now: datetime) -> Invoice:
    """Declares a finalized invoice void. Raises `InvoiceNotFound`, `InvoiceStateWrong`, `InvoicePartlyPaid`,
    `InvoiceVersionConflict`, `InvoiceTextInvalid`."""
    invoice = await get(tx, invoice_id)
    invoicing.check_version(invoice, version)
    reason = invoicing.text(why, "reason", invoicing.LONGEST_REASON)
    invoicing.check_voidable(invoice)
    changed = invoicing.moved(invoice, Trigger.DECLARE_VOID)
    changed = replace(changed, void_time=now, void_reason=reason, reminder_time=None)
    await store.save_invoice(tx, changed)
    tx.emit(convert.voided(changed, await settling.others_overdue(tx, changed)), key=changed.invoice_id)
    return changed
