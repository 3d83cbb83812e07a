"""A committed spend is trued up by all that was spent while it ran: after a pause, and from the middle of a period."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from chassis.instants import time_out
from merkez.tenancy.v1 import plan_pb2

from .conftest import MARCH, call_fact, user_fact
from .invoice_house import APRIL, DAY, MAY, House
from .test_anchors_move import ACTIVE, PAUSED, eur, plan, stands

SEAT = plan_pb2.Rate(meter="seat_month", price=eur("5000"))


async def missing(house: House, until: datetime) -> list[tuple[str, str, Decimal]]:
    """What was billed as missing of a committed spend."""
    await house.run(until)
    found = []
    for each in await house.invoices():
        for line in (await house.whole(each.invoice_id)).statement.lines:
            if line.kind == "commitment":
                found.append((line.start_time.date().isoformat(), line.end_time.date().isoformat(), line.amount))
    return found


async def paused(house: House, since: datetime, until: datetime) -> None:
    await house.set_up()
    tell = house.ledger.tell
    await tell(plan(SEAT, minimum=eur("1000")))
    await tell(stands(1, MARCH, ACTIVE, MARCH))
    await tell(stands(2, since, PAUSED, MARCH, pause_time=time_out(since)))
    await tell(stands(3, until, ACTIVE, MARCH))
    await tell(user_fact("usr_1", 1), MARCH)


async def test_what_was_used_after_a_pause_counts_towards_the_commitment(house: House) -> None:
    await paused(house, MARCH + 9 * DAY, MARCH + 19 * DAY)
    assert await missing(house, APRIL + 2 * DAY) == []


async def test_what_was_used_after_a_pause_over_a_months_end_counts_too(house: House) -> None:
    await paused(house, MARCH + 14 * DAY, APRIL + 9 * DAY)
    assert await missing(house, MAY + 2 * DAY) == []


async def test_plan_that_began_within_a_calendar_month_counts_its_usage(house: House) -> None:
    """A company of before there were subscriptions: its first period is the calendar month it signed up in."""
    await house.set_up()
    await house.ledger.tell(plan(SEAT, since=MARCH + 9 * DAY, minimum=eur("1000")))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH + 9 * DAY)
    assert await missing(house, APRIL + 2 * DAY) == []


async def test_late_usage_lowers_a_years_true_up_on_the_invoice_it_is_billed_by(house: House) -> None:
    """A year's commitment of 100 was trued up with February; a call of last December is heard of in March."""
    begins = datetime(2025, 3, 1, tzinfo=UTC)
    house.ledger.clock.advance(begins - house.ledger.clock.now())
    await house.set_up()
    minutes = plan_pb2.Rate(meter="voice_inbound_minute", price=eur("1"))
    await house.ledger.tell(plan(minutes, since=begins, minimum=eur("100"), interval=plan_pb2.BILLING_INTERVAL_YEAR))
    await house.ledger.tell(stands(1, begins, ACTIVE, begins))
    await house.run(datetime(2026, 2, 20, tzinfo=UTC))
    await house.run(MARCH + 2 * DAY)
    assert [str(each.total) for each in await house.invoices()][-1] == "100.00"
    await house.ledger.tell(call_fact("call_late", 1800, datetime(2025, 12, 24, tzinfo=UTC)))
    await house.run(APRIL + 2 * DAY)
    last = (await house.whole((await house.invoices())[-1].invoice_id)).statement
    said = [(line.description_parameters["late_kind"], str(line.amount)) for line in last.lines]
    assert said == [("usage", "30.00"), ("commitment", "-30.00")], "what it is for was paid with the commitment"
    await house.run(MAY + 2 * DAY)
    assert str((await house.invoices())[-1].total) == "0.00", "and once"
