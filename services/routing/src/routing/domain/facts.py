"""What routing tells the others: past tense, whole values, so that a listener need not ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from routing.domain.agents import Agent, AgentState
from routing.domain.callbacks import Callback
from routing.domain.capacity import CapacityRules
from routing.domain.contacts import Contact
from routing.domain.offers import Offer
from routing.domain.queues import Queue


@dataclass(frozen=True)
class ContactQueued:
    """A contact began to wait."""

    contact: Contact


@dataclass(frozen=True)
class ContactChanged:
    """What a waiting contact asks for, or its priority, changed."""

    contact: Contact


@dataclass(frozen=True)
class ContactOverflowed:
    """A waiting contact was sent to another queue."""

    contact: Contact


@dataclass(frozen=True)
class ContactStarted:
    """A contact began with its agent on it."""

    contact: Contact


@dataclass(frozen=True)
class ContactDequeued:
    """A waiting contact is over, and its call goes on."""

    contact: Contact
    reason: str


@dataclass(frozen=True)
class ContactAbandoned:
    """The customer left before an agent answered."""

    contact: Contact
    short_abandon: bool


@dataclass(frozen=True)
class WrapUpStarted:
    """Talking ended; wrap-up began."""

    contact: Contact


@dataclass(frozen=True)
class WrapUpChanged:
    """Its agent asked for wrap-up or takes more of it, or it has a timer now."""

    contact: Contact


@dataclass(frozen=True)
class ContactEnded:
    """A contact is over."""

    contact: Contact
    by_timer: bool


@dataclass(frozen=True)
class ContactCorrected:
    """The end of its talk was put right."""

    contact: Contact


@dataclass(frozen=True)
class OfferMade:
    """An agent was reserved for a contact."""

    offer: Offer
    contact: Contact


@dataclass(frozen=True)
class OfferAccepted:
    """The agent accepted."""

    offer: Offer
    contact: Contact


@dataclass(frozen=True)
class OfferDeclined:
    """The agent declined."""

    offer: Offer
    contact: Contact


@dataclass(frozen=True)
class OfferMissed:
    """The agent did not answer in time."""

    offer: Offer
    contact: Contact


@dataclass(frozen=True)
class OfferRescinded:
    """The offer was taken back."""

    offer: Offer
    contact: Contact


@dataclass(frozen=True)
class AgentStateChanged:
    """An agent's state, reason or next state changed."""

    agent: Agent
    previous_state: AgentState
    previous_state_time: datetime


@dataclass(frozen=True)
class AgentChanged:
    """An agent's name, skills or queues changed."""

    agent: Agent


@dataclass(frozen=True)
class CapacityChanged:
    """How much agents handle at once changed."""

    rules: CapacityRules


@dataclass(frozen=True)
class QueueChanged:
    """A queue was created or changed."""

    queue: Queue


@dataclass(frozen=True)
class QueueDeleted:
    """A queue was deleted."""

    queue_id: str


@dataclass(frozen=True)
class CallbackFact:
    """What became of a callback."""

    callback: Callback


class CallbackRequested(CallbackFact):
    """Somebody asked to be called back."""


class CallbackRescheduled(CallbackFact):
    """Another time was set."""


class CallbackQueued(CallbackFact):
    """It is in line."""


class CallbackHeld(CallbackFact):
    """It is out of the line until its queue opens."""


class CallbackReleased(CallbackFact):
    """An agent has it, and calls."""


class CallbackAttempted(CallbackFact):
    """An attempt is over."""


class CallbackCompleted(CallbackFact):
    """The customer was reached, or a message left."""


class CallbackFailed(CallbackFact):
    """Every attempt came to nothing."""


class CallbackCancelled(CallbackFact):
    """Nobody calls."""


class CallbackExpired(CallbackFact):
    """Nobody could call in time."""


OfferFact = OfferMade | OfferAccepted | OfferDeclined | OfferMissed | OfferRescinded
ContactFact = (
    ContactQueued | ContactChanged | ContactOverflowed | ContactStarted | ContactDequeued | ContactAbandoned
    | WrapUpStarted | WrapUpChanged | ContactEnded | ContactCorrected
)  # fmt: skip
Fact = (
    ContactFact | OfferFact | CallbackFact | AgentStateChanged | AgentChanged | CapacityChanged | QueueChanged
    | QueueDeleted
)  # fmt: skip


def key_of(fact: Fact) -> str:
    """The entity whose facts stay in order: an offer's go with its contact's."""
    if isinstance(fact, AgentStateChanged | AgentChanged):
        return fact.agent.agent_id
    if isinstance(fact, CapacityChanged):
        return "capacity"
    if isinstance(fact, QueueChanged):
        return fact.queue.queue_id
    if isinstance(fact, QueueDeleted):
        return fact.queue_id
    if isinstance(fact, CallbackFact):
        return fact.callback.callback_id
    return fact.contact.contact_id
