"""An offer: one agent reserved for one contact until a deadline, and what each answer does to all three, and to the
offers that ring beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from kernel.errors import Conflict, FailedPrecondition, NotFound

from routing.domain import agents, contacts
from routing.domain.agents import AWAY, Agent, AgentTrigger, StationMissing
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact, ContactTrigger, NotInQueue
from routing.domain.queues import Queue


class OfferNotFound(NotFound):
    """No such offer, another tenant's, or another agent's."""

    reason = "OFFER_NOT_FOUND"


class OfferNotPending(FailedPrecondition):
    """It was answered, missed or taken back already."""

    reason = "OFFER_NOT_PENDING"


class OfferTaken(OfferNotPending):
    """A colleague has the contact: nothing is held against whose offer it was."""

    reason = "OFFER_TAKEN"


class DecisionStale(Conflict):
    """The matcher decided on an older version of the contact or the agent: look again."""

    reason = "DECISION_STALE"


class OfferState(StrEnum):
    """What became of an offer."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    MISSED = "MISSED"
    RESCINDED = "RESCINDED"


class RescindReason(StrEnum):
    """Why an offer was taken back."""

    TAKEN = "TAKEN"
    """A colleague has the contact: it rang there too, or they picked it up."""
    CONTACT_LEFT = "CONTACT_LEFT"
    """The contact waits no more: the customer left, or it goes another way."""
    AGENT_GONE = "AGENT_GONE"
    """Its agent can't answer it any more."""
    NOT_RUNG = "NOT_RUNG"
    """It never rang, and its time is over."""


@dataclass(frozen=True)
class Offer:
    """`queue_name` and `waited` are as they were when it was made."""

    offer_id: str
    state: OfferState
    contact_id: str
    agent_id: str
    create_time: datetime
    expire_time: datetime
    queue_id: str
    queue_name: str
    waited: timedelta
    answer_time: datetime | None = None
    away: bool = False
    """Whether it rings at the agent's telephones alone."""
    kept: bool = False
    """Whether the agent is only kept for a customer who is called first: it rings nowhere yet."""
    companion: bool = False
    """Whether it was made beside another offer of the same contact, to ring together with it."""
    rescind_reason: RescindReason | None = None
    version: int = 1
    auto_accept: bool = False
    """Whether it is accepted by itself, after a tone, where the agent's softphone is connected."""


@dataclass(frozen=True)
class Weighed:
    """One agent weighed in a decision; `idle_seconds` when it was made."""

    agent_id: str
    idle_seconds: float
    score: int
    rejection: str
    value: float = 0.0


@dataclass(frozen=True)
class Decision:
    """How an agent was found for a contact."""

    offer_id: str
    contact_id: str
    rule: str
    candidates: Sequence[Weighed]
    create_time: datetime
    requirement: str = ""
    """What was asked for then, as an expression with skills by id."""
    steps: Sequence[int] = ()
    """Those of the queue's rules that had come, counted from 0."""


class Beside(NamedTuple):
    """Another offer that rings for the same contact, with its agent."""

    offer: Offer
    agent: Agent


@dataclass(frozen=True)
class Move:
    """The three after one verb, and what rings `beside` the offer, the first made first: as many as `contact.ringing`
    says, less one."""

    offer: Offer
    contact: Contact
    agent: Agent
    beside: tuple[Beside, ...] = ()


def made(
    offer_id: str,
    contact: Contact,
    agent: Agent,
    queue: Queue,
    now: datetime,
    rules: CapacityRules = USUAL_RULES,
    *,
    kept_for: timedelta | None = None,
) -> Move:
    """The agent reserved for the contact, for as long as it rings at the desk or at their telephones, or `kept_for` a
    customer who is called first. Refuses when either is not where an offer may find them."""
    away = agent.state in AWAY
    offer = Offer(
        offer_id, OfferState.PENDING, contact.contact_id, agent.agent_id, now,
        now + (_ring(contact, agent, queue) if kept_for is None else kept_for), queue.queue_id, queue.display_name,
        max(now - contact.queue_time, timedelta(0)), away=away, kept=kept_for is not None,
        auto_accept=not away and _accepts_itself(contact, agent, queue),
    )  # fmt: skip
    after = contacts.moved(
        contact, ContactTrigger.OFFER, agent_id=agent.agent_id, offer_count=contact.offer_count + 1, ringing=1,
        wrap_up_mode=queue.wrap_up_mode,
    )  # fmt: skip
    return Move(offer, after, agents.offered(agent, contact.contact_id, now, contact.channel, rules))


