"""Rating and invoicing rules against worked cases and by property."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from billing.domain import charges
from billing.domain.aggregates import Aggregate
from billing.domain.charges import Books, Part, Used
from billing.domain.levels import Change, Span, spans
from billing.domain.plans import NUMBER, SEAT, STORAGE, VOICE, PlanHeld, Rate, in_force, plan_at, segments
from billing.domain.statements import Statement
from billing.domain.subscriptions import Timeline, period_at
from billing.domain.usage import UsageRecord, billed_seconds, rated
from hypothesis import given
from hypothesis import strategies as st
from kernel.money import rounded

CASES = json.loads((Path(__file__).parent / "fixtures" / "worked_cases.json").read_text())
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan(rates: Mapping[str, Rate], effective: datetime = MARCH, version: int = 1) -> PlanHeld:
    return PlanHeld("starter", version, "EUR", rates, effective, "UTC")


def invoice(
    plans: Sequence[PlanHeld],
    lasting: Sequence[Span] = (),
    seconds: int = 0,
    start: datetime = MARCH,
    end: datetime = APRIL,
) -> Statement:
    """The statement of a month; the seconds are billed in its first part."""
    cut = segments(plans, start, end)
    parts = [Part(held, since, until) for held, since, until in cut]
    if seconds:
        used = Used(VOICE, {}, Aggregate(1, billed_seconds=seconds, used_seconds=seconds))
        parts[0] = Part(*cut[0], (used,))
    return charges.statement(Books(start, end, end, "UTC", parts, plans, lasting))


def call(seconds: int, rate: Rate) -> UsageRecord:
    record = UsageRecord("usg_1", VOICE, "telephony", "call_1", MARCH, seconds, "brd_1")
    return rated(record, plan({VOICE: rate}))


@pytest.mark.parametrize("case", CASES["increments"], ids=lambda case: case["id"])
def test_seconds_are_rounded_up_by_the_plans_increments(case: dict[str, Any]) -> None:
    rate = Rate(Decimal(1), first_increment=case["first"], next_increment=case["next"])
    for used, billed in case["billed"].items():
        assert billed_seconds(int(used), rate) == billed


@pytest.mark.parametrize("case", CASES["prices"], ids=lambda case: case["id"])
def test_call_costs_what_its_increments_cost(case: dict[str, Any]) -> None:
    rate = Rate(Decimal(case["price"]), first_increment=case["first"], next_increment=case["next"])
    for used, charge in case["charges"].items():
        assert call(int(used), rate).charge == Fraction(charge)


@given(st.integers(1, 10**12), st.integers(0, 120), st.integers(0, 120))
def test_billed_seconds_cover_the_used_ones_by_less_than_an_increment(used: int, first: int, following: int) -> None:
    billed = billed_seconds(used, Rate(Decimal(1), first_increment=first, next_increment=following))
    assert used <= billed < used + max(first, following, 1)


def test_rating_again_under_the_same_plan_changes_nothing() -> None:
    held = plan({VOICE: Rate(Decimal("0.06"), first_increment=30, next_increment=6)})
    record = rated(UsageRecord("usg_1", VOICE, "telephony", "call_1", MARCH, 31, "brd_1"), held)
    assert rated(record, held) == record and record.charge == Fraction("0.036")


@pytest.mark.parametrize(("price", "amount"), CASES["pooled"]["amounts"].items())
def test_included_minutes_are_pooled_and_the_rest_is_charged(price: str, amount: str) -> None:
    case = CASES["pooled"]
    included = Decimal(case["seats"] * case["included_per_seat"])
    held = plan({VOICE: Rate(Decimal(price), included)})
    [line] = invoice([held], seconds=case["minutes"] * 60).lines
    assert (line.included, line.amount) == (included, Decimal(amount))


@pytest.mark.parametrize(("before", "more", "billable"), CASES["free_units"]["cases"])
def test_free_units_are_eaten_in_order_of_time(before: int, more: int, billable: int) -> None:
    held = plan({VOICE: Rate(Decimal(1), Decimal(CASES["free_units"]["free"]))})
    first, both = (invoice([held], seconds=minutes * 60).total for minutes in (before, before + more))
    assert both - first == billable


@pytest.mark.parametrize(("seats", "amount"), CASES["seats"]["amounts"].items())
def test_whole_month_of_seats_costs_price_times_seats(seats: str, amount: str) -> None:
    held = [Span(SEAT, f"usr_{n}", MARCH - timedelta(days=9), None) for n in range(int(seats))]
    rates = {SEAT: Rate(Decimal(CASES["seats"]["price"]))}
    assert invoice([plan(rates)], held).total == Decimal(amount)


@pytest.mark.parametrize(("price", "amount"), CASES["prorated"]["amounts"].items())
def test_seat_taken_within_the_month_costs_its_share_of_seconds(price: str, amount: str) -> None:
    start, end = day("2023-07-01"), day("2023-08-01")
    seat = Span(SEAT, "usr_1", day(CASES["prorated"]["start"]), None)
    held = PlanHeld("starter", 1, "EUR", {SEAT: Rate(Decimal(price))}, start, "UTC")
    assert invoice([held], [seat], start=start, end=end).total == Decimal(amount)


def test_each_price_of_a_month_counts_for_the_days_it_held() -> None:
    case = CASES["repaired"]
    start, end = day("2012-05-01"), day("2012-06-01")
    plans = [plan({SEAT: Rate(Decimal(price))}, day(at), n) for n, (at, price) in enumerate(case["plans"])]
    lines = invoice(plans, [Span(SEAT, "usr_1", start, None)], start=start, end=end).lines
    whole = Decimal(case["plans"][0][1])
    assert lines[0].amount == whole + Decimal(case["first_of_month_unused"])
    assert lines[-1].amount == Decimal(case["last"])


def test_upgrade_half_way_costs_half_of_the_difference() -> None:
    case, middle = CASES["half_way"], MARCH + (APRIL - MARCH) / 2
    cheap, dear = (Rate(Decimal(case[name])) for name in ("from", "to"))
    seat = [Span(SEAT, "usr_1", MARCH, None)]
    changed = invoice([plan({SEAT: cheap}), plan({SEAT: dear}, middle, 2)], seat)
    assert changed.total - invoice([plan({SEAT: cheap})], seat).total == Decimal(case["net_more"])
    assert changed.plan_version == 2


@pytest.mark.parametrize(("month", "end"), [("march", "2023-04-01"), ("april", "2023-05-01")])
def test_what_lasts_is_weighed_by_time_and_carried_into_the_next_month(month: str, end: str) -> None:
    units, changes = 0, []
    for position, (at, more) in enumerate(CASES["weighted"]["changes"]):
        units += more
        changes.append(Change(NUMBER, "all", position, day(at), units))
    start = day(end) - timedelta(days=1)
    held = PlanHeld("starter", 1, "EUR", {NUMBER: Rate(Decimal(1))}, day("2023-01-01"), "UTC")
    found = invoice([held], spans(changes), start=start.replace(day=1), end=day(end))
    assert found.total == Decimal(CASES["weighted"][month])


@pytest.mark.parametrize(
    ("exact", "expected"), [("0.005", "0.01"), ("0.0049999", "0.00"), ("-0.005", "-0.01"), ("2.675", "2.68")]
)
def test_half_of_the_minor_unit_is_rounded_away_from_zero(exact: str, expected: str) -> None:
    assert rounded(Fraction(exact), "EUR") == Decimal(expected)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding_moves_by_half_a_minor_unit_at_most(above: int, below: int) -> None:
    exact = Fraction(above, below)
    moved = Fraction(rounded(exact, "EUR")) - exact
    assert abs(moved) <= Fraction(1, 200) and (abs(moved) < Fraction(1, 200) or (moved > 0) == (exact > 0))


def test_currency_without_minor_unit_is_rounded_to_whole_ones() -> None:
    assert rounded(Fraction("10.5"), "JPY") == Decimal(11)


def test_month_without_usage_has_no_line_and_costs_nothing() -> None:
    empty = invoice([plan({SEAT: Rate(Decimal(10)), VOICE: Rate(Decimal(1), Decimal(100))})])
    assert list(empty.lines) == [] and str(empty.total) == "0.00"


def test_plan_taken_within_the_month_includes_its_share_of_the_units() -> None:
    held = plan({VOICE: Rate(Decimal("0.02"), included=Decimal(100))}, MARCH + (APRIL - MARCH) / 4)
    [line] = invoice([held], seconds=130 * 60).lines
    assert (line.quantity, line.included, line.amount) == (130, 75, Decimal("1.10"))


def test_storage_is_charged_by_gigabyte_and_time_of_each_version() -> None:
    held = plan({STORAGE: Rate(Decimal("10"))})
    middle = MARCH + (APRIL - MARCH) / 2
    life = [Change(STORAGE, "rec_1", 2, MARCH, 10**9), Change(STORAGE, "rec_1", 3, middle, 3 * 10**9)]
    assert invoice([held], spans(life)).total == Decimal("20.00")


@given(st.lists(st.integers(0, 40), max_size=6, unique=True))
def test_plan_segments_cover_the_month_without_gap_or_overlap(days: list[int]) -> None:
    held = [plan({}, MARCH + timedelta(days=day - 5), day) for day in days]
    cut = segments(held, MARCH, APRIL)
    edges = [MARCH, *(until for _, _, until in cut)]
    assert not held or edges[-1] == APRIL
    assert all(since == edge for (_, since, _), edge in zip(cut, edges, strict=False))
    assert all(plan_at(held, since) == each for each, since, _ in cut if since > MARCH)


def test_later_choice_counts_of_two_plans_for_the_same_moment() -> None:
    first = replace(plan({}, version=1), fact_time=MARCH)
    second = replace(plan({}, version=2), fact_time=MARCH + timedelta(seconds=1))
    assert in_force([second, first]) == in_force([first, second]) == [second]


_LIVES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=8)


@given(_LIVES, st.randoms())
def test_spans_are_the_same_in_whatever_order_changes_are_heard(life: list[tuple[int, int]], chance: Any) -> None:
    changes = [
        Change(SEAT, f"usr_{position % 2}", position, MARCH + timedelta(days=day), quantity)
        for position, (day, quantity) in enumerate(life)
    ]
    shuffled = list(changes)
    chance.shuffle(shuffled)
    key = lambda span: (span.item_id, span.start_time)  # noqa: E731
    found = sorted(spans(changes), key=key)
    assert sorted(spans(shuffled), key=key) == found
    for before, after in pairwise(found):
        assert before.item_id != after.item_id or (before.end_time and before.end_time <= after.start_time)


def test_month_follows_the_tenants_zone_also_when_the_clock_changes() -> None:
    start, end = period_at(Timeline(), datetime(2026, 3, 31, 23, tzinfo=UTC), "Europe/Istanbul")
    assert (start, end) == (datetime(2026, 3, 31, 21, tzinfo=UTC), datetime(2026, 4, 30, 21, tzinfo=UTC))
    start, end = period_at(Timeline(), datetime(2026, 3, 15, tzinfo=UTC), "Europe/Berlin")
    assert end - start == timedelta(days=31) - timedelta(hours=1)
