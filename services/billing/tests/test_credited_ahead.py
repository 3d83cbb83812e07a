"""What a credit note gave back of what was paid ahead isn't given back again when somebody ends or holds less."""

from __future__ import annotations

from decimal import Decimal

import pytest
from billing.domain.credit_notes import CreditedLine, CreditExceedsLine
from billing.ops import paying
from chassis.instants import time_out

from .conftest import MARCH, user_fact
from .invoice_house import DAY, MAY, House
from .test_anchors_move import ACTIVE, CANCELLED, eur, plan, stands
from .test_in_advance import HALF, YEARLY, begin, in_order, parts, run_daily, seats, statements, totals


async def credit(house: House, amount: str = "") -> None:
    """A credit note of the newest invoice: all of it, or so much of its fee."""
    invoice, said = (await in_order(house))[-1], (await statements(house))[-1]
    lines = [
        CreditedLine(line.line_id, Decimal(amount))
        for line in said.lines
        if amount and line.description_key == "invoice.plan_fee"
    ]
    now = house.ledger.clock.now()
    await house.do(lambda tx: paying.credit(tx, invoice.invoice_id, "as agreed", lines, now))


async def end_at_half(house: House) -> None:
    await house.ledger.tell(stands(2, HALF, CANCELLED, MARCH, cancel_time=time_out(HALF)))
    await run_daily(house, MAY + 2 * DAY)


@pytest.mark.parametrize(("amount", "back"), [("", "0.00"), ("50.00", "0.00"), ("30.00", "-20.00"), ("70.00", "0.00")])
async def test_who_was_credited_the_month_paid_ahead_and_ends_at_once_gets_it_back_once(
    house: House, amount: str, back: str
) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, HALF)
    await credit(house, amount)
    await end_at_half(house)
    assert await totals(house) == ["100.00", back, "0.00"]


async def test_who_ended_at_once_is_credited_no_more_of_the_month_than_the_end_left(house: House) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, HALF)
    await end_at_half(house)
    assert await totals(house) == ["100.00", "-50.00", "0.00"]
    first, now = (await in_order(house))[0], house.ledger.clock.now()
    fee = next(each.line_id for each in (await statements(house))[0].lines)
    with pytest.raises(CreditExceedsLine) as refused:
        asked = [CreditedLine(fee, Decimal("60.00"))]
        await house.do(lambda tx: paying.credit(tx, first.invoice_id, "as agreed", asked, now))
    assert refused.value.metadata["left"] == "50.00"
    note = await house.do(lambda tx: paying.credit(tx, first.invoice_id, "as agreed", [], now))
    assert note.total == Decimal("50.00")
    with pytest.raises(CreditExceedsLine, match="credited already"):
        await house.do(lambda tx: paying.credit(tx, first.invoice_id, "as agreed", [], now))


async def test_seats_credited_whole_arent_given_back_by_the_end_and_what_has_a_year_paid_neither(house: House) -> None:
    await begin(house, seats(), price=eur("1200"), interval=YEARLY)
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await run_daily(house, MARCH + 5 * DAY)
    await credit(house)
    await end_at_half(house)
    assert await totals(house) == ["1230.00", "0.00", "0.00"]


async def test_what_one_end_was_less_by_isnt_taken_off_a_second_time(house: House) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, MARCH + 5 * DAY)
    await credit(house, "20.00")
    await house.ledger.tell(plan(since=HALF, plan_id="large", price=eur("300")))
    await house.ledger.tell(stands(2, HALF, ACTIVE, MARCH))
    await run_daily(house, MAY + 2 * DAY)
    assert parts((await statements(house))[1])[:3] == [
        ("plan_credit", "03-16", "-50.00", False), ("plan_fee", "03-16", "150.00", False),
        ("credited_before", "03-16", "20.00", False),
    ]  # fmt: skip
    assert await totals(house) == ["100.00", "420.00", "300.00"]
