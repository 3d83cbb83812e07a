"""Customers who are called back before any agent is asked: once they have answered they wait in the queue. Pure."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from telephony.domain import parties
from telephony.domain.answers import MESSAGE
from telephony.domain.calls import Call, CallState, Trigger, change
from telephony.domain.conversation import Conversation, Outcome

CALLBACK = "callback"
"""Where such a call leads: `Call.sent_to` is this and the contact they wait as."""


def sent_to(contact_id: str) -> str:
    """Where a call leads whose customer waits as this contact once they have answered."""
    return f"{CALLBACK}:{contact_id}"


def rings_first(call: Call) -> bool:
    """Whether the customer is being called before any agent."""
    return call.state is CallState.DIALING and call.sent_to.startswith(f"{CALLBACK}:")


def answered(talk: Conversation, leg_id: str, now: datetime) -> Outcome:
    """The customer has answered: flows leads them to the contact they wait as. LegNotFound when they are gone."""
    after = parties.answered(talk, leg_id, now).after
    return Outcome(dataclasses.replace(after, call=change(after.call, Trigger.SEND_ON, now)))


def leave_message(talk: Conversation, leg_id: str, prompt_id: str, now: datetime) -> Outcome:
    """A machine has answered, and is told the prompt. LegNotFound when it is gone."""
    after = answered(talk, leg_id, now).after
    call = dataclasses.replace(after.call, turn=after.call.turn + 1, sent_to=f"{MESSAGE}:{prompt_id}")
    return Outcome(dataclasses.replace(after, call=call))
