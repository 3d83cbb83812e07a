"""The rules: state tables, hours and their clocks, the wait that is announced."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.hours import Holiday, OpenInterval
from kernel.ids import new_id
from routing.domain import agents, contacts, waiting
from routing.domain.agents import Agent, AgentNotAvailable, AgentState, AgentTrigger
from routing.domain.contacts import Channel, Contact, ContactMoved, ContactState, ContactTrigger
from routing.domain.hours import BusinessHours, check_hours, opening
from routing.domain.queues import SkillLevel, require_skills

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NINE_TO_SIX = tuple(OpenInterval(day, 540, 1080) for day in range(1, 6))


def hours(zone: str, *intervals: OpenInterval, holidays: tuple[Holiday, ...] = ()) -> BusinessHours:
    return BusinessHours(new_id("hrs", NOW), "Office", zone, intervals, holidays, NOW)


def agent(state: AgentState, **changes: object) -> Agent:
    plain: dict[str, object] = {"station_id": "stn_1", "idle_since": NOW}
    return Agent(new_id("usr", NOW), "Aysel", state, NOW, NOW, **(plain | changes))  # type: ignore[arg-type]


def contact(state: ContactState, **changes: object) -> Contact:
    return Contact(new_id("con", NOW), Channel.VOICE, state, new_id("que", NOW), NOW, NOW, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", AgentState)
@pytest.mark.parametrize("trigger", AgentTrigger)
def test_agent_moves_only_where_the_table_says(state: AgentState, trigger: AgentTrigger) -> None:
    target = agents.TRANSITIONS.get((state, trigger))
    if target is None:
        with pytest.raises(AgentNotAvailable):
            agents.moved(agent(state), trigger, NOW)
    else:
        assert agents.moved(agent(state), trigger, NOW).state is target


@pytest.mark.parametrize("state", ContactState)
@pytest.mark.parametrize("trigger", ContactTrigger)
def test_contact_moves_only_where_the_table_says(state: ContactState, trigger: ContactTrigger) -> None:
    target = contacts.TRANSITIONS.get((state, trigger))
    if target is None:
        with pytest.raises(ContactMoved):
            contacts.moved(contact(state), trigger)
    else:
        assert contacts.moved(contact(state), trigger).state is target


def test_every_contact_can_reach_an_end_and_none_leaves_it() -> None:
    ends = {ContactState.ENDED, ContactState.ABANDONED}
    for state in ContactState:
        onward = {target for (start, _), target in contacts.TRANSITIONS.items() if start is state}
        assert (not onward) if state in ends else onward


def test_time_in_state_is_kept_when_nothing_changes_and_restarts_with_another_reason() -> None:
    later = NOW + timedelta(minutes=5)
    lunch = agents.wish(agent(AgentState.AVAILABLE), AgentState.NOT_READY, "lunch", NOW)
    assert agents.wish(lunch, AgentState.NOT_READY, "lunch", later).state_time == NOW
    assert agents.wish(lunch, AgentState.NOT_READY, "meeting", later).state_time == later
    ready = agent(AgentState.AVAILABLE)
    assert agents.wish(ready, AgentState.AVAILABLE, "", later).idle_since == NOW


def test_rescinded_offer_keeps_idle_time_and_a_finished_contact_restarts_it() -> None:
    later = NOW + timedelta(minutes=5)
    assert agents.released(agent(AgentState.OFFERED), AgentTrigger.RESCIND, later).idle_since == NOW
    assert agents.released(agent(AgentState.WRAP_UP), AgentTrigger.FINISH, later).idle_since == later


@pytest.mark.parametrize(
    "levels",
    [
        [SkillLevel("skl_x", 1)],
        [SkillLevel(new_id("skl", NOW), 0)],
        [SkillLevel(new_id("skl", NOW), 6)],
        [SkillLevel("skl_01m8697mv2r48mmynbq2ew6xq0", 1), SkillLevel("skl_01m8697mv2r48mmynbq2ew6xq0", 2)],
    ],
)
def test_skill_levels_that_make_no_sense_are_refused(levels: list[SkillLevel]) -> None:
    with pytest.raises(InvalidInput):
        require_skills(levels, "queue.required_skills")


def test_office_is_open_in_its_own_zone_and_says_when_it_closes() -> None:
    office = hours("Asia/Baku", *NINE_TO_SIX)
    at_ten = opening(office, datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    assert at_ten.open and at_ten.change_time == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    friday_night = opening(office, datetime(2026, 3, 6, 20, 0, tzinfo=UTC))
    assert not friday_night.open and friday_night.change_time == datetime(2026, 3, 9, 5, 0, tzinfo=UTC)


def test_holiday_closes_a_weekday_and_its_own_hours_open_a_sunday() -> None:
    nowruz = Holiday(date(2026, 3, 20), "Nowruz", ())
    sale = Holiday(date(2026, 3, 22), "Sale", (OpenInterval(0, 600, 720),))
    office = hours("Asia/Baku", *NINE_TO_SIX, holidays=(nowruz, sale))
    closed = opening(office, datetime(2026, 3, 20, 8, 0, tzinfo=UTC))
    assert (closed.open, closed.holiday) == (False, "Nowruz")
    assert closed.change_time == datetime(2026, 3, 22, 6, 0, tzinfo=UTC)
    assert opening(office, datetime(2026, 3, 22, 7, 59, tzinfo=UTC)) == opening(
        office, datetime(2026, 3, 22, 6, 0, tzinfo=UTC)
    )


def test_office_that_never_opens_names_no_change() -> None:
    assert opening(hours("Europe/Istanbul"), NOW).change_time is None
    always = hours("Europe/Istanbul", *(OpenInterval(day, 0, 1440) for day in range(1, 8)))
    assert opening(always, NOW).open and opening(always, NOW).change_time is None


def test_hour_that_does_not_exist_is_nobodys() -> None:
    # Berlin, 29 March 2026: 02:00 becomes 03:00. Open 01:30-03:30 is one hour long.
    office = hours("Europe/Berlin", OpenInterval(7, 90, 210))
    opened = opening(office, datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
    assert opened.change_time == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    inside = opening(office, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    assert inside.open and inside.change_time == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    lost = hours("Europe/Berlin", OpenInterval(7, 130, 170))
    assert not opening(lost, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)).open


def test_hour_that_comes_twice_counts_both_times() -> None:
    # Berlin, 25 October 2026: 03:00 becomes 02:00. Open 02:00-03:00 is two hours long.
    office = hours("Europe/Berlin", OpenInterval(7, 120, 180))
    inside = opening(office, datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    assert inside.open and inside.change_time == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)
    twice = hours("Europe/Berlin", OpenInterval(7, 120, 150))
    first = opening(twice, datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    assert first.change_time == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    between = opening(twice, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert not between.open and between.change_time == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


@given(
    zone=st.sampled_from(["Asia/Baku", "Europe/Berlin", "America/New_York", "Asia/Tehran", "Australia/Lord_Howe"]),
    start=st.integers(0, 364 * 1440).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    intervals=st.lists(
        st.tuples(st.integers(1, 7), st.integers(0, 95), st.integers(1, 96)).filter(lambda each: each[1] < each[2]),
        max_size=4,
    ),
)
@settings(max_examples=60, deadline=None)
def test_change_is_when_a_clock_on_the_wall_says_so(
    zone: str, start: datetime, intervals: list[tuple[int, int, int]]
) -> None:
    office = hours(zone, *(OpenInterval(day, first * 15, last * 15) for day, first, last in intervals))
    wall = ZoneInfo(zone)

    def is_open(instant: datetime) -> bool:
        local = instant.astimezone(wall)
        minute = local.hour * 60 + local.minute
        return any(day == local.isoweekday() and a * 15 <= minute < b * 15 for day, a, b in intervals)

    found = opening(office, start)
    assert found.open == is_open(start)
    steps = (start + timedelta(minutes=minute) for minute in range(1, 3 * 1440))
    expected = next((each for each in steps if is_open(each) != found.open), None)
    if expected is not None:
        assert found.change_time == expected


@pytest.mark.parametrize("time", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_hours_at_the_end_of_time_are_refused(time: datetime) -> None:
    with pytest.raises(InvalidInput, match="time"):
        opening(hours("Asia/Baku", OpenInterval(1, 0, 10)), time)


@pytest.mark.parametrize(
    "wrong",
    [
        hours("Mars/Olympus"),
        hours("../etc/passwd"),
        hours("Asia/Baku", OpenInterval(0, 0, 10)),
        hours("Asia/Baku", OpenInterval(8, 0, 10)),
        hours("Asia/Baku", OpenInterval(1, 10, 10)),
        hours("Asia/Baku", OpenInterval(1, 10, 1451)),
        hours("Asia/Baku", holidays=(Holiday(date(2026, 1, 1), "", ()),) * 2),
    ],
)
def test_hours_that_make_no_sense_are_refused(wrong: BusinessHours) -> None:
    with pytest.raises(InvalidInput):
        check_hours(wrong)


def estimate(position: int, serving: float, free: int = 0, aht: float = 180.0) -> waiting.WaitEstimate:
    return estimated(position, waiting.Prospect(0, serving, free), aht=aht)


def estimated(
    position: int, *prospects: waiting.Prospect, aht: float = 180.0, ringing: int = 0
) -> waiting.WaitEstimate:
    return waiting.estimate(
        position=position, depth=10, prospects=prospects, handle_seconds=aht, waited=timedelta(seconds=1),
        ringing=ringing,
    )  # fmt: skip


def test_wait_is_not_told_when_nobody_serves_the_queue() -> None:
    assert estimate(1, 0).expected is None


def test_first_in_line_waits_for_the_next_of_all_agents() -> None:
    told = estimate(1, 6)
    assert told.expected == timedelta(seconds=30)
    assert told.low is not None and math.isclose(told.low.total_seconds(), -30 * math.log(0.9), abs_tol=0.001)
    assert told.high is not None and math.isclose(told.high.total_seconds(), -30 * math.log(0.1), abs_tol=0.001)


def test_who_is_covered_by_free_agents_does_not_wait() -> None:
    assert estimate(2, 5, free=2).expected == timedelta(0)
    assert estimate(3, 5, free=2).expected == timedelta(seconds=36)


def test_what_widens_by_waiting_counts_when_it_is_answered_sooner_by_it() -> None:
    busy, idle = waiting.Prospect(0, 1, 0), waiting.Prospect(15, 4, 4)
    for prospects in ((busy, idle), (waiting.Prospect(0, 0, 0), idle)):
        told = estimated(1, *prospects)
        assert (told.low, told.expected, told.high) == (timedelta(seconds=15),) * 3
    soon = estimated(1, waiting.Prospect(0, 30, 0), waiting.Prospect(15, 4, 4))
    assert soon.expected == timedelta(seconds=6), "it will be answered before that comes"
    third = estimated(6, busy, idle, waiting.Prospect(60, 90, 0))
    assert third.expected == timedelta(seconds=60) and third.low == timedelta(seconds=60)
    assert estimated(1, waiting.Prospect(0, 0, 0), waiting.Prospect(9, 0, 0)).expected is None


def test_those_before_it_whose_offer_rings_have_their_agent() -> None:
    assert estimated(3, waiting.Prospect(0, 5, 1), ringing=2).expected == timedelta(0)
    assert estimated(4, waiting.Prospect(0, 5, 1), ringing=2).expected == timedelta(seconds=36)


# scipy.stats.gamma.ppf(probability, shape)
@pytest.mark.parametrize(
    ("shape", "probability", "quantile"),
    [(1, 0.5, 0.693147), (3, 0.1, 1.102065), (40, 0.9, 48.289102), (101, 0.1, 88.353624), (1000, 0.9, 1040.734308)],
)
def test_range_agrees_with_the_gamma_distribution(shape: int, probability: float, quantile: float) -> None:
    assert math.isclose(waiting.erlang_quantile(shape, probability), quantile, rel_tol=1e-6 if shape <= 100 else 1e-3)


@given(st.integers(1, 500), st.floats(0.5, 50), st.floats(5, 3000))
@settings(deadline=None)
def test_expected_wait_lies_in_its_range_and_grows_with_the_position(position: int, serving: float, aht: float) -> None:
    told, behind = estimate(position, serving, aht=aht), estimate(position + 1, serving, aht=aht)
    assert told.low and told.expected and told.high and behind.expected
    assert told.low < told.expected < told.high and told.expected < behind.expected


def test_handle_time_moves_from_the_prior_to_what_is_seen() -> None:
    assert waiting.smoothed_handle_time([]) == 180
    assert waiting.smoothed_handle_time([timedelta(seconds=80)]) == 170
    assert abs(waiting.smoothed_handle_time([timedelta(seconds=60)] * 50) - 60) < 1
    assert waiting.smoothed_handle_time([timedelta(days=9)]) < 180 + 0.1 * 4 * 3600


def test_note_and_outcome_saved_before_survive_an_empty_save() -> None:
    talking = contact(ContactState.ON_CONTACT, note="called back", disposition_id="dsp_1")
    assert contacts.noted(talking, "", "").note == "called back"
    with pytest.raises(InvalidInput):
        contacts.noted(talking, "", "x" * 4001)
