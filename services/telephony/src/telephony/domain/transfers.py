"""A call goes on without its agent: sent on blindly, parked, taken over. Pure."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

from telephony.domain import legs as leg_rules
from telephony.domain.call_rules import ParkEnd
from telephony.domain.calls import TALK_STATES, Actor, Call, Direction, Trigger, change
from telephony.domain.conversation import (
    Conversation,
    Left,
    LeftReason,
    NotOnCall,
    Outcome,
    in_conversation,
    no_consult,
)
from telephony.domain.legs import Leg, Party
from telephony.domain.parties import add

RECALL = "recall"
"""`Call.sent_to` of a parked call that goes back to who parked it: this and the agent's id."""


def recalled(call: Call) -> bool:
    """Whether it was parked, and rings who parked it."""
    return call.sent_to.startswith(f"{RECALL}:")


def sent_on(talk: Conversation, actor: Actor, trigger: Trigger, now: datetime) -> Outcome:
    """A blind transfer: every agent's and supervisor's part is over, flows or a number is next (`trigger` SEND_ON or
    DIAL_ON). CallNotTalking, CallEnded, ConsultUnderWay."""
    in_conversation(talk)
    no_consult(talk)
    return _without_agents(talk, change(talk.call, trigger, now), LeftReason.TRANSFERRED, now)


def sent_back(talk: Conversation, now: datetime) -> Conversation:
    """The number a customer was sent to isn't reached: flows leads them to the agent who sent them, and from there on
    as any call for that agent."""
    call = talk.call
    after = dataclasses.replace(
        change(call, Trigger.SEND_ON, now), turn=call.turn + 1, run_id="", sent_to=f"agent:{call.sent_by}"
    )
    return dataclasses.replace(talk, call=after)


def parked(talk: Conversation, code: str, now: datetime) -> Outcome:
    """The customer waits alone under a code. CallNotTalking, CallEnded, ConsultUnderWay."""
    in_conversation(talk)
    no_consult(talk)
    call = dataclasses.replace(change(talk.call, Trigger.PARK, now), park_code=code)
    return _without_agents(talk, call, LeftReason.PARKED, now)


def park_over(talk: Conversation, parker: str, now: datetime) -> Outcome | None:
    """Nobody retrieved the call: flows leads it again, to the agent who parked it (`parker`) and from there to where
    its rules say. Without a parker it waits in its queue again, or ends (None). CallEnded."""
    call, rules = talk.call, talk.call.rules
    if parker:
        sent_to = f"{RECALL}:{parker}"
    elif rules.park_end is ParkEnd.HANG_UP or not call.queue_id:
        # Nobody's voicemail it would be.
        return None
    else:
        sent_to = f"queue:{call.queue_id}"
    after = dataclasses.replace(
        change(call, Trigger.SEND_ON, now), park_code="", agent_id="", turn=call.turn + 1, run_id="", sent_to=sent_to,
        sent_by=parker,
    )  # fmt: skip
    return Outcome(dataclasses.replace(talk, call=after))


def never_came(talk: Conversation, leg: Leg, now: datetime, resort: str = "") -> Outcome | None:
    """`leg`, over now, is of an agent who accepted the call and whose telephone wasn't answered: a customer who has
    nobody else waits in their queue again; one who wanted this agent goes where such calls go that nobody takes:
    `resort`, their last one as `Call.sent_to` says it, else whoever sent the customer, else their voicemail. None where
    an agent called the customer, the brand ends parked calls, or others are there or asked."""
    call = talk.call
    others = [each for each in talk.live_legs if each.leg_id != leg.leg_id]
    alone = not any(each.party in (Party.AGENT, Party.PARTICIPANT) for each in others)
    sent_to = _instead_of(call, leg.agent_id, resort)
    if leg.party != Party.AGENT or not sent_to or call.state not in TALK_STATES or not alone:
        return None
    after = dataclasses.replace(
        change(call, Trigger.SEND_ON, now), turn=call.turn + 1, run_id="", sent_to=sent_to, sent_by="",
        forwarded_by=(*call.forwarded_by, leg.agent_id) if sent_to == resort else (),
    )  # fmt: skip
    if leg.join_time == call.answer_time:  # whoever accepted first never said a word
        after = dataclasses.replace(after, answer_time=None, talk=timedelta(0), hold=timedelta(0))
    outcome = _without_agents(talk.with_legs(leg), after, LeftReason.LEFT, now)
    left = (Left(leg, LeftReason.LEFT),) if leg.contact_id else ()
    return Outcome(outcome.after, (*left, *outcome.left))


