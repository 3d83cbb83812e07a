"""Rating and invoicing rules against worked cases and by property."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from billing.domain import invoices
from billing.domain.plans import SEAT, STORAGE, VOICE, PlanHeld, Rate, plan_at, segments
from billing.domain.usage import Span, billed_seconds, rate_call
from hypothesis import given
from hypothesis import strategies as st

CASES = json.loads((Path(__file__).parent / "fixtures" / "worked_cases.json").read_text())
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def plan(effective: datetime = MARCH, version: int = 1, **rates: Rate) -> PlanHeld:
    return PlanHeld("starter", version, "EUR", rates, effective, "UTC")


@pytest.mark.parametrize("case", CASES["increments"], ids=lambda case: case["source"])
def test_seconds_are_rounded_up_by_the_plans_increments(case: dict[str, object]) -> None:
    rate = Rate(Decimal(1), first_increment=case["first"], next_increment=case["next"])  # type: ignore[arg-type]
    for used, billed in case["billed"].items():  # type: ignore[attr-defined]
        assert billed_seconds(int(used), rate) == billed


def test_unused_second_costs_nothing() -> None:
    assert billed_seconds(0, Rate(Decimal(1), first_increment=60, next_increment=60)) == 0


@given(st.integers(1, 100_000), st.integers(0, 120), st.integers(0, 120))
def test_billed_seconds_cover_the_used_ones_by_less_than_an_increment(used: int, first: int, following: int) -> None:
    billed = billed_seconds(used, Rate(Decimal(1), first_increment=first, next_increment=following))
    assert used <= billed < used + max(first, following, 1)


@pytest.mark.parametrize(("seats", "amount"), CASES["seats"]["amounts"].items())
def test_whole_month_of_seats_costs_price_times_seats(seats: str, amount: str) -> None:
    held = [Span(SEAT, f"usr_{n}", MARCH - timedelta(days=9), None) for n in range(int(seats))]
    rates = {SEAT: Rate(Decimal(CASES["seats"]["price"]))}
    assert invoices.preview([plan(**rates)], held, [], MARCH, APRIL).total == Decimal(amount)


@pytest.mark.parametrize(("price", "amount"), CASES["prorated"]["amounts"].items())
def test_seat_taken_within_the_month_costs_its_share_of_seconds(price: str, amount: str) -> None:
    start, end = datetime(2023, 7, 1, tzinfo=UTC), datetime(2023, 8, 1, tzinfo=UTC)
    seat = Span(SEAT, "usr_1", datetime(2023, 7, 19, tzinfo=UTC), None)
    held = PlanHeld("starter", 1, "EUR", {SEAT: Rate(Decimal(price))}, start, "UTC")
    assert invoices.preview([held], [seat], [], start, end).total == Decimal(amount)


@pytest.mark.parametrize(
    ("exact", "rounded"), [("0.005", "0.01"), ("0.0049999", "0.00"), ("-0.005", "-0.01"), ("2.675", "2.68")]
)
def test_half_of_the_minor_unit_is_rounded_away_from_zero(exact: str, rounded: str) -> None:
    assert invoices.rounded(Fraction(exact), "EUR") == Decimal(rounded)


def test_currency_without_minor_unit_is_rounded_to_whole_ones() -> None:
    assert invoices.rounded(Fraction("10.5"), "JPY") == Decimal(11)


def test_included_minutes_come_first_and_unused_meters_have_no_line() -> None:
    held = plan(**{VOICE: Rate(Decimal("0.02"), included=Decimal(100), first_increment=60, next_increment=60)})
    calls = [rate_call(f"usg_{n}", f"call_{n}", MARCH, 59, held, "brd_1") for n in range(130)]
    [line] = invoices.preview([held], [], calls, MARCH, APRIL).lines
    assert (line.quantity, line.included, line.amount) == (130, 100, Decimal("0.60"))


def test_storage_is_charged_by_gigabyte_and_time() -> None:
    held = plan(**{STORAGE: Rate(Decimal("10"))})
    half = Span(STORAGE, "rec_1", MARCH, MARCH + (APRIL - MARCH) / 2, Fraction(1, 2))
    assert invoices.preview([held], [half], [], MARCH, APRIL).total == Decimal("2.50")


def test_plan_changed_within_the_month_rates_each_part_by_its_own_prices() -> None:
    middle = MARCH + (APRIL - MARCH) / 2
    cheap, dear = plan(**{SEAT: Rate(Decimal(10))}), plan(middle, 2, **{SEAT: Rate(Decimal(30))})
    found = invoices.preview([cheap, dear], [Span(SEAT, "usr_1", MARCH, None)], [], MARCH, APRIL)
    assert [line.amount for line in found.lines] == [Decimal("5.00"), Decimal("15.00")]
    assert found.plan.version == 2


@given(st.lists(st.integers(0, 40), max_size=6, unique=True))
def test_plan_segments_cover_the_month_without_gap_or_overlap(days: list[int]) -> None:
    held = [plan(MARCH + timedelta(days=day - 5), day) for day in days]
    cut = segments(held, MARCH, APRIL)
    edges = [MARCH, *(until for _, _, until in cut)]
    assert not held or edges[-1] == APRIL
    assert all(since == edge for (_, since, _), edge in zip(cut, edges, strict=False))
    assert all(plan_at(held, since) == each for each, since, _ in cut if since > MARCH)


def test_month_follows_the_tenants_zone_also_when_the_clock_changes() -> None:
    start, end = invoices.period_of(datetime(2026, 3, 31, 23, tzinfo=UTC), "Europe/Istanbul")
    assert (start, end) == (datetime(2026, 3, 31, 21, tzinfo=UTC), datetime(2026, 4, 30, 21, tzinfo=UTC))
    start, end = invoices.period_of(datetime(2026, 3, 15, tzinfo=UTC), "Europe/Berlin")
    assert end - start == timedelta(days=31) - timedelta(hours=1)
