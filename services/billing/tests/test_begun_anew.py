"""Who begins anew after an end is invoiced as they begin, not when the month is over in which they ended."""

from __future__ import annotations

from datetime import datetime

from chassis.instants import time_out

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, House
from .test_anchors_move import ACTIVE, CANCELLED, eur, plan, stands
from .test_in_advance import MINUTES, begin, parts, run_daily, statements

ENDED, AGAIN = MARCH + 10 * DAY, MARCH + 20 * DAY


async def begun_anew(house: House, again: datetime = AGAIN) -> None:
    """Held from March 1 for 31 a month, ended on the 11th, begun anew later with that day as anchor."""
    await begin(house, MINUTES, price=eur("31"))
    await house.ledger.tell(call_fact("call_1", 120, MARCH + 3 * DAY))
    await run_daily(house, ENDED)
    await house.ledger.tell(stands(2, ENDED, CANCELLED, MARCH, cancel_time=time_out(ENDED)))
    await run_daily(house, again)
    await house.ledger.tell(plan(MINUTES, since=again, price=eur("31")))
    await house.ledger.tell(stands(3, again, ACTIVE, again))


async def test_who_begins_anew_within_a_month_is_invoiced_as_they_begin(house: House) -> None:
    await begun_anew(house)
    await run_daily(house, AGAIN + 2 * DAY)
    found = await statements(house)
    assert len(found) == 2, "the first month ahead, and one of what ended with the month that begins"
    assert parts(found[1]) == [
        ("plan_credit", "03-11", "-21.00", False), ("voice_inbound_minute", "03-01", "2.00", False),
        ("plan_fee", "03-21", "31.00", True),
    ]  # fmt: skip
    assert (found[1].start_time, found[1].end_time) == (MARCH, AGAIN)


async def test_who_begins_anew_pays_each_month_once_and_months_after(house: House) -> None:
    await begun_anew(house)
    await run_daily(house, APRIL + 22 * DAY)
    found = await statements(house)
    assert [str(each.total) for each in found] == ["31.00", "12.00", "31.00"]
    assert found[2].start_time == AGAIN and found[2].end_time == APRIL + 20 * DAY


async def test_who_begins_anew_months_later_is_invoiced_as_they_begin(house: House) -> None:
    again = APRIL + 9 * DAY
    await begun_anew(house, again)
    await run_daily(house, again + 2 * DAY)
    found = await statements(house)
    assert [(str(each.total), each.end_time) for each in found] == [
        ("31.00", APRIL), ("-19.00", APRIL), ("31.00", again)
    ]  # fmt: skip
