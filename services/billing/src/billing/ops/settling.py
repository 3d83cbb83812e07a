"""What pays an invoice, whatever it is: money, the company's credit, a credit note. Parts of other verbs'
transactions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from chassis.sql import Tx
from kernel.ids import new_id

from billing import invoices_proto as convert
from billing.domain.invoicing import PAYABLE, Invoice, Trigger, moved
from billing.domain.payments import BALANCE, Payment, PaymentState, split
from billing.store import invoicing as store
from billing.store import payments

OVERPAID, CREDITED, USED, PAID_BACK = "overpaid", "credited", "used", "paid_back"


async def take(tx: Tx, invoice: Invoice, amount: Decimal, source_id: str, now: datetime) -> Invoice:
    """Puts money that came in to an invoice; what is more than owed becomes the company's credit."""
    owed = invoice.owed if invoice.state in PAYABLE else Decimal(0)
    used, surplus = split(amount, owed)
    if surplus:
        entry = new_id("bal", now)
        await payments.add_to_balance(tx, entry, OVERPAID, source_id, surplus, invoice.currency, now)
    if not used:
        return invoice
    return await settle(tx, replace(invoice, paid=invoice.paid + used, version=invoice.version + 1), now)


async def settle(tx: Tx, invoice: Invoice, now: datetime) -> Invoice:
    """Keeps an invoice after something was paid or credited: paid, when nothing is owed any more."""
    if invoice.state in PAYABLE and invoice.owed <= 0:
        invoice = replace(moved(invoice, Trigger.SETTLE), paid_time=now, reminder_time=None)
        await store.save_invoice(tx, invoice)
        others = await others_overdue(tx, invoice)
        tx.emit(convert.paid(invoice, others), key=invoice.invoice_id)
        if not others:
            await payments.end_campaign(tx, invoice.currency)
    else:
        await store.save_invoice(tx, invoice)
    return invoice


async def pay_from_balance(tx: Tx, invoice: Invoice, now: datetime) -> Invoice:
    """Pays an invoice from the company's credit as far as that goes; one of nothing is paid at once."""
    credit = (await payments.balances(tx)).get(invoice.currency, Decimal(0))
    used = min(credit, invoice.owed)
    if invoice.owed < 0:  # what was given back is more than what was used: it pays the next invoices
        entry = new_id("bal", now)
        await payments.add_to_balance(tx, entry, CREDITED, invoice.invoice_id, -invoice.owed, invoice.currency, now)
        return await settle(tx, replace(invoice, paid=invoice.total), now)
    if used > 0:
        payment = Payment(
            new_id("pay", now), tx.tenant_id, invoice.invoice_id, BALANCE, "", used, invoice.currency,
            PaymentState.SUCCEEDED, now,
        )  # fmt: skip
        await payments.save_payment(tx, payment)
        entry = new_id("bal", now)
        await payments.add_to_balance(tx, entry, USED, payment.payment_id, -used, invoice.currency, now)
        invoice = replace(invoice, paid=invoice.paid + used)
    return await settle(tx, invoice, now)


async def others_overdue(tx: Tx, invoice: Invoice) -> bool:
    """Whether another invoice of the company is overdue."""
    return any(each.invoice_id != invoice.invoice_id for each in await store.overdue(tx))
