"""Balances, working days and how many may be off, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from wfm.domain.labour import COUNTRIES
from wfm.domain.shifts import Contract, Entitlement
from wfm.domain.time_off import (
    Absence,
    Allowance,
    Kind,
    Request,
    State,
    Unit,
    accrued,
    at_once,
    balance,
    instant,
    obstacles,
    taken,
    too_little,
    usual_minutes,
    wrong_allowance,
    wrong_request,
)

UTC_PLACE, NOON = ZoneInfo("UTC"), datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = Kind("k", "Holiday", Unit.DAYS, True, True, True, first_year=2025)


def request(first: date, last: date | None = None, state: State = State.PENDING, **said: Any) -> Request:
    until = last or first
    begins, ends = instant(first, 0, UTC_PLACE), instant(until, 1440, UTC_PLACE)
    made = Request("r", "me", "k", first, until, 0, 0, "", NOON, begins, ends, state)
    return Request(**{**vars(made), **said})


@pytest.mark.parametrize(
    ("monthly", "hired", "on", "expected"),
    [
        (False, None, date(2026, 1, 1), 24.0), (False, date(2026, 7, 15), date(2026, 8, 1), 12.0),
        (True, None, date(2026, 1, 1), 2.0), (True, None, date(2026, 12, 31), 24.0),
        (True, date(2026, 7, 15), date(2026, 8, 1), 4.0), (True, date(2027, 1, 1), date(2026, 8, 1), 0.0),
        (True, None, date(2025, 12, 31), 0.0), (True, None, date(2027, 1, 1), 24.0),
    ],
)  # fmt: skip
def test_a_years_holiday_becomes_somebodys_with_the_year_or_month_by_month(
    monthly: bool, hired: date | None, on: date, expected: float
) -> None:
    assert accrued(Entitlement("k", 24.0, monthly), 2026, hired, on) == expected


def test_rest_of_a_year_goes_over_as_far_as_it_may_and_never_from_before_anything_was_counted() -> None:
    given = Entitlement("k", 20.0, most_carried=5.0)
    used = [request(date(2025, 6, 2), state=State.APPROVED, amounts={2025: 18.0})]
    asked = request(date(2026, 5, 4), amounts={2026: 2.0})
    found = balance(DAYS, given, 2026, None, date(2026, 3, 2), [*used, asked], {})
    assert (found.carried_over, found.asked, found.left, found.carried_over_set) == (2.0, 2.0, 20.0, False)
    assert balance(DAYS, given, 2026, None, date(2026, 3, 2), [], {}).carried_over == 5.0
    assert balance(DAYS, given, 2025, None, date(2025, 3, 2), [], {}).carried_over == 0.0
    said = balance(DAYS, given, 2026, None, date(2026, 3, 2), used, {2026: 7.5})
    assert (said.carried_over, said.left, said.carried_over_set) == (7.5, 27.5, True)
    past = [request(date(2026, 1, 5), state=State.APPROVED, amounts={2026: 3.0}),
            request(date(2026, 9, 7), state=State.APPROVED, amounts={2026: 1.0})]  # fmt: skip
    found = balance(DAYS, given, 2026, None, date(2026, 3, 2), past, {2026: 0.0})
    assert (found.used, found.approved, found.left) == (3.0, 1.0, 16.0)


def test_what_next_year_was_asked_for_on_the_strength_of_this_one_is_not_taken_this_year() -> None:
    given = Entitlement("k", 20.0, most_carried=5.0)
    planned = request(date(2026, 1, 5), state=State.APPROVED, amounts={2026: 25.0})
    december = request(date(2025, 12, 1), amounts={2025: 16.0})

    def refused(value: Request, mine: list[Request]) -> tuple[int, float] | None:
        return too_little(DAYS, given, None, replace(value, request_id="new"), mine, {})

    assert refused(planned, []) is None
    assert refused(request(date(2025, 12, 1), amounts={2025: 15.0}), [planned]) is None
    assert refused(december, []) is None
    assert refused(december, [planned]) == (2026, 15.0)
    # What was too much before is nobody's fault who takes nothing of it.
    assert refused(request(date(2025, 3, 3), amounts={2025: 1.0}), [replace(planned, amounts={2026: 30.0})]) is None


def test_month_by_month_what_is_due_by_each_holiday_counts_and_not_what_later_ones_will_take() -> None:
    given = Entitlement("k", 24.0, monthly=True)
    november = request(date(2026, 11, 2), state=State.APPROVED, amounts={2026: 20.0})
    for amount, left in ((2.0, None), (3.0, (2026, 2.0)), (5.0, (2026, 2.0))):
        asked = request(date(2026, 2, 2), amounts={2026: amount})
        assert too_little(DAYS, given, None, replace(asked, request_id="new"), [november], {}) == left, amount
        found = balance(DAYS, given, 2026, None, date(2026, 2, 2), [november], {2026: 0.0})
        assert (found.accrued, found.approved, found.left) == (4.0, 20.0, 2.0)
    # Days owed from the year before are worked off first.
    owed = request(date(2026, 3, 2), amounts={2026: 4.0})
    assert too_little(DAYS, given, None, owed, [], {2026: -3.0}) == (2026, 3.0)
    early = request(date(2026, 2, 2), amounts={2026: 5.0})
    assert too_little(DAYS, given, None, early, [], {}) == (2026, 4.0)


def test_only_days_of_work_count_by_year_and_by_hours_where_the_kind_does() -> None:
    minutes = {date(2026, 12, 31): 480, date(2027, 1, 1): 240}
    across = request(date(2026, 12, 30), date(2027, 1, 2))
    assert taken(across, Unit.DAYS, minutes) == ({2026: 1.0, 2027: 1.0}, 720)
    assert taken(across, Unit.HOURS, minutes) == ({2026: 8.0, 2027: 4.0}, 720)
    part = request(date(2026, 12, 31), start_minute=600, end_minute=690)
    assert taken(part, Unit.HOURS, minutes) == ({2026: 1.5}, 90)
    assert taken(request(date(2026, 12, 29)), Unit.DAYS, minutes) == ({}, 0)


def test_days_of_work_of_a_week_nobody_planned_are_what_contract_law_and_availability_allow() -> None:
    contract = Contract("c", "Half", 0, 1200, 0, 3, ())
    monday = date(2026, 3, 9)
    found = usual_minutes(monday, contract, COUNTRIES["DE"].adult, lambda day: day.weekday() != 1)
    assert found == {monday + timedelta(days=each): 400 for each in (0, 2, 3)}


def test_allowance_counts_who_is_away_at_once_and_says_how_many_that_would_be() -> None:
    day, crowd = date(2026, 3, 9), {name: ("q",) for name in ("me", "a", "b", "c")}
    away = [Absence("a", instant(day, 0, UTC_PLACE), instant(day, 720, UTC_PLACE)),
            Absence("b", instant(day, 720, UTC_PLACE), instant(day, 1440, UTC_PLACE))]  # fmt: skip
    assert at_once(away, instant(day, 0, UTC_PLACE), instant(day, 1440, UTC_PLACE)) == 1

    def asked(*allowances: Allowance, kind: Kind = DAYS, **said: Any) -> list[tuple[str, int, int]]:
        found = obstacles(request(day, **said), kind, [day], allowances, ("q",), crowd, away, lambda _: "", UTC_PLACE)
        return [(each.code, each.allowed, each.found) for each in found]

    assert asked(Allowance("x", "", max_agents=2)) == []
    assert asked(Allowance("x", "", max_agents=1)) == [("ALLOWANCE_FULL", 1, 2)]
    assert asked(Allowance("x", "", max_percent=50.0)) == []
    assert asked(Allowance("x", "", max_percent=49.0)) == [("ALLOWANCE_FULL", 1, 2)]
    assert asked() == [("NO_ALLOWANCE", 0, 0)]
    assert asked(Allowance("x", "", ("other",), max_agents=0)) == [("NO_ALLOWANCE", 0, 0)]
    dated = Allowance("y", "", first=day, last=day, max_agents=0)
    assert asked(Allowance("x", "", max_agents=9), dated) == [("ALLOWANCE_FULL", 0, 2)]
    evening = Allowance("z", "", start=1080, max_agents=0)
    assert asked(evening, start_minute=600, end_minute=690) == []
    assert asked(kind=Kind("k", "", Unit.DAYS, True, True, automatic=False)) == [("MANAGER_DECIDES", 0, 0)]


def test_what_cannot_be_is_named_by_its_field() -> None:
    day = date(2026, 3, 9)
    for wrong, field in (
        (Allowance("x", "", max_agents=1), "display_name"), (Allowance("x", "n"), "max_agents"),
        (Allowance("x", "n", max_percent=101.0), "max_percent"),
        (Allowance("x", "n", start=60, end=60, covered=True), "start_minute"),
        (Allowance("x", "n", first=day, last=day - timedelta(days=1), max_agents=1), "last_day"),
    ):  # fmt: skip
        assert [name for name, _ in wrong_allowance(wrong)] == [field]
    assert wrong_request(request(day, day + timedelta(days=93)), Unit.DAYS)[0][0] == "last_day"
    assert wrong_request(request(day, start_minute=600, end_minute=660), Unit.DAYS)[0][0] == "start_minute"
    assert wrong_request(request(day, start_minute=600, end_minute=601), Unit.HOURS)[0][0] == "end_minute"
    assert wrong_request(request(day, start_minute=600, end_minute=660), Unit.HOURS) == []


def test_a_minute_of_a_day_is_by_the_clocks_also_when_they_change() -> None:
    place = ZoneInfo("Europe/Berlin")
    assert instant(date(2026, 3, 29), 480, place) == datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert instant(date(2026, 3, 29), 1440, place) - instant(date(2026, 3, 29), 0, place) == timedelta(hours=23)
