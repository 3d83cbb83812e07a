"""Money that comes in, what is taken back, who is reminded: once each, whatever happens in between."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from billing.collecting import Collector
from billing.domain.credit_notes import CreditedLine
from billing.domain.invoicing import Invoice, State
from billing.domain.payments import Method, Outcome, Payment, PaymentState, ProviderEvent, ProviderUnavailable
from billing.ops import invoicing, paying
from billing.store import payments as store
from billing.sweeper import Sweeper
from kernel.errors import DomainError

from .conftest import MARCH, call_fact
from .invoice_house import DAY, MAY, RULES, House, euros


class Bank:
    """A payment provider that does what it is told to."""

    name = "stripe"

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Payment] = []

    async def customer(self, tenant_id: str, name: str, email: str) -> str:
        return "cus_1"

    async def setup_page(self, tenant_id: str, customer_id: str, back_to: str, request_id: str) -> str:
        return f"https://pay.example/{customer_id}"

    def least(self, amount: Decimal, currency: str) -> Decimal:
        return amount

    async def charge(self, payment: Payment, method: Method, number: str) -> Outcome:
        self.asked.append(payment)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def event(self, payload: bytes, signature: str) -> ProviderEvent | None:
        return None


SUCCEEDED = Outcome(PaymentState.SUCCEEDED, "pi_1")


async def an_invoice(house: House) -> Invoice:
    """An invoice of 20.06."""
    await house.set_up()
    await house.used_march(60)
    return await house.issued()


async def with_card(house: House) -> None:
    """A card on file."""
    method = Method("stripe", "cus_1", "pm_1", "visa 4242")
    await house.do(lambda tx: store.save_method(tx, method))


async def balance(house: House) -> Any:
    """The company's credit."""
    return await house.do(store.balances)


async def test_invoice_is_paid_in_parts_and_what_is_too_much_is_credit_that_pays_the_next_one(house: House) -> None:
    invoice = await an_invoice(house)
    part = await house.pay(invoice.invoice_id, "10")
    assert (part.state, part.owed) == (State.FINALIZED, euros("10.06"))
    whole = await house.pay(invoice.invoice_id, "20", "bank 2")
    assert (whole.state, whole.owed, await balance(house)) == (State.PAID, 0, {"EUR": euros("9.94")})
    await house.run(MAY + 2 * DAY)
    second = (await house.invoices())[1]
    assert (second.total, second.paid, second.owed) == (euros("20.00"), euros("9.94"), euros("10.06"))
    assert await balance(house) == {}


async def test_payment_for_a_paid_or_void_invoice_and_in_another_currency_is_refused(house: House) -> None:
    invoice = await an_invoice(house)
    now = house.ledger.clock.now()
    with pytest.raises(DomainError) as refused:
        await house.do(lambda tx: paying.record_by_hand(tx, invoice.invoice_id, "1", "USD", "x", None, now))
    assert refused.value.reason == "AMOUNT_INVALID"
    await house.pay(invoice.invoice_id, "20.06")
    with pytest.raises(DomainError) as refused:
        await house.pay(invoice.invoice_id, "1")
    assert refused.value.reason == "INVOICE_STATE_WRONG"


async def test_month_that_cost_nothing_is_paid_at_once(house: House) -> None:
    await house.set_up()
    await house.used_march(seats=0)
    invoice = await house.issued()
    assert (invoice.state, invoice.total, invoice.number) == (State.PAID, 0, "MRK-000001")


async def test_credit_note_of_an_unpaid_invoice_lowers_what_is_owed_and_of_a_paid_one_is_credit(house: House) -> None:
    invoice = await an_invoice(house)
    seat = next(
        line.line_id for line in (await house.whole(invoice.invoice_id)).statement.lines if "seat" in line.meter
    )
    now = house.ledger.clock.now()
    asked = [CreditedLine(seat, euros("5.00"))]
    first = await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "outage", asked, now))
    assert (first.number, first.applied, first.to_balance) == ("CMRK-000001", euros("5.00"), 0)
    paid = await house.pay(invoice.invoice_id, "15.06")
    assert paid.state is State.PAID
    rest = await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "all of it", [], now))
    assert (rest.number, rest.total, rest.applied) == ("CMRK-000002", euros("15.06"), 0)
    assert await balance(house) == {"EUR": euros("15.06")}
    with pytest.raises(DomainError) as refused:
        await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "again", [], now))
    assert refused.value.reason == "CREDIT_EXCEEDS_LINE"
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, invoice.invoice_id))
    assert data == again.statement, "what was finalized never changes"


async def test_two_credit_notes_at_once_never_take_more_than_the_line(house: House) -> None:
    invoice = await an_invoice(house)
    seat = next(
        line.line_id for line in (await house.whole(invoice.invoice_id)).statement.lines if "seat" in line.meter
    )
    now, asked = house.ledger.clock.now(), [CreditedLine(seat, euros("12.00"))]
    db: Any = house.ledger.db

    async def credit() -> Any:
        return await db.ahead(
            house.ledger.tenant, lambda tx: paying.credit(tx, invoice.invoice_id, "twice", asked, now)
        )

    answers = await asyncio.gather(*(credit() for _ in range(4)), return_exceptions=True)
    assert len([each for each in answers if not isinstance(each, Exception)]) == 1
    notes = (await house.whole(invoice.invoice_id)).credit_notes
    assert [each.number for each in notes] == ["CMRK-000001"], "what was refused took no number"


