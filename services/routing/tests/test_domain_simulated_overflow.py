"""Days on which contacts are sent on: overflow, hours and steps by expected wait, played as they happen in service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.hours import OpenInterval
from routing.domain.courses import Line
from routing.domain.hall import Arrival, House, Shift
from routing.domain.hours import BusinessHours
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.rules import Change, ChangeKind, Rules, Step
from routing.domain.simulating import Day, Outcome, Played, simulated

from .boards import after

FOREVER = 1e9
LINES = {name: Line(name, False, ()) for name in ("sales", "care", "night")}
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def caller(name: str, at: float, queue: str = "sales", patience: float = FOREVER, handle: float = 100) -> Arrival:
    return Arrival(name, queue, at, patience, handle)


def agent(name: str, *queues: str, begin: float = 0, end: float = 1000) -> Shift:
    return Shift(name, begin, end, {}, frozenset(queues))


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def played(
    arrivals: list[Arrival], shifts: list[Shift], overflows: Mapping[str, Overflow],
    lines: Mapping[str, Line] = LINES, hours: Mapping[str, BusinessHours] | None = None,
) -> Outcome:  # fmt: skip
    house = House(lines, overflows, hours or {})
    return simulated(Played(Day(arrivals, shifts, begin=MONDAY), house, {name: 20.0 for name in lines}))


def moves(outcome: Outcome) -> dict[str, tuple[int, int, int, int, int]]:
    """Queue -> offered, answered, abandoned, overflowed, left."""
    return {
        name: (each.offered, each.answered, each.abandoned, each.overflowed, each.left)
        for name, each in [*outcome.queues.items(), ("", outcome.whole)]
        if each.offered
    }


def to(queue_id: str, trigger: Trigger, **more: object) -> Overflow:
    return Overflow((OverflowRule(trigger, queue_id=queue_id, **more),))  # pyright: ignore[reportArgumentType]


def test_contact_that_waited_long_enough_is_answered_where_it_was_sent_on() -> None:
    outcome = played(
        [caller("c", 10)], [agent("a", "care")], {"sales": to("care", Trigger.AFTER_WAIT, wait=seconds(30))}
    )
    assert moves(outcome) == {"sales": (1, 0, 0, 1, 0), "care": (1, 1, 0, 0, 0), "": (1, 1, 0, 1, 0)}
    assert outcome.whole.waits == [30], "waited in all, and not from anew"
    assert outcome.whole.in_time == 0


def test_contacts_beyond_the_depth_go_elsewhere_as_they_come() -> None:
    outcome = played(
        [caller(f"c{number}", number) for number in range(6)], [agent("b", "care")],
        {"sales": to("care", Trigger.DEPTH, depth=2)},
    )  # fmt: skip
    assert moves(outcome)["sales"] == (6, 0, 2, 4, 0) and moves(outcome)["care"][0] == 4


def test_nobody_at_work_sends_on_whoever_waits_when_the_last_one_goes() -> None:
    outcome = played(
        [caller("first", 0), caller("second", 5)], [agent("a", "sales", end=20), agent("b", "care", begin=50)],
        {"sales": to("care", Trigger.NOBODY_STAFFED)},
    )  # fmt: skip
    assert outcome.contacts_by_agent == {"a": 1, "b": 1}
    assert outcome.whole.waits == [0, 45]
    assert moves(outcome)["sales"] == (2, 1, 0, 1, 0)


def test_expected_wait_that_is_too_long_sends_on_and_a_short_one_does_not() -> None:
    arrivals = [caller(f"c{number}", number, handle=200) for number in range(4)]
    outcome = played(
        arrivals, [agent("a", "sales"), agent("b", "care")],
        {"sales": to("care", Trigger.EXPECTED_WAIT, wait=seconds(200))},
    )  # fmt: skip
    # One is answered, the next waits for one agent to come free (180 s are believed), the third would for two.
    assert moves(outcome)["sales"][3] == 2


def test_limits_let_contacts_leave_by_wait_by_number_and_when_the_queue_is_full() -> None:
    waited = played([caller("c", 0)], [], {"sales": Overflow(max_wait=seconds(60))})
    assert moves(waited) == {"sales": (1, 0, 0, 0, 1), "": (1, 0, 0, 0, 1)}
    called = played([caller("c", 0)], [], {"sales": Overflow((OverflowRule(Trigger.NOBODY_STAFFED, number="+994"),))})
    assert moves(called)["sales"] == (1, 0, 0, 0, 1)
    full = played([caller(f"c{number}", number) for number in range(5)], [], {"sales": Overflow(max_waiting=2)})
    assert moves(full)["sales"] == (5, 0, 2, 0, 3)


def test_full_queue_is_passed_over_and_the_next_rule_has_its_turn() -> None:
    rules = (
        OverflowRule(Trigger.NOBODY_STAFFED, queue_id="care"), OverflowRule(Trigger.NOBODY_STAFFED, queue_id="night"),
    )  # fmt: skip
    outcome = played(
        [caller("c0", 0), caller("c1", 1)], [agent("n", "night", end=10)],
        {"sales": Overflow(rules), "care": Overflow(max_waiting=1)},
    )  # fmt: skip
    assert moves(outcome)["care"][0] == 1 and moves(outcome)["night"] == (1, 1, 0, 0, 0)


def test_contact_comes_to_no_queue_twice() -> None:
    circle = {
        "sales": to("care", Trigger.AFTER_WAIT, wait=seconds(5)),
        "care": to("sales", Trigger.AFTER_WAIT, wait=seconds(10)),
    }
    outcome = played([caller("c", 0, patience=60)], [], circle)
    assert moves(outcome)[""] == (1, 0, 1, 1, 0)


def test_queue_that_closes_sends_on_who_waits_and_turns_away_who_comes() -> None:
    hours = BusinessHours("hrs", "Day", "UTC", (OpenInterval(1, 0, 8 * 60 + 10),), (), MONDAY)
    arrivals = [caller("before", 590), caller("after", 700)]
    stays = played(arrivals, [agent("a", "sales", begin=900)], {}, hours={"sales": hours})
    assert moves(stays)["sales"] == (2, 1, 0, 0, 1), "whoever waits at closing time stays"
    goes = played(arrivals, [agent("n", "night")], {"sales": to("night", Trigger.CLOSED)}, hours={"sales": hours})
    assert moves(goes)["night"] == (2, 2, 0, 0, 0) and goes.whole.waits == [10, 0]


def test_step_by_expected_wait_widens_while_nobody_of_the_asked_ones_is_at_work() -> None:
    step = Step((Change(ChangeKind.REMOVE, "fr"),), expected_over=seconds(120))
    strict = Line("sales", False, (("fr", 1),))
    arrivals = [caller("c", 100)]
    shifts = [agent("a", "sales")]
    assert played(arrivals, shifts, {}, {"sales": strict}).whole.answered == 0
    relaxed = played(arrivals, shifts, {}, {"sales": replace(strict, rules=Rules(steps=(step,)))})
    assert relaxed.whole.answered == 1 and relaxed.whole.waits == [1], "looked at once a second"


def test_step_by_wait_still_comes_after_a_contact_was_sent_on() -> None:
    lines = {
        "sales": LINES["sales"],
        "care": Line("care", False, (("fr", 1),), Rules(steps=(after(50, Change(ChangeKind.REMOVE, "fr")),))),
    }
    sent = {"sales": to("care", Trigger.AFTER_WAIT, wait=seconds(20))}
    assert played([caller("c", 0)], [agent("a", "care")], sent, lines).whole.waits == [50]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(
    comes=st.lists(st.tuples(st.integers(0, 300), st.sampled_from(list(LINES)), st.integers(1, 200)), max_size=40),
    agents=st.lists(st.tuples(st.sampled_from(list(LINES)), st.integers(0, 200), st.integers(1, 300)), max_size=5),
    triggers=st.lists(st.sampled_from(list(Trigger)), min_size=2, max_size=2),
    limit=st.integers(0, 4),
)
def test_every_contact_is_answered_gives_up_or_leaves_exactly_once(
    comes: list[tuple[int, str, int]], agents: list[tuple[str, int, int]], triggers: list[Trigger], limit: int
) -> None:
    arrivals = [caller(f"c{number}", at, queue, patience) for number, (at, queue, patience) in enumerate(comes)]
    shifts = [agent(f"a{n}", queue, begin=begin, end=begin + for_) for n, (queue, begin, for_) in enumerate(agents)]
    first, second = (OverflowRule(trigger, seconds(15), 2) for trigger in triggers)
    overflows = {
        "sales": Overflow((replace(first, queue_id="care"), replace(second, queue_id="night"))),
        "care": Overflow((replace(second, queue_id="night"),), max_wait=seconds(90)),
        "night": Overflow(max_waiting=limit),
    }
    outcome = played(arrivals, shifts, overflows)
    for figures in [*outcome.queues.values(), outcome.whole]:
        gone = figures.answered + figures.abandoned + figures.left
        assert figures.offered == gone + (0 if figures is outcome.whole else figures.overflowed)
    assert outcome.whole.offered == len(comes)
    assert sum(each.offered for each in outcome.queues.values()) == len(comes) + outcome.whole.overflowed
    assert outcome == played(arrivals, shifts, overflows), "nothing in it is by chance"
