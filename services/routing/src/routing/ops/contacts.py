"""Contacts: queued or begun, taken out again, wrapped up; and what the end of a call, or of an agent's part in it,
does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chassis.statements import Sought
from kernel.errors import InvalidInput
from kernel.ids import new_id

from routing.domain import agents, contacts, explaining, offers, overflow, requirements, wrapup
from routing.domain.agents import AT_WORK, Agent, AgentNotAvailable, AgentState, Directly
from routing.domain.contacts import (
    WAITING,
    CallOver,
    Contact,
    ContactKind,
    ContactNotFound,
    ContactNotInWrapUp,
    ContactState,
    ContactTrigger,
    DispositionRequired,
)
from routing.domain.facts import (
    ContactAbandoned,
    ContactChanged,
    ContactCorrected,
    ContactDequeued,
    ContactEnded,
    ContactQueued,
    ContactStarted,
    OfferRescinded,
    WrapUpStarted,
)
from routing.domain.offers import Decision
from routing.domain.places import place_of
from routing.domain.queues import DIRECT, DispositionNotFound, Queue
from routing.ledger import Ledger
from routing.ops.agents import get_agent
from routing.ops.departing import keep_trace
from routing.ops.queues import get_queue, known_requirement, require_known_skills, require_version, rules_of
from routing.ops.saving import move_of, put_agent, put_contact, put_move
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as store
from routing.store import offers as offer_store
from routing.store import queues as queue_store

FORWARDED = "forwarded"
"""Why a contact for one agent is over at once: telephony knows where it goes."""


@dataclass(frozen=True)
class WrapUp:
    """What is saved about a contact. `agent_id` is whose contact it must be; empty for a supervisor."""

    contact_id: str
    disposition_id: str
    note: str
    agent_id: str


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts to list; empty fields don't filter."""

    queue_id: str = ""
    states: Sequence[ContactState] = ()
    customer_id: str = ""


async def enqueue_contact(tx: Ledger, draft: Contact, now: datetime) -> Contact:
    """Let a contact wait. QueueNotFound, AgentNotFound; AgentNotAvailable when the one agent it is for is OFFLINE and
    not to be found elsewhere; CallOver when the customer has hung up already. It is over at once, "forwarded", when
    that agent's last resort is all there is; a CONSULT is refused then: whoever asks wants that agent."""
    return (await enqueue_in_queue(tx, draft, now))[0]


def sought_by(draft: Contact) -> list[Sought]:
    """Rows that letting it wait reads, as a rule."""
    found = [store.sought_ended_call(draft.call_id)] if draft.call_id else []
    return [*found, queue_store.sought_queue(draft.queue_id)] if draft.queue_id else found


async def enqueue_in_queue(tx: Ledger, draft: Contact, now: datetime) -> tuple[Contact, Queue]:
    """The same, and the queue it waits in."""
    contact = replace(contacts.check_waiting(draft), contact_id=new_id("con", now), queue_time=now, create_time=now)
    meets = Directly.WAITS
    if contact.target_agent_id:
        agent = await get_agent(tx, contact.target_agent_id)
        rules = await capacity_store.find_rules(tx)
        takes = rules.capacity(contact.channel, agent.capacities) > 0
        meets = agents.directly(agent, free=explaining.is_free(agent, contact, rules), takes=takes)
        consult = contact.kind is ContactKind.CONSULT
        if meets is Directly.REFUSED or (consult and agent.state is AgentState.OFFLINE and not agent.findable):
            why = "the agent is not at work" if takes else f"the agent takes no contacts of {contact.channel}"
            raise AgentNotAvailable(why, metadata={"state": agent.state})
        if consult:
            meets = Directly.WAITS
    contact, queue = await _add(tx, contact)
    contact = replace(contact, queue_time=await _place(tx, contact, queue, now))
    contact = await _preferring(tx, contact, queue, now - contact.queue_time)
    await store.add_contact(tx, contact)
    tx.tell(ContactQueued(contact))
    return (contact if meets is Directly.WAITS else await _drop(tx, contact, FORWARDED, now, now)), queue


async def line_up(tx: Ledger, contact: Contact, now: datetime) -> Contact:
    """Let a contact wait at a place that was kept for it. QueueNotFound."""
    queue = await get_queue(tx, contact.queue_id)
    tx.follow(contact.traceparent)
    contact = await _preferring(tx, contact, queue, max(now - contact.queue_time, timedelta(0)))
    await store.add_contact(tx, contact)
    tx.tell(ContactQueued(contact))
    return contact


async def move_up(tx: Ledger, contact_id: str, place: datetime, now: datetime) -> None:
    """Who waits, at an agent or not, has an earlier place from now on. ContactNotFound, ContactMoved."""
    before = await get_contact(tx, contact_id)
    after = contacts.moved_up(before, place)
    if after != before:
        await put_contact(tx, before, after, now)
        tx.tell(ContactChanged(after))


