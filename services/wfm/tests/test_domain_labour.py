"""Labour rules, contracts and patterns that can't hold together, and schedules held against every rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from wfm.domain.labour import COUNTRIES, Limits, break_due, clashes, in_night, out_of_range
from wfm.domain.shifts import (
    Agent,
    Break,
    BreakRule,
    Contract,
    Pattern,
    Shift,
    TimeOff,
    contract_clashes,
    pattern_clashes,
    wrong_contract,
    wrong_pattern,
)
from wfm.domain.violations import Rule, violations

MONDAY = date(2026, 3, 2)
DE = COUNTRIES["DE"]
LUNCH = BreakRule("Lunch", 180, 300, 30, False)
REST = BreakRule("Break", 360, 420, 30, False)
DAY = Pattern("day", "Day", 360, 840, 30, 510, 510, 30, (LUNCH,))
FULL = Contract("full", "Full time", 2400, 2400, 5, 5, ("day",))


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_law_of_every_country_in_the_table_is_in_range_and_in_accord_with_itself_and_says_its_source(
    country: str,
) -> None:
    rules = COUNTRIES[country]
    for limits in (rules.adult, rules.young):
        if limits is not None:
            assert out_of_range(limits) == [] and clashes(limits) == []
    assert len(rules.source) > 20


@pytest.mark.parametrize(
    ("limits", "pair"),
    [
        (Limits(max_day=600, max_week=540), ("max_day", "max_week")),
        (Limits(max_day=840, min_rest=660), ("max_day", "min_rest")),
        (Limits(max_night_day=480), ("max_night_day", "night_start")),
        (Limits(night_forbidden=True), ("night_forbidden", "night_start")),
        (Limits(max_day=480, max_night_day=600, night_start=1380, night_end=360), ("max_night_day", "max_day")),
        (Limits(breaks=((360, 45), (540, 30))), ("breaks", "breaks")),
        (Limits(max_day=480, breaks=((480, 30),)), ("breaks", "max_day")),
        (Limits(free_weekdays=(0, 1, 2, 3, 4, 5, 6)), ("free_weekdays", "max_week")),
    ],
)  # fmt: skip
def test_rules_that_contradict_each_other_are_named_both(limits: Limits, pair: tuple[str, str]) -> None:
    found = clashes(limits)
    assert (found[0].rule, found[0].against) == pair and found[0].words


@pytest.mark.parametrize(
    ("contract", "limits", "pair"),
    [
        (replace(FULL, min_week=3000, max_week=3000), DE.adult, ("min_week", "max_week")),
        (replace(FULL, min_days=7, max_days=7), DE.adult, ("min_days", "max_consecutive_days")),
        (replace(FULL, min_days=6, max_days=6), DE.young, ("min_days", "free_weekdays")),
        (replace(FULL, min_week=2400, max_days=4, min_days=0), DE.adult, ("min_week", "max_days")),
        (replace(FULL, min_week=0, max_week=1200), DE.adult, ("max_week", "min_days")),
        (replace(FULL, min_week=1000, max_week=1100, min_days=0), DE.adult, ("min_week", "shift_length")),
    ],
)  # fmt: skip
def test_contract_that_asks_for_what_is_ruled_out_is_told_by_what(
    contract: Contract, limits: Limits, pair: tuple[str, str]
) -> None:
    patterns = [replace(DAY, breaks=(replace(LUNCH, latest=270), REST), longest=540, shortest=540)] \
        if limits is DE.young else [DAY]  # fmt: skip
    assert pair in [(each.rule, each.against) for each in contract_clashes(contract, limits, patterns)]


def test_contract_that_can_be_kept_is_none_the_worse_for_it() -> None:
    assert contract_clashes(FULL, DE.adult, [DAY]) == [] and wrong_contract(FULL) == [] and wrong_pattern(DAY) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"breaks": ()}, "breaks"),
        ({"breaks": (replace(LUNCH, earliest=15, latest=30),)}, "breaks"),
        ({"shortest": 720, "longest": 720}, "shift_length"),
    ],
)
def test_pattern_nobody_may_work_is_refused(changes: dict[str, Any], rule: str) -> None:
    assert rule in [each.rule for each in pattern_clashes(replace(DAY, **changes), DE.adult)]


def test_minors_pattern_that_always_reaches_into_the_night_is_refused() -> None:
    late = replace(DAY, first_start=780, last_start=840)
    assert "night_forbidden" in [each.against for each in pattern_clashes(late, DE.young or Limits())]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_start": 365}, "first_start_minute"), ({"last_start": 300}, "last_start_minute"),
        ({"step": 7}, "start_step_minutes"), ({"shortest": 30}, "min_length_minutes"),
        ({"longest": 450}, "max_length_minutes"), ({"weekdays": ()}, "weekdays"), ({"name": " "}, "name"),
        ({"breaks": (LUNCH, replace(LUNCH, earliest=300, latest=360))}, "breaks[1].earliest_minute"),
        ({"breaks": (replace(LUNCH, latest=480),)}, "breaks[0].latest_minute"),
    ],
)  # fmt: skip
def test_pattern_with_a_wrong_field_is_told_which(changes: dict[str, Any], field: str) -> None:
    assert field in [name for name, _ in wrong_pattern(replace(DAY, **changes))]


def test_night_is_counted_over_midnight_and_breaks_by_the_work_they_are_due_for() -> None:
    assert in_night(DE.adult, 1320, 1860) == 420 and in_night(DE.adult, 0, 300) == 300
    assert in_night(DE.adult, 480, 900) == 0
    assert [break_due(DE.adult, work) for work in (360, 361, 541)] == [0, 30, 45]


def shift(day: int, start: float = 8.0, hours: float = 8.5, lunch: float | None = 4.0, **more: Any) -> Shift:
    begins = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=day, hours=start)
    rests = ()
    if lunch is not None:
        at = begins + timedelta(hours=lunch)
        rests = (Break(at, at + timedelta(minutes=30), False),)
    return Shift("a", MONDAY + timedelta(days=day), begins, begins + timedelta(hours=hours), rests, "day", **more)


def agent(**changes: Any) -> Agent:
    return replace(Agent("a", FULL, DE.adult, (DAY,), (0,)), **changes)


WEEK = tuple(shift(day) for day in range(5))


def found(who: Agent, *shifts: Shift) -> list[tuple[Rule, int, int]]:
    return [(each.rule, each.allowed, each.found) for each in violations([who], shifts, MONDAY, "UTC")]


def test_week_within_every_rule_breaks_none() -> None:
    assert found(agent(), *WEEK) == []


OFF = TimeOff(datetime(2026, 3, 3, 9, tzinfo=UTC), datetime(2026, 3, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("who", "shifts", "broken"),
    [
        (agent(), (*WEEK[:4], shift(4, hours=11)), (Rule.DAY_HOURS, 600, 630)),
        (agent(), (*WEEK[:4], shift(4, start=3.0)), (Rule.REST, 660, 630)),
        (agent(), (*WEEK, shift(5), shift(6)), (Rule.CONSECUTIVE_DAYS, 6, 7)),
        (agent(), (*WEEK, shift(5), shift(6)), (Rule.WEEKLY_REST, 2100, 930)),
        (agent(before=tuple(shift(day) for day in (-3, -2, -1))), WEEK, (Rule.CONSECUTIVE_DAYS, 6, 8)),
        (agent(before=(shift(-1, start=16.0),)), WEEK, (Rule.REST, 660, 450)),
        (agent(after=(shift(7, start=0.0),)), (*WEEK[:4], shift(6, start=12.0)), (Rule.REST, 660, 210)),
        (agent(), (*WEEK, shift(5)), (Rule.CONTRACT_HOURS, 2400, 2880)),
        (agent(), (*WEEK, shift(5)), (Rule.CONTRACT_DAYS, 5, 6)),
        (agent(), WEEK[:4], (Rule.TOO_FEW_HOURS, 2400, 1920)),
        (agent(), WEEK[:4], (Rule.TOO_FEW_DAYS, 5, 4)),
        (agent(time_off=(OFF,)), WEEK, (Rule.TIME_OFF, 0, 60)),
        (agent(availability={day: ((480, 960),) for day in range(5)}), WEEK, (Rule.AVAILABILITY, 0, 1)),
        (agent(), (*WEEK[:4], shift(4, lunch=None)), (Rule.BREAKS, 30, 0)),
        (agent(), (*WEEK[:4], shift(4, lunch=1.0)), (Rule.STRETCH, 360, 420)),
        (agent(), (*WEEK[:4], shift(4, start=8.25)), (Rule.PATTERN, 1, 0)),
        (agent(limits=replace(DE.adult, max_night_day=420)), (*WEEK[:4], shift(4, start=20.0)),
         (Rule.NIGHT_HOURS, 420, 480)),
        (agent(limits=DE.young), (*WEEK[:4], shift(4, start=13.0)), (Rule.NIGHT, 0, 90)),
        (agent(limits=DE.young), (*WEEK[:4], shift(5)), (Rule.FREE_WEEKDAY, 0, 1)),
        (agent(limits=replace(DE.adult, max_week=2000)), WEEK, (Rule.WEEK_HOURS, 2000, 2400)),
        (agent(limits=replace(DE.adult, max_weekends=1), before=(shift(-2),)), (*WEEK[:4], shift(5)),
         (Rule.WEEKENDS, 1, 2)),
        (agent(), (*WEEK[:4], shift(4, work=((datetime(2026, 3, 6, 8, tzinfo=UTC), 1),))), (Rule.SKILL, 0, 1)),
        (agent(), (*WEEK, shift(4, start=18.0, hours=4.5)), (Rule.OVERLAP, 1, 2)),
    ],
)  # fmt: skip
def test_each_rule_that_is_broken_is_named_with_what_is_allowed_and_what_is_there(
    who: Agent, shifts: tuple[Shift, ...], broken: tuple[Rule, int, int]
) -> None:
    assert broken in found(who, *shifts)


def test_paid_holiday_counts_as_worked_and_split_over_weeks_by_its_days() -> None:
    whole_day = TimeOff(datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC), 480)
    assert found(agent(time_off=(whole_day,)), *WEEK[:4]) == []
    ten_days = TimeOff(datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC), 4800)
    assert found(agent(time_off=(ten_days,))) == []
