"""A contact: one piece of a customer's work, from queue to its one end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import require_id
from kernel.phone import require_e164

from routing.domain.overflow import LeaveReason, Overflowed
from routing.domain.queues import SkillLevel, WrapUpMode, asked_by, require_skills
from routing.domain.requirements import Requirement
from routing.domain.urgency import HALF_A_POINT

MAX_NOTE = 4000
MOST_ATTRIBUTES = 64
_LONGEST_KEY = 80
"""Of an attribute: room for what a flow calls a step's own, by the step's id of up to 64 characters."""


class ContactNotFound(NotFound):
    """No such contact, another tenant's, or another agent's."""

    reason = "CONTACT_NOT_FOUND"


class ContactNotInWrapUp(FailedPrecondition):
    """Only a contact in wrap-up can have it ended."""

    reason = "CONTACT_NOT_IN_WRAP_UP"


class ContactNotHandled(FailedPrecondition):
    """Outcome and note are taken from the answer to the end of wrap-up."""

    reason = "CONTACT_NOT_HANDLED"


class ContactMoved(FailedPrecondition):
    """The contact's state does not allow it."""

    reason = "CONTACT_STATE_CHANGED"


class DispositionRequired(FailedPrecondition):
    """This queue wants an outcome before wrap-up ends early."""

    reason = "DISPOSITION_REQUIRED"


class NotInQueue(FailedPrecondition):
    """It waits in a queue that the agent does not serve, or for another agent alone."""

    reason = "NOT_IN_QUEUE"


class CallOver(FailedPrecondition):
    """The call ended before its contact could be queued."""

    reason = "CALL_ENDED"


class ContactState(StrEnum):
    """Where a contact stands."""

    QUEUED = "QUEUED"
    OFFERED = "OFFERED"
    ON_CONTACT = "ON_CONTACT"
    WRAP_UP = "WRAP_UP"
    ENDED = "ENDED"
    ABANDONED = "ABANDONED"


class ContactKind(StrEnum):
    """How a contact came about."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    TRANSFER = "TRANSFER"
    CONSULT = "CONSULT"
    """An agent's question to another, while the customer waits with the first."""
    CALLBACK = "CALLBACK"
    """A customer who waits to be called back."""


class Channel(StrEnum):
    """Kind of work."""

    VOICE = "VOICE"
    VIDEO = "VIDEO"
    CHAT = "CHAT"
    SMS = "SMS"
    EMAIL = "EMAIL"
    SOCIAL = "SOCIAL"
    FAX = "FAX"


class ContactTrigger(StrEnum):
    """What moves a contact."""

    OFFER = "OFFER"
    ACCEPT = "ACCEPT"
    RETURN = "RETURN"
    """Back to the queue: the offer was missed, declined or taken back."""
    LEAVE = "LEAVE"
    """The customer left before an answer."""
    DEQUEUE = "DEQUEUE"
    """It waits no more, and its call goes on: another way, or because the one agent it was for did not take it."""
    PICK_UP = "PICK_UP"
    TALK_END = "TALK_END"
    FINISH = "FINISH"


_S, _T = ContactState, ContactTrigger
TRANSITIONS: Mapping[tuple[ContactState, ContactTrigger], ContactState] = {
    (_S.QUEUED, _T.OFFER): _S.OFFERED,
    (_S.QUEUED, _T.LEAVE): _S.ABANDONED,
    (_S.QUEUED, _T.DEQUEUE): _S.ENDED,
    (_S.QUEUED, _T.PICK_UP): _S.ON_CONTACT,
    (_S.OFFERED, _T.ACCEPT): _S.ON_CONTACT,
    (_S.OFFERED, _T.RETURN): _S.QUEUED,
    (_S.OFFERED, _T.LEAVE): _S.ABANDONED,
    (_S.OFFERED, _T.DEQUEUE): _S.ENDED,
    (_S.OFFERED, _T.PICK_UP): _S.ON_CONTACT,
    (_S.ON_CONTACT, _T.TALK_END): _S.WRAP_UP,
    (_S.ON_CONTACT, _T.FINISH): _S.ENDED,
    (_S.WRAP_UP, _T.FINISH): _S.ENDED,
}
WAITING = frozenset({_S.QUEUED, _S.OFFERED})
OPEN = WAITING | {_S.ON_CONTACT, _S.WRAP_UP}


