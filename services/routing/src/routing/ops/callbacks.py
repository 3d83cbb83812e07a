"""Callbacks: asked for, moved by the clock, called, and what came of it; one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.errors import InvalidInput
from kernel.ids import new_id

from routing.domain import callbacks, contacts
from routing.domain.callback_outcomes import Outcome, outcome_of
from routing.domain.callback_rules import CallbackRules, OnMachine
from routing.domain.callbacks import Callback, CallbackMoved, CallbackNotFound, CallbackState, Offered, When
from routing.domain.contacts import WAITING, Contact, ContactNotFound, ContactState
from routing.domain.facts import (
    CallbackAnswered,
    CallbackAttempted,
    CallbackCancelled,
    CallbackCompleted,
    CallbackExpired,
    CallbackFact,
    CallbackFailed,
    CallbackHeld,
    CallbackQueued,
    CallbackRequested,
    CallbackRescheduled,
)
from routing.domain.hours import BusinessHours
from routing.domain.lasting import expires_at
from routing.domain.queues import Queue
from routing.ledger import Ledger
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import waits
from routing.ops.queues import get_queue, known_requirement, require_known_skills, require_version, rules_of
from routing.store import callbacks as store
from routing.store import hours as hours_store

QUEUE_DELETED = "queue_deleted"
"""Why a callback is cancelled that nobody is left for."""
NOT_REACHED = "callback_not_reached"
"""Why the contact of an attempt leaves its queue whose customer was called first and did not answer."""


@dataclass(frozen=True)
class CallbackFilter:
    """Which callbacks to list; empty fields don't filter."""

    queue_id: str = ""
    states: Sequence[CallbackState] = ()
    number: str = ""


@dataclass(frozen=True)
class Dial:
    """How a callback's customer is called: what follows when a machine answers, with the prompt to leave then, and how
    long at most it rings at one who is called first."""

    callback: Callback
    on_machine: OnMachine
    prompt_id: str
    ring_timeout: timedelta


async def create_callback(
    tx: Ledger, draft: Callback, when: When, now: datetime, *, anybodys: bool = True
) -> tuple[Callback, bool]:
    """A new callback, and whether the queue had an open one for the number: then that one, with the earlier place and
    time of both. The caller it is for waits no more; unless `anybodys` may be named, they must have called from its
    number. QueueNotFound, ContactNotFound, SkillNotFound, InvalidInput."""
    draft = callbacks.check_callback(draft)
    queue = await get_queue(tx, draft.queue_id)
    caller = await contact_ops.get_contact(tx, draft.previous_contact_id) if draft.previous_contact_id else None
    if caller is not None and not anybodys and caller.caller_number != draft.number:
        raise InvalidInput.of("callback.previous_contact_id", "is a caller with another number: only supervisors may")
    hours = await _hours(tx, queue)
    wanted = callbacks.wanted_at(when, draft.time_zone, hours)
    due = callbacks.due_at(wanted, hours, now, when.field)
    known = await store.open_callback(tx, draft.queue_id, draft.number)
    if caller is not None:
        await contact_ops.dequeue_contact(tx, caller.contact_id, "callback", now, rescind_offer=True)
    later = wanted is not None and wanted > now
    made = callbacks.asked_for(draft, caller, queue.callbacks, due, now, later=later)
    made = await _lasting(tx, made, queue)
    if known is not None:
        return await _hasten(tx, known, made, hours, now), True
    made = replace(made, callback_id=new_id("cbk", now))
    contacts.check_contact(callbacks.waits_for(made, "", now), "callback")
    skills = await require_known_skills(tx, made.required_skills, "callback.required_skills")
    requirement = await known_requirement(tx, made.requirement, "callback.requirement")
    made = replace(made, required_skills=skills, requirement=requirement)
    contact_ops.require_possible(queue, callbacks.waits_for(made, "", now), "callback.required_skills")
    await store.add_callback(tx, made)
    tx.tell(CallbackRequested(made))
    return await _line_up(tx, made, hours, now) if made.due_time <= now else made, False


