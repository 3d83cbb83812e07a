"""Who answered, and what follows from it, as transactions. Rules are `domain.answers`'."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log

from telephony import convert
from telephony.domain import answers, callbacks
from telephony.domain.answers import Detection, Follow
from telephony.domain.legs import Answer
from telephony.ops import parties as party_ops
from telephony.ops.parties import Found


async def told(
    tx: Tx, call_id: str, leg_id: str, answer: Answer, after: timedelta, reason: str, now: datetime
) -> Found | None:
    """It is told who answered a number. None when that leg is over by then."""
    before = await party_ops.conversation(tx, call_id)
    if not before.call.live or not any(leg.leg_id == leg_id for leg in before.live_legs):
        return None
    found = await party_ops.keep(tx, before, answers.told(before, leg_id, answer, after), now, quietly=True)
    leg = next(leg for leg in found[1] if leg.leg_id == leg_id)
    tx.emit(convert.answer_detected(*found, leg, reason), key=call_id)
    tx.after_commit(partial(log.info, "answered by", call_id=call_id, answer=answer.value, reason=reason))
    return found


async def follow(
    tx: Tx, call_id: str, detection: Detection, answer: Answer, dialler: str, now: datetime
) -> tuple[Follow, Found]:
    """What follows from the answer, done as far as it is a change of rows: a call that leaves a message lets its agent
    go. Hanging up is for who has the media."""
    before = await party_ops.conversation(tx, call_id)
    what = answers.what_follows(detection, answer, before, dialler)
    if what is not Follow.LEAVE_MESSAGE or before.consulted is not None:
        return (Follow.NOTHING if what is Follow.LEAVE_MESSAGE else what), (before.call, before.legs)
    outcome = answers.leave_message(before, detection.message_prompt_id, now)
    found = await party_ops.keep(tx, before, outcome, now)
    tx.emit(convert.call_progressed(*found, before.call.state), key=call_id)
    return what, found


async def leave_message_first(tx: Tx, call_id: str, leg_id: str, prompt_id: str, now: datetime) -> Found | None:
    """A machine has answered a customer's number before any agent was asked: it is told the prompt. None when the call
    is over, or led elsewhere, by then."""
    before = await party_ops.conversation(tx, call_id)
    if not callbacks.rings_first(before.call) or not any(leg.leg_id == leg_id for leg in before.live_legs):
        return None
    found = await party_ops.keep(tx, before, callbacks.leave_message(before, leg_id, prompt_id, now), now)
    tx.emit(convert.call_progressed(*found, before.call.state), key=call_id)
    return found
