"""Counting rules and formulas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from analytics.domain import board, intervals, kpis
from analytics.domain.contacts import Contact, holds_of
from analytics.domain.intervals import Counters
from hypothesis import given
from hypothesis import strategies as st

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = 1_000_000


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def handled(wait: float = 10, talk: float = 60, acw: float = 30, **more: Any) -> Contact:
    values: dict[str, Any] = {
        "contact_id": "con_1", "queue_id": "que_1", "state": "ENDED", "queue_time": NINE, "answer_time": at(wait),
        "end_time": at(wait + talk), "wrap_up_end_time": at(wait + talk + acw), "agent_id": "usr_1",
    }  # fmt: skip
    return Contact(**(values | more))


@pytest.mark.parametrize(("wait", "within"), [(0, True), (20, True), (20.001, False)])
def test_answer_exactly_at_the_threshold_counts(wait: float, within: bool) -> None:
    assert handled(wait=wait).within_threshold is within


def test_ratio_over_nothing_is_nothing_and_never_zero() -> None:
    assert kpis.service_level(0, 0, 0, 0) is kpis.asa(0, 0) is kpis.aht(0, 0) is None
    assert kpis.service_level(0, 0, 2, 2) is None and kpis.service_level(0, 0, 2, 1) == 0


def test_short_abandons_do_not_harm_the_service_level() -> None:
    assert kpis.service_level(8, 9, 3, 2) == 8 / 10


def test_service_level_belongs_to_the_interval_of_arrival_and_work_to_where_it_was_done() -> None:
    arrived = NINE + timedelta(minutes=14, seconds=50)
    answered = arrived + timedelta(seconds=5)
    ended = answered + timedelta(minutes=1)
    over = ended + timedelta(minutes=1)
    late = handled(queue_time=arrived, answer_time=answered, end_time=ended, wrap_up_end_time=over)
    counted = intervals.count([late])
    assert counted["que_1", NINE] == Counters(
        offered=1, answered=1, answered_within=1, wait=5 * SECOND, talk=5 * SECOND
    )
    assert counted["que_1", NINE + intervals.LENGTH] == Counters(
        talk=55 * SECOND, acw=60 * SECOND, handled=1, handled_time=120 * SECOND
    )


def test_question_to_a_colleague_bends_no_figure_of_the_queue() -> None:
    asked = handled(kind="CONSULT")
    assert intervals.count([asked]) == {} and intervals.handled_by_agent([asked]) == {}
    lost = handled(kind="CONSULT", answer_time=None, wrap_up_end_time=None, abandoned=True)
    assert intervals.count([lost]) == {}


def test_call_out_is_counted_apart() -> None:
    out = handled(kind="OUTBOUND", wait=0, holds=[(at(20), at(35))])
    assert intervals.count([out]) == {("que_1", NINE): Counters(outbound=1, outbound_talk=45 * SECOND)}
    assert sum(intervals.handled_by_agent([out]).values()) == 1


def test_transfer_to_a_queue_arrives_there_and_one_to_an_agent_is_only_work() -> None:
    [queued] = intervals.count([handled(kind="TRANSFER")]).values()
    assert queued == next(iter(intervals.count([handled()]).values()))
    [direct] = intervals.count([handled(kind="TRANSFER", targeted=True)]).values()
    assert direct == Counters(talk=60 * SECOND, acw=30 * SECOND, handled=1, handled_time=90 * SECOND)


def test_hold_is_not_talk() -> None:
    [counters] = intervals.count([handled(talk=60, holds=[(at(20), at(35))])]).values()
    assert (counters.talk, counters.hold) == (45 * SECOND, 15 * SECOND)


def test_talk_is_counted_when_it_is_over_and_aht_when_wrap_up_is() -> None:
    [talking] = intervals.count([handled(state="ON_CONTACT", end_time=None, wrap_up_end_time=None)]).values()
    [wrapping] = intervals.count([handled(state="WRAP_UP", wrap_up_end_time=None)]).values()
    assert (talking.answered, talking.talk) == (1, 0)
    assert (wrapping.talk, wrapping.handled, wrapping.handled_time) == (60 * SECOND, 0, 0)


@given(st.permutations([(at(5), True), (at(9), False), (at(20), True), (at(30), False), (at(40), False)]))
def test_holds_are_the_same_in_whatever_order_their_marks_are_heard_of(marks: list[tuple[datetime, bool]]) -> None:
    assert holds_of([*marks, *marks]) == [(at(5), at(9)), (at(20), at(30))]


@given(st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 900)), max_size=5), st.floats(0, 4000), st.floats(0, 900))
def test_no_microsecond_of_work_is_lost_or_counted_twice(
    holds: list[tuple[float, float]], talk: float, acw: float
) -> None:
    ordered: list[tuple[datetime, datetime]] = []
    reached = 10.0
    for gap, length in holds:
        ordered.append((at(reached + gap), at(reached + gap + length)))
        reached += gap + length
    contact = handled(talk=talk, acw=acw, holds=ordered)
    counted = intervals.count([contact]).values()
    whole = sum(each.handled_time for each in counted)
    assert sum(each.talk + each.hold + each.acw for each in counted) == whole
    assert whole == contact.handle_time // timedelta(microseconds=1)


def test_difference_of_counters_takes_one_to_the_other() -> None:
    waiting = Contact("con_1", "que_1", "QUEUED", NINE)
    before, after = intervals.count([waiting]), intervals.count([handled(wait=2000)])
    for key, difference in intervals.changed(before, after).items():
        before[key] = before.get(key, Counters()).plus(difference)
    assert before == after
    assert intervals.changed(after, after) == {}


@pytest.mark.parametrize(
    ("now", "began"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ],
)
def test_day_begins_at_the_zones_midnight_also_when_the_clock_changes(now: datetime, began: datetime) -> None:
    assert intervals.day_start(now, "Europe/Berlin") == began


@pytest.mark.parametrize("zone", ["Asia/Tehran", "Asia/Kathmandu", "Asia/Baku", "Australia/Lord_Howe"])
def test_day_begins_on_a_quarter_hour_in_every_zone(zone: str) -> None:
    start = intervals.day_start(NINE, zone)
    assert intervals.start_of(start) == start


def test_wallboard_shows_depth_longest_wait_and_agents_by_state() -> None:
    day = {"que_1": Counters(4, 1, 1, 1, 0, 2, 10 * SECOND, handled=1, handled_time=90 * SECOND), "que_9": Counters(1)}
    agents = [board.Agent("usr_1", "Alex", "AVAILABLE", "", NINE), board.Agent("usr_2", "Bo", "WRAP_UP", "", NINE)]
    waiting = {"que_1": board.Waiting(2, at(5)), "que_2": board.Waiting(1, at(2))}
    queues = [board.Queue("que_1", "Front desk"), board.Queue("que_2", "Back office")]
    shown = board.build(queues, waiting, day, agents, {"usr_1": 1})
    tile, other = shown.queues
    assert (tile.waiting.depth, tile.waiting.since, tile.day.offered) == (2, at(5), 4)
    assert (tile.service_level, tile.asa, tile.aht) == (0.5, 10, 90)
    assert (other.waiting.depth, other.service_level) == (1, None)
    assert (shown.total.waiting, shown.total.day.offered) == (board.Waiting(3, at(2)), 5)
    assert shown.states["AVAILABLE"] == 1 and shown.states["OFFLINE"] == 0
    assert [agent.handled for agent in shown.agents] == [1, 0]


def test_total_names_a_threshold_only_when_all_queues_share_it() -> None:
    queues = [board.Queue("que_1", "", 20), board.Queue("que_2", "", 20), board.Queue("que_3", "", 60)]
    assert board.build(queues[:2], {}, {}, [], {}).total.queue.threshold_seconds == 20
    assert board.build(queues, {}, {}, [], {}).total.queue.threshold_seconds == 0
