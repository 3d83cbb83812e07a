"""What agents do held against their shifts, as it is heard of: in order, late, twice, or in part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wfm.domain.adherence import (
    WORKING,
    AdherenceRulesInvalid,
    Doing,
    Heard,
    Person,
    Reason,
    Rules,
    Standing,
    actual,
    checked,
    doing,
    held_against,
    in_order,
    now_of,
    total,
)
from wfm.domain.series import midnight
from wfm.domain.shifts import Break, Shift, TimeOff

DAY = date(2026, 3, 9)
MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)
STATES = ("OFFLINE", "AVAILABLE", "OFFERED", "ON_CONTACT", "WRAP_UP", "NOT_READY")


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def shift(start: float = 8, end: float = 16, *rests: tuple[float, float], user_id: str = "usr_1") -> Shift:
    breaks = tuple(Break(at(low), at(high), False) for low, high in rests)
    return Shift(user_id, DAY, at(start), at(end), breaks)


def told(*moves: tuple[float, str]) -> list[Heard]:
    """Facts of states from hours on; "NOT_READY lunch" has a reason."""
    found: list[Heard] = []
    for version, (hour, words) in enumerate(moves, start=1):
        state, _, reason = words.partition(" ")
        last = found[-1] if found else None
        before, since = (last.state, last.start) if last else ("OFFLINE", at(-20))
        found.append(Heard("usr_1", version, state, at(hour), before, since, reason))
    return found


def figures(heard: Sequence[Heard], *shifts: Shift, excused: Sequence[tuple[float, float]] = (), until: float = 24,
            rules: Rules | None = None) -> tuple[float, float, float | None, float | None]:  # fmt: skip
    times = [(at(low), at(high)) for low, high in excused]
    found = held_against(Person("usr_1", shifts, (), heard, times), rules or Rules(), MIDNIGHT, at(until)).figures
    scheduled, adherent = (round(each.total_seconds() / 3600, 6) for each in (found.scheduled, found.adherent))
    return scheduled, adherent, found.adherence, found.conformance


def test_who_works_and_rests_as_planned_keeps_the_plan_whole() -> None:
    heard = told((8, "AVAILABLE"), (9, "ON_CONTACT"), (9.2, "WRAP_UP"), (9.3, "AVAILABLE"), (12, "NOT_READY lunch"),
                 (12.5, "AVAILABLE"), (16, "OFFLINE"))  # fmt: skip
    assert figures(heard, shift(8, 16, (12, 12.5))) == (8.0, 8.0, 1.0, 1.0)


def test_time_in_another_state_counts_against_adherence_and_not_working_against_conformance() -> None:
    heard = told((9, "AVAILABLE"), (12, "NOT_READY lunch"), (13, "AVAILABLE"), (16, "OFFLINE"))
    scheduled, adherent, adherence, conformance = figures(heard, shift(8, 16, (12, 12.5)))
    assert (scheduled, adherent) == (8.0, 6.5) and adherence == 6.5 / 8 and conformance == 6 / 7.5


def test_a_deviation_counts_whole_or_not_at_all() -> None:
    kept = told((8 + 119 / 3600, "AVAILABLE"), (16, "OFFLINE"))
    assert figures(kept, shift())[1] == 8.0
    late = told((8 + 121 / 3600, "AVAILABLE"), (16, "OFFLINE"))
    assert figures(late, shift())[1] == round(8 - 121 / 3600, 6)
    assert figures(late, shift(), rules=Rules(tolerance=180))[1] == 8.0


def test_nothing_scheduled_has_no_adherence_and_work_without_a_shift_is_still_counted() -> None:
    assert figures(told((8, "AVAILABLE"), (10, "OFFLINE"))) == (0.0, 0.0, None, None)
    alone = held_against(Person("usr_1", (), (), told((8, "AVAILABLE"), (10, "OFFLINE"))), Rules(), MIDNIGHT, at(24))
    assert alone.figures.worked == timedelta(hours=2)
    longer = told((7, "AVAILABLE"), (17, "OFFLINE"))
    assert figures(longer, shift())[2:] == (1.0, 10 / 8)


def test_a_fact_that_never_came_is_made_up_for_by_the_next() -> None:
    whole = told((8, "AVAILABLE"), (12, "NOT_READY lunch"), (12.5, "AVAILABLE"), (16, "OFFLINE"))
    plan = shift(8, 16, (12, 12.5))
    assert figures([whole[0], *whole[2:]], plan, rules=Rules(tolerance=0))[1] == 7.5, "its reason isn't known"
    assert figures([whole[0], whole[1], whole[3]], plan)[1:3] == (8.0, 1.0)
    assert figures(whole[1:], plan, rules=Rules(tolerance=0))[1] == 8.0


@given(st.data())
def test_facts_in_any_order_and_any_number_of_times_say_the_same(data: st.DataObject) -> None:
    moves = sorted(data.draw(st.lists(st.tuples(st.integers(0, 96), st.sampled_from(STATES)), max_size=12)))
    heard = told(*((quarter / 4, state) for quarter, state in moves))
    mixed = data.draw(st.permutations([*heard, *heard[:3]]))
    said = actual(mixed, Rules(), MIDNIGHT, at(24))
    assert said == actual(heard, Rules(), MIDNIGHT, at(24))
    assert said[0].start == MIDNIGHT and said[-1].end == at(24)
    assert all(one.end == other.start for one, other in pairwise(said))


@given(st.lists(st.tuples(st.integers(0, 96), st.sampled_from(STATES)), max_size=14))
def test_moves_from_work_to_work_may_be_left_out(moves: list[tuple[int, str]]) -> None:
    heard = told(*((quarter / 4, state) for quarter, state in sorted(moves)))
    kept = [each for each in heard if not (each.state in WORKING and each.before in WORKING)]
    plan = shift(6, 18, (10, 11))
    assert figures(kept, plan) == figures(heard, plan)


def test_excused_time_counts_as_planned_and_only_as_far_as_it_was_needed() -> None:
    heard = told((8, "AVAILABLE"), (10, "NOT_READY training"), (12, "AVAILABLE"), (16, "OFFLINE"))
    assert figures(heard, shift()) == (8.0, 6.0, 0.75, 0.75)
    assert figures(heard, shift(), excused=[(9, 11.5)]) == (8.0, 7.5, 7.5 / 8, 7.5 / 8)
    assert figures(heard, shift(), excused=[(9, 11), (10.5, 14)]) == (8.0, 8.0, 1.0, 1.0)
    day = held_against(Person("usr_1", [shift()], (), heard, [(at(9), at(11.5))]), Rules(), MIDNIGHT, at(24))
    assert day.figures.excused == timedelta(hours=1.5)
    assert [(each.start, each.end) for each in day.deviations] == [(at(11.5), at(12))]


def test_time_off_takes_out_of_the_plan_what_it_touches() -> None:
    heard = told((8, "AVAILABLE"), (14, "OFFLINE"))
    person = Person("usr_1", [shift(8, 16, (12, 12.5))], [TimeOff(at(14), at(20))], heard)
    found = held_against(person, Rules(tolerance=0), MIDNIGHT, at(24))
    assert found.figures.scheduled == timedelta(hours=6) and found.figures.adherent == timedelta(hours=5.5)


def test_a_night_shift_is_split_at_midnight_and_a_day_may_have_twenty_three_hours() -> None:
    night = Shift("usr_1", DAY, at(22), at(30))
    heard = told((22, "AVAILABLE"), (28, "OFFLINE"))
    person, rules = Person("usr_1", [night], (), heard), Rules()
    first, second = (held_against(person, rules, at(low), at(low + 24)).figures for low in (0, 24))
    assert (first.scheduled, first.adherence) == (timedelta(hours=2), 1.0)
    assert (second.scheduled, second.adherence) == (timedelta(hours=6), 4 / 6)
    both = total([first, second])
    assert both.adherence == 6 / 8 and both == held_against(person, rules, at(0), at(48)).figures
    berlin, sunday = ZoneInfo("Europe/Berlin"), date(2026, 3, 29)
    begins, ends = midnight(sunday, berlin), midnight(sunday + timedelta(days=1), berlin)
    long = Shift("usr_1", sunday, begins, ends)
    found = held_against(Person("usr_1", [long], (), []), rules, begins, ends).figures
    assert found.scheduled == timedelta(hours=23) and found.adherence == 0.0


def test_reasons_are_what_the_tenant_says_they_are() -> None:
    rules = Rules(reasons=(Reason("nrr_1", "", Doing.WORK), Reason("", "Prayer", Doing.BREAK)))
    assert doing("NOT_READY", "Back office", "nrr_1", rules) is Doing.WORK
    assert doing("NOT_READY", "prayer ", "nrr_2", rules) is Doing.BREAK
    assert doing("NOT_READY", "Lunch", "", Rules()) is Doing.BREAK
    assert doing("NOT_READY", "missed_offer", "", Rules()) is Doing.AWAY
    assert doing("OFFLINE", "", "", rules) is Doing.OFF and doing("WRAP_UP", "", "", rules) is Doing.WORK
    for wrong in (
        Rules(tolerance=3601), Rules(reasons=(Reason("", " ", Doing.WORK),)),
        Rules(reasons=(Reason("", "a", Doing.WORK), Reason("", "A", Doing.AWAY))),
        Rules(reasons=(Reason("", "a", Doing.OFF),)),
    ):  # fmt: skip
        with pytest.raises(AdherenceRulesInvalid):
            checked(wrong)


def test_signing_off_for_a_break_keeps_the_plan_unless_breaks_are_spent_signed_in() -> None:
    heard = told((8, "AVAILABLE"), (12, "OFFLINE"), (12.5, "AVAILABLE"), (16, "OFFLINE"))
    plan = shift(8, 16, (12, 12.5))
    assert figures(heard, plan)[1] == 8.0
    assert figures(heard, plan, rules=Rules(breaks_signed_in=True))[1] == 7.5


def test_board_says_who_is_out_and_since_when_longest_first() -> None:
    def seen(moves: Sequence[tuple[float, str]], now: float, *shifts: Shift, user_id: str = "usr_1",
             excused: Sequence[tuple[datetime, datetime]] = ()):  # fmt: skip
        person = Person(user_id, shifts, (), told(*moves), excused)
        return now_of(person, Rules(), MIDNIGHT, at(now), at(24))

    plan = shift(8, 16, (12, 12.5))
    late = seen([], 8.5, plan, user_id="usr_late")
    assert (late.standing, late.out, late.planned, late.until) == (Standing.OUT, at(8), Doing.WORK, at(12))
    soon = seen([], 8 + 60 / 3600, plan)
    assert (soon.standing, soon.out) == (Standing.TOLERATED, at(8))
    over = seen([(8, "AVAILABLE"), (12, "NOT_READY lunch")], 12.75, plan, user_id="usr_over")
    assert (over.standing, over.out, over.reason) == (Standing.OUT, at(12.5), "lunch")
    both = seen([(8, "AVAILABLE"), (11.5, "NOT_READY training")], 12.25, plan)
    assert both.out == at(11.5), "from work to break it is still something else"
    assert seen([(8, "AVAILABLE"), (11.5, "NOT_READY lunch")], 12.25, plan).standing is Standing.IN
    assert seen([(8, "AVAILABLE")], 9, plan).standing is Standing.IN
    assert seen([(8, "AVAILABLE")], 17, plan).standing is Standing.UNPLANNED
    assert seen([], 7, plan).standing is Standing.OFF and seen([], 7, plan).until == at(8)
    excused = seen([], 9, plan, excused=[(at(8.5), at(10))])
    assert excused.standing is Standing.EXCUSED
    after = seen([], 11, plan, excused=[(at(8.5), at(10))])
    assert after.out == at(10)
    order = in_order([seen([(8, "AVAILABLE")], 9, plan), over, late])
    assert [each.user_id for each in order] == ["usr_late", "usr_over", "usr_1"]
