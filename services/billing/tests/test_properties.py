"""What holds whatever happens: order, repeats and parts change nothing, and money adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from billing.domain import charges, fees, late, levels, rates
from billing.domain.aggregates import NOTHING, Aggregation, Event, Stretch, measure, sum_of
from billing.domain.charges import Books, Part, Used
from billing.domain.discounts import Coupon, Frequency, Redeemed
from billing.domain.levels import Span
from billing.domain.money import shared
from billing.domain.plans import Model, PlanHeld, Rate, Tier
from billing.domain.rates import Metered, RateInvalid
from billing.domain.statements import LineKind
from billing.domain.subscriptions import State, SubscriptionVersion, Timeline
from billing.domain.taxes import TaxData, TaxRate
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.money import rounded
from kernel.proration import period_containing, share

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
SECONDS = 31 * 86_400
ZERO = Decimal(0)

MONEY = st.decimals("0", "1000", places=4)
QUANTITIES = st.decimals("-50", "1000", places=3)
MOMENTS = st.integers(-40 * 86_400, SECONDS - 1).map(lambda seconds: START + timedelta(seconds=seconds))
EVENTS = st.lists(st.tuples(MOMENTS, QUANTITIES, st.sampled_from("abcd")), max_size=25).map(
    lambda found: [Event(time, f"e{n}", quantity, value) for n, (time, quantity, value) in enumerate(found)]
)


def brute(how: Aggregation, recurring: bool, happened: Sequence[Event]) -> Fraction:
    """A meter's quantity of March by its definition, event by event, without any aggregate."""
    ordered = sorted(happened, key=lambda event: (event.time, event.key))
    counted = [event for event in ordered if recurring or event.time >= START]
    if how == Aggregation.COUNT:
        return Fraction(len(counted))
    if how == Aggregation.UNIQUE_COUNT:
        return Fraction(len({event.value for event in counted}))
    if how == Aggregation.MAX:
        return Fraction(max((event.quantity for event in counted), default=ZERO))
    if how == Aggregation.LATEST:
        return Fraction(counted[-1].quantity if counted else ZERO)
    if how == Aggregation.SUM:
        return sum((Fraction(event.quantity) for event in counted), Fraction(0))
    area, level, since = Fraction(0), Fraction(0), START
    for event in counted:
        at = max(event.time, START)
        area += level * ((at - since) // timedelta(microseconds=1))
        level, since = level + Fraction(event.quantity), at
    area += level * ((END - since) // timedelta(microseconds=1))
    return area / (SECONDS * 1_000_000)


@pytest.mark.parametrize("recurring", [False, True])
@pytest.mark.parametrize("how", list(Aggregation))
@given(EVENTS, st.randoms(), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_kept_aggregates_equal_the_definition_in_any_order_and_parts(
    how: Aggregation, recurring: bool, happened: list[Event], chance: Any, parts: int
) -> None:
    shuffled = list(happened)
    chance.shuffle(shuffled)
    before = [event for event in shuffled if event.time < START]
    within = [event for event in shuffled if event.time >= START]
    cuts = sorted(chance.randrange(len(within) + 1) for _ in range(parts))
    whole = NOTHING
    for begin, end in pairwise([0, *cuts, len(within)]):
        whole = whole.plus(sum_of(within[begin:end]))
    stretch = Stretch(START, END, START, END)
    assert measure(how, recurring, stretch, sum_of(before), NOTHING, whole) == brute(how, recurring, happened)


@pytest.mark.parametrize(
    "how", [Aggregation.COUNT, Aggregation.SUM, Aggregation.UNIQUE_COUNT, Aggregation.WEIGHTED_SUM]
)
@given(EVENTS, st.integers(1, SECONDS - 1))
@settings(max_examples=60, deadline=None)
def test_change_of_plans_within_a_period_bills_nothing_twice(how: Aggregation, happened: list[Event], cut: int) -> None:
    middle = START + timedelta(seconds=cut)
    before = sum_of(event for event in happened if event.time < START)
    first = sum_of(event for event in happened if START <= event.time < middle)
    second = sum_of(event for event in happened if event.time >= middle)
    parts = measure(how, False, Stretch(START, middle, START, END), before, NOTHING, first)
    parts += measure(how, False, Stretch(middle, END, START, END), before, first, second)
    assert parts == measure(how, False, Stretch(START, END, START, END), before, NOTHING, first.plus(second))


TIERS = st.lists(
    st.tuples(st.integers(1, 500), MONEY, MONEY), min_size=1, max_size=4, unique_by=lambda tier: tier[0]
).map(
    lambda found: tuple(
        Tier(None if place == len(found) - 1 else Decimal(up_to), price, flat)
        for place, (up_to, price, flat) in enumerate(sorted(found))
    )
)
RATES = st.builds(
    Rate, MONEY, model=st.sampled_from([each for each in Model if each != Model.DECK]), tiers=TIERS,
    package_size=st.integers(1, 90).map(Decimal), percent=st.decimals("0", "100", places=2), record_fee=MONEY,
    free_records=st.integers(0, 3), included=st.integers(0, 200).map(Decimal),
)  # fmt: skip
RECORDS = st.lists(st.tuples(MOMENTS, st.decimals("0", "500", places=2)), max_size=12).map(
    lambda found: [Metered(time, f"r{n}", Fraction(quantity)) for n, (time, quantity) in enumerate(found)]
)


def charged(rate: Rate, records: Sequence[Metered]) -> Fraction:
    quantity = sum((each.quantity for each in records), Fraction(0))
    return rates.charge(
        rate, quantity, record_count=len(records), records=records, included=Fraction(rate.included)
    ).amount


@given(RATES, RECORDS, st.randoms())
@settings(deadline=None)
def test_a_rate_never_costs_less_than_nothing_and_doesnt_ask_for_the_order(
    rate: Rate, records: list[Metered], chance: Any
) -> None:
    rates.check(rate)
    amount = charged(rate, records)
    chance.shuffle(records)
    assert charged(rate, records) == amount >= 0
    capped = charged(replace(rate, maximum=Decimal(50)), records)
    assert capped == min(amount, Fraction(50))
    assert capped + rates.missing(replace(rate, minimum=Decimal(60)), capped) >= 60


@given(RATES, RECORDS)
@settings(deadline=None)
def test_without_usage_nothing_is_charged_unless_the_rate_says_so(rate: Rate, records: list[Metered]) -> None:
    assert charged(rate, []) == 0
    always = charged(replace(rate, flat_at_zero=True), [])
    tiered = rate.model in (Model.GRADUATED, Model.VOLUME, Model.GRADUATED_PERCENTAGE)
    assert always == (Fraction(rate.tiers[0].flat_fee) if tiered else 0)


@given(TIERS, st.integers(0, 900), st.integers(0, 900))
def test_graduated_parts_billed_one_after_another_cost_what_the_whole_costs(
    steps: tuple[Tier, ...], first: int, second: int
) -> None:
    rate = Rate(ZERO, model=Model.GRADUATED, tiers=steps)
    part, whole = (rates.charge(rate, Fraction(units)).amount for units in (first, first + second))
    assert whole - part >= 0 and part + (whole - part) == whole


@given(st.integers(0, 10**6), st.lists(MONEY, min_size=1, max_size=9), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_shared_amount_adds_up_to_the_minor_unit(units: int, weights: list[Decimal], currency: str) -> None:
    weights[0] += 1
    amount = rounded(Fraction(units, 7), currency)
    parts = shared(amount, weights, currency)
    assert sum(parts) == amount and all(part >= 0 for part in parts)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tehran", "Asia/Baku", "Australia/Lord_Howe"])
ANCHORS = st.integers(0, 10 * 365 * 86_400).map(
    lambda seconds: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
)


@given(ANCHORS, ANCHORS, ZONES, st.sampled_from(["month", "quarter", "year"]))
def test_periods_follow_each_other_without_gap_and_keep_the_anchors_day(
    anchor: datetime, time: datetime, zone: str, interval: str
) -> None:
    start, end = period_containing(anchor, interval, time, zone)
    assert start <= time < end
    assert period_containing(anchor, interval, end, zone)[0] == end
    assert period_containing(anchor, interval, start - timedelta(microseconds=1), zone)[1] == start
    assert period_containing(anchor, interval, anchor, zone)[0] == anchor


@given(ANCHORS, st.lists(st.integers(0, 10**6), max_size=6), ZONES)
def test_shares_of_a_period_sum_to_the_whole(anchor: datetime, cuts: list[int], zone: str) -> None:
    start, end = period_containing(anchor, "month", anchor, zone)
    length = (end - start) // timedelta(microseconds=1)
    edges = [start, *sorted(start + timedelta(microseconds=length * cut // 10**6) for cut in cuts), end]
    assert sum((share(since, until, start, end) for since, until in pairwise(edges)), Fraction(0)) == 1


CHANGES = st.lists(st.tuples(st.integers(1, SECONDS - 1), MONEY), max_size=5, unique_by=lambda change: change[0])


@given(CHANGES, MONEY)
@settings(deadline=None)
def test_fees_of_a_period_cost_each_plan_for_the_time_it_was_held(
    changes: list[tuple[int, Decimal]], fee: Decimal
) -> None:
    moments = [(0, fee), *sorted(changes)]
    plans = [PlanHeld(f"p{at}", 1, "EUR", {}, START + timedelta(seconds=at), "UTC", fee=price) for at, price in moments]
    timeline = Timeline((SubscriptionVersion(1, START, State.ACTIVE, START),))
    due = [each for held in fees.plan_holdings(plans, timeline, "UTC") for each in fees.due(held, "UTC", START, END)]
    ends = [*(plan.effective_time for plan in plans[1:]), END]
    expected = sum(
        (
            Fraction(plan.fee) * share(plan.effective_time, end, START, END)
            for plan, end in zip(plans, ends, strict=True)
        ),
        Fraction(0),
    )
    assert sum((each.amount for each in due), Fraction(0)) == expected


@given(st.lists(st.tuples(st.integers(0, SECONDS), st.integers(1, 9 * 86_400), st.sampled_from("abc")), max_size=8))
def test_most_at_once_is_what_any_moment_had_at_most(stays: list[tuple[int, int, str]]) -> None:
    spans = [
        Span("presence", who, START + timedelta(seconds=at), START + timedelta(seconds=at + length))
        for at, length, who in stays
    ]
    there = [
        sum(span.start_time <= moment < (span.end_time or END) for span in spans)
        for moment in (span.start_time for span in spans)
        if moment < END
    ]
    assert levels.peak(spans, START, END) == max(there, default=0)


COUPONS = st.lists(
    st.builds(
        Coupon, st.uuids().map(str), st.just("CODE"), st.just("name"), st.just(Frequency.FOREVER),
        st.sampled_from([ZERO, Decimal(10), Decimal(50), Decimal(100)]), st.just(Decimal(5)), st.just("EUR"),
        rates=st.sampled_from([(), ("message",), ("fee",)]),
    ).map(lambda coupon: replace(coupon, amount=ZERO) if coupon.percent else coupon),
    max_size=4,
)  # fmt: skip
TAXES = st.lists(st.tuples(st.decimals("0", "30", places=2), st.booleans()), max_size=3).map(
    lambda found: [
        TaxRate(f"t{n}", f"tax{n}", "Tax", "AZ", percent, included, START)
        for n, (percent, included) in enumerate(found)
    ]
)


@given(RATES, RECORDS, COUPONS, TAXES, MONEY, st.randoms())
@settings(deadline=None, max_examples=150)
def test_statement_adds_up_is_never_negative_and_knows_no_order(
    rate: Rate, records: list[Metered], coupons: list[Coupon], taxes: list[TaxRate], fee: Decimal, chance: Any
) -> None:
    plan = PlanHeld("plan", 1, "EUR", {"message": rate}, START, "UTC", fee=fee)

    def statement() -> Any:
        happened = [
            Event(each.time, each.key, Decimal(str(each.quantity)))
            if each.quantity.denominator == 1
            else Event(each.time, each.key, Decimal(each.quantity.numerator) / each.quantity.denominator)
            for each in records
        ]
        used = Used("message", {}, sum_of(happened), records=list(records))
        redeemed = [Redeemed(coupon, START, 0) for coupon in coupons]
        books = Books(
            START, END, END, "UTC", [Part(plan, START, END, [used])], [plan], redeemed=redeemed, tax_rates=taxes,
            tax_data=TaxData("AZ"),
        )  # fmt: skip
        return charges.statement(books)

    found = statement()
    chance.shuffle(records)
    chance.shuffle(coupons)
    assert statement() == found
    discounts = sum((each.amount for each in found.discounts), ZERO)
    assert found.subtotal == sum((line.amount for line in found.lines), ZERO)
    assert discounts == sum((line.discount for line in found.lines), ZERO)
    added = sum((each.amount for each in found.taxes if not each.included), ZERO)
    assert found.total == found.subtotal - discounts + added >= 0
    assert all(0 <= line.discount <= line.amount for line in found.lines)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=8))
def test_late_lines_bring_what_was_billed_to_what_is_owed(deliveries: list[tuple[int, bool]]) -> None:
    rate = Rate(Decimal("0.333"), Decimal(10), minimum=Decimal(3))
    plan = PlanHeld("plan", 1, "EUR", {"message": rate}, START, "UTC")

    def lines(units: int) -> list[Any]:
        used = Used("message", {}, sum_of([Event(START, "e", Decimal(units))] if units else []))
        return charges.lines_of(Books(START, END, END, "UTC", [Part(plan, START, END, [used])], [plan]))

    def final(found: list[Any], at: datetime) -> Any:
        books = Books(at, at + timedelta(days=30), at + timedelta(days=30), "UTC", [Part(plan, at, END, [])], [plan])
        return charges.statement(books, found)

    units, statements = deliveries[0][0], []
    statements.append(replace(final(lines(units), START), start_time=START, end_time=END))
    for place, (more, _) in enumerate(deliveries[1:], 1):
        units += more
        [period] = [each for each in late.billed(statements) if each.start_time == START]
        statements.append(final(late.late_lines(lines(units), period), END + timedelta(days=30 * place)))
        assert all(line.kind == LineKind.LATE for line in statements[-1].lines)
    paid = sum((statement.total for statement in statements), ZERO)
    assert paid == sum((line.amount for line in lines(units)), ZERO)


@pytest.mark.parametrize(
    ("rate", "field"),
    [
        (Rate(Decimal(-1)), "price"),
        (Rate(Decimal("NaN")), "price"),
        (Rate(ZERO, model=Model.PACKAGE, package_size=ZERO), "package_size"),
        (Rate(ZERO, model=Model.GRADUATED), "tiers"),
        (Rate(ZERO, model=Model.VOLUME, tiers=(Tier(Decimal(5)), Tier(Decimal(5)), Tier(None))), "tiers[1].up_to"),
        (Rate(ZERO, model=Model.VOLUME, tiers=(Tier(None), Tier(None))), "tiers[0].up_to"),
        (Rate(ZERO, model=Model.GRADUATED, tiers=(Tier(None, Decimal(-1)),)), "tiers[0].unit_price"),
        (Rate(ZERO, minimum=Decimal(5), maximum=Decimal(4)), "maximum"),
    ],
)
def test_rate_that_makes_no_sense_is_refused_by_its_field(rate: Rate, field: str) -> None:
    with pytest.raises(RateInvalid) as refused:
        rates.check(rate)
    assert refused.value.fields[0].field == field