@dataclass(frozen=True)
class Contact:
    """What is routed and reported. `queue_time` keeps its place through offers that came to nothing; `traceparent`
    is the trace of the call it stands for. One with a `target_agent_id` is offered to nobody else; it has a `queue_id`
    only when it goes by the rules of one."""

    contact_id: str
    channel: Channel
    state: ContactState
    queue_id: str
    queue_time: datetime
    create_time: datetime
    brand_id: str = ""
    call_id: str = ""
    customer_id: str = ""
    caller_number: str = ""
    caller_name: str = ""
    dialed_number: str = ""
    required_skills: tuple[SkillLevel, ...] = ()
    requirement: str = ""
    """What it asks for besides, an expression with skills by id."""
    priority: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)
    agent_id: str = ""
    answer_time: datetime | None = None
    end_time: datetime | None = None
    wrap_up_expire_time: datetime | None = None
    wrap_up_end_time: datetime | None = None
    disposition_id: str = ""
    note: str = ""
    offer_count: int = 0
    ringing: int = 0
    """At how many agents it rings: `agent_id` is the first of them. 0 when it isn't OFFERED."""
    traceparent: str = ""
    kind: ContactKind = ContactKind.INBOUND
    previous_contact_id: str = ""
    target_agent_id: str = ""
    consulting_agent_id: str = ""
    preferred_agent_id: str = ""
    preferred_wait: timedelta = timedelta(0)
    """For how long the preferred agent alone may have it, from `queue_time` on."""
    fired_steps: int = 0
    """A bit for each step of its queue's rules that came because the expected wait was too long."""
    overflows: tuple[Overflowed, ...] = ()
    """How rules of its queues sent it on, the first first."""
    leave_reason: LeaveReason | None = None
    """Why its queue's overflow took it out."""
    callback_id: str = ""
    wrap_up_mode: WrapUpMode | None = None
    """What follows the talk, known from the offer on."""
    wrap_up_wanted: bool = False
    wrap_up_extension: timedelta = timedelta(0)
    """By how much its agent may still extend the wrap-up at hand."""
    wrap_up_least_time: datetime | None = None
    """Before this its agent can't end the wrap-up at hand."""
    version: int = 1

    @property
    def been_in(self) -> frozenset[str]:
        """The queue it is in, and those that sent it on: its age counts in each."""
        return frozenset((self.queue_id, *(each.from_queue_id for each in self.overflows)))

    @property
    def to_be_called(self) -> bool:
        """Whether the customer waits to be called, and not in a call."""
        return self.kind is ContactKind.CALLBACK and not self.call_id

    @property
    def asked(self) -> Requirement:
        """Which skills it asks for itself, beside its queue; empty when that contradicts itself."""
        return asked_by(self.required_skills, self.requirement)

    @property
    def points(self) -> float:
        """Its priority, and half a point when an offer for it came to nothing or it is for one agent alone."""
        return points_of(self.priority, again=bool(self.offer_count or self.target_agent_id))


def points_of(priority: int, *, again: bool) -> float:
    """What a contact of this priority has; `again`: an offer for it came to nothing, or it is for one agent alone."""
    return priority + (HALF_A_POINT if again else 0.0)


