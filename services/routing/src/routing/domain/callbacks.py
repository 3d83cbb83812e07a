"""A callback: a customer's place in a line, kept while they do something else.

Every move goes through `TRANSITIONS`. While it is WAITING a contact of kind CALLBACK stands in its queue for it, like
anybody who waits, and so nobody is called for whom no agent is free: the matcher gives one agent to one contact. By the
order of its queue that agent accepts and calls the customer, or is kept for the customer, who is rung first and whom
they are offered once they have answered. Each attempt is a contact of its own; the place is the callback's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.hours import is_zone
from kernel.ids import require_id

from routing.domain.callback_outcomes import REACHED, Outcome
from routing.domain.callback_rules import LONGEST_AHEAD, CallbackRules, CallOrder
from routing.domain.contacts import Channel, Contact, ContactKind, ContactState, attributes_with
from routing.domain.hours import BusinessHours, opening
from routing.domain.phones import require_dialable
from routing.domain.places import place_of
from routing.domain.queues import SkillLevel

DIAL_WITHIN = timedelta(seconds=60)
"""How long after an agent accepted the call must have begun: then they are set free."""
ANSWER_WITHIN = timedelta(seconds=30)
"""How long it may take, after a customer could have answered, until it is known that a person did."""
MOST_NOT_DIALLED = 10
"""Attempts that came to nothing before the customer's telephone rang (our trunk is down, say) use up none of theirs;
after so many it is given up all the same, or its agents would try for ever."""
MAX_REASON = 200


class CallbackNotFound(NotFound):
    """No such callback, or another tenant's."""

    reason = "CALLBACK_NOT_FOUND"


class CallbackMoved(FailedPrecondition):
    """The callback's state does not allow it."""

    reason = "CALLBACK_STATE_CHANGED"


class CallbackState(StrEnum):
    """Where a callback stands."""

    SCHEDULED = "SCHEDULED"
    WAITING = "WAITING"
    CALLING = "CALLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class CallbackTrigger(StrEnum):
    """What moves a callback."""

    QUEUE = "QUEUE"
    """Its time has come."""
    HOLD = "HOLD"
    """Its queue closes."""
    RELEASE = "RELEASE"
    """An agent has accepted it, or is kept for it."""
    RETURN = "RETURN"
    """The agent who was kept for it is gone before the customer was rung."""
    REACH = "REACH"
    RETRY = "RETRY"
    """The attempt came to nothing, and another one is left."""
    FAIL = "FAIL"
    RESCHEDULE = "RESCHEDULE"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"


_S, _T = CallbackState, CallbackTrigger
TRANSITIONS: Mapping[tuple[CallbackState, CallbackTrigger], CallbackState] = {
    (_S.SCHEDULED, _T.QUEUE): _S.WAITING,
    (_S.WAITING, _T.HOLD): _S.SCHEDULED,
    (_S.WAITING, _T.RELEASE): _S.CALLING,
    (_S.CALLING, _T.RETURN): _S.WAITING,
    (_S.CALLING, _T.REACH): _S.COMPLETED,
    (_S.CALLING, _T.RETRY): _S.SCHEDULED,
    (_S.CALLING, _T.FAIL): _S.FAILED,
    **{(state, _T.RESCHEDULE): _S.SCHEDULED for state in (_S.SCHEDULED, _S.WAITING)},
    **{(state, _T.CANCEL): _S.CANCELLED for state in (_S.SCHEDULED, _S.WAITING)},
    **{(state, _T.EXPIRE): _S.EXPIRED for state in (_S.SCHEDULED, _S.WAITING)},
}
OPEN = frozenset({_S.SCHEDULED, _S.WAITING, _S.CALLING})


@dataclass(frozen=True)
class Attempt:
    """One attempt that is over; `call_id` is empty when it never rang."""

    begin_time: datetime
    agent_id: str
    contact_id: str
    call_id: str
    outcome: Outcome