async def test_card_is_charged_when_the_invoice_is_issued(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    await with_card(house)
    bank = Bank(SUCCEEDED)
    house.sweeper = Sweeper(house.ledger.rating, RULES, Collector(house.ledger.db, bank).try_to_pay)
    invoice = await house.issued()
    assert invoice.state is State.PAID and [each.amount for each in bank.asked] == [euros("20.06")]


async def test_process_killed_between_asking_and_noting_charges_once(house: House) -> None:
    invoice = await an_invoice(house)
    await with_card(house)
    bank = Bank(ProviderUnavailable("away"), SUCCEEDED)
    collector = Collector(house.ledger.db, bank)
    with pytest.raises(ProviderUnavailable):
        await collector.pay(house.ledger.tenant, invoice.invoice_id)
    done = await collector.pay(house.ledger.tenant, invoice.invoice_id)
    assert done.state is State.PAID
    assert len({each.payment_id for each in bank.asked}) == 1, "the same idempotency key"


async def test_event_told_twice_or_after_the_answer_pays_once(house: House) -> None:
    invoice = await an_invoice(house)
    await with_card(house)
    now = house.ledger.clock.now()
    charge = await house.do(lambda tx: paying.begin_charge(tx, invoice.invoice_id, "stripe", now))
    told = ProviderEvent(
        "evt_1", house.ledger.tenant, "payment_succeeded", invoice.invoice_id, charge.payment.payment_id, "pi_1",
        euros("20.06"), "EUR",
    )  # fmt: skip
    assert await house.do(lambda tx: paying.take_event(tx, "stripe", told, now))
    assert not await house.do(lambda tx: paying.take_event(tx, "stripe", told, now))
    await house.do(lambda tx: paying.end_charge(tx, charge.payment.payment_id, SUCCEEDED, now))
    whole = await house.whole(invoice.invoice_id)
    assert (whole.invoice.state, whole.invoice.paid, await balance(house)) == (State.PAID, euros("20.06"), {})
    failed = ProviderEvent("evt_0", house.ledger.tenant, "payment_failed", payment_id=charge.payment.payment_id)
    await house.do(lambda tx: paying.take_event(tx, "stripe", failed, now))
    assert (await house.whole(invoice.invoice_id)).payments[0].state is PaymentState.SUCCEEDED


async def test_refused_card_is_said_and_tried_again_with_the_next_reminder(house: House) -> None:
    invoice = await an_invoice(house)
    await with_card(house)
    declined = Outcome(PaymentState.FAILED, "pi_1", "card_declined")
    bank = Bank(declined, SUCCEEDED)
    house.sweeper = Sweeper(house.ledger.rating, RULES, Collector(house.ledger.db, bank).try_to_pay)
    assert invoice.due_time is not None
    await house.run(invoice.due_time + DAY)
    whole = await house.whole(invoice.invoice_id)
    assert (whole.invoice.state, whole.invoice.reminders) == (State.OVERDUE, 1)
    assert [each.failure for each in whole.payments] == ["card_declined"]
    await house.run(invoice.due_time + 5 * DAY)
    assert (await house.whole(invoice.invoice_id)).invoice.state is State.PAID


async def test_reminders_come_by_their_stages_and_end_with_the_payment(house: House) -> None:
    invoice = await an_invoice(house)
    assert invoice.due_time is not None
    await house.run(invoice.due_time - DAY)
    assert (await house.invoices())[0].state is State.FINALIZED
    reminders: list[int] = []
    for day in (0.1, 0.2, 2, 4, 8.5, 16, 25):
        await house.run(invoice.due_time + day * DAY)
        reminders.append((await house.invoices())[0].reminders)
    assert reminders == [1, 1, 1, 2, 3, 4, 4]
    facts = await emitted(house)
    assert [(each.stage, each.consequence) for each in facts["InvoiceOverdue"]] == [(1, 1), (2, 1), (3, 2), (4, 3)]
    await house.pay(invoice.invoice_id, "20.06")
    [paid] = (await emitted(house))["InvoicePaid"]
    assert paid.invoice.invoice_id == invoice.invoice_id and not paid.others_overdue
    assert await house.do(store.campaigns) == {}


async def test_what_is_paid_leaves_others_overdue(house: House) -> None:
    first = await an_invoice(house)
    await house.ledger.tell(call_fact("late", 60, MARCH + DAY))
    await house.run(MAY + 2 * DAY)
    await house.run(MAY + 20 * DAY)
    assert [each.state for each in await house.invoices()] == [State.OVERDUE, State.OVERDUE]
    await house.pay(first.invoice_id, "20.06")
    [paid] = (await emitted(house))["InvoicePaid"]
    assert paid.others_overdue


async def emitted(house: House) -> dict[str, list[Any]]:
    """What left billing, by the fact's name, in order."""
    from merkez.billing.v1 import billing_events_pb2
    from sqlalchemy import select

    table = house.ledger.db.standard.outbox
    rows = await house.do(
        lambda tx: tx.all(select(table).where(table.c.tenant_id == tx.tenant_id).order_by(table.c.position))
    )
    found: dict[str, list[Any]] = {}
    for row in rows:
        name = row["fact"].rpartition(".")[2]
        found.setdefault(name, []).append(getattr(billing_events_pb2, name).FromString(row["payload"]))
    return found
