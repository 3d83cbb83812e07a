"""Invoices, parties and payments between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from chassis.instants import time_out
from merkez.billing.v1 import billing_events_pb2, invoice_pb2, payment_events_pb2

from billing.domain.credit_notes import CreditNote
from billing.domain.dunning import Consequence
from billing.domain.invoicing import Following, Format, Invoice, Kind, State
from billing.domain.parties import Address, BillingProfile, LegalEntity
from billing.domain.payments import Payment
from billing.domain.statements import LineKind, Statement, StatementLine, Tax
from billing.domain.wholesale import COMPANY
from billing.money_proto import money, share_out, shown

_CONSEQUENCES = {
    Consequence.NOTICE: billing_events_pb2.OVERDUE_CONSEQUENCE_NOTICE,
    Consequence.RESTRICTED: billing_events_pb2.OVERDUE_CONSEQUENCE_RESTRICTED,
    Consequence.SUSPENDED: billing_events_pb2.OVERDUE_CONSEQUENCE_SUSPENDED,
}
WITH_RECORDS = (LineKind.USAGE, LineKind.LATE)


def state_in(state: invoice_pb2.InvoiceState.ValueType) -> State | None:
    """The state asked for; None for all."""
    if state == invoice_pb2.INVOICE_STATE_UNSPECIFIED:
        return None
    return State(invoice_pb2.InvoiceState.Name(state).removeprefix("INVOICE_STATE_"))


def format_in(wanted: invoice_pb2.DocumentFormat.ValueType) -> Format:
    """The file asked for."""
    if wanted == invoice_pb2.DOCUMENT_FORMAT_UNSPECIFIED:
        return Format.PDF
    return Format(invoice_pb2.DocumentFormat.Name(wanted).removeprefix("DOCUMENT_FORMAT_"))


def entity_in(value: invoice_pb2.LegalEntity) -> LegalEntity:
    """A legal entity as it shall be."""
    return LegalEntity(
        legal_entity_id=value.legal_entity_id, name=value.name, address=address_in(value.address),
        number_prefix=value.number_prefix, credit_note_prefix=value.credit_note_prefix, tax_id=value.tax_id,
        registration_id=value.registration_id, email=value.email, payment_instructions=value.payment_instructions,
        default=value.default,
    )  # fmt: skip


def entity_out(value: LegalEntity, next_number: int = 0, next_credit_note: int = 0) -> invoice_pb2.LegalEntity:
    """A legal entity as the contract shows it."""
    return invoice_pb2.LegalEntity(
        legal_entity_id=value.legal_entity_id, name=value.name, address=address_out(value.address),
        tax_id=value.tax_id, registration_id=value.registration_id, email=value.email,
        number_prefix=value.number_prefix, credit_note_prefix=value.credit_note_prefix, next_number=next_number,
        next_credit_note_number=next_credit_note, payment_instructions=value.payment_instructions,
        default=value.default, version=value.version,
    )  # fmt: skip


def profile_in(value: invoice_pb2.BillingProfile) -> BillingProfile:
    """A billing profile as the company wants it."""
    return BillingProfile(
        legal_name=value.legal_name, address=address_in(value.address), tax_id=value.tax_id, email=value.email,
        language=value.language, purchase_order=value.purchase_order, notes=value.notes,
    )  # fmt: skip


def profile_out(value: BillingProfile, currency: str = "") -> invoice_pb2.BillingProfile:
    """A billing profile as the contract shows it."""
    return invoice_pb2.BillingProfile(
        legal_name=value.legal_name, address=address_out(value.address), tax_id=value.tax_id, email=value.email,
        language=value.language, purchase_order=value.purchase_order, payment_terms_days=value.payment_terms_days,
        legal_entity_id=value.legal_entity_id, currency=currency, version=value.version, notes=value.notes,
    )  # fmt: skip


def summary_out(invoice: Invoice) -> invoice_pb2.Invoice:
    """An invoice without its lines."""
    currency = invoice.currency
    return invoice_pb2.Invoice(
        invoice_id=invoice.invoice_id, number=invoice.number,
        state=invoice_pb2.InvoiceState.Value(f"INVOICE_STATE_{invoice.state.value}"),
        period_start_time=time_out(invoice.start_time), period_end_time=time_out(invoice.end_time),
        cutoff_time=time_out(invoice.cutoff_time), issue_time=time_out(invoice.issue_time),
        due_time=time_out(invoice.due_time), paid_time=time_out(invoice.paid_time),
        void_time=time_out(invoice.void_time),
        void_reason=invoice.void_reason, subtotal=money(invoice.subtotal, currency),
        total=money(invoice.total, currency), paid=money(invoice.paid, currency),
        credited=money(invoice.credited, currency), owed=money(invoice.owed, currency),
        seller=entity_out(invoice.seller) if invoice.seller else None,
        buyer=profile_out(invoice.buyer, currency) if invoice.buyer else None,
        purchase_order=invoice.purchase_order, notes=invoice.notes, digest=invoice.digest, version=invoice.version,
        tenant_id=invoice.tenant_id, reminder_count=invoice.reminders,
        next_reminder_time=time_out(invoice.reminder_time), follows_invoice_id=invoice.follows_invoice_id,
        follows_number=invoice.follows_number, supplements=invoice.follow_kind == Following.SUPPLEMENTS,
        followed_by_invoice_id=invoice.followed_by_invoice_id, resale=invoice.kind is Kind.RESALE,
        in_advance=invoice.kind is Kind.ADVANCE,
    )  # fmt: skip


def invoice_out(
    invoice: Invoice, statement: Statement, payments: Sequence[Payment], notes: Sequence[CreditNote]
) -> invoice_pb2.Invoice:
    """An invoice with all that belongs to it."""
    currency = invoice.currency
    credited: dict[str, Decimal] = {}
    for note in notes:
        for line in note.lines:
            credited[line.line_id] = credited.get(line.line_id, Decimal(0)) + line.amount
    found = summary_out(invoice)
    found.lines.extend(_line(line, invoice, credited.get(line.line_id, Decimal(0))) for line in statement.lines)
    found.discounts.extend(
        invoice_pb2.IssuedDiscount(discount_id=each.discount_id, name=each.name, amount=money(each.amount, currency))
        for each in statement.discounts
    )
    found.taxes.extend(_tax(tax, currency) for tax in statement.taxes)
    found.payments.extend(payment_out(each) for each in payments)
    found.credit_notes.extend(credit_note_out(each) for each in notes)
    return found


def payment_out(value: Payment) -> invoice_pb2.InvoicePayment:
    """A payment as the contract shows it."""
    return invoice_pb2.InvoicePayment(
        payment_id=value.payment_id, provider=value.provider, reference=value.reference,
        amount=money(value.amount, value.currency), payment_time=time_out(value.time), state=value.state.value,
        failure=value.failure,
    )  # fmt: skip


def credit_note_out(value: CreditNote) -> invoice_pb2.CreditNote:
    """A credit note as the contract shows it."""
    return invoice_pb2.CreditNote(
        credit_note_id=value.credit_note_id, number=value.number, invoice_id=value.invoice_id, reason=value.reason,
        lines=[
            invoice_pb2.CreditNoteLine(line_id=line.line_id, amount=money(line.amount, value.currency))
            for line in value.lines
        ],
        total=money(value.total, value.currency), taxes=[_tax(tax, value.currency) for tax in value.taxes],
        issue_time=time_out(value.issue_time), applied=money(value.applied, value.currency),
        credited_to_balance=money(value.to_balance, value.currency),
    )  # fmt: skip


def finalized(invoice: Invoice) -> billing_events_pb2.InvoiceFinalized:
    """The fact that an invoice was issued."""
    return billing_events_pb2.InvoiceFinalized(invoice=summary_out(invoice))


def paid(invoice: Invoice, others_overdue: bool) -> billing_events_pb2.InvoicePaid:
    """The fact that nothing is owed by it any more."""
    return billing_events_pb2.InvoicePaid(invoice=summary_out(invoice), others_overdue=others_overdue)


def payment_failed(invoice: Invoice, payment: Payment) -> payment_events_pb2.InvoicePaymentFailed:
    """The fact that the provider took nothing."""
    return payment_events_pb2.InvoicePaymentFailed(
        invoice=summary_out(invoice), amount=money(payment.amount, payment.currency), failure=payment.failure
    )


def voided(invoice: Invoice, others_overdue: bool) -> billing_events_pb2.InvoiceVoided:
    """The fact that it was declared void."""
    return billing_events_pb2.InvoiceVoided(invoice=summary_out(invoice), others_overdue=others_overdue)


def overdue(
    invoice: Invoice, stage: int, consequence: Consequence, following: Consequence | None, now: datetime
) -> billing_events_pb2.InvoiceOverdue:
    """The fact that another stage of reminding is reached."""
    days = (now - invoice.due_time).days if invoice.due_time else 0
    return billing_events_pb2.InvoiceOverdue(
        invoice=summary_out(invoice), stage=stage, consequence=_CONSEQUENCES[consequence], days_overdue=days,
        next_consequence=_CONSEQUENCES[following] if following else billing_events_pb2.OVERDUE_CONSEQUENCE_UNSPECIFIED,
    )  # fmt: skip


def _line(line: StatementLine, invoice: Invoice, credited: Decimal) -> invoice_pb2.IssuedLine:
    currency, own = invoice.currency, invoice.kind is not Kind.RESALE
    company = line.description_parameters.get(COMPANY, "")
    return invoice_pb2.IssuedLine(
        line_id=line.line_id, kind=line.kind.value, meter=line.meter, description_key=line.description_key,
        description_parameters=dict(line.description_parameters), quantity=shown(line.quantity),
        included_quantity=shown(line.included), unit_price=money(line.unit_price, currency),
        amount=money(line.amount, currency), discount=money(line.discount, currency),
        start_time=time_out(line.start_time), end_time=time_out(line.end_time),
        brands=[share_out(each, currency, invoice.names) for each in line.brands],
        credited=money(credited, currency), has_records=own and line.kind in WITH_RECORDS and bool(line.meter),
        tax_code=line.tax_code, tenant_id=company, tenant_name=invoice.names.get(company, ""),
    )  # fmt: skip


def _tax(tax: Tax, currency: str) -> invoice_pb2.IssuedTax:
    return invoice_pb2.IssuedTax(
        tax_code=tax.tax_code, name=tax.name, percent=f"{tax.percent:f}", base=money(tax.base, currency),
        amount=money(tax.amount, currency), included=tax.included,
    )  # fmt: skip


def address_in(value: invoice_pb2.PostalAddress) -> Address:
    """Where somebody is."""
    return Address(value.street, value.additional, value.city, value.postal_code, value.region, value.country)


def address_out(value: Address) -> invoice_pb2.PostalAddress:
    """Where somebody is, as the contract shows it."""
    return invoice_pb2.PostalAddress(**vars(value))