async def callback_offer(tx: Ledger, draft: Callback, now: datetime) -> Offered:
    """Whether somebody who comes to the queue now is offered to be called back. QueueNotFound."""
    queue = await get_queue(tx, draft.queue_id)
    coming = callbacks.waits_for(replace(draft, place_time=now), "", now)
    expected = (await waits.estimate_arrival(tx, coming, now)).expected
    earliest = callbacks.opening_after(await _hours(tx, queue), now)
    rules = queue.callbacks
    return Offered(rules.offers(expected), expected, rules.offer_over, earliest if earliest > now else None)


async def get_callback(tx: Ledger, callback_id: str) -> Callback:
    """One. CallbackNotFound."""
    callback = await store.find_callback(tx, callback_id)
    if callback is None:
        raise CallbackNotFound("no such callback")
    return callback


async def list_callbacks(tx: Ledger, wanted: CallbackFilter, size: int, token: str) -> list[Callback]:
    """Newest first, one more than `size` when there is a next page."""
    return await store.page_of_callbacks(
        tx, size, token, queue_id=wanted.queue_id, states=wanted.states, number=wanted.number
    )


async def cancel_callback(tx: Ledger, callback_id: str, reason: str, now: datetime) -> Callback:
    """Nobody calls; one that is cancelled stays as it is. CallbackNotFound, CallbackMoved."""
    before = await get_callback(tx, callback_id)
    if before.state is CallbackState.CANCELLED:
        return before
    after = callbacks.cancelled(before, reason, now)
    await _leave_line(tx, before, "callback_cancelled", now)
    return await _keep(tx, before, after, CallbackCancelled, now)


async def reschedule_callback(tx: Ledger, callback_id: str, when: When, version: int, now: datetime) -> Callback:
    """Another time, with the place of that. CallbackNotFound, CallbackMoved, VersionConflict, InvalidInput."""
    before = await get_callback(tx, callback_id)
    require_version(before.version, version)
    queue = await rules_of(tx, before.queue_id)
    hours = await _hours(tx, queue)
    due = callbacks.due_at(callbacks.wanted_at(when, before.time_zone, hours), hours, now, when.field)
    after = await _lasting(tx, callbacks.rescheduled(before, due, queue.callbacks), queue)
    await _leave_line(tx, before, "callback_rescheduled", now)
    await _keep(tx, before, after, CallbackRescheduled, now)
    return await _line_up(tx, after, hours, now) if after.due_time <= now else after


async def keep_times(tx: Ledger, now: datetime, limit: int = 50) -> int:
    """Move every callback whose time has come; how many."""
    due = await store.callbacks_due(tx, now, limit)
    for callback in due:
        await _keep_time(tx, callback, now)
    return len(due)


async def callback_dial(tx: Ledger, contact_id: str) -> Dial:
    """How the customer of a callback is called that an agent has accepted, or is kept for. ContactNotFound,
    CallbackMoved."""
    contact = await contact_ops.get_contact(tx, contact_id)
    callback = await _to_dial(tx, contact)
    if callback.call_id:
        raise _called_already(callback)
    rules = (await rules_of(tx, callback.queue_id)).callbacks
    on_machine = rules.on_machine_at(callback.tried)
    prompt_id = rules.message_prompt_id if on_machine is OnMachine.LEAVE_MESSAGE else ""
    return Dial(callback, on_machine, prompt_id, rules.ring_timeout)


async def begin_call(tx: Ledger, contact_id: str, agent_id: str, call_id: str, now: datetime) -> Contact:
    """The call to the customer has begun. Repeats change nothing. ContactNotFound, CallbackMoved, CallOver."""
    contact = await _of_agent(tx, contact_id, agent_id)
    callback = await _to_dial(tx, contact)
    if callback.call_id == call_id:
        return contact
    if callback.call_id or callback.agent_id != agent_id:
        raise _called_already(callback)
    rules = (await rules_of(tx, callback.queue_id)).callbacks
    after = callbacks.dialled(callback, call_id, rules, now)
    await store.change_callback(tx, after, callback.version, now)
    return await contact_ops.begin_call(tx, contact, call_id, now)


