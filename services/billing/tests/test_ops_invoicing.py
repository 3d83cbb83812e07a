"""An invoice is made once, frozen once, and never changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from billing.domain import canonical
from billing.domain.invoicing import InvoiceNotFinalized, InvoiceStateWrong, State
from billing.domain.parties import NoLegalEntity
from billing.ops import invoicing
from kernel.errors import DomainError

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, MAY, House, euros


async def test_month_that_ended_becomes_a_draft_and_after_the_grace_an_invoice(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    await house.run(APRIL + timedelta(hours=1))
    [draft] = await house.invoices()
    assert (draft.state, draft.number, draft.start_time, draft.end_time) == (State.DRAFT, "", MARCH, APRIL)
    await house.run(APRIL + DAY + timedelta(minutes=2))
    [invoice] = await house.invoices()
    assert (invoice.state, invoice.number, invoice.total) == (State.FINALIZED, "MRK-000001", euros("20.06"))
    assert invoice.due_time == house.ledger.clock.now() + 14 * DAY
    assert invoice.seller and invoice.seller.name == "Merkez MMC"


async def test_run_again_and_by_two_at_once_makes_one_invoice(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    house.go_to(APRIL + 2 * DAY)
    other = House(house.ledger)
    await asyncio.gather(*(each.sweeper.sweep() for each in (house, other, house)))
    await house.run()
    assert [each.number for each in await house.invoices()] == ["MRK-000001"]


async def test_month_nobody_looked_at_is_made_up_for(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    await house.run(MAY + 3 * DAY)
    assert [(each.start_time, each.number) for each in await house.invoices()] == [
        (MARCH, "MRK-000001"), (APRIL, "MRK-000002"),
    ]  # fmt: skip


async def test_without_a_legal_entity_the_draft_waits(house: House) -> None:
    await house.used_march(60)
    await house.run(APRIL + 2 * DAY)
    [draft] = await house.invoices()
    assert draft.state is State.DRAFT
    with pytest.raises(NoLegalEntity):
        await house.do(lambda tx: invoicing.finalize(tx, draft.invoice_id, APRIL + 2 * DAY, timedelta(minutes=1)))
    await house.set_up()
    await house.run()
    assert (await house.invoices())[0].number == "MRK-000001"


async def test_rebuilt_from_events_and_plans_it_is_the_same_to_the_byte(house: House) -> None:
    await house.set_up()
    await house.used_march(60, 31, 125)
    invoice = await house.issued()
    await house.ledger.tell(call_fact("call_late", 600, MARCH + 3 * DAY))
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, invoice.invoice_id))
    assert data == again.statement and canonical.digest(data) == again.digest
    assert canonical.statement_bytes(canonical.statement_from(data)) == data


async def test_late_usage_is_a_dated_line_of_the_next_invoice(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    first = await house.issued()
    await house.ledger.tell(call_fact("call_late", 600, MARCH + 3 * DAY))
    await house.run(MAY + 2 * DAY)
    second = (await house.invoices())[1]
    whole = await house.whole(second.invoice_id)
    [late] = [line for line in whole.statement.lines if line.kind == "late"]
    assert (late.start_time, late.end_time, late.amount, late.quantity) == (MARCH, APRIL, euros("0.60"), 10)
    assert late.description_parameters["invoice"] == first.number
    assert second.total == euros("20.60")
    assert (await house.whole(first.invoice_id)).invoice.total == first.total
    again, data = await house.do(lambda tx: invoicing.rebuild(tx, second.invoice_id))
    assert data == again.statement
    await house.run(MAY + 35 * DAY)
    third = (await house.invoices())[2]
    assert third.total == euros("20.00"), "what was billed late isn't billed again"


async def test_draft_has_no_rebuild_and_a_paid_one_no_second_finalization(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    await house.run(APRIL + timedelta(hours=1))
    [draft] = await house.invoices()
    with pytest.raises(InvoiceNotFinalized):
        await house.do(lambda tx: invoicing.rebuild(tx, draft.invoice_id))
    await house.issued()
    with pytest.raises(InvoiceStateWrong):
        await house.do(lambda tx: invoicing.finalize(tx, draft.invoice_id, MAY, timedelta(0)))


async def test_two_finalizations_at_once_and_failures_leave_no_gap(house: House) -> None:
    await house.set_up()
    others = [House(house.ledger.twin()) for _ in range(5)]
    for each in (house, *others):
        await each.used_march(60)
        await each.sweeper.draft(APRIL + DAY)
    house.go_to(APRIL + 2 * DAY)

    async def finalize(each: House, fails: bool) -> None:
        [draft] = await each.invoices()

        async def work(tx: object) -> None:
            await invoicing.finalize(tx, draft.invoice_id, APRIL + 2 * DAY, timedelta(minutes=1))  # pyright: ignore
            if fails:
                raise RuntimeError("killed in the middle")

        await each.do(work)

    houses = [house, *others]
    await asyncio.gather(
        *(finalize(each, number % 2 == 1) for number, each in enumerate(houses)), return_exceptions=True
    )
    await house.run()
    numbers = sorted([(await each.invoices())[0].number for each in houses])
    assert numbers == [f"MRK-{number:06d}" for number in range(1, 7)]


async def test_void_says_why_and_a_partly_paid_one_is_refused(house: House) -> None:
    await house.set_up()
    await house.used_march(60)
    invoice = await house.issued()
    await house.pay(invoice.invoice_id, "1")
    with pytest.raises(DomainError) as refused:
        await house.do(lambda tx: invoicing.declare_void(tx, invoice.invoice_id, "wrong", 0, APRIL))
    assert refused.value.reason == "INVOICE_PARTLY_PAID"
    other = House(house.ledger.twin())
    await other.used_march(60)
    second = await other.issued(APRIL + 3 * DAY)
    voided = await other.do(lambda tx: invoicing.declare_void(tx, second.invoice_id, "wrong company", 0, APRIL))
    assert (voided.state, voided.void_reason, voided.owed) == (State.VOID, "wrong company", 0)
