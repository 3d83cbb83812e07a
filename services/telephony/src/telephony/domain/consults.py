"""Asking somebody while the customer waits: consult, swap, join, complete. Pure."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from telephony.domain.calls import Actor
from telephony.domain.conversation import (
    ConsultNotAnswered,
    Conversation,
    LeftReason,
    NoConsult,
    Outcome,
    anothers_consult,
    in_conversation,
    no_consult,
    own_leg,
    settled,
)
from telephony.domain.legs import Leg, freed
from telephony.domain.parties import add, gone, phone_hold


def begin_consult(talk: Conversation, actor: Actor, leg: Leg, now: datetime) -> Outcome:
    """Ask somebody while the customer waits. `leg` rings. ConsultUnderWay, NotOnCall, PartyLimitReached,
    OnCallAlready, CallNotTalking, CallEnded."""
    in_conversation(talk)
    own = own_leg(talk, actor)
    no_consult(talk)
    leg = dataclasses.replace(leg, consulted=True, invited_by=own.leg_id)
    after = add(talk, leg).after
    # Who had taken themselves out of a conference is back, to ask.
    asker = dataclasses.replace(own, held=False)
    return Outcome(settled(after.with_legs(dataclasses.replace(after.customer, held=True), asker), now))


def swap(talk: Conversation, actor: Actor, now: datetime) -> Outcome:
    """Exchange who is on hold, the customer or the party consulted. NoConsult, ConsultNotAnswered."""
    asked = _consult(talk, actor)
    customer = talk.customer
    changed = (dataclasses.replace(customer, held=not customer.held), dataclasses.replace(asked, held=customer.held))
    return Outcome(settled(talk.with_legs(*changed), now))


def phone_lines(talk: Conversation, own: Leg, *, customer: bool, asked: bool, now: datetime) -> Outcome:
    """A desk phone's two calls: the agent, whose leg is `own`, talks to the customer, to the party consulted, or to
    neither, as the phone holds them; who isn't talked to is on hold. Who rings still isn't held yet. Once nobody is
    consulted any more, the customer's line is all there is. NoConsult, and what `parties.phone_hold` refuses."""
    party = talk.consulted
    if party is None:
        return phone_hold(talk, own, not customer, now)
    in_conversation(talk)
    if party.leg_id == own.leg_id:
        raise NoConsult("you are not consulting anybody")
    _not_anothers(talk, party, own)
    changed = [dataclasses.replace(talk.customer, held=not customer), dataclasses.replace(own, held=False)]
    if party.answered:
        changed.append(dataclasses.replace(party, held=not asked))
    return Outcome(settled(talk.with_legs(*changed), now))


def join(talk: Conversation, actor: Actor, now: datetime) -> Outcome:
    """Everybody hears everybody. NoConsult, ConsultNotAnswered."""
    asked = _consult(talk, actor)
    changed = (
        dataclasses.replace(talk.customer, held=False),
        dataclasses.replace(asked, held=False, consulted=False),
    )
    return Outcome(settled(talk.with_legs(*changed), now))


def complete(talk: Conversation, actor: Actor, now: datetime) -> Outcome:
    """The customer goes to the party consulted, who hears them whoever muted them; the actor leaves. NoConsult,
    ConsultNotAnswered."""
    together = join(talk, actor, now).after
    together = together.with_legs(freed(together.customer))
    return gone(together, own_leg(talk, actor).leg_id, now, reason=LeftReason.TRANSFERRED)


def cancel_consult(talk: Conversation, actor: Actor, now: datetime) -> Outcome:
    """Let the party consulted go and take the customer back. NoConsult, CallEnded."""
    in_conversation(talk)
    asked = talk.consulted
    if asked is None:
        raise NoConsult("nobody is being consulted")
    _not_anothers(talk, asked, talk.of_agent(actor.user_id))
    outcome = gone(talk, asked.leg_id, now, reason=LeftReason.CONSULT_OVER)
    customer = dataclasses.replace(outcome.after.customer, held=False)
    return Outcome(settled(outcome.after.with_legs(customer), now), outcome.left)


def _consult(talk: Conversation, actor: Actor) -> Leg:
    in_conversation(talk)
    own = own_leg(talk, actor)
    asked = talk.consulted
    if asked is None or asked.leg_id == own.leg_id:
        raise NoConsult("you are not consulting anybody")
    _not_anothers(talk, asked, own)
    if not asked.answered:
        raise ConsultNotAnswered("the party consulted hasn't answered yet")
    return asked


def _not_anothers(talk: Conversation, asked: Leg, own: Leg | None) -> None:
    """What is said in a consult is its asker's to share: others of a conference wait. Who took their place may."""
    if anothers_consult(talk, asked, own):
        raise NoConsult("somebody else of this call is consulting: wait until they are done")
