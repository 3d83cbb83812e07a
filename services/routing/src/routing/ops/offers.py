"""Offers: made by the matcher, answered by the agent, missed by the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chassis.statements import Sought
from kernel.ids import new_id

from routing.domain import offers, requirements
from routing.domain.agents import Agent
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact, ContactNotFound, ContactState
from routing.domain.facts import (
    ContactDequeued,
    OfferAccepted,
    OfferDeclined,
    OfferFact,
    OfferMade,
    OfferMissed,
    OfferRescinded,
)
from routing.domain.matches import Match
from routing.domain.offers import Decision, DecisionStale, Move, Offer, OfferNotFound, RescindReason, Weighed
from routing.domain.views import ready_of
from routing.ledger import Ledger
from routing.ops.agents import get_agent
from routing.ops.queues import rules_of
from routing.ops.releasing import agent_gone, keep_agent, release, require_not_rung
from routing.ops.saving import move_of, put_agent, put_contact, put_move
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as contact_store
from routing.store import offers as store
from routing.store import queues as queue_store

PICKED_UP = "picked_up"


def sought_by(match: Match) -> list[Sought]:
    """Rows that carrying it out reads, as a rule."""
    queue_id = match.contact.queue_id
    return [
        contact_store.sought_contact(match.contact.contact_id),
        agent_store.sought_agent(match.agent.agent_id),
        *([queue_store.sought_queue(queue_id)] if queue_id else []),
    ]


async def make_offer(tx: Ledger, match: Match, now: datetime) -> Offer:
    """Carry out what the matcher proposed: contact and agent move together, or nothing does, and with them those of the
    companions who still are what the matcher saw. For a callback whose customer is called first one agent is kept;
    `present` lets it ring.

    DecisionStale when contact or agent is no longer what the matcher saw; whoever tries, one ring comes of it.
    """
    contact = await contact_store.find_contact(tx, match.contact.contact_id)
    if contact is None or contact.state is not ContactState.QUEUED or contact.version != match.contact.version:
        raise DecisionStale("the contact changed since")
    agent = await agent_store.find_agent(tx, match.agent.agent_id)
    if agent is None or agent.version != match.agent.version:
        raise DecisionStale("the agent changed since")
    rules = await capacity_store.find_rules(tx) if agent.held or match.companions else USUAL_RULES
    if ready_of(agent, rules) is None:
        raise DecisionStale("the agent can't be reached any more")
    if contact.target_agent_id not in ("", agent.agent_id):
        raise DecisionStale("the contact is for another agent")
    queue = await rules_of(tx, contact.queue_id)
    kept_for = await keep_agent(tx, contact, agent.agent_id, queue, now)
    move = offers.made(new_id("ofr", now), contact, agent, queue, now, rules, kept_for=kept_for)
    companions = [] if move.offer.kept or move.offer.away else await _companions(tx, match, contact, rules)
    if companions:
        # In the order of their ids they are the first when those before them are gone.
        ids = sorted(new_id("ofr", now) for _ in companions)
        move = offers.rung_together(move, agent, list(zip(ids, companions, strict=True)), queue, now, rules)
    await put_contact(tx, contact, move.contact, now)
    await store.add_decision(tx, _decision(move, match, now))
    ring = (offers.Beside(move.offer, move.agent), *move.beside)
    for before, (offer, after) in zip([agent, *companions], ring, strict=True):
        await store.add_offer(tx, offer)
        if not offer.kept:
            tx.tell(OfferMade(offer, move.contact))
        await put_agent(tx, before, after, now)
    return move.offer


async def _companions(tx: Ledger, match: Match, contact: Contact, rules: CapacityRules) -> list[Agent]:
    """Those of the match who can ring along still, the best first."""
    seen = {each.agent_id: each.version for each in match.companions}
    if not seen:
        return []
    found = {each.agent_id: each for each in await agent_store.find_agents(tx, list(seen))}
    able: list[Agent] = []
    for agent in (found[agent_id] for agent_id in seen if agent_id in found):
        ready = ready_of(agent, rules) if agent.version == seen[agent.agent_id] else None
        if ready is not None and not ready.away and ready.takes(contact.channel):
            able.append(agent)
    return able


async def present(tx: Ledger, contact: Contact, now: datetime) -> None:
    """The contact's customer has answered: the offer of the agent who is kept for them rings from now on."""
    offer = await store.pending_offer(tx, contact_id=contact.contact_id)
    if offer is None or not offer.kept:
        return
    move = await move_of(tx, offer)
    after = offers.presented(offer, contact, move.agent, await rules_of(tx, contact.queue_id), now)
    await store.change_offer(tx, after, offer.version, now)
    tx.tell(OfferMade(after, contact))


