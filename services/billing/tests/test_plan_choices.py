"""Which of two plans for one moment is held: the one tenancy holds, whatever clocks said."""

from __future__ import annotations

from datetime import timedelta

from .conftest import MARCH, Ledger
from .test_anchors_move import ACTIVE, eur, plan, stands


async def test_last_of_two_moves_is_billed_although_a_clock_went_back(ledger: Ledger) -> None:
    """As tenancy tells it: the second move takes effect at the first one's moment, and is told 5 s earlier."""
    moment = MARCH + timedelta(days=1)
    await ledger.tell(plan(price=eur("10"), plan_id="small"), MARCH)
    await ledger.tell(stands(1, MARCH, ACTIVE, MARCH), MARCH)
    await ledger.tell(plan(price=eur("90"), plan_id="big", since=moment), moment)
    await ledger.tell(stands(2, moment, ACTIVE, MARCH), moment)
    back = moment - timedelta(seconds=5)
    await ledger.tell(plan(price=eur("120"), plan_id="bigger", since=moment), back)
    await ledger.tell(stands(3, moment, ACTIVE, MARCH), back)
    assert (await ledger.invoice(MARCH + timedelta(days=2))).plan_id == "bigger"
