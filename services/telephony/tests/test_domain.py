"""Rules of calls, legs, stations and CDRs."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from telephony.domain import calls, cdrs, legs, stations, wishes
from telephony.domain.calls import Call, CallState, Contact, Direction, EndCause, EndParty, Trigger
from telephony.domain.cdrs import Ending
from telephony.domain.legs import Leg, LegState, LegTrigger, Party
from telephony.live.prepaid import counts_from
from telephony.media.quality import mean_opinion_score

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_call(**fields) -> Call:
    given_fields = {
        "call_id": "call_1", "state": CallState.SETUP, "brand_id": "brd_1", "brand_name": "Nova", "language": "en",
        "flow_id": "flw_1", "dialed_number": "+15550100", "node_id": "n", "start_time": NOW, "state_time": NOW,
    }  # fmt: skip
    return Call(**{**given_fields, **fields})


def test_a_call_goes_from_flow_to_queue_to_talk_to_hold_to_end() -> None:
    call = a_call()
    for trigger, state in (
        (Trigger.RUN, CallState.IN_FLOW), (Trigger.QUEUE, CallState.QUEUED), (Trigger.JOIN, CallState.TALKING),
        (Trigger.HOLD, CallState.HELD), (Trigger.RESUME, CallState.TALKING), (Trigger.END, CallState.ENDED),
    ):  # fmt: skip
        call = calls.change(call, trigger, NOW)
        assert call.state is state
    assert call.version == 7


@pytest.mark.parametrize(
    ("typed", "dialed", "understood"),
    [
        ("0532 123 45 67", "+902125550100", "+905321234567"),
        ("(050) 123-45-67", "+994125550100", "+994501234567"),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "+982155550100", "+989123456789"),
        ("0049 30 1234567", "+902125550100", "+49301234567"),
        ("+90 532 123 45 67", "", "+905321234567"),
        ("+15550142", "+902125550100", "+15550142"),
        ("  ", "+902125550100", ""),
    ],
)
def test_a_customers_number_is_read_as_it_is_dialled_in_the_brands_country(typed, dialed, understood) -> None:
    assert wishes.understood_number(typed, dialed) == understood


@pytest.mark.parametrize(
    ("typed", "dialed"),
    [("0532 123 45 67", ""), ("12", "+902125550100"), ("call me", "+902125550100"), ("+0000000", "+902125550100"),
     ("0532 123 45 67 0532 123 45 67 0532 123 45", "+902125550100")],
)  # fmt: skip
def test_what_is_no_number_is_refused_at_its_field(typed, dialed) -> None:
    with pytest.raises(InvalidInput) as caught:
        wishes.understood_number(typed, dialed)
    assert [wrong.field for wrong in caught.value.fields] == ["caller_number"]


@given(st.sampled_from(list(CallState)), st.sampled_from(list(Trigger)))
def test_what_the_table_does_not_allow_is_refused_and_an_ended_call_stays_ended(state, trigger) -> None:
    call = a_call(state=state)
    if (state, trigger) in calls.TRANSITIONS:
        assert calls.change(call, trigger, NOW).version == 2
    elif state is CallState.ENDED:
        with pytest.raises(calls.CallEnded):
            calls.change(call, trigger, NOW)
    else:
        with pytest.raises((calls.CallNotTalking, calls.CallNotHeld)):
            calls.change(call, trigger, NOW)


def test_hold_time_adds_up_over_holds_and_counts_a_hold_the_end_cuts_short() -> None:
    call = calls.answered(a_call(state=CallState.QUEUED), "usr_1", Contact("con_1"), NOW)
    call = calls.change(call, Trigger.HOLD, NOW + 10 * SECOND)
    call = calls.change(call, Trigger.RESUME, NOW + 15 * SECOND)
    call = calls.change(call, Trigger.HOLD, NOW + 20 * SECOND)
    cdr = cdrs.detail_record(call, Ending(EndParty.CUSTOMER, "NORMAL", NOW + 27 * SECOND), "cdr_1")
    assert (cdr.talk, cdr.hold, cdr.duration) == (27 * SECOND, 12 * SECOND, 27 * SECOND)


def test_talk_time_of_the_nodes_own_clock_wins_over_stored_times() -> None:
    call = calls.answered(a_call(), "usr_1", Contact(), NOW + 5 * SECOND)
    ending = Ending(EndParty.AGENT, "NORMAL", NOW + 60 * SECOND, talk=54.9 * SECOND, hold=3 * SECOND)
    cdr = cdrs.detail_record(call, ending, "cdr_1")
    assert (cdr.talk, cdr.hold) == (54.9 * SECOND, 3 * SECOND)


@pytest.mark.parametrize(
    ("direction", "party", "answered", "cause"),
    [(Direction.OUTBOUND, EndParty.AGENT, False, "CANCELLED"), (Direction.OUTBOUND, EndParty.AGENT, True, "NORMAL"),
     (Direction.OUTBOUND, EndParty.CUSTOMER, False, "NORMAL"), (Direction.INBOUND, EndParty.AGENT, False, "NORMAL")],
)  # fmt: skip
def test_who_rings_somebody_and_hangs_up_before_an_answer_has_given_up(direction, party, answered, cause) -> None:
    call = a_call(direction=direction, answer_time=NOW if answered else None)
    assert cdrs.detail_record(call, Ending(party, "NORMAL", NOW + SECOND), "cdr_1").end_cause == cause


@pytest.mark.parametrize(
    ("cause", "q850"),
    [("NORMAL", 16), ("FLOW_ENDED", 16), ("ANSWERING_MACHINE", 16), ("BUSY", 17), ("NO_ANSWER", 19),
     ("TENANT_SUSPENDED", 21), ("SPEND_LIMIT_REACHED", 21), ("UNREACHABLE", 27), ("NO_TRUNK", 34),
     ("TRUNK_LIMIT_REACHED", 34), ("NODE_LOST", 41), ("MEDIA_LOST", 41), ("MEDIA_FAILED", 41), ("FLOW_FAILED", 41),
     ("CONCURRENT_CALL_LIMIT_REACHED", 42), ("CALL_RATE_LIMIT_REACHED", 42)],
)  # fmt: skip
def test_an_end_of_our_own_making_has_the_cause_it_means_and_a_networks_its_own(cause, q850) -> None:
    ending = Ending(EndParty.SYSTEM, cause, NOW + SECOND)
    assert cdrs.detail_record(a_call(), ending, "cdr_1").q850_cause == q850
    given_one = dataclasses.replace(ending, q850_cause=1)
    assert cdrs.detail_record(a_call(), given_one, "cdr_1").q850_cause == 1


def test_a_call_out_is_paid_for_from_when_the_number_answered_whoever_talks_with_it_then() -> None:
    """As one whose customer is called back first and waits for an agent, 20 s long."""
    call = a_call(direction=Direction.OUTBOUND, state=CallState.QUEUED)
    rings = Leg("leg_1", "call_1", Party.CUSTOMER, LegState.RINGING)
    answered = dataclasses.replace(rings, state=LegState.CONNECTED, join_time=NOW + 9 * SECOND)
    assert (counts_from(call, [rings]), counts_from(call, [answered])) == (None, NOW + 9 * SECOND)
    agent = dataclasses.replace(call, state=CallState.TALKING, answer_time=NOW + 29 * SECOND)
    assert counts_from(agent, [answered]) == NOW + 9 * SECOND
    assert counts_from(a_call(state=CallState.QUEUED), [answered]) == NOW, "a call in counts from our answer"
    gone = cdrs.detail_record(call, Ending(EndParty.CUSTOMER, "CALLER_LEFT", NOW + 29 * SECOND), "cdr_1", answered)
    assert (gone.connect_time, gone.answer_time) == (NOW + 9 * SECOND, None)


def test_a_call_nobody_answered_has_no_talk_time_whatever_is_reported() -> None:
    cdr = cdrs.detail_record(a_call(), Ending(EndParty.CUSTOMER, "CALLER_LEFT", NOW + SECOND, talk=9 * SECOND), "cdr_1")
    assert (cdr.talk, cdr.hold, cdr.answer_time) == (timedelta(0), timedelta(0), None)


@given(
    st.integers(-100, 100), st.one_of(st.none(), st.integers(-100, 100)), st.one_of(st.none(), st.integers(-9, 99)),
    st.booleans(),
)  # fmt: skip
def test_no_duration_is_ever_negative_and_hold_never_exceeds_talk(end, answer, hold, held) -> None:
    call = a_call(
        state=CallState.HELD if held else CallState.TALKING,
        answer_time=None if answer is None else NOW + answer * SECOND,
    )
    ending = Ending(EndParty.SYSTEM, "X", NOW + end * SECOND, hold=None if hold is None else hold * SECOND)
    cdr = cdrs.detail_record(call, ending, "cdr_1")
    assert cdr.end_time >= max(cdr.start_time, cdr.answer_time or cdr.start_time)
    assert timedelta(0) <= cdr.hold <= cdr.talk
    assert cdr.duration >= timedelta(0)


@pytest.mark.parametrize(("live", "limit", "over"), [(0, 1, False), (1, 1, True), (5, 0, False), (4, 5, False)])
def test_the_limit_counts_the_calls_that_are_up(live, limit, over) -> None:
    assert calls.refusal(live, limit, False) == (EndCause.LIMIT if over else "")
    assert calls.refusal(live, limit, True) == EndCause.SUSPENDED


def test_a_leg_loses_regains_and_ends_its_media_and_says_only_what_is_new() -> None:
    leg = Leg("leg_1", "call_1", "customer", LegState.CONNECTED)
    lost = legs.change_leg(leg, LegTrigger.LOSE)
    assert lost is not None and lost.state is LegState.MEDIA_LOST
    assert legs.change_leg(lost, LegTrigger.LOSE) is None
    back = legs.change_leg(lost, LegTrigger.CONNECT)
    assert back is not None and back.state is LegState.CONNECTED
    assert legs.change_leg(dataclasses.replace(leg, state=LegState.ENDED), LegTrigger.CONNECT) is None


def test_a_leg_token_is_read_back_and_nothing_else_matches() -> None:
    tenant, leg_id = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y", "leg_01jd3v9k8r5x7m2p4q6s8t0w1y"
    token, token_hash = legs.new_token(tenant, leg_id)
    leg = Leg(leg_id, "call_1", "customer", LegState.CONNECTED, token_hash=token_hash)
    assert legs.read_token(token)[:2] == (tenant, leg_id)
    assert legs.token_matches(leg, legs.read_token(token)[2])
    assert not legs.token_matches(leg, legs.read_token(legs.new_token(tenant, leg_id)[0])[2])
    assert not legs.token_matches(dataclasses.replace(leg, token_hash=""), "")
    assert token.rsplit(".", 1)[1] not in token_hash


def test_another_tab_gets_the_station_only_by_taking_over_or_when_its_media_is_gone() -> None:
    held = stations.Station("stn_1", "usr_1", "tab1", LegState.CONNECTED, "n", NOW)
    stations.may_attach(None, "tab2", False)
    stations.may_attach(held, "tab1", False)
    stations.may_attach(held, "tab2", True)
    stations.may_attach(stations.lost(held, NOW, SECOND), "tab2", False)
    with pytest.raises(stations.StationHeldByOtherTab):
        stations.may_attach(held, "tab2", False)


def test_a_good_line_scores_well_and_loss_and_delay_take_from_it() -> None:
    good = mean_opinion_score(0.05, 0.0)
    assert good > 4.3
    assert mean_opinion_score(0.05, 0.05) < 3.8 < good
    assert mean_opinion_score(0.5, 0.0) < 3.5
    assert 1.0 <= mean_opinion_score(5.0, 1.0) < 1.2
