"""Invoice periods when a subscription's anchor moves: after a trial, and when somebody begins anew after an end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.domain.discounts import Coupon, Frequency
from billing.ops import coupons
from billing.ops.coupons import KeptCoupon
from chassis.instants import time_out
from kernel.ids import new_id
from merkez.tenancy.v1 import plan_pb2, subscription_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, user_fact
from .invoice_house import APRIL, DAY, House

MID_MARCH, MID_APRIL = MARCH + 14 * DAY, datetime(2026, 4, 15, tzinfo=UTC)
TRIAL, ACTIVE = subscription_pb2.SUBSCRIPTION_STATE_TRIAL, subscription_pb2.SUBSCRIPTION_STATE_ACTIVE
PAUSED, CANCELLED = subscription_pb2.SUBSCRIPTION_STATE_PAUSED, subscription_pb2.SUBSCRIPTION_STATE_CANCELLED


def eur(amount: str) -> money_pb2.Money:
    return money_pb2.Money(currency="EUR", amount=amount)


def plan(*rates: plan_pb2.Rate, since: datetime = MARCH, plan_id: str = "pro", currency: str = "EUR", version: int = 1,
         **more: Any) -> tenancy_events_pb2.PlanSubscribed:  # fmt: skip
    made = plan_pb2.Plan(plan_id=plan_id, version=version, currency=currency, rates=rates, **more)
    return tenancy_events_pb2.PlanSubscribed(plan=made, effective_time=time_out(since), time_zone="UTC")


def stands(version: int, at: datetime, state: Any, anchor: datetime, **more: Any) -> Any:
    value = subscription_pb2.Subscription(version=version, anchor_time=time_out(anchor), state=state, **more)
    return tenancy_events_pb2.SubscriptionChanged(subscription=value, change_time=time_out(at))


async def with_a_trial(house: House) -> None:
    """Two weeks of trial from March 1; the paid months begin at the 15th, as tenancy tells it (`settled`)."""
    await house.set_up()
    tell, ends = house.ledger.tell, time_out(MID_MARCH)
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100"))))
    await tell(stands(1, MARCH, TRIAL, MID_MARCH, trial_end_time=ends))
    await tell(stands(2, MID_MARCH, ACTIVE, MID_MARCH, trial_end_time=ends))
    await tell(user_fact("usr_1", 1), MARCH)


async def lines(house: House) -> list[tuple[datetime, datetime, Decimal]]:
    found = []
    for each in await house.invoices():
        found.append((each.start_time, each.end_time, each.total))
    return found


async def test_seat_after_a_trial_costs_a_month_for_a_month(house: House) -> None:
    await with_a_trial(house)
    await house.run(datetime(2026, 5, 17, tzinfo=UTC))
    assert (await lines(house))[1:] == [
        (MID_MARCH, MID_APRIL, Decimal("100.00")), (MID_APRIL, MID_APRIL + 30 * DAY, Decimal("100.00"))
    ]  # fmt: skip


async def begun_anew(house: House, again: datetime = MARCH + 19 * DAY, **more: Any) -> None:
    """Held from March 1, ended on the 10th, begun anew (on the 20th) with that day as anchor."""
    await house.set_up()
    tell = house.ledger.tell
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100")), **more))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(stands(2, MARCH + 9 * DAY, CANCELLED, MARCH, cancel_time=time_out(MARCH + 9 * DAY)))
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100")), since=again, **more))
    await tell(stands(3, again, ACTIVE, again))
    await tell(user_fact("usr_1", 1), MARCH)


async def test_seat_of_who_began_anew_costs_a_month_for_a_month(house: House) -> None:
    await begun_anew(house)
    await house.run(datetime(2026, 5, 22, tzinfo=UTC))
    first, second, *_ = await lines(house)
    assert first[:2] == (MARCH, MARCH + 19 * DAY) and first[2] < 35, "nine days of a seat of 100 a month"
    assert second == (MARCH + 19 * DAY, APRIL + 19 * DAY, Decimal("100.00"))


async def test_coupon_of_the_short_period_after_an_anchor_moved_is_taken_off_once(house: House) -> None:
    await begun_anew(house, MARCH + 11 * DAY)
    house.go_to(APRIL + 5 * DAY)
    now = house.ledger.clock.now()
    kept = KeptCoupon(
        Coupon(new_id("cpn", now), "HALF-1", "half", Frequency.ONCE, percent=Decimal(50)), None, 0, 0, False, now, 1
    )
    await house.ledger.db.system(lambda tx: coupons.create_coupon(tx, kept))
    await house.ledger.db.system(lambda tx: coupons.redeem(tx, house.ledger.tenant, now, code="HALF-1"))
    await house.run(datetime(2026, 7, 22, tzinfo=UTC))
    found = [(await house.whole(each.invoice_id)).statement.discounts for each in await house.invoices()]
    assert len([each for each in found if each]) == 1


async def test_who_ends_a_trial_early_pays_a_seats_month_for_a_month(house: House) -> None:
    """On the 8th of a trial that lasts until the 15th they move to a plan without one: that day is the anchor."""
    await house.set_up()
    tell, moves = house.ledger.tell, MARCH + 7 * DAY
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100"))))
    await tell(stands(1, MARCH, TRIAL, MID_MARCH, trial_end_time=time_out(MID_MARCH)))
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100")), since=moves, plan_id="paid"))
    await tell(stands(2, moves, ACTIVE, moves, trial_end_time=time_out(moves)))
    await tell(user_fact("usr_1", 1), MARCH)
    await house.run(datetime(2026, 5, 10, tzinfo=UTC))
    short = (await lines(house))[1]
    assert short[:2] == (MID_MARCH, APRIL + 7 * DAY)
    assert short[2] < 80, "twenty-four days of a seat of 100 a month"


async def test_cancelled_company_isnt_charged_a_flat_fee_for_ever(house: House) -> None:
    await house.set_up()
    tell = house.ledger.tell
    rate = plan_pb2.Rate(
        meter="voice_inbound_minute", model=plan_pb2.RATE_MODEL_GRADUATED, flat_fee_at_zero=True,
        tiers=[plan_pb2.RateTier(unit_price=eur("0.05"), flat_fee=eur("30"))],
    )  # fmt: skip
    await tell(plan(rate))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(stands(2, MARCH + 9 * DAY, CANCELLED, MARCH, cancel_time=time_out(MARCH + 9 * DAY)))
    await house.run(datetime(2026, 7, 3, tzinfo=UTC))
    assert [total for _, _, total in await lines(house)][1:] == [Decimal("0.00")] * 3


async def test_who_ends_and_begins_in_another_currency_is_invoiced_all_the_same(house: House) -> None:
    await house.set_up()
    tell, again = house.ledger.tell, MARCH + 19 * DAY
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=eur("100"))))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(stands(2, MARCH + 9 * DAY, CANCELLED, MARCH, cancel_time=time_out(MARCH + 9 * DAY)))
    usd = money_pb2.Money(currency="USD", amount="100")
    await tell(plan(plan_pb2.Rate(meter="seat_month", price=usd), since=again, plan_id="us", currency="USD"))
    await tell(stands(3, again, ACTIVE, again))
    await tell(user_fact("usr_1", 1), MARCH)
    await house.run(datetime(2026, 8, 3, tzinfo=UTC))
    found = await house.invoices()
    assert [(each.start_time, str(each.total), each.currency) for each in found[:3]] == [
        (MARCH, "29.03", "EUR"), (again, "100.00", "USD"), (APRIL + 19 * DAY, "100.00", "USD")
    ]  # fmt: skip


async def test_what_another_currency_takes_over_from_is_given_back_in_its_own(house: House) -> None:
    await house.set_up()
    tell, moves = house.ledger.tell, MARCH + 19 * DAY
    await tell(plan(price=eur("310")))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(plan(price=money_pb2.Money(currency="USD", amount="62"), since=moves, plan_id="us", currency="USD"))
    await tell(stands(2, moves, ACTIVE, MARCH))
    await house.run(APRIL + 2 * DAY)
    found = [(str(each.total), each.currency) for each in await house.invoices()]
    assert found == [("190.00", "EUR"), ("86.00", "USD")], "19 days of 310, 12 days of 62 and April's"


async def test_commitment_of_who_began_anew_counts_the_fee_it_was_charged(house: House) -> None:
    await begun_anew(house, price=eur("900"), minimum=eur("1000"))
    await house.run(datetime(2026, 5, 22, tzinfo=UTC))
    [_, second, _] = await house.invoices()
    found = (await house.whole(second.invoice_id)).statement.lines
    assert [str(each.amount) for each in found if each.kind == "commitment"] == [], "900 of fee and 138.71 of seats"
