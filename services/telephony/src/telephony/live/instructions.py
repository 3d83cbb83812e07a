"""What flows' instructions come to: what is reported, and orders that others than the driver carry out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from merkez.flows.v1 import run_service_pb2 as run

from telephony.live.call import LiveCall
from telephony.media.clips import Clip


@dataclass(frozen=True)
class Told:
    """What came of an instruction. `detail` says why a number wasn't reached; `duration` is of a message or a talk."""

    event: run.RunEventKind.ValueType
    digits: str = ""
    detail: str = ""
    duration: timedelta = timedelta(0)


@dataclass(frozen=True)
class DialOrder:
    """A number to be rung for the customer. `instruction` names what says so, in the rows; `sound` is heard meanwhile,
    again and again, in place of the ringing tone. `people_only` joins nobody else."""

    instruction: str
    number: str
    caller_number: str
    ring_seconds: float
    sound: Sequence[Clip] = ()
    people_only: bool = False


@dataclass(frozen=True)
class Dialled:
    """What came of it: why the number wasn't reached, a stable key, or how long its party was there."""

    failure: str = ""
    talk: timedelta = timedelta(0)


DialInFlow = Callable[[LiveCall, DialOrder], Awaitable[Dialled]]
"""Ring the number and join it to the customer; done when its party has left or isn't reached. What the rules of dialing
refuse."""