def _instead_of(call: Call, agent_id: str, resort: str) -> str:
    """Where a call goes on whose agent doesn't come, as `Call.sent_to` says it; empty: nowhere."""
    asked_for = f"agent:{agent_id}"
    # Also of a call out: a customer who is called back, or whom an agent called and sent to a queue, waits there too.
    if call.queue_id and call.sent_to != asked_for:
        return f"queue:{call.queue_id}"
    called_by_us = call.direction is Direction.OUTBOUND and call.sent_to != asked_for
    if called_by_us or (recalled(call) and call.rules.park_end is ParkEnd.HANG_UP):
        return ""
    if resort and not recalled(call):
        return resort
    if call.sent_to == asked_for and call.sent_by not in ("", agent_id):
        return f"agent:{call.sent_by}"
    return f"voicemail:{agent_id}"


def to_take_over(talk: Conversation, supervisor_id: str, agent_id: str = "") -> Leg | None:
    """Whose place a supervisor takes: that of the agent named, of whom they are with, or of the call's agent; None
    where no agent talks. CallNotTalking, CallEnded, NotOnCall."""
    in_conversation(talk)
    watching = talk.of_supervisor(supervisor_id)
    beside = talk.of_agent(watching.supervised_agent_id) if watching is not None else None
    found = talk.of_agent(agent_id) if agent_id else beside or talk.of_agent(talk.call.agent_id)
    if agent_id and (found is None or not found.answered):
        raise NotOnCall("this agent doesn't talk in the call")
    return found


def taken_over(talk: Conversation, leg: Leg, now: datetime, agent_id: str = "") -> Outcome:
    """`leg` of a supervisor takes an agent's place, as `to_take_over` says whose."""
    before = to_take_over(talk, leg.agent_id, agent_id)
    watching = talk.of_supervisor(leg.agent_id)
    changed = [leg_rules.ended(watching, now)] if watching is not None else []
    after = talk.with_legs(*changed)
    if before is not None and before.consulted:  # only asked, and so is who has their place
        leg = dataclasses.replace(leg, consulted=True, invited_by=before.invited_by, held=before.held)
    after = add(after, leg).after
    if before is None or before.agent_id == talk.call.agent_id:
        contact_id = leg.contact_id or after.call.contact_id
        after = dataclasses.replace(
            after, call=dataclasses.replace(after.call, agent_id=leg.agent_id, contact_id=contact_id)
        )
    if before is None:
        return Outcome(after)
    over = leg_rules.ended(before, now)
    moved = [
        dataclasses.replace(other, supervised_agent_id=leg.agent_id)
        for other in after.live_legs
        if other.party == Party.SUPERVISOR and other.supervised_agent_id == before.agent_id
    ]
    # Whom they ask is asked by who has their place: what the two say stays theirs.
    moved += [
        dataclasses.replace(other, invited_by=leg.leg_id)
        for other in after.live_legs
        if other.consulted and other.invited_by == before.leg_id
    ]
    return Outcome(after.with_legs(over, *moved), (Left(over, LeftReason.TAKEN_OVER),))


def _without_agents(talk: Conversation, call: Call, reason: LeftReason, now: datetime) -> Outcome:
    over = [leg_rules.ended(leg, now) for leg in talk.live_legs if leg.party != Party.CUSTOMER]
    left = tuple(Left(leg, reason) for leg in over if leg.party == Party.AGENT and leg.contact_id)
    call = dataclasses.replace(call, agent_id="")
    return Outcome(dataclasses.replace(talk, call=call).with_legs(leg_rules.freed(talk.customer), *over), left)
