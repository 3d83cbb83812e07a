"""Writing what the rules decided, over the version they decided on, and telling the fact of each move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from routing.domain.agents import AT_WORK, Agent
from routing.domain.contacts import Contact
from routing.domain.facts import AgentChanged, AgentStateChanged, ContactChanged, OfferFact, OfferRescinded
from routing.domain.offers import Beside, Move, Offer, OfferNotFound
from routing.ledger import Ledger
from routing.store import agents as agent_store
from routing.store import contacts as contact_store
from routing.store import offers as offer_store


async def put_agent(tx: Ledger, before: Agent, after: Agent, now: datetime) -> Agent:
    """Write the agent, when anything changed. Contacts wait no longer for a preferred agent who stops working."""
    if after == before:
        return before
    await agent_store.change_agent(tx, after, before.version, now)
    if (before.state, before.reason) != (after.state, after.reason):
        tx.tell(AgentStateChanged(after, before.state, before.state_time))
    else:
        tx.tell(AgentChanged(after))
    if before.state in AT_WORK and after.state not in AT_WORK:
        await _wait_no_longer(tx, after, now)
    return after


async def _wait_no_longer(tx: Ledger, agent: Agent, now: datetime) -> None:
    for contact in await contact_store.queued_for(tx, agent.agent_id):
        if contact.queue_time + contact.preferred_wait <= now:
            continue
        widened = replace(contact, preferred_wait=timedelta(0), version=contact.version + 1)
        await contact_store.change_contact(tx, widened, contact.version, now)
        tx.tell(ContactChanged(widened))


async def put_contact(tx: Ledger, before: Contact, after: Contact, now: datetime) -> Contact:
    """Write the contact; its facts go into the trace of its call."""
    tx.follow(after.traceparent)
    await contact_store.change_contact(tx, after, before.version, now)
    return after


async def put_move(
    tx: Ledger, before: Move, after: Move, fact: Callable[[Offer, Contact], OfferFact], now: datetime
) -> Offer:
    """Write offer, contact and agent together, and what was taken back beside it."""
    await put_contact(tx, before.contact, after.contact, now)
    await offer_store.change_offer(tx, after.offer, before.offer.version, now)
    tx.tell(fact(after.offer, after.contact))
    await put_agent(tx, before.agent, after.agent, now)
    for was, now_is in zip(before.beside, after.beside, strict=True):
        if now_is.offer != was.offer:
            await offer_store.change_offer(tx, now_is.offer, was.offer.version, now)
            tx.tell(OfferRescinded(now_is.offer, after.contact))
            await put_agent(tx, was.agent, now_is.agent, now)
    return after.offer


async def move_of(tx: Ledger, offer: Offer) -> Move:
    """The three an offer binds together, and what rings beside it."""
    contact = await contact_store.find_contact(tx, offer.contact_id)
    agent = await agent_store.find_agent(tx, offer.agent_id)
    if contact is None or agent is None:
        raise OfferNotFound("the offer's contact or agent is gone")
    return Move(offer, contact, agent, await _beside(tx, offer) if contact.ringing > 1 else ())


async def _beside(tx: Ledger, offer: Offer) -> tuple[Beside, ...]:
    ringing = await offer_store.pending_offers(tx, offer.contact_id)
    others = [each for each in ringing if each.offer_id != offer.offer_id]
    agents = {each.agent_id: each for each in await agent_store.find_agents(tx, [each.agent_id for each in others])}
    if len(agents) != len(others):
        raise OfferNotFound("the agent of an offer that rings beside it is gone")
    return tuple(Beside(each, agents[each.agent_id]) for each in others)
