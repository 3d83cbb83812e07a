"""What follows from money that doesn't come: told before, restricted, let in to pay, and all back at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import STRANGER, acting_as
from chassis.bus import FactMeta
from chassis.instants import time_out
from chassis.paging import Page
from kernel.ids import new_id
from merkez.billing.v1 import billing_events_pb2, invoice_pb2, payment_events_pb2, wallet_events_pb2, wallet_pb2
from merkez.tenancy.v1 import limit_events_pb2, limit_pb2, session_pb2, session_service_pb2
from merkez.type.v1 import money_pb2
from tenancy.consumers import HANDLERS
from tenancy.consumers.money import Money
from tenancy.domain.emails import failure_text, notice_text
from tenancy.ops import held
from tenancy.ops import notices as notices_of
from tenancy.store import rows, tables

from .conftest import PASSWORD

KINDS = (
    "INVOICE_FINALIZED", "INVOICE_GIVES_BACK", "PAYMENT_FAILED", "INVOICE_OVERDUE", "RESTRICTED_AHEAD",
    "SUSPENDED_AHEAD", "TENANT_RESTRICTED", "TENANT_SUSPENDED", "WALLET_TOPPED_UP", "WALLET_LOW",
    "TOP_UP_FAILED", "PLAN_LIMIT_PASSED",
)  # fmt: skip
events = billing_events_pb2
EUR = money_pb2.Money(currency="EUR", amount="20.06")


async def tell(town: Any, firm: Any, fact: Any, mailed: bool = True) -> None:
    now = town.clock.now()
    meta = FactMeta(new_id("evt", now), firm.tenant_id, "", now, "", type(fact).__name__, "")
    handlers = {**HANDLERS, **Money("https://m.example", mailed=mailed).handlers}
    await firm.run(lambda tx: handlers[type(fact)](tx, fact, meta))


def an_invoice(town: Any, **more: Any) -> invoice_pb2.Invoice:
    due = town.clock.now() + timedelta(days=4)
    return invoice_pb2.Invoice(
        invoice_id="ivc_1", number="MRK-000001", owed=EUR, total=EUR, due_time=time_out(due),
        next_reminder_time=time_out(due), **more,
    )  # fmt: skip


async def notices(firm: Any) -> set[str]:
    found, _ = await firm.run(lambda tx: notices_of.list_notices(tx, False, Page(0, "")))
    return {each.kind for each in found}


async def test_company_is_told_before_restricted_and_has_all_back_when_it_pays(town: Any, firm: Any) -> None:
    invoice = an_invoice(town)
    ahead = events.InvoiceOverdue(
        invoice=invoice, stage=2, consequence=events.OVERDUE_CONSEQUENCE_NOTICE,
        next_consequence=events.OVERDUE_CONSEQUENCE_RESTRICTED,
    )  # fmt: skip
    await tell(town, firm, ahead)
    assert await notices(firm) == {"INVOICE_OVERDUE", "RESTRICTION_AHEAD"}
    await firm.invite("before@acme.example")
    await tell(town, firm, events.InvoiceOverdue(
        invoice=invoice, stage=3, consequence=events.OVERDUE_CONSEQUENCE_RESTRICTED,
        next_consequence=events.OVERDUE_CONSEQUENCE_SUSPENDED,
    ))  # fmt: skip
    assert {"TENANT_RESTRICTED", "SUSPENSION_AHEAD"} <= await notices(firm)
    tenant = await firm.run(held.get_tenant)
    assert (tenant.state, tenant.restricted) == ("ACTIVE", True)
    with pytest.raises(Exception) as refused:
        await firm.invite("after@acme.example")
    assert getattr(refused.value, "reason", "") == "TENANT_RESTRICTED"
    await tell(town, firm, events.InvoicePaid(invoice=invoice, others_overdue=False))
    assert await notices(firm) == set() and not (await firm.run(held.get_tenant)).restricted
    await firm.invite("after@acme.example")


async def test_other_overdue_invoice_keeps_it_restricted(town: Any, firm: Any) -> None:
    invoice = an_invoice(town)
    restricted = events.OVERDUE_CONSEQUENCE_RESTRICTED
    await tell(town, firm, events.InvoiceOverdue(invoice=invoice, stage=3, consequence=restricted))
    await tell(town, firm, events.InvoicePaid(invoice=invoice, others_overdue=True))
    assert (await firm.run(held.get_tenant)).restricted and await notices(firm) == {"TENANT_RESTRICTED"}


async def test_owner_of_a_company_that_owes_signs_in_to_pay_and_nobody_else_does(town: Any) -> None:
    firm = await town.sign_up()
    invoice = an_invoice(town)
    suspended = events.OVERDUE_CONSEQUENCE_SUSPENDED
    await tell(town, firm, events.InvoiceOverdue(invoice=invoice, stage=4, consequence=suspended))

    async def sign_in() -> session_pb2.Session:
        request = session_service_pb2.SignInRequest(email=firm.email, password=PASSWORD)
        with acting_as(STRANGER):
            return await town.stubs.sessions.SignIn(request)

    session = await sign_in()
    assert session.user.role == session_pb2.ROLE_PAYER
    await tell(town, firm, events.InvoicePaid(invoice=invoice, others_overdue=False))
    refresh = session_service_pb2.RefreshSessionRequest(refresh_token=session.refresh_token)
    with acting_as(STRANGER):
        assert (await town.stubs.sessions.RefreshSession(refresh)).user.role == session_pb2.ROLE_OWNER


async def test_every_letter_about_money_is_written_where_there_is_a_mail_server_and_nowhere_else(
    town: Any, firm: Any
) -> None:
    invoice = an_invoice(town, buyer=invoice_pb2.BillingProfile(email="books@acme.example", language="tr"))
    facts = (
        events.InvoiceFinalized(invoice=invoice),
        payment_events_pb2.InvoicePaymentFailed(invoice=invoice, amount=EUR, failure="card_declined"),
        events.InvoiceOverdue(invoice=invoice, stage=1, consequence=events.OVERDUE_CONSEQUENCE_NOTICE),
        wallet_events_pb2.WalletBalanceLow(threshold=EUR, balance=EUR),
        wallet_events_pb2.WalletToppedUp(grant=wallet_pb2.Grant(amount=EUR, source=wallet_pb2.GRANT_SOURCE_PAID)),
        payment_events_pb2.WalletTopUpFailed(amount=EUR, failure="NO_PAYMENT_METHOD"),
    )
    before = await firm.run(lambda tx: rows.count(tx, tables.emails))
    for fact in facts:
        await tell(town, firm, fact, mailed=False)
    assert await firm.run(lambda tx: rows.count(tx, tables.emails)) == before
    for fact in facts:
        await tell(town, firm, fact)
    assert await firm.run(lambda tx: rows.count(tx, tables.emails)) == before + len(facts)
    to_books = tables.emails.c.recipient == "books@acme.example"
    assert await firm.run(lambda tx: rows.count(tx, tables.emails, to_books)) == 3


async def test_invoice_that_gives_back_is_written_of_as_that_and_one_of_nothing_not_at_all(
    town: Any, firm: Any
) -> None:
    for amount in ("0.00", "-65.00"):
        invoice = an_invoice(town, buyer=invoice_pb2.BillingProfile(email="books@acme.example"))
        invoice.total.amount = amount
        await tell(town, firm, events.InvoiceFinalized(invoice=invoice))
    [email] = await firm.run(
        lambda tx: rows.every(tx, tables.emails, tables.emails.c.recipient == "books@acme.example")
    )
    assert "65.00 EUR" in email["subject"] and "-65" not in email["subject"] + email["body"]


@pytest.mark.parametrize("language", ["en", "tr", "az", "fa"])
def test_letters_are_whole_in_every_language(language: str) -> None:
    names: tuple[str, ...] = (
        "company", "number", "amount", "due", "next", "failure", "balance", "link", "limit", "allowed", "used", "since",
    )  # fmt: skip
    said: dict[str, str] = dict.fromkeys(names, "x1x")
    for kind in KINDS:
        subject, body = notice_text(kind, language, said)
        assert "\n" not in subject and "{" not in subject + body and "x1x" in body


@pytest.mark.parametrize("language", ["en", "tr", "az", "fa"])
def test_why_a_card_was_refused_is_said_in_words_and_the_code_only_behind_them(language: str) -> None:
    said = {"failure": "insufficient_funds", "amount": "1", "number": "2"}
    body = notice_text("PAYMENT_FAILED", language, said)[1]
    assert failure_text("insufficient_funds", language) in body and "(insufficient_funds)" in body
    words = {failure_text(code, language).partition(" (")[0] for code in ("card_declined", "expired_card", "", "x_1")}
    assert len(words) == 3, "two known ones, and that it was refused"
    assert failure_text("x_1", language).endswith("(x_1)") and "(" not in failure_text("", language)


async def test_a_soft_limit_that_is_passed_is_written_to_the_owner_in_their_language(town: Any, firm: Any) -> None:
    fact = limit_events_pb2.PlanLimitPassed(passing=limit_pb2.LimitPassing(limit="max_users", allowed=2, used=3))
    await tell(town, firm, fact)
    mine = tables.emails.c.recipient == firm.email
    [email] = await firm.run(lambda tx: rows.every(tx, tables.emails, mine))
    assert "2 kullanıcı" in email["body"] and email["subject"].endswith(": kullanıcı")
