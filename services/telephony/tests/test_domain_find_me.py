"""Where an agent's calls ring, in which order, and where one goes that nobody took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.hours import OpenInterval
from telephony.domain import find_me as rules
from telephony.domain.find_me import (
    CONFIRM,
    MAX_FORWARDS,
    SLACK,
    FindMe,
    FindMeOwnNumber,
    Resort,
    ResortKind,
    Step,
    When,
)

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SECONDS = timedelta(seconds=1)
MOBILE, HOME = "+994501234567", "+994125551234"
PEOPLE = ("usr_a", "usr_b", "usr_c", "usr_d", "usr_e", "usr_f", "usr_g", "usr_h")

steps = st.lists(
    st.builds(
        Step,
        ring=st.integers(5, 60).map(lambda seconds: seconds * SECONDS),
        desk_phones=st.booleans(),
        numbers=st.sampled_from([(), (MOBILE,), (MOBILE, HOME)]),
    ).filter(lambda step: not step.empty),
    min_size=1,
    max_size=5,
).map(tuple)


@given(steps, st.booleans(), st.sampled_from([When.AWAY, When.UNANSWERED, When.ALWAYS]))
def test_every_step_rings_once_in_its_order_and_the_offer_outlasts_all_of_them(
    ringing: tuple[Step, ...], away: bool, when: When
) -> None:
    setting = rules.check(FindMe("usr_a", when, 15 * SECONDS, ringing))
    search = rules.begun(setting, "ofr_1", "call_1", "con_1", away=away, now=NOW)
    if search is None:
        assert when is When.AWAY and not away
        return
    now, rung = search.until, []
    assert now - NOW == (timedelta(0) if away or when is not When.UNANSWERED else 15 * SECONDS)
    while (following := rules.next_step(search, now)) is not None:
        search = following
        rung.append(search.steps[search.step])
        # Somebody may answer a number in the last moment, and have the time to press the key.
        now = search.until + (CONFIRM if rung[-1].numbers else timedelta(0))
    assert tuple(rung) == ringing
    assert now - NOW + SLACK == (setting.away_time if away else setting.desk_time)


@given(
    st.dictionaries(
        st.sampled_from(PEOPLE),
        st.one_of(
            st.sampled_from(PEOPLE).map(lambda who: Resort(ResortKind.AGENT, who)),
            st.just(Resort(ResortKind.QUEUE, "que_1")),
            st.just(Resort(ResortKind.VOICEMAIL, "")),
            st.none(),
        ),
    ),
    st.sampled_from(PEOPLE),
)
def test_last_resorts_never_go_in_circles_whoever_forwards_to_whom(
    resorts: Mapping[str, Resort | None], first: str
) -> None:
    asked: list[str] = []
    agent = first
    while True:
        assert agent not in asked, "nobody is rung twice for one call that nobody took"
        resort = rules.next_resort(FindMe(agent, When.AWAY, resort=resorts.get(agent)), asked)
        asked.append(agent)
        if resort is None or resort.kind is not ResortKind.AGENT:
            break
        agent = resort.target
    assert len(asked) <= MAX_FORWARDS + 1
    wished = resorts.get(agent)
    if wished is not None and wished.kind is ResortKind.AGENT:
        assert resort == Resort(ResortKind.VOICEMAIL, first)


def test_two_who_forward_to_each_other_end_in_the_voicemail_of_the_first() -> None:
    ann = FindMe("usr_a", When.AWAY, resort=Resort(ResortKind.AGENT, "usr_b"))
    ben = FindMe("usr_b", When.AWAY, resort=Resort(ResortKind.AGENT, "usr_a"))
    assert rules.next_resort(ann, ()) == Resort(ResortKind.AGENT, "usr_b")
    assert rules.next_resort(ben, ("usr_a",)) == Resort(ResortKind.VOICEMAIL, "usr_a")


def test_whoever_switched_find_me_off_has_neither_telephones_nor_a_last_resort() -> None:
    rung, resort = (Step(20 * SECONDS, numbers=(MOBILE,)),), Resort(ResortKind.QUEUE, "que_1")
    off = FindMe("usr_a", When.NEVER, steps=rung, resort=resort)
    assert not off.rings and not off.forwards and not off.away_time and not off.desk_time
    assert rules.next_resort(off, ()) is None
    assert rules.begun(off, "ofr_1", "call_1", "con_1", away=False, now=NOW) is None
    late = rules.begun(off, "ofr_1", "call_1", "con_1", away=True, now=NOW)
    assert late is not None and late.steps == (), "routing hasn't heard yet: no telephone rings, and it is missed"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"steps": (Step(4 * SECONDS, numbers=(MOBILE,)),)}, "find_me.steps[0].ring_duration"),
        ({"steps": (Step(61 * SECONDS, numbers=(MOBILE,)),)}, "find_me.steps[0].ring_duration"),
        ({"steps": (Step(20 * SECONDS),)}, "find_me.steps[0].numbers"),
        ({"steps": (Step(20 * SECONDS, numbers=(MOBILE, MOBILE)),)}, "find_me.steps[0].numbers"),
        ({"steps": (Step(20 * SECONDS, numbers=("+1", "+2", "+3", "+4")),)}, "find_me.steps[0].numbers"),
        ({"steps": (Step(20 * SECONDS, desk_phones=True),) * 6}, "find_me.steps"),
        ({"when": When.UNANSWERED, "desk_ring": SECONDS}, "find_me.desk_duration"),
        ({"resort": Resort(ResortKind.AGENT, "usr_a")}, "find_me.forward_agent_id"),
        ({"language": "de"}, "find_me.language"),
        ({"steps": (Step(20 * SECONDS, desk_phones=True, hours=(OpenInterval(1, 0, 60),)),)}, "find_me.time_zone"),
        (
            {
                "steps": (Step(20 * SECONDS, desk_phones=True, hours=(OpenInterval(1, 60, 60),)),),
                "time_zone": "Asia/Baku",
            },
            "find_me.steps[0].hours[0].end_minute",
        ),
    ],
)
def test_a_setting_that_cant_work_names_the_field(wrong, field) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.check(FindMe("usr_a", **{"when": When.ALWAYS, **wrong}))
    assert [each.field for each in refused.value.fields] == [field]


hours = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 95), st.integers(1, 96)).filter(lambda each: each[1] < each[2]),
    max_size=3,
).map(lambda found: tuple(OpenInterval(day, first * 15, last * 15) for day, first, last in found))
CLOCKS_CHANGE = {
    "Europe/Berlin": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    "Asia/Baku": (NOW, NOW),
}


@given(
    st.sampled_from(sorted(CLOCKS_CHANGE)),
    st.integers(0, 1),
    st.integers(-2 * 1440, 1440),
    st.lists(hours, min_size=1, max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_a_telephone_rings_when_the_agents_clock_says_so_and_routing_hears_of_the_very_minute_that_changes(
    zone: str, which: int, minutes: int, each_steps: list[tuple[OpenInterval, ...]]
) -> None:
    steps = tuple(Step(20 * SECONDS, numbers=(MOBILE,), hours=each) for each in each_steps)
    setting = rules.check(FindMe("usr_a", When.ALWAYS, steps=steps, time_zone=zone))
    start, wall = CLOCKS_CHANGE[zone][which] + timedelta(minutes=minutes), ZoneInfo(zone)

    def ringing(instant: datetime) -> tuple[Step, ...]:
        local = instant.astimezone(wall)
        minute = local.hour * 60 + local.minute
        return tuple(
            step
            for step in setting.steps
            if not step.hours
            or any(h.weekday == local.isoweekday() and h.start_minute <= minute < h.end_minute for h in step.hours)
        )

    assert setting.at(start).steps == ringing(start)
    turn = setting.turn_time(start)
    assert (turn is None) == (not any(step.hours for step in steps))
    for minute in range(2 * 1440):
        instant = start + timedelta(minutes=minute)
        if turn is not None and instant >= turn:
            assert ringing(turn) != ringing(start)
            break
        assert ringing(instant) == ringing(start)


def test_a_mobile_that_rings_on_weekdays_only_is_skipped_on_a_sunday_and_no_offer_waits_for_it() -> None:
    office = tuple(OpenInterval(day, 8 * 60, 18 * 60) for day in range(1, 6))
    steps = (Step(20 * SECONDS, numbers=(MOBILE,), hours=office), Step(10 * SECONDS, desk_phones=True))
    setting = rules.check(FindMe("usr_a", When.AWAY, steps=steps, time_zone="Asia/Baku"))
    sunday, monday = datetime(2026, 7, 5, 10, tzinfo=UTC), datetime(2026, 7, 6, 4, tzinfo=UTC)
    assert setting.at(sunday).steps == setting.steps[1:] and setting.turn_time(sunday) == monday
    assert setting.at(sunday).away_time == 10 * SECONDS + SLACK and setting.at(monday).away_time == setting.away_time
    search = rules.begun(setting, "ofr_1", "call_1", "con_1", away=True, now=sunday)
    assert search is not None and search.steps == setting.steps[1:]
    only = replace(setting, steps=setting.steps[:1])
    nothing = rules.begun(only, "ofr_1", "call_1", "con_1", away=True, now=sunday)
    assert nothing is not None and nothing.last and nothing.until == sunday, "missed at once"
    assert rules.begun(only, "ofr_1", "call_1", "con_1", away=False, now=sunday) is None, "the desk rings alone"


def test_a_number_of_the_companys_own_would_ring_in_circles() -> None:
    with pytest.raises(FindMeOwnNumber):
        rules.check(FindMe("usr_a", When.ALWAYS, steps=(Step(20 * SECONDS, numbers=(HOME,)),)), {HOME})


def test_only_the_first_who_takes_the_call_has_it() -> None:
    setting = FindMe("usr_a", When.ALWAYS, steps=(Step(20 * SECONDS, numbers=(MOBILE, HOME)),))
    search = rules.begun(setting, "ofr_1", "call_1", "con_1", away=True, now=NOW)
    both = {"leg_1", "leg_2"}
    assert search is not None and rules.takes(search, "leg_1", both) and rules.takes(search, "leg_2", both)
    taken = replace(search, taken_leg_id="leg_2")
    assert rules.takes(taken, "leg_2", both) and not rules.takes(taken, "leg_1", both)
    assert rules.takes(taken, "leg_1", {"leg_1"}), "whoever took it has hung up since"