async def pick_up(tx: Ledger, contact_id: str, agent_id: str, now: datetime) -> tuple[Offer, Contact]:
    """The agent takes a waiting contact, also from a colleague at whom it rings: one transaction, and one has it.

    ContactNotFound, ContactMoved, CallbackMoved, NotInQueue, AgentNotAvailable, StationMissing.
    """
    agent = await get_agent(tx, agent_id)
    contact = await contact_store.find_contact(tx, contact_id)
    if contact is None:
        raise ContactNotFound("no such contact")
    await require_not_rung(tx, contact)
    taken = offers.picked_up(new_id("ofr", now), contact, agent, await rules_of(tx, contact.queue_id), now)
    ringing = await store.pending_offer(tx, contact_id=contact_id)
    if ringing is None:
        await put_contact(tx, contact, taken.contact, now)
    else:
        before = await move_of(tx, ringing)
        taken_back = offers.rescinded(before, taken.contact, now, RescindReason.TAKEN)
        await put_move(tx, before, taken_back, OfferRescinded, now)
    await store.add_offer(tx, taken.offer)
    chosen = [Weighed(agent_id, 0.0, 0, "")]
    await store.add_decision(tx, Decision(taken.offer.offer_id, contact_id, PICKED_UP, chosen, now))
    tx.tell(OfferAccepted(taken.offer, taken.contact))
    await put_agent(tx, agent, taken.agent, now)
    await release(tx, taken.contact, now)
    return taken.offer, taken.contact


async def accept_offer(tx: Ledger, offer_id: str, agent_id: str, now: datetime) -> tuple[Offer, Contact]:
    """ON_CONTACT; wherever it rang besides, it rings no more. OfferNotFound for another agent's, OfferTaken when a
    colleague was faster, OfferNotPending when it is answered, missed or taken back otherwise."""
    return await _answer(tx, offer_id, agent_id, offers.accepted, OfferAccepted, now)


async def decline_offer(tx: Ledger, offer_id: str, agent_id: str, now: datetime) -> tuple[Offer, Contact]:
    """The contact rings on where it rings besides, goes back to the head of its queue, or is over when nobody else may
    take it; the agent is NOT_READY."""
    return await _answer(tx, offer_id, agent_id, offers.declined, OfferDeclined, now)


async def miss_offer(tx: Ledger, offer_id: str, agent_id: str, now: datetime) -> tuple[Offer, Contact]:
    """None of the telephones it rang at can be reached: missed before its time. One that is over, or that rings at the
    desk too, stays as it is. OfferNotFound."""
    offer = await store.find_offer(tx, offer_id)
    if offer is None or offer.agent_id != agent_id:
        raise OfferNotFound("no such offer")
    move = await move_of(tx, offer)
    if offer.state is not offers.OfferState.PENDING or not move.agent.found_away or move.agent.next_state is None:
        return offer, move.contact
    after = offers.missed(move, now)
    await put_move(tx, move, after, OfferMissed, now)
    _tell_over(tx, after.contact, "offer_missed")
    return after.offer, after.contact


async def expire_offers(tx: Ledger, now: datetime, limit: int = 50, *, heard_since: datetime | None = None) -> int:
    """Miss every offer whose time is over; how many. One from before `heard_since`, when the bus was away, is taken
    back: it didn't ring, and its agent is as ready as before; so is one that was only kept."""
    due = await store.offers_due(tx, now, limit)
    for offer in due:
        before = await move_of(tx, offer)
        if offer.kept or (heard_since is not None and offer.create_time < heard_since):
            taken_back = offers.withdrawn(before, now, RescindReason.NOT_RUNG)
            await put_move(tx, before, taken_back, OfferRescinded, now)
            await agent_gone(tx, taken_back.contact, now)
            continue
        queue = await rules_of(tx, before.contact.queue_id)
        after = offers.missed(before, now, queue.missed_offer_return)
        await put_move(tx, before, after, OfferMissed, now)
        _tell_over(tx, after.contact, "offer_missed")
    return len(due)


async def _answer(
    tx: Ledger,
    offer_id: str,
    agent_id: str,
    rule: Callable[[Move, datetime], Move],
    fact: Callable[[Offer, Contact], OfferFact],
    now: datetime,
) -> tuple[Offer, Contact]:
    offer = await store.find_offer(tx, offer_id)
    if offer is None or offer.agent_id != agent_id:
        raise OfferNotFound("no such offer")
    offers.require_pending(offer)
    before = await move_of(tx, offer)
    after = rule(before, now)
    await put_move(tx, before, after, fact, now)
    await release(tx, after.contact, now)
    _tell_over(tx, after.contact, "offer_declined")
    return after.offer, after.contact


def _tell_over(tx: Ledger, contact: Contact, reason: str) -> None:
    if contact.state is ContactState.ENDED:
        tx.tell(ContactDequeued(contact, reason))


def _decision(move: Move, match: Match, now: datetime) -> Decision:
    together = {each.agent.agent_id for each in move.beside}
    match = match._replace(companions=tuple(each for each in match.companions if each.agent_id in together))
    offer = move.offer
    weighed = [
        Weighed(
            each.agent.agent_id,
            max((now - each.agent.idle_since).total_seconds(), 0.0),
            each.score or 0,
            each.rejection,
            round(each.value, 3),
        )
        for each in match.candidates
    ]
    asked = requirements.text_of(match.stage.requirement)
    return Decision(offer.offer_id, offer.contact_id, match.rule, weighed, now, asked, match.stage.steps)
