"""A run: one call's way through the release it began with. What is kept of it, and what it tells telephony."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import Conflict, FailedPrecondition, NotFound

from flows.domain.deeds import (
    CallbackChecked,
    CallbackMade,
    CallerLeft,
    CheckCallback,
    Draw,
    Drawn,
    ListsSeen,
    LookAtQueue,
    LookedUp,
    LookInLists,
    LookUp,
    QueueSeen,
    RequestCallback,
)
from flows.domain.definitions import ATTRIBUTE, OWN_PREFIXES
from flows.domain.effects import ChangeFlow, CheckContact, CheckHours, Dequeue, Enqueue, Estimate, Fetch
from flows.domain.entry import Chosen
from flows.domain.number_lists import Asked
from flows.domain.orders import Order
from flows.domain.speech import Told, WaitEstimate
from flows.domain.subflows import EnterFlow, FlowEntered, FlowLeft, Frame, LeaveFlow

MASK = "***"
"""What stands for a masked value wherever it can be read."""
MAX_ATTRIBUTES = 200
MAX_ATTRIBUTE_LENGTH = 1024


class RunNotFound(NotFound):
    """No such run."""

    reason = "RUN_NOT_FOUND"


class RunHasEnded(FailedPrecondition):
    """The run is over: the flow hung up or the call ended."""

    reason = "RUN_ENDED"


class SequenceOutOfOrder(Conflict):
    """The report is about an instruction that was not given yet."""

    reason = "SEQUENCE_OUT_OF_ORDER"


class EventUnexpected(FailedPrecondition):
    """The last instruction can't end with this event."""

    reason = "EVENT_UNEXPECTED"


class Phase(StrEnum):
    """Where a run stands. The first eight are stored; in the others an effect is being done."""

    STARTING = "STARTING"
    PLAYING = "PLAYING"
    GATHERING = "GATHERING"
    WAITING = "WAITING"
    QUEUED = "QUEUED"
    DIALLING = "DIALLING"
    RECORDING = "RECORDING"
    ENDED = "ENDED"
    CHECKING_HOURS = "CHECKING_HOURS"
    FETCHING = "FETCHING"
    ENQUEUEING = "ENQUEUEING"
    ESTIMATING = "ESTIMATING"
    DEQUEUEING = "DEQUEUEING"
    CHECKING_CONTACT = "CHECKING_CONTACT"
    CHANGING_FLOW = "CHANGING_FLOW"
    DRAWING = "DRAWING"
    CHECKING_QUEUE = "CHECKING_QUEUE"
    LOOKING_IN_LISTS = "LOOKING_IN_LISTS"
    FINDING_CUSTOMER = "FINDING_CUSTOMER"
    ENTERING_FLOW = "ENTERING_FLOW"
    LEAVING_FLOW = "LEAVING_FLOW"
    CHECKING_CALLBACK = "CHECKING_CALLBACK"
    REQUESTING_CALLBACK = "REQUESTING_CALLBACK"


class ContactKind(StrEnum):
    """How routing counts the contacts a run queues."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    TRANSFER = "TRANSFER"
    CONSULT = "CONSULT"


@dataclass(frozen=True)
class HandedOn:
    """How a call came to this run. `to` says what `target` is: queue_id, agent_id, voicemail_of_agent_id,
    voicemail_of_queue_id; empty for a flow of the tenant's own. `max_wait` is how long one agent is waited for."""

    contact_kind: ContactKind = ContactKind.INBOUND
    previous_contact_id: str = ""
    consulting_agent_id: str = ""
    return_agent_id: str = ""
    to: str = ""
    target: str = ""
    max_wait: timedelta | None = None
    otherwise_queue_id: str = ""
    """Where the call waits when the agent doesn't take it, in place of all else."""
    otherwise_end: bool = False
    """It ends then."""
    waiting_contact_id: str = ""
    """Contact that waits in the queue already: the run queues none."""
    greeting_prompt_id: str = ""


@dataclass(frozen=True)
class RunState:
    """All an interpreter needs to go on. `secrets` holds masked values in clear: sealed before it is stored."""

    phase: Phase = Phase.STARTING
    step_id: str = ""
    language: str = ""
    entered: int = 0
    """Steps entered so far; with the step it names a visit, so that effects can be repeated safely."""
    attempt: int = 0
    """Times the caller was asked in this visit."""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    contact_id: str = ""
    queue_time: datetime | None = None
    announce_time: datetime | None = None
    announced: Told | None = None
    """What was announced last in this wait."""
    ordered: int = 0
    """Of the steps entered, how many had been when telephony last got something to do."""
    origin: HandedOn = HandedOn()
    turned_away_by: tuple[str, ...] = ()
    """Queue steps, with their queues, that turned the caller away at once since they last waited or chose something."""
    leaving: str = ""
    """Why the contact is being taken out of its queue: max_wait, no_match or no_answer."""
    chosen: Chosen | None = None
    """What entry rules said last."""
    frames: tuple[Frame, ...] = ()
    """The steps that called other flows, the outermost first, while the run is inside."""
    left_contact_id: str = ""
    """The contact that waited last and was given up: a callback has its place."""
    asking: str = ""
    """What a callback offer asks for just now."""
    listed: tuple[Asked, ...] = field(default=(), repr=False)
    """Which numbers are in which lists, while a step that asked is gone through; never stored."""
    left_time: datetime | None = None
    """When the caller hung up while they waited: since then the flow does what is left to do."""

    @property
    def gone(self) -> bool:
        """Whether nobody is on the line any more."""
        return self.left_time is not None


