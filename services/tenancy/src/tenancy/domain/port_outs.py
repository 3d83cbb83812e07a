"""Numbers that leave: another carrier asks, the company agrees by its PIN or refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import FailedPrecondition, NotFound

from tenancy.domain.fields import FieldInvalid
from tenancy.domain.porting import PortStateWrong

MAX_WRONG_PINS = 5
ANSWER_WITHIN = timedelta(days=3)
"""Unless the carrier names a time."""
_PIN = re.compile(r"[0-9]{6,10}")


class PortOutState(Enum):
    """Where a request stands."""

    REQUESTED = "REQUESTED"
    CONFIRMED = "CONFIRMED"
    REFUSED = "REFUSED"
    COMPLETED = "COMPLETED"
    WITHDRAWN = "WITHDRAWN"


class OutTrigger(Enum):
    """What moves it."""

    CONFIRM = "CONFIRM"
    REFUSE = "REFUSE"
    COMPLETE = "COMPLETE"
    WITHDRAW = "WITHDRAW"


OUT_TRANSITIONS: Mapping[tuple[PortOutState, OutTrigger], PortOutState] = {
    (PortOutState.REQUESTED, OutTrigger.CONFIRM): PortOutState.CONFIRMED,
    (PortOutState.REQUESTED, OutTrigger.REFUSE): PortOutState.REFUSED,
    (PortOutState.REQUESTED, OutTrigger.WITHDRAW): PortOutState.WITHDRAWN,
    (PortOutState.CONFIRMED, OutTrigger.COMPLETE): PortOutState.COMPLETED,
    (PortOutState.CONFIRMED, OutTrigger.WITHDRAW): PortOutState.WITHDRAWN,
}


class PortOutNotFound(NotFound):
    """There is no such request."""

    reason = "PORT_OUT_NOT_FOUND"


class PortPinWrong(FailedPrecondition):
    """It isn't the PIN, or none is set."""

    reason = "PORT_PIN_WRONG"


class PortPinLocked(FailedPrecondition):
    """Too many wrong ones: a new PIN has to be set."""

    reason = "PORT_PIN_LOCKED"


@dataclass(frozen=True)
class PortOut:
    """Another carrier's request for numbers."""

    port_out_id: str
    carrier_ref: str
    numbers: tuple[str, ...]
    gaining_carrier: str
    state: str
    create_time: datetime
    answer_until: datetime
    refusal: str = ""
    told: bool = True
    """Whether the carrier knows the answer."""
    version: int = 1


def move_out(state: str, trigger: OutTrigger) -> str:
    """The state afterwards. Raises `PortStateWrong`."""
    found = OUT_TRANSITIONS.get((PortOutState(state), trigger))
    if found is None:
        raise PortStateWrong(f"The request is {state.lower()}.", metadata={"state": state})
    return found.value


def pin(text: str) -> str:
    """A PIN one may set. Raises `FieldInvalid`."""
    if not _PIN.fullmatch(text) or len(set(text)) < 3:
        raise FieldInvalid.of("pin", "must be 6 to 10 digits, at least three of them different")
    return text
