"""Which of two plans for one moment is held: the one tenancy holds, whatever clocks said."""

from __future__ import annotations

from datetime import datetime, timedelta

from merkez.tenancy.v1 import tenancy_events_pb2

from .conftest import MARCH, Ledger
from .test_anchors_move import ACTIVE, eur, plan, stands


async def test_last_of_two_moves_is_billed_although_a_clock_went_back(ledger: Ledger) -> None:
    """As tenancy tells it: the second move takes effect at the first one's moment, and is told 5 s earlier."""
    moment = MARCH + timedelta(days=1)

    def chosen(version: int, amount: str, plan_id: str, since: datetime) -> tenancy_events_pb2.PlanSubscribed:
        made = plan(price=eur(amount), plan_id=plan_id, since=since)
        made.subscription_version = version
        return made

    await ledger.tell(chosen(1, "10", "small", MARCH), MARCH)
    await ledger.tell(stands(1, MARCH, ACTIVE, MARCH), MARCH)
    await ledger.tell(chosen(2, "90", "big", moment), moment)
    await ledger.tell(stands(2, moment, ACTIVE, MARCH), moment)
    back = moment - timedelta(seconds=5)
    await ledger.tell(chosen(3, "120", "bigger", moment), back)
    await ledger.tell(stands(3, moment, ACTIVE, MARCH), back)
    assert (await ledger.invoice(MARCH + timedelta(days=2))).plan_id == "bigger"
