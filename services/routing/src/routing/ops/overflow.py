"""Contacts sent on where their queue can't serve them: when they come, and while they wait.

Every decision is made anew in the transaction that carries it out, so it happens once however many processes look.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from routing.domain import overflow, requirements
from routing.domain.agents import Agent
from routing.domain.capacity import USUAL_RULES
from routing.domain.contacts import Contact, ContactKind, ContactState, ContactTrigger, moved
from routing.domain.facts import ContactDequeued, ContactOverflowed
from routing.domain.hours import is_open
from routing.domain.overflow import (
    Check,
    Checks,
    LeaveReason,
    Look,
    Overflowed,
    OverflowRule,
    SentOn,
    Situation,
    Trigger,
)  # fmt: skip
from routing.domain.queues import Queue
from routing.domain.staffing import GRACE, is_staffed
from routing.ledger import Ledger
from routing.ops import contacts as contact_ops
from routing.ops import waits
from routing.ops.departing import keep_trace
from routing.ops.queues import rules_of
from routing.ops.saving import put_contact
from routing.ops.waits import QueueFloor
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as store
from routing.store import hours as hours_store
from routing.store import queues as queue_store

_T = TypeVar("_T")
MOST_AT_ONCE = 500
"""Contacts of a tenant that are sent on in one round."""
_BY_LINE = {Trigger.DEPTH, Trigger.EXPECTED_WAIT}


async def enqueue_contact(tx: Ledger, draft: Contact, now: datetime) -> Contact:
    """Let a contact wait, as `contacts.enqueue_contact` does, in the queue it overflows to at once, if any. It is over
    already, and says why, when that queue doesn't take it."""
    contact, queue = await contact_ops.enqueue_in_queue(tx, draft, now)
    return await _send_on(tx, contact, queue, now, entering=True)


async def due(tx: Ledger, now: datetime) -> list[str]:
    """Contacts that rules or limits of their queues would send on now."""
    hall = await _hall(tx, now)
    found: list[str] = []
    for queue_id in await store.queues_with_waiting(tx):
        queue = hall.queues.get(queue_id)
        if queue is None or not queue.overflow.watches:
            continue
        for contact in (await hall.floor(queue)).line:
            if _may_go(contact) and await hall.way(contact) is not None:
                found.append(contact.contact_id)
            if len(found) >= MOST_AT_ONCE:
                return found
    return found


async def send_on(tx: Ledger, contact_id: str, now: datetime) -> Contact:
    """Send a waiting contact where its queue's overflow says, if it still does. ContactNotFound."""
    contact = await contact_ops.get_contact(tx, contact_id)
    queue = await queue_store.find_queue(tx, contact.queue_id) if contact.queue_id else None
    return await _send_on(tx, contact, queue, now, entering=False)


async def checks(tx: Ledger, contact_id: str, now: datetime) -> Checks:
    """What keeps each rule of its queue from sending a waiting contact on."""
    contact = await contact_ops.get_contact(tx, contact_id)
    hall = await _hall(tx, now)
    queue = hall.queues.get(contact.queue_id)
    if queue is None or not _goes_by_queue(contact):
        return Checks((), None)
    situation = await hall.situation(contact, queue, entering=False)
    found: list[Check] = []
    for index, rule in enumerate(queue.overflow.rules):
        rejection = "" if overflow.holds(rule, situation) else "not_yet"
        found.append(Check(index, rejection or await hall.refusal(contact, rule)))
    wait = overflow.next_by_wait(queue.overflow, situation.waited)
    return Checks(found, contact.queue_time + wait if wait is not None else None)


async def _send_on(tx: Ledger, contact: Contact, queue: Queue | None, now: datetime, *, entering: bool) -> Contact:
    if not _may_go(contact) or queue is None or not (queue.business_hours_id or queue.overflow != overflow.NONE):
        return contact
    hall = await _hall(tx, now)
    while _may_go(contact) and (way := await hall.way(contact, entering=entering)) is not None:
        contact = await _go(tx, contact, way, now)
        hall.moved()
        entering = True
    return contact


async def _go(tx: Ledger, before: Contact, way: Overflowed | LeaveReason, now: datetime) -> Contact:
    if isinstance(way, Overflowed) and way.queue_id:
        after = replace(
            before, queue_id=way.queue_id, overflows=(*before.overflows, way), fired_steps=0,
            version=before.version + 1,
        )  # fmt: skip
        await put_contact(tx, before, after, now)
        tx.tell(ContactOverflowed(after))
        return after
    reason = LeaveReason.NUMBER if isinstance(way, Overflowed) else way
    gone = (*before.overflows, way) if isinstance(way, Overflowed) else before.overflows
    after = moved(before, ContactTrigger.DEQUEUE, end_time=now, agent_id="", leave_reason=reason, overflows=gone)
    await keep_trace(tx, before, await rules_of(tx, before.queue_id), now)
    await put_contact(tx, before, after, now)
    tx.tell(ContactDequeued(after, reason.lower()))
    return after