@dataclass(frozen=True)
class Callback:
    """`place_time` is since when it counts as waiting; `due_time` when it gets in line (again), `close_time` when its
    queue closes while it is in line, `dial_by_time` when the call must have begun that an agent was to make, or what is
    called first must have answered. Of an attempt that is `customer_first`, `answer_time` is when the customer
    answered."""

    callback_id: str
    state: CallbackState
    queue_id: str
    number: str
    place_time: datetime
    due_time: datetime
    expire_time: datetime
    create_time: datetime
    caller_name: str = ""
    customer_id: str = ""
    brand_id: str = ""
    dialed_number: str = ""
    required_skills: tuple[SkillLevel, ...] = ()
    requirement: str = ""
    """What is asked for besides, an expression with skills by id."""
    priority: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    preferred_agent_id: str = ""
    time_zone: str = ""
    previous_contact_id: str = ""
    contact_id: str = ""
    call_id: str = ""
    agent_id: str = ""
    release_time: datetime | None = None
    close_time: datetime | None = None
    dial_by_time: datetime | None = None
    customer_first: bool = False
    answer_time: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    end_time: datetime | None = None
    cancel_reason: str = ""
    traceparent: str = ""
    version: int = 1

    @property
    def open(self) -> bool:
        """Whether it has not come to its end."""
        return self.state in OPEN

    @property
    def tried(self) -> int:
        """Attempts the customer could have heard of."""
        return sum(each.outcome is not Outcome.NOT_DIALLED for each in self.attempts)

    @property
    def keeps_agent(self) -> bool:
        """Whether whoever is given to it now is only kept until the customer, who is called first, has answered."""
        return self.customer_first and self.answer_time is None

    @property
    def next_time(self) -> datetime | None:
        """When the clock alone moves it; None while it doesn't."""
        if self.state is CallbackState.SCHEDULED:
            return min(self.due_time, self.expire_time)
        if self.state is CallbackState.WAITING:
            return min(self.expire_time, self.close_time or self.expire_time)
        return self.dial_by_time if self.state is CallbackState.CALLING else None


@dataclass(frozen=True)
class When:
    """When a callback is wanted: an instant, or what a clock shows (`local`); at once without either. `field` and
    `local_field` are their places in what was asked."""

    instant: datetime | None = None
    local: str = ""
    field: str = "due_time"
    local_field: str = "local_due_time"


@dataclass(frozen=True)
class Offered:
    """Whether somebody who comes now is offered a callback. `expected` is None when it can't be told, `earliest` when
    nobody has to wait for the queue to open."""

    offered: bool
    expected: timedelta | None
    offer_over: timedelta
    earliest: datetime | None


def check_callback(draft: Callback) -> Callback:
    """One to ask for, when every field is well formed; InvalidInput naming the field if not. What it shares with its
    contact is checked with that."""
    require_id("que", draft.queue_id, "callback.queue_id")
    if not draft.number:
        raise InvalidInput.of("callback.number", "is required")
    require_dialable(draft.number, "callback.number")
    if draft.time_zone:
        require_zone(draft.time_zone, "callback.time_zone")
    return draft


def require_zone(name: str, field: str) -> str:
    """An IANA time zone. InvalidInput."""
    if not is_zone(name):
        raise InvalidInput.of(field, "is not an IANA time zone such as Asia/Baku")
    return name


def instant_of(local: str, zone: str, field: str) -> datetime:
    """The instant when a clock of `zone` shows `local`, such as 2026-12-01T14:30. On the day with 25 hours the first of
    the two; a time that the day with 23 hours leaves out is the one the clocks are put forward to. InvalidInput."""
    try:
        shown = datetime.fromisoformat(local)
    except ValueError as error:
        raise InvalidInput.of(field, "is not a date and time such as 2026-12-01T14:30") from error
    if shown.tzinfo is not None:
        raise InvalidInput.of(field, "has a time zone of its own: leave it out, or set due_time instead")
    if not zone:
        raise InvalidInput.of(field, "needs a time zone: the queue has no hours for callbacks")
    if not 1970 < shown.year < 9990:
        raise InvalidInput.of(field, "is too far away")
    return shown.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def wanted_at(when: When, zone: str, hours: BusinessHours | None) -> datetime | None:
    """The instant a callback is wanted at, `zone` or that of the hours being where a clock is read; None for at once.
    InvalidInput."""
    if not when.local:
        return when.instant
    if when.instant is not None:
        raise InvalidInput.of(when.local_field, f"goes without {when.field}")
    return instant_of(when.local, zone or (hours.time_zone if hours else ""), when.local_field)


def due_at(wanted: datetime | None, hours: BusinessHours | None, now: datetime, field: str) -> datetime:
    """When a callback gets in line: at once, or when the queue opens next; `wanted` must be within its hours and 30
    days. InvalidInput."""
    if wanted is None or wanted <= now:
        return opening_after(hours, now)
    if wanted > now + LONGEST_AHEAD:
        raise InvalidInput.of(field, f"is more than {LONGEST_AHEAD.days} days ahead")
    if hours is not None and not opening(hours, wanted).open:
        raise InvalidInput.of(field, f"is outside of the hours {hours.display_name}: choose a time when they are open")
    return wanted