async def answer_call(tx: Ledger, contact_id: str, call_id: str, now: datetime) -> Queue:
    """The customer who is called first has answered: they wait on the line, in the queue answered, and the agent kept
    for them is offered the contact. Repeats change nothing. ContactNotFound, CallbackMoved."""
    contact = await contact_ops.get_contact(tx, contact_id)
    callback = await _to_dial(tx, contact)
    queue = await rules_of(tx, contact.queue_id)
    if callback.call_id != call_id or not callback.customer_first:
        raise _called_already(callback)
    if callback.answer_time is None:
        if contact.state not in WAITING:
            raise CallbackMoved("the attempt is over", metadata={"state": callback.state})
        await _keep(tx, callback, callbacks.answered(callback, now), CallbackAnswered, now)
        await offer_ops.present(tx, contact, now)
    return queue


async def no_person(tx: Ledger, call_id: str, now: datetime) -> None:
    """No person answered a customer's number that is called first: nobody is kept for a machine. What came of it is the
    call's end to say. Repeats change nothing."""
    callback = await store.callback_of_call(tx, call_id)
    if callback is not None and callback.state is CallbackState.CALLING and callback.keeps_agent:
        await _let_agent_go(tx, callback, now)
        await store.change_callback(tx, callbacks.unattended(callback), callback.version, now)


async def fail_call(tx: Ledger, contact_id: str, agent_id: str, now: datetime) -> Contact:
    """The customer can't be called. One that is over, or whose call has begun, stays as it is. ContactNotFound."""
    contact = await _of_agent(tx, contact_id, agent_id)
    callback = await store.find_callback(tx, contact.callback_id) if contact.callback_id else None
    if callback is None or callback.contact_id != contact_id or callback.call_id:
        return contact
    if callback.state is not CallbackState.CALLING or callback.agent_id != agent_id:
        return contact
    return await _not_called(tx, callback, Outcome.NOT_DIALLED, now)


async def end_call(tx: Ledger, call_id: str, end_cause: str, now: datetime, *, answered: bool) -> None:
    """A call is over: what came of the callback it was made for. Repeats change nothing. To be told before the contacts
    of the call are: who was called and never answered has not abandoned anything."""
    callback = await store.callback_of_call(tx, call_id)
    if callback is None or callback.state is not CallbackState.CALLING:
        return
    if callback.keeps_agent:
        await _let_agent_go(tx, callback, now)
    waited = callback.answer_time is not None
    await _attempted(tx, callback, outcome_of(end_cause, answered=answered, waited=waited), now)


async def _keep_time(tx: Ledger, callback: Callback, now: datetime) -> None:
    if callback.state is CallbackState.CALLING:
        await _not_called(tx, callback, Outcome.NO_ANSWER if callback.call_id else Outcome.NOT_DIALLED, now)
        return
    queue = await rules_of(tx, callback.queue_id)
    if queue.deleted:
        after = callbacks.cancelled(callback, QUEUE_DELETED, now)
        await _keep(tx, callback, after, CallbackCancelled, now)
    elif callback.expire_time <= now:
        await _leave_line(tx, callback, "callback_expired", now)
        await _keep(tx, callback, callbacks.expired(callback, now), CallbackExpired, now)
    elif callback.state is CallbackState.WAITING:
        await _close(tx, callback, queue.callbacks, await _hours(tx, queue), now)
    else:
        await _open(tx, callback, queue.callbacks, await _hours(tx, queue), now)


async def _close(
    tx: Ledger, callback: Callback, rules: CallbackRules, hours: BusinessHours | None, now: datetime
) -> None:
    """What was told of the hours when it got in line may be otherwise by now."""
    if callbacks.opening_after(hours, now) > now:
        await _leave_line(tx, callback, "callback_held", now)
        await _keep(tx, callback, callbacks.held(callback, rules, hours, now), CallbackHeld, now)
    else:
        after = callbacks.open_until(callback, callbacks.closing_after(hours, now))
        await store.change_callback(tx, after, callback.version, now)


async def _open(
    tx: Ledger, callback: Callback, rules: CallbackRules, hours: BusinessHours | None, now: datetime
) -> None:
    opens = callbacks.opening_after(hours, now)
    if opens > now:
        await store.change_callback(tx, callbacks.put_off(callback, opens, rules), callback.version, now)
    else:
        await _line_up(tx, callback, hours, now)


