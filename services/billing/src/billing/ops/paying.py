"""Payments, credit notes and reminders: the verbs, each within one transaction. No provider is asked in here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chassis.sql import Tx
from kernel.ids import new_id

from billing import invoices_proto as convert
from billing.domain import canonical, credit_notes, dunning, invoicing, money
from billing.domain.credit_notes import AmountInvalid, CreditedLine, CreditNote, CreditNoteNotFound, CreditTooLow
from billing.domain.dunning import Stage
from billing.domain.invoicing import ISSUED, PAYABLE, Invoice, InvoiceStateWrong
from billing.domain.parties import NoLegalEntity
from billing.domain.payments import MANUAL, Method, NoPaymentMethod, Outcome, Payment, PaymentState, ProviderEvent
from billing.domain.statements import Statement
from billing.ops import auto_top_ups, settling
from billing.ops import invoicing as invoices
from billing.store import invoicing as invoice_store
from billing.store import parties
from billing.store import payments as store


@dataclass(frozen=True)
class Charge:
    """A payment to ask a provider for: its id is the idempotency key."""

    payment: Payment
    method: Method
    number: str


@dataclass(frozen=True)
class Options:
    """How a company can pay."""

    method: str
    instructions: str
    balances: Mapping[str, Decimal]


async def payment_options(tx: Tx, provider: str) -> Options:
    """How the tenant can pay, and what credit it has."""
    known = await store.method(tx, provider) if provider else None
    entity = await parties.entity(tx, (await parties.profile(tx)).legal_entity_id)
    label = known.label if known and known.method_id else ""
    return Options(label, entity.payment_instructions if entity else "", await store.balances(tx))


def line_amount(amount: str, currency: str, expected: str, index: int) -> Decimal:
    """What a line is credited by. Raises `AmountInvalid`."""
    return credit_notes.money_amount(amount, currency, expected, f"lines[{index}].amount")


async def record_by_hand(
    tx: Tx, invoice_id: str, amount: str, currency: str, reference: str, time: datetime | None, now: datetime
) -> Invoice:
    """Notes money that came in by bank or cash, in part, whole or more. Raises `InvoiceNotFound`, `InvoiceStateWrong`,
    `AmountInvalid`, `InvoiceTextInvalid`."""
    invoice = await invoices.get(tx, invoice_id)
    invoicing.check_payable(invoice)
    value = credit_notes.money_amount(amount, currency, invoice.currency, "amount")
    named = invoicing.text(reference, "reference", 200)
    if time is not None and time > now:
        raise AmountInvalid.of("payment_time", "must not be in the future")
    payment = Payment(
        new_id("pay", now), tx.tenant_id, invoice_id, MANUAL, named, value, invoice.currency, PaymentState.SUCCEEDED,
        time or now,
    )  # fmt: skip
    await store.save_payment(tx, payment)
    return await settling.take(tx, invoice, value, payment.payment_id, now)


async def credit(tx: Tx, invoice_id: str, why: str, asked: Sequence[CreditedLine], now: datetime) -> CreditNote:
    """Takes an invoice back, by line or all that is left. What lowers no debt becomes the company's credit.

    Raises `InvoiceNotFound`, `InvoiceStateWrong`, `CreditExceedsLine`, `CreditExceedsInvoice`, `InvoiceLineNotFound`,
    `InvoiceTextInvalid`."""
    invoice = await invoices.get(tx, invoice_id)
    if invoice.state not in ISSUED:
        raise InvoiceStateWrong(
            f"The invoice is {invoice.state.value.lower()}.", metadata={"state": invoice.state.value}
        )
    reason = invoicing.text(why, "reason", invoicing.LONGEST_REASON)
    statement, before = canonical.statement_from(invoice.statement), await store.credit_notes_of(tx, invoice_id)
    lines = credit_notes.wanted_lines(statement, before, asked, await _issued_since(tx, invoice))
    taxes = credit_notes.taxes_of(statement, before, lines)
    credit_notes.check_within(statement, before, lines, taxes)
    total = credit_notes.total_of(lines, taxes)
    applied = min(total, max(invoice.owed, Decimal(0))) if invoice.state in PAYABLE else Decimal(0)
    seller = await parties.entity(tx, invoice.legal_entity_id)
    if seller is None:
        raise NoLegalEntity("Who sent the invoice is no more.")
    sequence = await parties.take_number(tx, seller.legal_entity_id, parties.CREDIT_NOTES)
    note = CreditNote(
        new_id("cnt", now), tx.tenant_id, invoice_id, invoicing.number_text(seller.credit_note_prefix, sequence),
        reason, invoice.currency, lines, taxes, total, applied, total - applied, now,
    )  # fmt: skip
    await store.insert_credit_note(tx, note)
    if note.to_balance:
        entry = new_id("bal", now)
        await store.add_to_balance(
            tx, entry, settling.CREDITED, note.credit_note_id, note.to_balance, note.currency, now
        )
    changed = replace(invoice, credited=invoice.credited + applied, version=invoice.version + 1)
    await settling.settle(tx, changed, now)
    return note


async def _issued_since(tx: Tx, invoice: Invoice) -> list[Statement]:
    """What invoices say that count and were issued after this one."""
    found: list[Statement] = []
    for each in await invoice_store.finalized(tx, invoice.kind):
        if (
            each.void_time is None
            and each.cutoff_time
            and invoice.cutoff_time
            and each.cutoff_time > invoice.cutoff_time
        ):
            whole = await invoice_store.invoice(tx, each.invoice_id)
            found += [canonical.statement_from(whole.statement)] if whole is not None else []
    return found


async def credit_of(tx: Tx) -> Mapping[str, Decimal]:
    """The tenant's credit, by currency."""
    return await store.balances(tx)


