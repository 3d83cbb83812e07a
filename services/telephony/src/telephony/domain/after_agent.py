"""The last agent has left and the customer is on the line: their flow goes on with them. Pure.

Flows says so with the instruction that lets the call wait (`Call.kept_run_id` is that run). The run stands still while
somebody talks with the customer, whoever that is and however they came.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

from telephony.domain import legs as leg_rules
from telephony.domain.calls import TALK_STATES, Actor, Call, Served, Trigger, change
from telephony.domain.conversation import Conversation, Left, LeftReason, Outcome
from telephony.domain.legs import Q850, Leg, LegState, Party

_SAID_TWICE = timedelta(seconds=5)


def goes_on(talk: Conversation) -> bool:
    """Whether there is a flow to go on with, and a customer on the line. One whose media is lost hears no question."""
    customer = next((leg for leg in talk.live_legs if leg.party == Party.CUSTOMER), None)
    there = customer is not None and customer.state is not LegState.MEDIA_LOST
    kept = bool(talk.call.kept_run_id) and talk.call.state in TALK_STATES
    return kept and there and last_agent(talk) is not None


def may_go_on(call: Call) -> bool:
    """Whether flows may go on after the agent who talks, which isn't known yet: what is built in never does."""
    own = not call.sent_to or call.sent_to.startswith("flow:")
    return call.state in TALK_STATES and not call.kept_run_id and own and bool(call.flow_id or call.sent_to)


def hands_back(talk: Conversation, actor: Actor) -> bool:
    """Whether the call goes on when this actor hangs up: one who talks in it, and not one who ends somebody else's."""
    own = talk.of_agent(actor.user_id)
    return own is not None and own.answered and not own.consulted and goes_on(talk)


def handed_back_just_now(talk: Conversation, actor: Actor, now: datetime) -> bool:
    """Whether this actor has just hung up: who says it twice doesn't mean the customer, who is asked by now."""
    served = talk.call.served
    if served is None or not talk.call.resumed or talk.call.state in TALK_STATES:
        return False
    own = [leg.leave_time for leg in talk.legs if leg.party == Party.AGENT and leg.agent_id == actor.user_id]
    return any(left is not None and now - left < _SAID_TWICE for left in own)


def kept_by(call: Call, target_kind: str) -> str:
    """The run that goes on after the last agent once an agent has sent the customer on: it stays where a colleague
    goes on with the conversation; a queue, or another flow, has what follows of its own."""
    return call.kept_run_id if target_kind == "agent" else ""


def hung_up(leg: Leg, q850: int) -> bool:
    """Whether who is gone has hung up: an agent whose telephone failed has not."""
    return leg.party != Party.AGENT or not leg.answered or q850 == Q850.NORMAL


def last_agent(talk: Conversation) -> Leg | None:
    """Whose customer it was: the call's agent, else who left last."""
    talked = [leg for leg in talk.legs if leg.party == Party.AGENT and leg.join_time is not None]
    own = next((leg for leg in talked if leg.live and leg.agent_id == talk.call.agent_id), None)
    gone = sorted((leg.leave_time, leg.leg_id) for leg in talked if leg.leave_time is not None)
    return own or next((leg for leg in talked if gone and leg.leg_id == gone[-1][1]), None)


def handed_back(outcome: Outcome, now: datetime) -> Outcome:
    """Everybody but the customer leaves, and flows leads the call. `goes_on` said that it may."""
    talk = outcome.after
    agent = last_agent(talk)
    assert agent is not None
    over = [leg_rules.ended(leg, now) for leg in talk.live_legs if leg.party != Party.CUSTOMER]
    left = [Left(each.leg, _reason(each.reason)) for each in outcome.left]
    talked = {leg.leg_id for leg in talk.live_legs if leg.answered}
    left += [
        Left(leg, LeftReason.HUNG_UP)
        for leg in over
        if leg.party == Party.AGENT and leg.contact_id and leg.leg_id in talked
    ]
    call = talk.call
    contact_id = agent.contact_id or call.contact_id
    call = dataclasses.replace(
        change(call, Trigger.GO_ON, now),
        agent_id="",
        contact_id=contact_id,
        run_id=call.kept_run_id,
        kept_run_id="",
        served=Served(call.kept_run_id, contact_id, agent.agent_id),
        sent_to="",
        sent_by="",
        forwarded_by=(),
    )
    customer = leg_rules.freed(talk.customer)
    return Outcome(dataclasses.replace(talk, call=call).with_legs(customer, *over), tuple(left))


def _reason(reason: LeftReason) -> LeftReason:
    return LeftReason.HUNG_UP if reason is LeftReason.LEFT else reason
