"""Staffing held against values computed elsewhere, and against what must be true of any."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wfm.domain.deferring import smoothest
from wfm.domain.erlang import agents_c, erlang_c, inverse_b
from wfm.domain.erlang_a import agents_a, erlang_a, outcomes_a
from wfm.domain.staffing import Rule, StaffingRuleInvalid, need, needs, promised, said_of, whole, worked

# Computed two ways and compared with published ones where there are any: load, AHT, agents, threshold, then P(wait),
# service level, ASA.
ERLANG_C = [
    (10.0, 180, 14, 20, 0.174132, 0.888350, 7.8359),
    (48.0, 240, 55, 15, 0.238701, 0.845883, 8.1840),
    (25 * 752 / 900, 752, 28, 20, 0.097264, 0.919496, 10.2857),
    (35 * 752 / 900, 752, 37, 20, 0.117726, 0.904216, 11.4150),
    (10.0, 180, 13, 20, 0.285270, 0.795595, 17.1162),
    (48.0, 60, 50, 20, 0.694456, 0.643455, 20.8337),
]
REQUIRED = [
    (100, 180, 14), (360, 240, 54), (1000, 300, 176), (5000, 300, 848), (10_000, 300, 1683), (100_000, 300, 16_688),
    (1_000_000, 300, 166_690),
]  # fmt: skip
# Load, AHT, agents, patience, then P(wait), P(abandon), mean wait, occupancy, served within 20 s.
ERLANG_A = [
    (48.0, 60, 50, 120, 0.467774, 0.030912, 3.70947, 0.930324, 0.943019),
    (10.0, 180, 12, 180, 0.303224, 0.053092, 9.55649, 0.789090, 0.802304),
]


@pytest.mark.parametrize(("load", "aht", "agents", "threshold", "p_wait", "level", "asa"), ERLANG_C)
def test_erlang_c_gives_the_published_values(
    load: float, aht: float, agents: int, threshold: float, p_wait: float, level: float, asa: float
) -> None:
    found = erlang_c(load, aht, agents, threshold)
    assert (found.p_wait, found.service_level) == pytest.approx((p_wait, level), abs=6e-7)
    assert found.asa == pytest.approx(asa, abs=6e-5)


@pytest.mark.parametrize(("calls", "aht", "agents"), REQUIRED)
def test_eighty_in_twenty_takes_as_many_agents_as_computed_exactly(calls: int, aht: int, agents: int) -> None:
    assert whole(agents_c(calls * aht / 1800, aht, 0.8, 20)) == agents


@pytest.mark.parametrize(("load", "aht", "agents", "patience", "p_wait", "gone", "wait", "busy", "level"), ERLANG_A)
def test_erlang_a_gives_the_computed_values(
    load: float, aht: float, agents: int, patience: float, p_wait: float, gone: float, wait: float, busy: float,
    level: float,
) -> None:  # fmt: skip
    found = erlang_a(load, aht, agents, 20, patience)
    said = (found.p_wait, found.p_abandon, found.occupancy, found.service_level)
    assert said == pytest.approx((p_wait, gone, busy, level), abs=6e-7)
    assert found.asa == pytest.approx(wait, abs=6e-6)


@given(st.floats(0.1, 400), st.integers(1, 500))
@settings(max_examples=60, deadline=None)
def test_patience_as_long_as_a_call_makes_every_caller_a_call_of_an_endless_house(load: float, agents: int) -> None:
    # With theta = mu the number there is Poisson, so P(wait) is its tail: exact, however large.
    found = erlang_a(load, 60, agents, 20, 60)
    terms = [math.exp(k * math.log(load) - load - math.lgamma(k + 1)) for k in range(agents)]
    assert found.p_wait == pytest.approx(1 - math.fsum(terms), abs=1e-9)


@given(st.floats(0.1, 300), st.integers(1, 400), st.floats(5, 900), st.floats(10, 900), st.floats(0, 120))
@settings(max_examples=100, deadline=None)
def test_who_gives_up_and_who_is_served_are_everybody(
    load: float, agents: int, patience: float, aht: float, threshold: float
) -> None:
    found = erlang_a(load, aht, agents, threshold, patience)
    assert 0 <= found.service_level <= 1 and 0 <= found.p_abandon <= 1
    assert found.occupancy * agents == pytest.approx(load * (1 - found.p_abandon), rel=1e-9, abs=1e-9)
    assert erlang_a(load, aht, agents + 1, threshold, patience).service_level >= found.service_level - 1e-12


def test_customers_who_hardly_give_up_wait_as_if_they_never_did() -> None:
    patient, endless = erlang_a(8, 60, 10, 20, 1e9), erlang_c(8, 60, 10, 20)
    assert patient.p_wait == pytest.approx(endless.p_wait, abs=1e-6)
    assert patient.service_level == pytest.approx(endless.service_level, abs=1e-6)


def _by_its_states(load: float, aht: float, agents: int, patience: float) -> tuple[float, float]:
    """P(wait) and P(abandon) of the chain itself, state by state."""
    logs = [0.0]
    while len(logs) < 20 * agents + 4000:
        k = len(logs)
        logs.append(logs[-1] + math.log(load / (min(k, agents) + max(0, k - agents) * aht / patience)))
    weights = [math.exp(each - max(logs)) for each in logs]
    total = math.fsum(weights)
    waiting = math.fsum((k - agents) * weight for k, weight in enumerate(weights) if k > agents)
    return math.fsum(weights[agents:]) / total, waiting / total * aht / patience / load


@given(st.floats(0.05, 60), st.integers(1, 80), st.floats(5, 900), st.floats(10, 900))
@settings(max_examples=60, deadline=None)
def test_what_comes_of_agents_is_what_the_chain_of_states_says(
    load: float, agents: int, patience: float, aht: float
) -> None:
    found = erlang_a(load, aht, agents, 20, patience)
    assert (found.p_wait, found.p_abandon) == pytest.approx(_by_its_states(load, aht, agents, patience), abs=1e-10)


def test_many_intervals_at_once_are_each_by_itself() -> None:
    loads, ahts = [0.0, 0.3, 8.0, 47.5, 120.0, 9000.0], [60.0, 900.0, 180.0, 30.0, 300.0, 240.0]
    for most in (1.0, 0.8):
        alone = [agents_a(load, aht, 0.8, 20, 90, most)[0] for load, aht in zip(loads, ahts, strict=True)]
        assert agents_a(loads, ahts, 0.8, 20, 90, most).tolist() == pytest.approx(alone, rel=1e-12)
    servers = [3, 1, 0, 50, 100, 9100]
    cases = zip(loads, ahts, servers, strict=True)
    assert outcomes_a(loads, ahts, servers, 20, 90) == [
        erlang_a(load, aht, there, 20, 90) for load, aht, there in cases
    ]


@given(st.floats(0.05, 300), st.floats(10, 900), st.floats(0.05, 0.99), st.floats(5, 900), st.sampled_from([1.0, 0.7]))
@settings(max_examples=60, deadline=None)
def test_one_agent_fewer_would_not_hold_what_is_promised(
    load: float, aht: float, target: float, patience: float, most: float
) -> None:
    needed = whole(agents_a(load, aht, target, 20, patience, most)[0])
    enough, fewer = erlang_a(load, aht, needed, 20, patience), erlang_a(load, aht, needed - 1, 20, patience)
    assert enough.service_level >= target - 1e-9 and enough.occupancy <= most + 1e-9
    assert fewer.service_level < target + 1e-9 or fewer.occupancy > most - 1e-9


@pytest.mark.parametrize("load", [1e-6, 1e-3, 1.0, 2e4, 2e5])
@pytest.mark.parametrize("servers", [1, 50, 200_000])
def test_no_load_and_no_number_of_agents_is_too_much(load: float, servers: int) -> None:
    for found in (erlang_c(load, 300, servers, 20), erlang_a(load, 300, servers, 20, 120)):
        assert 0 <= found.service_level <= 1 and 0 <= found.p_wait <= 1 and 0 <= found.occupancy <= 1
    assert inverse_b(load, servers) >= 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("load", [1e-6, 10.0, 2e5])
def test_a_threshold_that_no_patience_reaches_is_held_for_all_who_stay(load: float) -> None:
    found = erlang_a(load, 300, 12, 604_800, 1)
    assert found.service_level == pytest.approx(1 - found.p_abandon, abs=1e-9)


def test_too_few_agents_leave_everybody_waiting_for_ever() -> None:
    found = erlang_c(50, 180, 50, 20)
    assert (found.p_wait, found.service_level, found.asa) == (1, 0, None)


def test_part_of_an_agent_is_kept_until_all_is_added() -> None:
    rule = Rule(max_occupancy=1.0)
    one = need(10, 180, rule, 1800).agents
    assert 0 < one < whole(one) and whole(10 * one) < 10 * whole(one)


def test_agents_are_never_busier_than_they_may_be_and_absence_is_added() -> None:
    found = need(10_000, 300, Rule(max_occupancy=0.85, shrinkage=0.3), 1800)
    assert found.outcome.occupancy <= 0.85 and found.agents == pytest.approx(10_000 / 6 / 0.85)
    assert found.scheduled == pytest.approx(found.agents / 0.7)
    patient = need(10_000, 300, Rule(max_occupancy=0.85, patience_seconds=120), 1800)
    assert patient.outcome.occupancy <= 0.85


def test_whoever_chats_with_three_at_once_counts_for_three() -> None:
    alone, three = need(200, 600, Rule(), 1800), need(200, 600, Rule(concurrency=3), 1800)
    assert three.agents == pytest.approx(alone.agents / 3)


def test_mail_is_spread_until_its_deadline_and_a_call_is_not() -> None:
    mail = needs([0, 0, 100, 0, 0, 0], [300.0] * 6, Rule(deadline_minutes=120, max_occupancy=1.0), 30)
    assert [round(each.agents, 3) for each in mail] == [0, 0, 4.167, 4.167, 4.167, 4.167]
    calls = needs([0, 0, 100, 0, 0, 0], [300.0] * 6, Rule(), 30)
    assert [each.agents > 0 for each in calls] == [False, False, True, False, False, False]


@given(st.lists(st.floats(0, 50), max_size=60), st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_deferred_work_is_done_after_it_came_and_before_its_deadline(work: list[float], wait: int) -> None:
    done = smoothest(work, wait)
    came = due = finished = 0.0
    for at, amount in enumerate(work):
        came, finished = came + amount, finished + done[at]
        due += work[at - wait + 1] if at - wait + 1 >= 0 else 0.0
        assert due - 1e-6 <= finished <= came + 1e-6
    assert finished == pytest.approx(sum(work), abs=1e-6)
    assert max(done, default=0) <= max(work, default=0) + 1e-6


WORKDAYS = tuple((weekday, 480, 1080) for weekday in range(1, 6))
"""Monday to Friday, eight to six."""


def hours_of_a_week(first: date, zone: str) -> list[datetime]:
    begin = datetime.combine(first, time(), ZoneInfo(zone)).astimezone(UTC)
    return [begin + timedelta(hours=each) for each in range(168)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tehran"])
def test_mail_that_comes_at_night_is_done_when_the_office_is_open(zone: str) -> None:
    rule = Rule(deadline_minutes=240, max_occupancy=1.0, work_intervals=WORKDAYS)
    starts = hours_of_a_week(date(2026, 3, 2), zone)
    volumes = [0.0] * 168
    volumes[24 + 22] = 40.0
    found = needs(volumes, [360.0] * 168, rule, 60, worked(rule, starts, zone))
    # What came at ten on Tuesday night has come at eight, and four hours of the office later it is done.
    assert {at: round(each.agents, 6) for at, each in enumerate(found) if each.agents} == {
        48 + hour: 1.0 for hour in (8, 9, 10, 11)
    }


def test_mail_of_a_weekend_is_mondays_and_nobody_is_asked_for_while_the_office_is_closed() -> None:
    rule = Rule(deadline_minutes=600, max_occupancy=1.0, minimum_agents=1, work_intervals=WORKDAYS)
    starts = hours_of_a_week(date(2026, 3, 2), "Europe/Berlin")
    found = needs([6.0] * 168, [600.0] * 168, rule, 60, worked(rule, starts, "Europe/Berlin"))
    assert all((each.agents >= 1) == (8 <= at % 24 < 18 and at < 120) for at, each in enumerate(found))
    # Nothing is lost: all that comes in the week is done in it, the most of it on Monday.
    assert sum(each.agents for each in found) == pytest.approx(168.0)
    days = [sum(each.agents for each in found[day * 24 : day * 24 + 24]) for day in range(7)]
    assert days.index(max(days)) == 0 and days[5] == days[6] == 0


def test_hours_go_by_clocks_that_are_changed_and_a_night_ends_on_the_next_day() -> None:
    rule = Rule(deadline_minutes=240, work_intervals=((6, 1320, 1800),))
    starts = [datetime(2026, 3, 28, 12, tzinfo=UTC) + timedelta(hours=each) for each in range(24)]
    found = worked(rule, starts, "Europe/Berlin")
    local = [at.astimezone(ZoneInfo("Europe/Berlin")).hour for at, there in zip(starts, found, strict=True) if there]
    assert local == [22, 23, 0, 1, 3, 4, 5]
    assert worked(replace(rule, deadline_minutes=0), starts, "Europe/Berlin") == [True] * 24


def test_where_the_office_is_closed_all_day_its_mail_waits() -> None:
    rule = Rule(deadline_minutes=240, work_intervals=WORKDAYS)
    found = needs([5.0] * 24, [300.0] * 24, rule, 60, [False] * 24)
    assert [each.scheduled for each in found] == [0.0] * 24


def test_other_promises_leave_how_a_queues_agents_work_as_it_is() -> None:
    queue = Rule(shrinkage=0.3, patience_seconds=120.0, concurrency=3, service_level=0.9)
    other = promised(queue, {"threshold_seconds": 60})
    assert other == replace(queue, threshold_seconds=60) and promised(queue, {}) == queue
    assert promised(queue, said_of(Rule(), ["shrinkage"])) == replace(queue, shrinkage=0.0)
    with pytest.raises(StaffingRuleInvalid, match="version is no field"):
        said_of(Rule(), ["version"])


def test_impatient_customers_take_fewer_agents_than_patient_ones() -> None:
    (hasty,), (slow,) = agents_a(100, 180, 0.8, 20, 30), agents_a(100, 180, 0.8, 20, 600)
    assert hasty < slow < agents_c(100, 180, 0.8, 20)