def opening_after(hours: BusinessHours | None, at: datetime) -> datetime:
    """`at` when these hours are open then, else when they open next; a day later when they don't within two weeks."""
    if hours is None:
        return at
    found = opening(hours, at)
    return at if found.open else found.change_time or at + timedelta(days=1)


def closing_after(hours: BusinessHours | None, at: datetime) -> datetime | None:
    """When hours that are open at `at` close; None when they don't."""
    return None if hours is None else opening(hours, at).change_time


def asked_for(
    draft: Callback, caller: Contact | None, rules: CallbackRules, due: datetime, now: datetime, *, later: bool = False
) -> Callback:
    """A new callback that gets in line at `due`. Of a `caller` it has what it doesn't bring itself, and the place,
    if they have one still and it wasn't asked for a `later` time: then its place is that of its due time."""
    if caller is not None:
        draft = replace(
            draft,
            caller_name=draft.caller_name or caller.caller_name,
            customer_id=draft.customer_id or caller.customer_id,
            brand_id=draft.brand_id or caller.brand_id,
            dialed_number=draft.dialed_number or caller.dialed_number,
            priority=draft.priority or caller.priority,
            attributes=attributes_with(draft.attributes, caller.attributes),
            preferred_agent_id=draft.preferred_agent_id or caller.preferred_agent_id,
        )
        if draft.queue_id in caller.been_in and not (draft.required_skills or draft.requirement):
            draft = replace(draft, required_skills=caller.required_skills, requirement=caller.requirement)
    return replace(
        draft, state=CallbackState.SCHEDULED, due_time=due, expire_time=due + rules.time_to_live, create_time=now,
        place_time=due if later else place_of(caller, draft.queue_id, now),
    )  # fmt: skip


def moved(callback: Callback, trigger: CallbackTrigger, **changes: Any) -> Callback:
    """The callback after the trigger; CallbackMoved when the table has no such move."""
    target = TRANSITIONS.get((callback.state, trigger))
    if target is None:
        raise CallbackMoved(
            f"{trigger} is not possible for a callback that is {callback.state}", metadata={"state": callback.state}
        )
    return replace(callback, **{"state": target, "version": callback.version + 1} | changes)


def order_of(callback: Callback) -> CallOrder | None:
    """Who is rung first in the attempt at hand; None while nobody is called."""
    if callback.state is not CallbackState.CALLING:
        return None
    return CallOrder.CUSTOMER_FIRST if callback.customer_first else CallOrder.AGENT_FIRST


def waits_for(callback: Callback, contact_id: str, now: datetime) -> Contact:
    """The contact that stands in line for it, at its place."""
    return Contact(
        contact_id, Channel.VOICE, ContactState.QUEUED, callback.queue_id, callback.place_time, now,
        brand_id=callback.brand_id, customer_id=callback.customer_id, caller_number=callback.number,
        caller_name=callback.caller_name, dialed_number=callback.dialed_number,
        required_skills=callback.required_skills, requirement=callback.requirement, priority=callback.priority,
        attributes=callback.attributes,
        traceparent=callback.traceparent, kind=ContactKind.CALLBACK,
        previous_contact_id=callback.attempts[-1].contact_id if callback.attempts else callback.previous_contact_id,
        preferred_agent_id=callback.preferred_agent_id, callback_id=callback.callback_id,
    )  # fmt: skip


def queued(callback: Callback, contact_id: str, hours: BusinessHours | None, now: datetime) -> Callback:
    """In line, until its queue closes."""
    return moved(callback, CallbackTrigger.QUEUE, contact_id=contact_id, close_time=closing_after(hours, now))


def open_until(callback: Callback, close_time: datetime | None) -> Callback:
    """The hours of its queue were changed while it is in line."""
    return replace(callback, close_time=close_time, version=callback.version + 1)


def put_off(callback: Callback, due: datetime, rules: CallbackRules) -> Callback:
    """Its queue is closed when its time comes: the hours were changed since."""
    expires = _expires(callback, due, rules)
    return replace(callback, due_time=due, expire_time=expires, version=callback.version + 1)


def held(callback: Callback, rules: CallbackRules, hours: BusinessHours | None, now: datetime) -> Callback:
    """Out of the line until the next opening, with its place."""
    due = opening_after(hours, now)
    return moved(
        callback, CallbackTrigger.HOLD,
        contact_id="", close_time=None, due_time=due, expire_time=_expires(callback, due, rules),
    )  # fmt: skip


def _expires(callback: Callback, due: datetime, rules: CallbackRules) -> datetime:
    """A weekend that its queue is closed is nobody's delay."""
    return max(callback.expire_time, due + rules.time_to_live)


