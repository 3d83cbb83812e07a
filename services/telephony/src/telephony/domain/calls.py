"""Calls: one telephony session between a customer and the tenant, from the first packet to its CDR."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import FailedPrecondition, Forbidden, NotFound, QuotaExceeded

from telephony.domain.call_rules import CallRules


class CallState(Enum):
    """Where a call stands."""

    SETUP = "SETUP"
    DIALING = "DIALING"
    IN_FLOW = "IN_FLOW"
    QUEUED = "QUEUED"
    TALKING = "TALKING"
    HELD = "HELD"
    PARKED = "PARKED"
    ENDED = "ENDED"


class Direction(Enum):
    """Who called whom, seen from the tenant."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class Trigger(Enum):
    """What moves a call."""

    RUN = "RUN"
    QUEUE = "QUEUE"
    LEAVE_QUEUE = "LEAVE_QUEUE"
    JOIN = "JOIN"
    HOLD = "HOLD"
    RESUME = "RESUME"
    PARK = "PARK"
    SEND_ON = "SEND_ON"
    """A blind transfer to a queue, an agent or a flow, or the last resort of an agent who did not take it: flows leads
    the call again."""
    DIAL_ON = "DIAL_ON"
    """A number is rung for the customer, who hears so: a blind transfer, or what flows says."""
    GO_ON = "GO_ON"
    """The party that flows rang is gone, or the last agent: flows leads the call on."""
    END = "END"


class EndParty(Enum):
    """Who ended a call."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"
    FLOW = "FLOW"
    SYSTEM = "SYSTEM"
    PARTICIPANT = "PARTICIPANT"


class EndCause:
    """Why a call ended; stable keys of the CDR. Flows adds its own for calls it ends."""

    NORMAL = "NORMAL"
    CALLER_LEFT = "CALLER_LEFT"
    MEDIA_LOST = "MEDIA_LOST"
    MEDIA_FAILED = "MEDIA_FAILED"
    NODE_LOST = "NODE_LOST"
    NODE_DRAINED = "NODE_DRAINED"
    """An operator emptied its node, and no other could go on with it in the time they gave."""
    FLOW_FAILED = "FLOW_FAILED"
    BUSY = "BUSY"
    NO_ANSWER = "NO_ANSWER"
    REJECTED = "REJECTED"
    UNREACHABLE = "UNREACHABLE"
    CANCELLED = "CANCELLED"
    PARK_TIMEOUT = "PARK_TIMEOUT"
    ANSWERING_MACHINE = "ANSWERING_MACHINE"
    FAX = "FAX"
    MESSAGE_LEFT = "MESSAGE_LEFT"
    LIMIT = "CONCURRENT_CALL_LIMIT_REACHED"
    SUSPENDED = "TENANT_SUSPENDED"
    BALANCE = "BALANCE_USED_UP"
    BILLING_AWAY = "BILLING_UNREACHABLE"
    SPENT = "SPEND_LIMIT_REACHED"
    LOOPED = "CALL_LOOPED"


_S, _T = CallState, Trigger
TRANSITIONS: Mapping[tuple[CallState, Trigger], CallState] = {
    (_S.SETUP, _T.RUN): _S.IN_FLOW,
    (_S.SETUP, _T.QUEUE): _S.QUEUED,
    (_S.IN_FLOW, _T.QUEUE): _S.QUEUED,
    (_S.QUEUED, _T.LEAVE_QUEUE): _S.IN_FLOW,
    (_S.SETUP, _T.JOIN): _S.TALKING,
    (_S.IN_FLOW, _T.JOIN): _S.TALKING,
    (_S.QUEUED, _T.JOIN): _S.TALKING,
    (_S.TALKING, _T.HOLD): _S.HELD,
    (_S.HELD, _T.RESUME): _S.TALKING,
    (_S.DIALING, _T.JOIN): _S.TALKING,
    (_S.PARKED, _T.JOIN): _S.TALKING,
    **{(state, _T.PARK): _S.PARKED for state in (_S.TALKING, _S.HELD)},
    **{(state, _T.SEND_ON): _S.IN_FLOW for state in (_S.TALKING, _S.HELD, _S.PARKED, _S.DIALING)},
    **{(state, _T.SEND_ON): _S.IN_FLOW for state in (_S.IN_FLOW, _S.QUEUED)},
    **{(state, _T.DIAL_ON): _S.DIALING for state in (_S.TALKING, _S.HELD, _S.IN_FLOW)},
    **{(state, _T.GO_ON): _S.IN_FLOW for state in (_S.DIALING, _S.TALKING, _S.HELD)},
    **{(state, _T.END): _S.ENDED for state in _S if state is not _S.ENDED},
}
"""Every change a call can make. What isn't here is refused."""

TALK_STATES = frozenset({CallState.TALKING, CallState.HELD})


class CallNotFound(NotFound):
    """No such call of this tenant."""

    reason = "CALL_NOT_FOUND"


