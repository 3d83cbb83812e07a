"""Numbers that flows rings for a customer: who leads the call meanwhile, and how it goes on afterwards. Pure.

The party's leg names the instruction that brought it in (`Leg.invited_by`), so that whoever carries the instruction out
again, on another node after a crash, finds what came of it and rings nobody twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from telephony.domain.calls import Call, CallState, Direction, Trigger, change
from telephony.domain.conversation import Conversation, Outcome
from telephony.domain.legs import Leg, Party, freed
from telephony.domain.parties import add

_RUN = "run_"
_LED = frozenset({CallState.SETUP, CallState.IN_FLOW, CallState.QUEUED})
_DIALLED = frozenset({CallState.DIALING, CallState.TALKING, CallState.HELD})


def instruction_of(run_id: str, sequence: int) -> str:
    """How legs name the instruction that brought them in."""
    return f"{run_id}/{sequence}"


def goes_round(call: Call, number: str, own: Collection[str]) -> bool:
    """Whether flows would send the call in a circle: to the number it came in by, or, once it has come back to us (it
    shows one of the company's `own` numbers), to one of those again. What a carrier passes on tells no more: it keeps
    neither our header fields nor how often a call was sent on."""
    back = call.caller_number in own
    return call.direction is Direction.INBOUND and number in own and (back or number == call.dialed_number)


def passed_back(call: Call, own: Collection[str], sent: Collection[str]) -> bool:
    """Whether a call is one that flows has sent to a number, come back to us, as a mobile that is diverted to the
    company sends it: it shows what was shown there, one of the company's `own` numbers or the caller's. `sent` are the
    callers that are at the number now, or ring there."""
    shown = call.caller_number
    return call.direction is Direction.INBOUND and bool(shown and sent) and (shown in own or shown in sent)


def dialled_by_flow(leg: Leg) -> bool:
    """Whether flows brought this party in."""
    return leg.invited_by.startswith(_RUN)


def led_by_flow(call: Call, legs: Sequence[Leg]) -> bool:
    """Whether flows leads the call: nobody else does yet, or the customer has a party of flows' and no agent."""
    if call.state in _LED:
        return True
    live = [leg for leg in legs if leg.live]
    agents = any(leg.party == Party.AGENT and leg.answered for leg in live)
    return call.state in _DIALLED and not agents and any(dialled_by_flow(leg) for leg in live)


def begun(talk: Conversation, leg: Leg, now: datetime) -> Outcome:
    """Flows rings `leg` for the customer. CallEnded, CallNotTalking when flows doesn't lead the call any more."""
    return add(dataclasses.replace(talk, call=change(talk.call, Trigger.DIAL_ON, now)), leg)


def gone_on(talk: Conversation, now: datetime) -> Conversation:
    """The party has left, and nobody but the customer is there: flows leads on."""
    return dataclasses.replace(talk, call=change(talk.call, Trigger.GO_ON, now)).with_legs(freed(talk.customer))


def talked(leg: Leg) -> timedelta:
    """How long the party was in the call, once it has left."""
    if leg.join_time is None or leg.leave_time is None:
        return timedelta(0)
    return max(timedelta(0), leg.leave_time - leg.join_time)
