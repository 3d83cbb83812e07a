"""What happened in a call that its legs and contacts don't keep: holds, transfers, parks, moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from telephony.domain.calls import CallState


class Happening(Enum):
    """What it was; the web app has words for each."""

    HELD = "HELD"
    RESUMED = "RESUMED"
    TRANSFERRED = "TRANSFERRED"
    FORWARDED = "FORWARDED"
    PARKED = "PARKED"
    PARK_EXPIRED = "PARK_EXPIRED"
    MOVED = "MOVED"
    TAKEN_OVER = "TAKEN_OVER"
    AFTER_AGENT = "AFTER_AGENT"
    """The flow went on with the customer."""


@dataclass(frozen=True)
class Moment:
    """One of them. `agent_id` is whoever did it, or whom it was done to when a supervisor or the system did; `target`
    where the call went: of `target_kind` agent, queue, flow, number or voicemail; park, the code; node, its id."""

    call_id: str
    happening: Happening
    time: datetime
    agent_id: str = ""
    target_kind: str = ""
    target: str = ""


def of_hold(call_id: str, before: CallState, after: CallState, now: datetime) -> Moment | None:
    """The customer's hold begun or over."""
    if {before, after} != {CallState.TALKING, CallState.HELD}:
        return None
    return Moment(call_id, Happening.HELD if after is CallState.HELD else Happening.RESUMED, now)