def rung_together(
    move: Move,
    lead: Agent,
    companions: Sequence[tuple[str, Agent]],
    queue: Queue,
    now: datetime,
    rules: CapacityRules = USUAL_RULES,
) -> Move:
    """An offer just made to this agent, and one for each of these companions (with the id it will have) that rings
    beside it, each for as long as it would by itself. They are at the desk, and have room for the contact. Nobody has
    had their turn until their offer comes to something."""
    contact = move.contact
    beside = tuple(
        Beside(
            replace(
                move.offer, offer_id=offer_id, agent_id=agent.agent_id, companion=True, auto_accept=False,
                expire_time=now + _ring(contact, agent, queue),
            ),
            _turn_kept(agents.offered(agent, contact.contact_id, now, contact.channel, rules), agent),
        )
        for offer_id, agent in companions
    )  # fmt: skip
    # Where it rings at several somebody takes it, or the best one would have it before the others hear of it.
    lead_offer = replace(move.offer, auto_accept=False)
    return Move(lead_offer, replace(contact, ringing=1 + len(beside)), _turn_kept(move.agent, lead), beside)


def presented(offer: Offer, contact: Contact, agent: Agent, queue: Queue, now: datetime) -> Offer:
    """The customer has answered: the offer that the agent was kept for rings from now on."""
    ring = agent.reach.away if offer.away else _ring(contact, agent, queue)
    return replace(
        offer, kept=False, create_time=now, expire_time=now + ring, version=offer.version + 1,
        waited=max(now - contact.queue_time, timedelta(0)),
    )  # fmt: skip


def _accepts_itself(contact: Contact, agent: Agent, queue: Queue) -> bool:
    """Calls, by the agent's or the queue's setting; never a colleague's question, to which they may say no."""
    wanted = agent.auto_accept or queue.auto_accept
    return wanted and contact.channel is contacts.Channel.VOICE and contact.kind is not contacts.ContactKind.CONSULT


def _ring(contact: Contact, agent: Agent, queue: Queue) -> timedelta:
    if agent.state in AWAY:
        return agent.reach.away
    found = contact.target_agent_id or agent.reach.queue_calls
    return max(queue.offer_timeout, agent.reach.desk) if found else queue.offer_timeout


def picked_up(offer_id: str, contact: Contact, agent: Agent, queue: Queue, now: datetime) -> Move:
    """The agent takes the contact without having been chosen for it: an offer that is accepted already."""
    if contact.target_agent_id != agent.agent_id and not (contact.queue_id and is_member(agent, queue)):
        raise NotInQueue("the contact waits in a queue you do not serve, or for another agent alone")
    waited = max(now - contact.queue_time, timedelta(0))
    offer = Offer(
        offer_id, OfferState.ACCEPTED, contact.contact_id, agent.agent_id, now, now, queue.queue_id,
        queue.display_name, waited, now,
    )  # fmt: skip
    after = contacts.moved(
        contact, ContactTrigger.PICK_UP, agent_id=agent.agent_id, answer_time=now, wrap_up_mode=queue.wrap_up_mode
    )
    if not agent.has_station:
        raise StationMissing("connect your microphone first: no station is attached")
    return Move(offer, after, agents.taking(agent, contact.contact_id, now, contact.channel))


def is_member(agent: Agent, queue: Queue) -> bool:
    """Whether the agent serves the queue, skills aside."""
    return queue.open_to_all or queue.queue_id in agent.queue_ids


def accepted(move: Move, now: datetime) -> Move:
    """The agent took it in time. Whoever it rang at as well is as idle as before."""
    require_presented(move.offer)
    if now >= move.offer.expire_time:
        raise OfferNotPending("the offer has expired", metadata={"state": OfferState.MISSED})
    return Move(
        _closed(move.offer, OfferState.ACCEPTED, now),
        contacts.moved(move.contact, ContactTrigger.ACCEPT, agent_id=move.agent.agent_id, answer_time=now),
        agents.accepted(_turn_had(move), now),
        _let_go(move.beside, now, RescindReason.TAKEN),
    )