@dataclass(frozen=True)
class Call:
    """What telephony says about the call a run is for."""

    call_id: str
    flow_id: str
    brand_id: str = ""
    brand_name: str = ""
    language: str = ""
    caller_number: str = field(default="", repr=False)
    caller_name: str = field(default="", repr=False)
    dialed_number: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    turn: int = 0
    origin: HandedOn = HandedOn()
    channel: str = "voice"


@dataclass(frozen=True)
class Run:
    """A run as it is stored. `sequence` is that of the last instruction given, 0 before the first; `turn` 0 is the run
    a call begins with, and rises each time the call is handed on."""

    run_id: str
    call_id: str
    flow_id: str
    release_id: str
    brand_id: str
    sequence: int
    state: RunState
    create_time: datetime
    end_time: datetime | None = None
    turn: int = 0


@dataclass(frozen=True)
class Trail:
    """One step taken: what happened there, without what the caller typed."""

    step_id: str
    outcome: str


@dataclass(frozen=True)
class RunStep:
    """A trail entry as stored."""

    sequence: int
    step_id: str
    outcome: str
    create_time: datetime


# What happened: at the caller's side,


@dataclass(frozen=True)
class Started:
    """The call begins."""


@dataclass(frozen=True)
class Finished:
    """The audio was played."""


class How(StrEnum):
    """How a caller answered a menu."""

    PRESSED = ""
    SPOKEN = "SPOKEN"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"
    """They said something that is on no menu; no digits."""


@dataclass(frozen=True)
class Digits:
    """The caller pressed enough digits, or the terminator, or said what stands for one."""

    digits: str = field(repr=False)
    how: How = How.PRESSED


@dataclass(frozen=True)
class TimedOut:
    """The caller pressed nothing more in time."""

    digits: str = field(default="", repr=False)


@dataclass(frozen=True)
class QueueTick:
    """The contact still waits."""


@dataclass(frozen=True)
class Proceed:
    """The filler plays; the work may be done."""


@dataclass(frozen=True)
class DialFailed:
    """The number was not reached; `detail` says why, such as BUSY."""

    detail: str = ""


@dataclass(frozen=True)
class DialEnded:
    """The number answered and has left."""

    duration: timedelta = timedelta(0)


@dataclass(frozen=True)
class Recorded:
    """The message is over; zero when nothing was said."""

    duration: timedelta = timedelta(0)


# and with effects.


@dataclass(frozen=True)
class HoursChecked:
    """Whether it is open; None: these hours don't exist any more."""

    open: bool | None


@dataclass(frozen=True)
class Fetched:
    """What an HTTP request gave; None when every try failed. `outcome` says what came, such as `200` or `timeout`."""

    values: Mapping[str, str] | None = field(repr=False)
    outcome: str


@dataclass(frozen=True)
class Enqueued:
    """The contact waits; empty when routing refused it for good, `refusal` saying why."""

    contact_id: str
    refusal: str = ""
    customer_id: str = ""
    """Who calls, when that became known only now."""
    left: str = ""
    """Why it is out of its queue already, as ContactChecked says it."""
    number: str = ""


@dataclass(frozen=True)
class Estimated:
    """Position and expected wait; None when routing can't say."""

    estimate: WaitEstimate | None


@dataclass(frozen=True)
class Dequeued:
    """Whether the contact is out of its queue; False: an agent has it or is being rung."""

    out: bool


@dataclass(frozen=True)
class ContactChecked:
    """Whether the contact still waits, or has an agent; False: nobody comes. `left` says why its queue took it out:
    max_wait, closed, nobody_staffed, full, or number, with the number the call overflows to; abandoned: the caller hung
    up. `missed` is how many offers came to nothing while it waits in a queue."""

    open: bool
    left: str = ""
    number: str = ""
    missed: int = 0


@dataclass(frozen=True)
class FlowChanged:
    """The release the run goes on with; empty: that flow was deleted or never published."""

    flow_id: str = ""
    release_id: str = ""


Event = (
    Started | Finished | Digits | TimedOut | QueueTick | Proceed | DialFailed | DialEnded | Recorded
    | HoursChecked | Fetched | Enqueued | Estimated | Dequeued | ContactChecked | FlowChanged
    | Drawn | QueueSeen | LookedUp | FlowEntered | FlowLeft
    | CallbackChecked | CallbackMade | ListsSeen | CallerLeft
)  # fmt: skip


Effect = (
    CheckHours | Fetch | Enqueue | Estimate | Dequeue | CheckContact | ChangeFlow | Draw | LookAtQueue | LookUp
    | EnterFlow | LeaveFlow | CheckCallback | RequestCallback | LookInLists
)  # fmt: skip


@dataclass(frozen=True)
class Instruction:
    """What telephony does next for a run, under its sequence number."""

    run_id: str
    sequence: int
    release_id: str
    step_id: str
    order: Order


def first_state(call: Call, customer_id: str, default_language: str) -> RunState:
    """The state a run begins with: the page's attributes, within limits, and what the call brings itself."""
    language = call.language or default_language
    given = {
        name: value[:MAX_ATTRIBUTE_LENGTH]
        for name, value in list(call.attributes.items())[:MAX_ATTRIBUTES]
        # The page must not pass for a menu choice, an answer or for what the call itself brings.
        if ATTRIBUTE.fullmatch(name) and not name.startswith(OWN_PREFIXES)
    }
    built_in = {
        "brand_id": call.brand_id,
        "brand_name": call.brand_name,
        "caller_name": call.caller_name[:MAX_ATTRIBUTE_LENGTH],
        "caller_number": call.caller_number,
        "channel": call.channel,
        "customer_id": customer_id,
        "dialed_number": call.dialed_number,
        "language": language,
    }
    return RunState(language=language, attributes=given | built_in, origin=call.origin)
