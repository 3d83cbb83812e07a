"""A callback's contact is given to an agent: to call the customer, or to be kept for one who is called first."""

from __future__ import annotations

from datetime import datetime, timedelta

from routing.domain import callbacks
from routing.domain.callback_rules import CallOrder
from routing.domain.callbacks import Callback, CallbackMoved, CallbackState
from routing.domain.contacts import Contact, ContactState
from routing.domain.facts import CallbackQueued, CallbackReleased
from routing.domain.queues import Queue
from routing.ledger import Ledger
from routing.store import callbacks as store


async def release(tx: Ledger, contact: Contact, now: datetime) -> None:
    """An agent took it: from now on they are to call the customer, unless that one waits on the line. Nothing for a
    contact that is no callback's, or whose offer came to nothing."""
    before = await _callback_of(tx, contact) if contact.state is ContactState.ON_CONTACT else None
    if before is None:
        return
    if not before.customer_first:
        after = callbacks.released(before, contact.agent_id, now)
        await store.change_callback(tx, after, before.version, now)
        tx.tell(CallbackReleased(after))
    elif before.agent_id != contact.agent_id:
        await store.change_callback(tx, callbacks.given_to(before, contact.agent_id), before.version, now)


async def keep_agent(tx: Ledger, contact: Contact, agent_id: str, queue: Queue, now: datetime) -> timedelta | None:
    """For how long the agent the contact is given to is only kept for its customer, who is called first, which begins
    with this; None when it is to ring at them."""
    before = await _callback_of(tx, contact)
    if before is None:
        return None
    if before.state is CallbackState.WAITING:
        if queue.callbacks.order is not CallOrder.CUSTOMER_FIRST:
            return None
        after = callbacks.released(before, agent_id, now, customer_first=True)
        tx.tell(CallbackReleased(after))
    elif before.keeps_agent:
        # They ring already, and the agent kept for them is gone: another one is.
        after = callbacks.given_to(before, agent_id)
    else:
        return None
    await store.change_callback(tx, after, before.version, now)
    return callbacks.kept_for(queue.callbacks)


async def agent_gone(tx: Ledger, contact: Contact, now: datetime) -> None:
    """The agent who was kept for it can't be any more. Where nobody is rung yet the callback is in line again; else the
    next one is kept for the customer."""
    before = await _callback_of(tx, contact) if contact.state is ContactState.QUEUED else None
    if before is not None and before.keeps_agent and not before.call_id:
        after = callbacks.returned(before, now)
        await store.change_callback(tx, after, before.version, now)
        tx.tell(CallbackQueued(after))


async def require_not_rung(tx: Ledger, contact: Contact) -> None:
    """CallbackMoved while the customer is called first: whoever they are for is found already."""
    callback = await _callback_of(tx, contact)
    if callback is not None and callback.state is CallbackState.CALLING and callback.keeps_agent:
        raise CallbackMoved("the customer is being called for another agent", metadata={"state": callback.state})


async def _callback_of(tx: Ledger, contact: Contact) -> Callback | None:
    found = await store.find_callback(tx, contact.callback_id) if contact.callback_id else None
    return found if found is not None and found.contact_id == contact.contact_id else None
