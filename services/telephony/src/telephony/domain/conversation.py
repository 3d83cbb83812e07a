"""A conversation: a call with its legs, and what everybody's verbs on it share. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kernel.errors import FailedPrecondition, NotFound, QuotaExceeded

from telephony.domain.calls import (
    TALK_STATES,
    Actor,
    Call,
    CallEnded,
    CallNotTalking,
    CallOfOtherAgent,
    CallState,
    Trigger,
    change,
)
from telephony.domain.legs import Leg, Party, SupervisionMode

MAX_PARTIES = 16
"""Legs of one call at most; a conference of eight with its supervisors fits twice."""


class LegNotFound(NotFound):
    """No such leg in this call, or it is over."""

    reason = "LEG_NOT_FOUND"


class LegIsCustomer(FailedPrecondition):
    """The customer can't be let go of while others talk on."""

    reason = "LEG_IS_CUSTOMER"


class LegOnHold(FailedPrecondition):
    """The leg is on hold already."""

    reason = "LEG_ON_HOLD"


class NobodyLeft(FailedPrecondition):
    """The customer would remain alone."""

    reason = "NOBODY_LEFT"


class NoConsult(FailedPrecondition):
    """Nobody is being consulted in this call."""

    reason = "NO_CONSULT"


class ConsultUnderWay(FailedPrecondition):
    """Somebody is being consulted in this call: join, complete or cancel that first."""

    reason = "CONSULT_UNDER_WAY"


class ConsultNotAnswered(FailedPrecondition):
    """The party consulted hasn't answered yet."""

    reason = "CONSULT_NOT_ANSWERED"


class NotOnCall(FailedPrecondition):
    """Only somebody who talks in the call can do this."""

    reason = "NOT_ON_CALL"


class OnCallAlready(FailedPrecondition):
    """This person takes part in the call already."""

    reason = "ON_CALL_ALREADY"


class PartyLimitReached(QuotaExceeded):
    """The call has as many parties as it can have."""

    reason = "PARTY_LIMIT_REACHED"


class LeftReason(Enum):
    """Why an agent's part in a call ended before the call."""

    TRANSFERRED = "TRANSFERRED"
    LEFT = "LEFT"
    DROPPED = "DROPPED"
    CONSULT_OVER = "CONSULT_OVER"
    TAKEN_OVER = "TAKEN_OVER"
    PARKED = "PARKED"
    HUNG_UP = "HUNG_UP"
    """The flow goes on with the customer."""
    NEVER_JOINED = "NEVER_JOINED"
    """They had asked for a call that somebody else had by then."""


@dataclass(frozen=True)
class Conversation:
    """A call and its legs, those that are over included."""

    call: Call
    legs: tuple[Leg, ...]

    @property
    def live_legs(self) -> tuple[Leg, ...]:
        return tuple(leg for leg in self.legs if leg.live)

    @property
    def customer(self) -> Leg:
        """The customer's leg; LegNotFound when it is over."""
        return self._one(leg for leg in self.live_legs if leg.party == Party.CUSTOMER)

    def leg(self, leg_id: str) -> Leg:
        """The live leg of this id. LegNotFound."""
        return self._one(leg for leg in self.live_legs if leg.leg_id == leg_id)

    def of_agent(self, agent_id: str) -> Leg | None:
        """The leg an agent talks with, or is rung on; None when they have none."""
        found = (leg for leg in self.live_legs if leg.party == Party.AGENT and leg.agent_id == agent_id)
        return next(found, None) if agent_id else None

    def of_supervisor(self, user_id: str) -> Leg | None:
        found = (leg for leg in self.live_legs if leg.party == Party.SUPERVISOR and leg.agent_id == user_id)
        return next(found, None)

    @property
    def consulted(self) -> Leg | None:
        """The party being consulted; None when nobody is."""
        return next((leg for leg in self.live_legs if leg.consulted), None)

    def with_legs(self, *changed: Leg) -> Conversation:
        """The same with these legs in place of those of the same id; new ones last."""
        by_id = {leg.leg_id: leg for leg in self.legs} | {leg.leg_id: leg for leg in changed}
        return dataclasses.replace(self, legs=tuple(by_id.values()))

    def _one(self, found: Iterable[Leg]) -> Leg:
        for leg in found:
            return leg
        raise LegNotFound("there is no such party in the call")


@dataclass(frozen=True)
class Left:
    """An agent whose part is over while the call goes on."""

    leg: Leg
    reason: LeftReason


