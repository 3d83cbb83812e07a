"""Facts about money and limits: what the owner is told on the pages, and, with an SMTP server, by e-mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.instants import time_in
from chassis.sql import Tx
from merkez.billing.v1 import billing_events_pb2, invoice_pb2, payment_events_pb2, wallet_events_pb2, wallet_pb2
from merkez.tenancy.v1 import limit_events_pb2
from merkez.type.v1 import money_pb2

from tenancy.ops import emails, overdue
from tenancy.ops.held import get_tenant
from tenancy.ops.notices import raise_notice
from tenancy.ops.overdue import Reminder

Writes = Callable[..., Awaitable[None]]
_CONSEQUENCES = {
    billing_events_pb2.OVERDUE_CONSEQUENCE_RESTRICTED: "RESTRICTED",
    billing_events_pb2.OVERDUE_CONSEQUENCE_SUSPENDED: "SUSPENDED",
}


async def _nothing(*_: Any, **__: Any) -> None:
    """Nobody sends e-mails."""


class Money:
    """Hears facts of billing, and of passings of limits. `public_url` is where the web app is, for links; `mailed`
    whether e-mails are sent."""

    def __init__(self, public_url: str, *, mailed: bool) -> None:
        self._link = f"{public_url.rstrip('/')}/admin/billing"
        self._write: Writes = emails.queue_notice if mailed else _nothing

    @property
    def handlers(self) -> Handlers:
        """What hears which fact."""
        return {
            billing_events_pb2.InvoiceFinalized: self.invoice_finalized,
            billing_events_pb2.InvoiceOverdue: self.invoice_overdue,
            payment_events_pb2.InvoicePaymentFailed: self.payment_failed,
            payment_events_pb2.WalletTopUpFailed: self.top_up_failed,
            wallet_events_pb2.WalletToppedUp: self.topped_up,
            wallet_events_pb2.WalletBalanceLow: self.balance_low,
            limit_events_pb2.PlanLimitPassed: self.limit_passed,
        }

    async def invoice_finalized(self, tx: Tx, fact: billing_events_pb2.InvoiceFinalized, meta: FactMeta) -> None:
        """An invoice is there; one of nothing, as of each month after an end, isn't written of."""
        total = fact.invoice.total
        amount = Decimal(total.amount or "0")
        if amount > 0:
            await self._invoice(tx, "INVOICE_FINALIZED", fact.invoice, total, meta.time)
        elif amount:
            back = money_pb2.Money(currency=total.currency, amount=f"{-amount:f}")
            await self._invoice(tx, "INVOICE_GIVES_BACK", fact.invoice, back, meta.time)

    async def payment_failed(self, tx: Tx, fact: payment_events_pb2.InvoicePaymentFailed, meta: FactMeta) -> None:
        """A card was charged in vain."""
        invoice, more = fact.invoice, {"failure": fact.failure}
        await raise_notice(tx, "PAYMENT_FAILED", invoice.invoice_id, {"number": invoice.number, **more}, meta.time)
        await self._invoice(tx, "PAYMENT_FAILED", invoice, fact.amount, meta.time, **more)

    async def invoice_overdue(self, tx: Tx, fact: billing_events_pb2.InvoiceOverdue, meta: FactMeta) -> None:
        """A stage of reminding is reached: the owner is told what it brings, and what comes next."""
        invoice = fact.invoice
        parameters = {
            "number": invoice.number, "amount": invoice.owed.amount, "currency": invoice.owed.currency,
            "days": str(fact.days_overdue),
        }  # fmt: skip
        consequence = _CONSEQUENCES.get(fact.consequence, "")
        reminder = Reminder(
            consequence, _CONSEQUENCES.get(fact.next_consequence, ""), time_in(invoice, "next_reminder_time")
        )
        await overdue.remind(tx, invoice.invoice_id, parameters, reminder, meta.time)
        kind = {"RESTRICTED": "TENANT_RESTRICTED", "SUSPENDED": "TENANT_SUSPENDED"}.get(consequence, "INVOICE_OVERDUE")
        if kind == "INVOICE_OVERDUE" and reminder.next_consequence and reminder.next_time:
            kind = f"{reminder.next_consequence}_AHEAD"
            parameters["next"] = await _date(tx, reminder.next_time)
        await self._invoice(tx, kind, invoice, invoice.owed, meta.time, days=parameters["days"],
                            next=parameters.get("next", ""))  # fmt: skip

    async def topped_up(self, tx: Tx, fact: wallet_events_pb2.WalletToppedUp, meta: FactMeta) -> None:
        """Money that somebody paid came into the wallet: a receipt of it."""
        if fact.grant.source == wallet_pb2.GRANT_SOURCE_PAID:
            await self._wallet(tx, "WALLET_TOPPED_UP", fact.grant.amount, meta.time, balance=_shown(fact.balance))

    async def balance_low(self, tx: Tx, fact: wallet_events_pb2.WalletBalanceLow, meta: FactMeta) -> None:
        """The balance fell below one of the company's marks."""
        parameters = {"balance": fact.balance.amount, "currency": fact.balance.currency}
        await raise_notice(tx, "WALLET_LOW", "", parameters, meta.time)
        await self._wallet(tx, "WALLET_LOW", fact.balance, meta.time)

    async def top_up_failed(self, tx: Tx, fact: payment_events_pb2.WalletTopUpFailed, meta: FactMeta) -> None:
        """The wallet wasn't topped up by itself."""
        parameters = {"amount": fact.amount.amount, "currency": fact.amount.currency, "failure": fact.failure}
        await raise_notice(tx, "TOP_UP_FAILED", "", parameters, meta.time)
        await self._wallet(tx, "TOP_UP_FAILED", fact.amount, meta.time, failure=fact.failure)

    async def limit_passed(self, tx: Tx, fact: limit_events_pb2.PlanLimitPassed, meta: FactMeta) -> None:
        """A soft limit was passed: the fact is told once for each passing, and so is the e-mail written."""
        passing = fact.passing
        said = {
            "limit": passing.limit, "allowed": str(passing.allowed), "used": str(passing.used),
            "since": await _date(tx, meta.time), "link": self._link,
        }  # fmt: skip
        await self._write(tx, "PLAN_LIMIT_PASSED", said, meta.time)

    async def _invoice(
        self, tx: Tx, kind: str, invoice: invoice_pb2.Invoice, money: money_pb2.Money, now: datetime, **more: str
    ) -> None:
        due = await _date(tx, invoice.due_time.ToDatetime(tzinfo=UTC)) if invoice.HasField("due_time") else ""
        said = {"number": invoice.number, "amount": _shown(money), "due": due, "link": self._link, **more}
        await self._write(tx, kind, said, now, to=invoice.buyer.email, language=invoice.buyer.language)

    async def _wallet(self, tx: Tx, kind: str, money: money_pb2.Money, now: datetime, **more: str) -> None:
        await self._write(tx, kind, {"amount": _shown(money), "link": self._link, **more}, now)


async def _date(tx: Tx, time: datetime) -> str:
    zone = (await get_tenant(tx)).time_zone or "UTC"
    return time.astimezone(ZoneInfo(zone)).date().isoformat()


def _shown(money: money_pb2.Money) -> str:
    return f"{money.amount} {money.currency}"
