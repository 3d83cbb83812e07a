"""What is charged in advance is invoiced when it begins, not when its first month is over."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing.domain import canonical
from billing.domain.discounts import Coupon, Frequency
from billing.domain.invoicing import Invoice, Kind
from billing.domain.statements import LineKind, Statement
from billing.domain.taxes import TaxData, TaxRate
from billing.ops import coupons, following, invoicing, taxes
from billing.ops.coupons import KeptCoupon
from billing.ops.issuing import preview_invoice
from billing.ops.statements import statement_of
from chassis.instants import time_out
from kernel.ids import new_id
from merkez.tenancy.v1 import plan_pb2

from .conftest import MARCH, call_fact, user_fact, zone_fact
from .invoice_house import APRIL, DAY, MAY, House
from .test_anchors_move import ACTIVE, CANCELLED, PAUSED, TRIAL, eur, plan, stands

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
HALF = MARCH + timedelta(days=15, hours=12)
YEARLY = plan_pb2.BILLING_INTERVAL_YEAR


def seats(price: str = "30") -> plan_pb2.Rate:
    return plan_pb2.Rate(meter="seat_month", price=eur(price), timing=plan_pb2.RATE_TIMING_ADVANCE)


MINUTES = plan_pb2.Rate(meter="voice_inbound_minute", price=eur("1"))


async def begin(house: House, *rates: plan_pb2.Rate, since: datetime = MARCH, **more: Any) -> None:
    """A company that holds a plan, and is invoiced."""
    await house.set_up()
    await house.ledger.tell(plan(*rates, since=since, **more))
    await house.ledger.tell(stands(1, since, ACTIVE, since))


async def run_daily(house: House, until: datetime) -> None:
    """A sweep a day until then."""
    while house.ledger.clock.now() < until:
        await house.run(min(house.ledger.clock.now() + DAY, until))


async def statements(house: House) -> list[Statement]:
    found = []
    for each in await in_order(house):
        kept, data = await house.do(lambda tx, each=each: invoicing.rebuild(tx, each.invoice_id))
        assert data == kept.statement, canonical.differences(kept.statement, data)
        found.append(canonical.statement_from(kept.statement))
    return found


async def in_order(house: House) -> list[Invoice]:
    return sorted(await house.invoices(), key=lambda each: (each.start_time, each.kind is Kind.OWN))


async def totals(house: House) -> list[str]:
    return [str(each.total) for each in await statements(house)]


def parts(statement: Statement) -> list[tuple[str, str, str, bool]]:
    """Of each line: what it is, its first day, its amount, and whether it is in advance."""
    return [
        (
            line.description_key.removeprefix("invoice."), f"{line.start_time:%m-%d}", str(line.amount),
            "advance_start" in line.description_parameters,
        )
        for line in statement.lines
    ]  # fmt: skip


async def test_years_fee_is_invoiced_as_it_begins(house: House) -> None:
    await house.set_up()
    await house.ledger.tell(plan(price=eur("1200"), interval=YEARLY))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.run(MARCH + 5 * DAY)
    assert [str(each.total) for each in await house.invoices()] == ["1200.00"]


async def test_seats_in_advance_are_invoiced_before_they_are_used(house: House) -> None:
    await house.set_up()
    await house.ledger.tell(plan(seats("20")))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH + timedelta(hours=1))
    await house.run(MARCH + 5 * DAY)
    assert await house.invoices()


async def test_month_that_ends_is_invoiced_with_the_fee_and_seats_of_the_one_that_begins(house: House) -> None:
    await begin(house, seats(), MINUTES, price=eur("100"))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await house.ledger.tell(call_fact("call_1", 600, MARCH + 3 * DAY))
    await run_daily(house, APRIL + 2 * DAY)
    first, second = await statements(house)
    assert parts(first) == [("plan_fee", "03-01", "100.00", True), ("seat_month", "03-01", "30.00", True)]
    assert parts(second) == [
        ("voice_inbound_minute", "03-01", "10.00", False),
        ("plan_fee", "04-01", "100.00", True), ("seat_month", "04-01", "30.00", True),
    ]  # fmt: skip
    assert [(each.start_time, each.end_time) for each in (first, second)] == [(MARCH, APRIL)] * 2
    assert (first.advance, second.advance) == ((MARCH, APRIL), (APRIL, MAY)) and first.in_advance


async def test_usage_alone_has_no_invoice_before_it_is_used(house: House) -> None:
    await begin(house, MINUTES)
    await run_daily(house, MARCH + 20 * DAY)
    assert not await house.invoices()


async def test_upgrade_within_a_month_credits_what_was_paid_ahead_and_charges_the_rest_of_the_new_plan(
    house: House,
) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, MARCH + 10 * DAY)
    await house.ledger.tell(plan(since=HALF, plan_id="large", price=eur("300")))
    await house.ledger.tell(stands(2, HALF, ACTIVE, MARCH))
    await run_daily(house, APRIL + 2 * DAY)
    assert parts((await statements(house))[1]) == [
        ("plan_credit", "03-16", "-50.00", False), ("plan_fee", "03-16", "150.00", False),
        ("plan_fee", "04-01", "300.00", True),
    ]  # fmt: skip


async def test_seat_added_within_a_month_is_charged_for_its_share_with_the_next_and_one_taken_away_is_given_back(
    house: House,
) -> None:
    await begin(house, seats("31"))
    tell = house.ledger.tell
    await tell(user_fact("usr_1", 1), MARCH)
    await run_daily(house, MARCH + 3 * DAY)
    await tell(user_fact("usr_2", 1), MARCH + 21 * DAY)
    await run_daily(house, APRIL + 10 * DAY)
    await tell(user_fact("usr_1", 2, active=False), APRIL + 15 * DAY)
    await run_daily(house, MAY + 2 * DAY)
    assert [parts(each) for each in await statements(house)] == [
        [("seat_month", "03-01", "31.00", True)],
        [("seat_month", "03-01", "10.00", False), ("seat_month", "04-01", "62.00", True)],
        [("seat_month", "04-01", "-15.50", False), ("seat_month", "05-01", "31.00", True)],
    ]


async def test_who_ends_with_the_period_pays_nothing_more_ahead(house: House) -> None:
    await begin(house, seats(), MINUTES, price=eur("100"))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await run_daily(house, MARCH + 20 * DAY)
    await house.ledger.tell(call_fact("call_1", 60, MARCH + 3 * DAY))
    house.go_to(APRIL)
    await house.ledger.tell(stands(2, APRIL, CANCELLED, MARCH, cancel_time=time_out(APRIL)))
    await run_daily(house, MAY + 2 * DAY)
    assert await totals(house) == ["130.00", "1.00", "0.00"]


async def test_who_ends_at_once_gets_back_what_was_paid_ahead(house: House) -> None:
    await begin(house, seats(), price=eur("100"))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await run_daily(house, HALF)
    await house.ledger.tell(stands(2, HALF, CANCELLED, MARCH, cancel_time=time_out(HALF)))
    await run_daily(house, MAY + 2 * DAY)
    assert await totals(house) == ["130.00", "-65.00", "0.00"]


async def test_pause_over_a_periods_begin_is_charged_from_its_end(house: House) -> None:
    await begin(house, price=eur("90"))
    await run_daily(house, HALF)
    await house.ledger.tell(stands(2, HALF, PAUSED, MARCH, pause_time=time_out(HALF)))
    await run_daily(house, APRIL + 15 * DAY)
    await house.ledger.tell(stands(3, APRIL + 15 * DAY, ACTIVE, MARCH))
    await run_daily(house, MAY + 2 * DAY)
    assert await totals(house) == ["90.00", "-45.00", "135.00"], "half of April, and May"


async def test_trial_is_free_and_its_end_begins_what_is_paid_ahead(house: House) -> None:
    await house.set_up()
    ends = MARCH + 14 * DAY
    await house.ledger.tell(plan(seats(), price=eur("100")))
    await house.ledger.tell(stands(1, MARCH, TRIAL, ends, trial_end_time=time_out(ends)))
    await house.ledger.tell(user_fact("usr_1", 1), ends)
    await run_daily(house, MARCH + 10 * DAY)
    assert not await house.invoices()
    house.go_to(ends)
    await house.ledger.tell(stands(2, ends, ACTIVE, ends, trial_end_time=time_out(ends)))
    await run_daily(house, ends + 2 * DAY)
    [first] = await statements(house)
    assert parts(first) == [("plan_fee", "03-15", "100.00", True), ("seat_month", "03-15", "30.00", True)]
    assert first.end_time == ends


async def test_month_that_began_on_the_31st_is_paid_ahead_from_the_last_day_of_shorter_ones(house: House) -> None:
    begins = datetime(2026, 1, 31, tzinfo=UTC)
    house.ledger.clock.advance(begins - house.ledger.clock.now())
    await begin(house, price=eur("100"), since=begins)
    await run_daily(house, datetime(2026, 5, 2, tzinfo=UTC))
    found = await statements(house)
    assert [f"{each.advance[0]:%m-%d}" for each in found if each.advance] == ["01-31", "02-28", "03-31", "04-30"]
    assert [str(each.total) for each in found] == ["100.00"] * 4


async def test_year_that_began_on_february_29_is_paid_once_and_its_calls_each_month(house: House) -> None:
    begins = datetime(2028, 2, 29, tzinfo=UTC)
    house.ledger.clock.advance(begins - house.ledger.clock.now())
    await begin(house, MINUTES, price=eur("1200"), interval=YEARLY, since=begins)
    await house.ledger.tell(call_fact("call_1", 300, begins + 40 * DAY))
    for month in range(3, 13):
        await house.run(datetime(2028, month, 2, tzinfo=UTC))
    await house.run(datetime(2029, 3, 2, tzinfo=UTC))
    found = await statements(house)
    assert [str(each.total) for each in found] == ["1200.00", "0.00", "5.00", *["0.00"] * 9, "1200.00"]
    assert parts(found[-1]) == [("plan_fee", "02-28", "1200.00", True)]


async def test_month_with_a_clock_change_is_paid_ahead_by_the_zones_midnight(house: House) -> None:
    begins = datetime(2026, 3, 14, 23, tzinfo=UTC)  # midnight in Berlin; the clocks go forward on the 29th
    house.ledger.clock.advance(begins - house.ledger.clock.now())
    await house.ledger.tell(zone_fact("Europe/Berlin", 2))
    await begin(house, price=eur("100"), since=begins)
    await run_daily(house, begins + 33 * DAY)
    first, second = await statements(house)
    assert first.advance == (begins, datetime(2026, 4, 14, 22, tzinfo=UTC)) and str(first.total) == "100.00"
    assert second.advance == (first.end_time, datetime(2026, 5, 14, 22, tzinfo=UTC)) and str(second.total) == "100.00"


async def coupon(house: House, **more: Any) -> None:
    now = house.ledger.clock.now()
    values: dict[str, Any] = {"percent": Decimal(50), **more}
    made = Coupon(new_id("cpn", now), "HALF-1", "half", **values)
    await house.ledger.db.system(lambda tx: coupons.create_coupon(tx, KeptCoupon(made, None, 0, 0, False, now, 1)))
    await house.ledger.db.system(lambda tx: coupons.redeem(tx, house.ledger.tenant, now, code="HALF-1"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"frequency": Frequency.ONCE}, ["50.00", "105.00", "110.00"]),
        ({"frequency": Frequency.REPEATING, "periods": 2}, ["50.00", "55.00", "105.00"]),
        ({"frequency": Frequency.FOREVER}, ["50.00", "55.00", "55.00"]),
        (
            {"frequency": Frequency.ONCE, "percent": Decimal(0), "amount": Decimal(104), "currency": "EUR"},
            ["0.00", "106.00", "110.00"],
        ),
    ],
)
async def test_coupon_counts_for_its_months_however_they_are_invoiced(
    house: House, more: Any, expected: list[str]
) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await coupon(house, **more)
    for start in (MARCH, APRIL):
        await house.ledger.tell(call_fact(f"call_{start}", 600, start + 3 * DAY))
    await run_daily(house, MAY + 2 * DAY)
    assert await totals(house) == expected, "the fee of March; calls of March, fee of April; calls of April, fee of May"


async def test_coupon_redeemed_after_the_fee_was_paid_ahead_is_taken_off_with_the_next_invoice(house: House) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, MARCH + 5 * DAY)
    await coupon(house, frequency=Frequency.ONCE)
    await run_daily(house, APRIL + 2 * DAY)
    first, second = await statements(house)
    assert (str(first.total), str(second.total)) == ("100.00", "50.00")
    assert [(each.name, str(each.amount)) for each in second.discounts] == [("half", "50.00")]


async def test_what_is_paid_ahead_is_taxed_by_the_rate_of_when_it_begins(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    now = house.ledger.clock.now()
    for percent, start, end in (("10", MARCH, APRIL + 10 * DAY), ("20", APRIL + 10 * DAY, None)):
        rate = TaxRate(new_id("txr", now), "vat", "VAT", "AZ", Decimal(percent), False, start, end)
        await house.ledger.db.system(lambda tx, rate=rate: taxes.create_rate(tx, rate))
    await house.do(lambda tx: taxes.set_tax_data(tx, TaxData("AZ"), 0))
    await house.ledger.tell(call_fact("call_1", 600, APRIL + 3 * DAY))
    await run_daily(house, MAY + 2 * DAY)
    found = [[(str(tax.percent), str(tax.base)) for tax in each.taxes] for each in await statements(house)]
    assert found == [[("10", "100.00")], [("10", "100.00")], [("20", "110.00")]], "calls of April at its end"


async def test_fee_paid_ahead_counts_towards_the_months_commitment(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"), minimum=eur("150"))
    await house.ledger.tell(call_fact("call_1", 600, MARCH + 3 * DAY))
    await run_daily(house, APRIL + 2 * DAY)
    assert parts((await statements(house))[1]) == [
        ("voice_inbound_minute", "03-01", "10.00", False), ("plan_minimum", "03-01", "40.00", False),
        ("plan_fee", "04-01", "100.00", True),
    ]  # fmt: skip


async def test_late_calls_are_late_and_what_is_paid_ahead_is_charged_once(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await run_daily(house, APRIL + 3 * DAY)
    await house.ledger.tell(call_fact("call_late", 120, MARCH + 3 * DAY))
    await run_daily(house, MAY + 2 * DAY)
    last = (await statements(house))[2]
    assert [(line.kind, str(line.amount)) for line in last.lines] == [
        (LineKind.LATE, "2.00"), (LineKind.FEE, "100.00")
    ]  # fmt: skip


async def test_void_invoice_issued_anew_charges_ahead_what_it_did_and_nothing_twice(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await house.ledger.tell(call_fact("call_1", 600, MARCH + 3 * DAY))
    await run_daily(house, APRIL + 2 * DAY)
    second = (await in_order(house))[1]
    void = await house.do(
        lambda tx: invoicing.declare_void(tx, second.invoice_id, "wrong name", 0, house.ledger.clock.now())
    )
    house.ledger.clock.advance(3600)
    await house.do(lambda tx: following.reissue(tx, void.invoice_id, house.ledger.clock.now()))
    await run_daily(house, MAY + 2 * DAY)
    counted = [each for each in await in_order(house) if each.void_time is None]
    assert sorted(str(each.total) for each in counted) == ["100.00", "100.00", "110.00"]
    assert await statements(house)


async def test_void_invoice_issued_anew_after_the_next_one_charges_what_that_one_left(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await run_daily(house, MAY + 2 * DAY)
    second = (await in_order(house))[1]
    now = house.ledger.clock.now()
    await house.do(lambda tx: invoicing.declare_void(tx, second.invoice_id, "wrong name", 0, now))
    house.ledger.clock.advance(3600)
    await house.do(lambda tx: following.reissue(tx, second.invoice_id, house.ledger.clock.now()))
    await run_daily(house, JUNE + 2 * DAY)
    counted = [each for each in await in_order(house) if each.void_time is None]
    assert sum((each.total for each in counted), Decimal(0)) == 400, "March to June"
    assert await statements(house)


async def test_void_first_invoice_is_made_up_for_by_the_months_own(house: House) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, MARCH + 5 * DAY)
    [first] = await house.invoices()
    now = house.ledger.clock.now()
    await house.do(lambda tx: invoicing.declare_void(tx, first.invoice_id, "wrong name", 0, now))
    await run_daily(house, APRIL + 2 * DAY)
    assert str((await statements(house))[1].total) == "200.00", "March and April"


async def test_company_that_was_down_for_months_gets_an_invoice_for_each_and_none_twice(house: House) -> None:
    await begin(house, seats(), MINUTES, price=eur("100"))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await house.run(JUNE + 2 * DAY)
    await house.run(JUNE + 3 * DAY)
    assert await totals(house) == ["260.00", "130.00", "130.00"], "March and April, May, June"


async def test_preview_shows_what_was_used_and_what_comes_next(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await house.ledger.tell(call_fact("call_1", 600, MARCH + 1 * DAY))
    expected = [("voice_inbound_minute", "03-01", "10.00", False), ("plan_fee", "04-01", "100.00", True)]
    at = (MARCH + timedelta(minutes=5), MARCH + timedelta(hours=1), MARCH + 2 * DAY, APRIL - timedelta(hours=1))
    for moment in at:  # not yet drafted, a draft, finalized
        house.go_to(max(moment, house.ledger.clock.now()))
        assert parts(await house.do(lambda tx: preview_invoice(tx, tx.now()))) == expected
        await house.run()
    await house.run(APRIL + timedelta(hours=1))
    assert parts(await house.do(lambda tx: preview_invoice(tx, tx.now()))) == [("plan_fee", "05-01", "100.00", True)]


async def test_finalized_by_two_at_once_it_is_charged_once(house: House) -> None:
    await begin(house, price=eur("100"))
    twin = House(house.ledger)
    for day in (1, 3, 31, 33):
        house.go_to(MARCH + day * DAY)
        for each in (house, twin):
            await each.sweeper.sweep()
    assert await totals(house) == ["100.00", "100.00"]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_all_invoices_come_to_what_their_months_cost(house: House, seed: int) -> None:
    """Also of facts that come twice, shuffled and late: every invoice is rebuilt to the byte."""
    chance = random.Random(seed)
    await begin(house, seats("33.33"), MINUTES, price=eur("99.99"), minimum=eur("140"))
    if chance.random() < 0.7:
        frequency = chance.choice(list(Frequency))
        await coupon(house, frequency=frequency, percent=Decimal("33"), periods=2)
    version, held, facts = 1, 0, []
    for _ in range(9):
        at = MARCH + timedelta(minutes=chance.randrange(100 * 1440))
        kind = chance.choice(["seat", "seat", "call", "call", "plan", "state"])
        facts.append((at, at + timedelta(minutes=chance.choice([0, 0, 1, 30 * 1440])), kind))
    for at, heard, kind in sorted(facts):
        if kind == "seat":
            held += 1
            facts.append((at, heard, user_fact(f"usr_{held}", 1)))
        elif kind == "call":
            facts.append((at, heard, call_fact(f"call_{at.isoformat()}", chance.randrange(9000), at)))
        elif kind == "plan":
            version += 1
            facts.append((at, at, plan(seats("20"), MINUTES, since=at, plan_id=f"p{version}", price=eur("60"))))
            facts.append((at, at, stands(version, at, ACTIVE, MARCH)))
        else:
            version += 1
            state = chance.choice([PAUSED, ACTIVE])
            facts.append((at, at, stands(version, at, state, MARCH)))
    told = sorted((each for each in facts if not isinstance(each[2], str)), key=lambda each: each[1])
    for at, heard, fact in told:
        await run_daily(house, heard)
        for _ in range(chance.choice([1, 2])):
            await house.ledger.tell(fact, at)
    ends = datetime(2026, 8, 1, tzinfo=UTC)
    await run_daily(house, ends + 2 * DAY)
    found = await statements(house)
    assert found[-1].end_time == ends and found[-1].advance is not None
    ahead = sum(
        (line.amount - line.discount for line in found[-1].lines if "advance_start" in line.description_parameters),
        Decimal(0),
    )
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(3, 9)]
    whole = Decimal(0)
    for start, end in itertools.pairwise(months):
        whole += (await house.do(lambda tx, s=start, e=end: statement_of(tx, s, e, tx.now()))).total
    assert sum((each.total for each in found), Decimal(0)) - ahead == whole