def check_contact(contact: Contact, within: str = "contact") -> Contact:
    """A contact to queue or to begin, when every field is well formed; InvalidInput naming the field, `within` what was
    asked, if not."""
    for prefix, value, name in (
        ("que", contact.queue_id, "queue_id"), ("brd", contact.brand_id, "brand_id"),
        ("call", contact.call_id, "call_id"), ("cus", contact.customer_id, "customer_id"),
        ("con", contact.previous_contact_id, "previous_contact_id"),
        ("usr", contact.target_agent_id, "target_agent_id"),
        ("usr", contact.consulting_agent_id, "consulting_agent_id"),
        ("usr", contact.preferred_agent_id, "preferred_agent_id"),
    ):  # fmt: skip
        spoken = contact.channel is Channel.VOICE and contact.kind is not ContactKind.CALLBACK
        if value or (name == "call_id" and spoken):
            require_id(prefix, value, f"{within}.{name}")
    if contact.caller_number:
        require_e164(contact.caller_number, f"{within}.caller_number")
    for value, name in ((contact.caller_name, "caller_name"), (contact.dialed_number, "dialed_number")):
        if len(value) > 200:
            raise InvalidInput.of(f"{within}.{name}", "is longer than 200 characters")
    if not 0 <= contact.priority <= 9:
        raise InvalidInput.of(f"{within}.priority", "must be 0 to 9")
    _check_attributes(contact.attributes, f"{within}.attributes")
    return replace(contact, required_skills=require_skills(contact.required_skills, f"{within}.required_skills"))


def check_waiting(contact: Contact) -> Contact:
    """One to queue: `check_contact`, and it says what it waits for and, of a CONSULT, who asks."""
    if not contact.queue_id and not contact.target_agent_id:
        raise InvalidInput.of("contact.queue_id", "or contact.target_agent_id is required")
    if contact.kind is ContactKind.OUTBOUND:
        raise InvalidInput.of("contact.kind", "can't be OUTBOUND: such a contact does not wait")
    if (contact.kind is ContactKind.CALLBACK) != bool(contact.callback_id):
        raise InvalidInput.of("contact.kind", "can't be CALLBACK: ask for a callback instead")
    if (contact.kind is ContactKind.CONSULT) != bool(contact.consulting_agent_id):
        raise InvalidInput.of("contact.consulting_agent_id", "goes with a CONSULT, and a CONSULT with it")
    if contact.target_agent_id and contact.target_agent_id == contact.consulting_agent_id:
        raise InvalidInput.of("contact.target_agent_id", "is the agent who asks")
    if contact.preferred_agent_id and (contact.target_agent_id or not contact.queue_id):
        raise InvalidInput.of("contact.preferred_agent_id", "goes with a queue_id, and without a target_agent_id")
    return check_contact(contact)


def check_started(contact: Contact) -> Contact:
    """One that begins with its agent on it: `check_contact`, and it is OUTBOUND or TRANSFER."""
    if contact.kind not in (ContactKind.OUTBOUND, ContactKind.TRANSFER):
        raise InvalidInput.of("contact.kind", "must be OUTBOUND or TRANSFER")
    if contact.target_agent_id or contact.consulting_agent_id or contact.preferred_agent_id:
        raise InvalidInput.of(
            "contact.target_agent_id", "consulting_agent_id and preferred_agent_id go with contacts that wait"
        )
    return check_contact(contact)


def moved(contact: Contact, trigger: ContactTrigger, **changes: Any) -> Contact:
    """The contact after the trigger; ContactMoved when the table has no such move."""
    target = TRANSITIONS.get((contact.state, trigger))
    if target is None:
        raise ContactMoved(
            f"{trigger} is not possible for a contact that is {contact.state}", metadata={"state": contact.state}
        )
    return replace(contact, **{"state": target, "ringing": 0, "version": contact.version + 1} | changes)


def rings_on(contact: Contact, agent_id: str, ringing: int) -> Contact:
    """One of the offers is over that rang together: it rings at so many others still, this agent the first."""
    return replace(contact, agent_id=agent_id, ringing=ringing, version=contact.version + 1)