async def begin_call(tx: Ledger, before: Contact, call_id: str, now: datetime) -> Contact:
    """Its customer is called, by the agent on it or before any: from now on it ends with this call. CallOver."""
    if await store.call_has_ended(tx, call_id):
        raise CallOver("the call is over")
    after = replace(before, call_id=call_id, version=before.version + 1)
    await put_contact(tx, before, after, now)
    tx.tell(ContactStarted(after) if after.state is ContactState.ON_CONTACT else ContactChanged(after))
    return after


async def give_up_call(tx: Ledger, before: Contact, now: datetime) -> Contact:
    """The customer can't be called: it is over without wrap-up, and its agent free."""
    after = contacts.moved(before, ContactTrigger.FINISH, end_time=now, wrap_up_end_time=now)
    return await _finish(tx, before, after, by_timer=False, now=now)


async def never_joined(tx: Ledger, contact_id: str, agent_id: str, now: datetime) -> None:
    """The agent wasn't in the call for a moment: free, and nothing to wrap up. Repeats change nothing."""
    contact = await store.find_contact(tx, contact_id)
    if contact is not None and contact.agent_id == agent_id and contact.state is ContactState.ON_CONTACT:
        await give_up_call(tx, contact, now)


async def start_contact(tx: Ledger, draft: Contact, agent_id: str, now: datetime) -> Contact:
    """A contact that begins with its agent on it. AgentNotAvailable unless they are AVAILABLE or NOT_READY."""
    contact = replace(
        contacts.check_started(draft), contact_id=new_id("con", now), state=ContactState.ON_CONTACT,
        agent_id=agent_id, queue_time=now, create_time=now, answer_time=now,
    )  # fmt: skip
    agent = await get_agent(tx, agent_id)
    after = agents.taking(agent, contact.contact_id, now, contact.channel)
    contact, queue = await _add(tx, contact)
    contact = replace(contact, wrap_up_mode=queue.wrap_up_mode)
    await store.add_contact(tx, contact)
    tx.tell(ContactStarted(contact))
    await put_agent(tx, agent, after, now)
    return contact


async def dequeue_contact(
    tx: Ledger, contact_id: str, reason: str, now: datetime, *, rescind_offer: bool = False
) -> Contact:
    """Take a waiting contact out of its queue. One that rings at an agent (unless `rescind_offer`) or is handled stays
    as it is: the flow sees that in its state, and asks again when the offer comes to nothing."""
    contact = await get_contact(tx, contact_id)
    leaves = WAITING if rescind_offer else {ContactState.QUEUED}
    return await _drop(tx, contact, reason, now, now) if contact.state in leaves else contact


async def get_contact(tx: Ledger, contact_id: str) -> Contact:
    """One. ContactNotFound."""
    contact = await store.find_contact(tx, contact_id)
    if contact is None:
        raise ContactNotFound("no such contact")
    return contact


async def list_contacts(tx: Ledger, wanted: ContactFilter, size: int, token: str) -> list[Contact]:
    """Newest first, one more than `size` when there is a next page."""
    return await store.page_of_contacts(
        tx, size, token, queue_id=wanted.queue_id, states=wanted.states, customer_id=wanted.customer_id
    )


async def list_decisions(tx: Ledger, contact_id: str) -> list[Decision]:
    """How agents were found for the contact, newest first."""
    await get_contact(tx, contact_id)
    return await offer_store.decisions_of(tx, contact_id, 200)


async def skill_names(tx: Ledger) -> Mapping[str, str]:
    """Name by id, for whoever shows what was asked for."""
    return await queue_store.skill_names(tx)


async def update_contact(
    tx: Ledger, contact_id: str, changes: Mapping[str, Any], version: int, now: datetime
) -> Contact:
    """Give a waiting contact another priority, other skills or another preferred agent: holds from the next assignment
    on. ContactMoved when it waits no more, VersionConflict."""
    before = await get_contact(tx, contact_id)
    require_version(before.version, version)
    if "preferred_agent_id" in changes and (before.target_agent_id or not before.queue_id):
        raise InvalidInput.of("contact.preferred_agent_id", "is of no use: the contact is for one agent alone")
    after = contacts.changed(before, **changes)
    queue = await rules_of(tx, before.queue_id)
    if "required_skills" in changes or "requirement" in changes:
        await require_known_skills(tx, after.required_skills, "contact.required_skills")
        requirement = await known_requirement(tx, after.requirement, "contact.requirement")
        after = replace(after, requirement=requirement)
        require_possible(queue, after, f"contact.{_asking(changes)}")
    if after.preferred_agent_id != before.preferred_agent_id:
        since_queued = max(now - before.queue_time, timedelta(0))
        after = await _preferring(tx, after, queue, since_queued)
    await put_contact(tx, before, after, now)
    tx.tell(ContactChanged(after))
    return after