def no_such_call() -> CallNotFound:
    return CallNotFound("there is no such call")


class ConcurrentCallLimitReached(QuotaExceeded):
    """The plan's calls at the same time are all up."""

    reason = "CONCURRENT_CALL_LIMIT_REACHED"


class CallNotTalking(FailedPrecondition):
    """Only a call in conversation can do this."""

    reason = "CALL_NOT_TALKING"


class DigitsNotTaken(FailedPrecondition):
    """Nobody outside who is talked with takes keypad digits: neither telephone events nor INFO were agreed on."""

    reason = "DIGITS_NOT_TAKEN"


class CallNotHeld(FailedPrecondition):
    """The call isn't on hold."""

    reason = "CALL_NOT_HELD"


class CallEnded(FailedPrecondition):
    """The call is over."""

    reason = "CALL_ENDED"


class CallOfOtherAgent(Forbidden):
    """An agent controls only the calls they are on."""

    reason = "CALL_OF_OTHER_AGENT"


_REFUSED = {Trigger.HOLD: CallNotTalking, Trigger.RESUME: CallNotHeld}


@dataclass(frozen=True)
class Served:
    """After whom a run of flows went on with the customer: the agent, and their contact."""

    run_id: str
    contact_id: str
    agent_id: str


@dataclass(frozen=True)
class Call:
    """One call as stored. Times are aware UTC; durations accumulate at each change."""

    call_id: str
    state: CallState
    brand_id: str
    brand_name: str
    language: str
    flow_id: str
    dialed_number: str
    node_id: str
    start_time: datetime
    state_time: datetime
    caller_number: str = ""
    caller_name: str = ""
    contact_id: str = ""
    queue_id: str = ""
    customer_id: str = ""
    agent_id: str = ""
    run_id: str = ""
    release_id: str = ""
    trace_id: str = ""
    recording_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    recorded: bool = True
    direction: Direction = Direction.INBOUND
    turn: int = 0
    """Runs of flows that led it before the one at hand."""
    sent_to: str = ""
    """Where the run at hand leads instead of into `flow_id`: "queue:que_...", "agent:usr_...", "flow:flw_...",
    "voicemail:usr_...", "recall:usr_..." who parked it, "message:prm_..." a machine that is told something."""
    sent_by: str = ""
    """Agent who sent it there; empty for an agent's last resort."""
    forwarded_by: tuple[str, ...] = ()
    """Agents whose last resorts it went by since somebody last sent it on or handed it back, the eldest first. Who
    accepts and picks no telephone up passes it on as well."""
    trunk_id: str = ""
    rules: CallRules = field(default_factory=CallRules)
    park_code: str = ""
    answer_time: datetime | None = None
    end_time: datetime | None = None
    talk: timedelta = timedelta(0)
    """In conversation before `state_time`, holds included."""
    hold: timedelta = timedelta(0)
    unheard: timedelta = timedelta(0)
    """Between the last sign of life of a node it was on and its adoption by the next: nobody vouches for it."""
    kept_run_id: str = ""
    """Run that goes on with the customer when the last agent has left; empty: the call ends then."""
    served: Served | None = None
    """The last agent after whom a run did."""
    after_agent: timedelta = timedelta(0)
    """With flows after an agent, before `state_time`."""
    version: int = 1

    @property
    def resumed(self) -> bool:
        """Whether the run that leads it is one that went on after an agent."""
        return self.served is not None and self.served.run_id == self.run_id

    @property
    def live(self) -> bool:
        return self.state is not CallState.ENDED

    @property
    def customers_number(self) -> str:
        """Who called, or who is called."""
        return self.caller_number if self.direction is Direction.INBOUND else self.dialed_number

    @property
    def companys_number(self) -> str:
        """The other end: which of the company's numbers was called, or is shown."""
        return self.dialed_number if self.direction is Direction.INBOUND else self.caller_number


def change(call: Call, trigger: Trigger, now: datetime) -> Call:
    """The call after `trigger`. CallEnded, CallNotTalking or CallNotHeld when its state forbids it.

    Talk and hold are added up at every change of state, by whatever changes it.
    """
    state = TRANSITIONS.get((call.state, trigger))
    if state is None:
        if not call.live:
            raise CallEnded("the call has ended")
        raise _REFUSED.get(trigger, CallNotTalking)("the call's state doesn't allow this")
    passed = max(timedelta(0), now - call.state_time)
    talk = call.talk + (passed if call.state in TALK_STATES else timedelta(0))
    hold = call.hold + (passed if call.state is CallState.HELD else timedelta(0))
    after = call.after_agent + (passed if with_flow_again(call) else timedelta(0))
    return dataclasses.replace(
        call, state=state, state_time=now, talk=talk, hold=hold, after_agent=after, version=call.version + 1
    )


def with_flow_again(call: Call) -> bool:
    """Whether flows has the customer now, after an agent."""
    return call.resumed and call.state is CallState.IN_FLOW


