"""Parked calls, as transactions: put under a code, retrieved by it, or sent on when nobody does. Rules are
`domain.transfers`'."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx
from kernel.errors import NotFound

from telephony import convert
from telephony.domain import conversation as rules
from telephony.domain import transfers
from telephony.domain.calls import Actor, Call, CallState, Contact, EndCause, EndParty
from telephony.domain.cdrs import Ending
from telephony.domain.moments import Happening, Moment
from telephony.ops import parties as party_ops
from telephony.ops.calls import end_call
from telephony.ops.parties import Found
from telephony.store import calls as call_store
from telephony.store.moments import add_moment


class CallNotParked(NotFound):
    """Nothing is parked under this code."""

    reason = "CALL_NOT_PARKED"


async def park(tx: Tx, call_id: str, actor: Actor, now: datetime) -> Found:
    """The customer waits alone under a code."""
    before = await party_ops.controlled(tx, call_id, actor)
    rules.in_conversation(before)
    parker = before.of_agent(actor.user_id) or before.of_agent(before.call.agent_id)
    deadline = now + before.call.rules.park_time
    code = await call_store.take_park_code(tx, call_id, parker.agent_id if parker else "", deadline, now)
    found = await party_ops.keep(tx, before, transfers.parked(before, code, now), now)
    await add_moment(tx, Moment(call_id, Happening.PARKED, now, actor.user_id, "park", code))
    tx.emit(convert.call_parked(*found, actor.user_id), key=call_id)
    return found


async def find_parked(tx: Tx, code: str) -> Call:
    """The call parked under a code. CallNotParked."""
    call_id = await call_store.find_parked(tx, code)
    call = await call_store.find_call(tx, call_id) if call_id else None
    if call is None or call.state is not CallState.PARKED:
        raise CallNotParked("nothing is parked under this code")
    return call


async def retrieve(tx: Tx, code: str, agent_id: str, contact_id: str, now: datetime) -> Found:
    """A parked call comes to an agent. CallNotParked."""
    call = await find_parked(tx, code)
    found = await party_ops.answer_call(tx, call.call_id, agent_id, Contact(contact_id), now)
    if found is None:
        raise CallNotParked("nothing is parked under this code")
    return found


async def expire(tx: Tx, call_id: str, now: datetime) -> Found | None:
    """Nobody retrieved a parked call in time: it rings whoever parked it, or goes on as its brand says. None when
    somebody was faster."""
    if await call_store.find_call(tx, call_id) is None:
        return None
    before = await party_ops.conversation(tx, call_id)
    if before.call.state is not CallState.PARKED:
        return None
    agent_id = await call_store.parked_by(tx, before.call.park_code)
    outcome = transfers.park_over(before, agent_id, now)
    if outcome is None:
        await end_call(tx, call_id, Ending(EndParty.SYSTEM, EndCause.PARK_TIMEOUT, now), now)
        talk = await party_ops.conversation(tx, call_id)
        found = talk.call, talk.legs
    else:
        found = await party_ops.keep(tx, before, outcome, now, quietly=True)
    kind, _, target = found[0].sent_to.partition(":") if outcome is not None else ("", "", "")
    kind = "agent" if kind == transfers.RECALL else kind
    await add_moment(tx, Moment(call_id, Happening.PARK_EXPIRED, now, agent_id, kind, target))
    tx.emit(convert.park_expired(*found, agent_id, kind, target), key=call_id)
    return found
