"""Periods across short months, leap years and the change to summer time; shares that add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.money import rounded
from kernel.proration import MONTH, YEAR, next_end, period_containing, share

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Tehran", "Pacific/Apia")
instants = st.integers(946_684_800, 2_840_140_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "interval", "time", "start", "end"),
    [
        ("2026-01-31T10:00", MONTH, "2026-02-15", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", MONTH, "2026-02-28T10:00", "2026-02-28T10:00", "2026-03-31T10:00"),
        ("2026-01-31T10:00", MONTH, "2026-04-30T10:00", "2026-04-30T10:00", "2026-05-31T10:00"),
        ("2027-12-31", MONTH, "2028-02-29T00:00", "2028-02-29", "2028-03-31"),
        ("2028-02-29", YEAR, "2028-12-01", "2028-02-29", "2029-02-28"),
        ("2028-02-29", YEAR, "2031-12-01", "2031-02-28", "2032-02-29"),
        ("2026-03-15", MONTH, "2026-01-20", "2026-01-15", "2026-02-15"),
    ],
)
def test_a_period_keeps_its_day_and_a_short_month_takes_its_last(
    anchor: str, interval: str, time: str, start: str, end: str
) -> None:
    assert period_containing(at(anchor), interval, at(time), "UTC") == (at(start), at(end))


def test_a_period_follows_the_clock_on_the_wall_across_summer_time() -> None:
    anchor = at("2026-03-10T12:00+01:00")
    start, end = period_containing(anchor, MONTH, at("2026-04-01T00:00+02:00"), BERLIN)
    assert (start, end) == (anchor, at("2026-04-10T12:00+02:00")) and end - start == timedelta(days=31, hours=-1)


def test_a_time_of_day_that_summer_time_leaves_out_comes_as_much_later() -> None:
    anchor = at("2026-02-28T02:30+01:00")
    assert period_containing(at("2026-01-29T02:30+01:00"), MONTH, at("2026-03-29T12:00Z"), BERLIN)[0] == at(
        "2026-03-29T03:30+02:00"
    )
    assert period_containing(anchor, MONTH, anchor, BERLIN)[0] == anchor


@given(instants, st.sampled_from([MONTH, YEAR]), instants, st.sampled_from(ZONES))
def test_every_moment_lies_in_exactly_one_period_and_its_parts_are_the_whole(
    anchor: datetime, interval: str, time: datetime, zone: str
) -> None:
    start, end = period_containing(anchor, interval, time, zone)
    assert start <= time < end
    assert period_containing(anchor, interval, end, zone)[0] == end
    assert period_containing(anchor, interval, start - timedelta(microseconds=1), zone)[1] == start
    assert share(start, time, start, end) + share(time, end, start, end) == 1


@given(instants, st.sampled_from([MONTH, YEAR]), instants, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_a_period_after_a_move_to_another_zone_is_no_shorter_than_half(
    anchor: datetime, interval: str, time: datetime, before: str, after: str
) -> None:
    end = period_containing(anchor, interval, time, before)[1]
    assert next_end(anchor, interval, end, after) - end > timedelta(days=13)


def test_a_part_is_rounded_once_and_halves_away_from_zero() -> None:
    month = (at("2026-06-01"), at("2026-07-01"))
    half = share(at("2026-06-16"), month[1], *month)
    assert half == Fraction(1, 2) and share(month[1], at("2026-08-01"), *month) == 0
    assert rounded(half * Fraction("0.25"), "EUR") == Decimal("0.13")
    assert rounded(-half * Fraction("0.25"), "EUR") == Decimal("-0.13")
    assert (rounded(Fraction(1, 2), "JPY"), rounded(Fraction("1.2345"), "KWD")) == (Decimal("1"), Decimal("1.235"))
