"""Where contacts go that a queue can't serve: which rule holds, which limit, and what is refused when it is saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import InvalidInput
from routing.domain.overflow import (
    LeaveReason,
    Overflow,
    OverflowRule,
    Situation,
    Trigger,
    check_overflow,
    holds,
    leaves,
    loop_of,
    next_by_wait,
)

SELF, OTHER, THIRD = (f"que_01m8697mv2r48mmynbq2ew6xq{each}" for each in "012")
MINUTE = timedelta(minutes=1)
NUMBER = "+994125550100"


def after(minutes: int, queue_id: str = "", number: str = "") -> OverflowRule:
    return OverflowRule(Trigger.AFTER_WAIT, minutes * MINUTE, queue_id=queue_id, number=number)


def by(trigger: Trigger, queue_id: str = OTHER, depth: int = 0, wait: timedelta = MINUTE, number: str = "") -> Any:
    waits = trigger is Trigger.EXPECTED_WAIT
    return OverflowRule(trigger, wait if waits else timedelta(0), depth, queue_id, number)


def place_of(overflow: Overflow, *, has_hours: bool = True) -> str:
    """The place that is refused; empty when nothing is."""
    try:
        check_overflow(overflow, SELF, "queue.overflow", has_hours=has_hours)
    except InvalidInput as error:
        return error.fields[0].field
    return ""


def test_each_trigger_holds_from_its_bound_on() -> None:
    quiet = Situation(False, 3 * MINUTE, ahead=4, waiting=9, expected=MINUTE)
    assert holds(after(3, OTHER), quiet) and not holds(after(4, OTHER), quiet)
    assert not holds(by(Trigger.EXPECTED_WAIT), quiet), "as long as said is not longer"
    assert holds(by(Trigger.EXPECTED_WAIT), Situation(False, MINUTE, expected=None)), "nobody is at work"
    assert holds(by(Trigger.DEPTH, depth=4), quiet) and not holds(by(Trigger.DEPTH, depth=5), quiet)
    assert holds(by(Trigger.NOBODY_STAFFED), Situation(False, MINUTE, staffed=False))
    assert holds(by(Trigger.CLOSED), Situation(False, MINUTE, open=False)) and not holds(by(Trigger.CLOSED), quiet)


def test_hours_and_depth_turn_away_whoever_comes_and_nobody_who_waits() -> None:
    limits = Overflow(max_wait=10 * MINUTE, max_waiting=3, leave_when_unstaffed=True)
    comes, waits = (Situation(entering, MINUTE, waiting=3) for entering in (True, False))
    assert leaves(limits, comes) is LeaveReason.FULL and leaves(limits, waits) is None
    assert leaves(limits, Situation(True, MINUTE, waiting=2)) is None
    assert leaves(limits, Situation(True, MINUTE, open=False)) is LeaveReason.CLOSED
    assert leaves(limits, Situation(False, MINUTE, open=False)) is None
    assert leaves(limits, Situation(False, MINUTE, staffed=False)) is LeaveReason.NOBODY_STAFFED
    assert leaves(limits, Situation(False, 10 * MINUTE)) is LeaveReason.MAX_WAIT


def test_next_change_by_waiting_is_the_first_that_is_still_to_come() -> None:
    overflow = Overflow((after(2, OTHER), after(5, THIRD)), max_wait=8 * MINUTE)
    assert next_by_wait(overflow, timedelta(0)) == 2 * MINUTE
    assert next_by_wait(overflow, 2 * MINUTE) == 5 * MINUTE
    assert next_by_wait(overflow, 8 * MINUTE) is None


@pytest.mark.parametrize(
    ("overflow", "place"),
    [
        (Overflow((after(1, SELF),)), "rules[0].queue_id"),
        (Overflow((after(1, "queue"),)), "rules[0].queue_id"),
        (Overflow((after(1, number="0125550100"),)), "rules[0].number"),
        *(
            (Overflow((after(1, number=number),)), "rules[0].number")
            for number in ("+112", "+911", "+994112", "+90112", "+98110", "+44999", "+1911", "+9945", "+999123456")
        ),
        (Overflow((after(1, OTHER, NUMBER),)), "rules[0]"),
        (Overflow((after(1),)), "rules[0]"),
        (Overflow((after(0, OTHER),)), "rules[0].after_wait"),
        (Overflow((by(Trigger.EXPECTED_WAIT, wait=timedelta(days=31)),)), "rules[0].expected_wait_over"),
        (Overflow((by(Trigger.DEPTH, depth=0),)), "rules[0].depth"),
        (Overflow(max_wait=timedelta(0)), "max_wait"),
        (Overflow(max_waiting=-1), "max_waiting"),
        (Overflow((after(1, OTHER),) * 21), "rules"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(overflow: Overflow, place: str) -> None:
    assert place_of(overflow) == f"queue.overflow.{place}"


@pytest.mark.parametrize(
    ("overflow", "place"),
    [
        (Overflow((after(10, OTHER),), max_wait=10 * MINUTE), "rules[0].after_wait"),
        (Overflow((by(Trigger.DEPTH, depth=9),), max_waiting=8), "rules[0].depth"),
        (Overflow((after(2, OTHER), after(3, OTHER))), "rules[1]"),
        (Overflow((after(3, OTHER), after(2, OTHER))), "rules[0]"),
        (Overflow((after(2, number=NUMBER), after(3, OTHER))), "rules[1]"),
        (Overflow((after(3, OTHER), after(2, number=NUMBER))), "rules[0]"),
        (Overflow((by(Trigger.NOBODY_STAFFED, "", number=NUMBER), by(Trigger.NOBODY_STAFFED))), "rules[1]"),
        (Overflow((by(Trigger.EXPECTED_WAIT), by(Trigger.NOBODY_STAFFED))), "rules[1]"),
        (Overflow((by(Trigger.DEPTH, depth=3), by(Trigger.DEPTH, depth=5))), "rules[1]"),
        (Overflow((after(2, number=NUMBER),), max_wait=3 * MINUTE), "max_wait"),
    ],
)
def test_what_can_never_be_reached_is_refused_with_its_place(overflow: Overflow, place: str) -> None:
    assert place_of(overflow) == f"queue.overflow.{place}"


def test_closed_needs_hours_to_be_closed_by() -> None:
    overflow = Overflow((by(Trigger.CLOSED),))
    assert place_of(overflow, has_hours=False) == "queue.overflow.rules[0].closed"
    assert not place_of(overflow)


def test_second_way_out_where_the_first_may_be_passed_over_is_fine() -> None:
    ways = (
        Overflow((after(2, OTHER), after(3, THIRD), after(4, number=NUMBER)), max_waiting=5),
        Overflow((by(Trigger.DEPTH, depth=5), by(Trigger.DEPTH, depth=3, queue_id=THIRD))),
        Overflow((by(Trigger.EXPECTED_WAIT, THIRD, wait=9 * MINUTE), by(Trigger.EXPECTED_WAIT, "", number=NUMBER))),
        Overflow((after(2, OTHER), by(Trigger.CLOSED), by(Trigger.NOBODY_STAFFED)), max_wait=3 * MINUTE),
    )
    assert [place_of(each) for each in ways] == ["", "", "", ""]


def test_loop_is_found_through_any_number_of_queues() -> None:
    assert loop_of("a", {"a": ["b"], "b": ["a"]}) == ("a", "b", "a")
    assert loop_of("a", {"a": ["b", "c"], "b": [], "c": ["d"], "d": ["a"]}) == ("a", "c", "d", "a")
    assert not loop_of("a", {"a": ["b"], "b": ["c"], "c": ["b"]}), "a loop of others is theirs to refuse"
    assert not loop_of("a", {"a": ["b", "c"], "b": ["c"], "c": []})
