"""Agents of sites in other zones: planned by their own clocks, counted by instants in the company's week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from wfm.domain.covering import cover_of
from wfm.domain.explaining import Why, shortfalls
from wfm.domain.labour import Limits
from wfm.domain.search import Search
from wfm.domain.shifts import Agent, Contract, Pattern, Shift, TimeOff
from wfm.domain.solving import Plan, Problem
from wfm.domain.time_off import instant
from wfm.domain.violations import Rule, violations
from wfm.domain.week import Grid

from .rosters import DAY, LATE, PART, SHORT, office

MONDAYS = (
    date(2026, 3, 2),  # New York goes forward on the Sunday
    date(2026, 3, 23),  # Berlin goes forward
    date(2026, 3, 30),  # Sydney goes back on the Sunday, and so does Lord Howe by half an hour
    date(2026, 9, 28),  # Sydney and Lord Howe go forward
    date(2026, 10, 19),  # Berlin goes back
    date(2026, 10, 26),  # New York goes back
)
ZONES = {
    "Europe/Berlin": ("America/New_York", "Asia/Tehran", "Australia/Lord_Howe"),
    "America/New_York": ("Europe/Berlin", "Asia/Kathmandu", "Pacific/Auckland"),
}
OPEN = {Rule.TOO_FEW_HOURS, Rule.TOO_FEW_DAYS}
"""What agents who can come on too few days leave open whatever is done."""


def spread(problem: Problem, zones: tuple[str, ...]) -> Problem:
    """The same office with agents at sites of these zones, their time off on days of their own."""
    found = []
    for number, each in enumerate(problem.agents):
        zone = (*zones, "")[number % (len(zones) + 1)]
        place, off = ZoneInfo(zone or problem.grid.zone), each.time_off
        if off:
            day = problem.grid.first + timedelta(days=number % 7)
            off = (TimeOff(instant(day, 0, place), instant(day, 1440, place), off[0].credited),)
        found.append(replace(each, zone=zone, time_off=off))
    return replace(problem, agents=tuple(found))


def solved(problem: Problem, ticks: int = 13) -> Plan:
    search, told = Search(problem, 1), []
    search.run(lambda now: told.append(now) or len(told) >= ticks)
    return search.plan


@pytest.mark.parametrize("first", MONDAYS, ids=str)
@pytest.mark.parametrize("zone", ZONES)
def test_every_rule_holds_by_the_clocks_of_each_agents_site_when_either_zones_clocks_change(
    zone: str, first: date
) -> None:
    problem = spread(office(16, first.month, first=first, zone=zone), ZONES[zone])
    plan = solved(problem)
    shifts, agents = plan.shifts(), {each.agent_id: each for each in problem.agents}
    barred = {each.agent.agent_id for each in plan.agents if each.allowed.any(axis=(1, 2)).sum() < 5}
    broken = violations(problem.agents, shifts, first, zone)
    assert [each for each in broken if each.rule not in OPEN or each.agent_id not in barred] == []
    windows = {each.pattern_id: (each.first_start, each.last_start) for each in (DAY, LATE, PART)}
    for each in shifts:
        local = each.start.astimezone(ZoneInfo(agents[each.agent_id].zone or zone))
        low, high = windows[each.pattern_id]
        assert local.date() == each.day and 0 <= (each.day - first).days < 7
        assert low <= local.hour * 60 + local.minute <= high
        assert all(each.end <= off.start or each.start >= off.end for off in agents[each.agent_id].time_off)
    assert {agents[each.agent_id].zone for each in shifts} == {"", *ZONES[zone]}
    # What the plan counts is what the shifts cover by their instants.
    assert np.array_equal(plan.cover[:, plan.counted], cover_of(shifts, len(problem.need), problem.grid))


@pytest.mark.parametrize("site", ["Asia/Kathmandu", "America/New_York", "Asia/Tehran"])
def test_site_covers_hours_of_the_company_that_are_its_own_daytime(site: str) -> None:
    """Eight hours from 9:00 there are wanted at the hours of Berlin that those are; nobody in Berlin works then."""
    grid, there = Grid(date(2026, 3, 9), "Europe/Berlin"), ZoneInfo(site)
    pattern = Pattern("day", "Day", 540, 540, 30, 480, 480, 30)
    contract = Contract("full", "Full time", 2400, 2400, 5, 5, ("day",))
    agents = tuple(
        Agent(f"usr_{number}", contract, Limits(night_forbidden=True, night_start=1320, night_end=360), (pattern,),
              (0,), zone=zone)
        for number, zone in enumerate(("", site))
    )  # fmt: skip
    need = np.zeros((1, grid.slots))
    wanted = []
    for day in range(5):
        begins = instant(grid.first + timedelta(days=day), 540, there)
        wanted.append(begins)
        need[0, grid.slot(begins) : grid.slot(begins) + 32] = 1
    plan = solved(Problem(grid, agents, need))
    mine = [each for each in plan.shifts() if each.agent_id == "usr_1"]
    assert [each.start for each in mine] == wanted
    assert violations(agents, plan.shifts(), grid.first, grid.zone) == []


def test_part_of_a_sites_week_outside_the_companys_covers_nothing_and_nobody_is_said_to_reach_there() -> None:
    """Los Angeles is nine hours behind: its Monday's late shift begins when Berlin's Tuesday does."""
    grid = Grid(date(2026, 6, 1), "Europe/Berlin")
    late = Pattern("late", "Late", 900, 960, 30, 480, 480, 30)
    contract = Contract("full", "Full time", 960, 960, 2, 2, ("late",))
    limits = Limits(max_consecutive_days=6)
    agents = (Agent("usr_0", contract, limits, (late,), (0,), zone="America/Los_Angeles"),)
    need = np.ones((1, grid.slots))
    need[0, 90:96] = 0
    plan = solved(Problem(grid, agents, need))
    days = sorted(each.day.weekday() for each in plan.shifts())
    assert len(days) == 2 and 6 not in days, "a Sunday there is Monday in Berlin, and worth nothing in this week"
    found = shortfalls(plan)
    assert {each.why for each in found if each.start == grid.begins} == {Why.NOBODY_CAN}
    assert sum(each.hours for each in found) == pytest.approx(168 - 1.5 - 16)


def test_shift_that_stays_though_its_agent_went_to_another_site_is_kept_as_it_is() -> None:
    grid = Grid(date(2026, 3, 9), "Europe/Berlin")
    begins = grid.begins + timedelta(minutes=15)
    old = Shift("usr_0", grid.first, begins, begins + timedelta(hours=8), (), "", True, ((begins, 0),))
    contract = Contract("full", "Full time", 0, 2400, 0, 5, ("day",))
    pattern = Pattern("day", "Day", 540, 600, 30, 480, 480, 30, SHORT[1:2])
    for zone in ("America/Los_Angeles", "Pacific/Auckland", "Asia/Tehran"):
        agent = Agent("usr_0", contract, Limits(min_rest=660), (pattern,), (0,), locked=(old,), zone=zone)
        other = Agent("usr_1", contract, Limits(min_rest=660), (pattern,), (0,))
        plan = solved(Problem(grid, (agent, other), np.ones((1, grid.slots))))
        assert old in plan.shifts()
        assert np.array_equal(plan.cover[:, plan.counted], cover_of(plan.shifts(), 1, grid))


def test_rules_of_the_night_and_of_weekends_go_by_the_site() -> None:
    """Saturday 3:00 in Istanbul is Friday 21:00 in Sao Paulo: no weekend there, and hardly a night."""
    first = date(2026, 3, 9)
    start = instant(first + timedelta(days=5), 180, ZoneInfo("Europe/Istanbul"))
    limits = Limits(max_weekends=1, night_start=0, night_end=360, night_forbidden=True)
    contract = Contract("any", "Any", 0, 2400, 0, 5, ())
    for zone, day, rules in (
        ("", first + timedelta(days=5), {Rule.NIGHT}),
        ("America/Sao_Paulo", first + timedelta(days=4), set()),
    ):
        agent = Agent("usr_0", contract, limits, (), (0,), zone=zone)
        shift = Shift("usr_0", day, start, start + timedelta(hours=2), (), "", True)
        assert {each.rule for each in violations([agent], [shift], first, "Europe/Istanbul")} == rules