async def pay_back(tx: Tx, amount: str, currency: str, reference: str, now: datetime) -> Mapping[str, Decimal]:
    """Notes credit that was paid back by bank or cash; what is left of it. Raises `AmountInvalid`, `CreditTooLow`,
    `InvoiceTextInvalid`."""
    left = await store.balances(tx)
    value = credit_notes.money_amount(amount, currency, money.currency(currency, "amount.currency"), "amount")
    named = invoicing.text(reference, "reference", 200)
    if value > left.get(currency, Decimal(0)):
        raise CreditTooLow(
            "The company's credit is less than that.", metadata={"left": str(left.get(currency, Decimal(0)))}
        )
    await store.add_to_balance(tx, new_id("bal", now), settling.PAID_BACK, named, -value, currency, now)
    return await store.balances(tx)


async def get_credit_note(tx: Tx, credit_note_id: str) -> tuple[CreditNote, Invoice]:
    """A credit note and the invoice it is of. Raises `CreditNoteNotFound`."""
    note = await store.credit_note(tx, credit_note_id)
    if note is None:
        raise CreditNoteNotFound("There is no such credit note.")
    return note, await invoices.get(tx, note.invoice_id)


async def begin_charge(
    tx: Tx, invoice_id: str, provider: str, now: datetime, least: Callable[[Decimal, str], Decimal] | None = None
) -> Charge:
    """Begins an attempt to be paid by the method on file, or finds the one that was begun. `least` is what the provider
    can take of what is owed: what is more becomes the company's credit when it comes.
    Raises `InvoiceNotFound`, `InvoiceStateWrong`, `NoPaymentMethod`."""
    invoice = await invoices.get(tx, invoice_id)
    invoicing.check_payable(invoice)
    method = await store.method(tx, provider)
    if method is None or not method.method_id:
        raise NoPaymentMethod("No card or other method is on file.")
    pending = [each for each in await store.payments_of(tx, invoice_id)
               if each.state is PaymentState.PENDING and each.provider == provider]  # fmt: skip
    if pending:
        return Charge(pending[0], method, invoice.number)
    amount = least(invoice.owed, invoice.currency) if least else invoice.owed
    payment = Payment(
        new_id("pay", now), tx.tenant_id, invoice_id, provider, "", amount, invoice.currency, PaymentState.PENDING, now,
    )  # fmt: skip
    await store.save_payment(tx, payment)
    return Charge(payment, method, invoice.number)


async def end_charge(tx: Tx, payment_id: str, outcome: Outcome, now: datetime) -> Invoice | None:
    """What the provider answered; told twice, it counts once. None for a payment that isn't known."""
    payment = await store.payment(tx, payment_id)
    if payment is None:
        return None
    invoice = await invoices.get(tx, payment.invoice_id)
    # An answer that comes late doesn't take back that the money came.
    if payment.state is PaymentState.SUCCEEDED:
        return invoice
    again = replace(
        payment,
        state=outcome.state,
        reference=outcome.reference or payment.reference,
        failure=outcome.failure,
        amount=payment.amount if outcome.amount is None else outcome.amount,
    )
    await store.save_payment(tx, again)
    if outcome.state is PaymentState.FAILED and payment.state is not PaymentState.FAILED:
        tx.emit(convert.payment_failed(invoice, again), key=invoice.invoice_id)
    if outcome.state is not PaymentState.SUCCEEDED:
        return invoice
    return await settling.take(tx, invoice, again.amount, payment.payment_id, now)


async def take_event(tx: Tx, provider: str, event: ProviderEvent, now: datetime) -> bool:
    """What a provider told, verified; told again it changes nothing. Whether it changed anything."""
    if not await store.first_time(tx, provider, event.event_id, now):
        return False
    if event.method is not None:
        await store.save_method(tx, event.method)
        return True
    states = {"payment_succeeded": PaymentState.SUCCEEDED, "payment_failed": PaymentState.FAILED}
    if event.kind not in states or not event.payment_id:
        return False
    came = event.amount if event.kind == "payment_succeeded" and event.amount else None
    outcome = Outcome(states[event.kind], event.reference, event.failure, came)
    if event.payment_id.startswith(auto_top_ups.PREFIX):
        return await auto_top_ups.end(tx, event.payment_id, outcome, now)
    return await end_charge(tx, event.payment_id, outcome, now) is not None


async def remind(tx: Tx, schedule: Sequence[Stage], thresholds: Mapping[str, Decimal], now: datetime) -> list[Invoice]:
    """Takes the tenant's reminding on by a stage in each currency whose turn it is; the oldest overdue invoice of each
    is what it is told by, and is given back to be charged again."""
    overdue = await invoice_store.overdue(tx)
    sums: dict[str, Decimal] = {}
    for invoice in overdue:
        sums[invoice.currency] = sums.get(invoice.currency, Decimal(0)) + invoice.owed
    running = await store.campaigns(tx)
    for currency in running.keys() - sums.keys():
        await store.end_campaign(tx, currency)
    told: list[Invoice] = []
    for campaign in dunning.reached(sums, running, schedule, thresholds, now):
        following = dunning.due_time(campaign, schedule)
        await store.save_campaign(tx, campaign, following)
        mine = [each for each in overdue if each.currency == campaign.currency]
        for invoice in mine:
            changed = replace(
                invoice, reminders=invoice.reminders + 1, reminder_time=following, version=invoice.version + 1
            )
            await invoice_store.save_invoice(tx, changed)
            told.append(changed)
        stage, after = schedule[campaign.stage - 1], schedule[campaign.stage : campaign.stage + 1]
        oldest = told[-len(mine)]
        coming = after[0].consequence if after else None
        tx.emit(convert.overdue(oldest, campaign.stage, stage.consequence, coming, now), key=oldest.invoice_id)
    return told
