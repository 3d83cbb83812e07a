"""How a contact stood is kept when it leaves its queue unanswered, in the transaction that takes it out."""

from __future__ import annotations

from datetime import datetime

from routing.domain import departing
from routing.domain.contacts import Contact
from routing.domain.queues import Queue
from routing.domain.urgency import urgency_of
from routing.ledger import Ledger
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as contact_store
from routing.store import departures as store
from routing.store import held_back as held_back_store

_LOOKED_AT = departing.MOST_KEPT + 10
"""Agents who are weighed when somebody leaves: those who could be the nearest, however many there are."""


async def keep_trace(tx: Ledger, contact: Contact, queue: Queue, at: datetime) -> None:
    """What is asked for, what keeps the nearest agents from it, and how many are before it: of a `contact` that waits
    in this queue and leaves at this moment."""
    capacity = await capacity_store.find_rules(tx)
    members, skills = departing.asked_of(contact, queue, at)
    agents, count = await agent_store.nearest_agents(tx, members, skills, _LOOKED_AT)
    ahead = 0
    if not contact.target_agent_id:
        urgency, now = urgency_of(queue.rules), at.timestamp()
        since = contact.queue_time.timestamp()
        place = urgency.place(contact.contact_id, since, contact.points, now)
        # Nobody who came later than this could be before it, whatever their priority.
        latest = since + urgency.point * urgency.most
        for others_since, points, contact_id in await contact_store.line_before(tx, contact.queue_id, latest):
            ahead += urgency.place(contact_id, others_since, points, now) < place
    held_back = await held_back_store.find_held_back(tx, at)
    await store.add_departure(tx, departing.parted(contact, queue, agents, count, ahead, at, capacity, held_back))
