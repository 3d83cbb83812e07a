"""Who is in a call and how: holds, microphones, comings and goings. Pure.

Nearly everything an agent can do with a call is a change of its legs: a consult is the customer on hold and a new leg,
a swap exchanges who is on hold, a conference is nobody on hold. What follows for the ears is `hearing.py`'s.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

from telephony.domain import legs as leg_rules
from telephony.domain.calls import TALK_STATES, Actor, Call, CallEnded, CallNotHeld, CallState
from telephony.domain.conversation import (
    MAX_PARTIES,
    Conversation,
    Left,
    LeftReason,
    LegIsCustomer,
    LegNotFound,
    LegOnHold,
    NobodyLeft,
    NotOnCall,
    OnCallAlready,
    Outcome,
    PartyLimitReached,
    anothers_consult,
    askers_alone,
    in_conversation,
    led_by_next,
    may_control,
    no_consult,
    own_leg,
    raised,
    settled,
    watched_on,
)
from telephony.domain.legs import Leg, LegTrigger, Party


def hold(talk: Conversation, leg_id: str, now: datetime) -> Outcome:
    """Put a party on hold, the customer when no leg is named, or one of an agent whom alone the customer hears: they
    would wait with music all the same, in a call that says it talks. CallNotTalking, CallEnded, LegOnHold,
    LegNotFound."""
    in_conversation(talk)
    leg = _holdable(talk, leg_id)
    if _heard_alone(talk, leg):
        leg = talk.customer
    if leg.held:
        raise LegOnHold("they are on hold already")
    return Outcome(settled(talk.with_legs(dataclasses.replace(leg, held=True)), now))


def resume(talk: Conversation, leg_id: str, now: datetime) -> Outcome:
    """Take a party back, the customer when no leg is named. CallNotHeld, CallEnded, LegNotFound.

    A customer and a party consulted who aren't joined never hear each other: taking one back puts the other on hold.
    """
    if not talk.call.live:
        raise CallEnded("the call has ended")
    if talk.call.state not in TALK_STATES:
        raise CallNotHeld("the call isn't in conversation")
    leg = _holdable(talk, leg_id)
    if not leg.held and talk.customer.held and _heard_alone(talk, leg):
        leg = talk.customer
    if not leg.held:
        raise CallNotHeld("the party isn't on hold")
    return Outcome(settled(_apart(talk.with_legs(dataclasses.replace(leg, held=False)), leg), now))


def phone_hold(talk: Conversation, own: Leg, held: bool, now: datetime) -> Outcome:
    """The hold key of an agent's phone, whose leg is `own`: alone with the customer it holds them; in a conference it
    takes this agent out, and the others go on. Taken back is what it held. LegOnHold, CallNotHeld, CallNotTalking,
    CallEnded; ConsultUnderWay: one key for two parties silences the phone, and says nothing of whom its agent wants
    back."""
    no_consult(talk)
    if held:
        return hold(talk, "" if _heard_alone(talk, own) else own.leg_id, now)
    return resume(talk, own.leg_id if own.held else "", now)


def _heard_alone(talk: Conversation, leg: Leg) -> bool:
    """Whether it is an agent's, and nobody else is there to talk with the customer."""
    others = [other for other in talk.live_legs if other.party in (Party.AGENT, Party.PARTICIPANT)]
    return leg.party == Party.AGENT and not any(other.answered and not other.held for other in others if other != leg)


def _apart(talk: Conversation, kept: Leg) -> Conversation:
    """The customer or the party consulted on hold where both would be talked to, but `kept`."""
    asked, customer = talk.consulted, talk.customer
    if asked is None or not asked.answered or asked.held or customer.held:
        return talk
    other = asked if kept.leg_id == customer.leg_id else customer
    return talk.with_legs(dataclasses.replace(other, held=True))