async def save_wrap_up(tx: Ledger, wrap_up: WrapUp, now: datetime) -> Contact:
    """Keep outcome and note without ending anything."""
    before = await _own_contact(tx, wrap_up)
    after = await _noted(tx, before, wrap_up)
    return await put_contact(tx, before, after, now)


async def end_wrap_up(tx: Ledger, wrap_up: WrapUp, now: datetime) -> Contact:
    """Save outcome and note, end the contact, set the agent free. ContactNotInWrapUp, DispositionRequired,
    WrapUpNotOver."""
    before = await _own_contact(tx, wrap_up)
    if before.state is not ContactState.WRAP_UP:
        raise ContactNotInWrapUp(f"the contact is {before.state}", metadata={"state": before.state})
    if wrap_up.agent_id:
        wrapup.require_over(before, now)
    noted = await _noted(tx, before, wrap_up)
    queue = await rules_of(tx, before.queue_id)
    # Where there is none to pick nobody can be asked for one: an untimed wrap-up would last for ever.
    asked = queue.disposition_required and not noted.disposition_id
    if asked and await queue_store.dispositions_of(tx, queue.disposition_ids):
        raise DispositionRequired("pick a disposition first")
    return await _finish(tx, before, contacts.finished(noted, now), by_timer=False, now=now)


async def expire_wrap_ups(tx: Ledger, now: datetime, limit: int = 50) -> int:
    """End every wrap-up whose time is over; how many."""
    due = await store.wrap_ups_due(tx, now, limit)
    for contact in due:
        await _finish(tx, contact, contacts.finished(contact, now), by_timer=True, now=now)
    return len(due)


async def end_call(tx: Ledger, call_id: str, end_time: datetime, now: datetime) -> None:
    """The call is over, and with it every contact of it: a customer who waited has abandoned, a question nobody
    answered is dropped, each agent who talked goes into wrap-up. Repeats change nothing."""
    await store.note_ended_call(tx, call_id, now)
    end_time = min(end_time, now)
    for contact in await store.open_contacts_of_call(tx, call_id):
        if contact.state is ContactState.ON_CONTACT:
            await _end_talk(tx, contact, end_time, now)
        elif contact.state in WAITING and contact.kind is ContactKind.CONSULT:
            await _drop(tx, contact, "call_ended", end_time, now)
        elif contact.state in WAITING:
            await _abandon(tx, contact, end_time, now)


async def leave_call(tx: Ledger, contact_id: str, agent_id: str, leave_time: datetime, now: datetime) -> None:
    """The agent's part in a call that goes on is over: wrap-up. When the call's end was heard of first, the end of the
    talk is put right. Repeats change nothing."""
    contact = await store.find_contact(tx, contact_id)
    if contact is None or contact.agent_id != agent_id:
        return
    leave_time = min(leave_time, now)
    if contact.state is ContactState.ON_CONTACT:
        await _end_talk(tx, contact, leave_time, now)
    elif contact.state in (ContactState.WRAP_UP, ContactState.ENDED):
        right = contacts.left_before(contact, leave_time)
        if right is not None:
            await put_contact(tx, contact, right, now)
            tx.tell(ContactCorrected(right))


async def _add(tx: Ledger, contact: Contact) -> tuple[Contact, Queue]:
    """A new contact, when it may be added, and its queue."""
    queue = await get_queue(tx, contact.queue_id) if contact.queue_id else DIRECT
    await require_known_skills(tx, contact.required_skills, "contact.required_skills")
    requirement = await known_requirement(tx, contact.requirement, "contact.requirement")
    contact = replace(contact, requirement=requirement)
    if contact.call_id and await store.call_has_ended(tx, contact.call_id):
        raise CallOver("the call is over")
    if not contact.target_agent_id:
        require_possible(queue, contact, "contact.requirement" if requirement else "contact.required_skills")
    tx.follow(contact.traceparent)
    return contact, queue


async def _drop(tx: Ledger, contact: Contact, reason: str, end_time: datetime, now: datetime) -> Contact:
    after = contacts.moved(
        contact, ContactTrigger.DEQUEUE, end_time=max(end_time, contact.queue_time), agent_id=""
    )  # fmt: skip
    await keep_trace(tx, contact, await rules_of(tx, contact.queue_id), after.end_time or now)
    await _leave(tx, contact, after, now)
    tx.tell(ContactDequeued(after, reason))
    return after


