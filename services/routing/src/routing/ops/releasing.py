"""A callback's contact has its agent: from now on they are to call the customer."""

from __future__ import annotations

from datetime import datetime

from routing.domain import callbacks
from routing.domain.contacts import Contact, ContactState
from routing.domain.facts import CallbackReleased
from routing.ledger import Ledger
from routing.store import callbacks as store


async def release(tx: Ledger, contact: Contact, now: datetime) -> None:
    """Nothing for a contact that is no callback's, or whose offer came to nothing."""
    if not contact.callback_id or contact.state is not ContactState.ON_CONTACT:
        return
    before = await store.find_callback(tx, contact.callback_id)
    if before is not None and before.contact_id == contact.contact_id:
        after = callbacks.released(before, contact.agent_id, now)
        await store.change_callback(tx, after, before.version, now)
        tx.tell(CallbackReleased(after))
