"""What agents say about wrap-up besides ending it."""

from __future__ import annotations

from datetime import datetime

from routing.domain import wrapup
from routing.domain.agents import Agent
from routing.domain.contacts import Contact, ContactNotFound
from routing.domain.facts import WrapUpChanged
from routing.ledger import Ledger
from routing.ops.saving import put_contact
from routing.store import contacts as store


async def request_wrap_up(tx: Ledger, contact_id: str, agent_id: str, wanted: bool, now: datetime) -> Contact:
    """The agent wants wrap-up after the talk, or no longer. ContactNotFound for another's, ContactMoved,
    WrapUpNotOptional."""
    before = await _own(tx, contact_id, agent_id)
    return await _put(tx, before, wrapup.requested(before, wanted), now)


async def extend_wrap_up(tx: Ledger, contact_id: str, agent_id: str, now: datetime) -> Contact:
    """The agent takes the queue's extension. ContactNotFound for another's, ContactNotInWrapUp, WrapUpNotExtendable."""
    before = await _own(tx, contact_id, agent_id)
    return await _put(tx, before, wrapup.extended(before), now)


async def leave_wrap_up(tx: Ledger, agent: Agent, now: datetime) -> None:
    """The agent's login is disabled: wrap-ups without a timer get one, those put aside too."""
    for contact_id in filter(None, (agent.contact_id, *(each.contact_id for each in agent.others))):
        contact = await store.find_contact(tx, contact_id)
        if contact is not None:
            after = wrapup.abandoned_by_agent(contact, now)
            if after != contact:
                await _put(tx, contact, after, now)


async def _put(tx: Ledger, before: Contact, after: Contact, now: datetime) -> Contact:
    await put_contact(tx, before, after, now)
    tx.tell(WrapUpChanged(after))
    return after


async def _own(tx: Ledger, contact_id: str, agent_id: str) -> Contact:
    contact = await store.find_contact(tx, contact_id)
    if contact is None or contact.agent_id != agent_id:
        raise ContactNotFound("no such contact")
    return contact
