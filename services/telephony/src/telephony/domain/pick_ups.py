"""What becomes of a call when a number that was rung answers: by the rows, and ahead of them while they can't be
written. Pure.

Somebody who has picked up speaks at once, whatever the database does. So the media may go by what the rows are about to
say; the rows say it, with the time of the answer, as soon as they can.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from telephony.domain import callbacks, parties
from telephony.domain.calls import Call, CallState, Trigger, change
from telephony.domain.conversation import Conversation, Outcome
from telephony.domain.legs import Leg, LegState


def picked_up(before: Conversation, leg_id: str, at: datetime) -> Outcome | None:
    """The call since this party answered. None when it, or the party, is over by then."""
    if not before.call.live or not any(leg.leg_id == leg_id for leg in before.live_legs):
        return None
    # What was written after the answer happened before it as far as anybody counts: no time is counted twice.
    at = max(at, before.call.state_time)
    if callbacks.rings_first(before.call):
        return callbacks.answered(before, leg_id, at)
    outcome = parties.answered(before, leg_id, at)
    call = outcome.after.call
    if call.state is CallState.DIALING:
        call = dataclasses.replace(change(call, Trigger.JOIN, at), answer_time=call.answer_time or at)
        outcome = dataclasses.replace(outcome, after=dataclasses.replace(outcome.after, call=call))
    return outcome


def ahead(call: Call, legs: Sequence[Leg], answers: Mapping[str, datetime]) -> tuple[Call, Sequence[Leg]]:
    """The call as its rows will say, once these answers (by leg id) are written; of the version of what they say now.

    Not so where flows leads whoever answers, which waits for what it has written of them.
    """
    talk = Conversation(call, tuple(legs))
    for leg_id, at in answers.items():
        rings = any(leg.leg_id == leg_id and leg.state is LegState.RINGING for leg in talk.live_legs)
        if rings and not callbacks.rings_first(talk.call) and (outcome := picked_up(talk, leg_id, at)) is not None:
            talk = outcome.after
    return dataclasses.replace(talk.call, version=call.version), talk.legs
