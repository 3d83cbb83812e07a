"""States of port orders, working days, and what is said of numbers: rules without a database."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenancy.domain import port_orders
from tenancy.domain.emergency import CivicAddress
from tenancy.domain.inventory import NumberType, type_of, wanted_prefix
from tenancy.domain.port_orders import Details, Document, PortNumber, PortOrder
from tenancy.domain.porting import OVER, TRANSITIONS, Lane, PortState, PortStateWrong, Trigger, move
from tenancy.domain.stock_files import read_stock
from tenancy.domain.workdays import add_workdays, is_workday, workday_before

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADDRESS = CivicAddress("Acme", "1 High Street", "", "London", "", "EC1A 1AA", "GB")
DETAILS = Details("Old Telecom", "AC-778", "Olga", ADDRESS)


def order(state: PortState, **more: object) -> PortOrder:
    lane = Lane("VOICE", state, NOW)
    made = PortOrder("prt_1", "brd_1", "", "GB", (PortNumber("+442079460101"),), (lane,), NOW, NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def papers(*kinds: str) -> tuple[Document, ...]:
    return tuple(Document(f"pdc_{kind}", kind, "a.pdf", "application/pdf", 1, NOW) for kind in kinds)


@pytest.mark.parametrize(("state", "trigger"), itertools.product(PortState, Trigger))
def test_every_trigger_in_every_state_moves_as_the_table_says_or_is_refused(state: PortState, trigger: Trigger) -> None:
    lane = Lane("VOICE", state, NOW - timedelta(days=1), next_time=NOW, cancel_asked=True)
    if (state, trigger) not in TRANSITIONS:
        with pytest.raises(PortStateWrong):
            move(lane, trigger, NOW)
        return
    moved = move(lane, trigger, NOW)
    assert (moved.state, moved.state_time) == (TRANSITIONS[state, trigger], NOW)
    if moved.state in OVER:
        assert moved.next_time is None and not moved.cancel_asked


def test_nothing_leads_out_of_what_is_over_and_everything_else_can_be_given_up() -> None:
    assert not [state for state, _ in TRANSITIONS if state in OVER]
    assert {state for state, trigger in TRANSITIONS if trigger is Trigger.GIVEN_UP} == set(PortState) - OVER


def test_every_state_can_be_reached_from_the_first() -> None:
    reached = {PortState.PORTABILITY_CHECK}
    for _ in PortState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(PortState)


def test_order_goes_as_far_as_what_is_there_carries_it() -> None:
    draft = order(PortState.DRAFT)
    assert port_orders.progressed(draft, NOW).lanes[0].state is PortState.DRAFT
    told = replace(draft, details=DETAILS)
    assert port_orders.progressed(told, NOW).lanes[0].state is PortState.DOCUMENTS
    whole = replace(told, documents=papers("LETTER_OF_AUTHORIZATION", "BILL"))
    assert port_orders.progressed(whole, NOW).lanes[0].state is PortState.FOC_DATE
    stripped = replace(whole, lanes=(Lane("VOICE", PortState.FOC_DATE, NOW),), documents=papers("BILL"))
    assert port_orders.progressed(stripped, NOW).lanes[0].state is PortState.DOCUMENTS


def test_calls_to_a_number_lead_here_only_while_its_losing_carrier_has_agreed() -> None:
    assert [state for state in PortState if port_orders.routed(order(state))] == [PortState.IN_PROCESS]


def test_weekends_and_holidays_are_no_working_days() -> None:
    assert not is_workday(date(2026, 4, 3), "GB") and not is_workday(date(2026, 3, 7), "GB")
    assert not is_workday(date(2026, 1, 30), "IR") and is_workday(date(2026, 1, 31), "IR")
    assert add_workdays(date(2026, 4, 22), 1, "TR") == date(2026, 4, 24)
    assert add_workdays(date(2026, 4, 24), -1, "TR") == date(2026, 4, 22)
    assert is_workday(date(2026, 3, 4), "001")


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(-30, 30), st.sampled_from(["GB", "TR", "US", "AZ"]))
def test_working_days_are_counted_there_and_back(day: date, count: int, country: str) -> None:
    end = add_workdays(day, count, country)
    assert end == day if count == 0 else is_workday(end, country)
    assert (end > day) == (count > 0) and (end < day) == (count < 0)


def test_no_return_is_a_working_day_earlier_at_the_same_local_time_over_a_change_of_clocks() -> None:
    moment = datetime(2026, 3, 30, 9, tzinfo=UTC)  # a Monday at 10:00 in London: its clocks went forward on Sunday
    assert workday_before(moment, "Europe/London", "GB") == datetime(2026, 3, 27, 10, tzinfo=UTC)


def test_carrier_is_asked_often_around_the_moment_and_later_each_time_it_is_away() -> None:
    lane = Lane("VOICE", PortState.IN_PROCESS, NOW, foc_time=NOW + timedelta(minutes=5))
    assert port_orders.next_look(lane, NOW) == timedelta(seconds=30)
    far = replace(lane, foc_time=NOW + timedelta(days=5))
    assert port_orders.next_look(far, NOW) == timedelta(minutes=30)
    near = replace(lane, foc_time=NOW + timedelta(minutes=70))
    assert port_orders.next_look(near, NOW) == timedelta(minutes=10)
    waits = [port_orders.next_try(failures) for failures in range(1, 7)]
    assert waits == sorted(waits) and waits[-1] == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+442079460101", NumberType.LOCAL), ("+447400123456", NumberType.MOBILE),
        ("+448081570000", NumberType.TOLL_FREE), ("+18005550100", NumberType.TOLL_FREE),
        ("+12125550100", NumberType.LOCAL), ("+448712345678", NumberType.PREMIUM),
        ("+443031234567", NumberType.NATIONAL), ("+908001234567", NumberType.TOLL_FREE),
    ],
)  # fmt: skip
def test_numbering_plan_says_what_kind_a_number_is(number: str, kind: NumberType) -> None:
    assert type_of(number) is kind


@given(st.text(max_size=30))
def test_beginning_of_numbers_is_read_or_refused(text: str) -> None:
    try:
        found = wanted_prefix(text)
    except ValueError:
        return
    except Exception as error:
        assert getattr(error, "reason", "") == "FIELD_INVALID"
        return
    assert found == "" or (found[0] == "+" and found[1:].isdigit())


@given(st.text(alphabet='0123456789+-,\n" nuberco', max_size=80))
def test_no_file_breaks_its_reader(text: str) -> None:
    try:
        found = read_stock(text, "GB")
    except Exception as error:
        assert getattr(error, "reason", "") == "FIELD_INVALID"
        return
    assert set(found.lines) == set(found.numbers)


def test_file_with_a_mark_at_its_beginning_and_crlf_is_read() -> None:
    found = read_stock("\ufeffnumber,type\r\n+442079460101,toll free\r\n", "")
    assert [each.type for each in found.numbers.values()] == ["TOLL_FREE"] and not found.problems