def mute(talk: Conversation, leg_id: str, actor: Actor, muted: bool) -> Outcome:
    """Mute a leg, the actor's own (or the call's agent's) when none is named. The version rises even when nothing
    changes: what is heard may, after a wish whose answer was lost."""
    after = talk.with_legs(dataclasses.replace(to_mute(talk, leg_id, actor), muted=muted))
    return Outcome(raised(after))


def to_mute(talk: Conversation, leg_id: str, actor: Actor) -> Leg:
    """Whom `mute` is about. CallNotTalking, CallEnded, LegNotFound, NotOnCall; CallOfOtherAgent for who is only asked
    and means somebody else, and as `conversation.askers_alone` says."""
    if talk.call.state is not CallState.DIALING:  # who rings somebody may not want to be heard when they answer
        in_conversation(talk)
    own = talk.of_agent(actor.user_id) or talk.of_supervisor(actor.user_id)
    leg = talk.leg(leg_id) if leg_id else own or talk.of_agent(talk.call.agent_id)
    if leg is None:
        raise NotOnCall("nobody of the tenant talks in this call")
    may_control(talk, actor, own_part=own is not None and leg.leg_id == own.leg_id)
    askers_alone(talk, leg.leg_id, actor)
    return leg


def _holdable(talk: Conversation, leg_id: str) -> Leg:
    leg = talk.leg(leg_id) if leg_id else talk.customer
    if leg.party == Party.SUPERVISOR or not leg.answered:
        raise LegNotFound("there is no such party in the call")
    return leg


# -- parties come and go ---------------------------------------------------------------------------------------


def joined(talk: Conversation, agent: Leg, call: Call) -> Outcome:
    """An agent answered: `call` is the call with them. A ringing leg of theirs is the one that answered."""
    ringing = talk.of_agent(agent.agent_id)
    if ringing is not None:
        agent = dataclasses.replace(agent, leg_id=ringing.leg_id, invited_by=ringing.invited_by)
    talk = _watches_no_more(talk, agent, call.state_time)
    return Outcome(dataclasses.replace(talk, call=call).with_legs(leg_rules.freed(talk.customer), agent))


def _watches_no_more(talk: Conversation, agent: Leg, now: datetime) -> Conversation:
    """Who listened talks now: one station, one leg."""
    watching = talk.of_supervisor(agent.agent_id) if agent.party == Party.AGENT and agent.agent_id else None
    return talk if watching is None else talk.with_legs(leg_rules.ended(watching, now))


def found(talk: Conversation, agent_id: str, now: datetime) -> Conversation:
    """An agent was found: their other telephones stop ringing."""
    others = [leg for leg in talk.live_legs if leg.party == Party.SOUGHT and leg.agent_id == agent_id]
    return talk.with_legs(*(leg_rules.ended(leg, now, leg_rules.Q850.ANSWERED_ELSEWHERE) for leg in others))


def add(talk: Conversation, leg: Leg) -> Outcome:
    """One more leg. PartyLimitReached, OnCallAlready. Who listens in secret may be asked as anybody else: a refusal
    would tell that they do."""
    if len(talk.live_legs) >= MAX_PARTIES:
        raise PartyLimitReached(f"a call has {MAX_PARTIES} parties at most")
    known = [other for other in talk.live_legs if leg.agent_id and other.agent_id == leg.agent_id]
    if any(other.party != Party.SUPERVISOR for other in known):
        raise OnCallAlready("this person takes part in the call already")
    return Outcome(raised(talk.with_legs(leg)))


def answered(talk: Conversation, leg_id: str, now: datetime) -> Outcome:
    """A ringing party answered. LegNotFound when it is over."""
    leg = talk.leg(leg_id)
    if leg.answered:
        return Outcome(talk)
    connected = leg_rules.change_leg(leg, LegTrigger.ANSWER) or leg
    after = _watches_no_more(talk, leg, now).with_legs(dataclasses.replace(connected, join_time=now))
    # The agent may have taken the customer back meanwhile: then whoever was asked waits until they turn to them.
    return Outcome(watched_on(_put_through(_apart(after, after.customer), now)) if leg.consulted else raised(after))


