"""What is charged in advance is invoiced when it begins, not when its first month is over."""

from __future__ import annotations

from datetime import timedelta

from merkez.tenancy.v1 import plan_pb2

from .conftest import MARCH, user_fact
from .invoice_house import DAY, House
from .test_anchors_move import ACTIVE, eur, plan, stands


async def test_years_fee_is_invoiced_as_it_begins(house: House) -> None:
    await house.set_up()
    await house.ledger.tell(plan(price=eur("1200"), interval=plan_pb2.BILLING_INTERVAL_YEAR))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.run(MARCH + 5 * DAY)
    assert [str(each.total) for each in await house.invoices()] == ["1200.00"]


async def test_seats_in_advance_are_invoiced_before_they_are_used(house: House) -> None:
    await house.set_up()
    rate = plan_pb2.Rate(meter="seat_month", price=eur("20"), timing=plan_pb2.RATE_TIMING_ADVANCE)
    await house.ledger.tell(plan(rate))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH + timedelta(hours=1))
    await house.run(MARCH + 5 * DAY)
    assert await house.invoices()