def changed(contact: Contact, **changes: Any) -> Contact:
    """The contact with another priority or other skills while it waits; ContactMoved when it waits no more."""
    if contact.state not in WAITING:
        raise ContactMoved("the contact no longer waits", metadata={"state": contact.state})
    return replace(check_contact(replace(contact, **changes)), version=contact.version + 1)


def moved_up(contact: Contact, place: datetime) -> Contact:
    """The contact at an earlier place, while it waits; its preferred agent alone may have it for as long as before.
    ContactMoved when it waits no more."""
    if place >= contact.queue_time:
        return contact
    alone = contact.preferred_wait + (contact.queue_time - place) if contact.preferred_wait else contact.preferred_wait
    return changed(contact, queue_time=place, preferred_wait=alone)


def abandoned(contact: Contact, end_time: datetime) -> Contact:
    """The customer left."""
    return moved(contact, ContactTrigger.LEAVE, end_time=max(end_time, contact.queue_time), agent_id="")


def is_short_abandon(contact: Contact, threshold: timedelta) -> bool:
    """Whether the customer left within the queue's short-abandon threshold; exactly at it counts."""
    return contact.end_time is not None and contact.end_time - contact.queue_time <= threshold


def talk_ended(contact: Contact, end_time: datetime, wrap_up: timedelta | None, now: datetime) -> Contact:
    """Talking ended: wrap-up until a deadline, without one for None, or the end at once for 0."""
    end = max(end_time, contact.answer_time or end_time)
    if wrap_up is None:
        return moved(contact, ContactTrigger.TALK_END, end_time=end)
    if wrap_up <= timedelta(0):
        return moved(contact, ContactTrigger.FINISH, end_time=end, wrap_up_end_time=end)
    return moved(contact, ContactTrigger.TALK_END, end_time=end, wrap_up_expire_time=now + wrap_up)


def left_before(contact: Contact, leave_time: datetime) -> Contact | None:
    """The contact with the end of its talk put right, when its agent had left before what was taken for the end; None
    when there is nothing to put right."""
    if contact.end_time is None or contact.answer_time is None:
        return None
    end = max(leave_time, contact.answer_time)
    if end >= contact.end_time:
        return None
    ended_at_once = contact.wrap_up_end_time == contact.end_time
    return replace(
        contact, end_time=end, wrap_up_end_time=end if ended_at_once else contact.wrap_up_end_time,
        version=contact.version + 1,
    )  # fmt: skip


def finished(contact: Contact, now: datetime) -> Contact:
    """Wrap-up ended."""
    return moved(contact, ContactTrigger.FINISH, wrap_up_end_time=now)


def noted(contact: Contact, disposition_id: str, note: str) -> Contact:
    """Outcome and note saved; empty ones leave what was saved before."""
    if contact.state not in (ContactState.ON_CONTACT, ContactState.WRAP_UP):
        raise ContactNotHandled(f"the contact is {contact.state}", metadata={"state": contact.state})
    if len(note) > MAX_NOTE:
        raise InvalidInput.of("note", f"is longer than {MAX_NOTE} characters")
    return replace(
        contact, disposition_id=disposition_id or contact.disposition_id, note=note or contact.note,
        version=contact.version + 1,
    )  # fmt: skip


def attributes_with(own: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """Attributes of one's own, and of others what there is room for beside them."""
    room = max(MOST_ATTRIBUTES - len(own), 0)
    return dict([(name, value) for name, value in others.items() if name not in own][:room]) | dict(own)


def _check_attributes(attributes: Mapping[str, str], field: str) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise InvalidInput.of(field, f"has more than {MOST_ATTRIBUTES} entries")
    for key, value in attributes.items():
        if not key or len(key) > _LONGEST_KEY or len(value) > 1024:
            wrong = f"has an empty key, a key over {_LONGEST_KEY} or a value over 1,024 characters"
            raise InvalidInput.of(field, wrong)