def released(callback: Callback, agent_id: str, now: datetime, *, customer_first: bool = False) -> Callback:
    """An agent has it, or is kept for a customer who is called first."""
    return moved(
        callback, CallbackTrigger.RELEASE,
        agent_id=agent_id, release_time=now, dial_by_time=now + DIAL_WITHIN, close_time=None,
        customer_first=customer_first,
    )  # fmt: skip


def given_to(callback: Callback, agent_id: str) -> Callback:
    """Another agent has it, or is kept for it, while its customer rings or waits on the line."""
    return replace(callback, agent_id=agent_id, version=callback.version + 1)


def kept_for(rules: CallbackRules) -> timedelta:
    """How long at most an agent is kept for a customer who is called first."""
    return DIAL_WITHIN + rules.ring_timeout + ANSWER_WITHIN


def returned(callback: Callback, now: datetime) -> Callback:
    """In line again: nobody was rung yet. When its queue closes is looked up at once."""
    return moved(
        callback, CallbackTrigger.RETURN,
        agent_id="", release_time=None, dial_by_time=None, customer_first=False, close_time=now,
    )  # fmt: skip


def dialled(callback: Callback, call_id: str, rules: CallbackRules, now: datetime) -> Callback:
    """The call to its customer has begun: from now on that call's end is the attempt's. Who is called first must have
    answered after a while: an agent is kept for them."""
    answer_by = now + rules.ring_timeout + ANSWER_WITHIN if callback.customer_first else None
    return replace(callback, call_id=call_id, dial_by_time=answer_by, version=callback.version + 1)


def answered(callback: Callback, now: datetime) -> Callback:
    """The customer who was called first waits on the line."""
    return replace(callback, answer_time=now, dial_by_time=None, version=callback.version + 1)


def unattended(callback: Callback) -> Callback:
    """No person answered, and no agent is kept any more: the call's end says what came of it."""
    return replace(callback, dial_by_time=None, version=callback.version + 1)


def attempted(
    callback: Callback, outcome: Outcome, rules: CallbackRules, hours: BusinessHours | None, now: datetime
) -> Callback:
    """An attempt is over: done, given up, or tried again after a while within the hours of its queue. Its place
    stays."""
    begun = callback.release_time or now
    attempt = Attempt(begun, callback.agent_id, callback.contact_id, callback.call_id, outcome)
    changes: dict[str, Any] = {
        "attempts": (*callback.attempts, attempt), "contact_id": "", "call_id": "", "agent_id": "",
        "release_time": None, "dial_by_time": None, "customer_first": False, "answer_time": None,
    }  # fmt: skip
    tried = callback.tried + (outcome is not Outcome.NOT_DIALLED)
    over = tried >= rules.attempts or len(callback.attempts) + 1 - tried >= MOST_NOT_DIALLED
    if outcome in REACHED or over:
        trigger = CallbackTrigger.REACH if outcome in REACHED else CallbackTrigger.FAIL
        return moved(callback, trigger, end_time=now, **changes)
    wanted = now + rules.retry_after
    due = opening_after(hours, wanted)
    if due > wanted:
        changes["expire_time"] = _expires(callback, due, rules)
    return moved(callback, CallbackTrigger.RETRY, due_time=due, **changes)


def rescheduled(callback: Callback, due: datetime, rules: CallbackRules) -> Callback:
    """For another time, with the place of that."""
    return moved(
        callback, CallbackTrigger.RESCHEDULE,
        due_time=due, place_time=due, expire_time=due + rules.time_to_live, contact_id="", close_time=None,
    )  # fmt: skip


def hastened(callback: Callback, asked: Callback) -> Callback:
    """What becomes of an open one when its number is `asked` for again: the earlier place and the earlier time of both.
    The same when that is its own already, or its customer is being called."""
    place, due = min(callback.place_time, asked.place_time), min(callback.due_time, asked.due_time)
    if callback.state is CallbackState.CALLING or (place, due) == (callback.place_time, callback.due_time):
        return callback
    expire = asked.expire_time if due < callback.due_time else callback.expire_time
    return replace(callback, place_time=place, due_time=due, expire_time=expire, version=callback.version + 1)


def cancelled(callback: Callback, reason: str, now: datetime) -> Callback:
    """Nobody calls."""
    if len(reason) > MAX_REASON:
        raise InvalidInput.of("reason", f"is longer than {MAX_REASON} characters")
    return moved(
        callback, CallbackTrigger.CANCEL, contact_id="", close_time=None, cancel_reason=reason.strip(), end_time=now
    )


def expired(callback: Callback, now: datetime) -> Callback:
    """Nobody could call in time."""
    return moved(callback, CallbackTrigger.EXPIRE, contact_id="", close_time=None, end_time=now)
