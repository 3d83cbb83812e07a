"""Periods counted from an instant, by the wall clock of a zone, and shares of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from kernel.proration import period_containing, share


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def begins(anchor: str, interval: str, zone: str, count: int) -> list[str]:
    """When the first so many periods from the anchor's on begin, in UTC."""
    found, time = [], at(anchor)
    for _ in range(count):
        start, time = period_containing(at(anchor), interval, time, zone)
        found.append(f"{start:%Y-%m-%dT%H:%M}")
    return found


def test_period_of_the_31st_begins_on_the_last_day_of_shorter_months_without_drift() -> None:
    assert begins("2025-12-31T09:00", "month", "UTC", 5) == [
        "2025-12-31T09:00", "2026-01-31T09:00", "2026-02-28T09:00", "2026-03-31T09:00", "2026-04-30T09:00",
    ]  # fmt: skip


def test_year_that_began_on_february_29_begins_on_the_28th_until_the_next_leap_year() -> None:
    assert begins("2024-02-29", "year", "UTC", 5) == [f"20{y}-02-{d}T00:00" for y, d in
        ((24, 29), (25, 28), (26, 28), (27, 28), (28, 29))]  # fmt: skip


def test_period_keeps_its_time_of_day_when_the_clocks_change() -> None:
    assert begins("2026-03-15T08:00", "month", "Europe/Berlin", 2) == ["2026-03-15T08:00", "2026-04-15T07:00"]
    start, end = period_containing(at("2026-03-15T08:00"), "month", at("2026-04-01"), "Europe/Berlin")
    assert end - start == timedelta(days=31) - timedelta(hours=1)


def test_period_whose_time_of_day_the_clocks_jump_over_begins_as_much_later() -> None:
    assert begins("2026-02-28T01:30", "month", "Europe/Berlin", 2)[1] == "2026-03-28T01:30"
    assert begins("2026-01-29T01:30", "month", "Europe/Berlin", 3) == [
        "2026-01-29T01:30", "2026-02-28T01:30", "2026-03-29T01:30",
    ]  # fmt: skip


def test_period_whose_time_of_day_comes_twice_begins_the_first_time() -> None:
    assert begins("2026-09-25T00:30", "month", "Europe/Berlin", 2)[1] == "2026-10-25T00:30"


def test_time_before_the_anchor_lies_in_a_period_too() -> None:
    start, end = period_containing(at("2026-03-31"), "month", at("2026-02-10"), "UTC")
    assert (start, end) == (at("2026-01-31"), at("2026-02-28"))


def test_share_is_exact_and_clipped_to_the_period() -> None:
    start, end = at("2026-03-01"), at("2026-04-01")
    assert share(at("2026-03-11"), at("2027-01-01"), start, end) == Fraction(21, 31)
    assert share(at("2025-01-01"), at("2026-03-01"), start, end) == 0
    assert share(end, start, start, end) == 0
    with pytest.raises(ValueError, match="ends after"):
        share(start, end, end, end)


def test_unknown_interval_and_the_ends_of_time_are_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        period_containing(at("2026-03-01"), "week", at("2026-03-01"), "UTC")
    for year in (1, 9999):
        with pytest.raises(OverflowError):
            period_containing(
                at("2026-03-31T12:00"), "year", datetime(year, 1 if year == 1 else 12, 1, tzinfo=UTC), "UTC"
            )
