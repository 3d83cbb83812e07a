"""Where an agent's calls ring, in which order, and where one goes that nobody took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput
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
    assert rules.begun(off, "ofr_1", "call_1", "con_1", away=True, now=NOW) is None


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
    ],
)
def test_a_setting_that_cant_work_names_the_field(wrong, field) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.check(FindMe("usr_a", **{"when": When.ALWAYS, **wrong}))
    assert [each.field for each in refused.value.fields] == [field]


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