async def _abandon(tx: Ledger, contact: Contact, end_time: datetime, now: datetime) -> None:
    after = contacts.abandoned(contact, end_time)
    queue = await rules_of(tx, contact.queue_id)
    await keep_trace(tx, contact, queue, after.end_time or now)
    await _leave(tx, contact, after, now)
    tx.tell(ContactAbandoned(after, contacts.is_short_abandon(after, queue.short_abandon_threshold)))


async def _leave(tx: Ledger, before: Contact, after: Contact, now: datetime) -> None:
    offer = await offer_store.pending_offer(tx, contact_id=before.contact_id)
    if offer is None:
        await put_contact(tx, before, after, now)
        return
    move = await move_of(tx, offer)
    await put_move(tx, move, offers.rescinded(move, after, now), OfferRescinded, now)


async def _end_talk(tx: Ledger, contact: Contact, end_time: datetime, now: datetime) -> None:
    queue = await rules_of(tx, contact.queue_id)
    agent = await _agent_at(tx, contact)
    after = wrapup.talk_ended(contact, end_time, queue, now, attended=agent is not None and agent.active)
    if after.state is ContactState.ENDED:
        await _finish(tx, contact, after, by_timer=False, now=now)
        return
    await put_contact(tx, contact, after, now)
    tx.tell(WrapUpStarted(after))
    if agent is not None:
        await put_agent(tx, agent, agents.wrapping_up(agents.talked(agent, _talk(after)), now, contact.contact_id), now)


async def _finish(tx: Ledger, before: Contact, after: Contact, *, by_timer: bool, now: datetime) -> Contact:
    await put_contact(tx, before, after, now)
    tx.tell(ContactEnded(after, by_timer))
    agent = await _agent_at(tx, before)
    if agent is not None:
        done = agents.talked(agent, _talk(after)) if before.state is ContactState.ON_CONTACT else agent
        await put_agent(tx, agent, agents.finished(done, before.contact_id, now), now)
    return after


def _talk(contact: Contact) -> timedelta:
    if contact.answer_time is None or contact.end_time is None:
        return timedelta(0)
    return contact.end_time - contact.answer_time


async def _agent_at(tx: Ledger, contact: Contact) -> Agent | None:
    # An agent row that points elsewhere (repaired by hand, say) must not be moved by this contact's end.
    agent = await agent_store.find_agent(tx, contact.agent_id)
    return agent if agent is not None and agent.holds(contact.contact_id) else None


async def _noted(tx: Ledger, contact: Contact, wrap_up: WrapUp) -> Contact:
    if wrap_up.disposition_id:
        queue = await rules_of(tx, contact.queue_id)
        known = await queue_store.dispositions_of(tx, [wrap_up.disposition_id])
        if not known or (queue.disposition_ids and wrap_up.disposition_id not in queue.disposition_ids):
            raise DispositionNotFound("no such disposition in this queue")
    return contacts.noted(contact, wrap_up.disposition_id, wrap_up.note)


async def _own_contact(tx: Ledger, wrap_up: WrapUp) -> Contact:
    contact = await get_contact(tx, wrap_up.contact_id)
    if wrap_up.agent_id and contact.agent_id != wrap_up.agent_id:
        raise ContactNotFound("no such contact")
    return contact


async def _preferring(tx: Ledger, contact: Contact, queue: Queue, passed: timedelta) -> Contact:
    """With the time that its preferred agent has it alone: none when they are not at work, or there is no such agent
    any more."""
    agent = await agent_store.find_agent(tx, contact.preferred_agent_id) if contact.preferred_agent_id else None
    at_work = agent is not None and agent.active and agent.state in AT_WORK
    wait = passed + queue.rules.preferred_wait if at_work else timedelta(0)
    return replace(contact, preferred_wait=wait)


async def _place(tx: Ledger, contact: Contact, queue: Queue, now: datetime) -> datetime:
    """Since when it counts as waiting: who left this queue minutes ago in the same call, and no agent took them, has
    the place they had, unless the queue would send them away at once for having waited so long."""
    if contact.kind is not ContactKind.INBOUND or contact.target_agent_id or not contact.previous_contact_id:
        return now
    before = await store.find_contact(tx, contact.previous_contact_id)
    if before is None or before.call_id != contact.call_id or before.answer_time is not None:
        return now
    place = place_of(before, contact.queue_id, now)
    return now if overflow.over_by_wait(queue.overflow, now - place) else place


def _asking(changes: Mapping[str, Any]) -> str:
    return "required_skills" if "required_skills" in changes else "requirement"


def require_possible(queue: Queue, contact: Contact, field: str) -> None:
    """InvalidInput when nobody could ever take it."""
    if not requirements.both(queue.requirement, contact.asked):
        raise InvalidInput.of(field, "contradict what the queue asks for: nobody could ever take it")
