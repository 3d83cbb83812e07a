"""What is heard of an answer before its rows say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from telephony.domain.calls import CallState, Direction
from telephony.domain.conversation import Conversation
from telephony.domain.legs import LegState
from telephony.domain.pick_ups import ahead, picked_up

from .test_parties import talking

SECOND = timedelta(seconds=1)


def dialled() -> Conversation:
    """An agent's call to a number that rings."""
    talk = talking()
    call = replace(talk.call, state=CallState.DIALING, direction=Direction.OUTBOUND, answer_time=None, version=7)
    return Conversation(call, talk.legs).with_legs(replace(talk.customer, state=LegState.RINGING, join_time=None))


def test_who_has_picked_up_talks_whatever_older_rows_still_say() -> None:
    before = dialled()
    at, answers = before.call.state_time + SECOND, {before.customer.leg_id: before.call.state_time + SECOND}
    for rows in (before, Conversation(replace(before.call, version=8, contact_id="con_1"), before.legs)):
        call, legs = ahead(rows.call, rows.legs, answers)
        assert (call.state, call.answer_time, call.version) == (CallState.TALKING, at, rows.call.version)
        assert call.contact_id == rows.call.contact_id
        assert all(leg.answered for leg in legs if leg.leg_id == before.customer.leg_id)


def test_rows_that_know_of_the_answer_or_the_end_are_followed_as_they_are() -> None:
    before = dialled()
    leg_id, at = before.customer.leg_id, before.call.state_time + SECOND
    outcome = picked_up(before, leg_id, at)
    assert outcome is not None
    after = outcome.after
    assert ahead(after.call, after.legs, {leg_id: at + SECOND}) == (after.call, after.legs)
    over = before.with_legs(replace(before.customer, state=LegState.ENDED))
    assert ahead(over.call, over.legs, {leg_id: at}) == (over.call, over.legs)
    assert ahead(before.call, before.legs, {}) == (before.call, before.legs)


def test_no_time_is_counted_twice_where_something_was_written_since_the_answer() -> None:
    before = dialled()
    outcome = picked_up(before, before.customer.leg_id, before.call.state_time - SECOND)
    assert outcome is not None and outcome.after.call.answer_time == before.call.state_time
