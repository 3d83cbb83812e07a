"""What is counted of contacts, and what can be taken from a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from wfm.domain import imports
from wfm.domain.contacts import Contact, Counters, Minute, changed, count
from wfm.domain.series import Interval, binned

CAME = datetime(2026, 3, 2, 9, 14, 40, tzinfo=UTC)
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def called(**marks: object) -> Contact:
    """A call of a customer."""
    return replace(Contact("con_1", "que_1", "VOICE", "brd_1", "INBOUND", False, CAME), **marks)


def test_call_counts_in_the_minute_it_came_with_all_the_time_it_took() -> None:
    done = called(answer_time=CAME + timedelta(seconds=30), wrap_up_end_time=CAME + timedelta(seconds=330))
    [(minute, counters)] = count([done]).items()
    assert minute == Minute("que_1", "VOICE", "brd_1", datetime(2026, 3, 2, 9, 14, tzinfo=UTC))
    assert counters == Counters(1, 1, 0, 1, 300_000_000)


@pytest.mark.parametrize("other", [{"kind": "OUTBOUND"}, {"kind": "CONSULT"}, {"targeted": True}, {"queue_id": ""}])
def test_what_no_queue_is_staffed_for_is_not_its_volume(other: dict[str, object]) -> None:
    assert count([called(**other)]) == {}


def test_call_sent_to_another_queue_moves_its_count() -> None:
    moved = changed(count([called()]), count([called(queue_id="que_2")]))
    assert {key.queue_id: counters.offered for key, counters in moved.items()} == {"que_1": -1, "que_2": 1}


def test_hours_of_a_half_hour_zone_begin_where_its_clocks_say() -> None:
    quarters = [Interval(datetime(2026, 3, 2, 9, 15 * at, tzinfo=UTC), 1.0) for at in range(4)]
    found = binned(quarters, 60, "Asia/Kolkata")
    assert [(each.start.minute, each.offered) for each in found] == [(30, 2.0), (30, 2.0)]


def read(*lines: str, minutes: int = 30, zone: str = "Europe/Berlin") -> imports.Read:
    """A file of these lines."""
    known = {"front desk": "que_1", "que_1": "que_1"}
    return imports.read("\n".join(lines), lambda text: known.get(text.casefold(), ""), minutes, zone, NOW)


def test_file_is_read_in_local_time_with_any_order_of_columns() -> None:
    found = read(
        "queue;offered;start;aht_seconds", "Front desk;10;2026-03-02 09:30;240", ";;;", "que_1;0;2026-03-02T10:00Z;"
    )
    assert not found.problems
    first, second = found.lines
    assert first.place.start == datetime(2026, 3, 2, 8, 30, tzinfo=UTC) and first.handle_seconds == 2400
    assert (second.place.start.hour, second.handled) == (10, 0)


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        ("yesterday,Front desk,1", "start", "NOT_A_TIME"),
        ("2026-03-02 09:31,Front desk,1", "start", "TIME_NOT_ON_INTERVAL"),
        ("2025-03-30 02:30,Front desk,1", "start", "TIME_SKIPPED"),
        ("2026-03-10 09:30,Front desk,1", "start", "TIME_IN_FUTURE"),
        ("0001-01-01 00:00,Front desk,1", "start", "NOT_A_TIME"),
        ("2026-03-02 09:30,Back room,1", "queue", "QUEUE_UNKNOWN"),
        ("2026-03-02 09:30,Front desk,many", "offered", "NOT_A_NUMBER"),
        ("2026-03-02 09:30,Front desk,", "offered", "NOT_A_NUMBER"),
        ("2026-03-02 09:30,Front desk,nan", "offered", "NOT_A_NUMBER"),
        ("2026-03-02 09:30,Front desk,-1", "offered", "NEGATIVE"),
        ("2026-03-02 09:30,Front desk,1,1,1", "", "TOO_MANY_COLUMNS"),
        ("2026-03-02 09:30,Front desk,1,2", "answered", "MORE_ANSWERED_THAN_OFFERED"),
    ],
)
def test_bad_line_is_named_with_its_column_and_the_others_are_read(line: str, column: str, problem: str) -> None:
    found = read("start,queue,offered,answered", "2026-03-02 09:00,Front desk,5", line)
    assert [(each.line, each.column, each.problem) for each in found.problems] == [(3, column, problem)]
    assert len(found.lines) == 1


def test_same_interval_twice_names_the_first_line() -> None:
    found = read("start,queue,offered", "2026-03-02 09:00,Front desk,5", "2026-03-02 09:00,que_1,6")
    assert [(each.line, each.problem, each.value) for each in found.problems] == [(3, "DUPLICATE", "2")]


def test_hour_that_clocks_show_twice_is_taken_twice() -> None:
    night = ["2025-10-26 01:30", "2025-10-26 02:00", "2025-10-26 02:30", "2025-10-26 02:00", "2025-10-26 02:30"]
    found = read("start,queue,offered", *(f"{each},Front desk,{at}" for at, each in enumerate(night)))
    assert not found.problems
    first = datetime(2025, 10, 25, 23, 30, tzinfo=UTC)
    assert [each.place.start - first for each in found.lines] == [timedelta(minutes=30 * each) for each in range(5)]
    third = read("start,queue,offered", *["2025-10-26 02:00,Front desk,1"] * 3)
    assert [(each.line, each.problem) for each in third.problems] == [(4, "DUPLICATE")]


def test_quote_that_is_never_closed_names_its_line() -> None:
    begins = datetime(2025, 4, 1, tzinfo=UTC)
    rest = [f"{begins + timedelta(minutes=30 * at):%Y-%m-%d %H:%M},Front desk,5" for at in range(9000)]
    found = read("start,queue,offered", "2026-03-01 09:00,Front desk,5", '2026-03-01 10:00,"Front desk,5', *rest)
    assert [(each.line, each.problem) for each in found.problems] == [(3, "NOT_CSV")] and len(found.lines) == 9001


def test_file_of_an_old_spreadsheet_is_read_by_its_line_ends() -> None:
    lines = ["start,queue,offered", "2026-03-02 09:00,Front desk,5", "2026-03-02 09:30,Front desk,6"]
    for end in ("\r", "\r\n", "\n"):
        found = imports.read(end.join(lines), lambda text: "que_1", 30, "Europe/Berlin", NOW)
        assert not found.problems and [each.offered for each in found.lines] == [5, 6], repr(end)


def test_file_without_its_columns_or_lines_says_which() -> None:
    assert [each.column for each in read("start,volume").problems] == ["queue", "offered"]
    assert [each.problem for each in read("start,queue,offered").problems] == ["NO_LINES"]