async def _line_up(tx: Ledger, before: Callback, hours: BusinessHours | None, now: datetime) -> Callback:
    contact = await contact_ops.line_up(tx, callbacks.waits_for(before, new_id("con", now), now), now)
    return await _keep(tx, before, callbacks.queued(before, contact.contact_id, hours, now), CallbackQueued, now)


async def _hasten(
    tx: Ledger, before: Callback, asked: Callback, hours: BusinessHours | None, now: datetime
) -> Callback:  # fmt: skip
    """Its number is asked for again: whoever waited, or wants to be called earlier, loses nothing by the older wish."""
    after = callbacks.hastened(before, asked)
    if after == before:
        return before
    await _keep(tx, before, after, CallbackRescheduled, now)
    if after.state is CallbackState.WAITING:
        await contact_ops.move_up(tx, after.contact_id, after.place_time, now)
    elif after.due_time <= now:
        return await _line_up(tx, after, hours, now)
    return after


async def _leave_line(tx: Ledger, callback: Callback, reason: str, now: datetime) -> None:
    if callback.state is CallbackState.WAITING:
        await contact_ops.dequeue_contact(tx, callback.contact_id, reason, now, rescind_offer=True)


async def _not_called(tx: Ledger, callback: Callback, outcome: Outcome, now: datetime) -> Contact:
    contact = await contact_ops.get_contact(tx, callback.contact_id)
    if contact.state is ContactState.ON_CONTACT:
        contact = await contact_ops.give_up_call(tx, contact, now)
    elif callback.keeps_agent:
        contact = await _let_agent_go(tx, callback, now)
    await _attempted(tx, callback, outcome, now)
    return contact


async def _let_agent_go(tx: Ledger, callback: Callback, now: datetime) -> Contact:
    """Whoever was kept for a customer who did not answer is as idle as before."""
    return await contact_ops.dequeue_contact(tx, callback.contact_id, NOT_REACHED, now, rescind_offer=True)


async def _attempted(tx: Ledger, before: Callback, outcome: Outcome, now: datetime) -> None:
    queue = await rules_of(tx, before.queue_id)
    after = callbacks.attempted(before, outcome, queue.callbacks, await _hours(tx, queue), now)
    await _keep(tx, before, after, CallbackAttempted, now)
    if after.state is CallbackState.COMPLETED:
        tx.tell(CallbackCompleted(after))
    elif after.state is CallbackState.FAILED:
        tx.tell(CallbackFailed(after))


async def _keep(
    tx: Ledger, before: Callback, after: Callback, fact: type[CallbackFact], now: datetime
) -> Callback:  # fmt: skip
    await store.change_callback(tx, after, before.version, now)
    tx.tell(fact(after))
    return after


async def _of_agent(tx: Ledger, contact_id: str, agent_id: str) -> Contact:
    contact = await contact_ops.get_contact(tx, contact_id)
    # While nobody has it, whoever was kept for it may be gone: then its callback says for whom it is.
    handled = contact.state not in WAITING and contact.agent_id
    if handled and contact.agent_id != agent_id:
        raise ContactNotFound("no such contact")
    return contact


async def _to_dial(tx: Ledger, contact: Contact) -> Callback:
    callback = await store.find_callback(tx, contact.callback_id) if contact.callback_id else None
    if callback is None or callback.contact_id != contact.contact_id or callback.state is not CallbackState.CALLING:
        raise CallbackMoved("the contact is no callback that is to be called", metadata={"state": contact.state})
    return callback


def _called_already(callback: Callback) -> CallbackMoved:
    return CallbackMoved("the customer is being called already", metadata={"state": callback.state})


async def _lasting(tx: Ledger, callback: Callback, queue: Queue) -> Callback:
    if queue.callbacks.business_hours_id or not queue.business_hours_id:
        return callback
    hours = await hours_store.find_hours(tx, queue.business_hours_id)
    expires = expires_at(callback.due_time, queue.callbacks.time_to_live, hours)
    return replace(callback, expire_time=expires)


async def _hours(tx: Ledger, queue: Queue) -> BusinessHours | None:
    hours_id = queue.callbacks.business_hours_id
    return await hours_store.find_hours(tx, hours_id) if hours_id else None
