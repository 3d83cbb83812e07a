"""Counting rules and formulas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from analytics.domain import board, intervals, kpis
from analytics.domain.contacts import Contact, is_within
from hypothesis import given
from hypothesis import strategies as st

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def handled(wait: float = 10, talk: float = 60, acw: float = 30, **more: object) -> Contact:
    values: dict[str, object] = {
        "contact_id": "con_1", "queue_id": "que_1", "state": "ENDED", "queue_time": NINE, "answer_time": at(wait),
        "end_time": at(wait + talk), "wrap_up_end_time": at(wait + talk + acw), "agent_id": "usr_1",
    }  # fmt: skip
    return Contact(**(values | more))  # type: ignore[arg-type]


def test_answer_exactly_at_the_threshold_counts() -> None:
    assert is_within(NINE, at(20), timedelta(seconds=20))
    assert not is_within(NINE, at(20.001), timedelta(seconds=20))


@pytest.mark.parametrize(("value", "expected"), [(kpis.service_level(0, 0, 0, 0), None), (kpis.asa(0, 0), None)])
def test_ratio_over_nothing_is_nothing(value: float | None, expected: None) -> None:
    assert value is expected


def test_short_abandons_do_not_harm_the_service_level() -> None:
    assert kpis.service_level(8, 9, 3, 2) == 8 / 10


def test_service_level_belongs_to_the_interval_of_arrival_and_work_to_where_it_was_done() -> None:
    arrived = NINE + timedelta(minutes=14, seconds=50)
    answered = arrived + timedelta(seconds=5)
    ended = answered + timedelta(minutes=1)
    over = ended + timedelta(minutes=1)
    late = handled(queue_time=arrived, answer_time=answered, end_time=ended, wrap_up_end_time=over)
    counted = intervals.count([late])
    first, second = counted["que_1", NINE], counted["que_1", NINE + intervals.LENGTH]
    assert (first.offered, first.answered, first.talk_seconds, first.handled) == (1, 1, 5, 0)
    assert (second.offered, second.talk_seconds, second.acw_seconds, second.handled) == (0, 55, 60, 1)


def test_hold_is_not_talk() -> None:
    held = handled(talk=60, holds=[(at(20), at(35))])
    [counters] = intervals.count([held]).values()
    assert (counters.talk_seconds, counters.hold_seconds) == (45, 15)


@given(st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 900)), max_size=5), st.floats(0, 4000), st.floats(0, 900))
def test_no_second_of_work_is_lost_or_counted_twice(holds: list[tuple[float, float]], talk: float, acw: float) -> None:
    ordered: list[tuple[datetime, datetime]] = []
    reached = 10.0
    for gap, length in holds:
        ordered.append((at(reached + gap), at(reached + gap + length)))
        reached += gap + length
    contact = handled(talk=talk, acw=acw, holds=ordered)
    counted = intervals.count([contact]).values()
    total = sum(each.talk_seconds + each.hold_seconds + each.acw_seconds for each in counted)
    assert total == pytest.approx(contact.handle_time.total_seconds(), abs=1e-3)


@pytest.mark.parametrize(
    ("now", "began"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ],
)
def test_day_begins_at_the_zones_midnight_also_when_the_clock_changes(now: datetime, began: datetime) -> None:
    assert intervals.day_start(now, "Europe/Berlin") == began


def test_wallboard_shows_depth_longest_wait_and_agents_by_state() -> None:
    waiting = [
        Contact("con_1", "que_1", "QUEUED", at(30)),
        Contact("con_2", "que_1", "OFFERED", at(5)),
        Contact("con_3", "que_1", "ABANDONED", at(1), abandoned=True),
    ]
    agents = [board.Agent("usr_1", "Alex", "AVAILABLE", "", NINE), board.Agent("usr_2", "Bo", "WRAP_UP", "", NINE)]
    shown = board.build(
        [board.Queue("que_1", "Front desk")], [*waiting, handled(within_threshold=True)], agents, {"que_1": 2}
    )
    [tile] = shown.queues
    assert (tile.depth, tile.longest_wait_since, tile.offered, tile.abandoned) == (2, at(5), 4, 1)
    assert (tile.service_level, tile.asa, tile.aht, tile.missed_offers) == (0.5, 10, 90, 2)
    assert shown.states["AVAILABLE"] == 1 and shown.states["OFFLINE"] == 0
    assert shown.agents[0].handled == 1