def declined(move: Move, now: datetime) -> Move:
    """The agent said no and is NOT_READY. The contact rings on where it rings besides, else goes back to the head of
    its queue; one that nobody else may take is over."""
    require_presented(move.offer)
    return _turned_away(move, OfferState.DECLINED, agents.DECLINED, now)


def missed(move: Move, now: datetime, returns: timedelta = timedelta(0)) -> Move:
    """Nobody answered in time (RONA): as declined, and the agent `returns` by themselves after so long."""
    return _turned_away(move, OfferState.MISSED, agents.MISSED_OFFER, now, returns)


def rescinded(
    move: Move, contact: Contact, now: datetime, why: RescindReason = RescindReason.CONTACT_LEFT
) -> Move:  # fmt: skip
    """Taken back, with all that rings beside it, because the contact left: `contact` is how it left. The agents are as
    idle as before."""
    (offer, agent), *beside = _let_go((Beside(move.offer, move.agent), *move.beside), now, why)
    return Move(offer, contact, agent, tuple(beside))


def withdrawn(move: Move, now: datetime, why: RescindReason = RescindReason.AGENT_GONE) -> Move:
    """This one alone is taken back, because the agent can't answer it any more: the contact rings on where it rings
    besides, else goes back to the head of its queue."""
    (offer, agent), *_ = _let_go((Beside(move.offer, move.agent),), now, why)
    return Move(offer, _without(move), agent, move.beside)


def require_pending(offer: Offer) -> None:
    """OfferTaken for one whose contact a colleague has; OfferNotPending when it was answered, missed or taken back
    otherwise."""
    if offer.rescind_reason is RescindReason.TAKEN:
        raise OfferTaken("a colleague has taken it", metadata={"state": offer.state})
    if offer.state is not OfferState.PENDING:
        raise OfferNotPending(f"the offer was {offer.state.lower()} before", metadata={"state": offer.state})


def require_presented(offer: Offer) -> None:
    """OfferNotPending for one that rings nowhere yet."""
    if offer.kept:
        raise OfferNotPending("the customer has not answered yet", metadata={"state": offer.state})


def _turned_away(move: Move, state: OfferState, reason: str, now: datetime, returns: timedelta = timedelta(0)) -> Move:
    contact = move.contact
    after = (
        contacts.moved(contact, ContactTrigger.DEQUEUE, end_time=now, agent_id="")
        if contact.target_agent_id
        else _widened(_without(move), move.agent)
    )
    return Move(
        _closed(move.offer, state, now), after, agents.turned_away(_turn_had(move), reason, now, returns), move.beside
    )  # fmt: skip


def _turn_kept(agent: Agent, before: Agent) -> Agent:
    return replace(agent, last_offer_time=before.last_offer_time)


def _turn_had(move: Move) -> Agent:
    return replace(move.agent, last_offer_time=move.offer.create_time)


def _without(move: Move) -> Contact:
    """The contact once this offer came to nothing."""
    if move.beside:
        return contacts.rings_on(move.contact, move.beside[0].agent.agent_id, len(move.beside))
    return contacts.moved(move.contact, ContactTrigger.RETURN, agent_id="")


def _widened(contact: Contact, agent: Agent) -> Contact:
    """The contact once this agent didn't want it: one whose preferred agent they are waits for them no longer."""
    preferred = contact.preferred_agent_id == agent.agent_id
    return replace(contact, preferred_wait=timedelta(0)) if preferred else contact


def _let_go(offers: Sequence[Beside], now: datetime, why: RescindReason) -> tuple[Beside, ...]:
    return tuple(
        Beside(
            replace(_closed(offer, OfferState.RESCINDED, now), rescind_reason=why),
            agents.released(agent, AgentTrigger.RESCIND, now),
        )
        for offer, agent in offers
    )


def _closed(offer: Offer, state: OfferState, now: datetime) -> Offer:
    require_pending(offer)
    return replace(offer, state=state, answer_time=now, version=offer.version + 1)
