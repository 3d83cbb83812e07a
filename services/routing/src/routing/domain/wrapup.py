"""Wrap-up by the queue's mode: how long it lasts, who may end it, and when it may last longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition

from routing.domain import contacts
from routing.domain.contacts import Contact, ContactMoved, ContactNotInWrapUp, ContactState
from routing.domain.queues import Queue, WrapUpMode

_NOTHING = timedelta(0)


class WrapUpNotOptional(FailedPrecondition):
    """The queue decides whether there is wrap-up."""

    reason = "WRAP_UP_NOT_OPTIONAL"


class WrapUpNotExtendable(FailedPrecondition):
    """The queue gives no more time, it was taken already, or no timer runs."""

    reason = "WRAP_UP_NOT_EXTENDABLE"


class WrapUpNotOver(FailedPrecondition):
    """It lasts for a fixed time, and the agent can't end it before."""

    reason = "WRAP_UP_NOT_OVER"


def talk_ended(contact: Contact, end_time: datetime, queue: Queue, now: datetime, *, attended: bool = True) -> Contact:
    """Talking ended: wrap-up by the queue's mode, or the end at once when there is none. Without anybody to end it
    (`attended` is False) it has a timer whatever the mode."""
    mode = queue.wrap_up_mode
    duration = _duration(contact, queue, attended=attended)
    after = contacts.talk_ended(replace(contact, wrap_up_mode=mode), end_time, duration, now)
    if after.state is not ContactState.WRAP_UP:
        return after
    least = now + queue.wrap_up_duration if mode is WrapUpMode.FIXED else None
    extension = queue.wrap_up_extension if duration is not None else _NOTHING
    return replace(after, wrap_up_least_time=least, wrap_up_extension=extension)


def requested(contact: Contact, wanted: bool) -> Contact:
    """The agent asks for wrap-up, or takes that back, while they talk. ContactMoved, WrapUpNotOptional."""
    if contact.state is not ContactState.ON_CONTACT:
        raise ContactMoved(f"the contact is {contact.state}", metadata={"state": contact.state})
    if contact.wrap_up_mode is not WrapUpMode.OPTIONAL:
        raise WrapUpNotOptional("in this queue wrap-up isn't the agent's choice")
    return replace(contact, wrap_up_wanted=wanted, version=contact.version + 1)


def extended(contact: Contact) -> Contact:
    """The timer of the wrap-up at hand ends later, once. ContactNotInWrapUp, WrapUpNotExtendable."""
    if contact.state is not ContactState.WRAP_UP:
        raise ContactNotInWrapUp(f"the contact is {contact.state}", metadata={"state": contact.state})
    if not contact.wrap_up_extension or contact.wrap_up_expire_time is None:
        raise WrapUpNotExtendable("there is no more time to take")
    return replace(
        contact, wrap_up_expire_time=contact.wrap_up_expire_time + contact.wrap_up_extension,
        wrap_up_extension=_NOTHING, version=contact.version + 1,
    )  # fmt: skip


def abandoned_by_agent(contact: Contact, now: datetime) -> Contact:
    """Whose agent's login is disabled: a wrap-up that no timer ends would last for ever, so one ends it now."""
    if contact.state is not ContactState.WRAP_UP or contact.wrap_up_expire_time is not None:
        return contact
    return replace(contact, wrap_up_expire_time=now, version=contact.version + 1)


def require_over(contact: Contact, now: datetime) -> None:
    """WrapUpNotOver before its agent may end it."""
    if contact.wrap_up_least_time is not None and now < contact.wrap_up_least_time:
        raise WrapUpNotOver("this queue's wrap-up lasts for a fixed time: it ends by itself")


def _duration(contact: Contact, queue: Queue, *, attended: bool) -> timedelta | None:
    match queue.wrap_up_mode:
        case WrapUpMode.NONE:
            return _NOTHING
        case WrapUpMode.OPTIONAL:
            return queue.wrap_up_duration if contact.wrap_up_wanted else _NOTHING
        case WrapUpMode.UNTIMED:
            return None if attended else queue.wrap_up_duration
        case WrapUpMode.MANDATORY | WrapUpMode.FIXED:
            return queue.wrap_up_duration