Change = Callable[[Call, datetime], "Call | None"]
"""A call and the time -> the call after it; None when it has moved on already, and nothing changes."""


def run_started(turn: int, run_id: str, release_id: str) -> Change:
    """Flows drives this turn of the call from now on."""

    def change_it(call: Call, now: datetime) -> Call | None:
        if call.turn != turn or call.state not in (CallState.SETUP, CallState.IN_FLOW):
            return None
        # After a transfer the call is in a flow before its new run has begun.
        after = change(call, Trigger.RUN, now) if call.state is CallState.SETUP else call
        release = call.release_id or release_id
        return dataclasses.replace(after, run_id=run_id, release_id=release, version=after.version + 1)

    return change_it


def queued(turn: int, contact_id: str, run_id: str = "", *, goes_on: bool = False) -> Change:
    """In this turn the call waits for an agent as `contact_id`, by a run that goes on after them or doesn't. An agent
    may have been faster than this."""

    def change_it(call: Call, now: datetime) -> Call | None:
        if call.turn != turn:
            return None
        kept = run_id if goes_on else "" if call.kept_run_id == run_id else call.kept_run_id
        if call.state in TALK_STATES and call.contact_id == contact_id and call.kept_run_id != kept:
            return dataclasses.replace(call, kept_run_id=kept, version=call.version + 1)
        if call.state not in (CallState.SETUP, CallState.IN_FLOW):
            return None
        return dataclasses.replace(change(call, Trigger.QUEUE, now), contact_id=contact_id, kept_run_id=kept)

    return change_it


def went_on(run_id: str) -> Change:
    """This run is past the queue: nobody comes by it after whom it would go on."""

    def change_it(call: Call, now: datetime) -> Call | None:
        after = left_queue(call, now)
        if call.kept_run_id != run_id or call.state in TALK_STATES:
            return after
        after = after or dataclasses.replace(call, version=call.version + 1)
        return dataclasses.replace(after, kept_run_id="")

    return change_it


def left_queue(call: Call, now: datetime) -> Call | None:
    """Flows took the call out of the queue; None when it isn't queued."""
    return change(call, Trigger.LEAVE_QUEUE, now) if call.state is CallState.QUEUED else None


def recorded_as(recording_id: str) -> Change:
    """What is said in the call is this recording."""
    return lambda call, _now: dataclasses.replace(call, recording_id=recording_id, version=call.version + 1)


def moved(call: Call, node_id: str, last_heard: datetime, now: datetime) -> Call:
    """The call on another node, where it goes on. What it did counts up to `last_heard` of the node it was on, or to
    its last change of state where that is later: the change is a sign of life too."""
    heard = min(max(last_heard, call.state_time), now)
    passed = heard - call.state_time
    return dataclasses.replace(
        call,
        node_id=node_id,
        state_time=now,
        talk=call.talk + (passed if call.state in TALK_STATES else timedelta(0)),
        hold=call.hold + (passed if call.state is CallState.HELD else timedelta(0)),
        unheard=call.unheard + (now - heard),
        after_agent=call.after_agent + (passed if with_flow_again(call) else timedelta(0)),
        version=call.version + 1,
    )


@dataclass(frozen=True)
class Contact:
    """The contact an agent accepted, as far as routing knows it."""

    contact_id: str = ""
    queue_id: str = ""
    customer_id: str = ""
    consult: bool = False
    """An agent was asked by another one, who has the customer on hold."""


def answered(call: Call, agent_id: str, contact: Contact, now: datetime) -> Call:
    """The call with an agent joined; the first answer is the one that counts."""
    return dataclasses.replace(
        change(call, Trigger.JOIN, now),
        agent_id=agent_id,
        contact_id=contact.contact_id or call.contact_id,
        queue_id=contact.queue_id or call.queue_id,
        customer_id=contact.customer_id or call.customer_id,
        park_code="",
        answer_time=call.answer_time or now,
    )


@dataclass(frozen=True)
class Actor:
    """Who acts on a call: a role, and a user's id when it is a person."""

    role: str
    user_id: str = ""

    @property
    def party(self) -> EndParty:
        """Whose hang-up it is: a service speaks for the customer at its edge."""
        return EndParty.CUSTOMER if self.role in ("service", "customer") else EndParty.AGENT


def refusals(live_calls: int, wishes: Sequence[tuple[int, bool]]) -> Sequence[str]:
    """As `refusal`, of calls (limit, suspended) that come at once, in their order: who is taken counts for the next."""
    found: list[str] = []
    for limit, suspended in wishes:
        found.append(refusal(live_calls, limit, suspended))
        live_calls += not found[-1]
    return found


def refusal(live_calls: int, limit: int, suspended: bool) -> str:
    """Why one more call can't be taken, as its end cause; empty when it can. A limit of 0 means none was agreed."""
    if suspended:
        return EndCause.SUSPENDED
    return EndCause.LIMIT if 0 < limit <= live_calls else ""
