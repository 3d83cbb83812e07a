"""How long agents were kept for customers who were called first, from callbacks and the contacts of their attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from routing.domain.callbacks import Callback, Outcome
from routing.domain.contacts import Contact


def kept_for(callbacks: Iterable[Callback], contacts: Iterable[Contact]) -> Mapping[str, float]:
    """Seconds by contact: from when an agent was kept to the customer's answer, or to the end of an attempt that nobody
    answered. Where the agent was rung first they weren't kept: what they did is the contact's own time."""
    known = {each.contact_id: each for each in contacts}
    found: dict[str, float] = {}
    for callback in callbacks:
        for attempt in callback.attempts:
            contact = known.get(attempt.contact_id)
            if contact is None or attempt.outcome is Outcome.NOT_DIALLED:
                continue
            until = contact.answer_time or contact.end_time
            if until is not None and until > attempt.begin_time:
                found[contact.contact_id] = (until - attempt.begin_time).total_seconds()
    return found