class _Hall:
    """The queues of a tenant as one transaction sees them; what is read of each is kept until a contact has moved."""

    def __init__(self, tx: Ledger, now: datetime, queues: Mapping[str, Queue]):
        self._tx, self._now, self.queues = tx, now, queues
        self._overflows = {queue_id: queue.overflow for queue_id, queue in queues.items()}
        self._floors: dict[tuple[str, str], QueueFloor] = {}
        self._open: dict[str, bool] = {}
        self._signed_in: Sequence[Agent] | None = None
        self._capacity = USUAL_RULES

    def moved(self) -> None:
        """A contact has gone elsewhere."""
        self._floors.clear()

    async def way(self, contact: Contact, *, entering: bool = False) -> Overflowed | LeaveReason | None:
        """Where the contact goes from its queue; None: it stays."""
        asking = overflow.way(self._overflows, contact.queue_id, contact.been_in, entering=entering)
        found = await self._answered(contact, asking)
        if not isinstance(found, SentOn):
            return found
        rule = found.rule
        return Overflowed(
            contact.queue_id, rule.trigger, found.index, found.waited, self._now, rule.queue_id, rule.number
        )

    async def refusal(self, contact: Contact, rule: OverflowRule) -> str:
        """Why the rule's target doesn't take the contact; empty when it does."""
        asking = overflow.refusal(self._overflows, contact.queue_id, rule, contact.been_in)
        return await self._answered(contact, asking)

    async def _answered(self, contact: Contact, asking: Generator[Look, Situation | None, _T]) -> _T:
        """What a search comes to, told what it asks for."""
        situation: Situation | None = None
        while True:
            try:
                look = asking.send(situation)
            except StopIteration as end:
                return end.value
            situation = await self._seen(contact, look)

    async def _seen(self, contact: Contact, look: Look) -> Situation | None:
        queue = self.queues.get(look.queue_id)
        if queue is None:
            return None
        if look.queue_id != contact.queue_id:
            if not requirements.both(queue.requirement, contact.asked):
                return None
            contact = replace(contact, queue_id=look.queue_id, fired_steps=0)
        return await self.situation(contact, queue, entering=look.entering)

    async def floor(self, queue: Queue, contact: Contact | None = None) -> QueueFloor:
        """How the queue is, with a contact that might come."""
        key = queue.queue_id, contact.contact_id if contact is not None else ""
        if key not in self._floors:
            self._floors[key] = await waits.floor_of(self._tx, queue, queue.queue_id, self.queues, self._now, contact)
        return self._floors[key]

    async def situation(self, contact: Contact, queue: Queue, *, entering: bool) -> Situation:
        """How the queue is for the contact, as far as its overflow asks for it."""
        asks, limit = queue.overflow.triggers, queue.overflow.max_waiting
        waited = max(self._now - contact.queue_time, timedelta(0))
        made = Situation(entering, waited, open=await self._is_open(queue))
        if _BY_LINE & asks or (limit and entering):
            floor = await self.floor(queue, contact if entering else None)
            ahead = floor.places.get(contact.contact_id, 1) - 1
            made = replace(made, waiting=len(floor.line) - 1, ahead=ahead)
            if Trigger.EXPECTED_WAIT in asks and contact.contact_id in floor.places:
                made = replace(made, expected=floor.estimate(contact, self._now).expected)
        if Trigger.NOBODY_STAFFED in asks:
            made = replace(made, staffed=await self._is_staffed(contact, queue))
        return made

    async def _is_open(self, queue: Queue) -> bool:
        hours_id = queue.business_hours_id
        if hours_id and hours_id not in self._open:
            hours = await hours_store.find_hours(self._tx, hours_id)
            self._open[hours_id] = hours is None or is_open(hours, self._now)
        return self._open.get(hours_id, True)

    async def _is_staffed(self, contact: Contact, queue: Queue) -> bool:
        if self._signed_in is None:
            self._signed_in = await agent_store.agents_signed_in(self._tx, self._now - GRACE)
            self._capacity = await capacity_store.find_rules(self._tx)
        return is_staffed(contact, queue, self._signed_in, self._now, self._capacity)


async def _hall(tx: Ledger, now: datetime) -> _Hall:
    return _Hall(tx, now, {queue.queue_id: queue for queue in await queue_store.every_queue(tx)})


def _goes_by_queue(contact: Contact) -> bool:
    """A contact for one agent waits for them, an agent's question for an answer, and a callback keeps its place: so
    does a customer who was called and waits on the line."""
    stays = contact.kind in (ContactKind.CONSULT, ContactKind.CALLBACK)
    return bool(contact.queue_id) and not contact.target_agent_id and not stays


def _may_go(contact: Contact) -> bool:
    return contact.state is ContactState.QUEUED and _goes_by_queue(contact)
