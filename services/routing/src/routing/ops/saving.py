"""Writing what the rules decided, over the version they decided on, and telling the fact of each move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from routing.domain.agents import Agent
from routing.domain.contacts import Contact
from routing.domain.facts import AgentChanged, AgentStateChanged, OfferFact
from routing.domain.offers import Move, Offer, OfferNotFound
from routing.ledger import Ledger
from routing.store import agents as agent_store
from routing.store import contacts as contact_store
from routing.store import offers as offer_store


async def put_agent(tx: Ledger, before: Agent, after: Agent, now: datetime) -> Agent:
    """Write the agent, when anything changed."""
    if after == before:
        return before
    await agent_store.change_agent(tx, after, before.version, now)
    if (before.state, before.reason) != (after.state, after.reason):
        tx.tell(AgentStateChanged(after, before.state, before.state_time))
    else:
        tx.tell(AgentChanged(after))
    return after


async def put_contact(tx: Ledger, before: Contact, after: Contact, now: datetime) -> Contact:
    """Write the contact; its facts go into the trace of its call."""
    tx.follow(after.traceparent)
    await contact_store.change_contact(tx, after, before.version, now)
    return after


async def put_move(
    tx: Ledger, before: Move, after: Move, fact: Callable[[Offer, Contact], OfferFact], now: datetime
) -> Offer:
    """Write offer, contact and agent together."""
    await put_contact(tx, before.contact, after.contact, now)
    await offer_store.change_offer(tx, after.offer, before.offer.version, now)
    tx.tell(fact(after.offer, after.contact))
    await put_agent(tx, before.agent, after.agent, now)
    return after.offer


async def move_of(tx: Ledger, offer: Offer) -> Move:
    """The three an offer binds together."""
    contact = await contact_store.find_contact(tx, offer.contact_id)
    agent = await agent_store.find_agent(tx, offer.agent_id)
    if contact is None or agent is None:
        raise OfferNotFound("the offer's contact or agent is gone")
    return Move(offer, contact, agent)