def gone(
    talk: Conversation,
    leg_id: str,
    now: datetime,
    q850: int = leg_rules.Q850.NORMAL,
    sip_status: int = 0,
    reason: LeftReason = LeftReason.LEFT,
) -> Outcome:
    """A party that isn't the customer is gone: it hung up, didn't answer, or was let go. The others talk on; an agent
    alone with a held customer takes them back by hand. Whoever was asked by an agent who is gone has the customer, and
    supervisors stay with the agent who leads the call."""
    leg = talk.leg(leg_id)
    ended = leg_rules.ended(leg, now, q850, sip_status)
    after = talk.with_legs(ended)
    left = (Left(ended, reason),) if leg.party == Party.AGENT and leg.contact_id and leg.answered else ()
    # Supervisors are with somebody; alone with the customer they would be strangers on the line.
    if not any(other.party == Party.AGENT for other in after.live_legs):
        watching = [leg for leg in after.live_legs if leg.party == Party.SUPERVISOR]
        after = after.with_legs(*(leg_rules.ended(leg, now) for leg in watching))
    if leg.agent_id == talk.call.agent_id and leg.party == Party.AGENT:
        after = led_by_next(after)
    return Outcome(watched_on(_put_through(after, now)), left)


def drop(talk: Conversation, leg_id: str, now: datetime) -> Outcome:
    """Let one party go. LegIsCustomer, LegNotFound, NobodyLeft, CallNotTalking, CallEnded."""
    in_conversation(talk)
    leg = talk.leg(leg_id)
    if leg.party == Party.CUSTOMER:
        raise LegIsCustomer("end the call, or transfer it")
    if leg.party != Party.SUPERVISOR and leg.answered:
        _somebody_stays(talk, leg)
    reason = LeftReason.CONSULT_OVER if leg.consulted else LeftReason.DROPPED
    return gone(talk, leg_id, now, reason=reason)


def leave(talk: Conversation, actor: Actor, now: datetime) -> Outcome:
    """The actor leaves, the others talk on, and those who consult go on with it. NotOnCall, NobodyLeft, CallNotTalking,
    CallEnded; ConsultUnderWay for who consults, or would leave somebody who is consulted to nobody."""
    in_conversation(talk)
    leg = own_leg(talk, actor)
    if leg.consulted:
        return gone(talk, leg.leg_id, now, reason=LeftReason.CONSULT_OVER)
    if talk.consulted is None or not anothers_consult(talk, talk.consulted, leg):
        no_consult(talk)
    _somebody_stays(talk, leg)
    return gone(talk, leg.leg_id, now)


def _put_through(talk: Conversation, now: datetime) -> Conversation:
    """Without an agent who could join those who wait, take them off hold or unmute them, whoever is there talks to the
    customer; an agent who has muted themselves stays so. Agents who are on hold themselves are back where nobody else
    talks; a customer on hold is theirs to take back."""
    there = [leg for leg in talk.live_legs if leg.answered and leg.party in (Party.AGENT, Party.PARTICIPANT)]
    if there and all(leg.held for leg in there):
        there = [dataclasses.replace(leg, held=leg.party != Party.AGENT) for leg in there]
        talk = talk.with_legs(*there)
    if not there or any(leg.party == Party.AGENT and not leg.consulted for leg in there):
        return raised(talk)
    heard = [leg if leg.party == Party.AGENT else leg_rules.freed(leg) for leg in (talk.customer, *there)]
    after = settled(talk.with_legs(*(dataclasses.replace(leg, held=False, consulted=False) for leg in heard)), now)
    return after if after.call.agent_id else led_by_next(after)


def _somebody_stays(talk: Conversation, leaving: Leg) -> None:
    stays = [
        leg
        for leg in talk.live_legs
        if leg.leg_id != leaving.leg_id and leg.answered and leg.party in (Party.AGENT, Party.PARTICIPANT)
    ]
    if not stays:
        raise NobodyLeft("the customer would remain alone: end the call, or transfer it")