@dataclass(frozen=True)
class Outcome:
    """What a verb made of a conversation."""

    after: Conversation
    left: tuple[Left, ...] = ()


def may_control(talk: Conversation, actor: Actor, *, own_part: bool = False) -> None:
    """Whether the actor may act on the call: agents only on one they take part in (CallOfOtherAgent, NotOnCall where no
    agent does), which one who is still being rung doesn't. Who is only asked decides on their `own_part`, and not on
    the customer's call. Who took part in one that is over hears so from the verb."""
    if actor.role != "agent" or talk.call.agent_id == actor.user_id:
        return
    own = talk.of_agent(actor.user_id)
    if own is None and not talk.call.live and any(leg.agent_id == actor.user_id for leg in talk.legs):
        return
    if own is None and talk.call.live and not talk.call.agent_id:
        raise NotOnCall("you don't talk in this call: no agent does now")
    if own is None or not own.answered:
        raise CallOfOtherAgent("this call is another agent's")
    if own.consulted and not own_part:
        raise CallOfOtherAgent("you are only asked in this call: leave it, or mute yourself")


def askers_alone(talk: Conversation, leg_id: str, actor: Actor) -> Conversation:
    """The conversation, in which the actor may act on this leg: a party that is consulted is its asker's, and of who
    took their place, until they are joined; others of a conference wait. CallOfOtherAgent."""
    asked = talk.consulted
    own = talk.of_agent(actor.user_id)
    if asked is not None and asked.leg_id == leg_id and own != asked and anothers_consult(talk, asked, own):
        raise CallOfOtherAgent("this party is asked by somebody else of the call: wait until they have joined them")
    return talk


def anothers_consult(talk: Conversation, asked: Leg, own: Leg | None) -> bool:
    """Whether `asked` is consulted by somebody else who is still there than who has the leg `own`. Supervisors, who
    have none, act on any."""
    asker = next((leg for leg in talk.live_legs if leg.leg_id == asked.invited_by), None)
    return own is not None and asker is not None and own.leg_id != asker.leg_id


def in_conversation(talk: Conversation) -> None:
    """CallEnded, CallNotTalking unless somebody talks in the call, held or not."""
    if not talk.call.live:
        raise CallEnded("the call has ended")
    if talk.call.state not in TALK_STATES:
        raise CallNotTalking("the call isn't in conversation")


def own_leg(talk: Conversation, actor: Actor) -> Leg:
    """The leg the actor talks with. NotOnCall."""
    leg = talk.of_agent(actor.user_id)
    if leg is None or not leg.answered:
        raise NotOnCall("only an agent who talks in this call can do this")
    return leg


# -- what verbs share ------------------------------------------------------------------------------------------


def no_consult(talk: Conversation) -> None:
    if talk.consulted is not None:
        raise ConsultUnderWay("join, complete or cancel the consult first")


def settled(talk: Conversation, now: datetime) -> Conversation:
    """The call's state follows whether the customer is on hold."""
    held = talk.customer.held
    if held == (talk.call.state is CallState.HELD):
        return raised(talk)
    return dataclasses.replace(talk, call=change(talk.call, Trigger.HOLD if held else Trigger.RESUME, now))


def raised(talk: Conversation) -> Conversation:
    return dataclasses.replace(talk, call=dataclasses.replace(talk.call, version=talk.call.version + 1))


def led_by_next(talk: Conversation) -> Conversation:
    """The call is the next agent's who talks in it, or nobody's."""
    following: Sequence[Leg] = [leg for leg in talk.live_legs if leg.party == Party.AGENT and leg.answered]
    first = following[0] if following else None
    call = dataclasses.replace(talk.call, agent_id=first.agent_id if first else "")
    if first is not None and first.contact_id:
        call = dataclasses.replace(call, contact_id=first.contact_id)
    return dataclasses.replace(talk, call=call)


def watched_on(talk: Conversation) -> Conversation:
    """Who supervises an agent who has left is with the agent who leads the call now. What they whispered was for the
    one who is gone: they listen."""
    if not talk.call.agent_id:
        return talk
    left = [
        leg
        for leg in talk.live_legs
        if leg.party == Party.SUPERVISOR and talk.of_agent(leg.supervised_agent_id) is None
    ]
    return talk.with_legs(*(_with(leg, talk.call.agent_id) for leg in left))


def _with(watching: Leg, agent_id: str) -> Leg:
    mode = SupervisionMode.LISTEN if watching.mode is SupervisionMode.WHISPER else watching.mode
    return dataclasses.replace(watching, supervised_agent_id=agent_id, mode=mode)
