"""Call detail records: exactly one for every call, made when it ends and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from telephony.domain.calls import TALK_STATES, Call, CallState, Direction, EndCause, EndParty, with_flow_again
from telephony.domain.legs import Q850, Answer, Leg, Party

ZERO = timedelta(0)

Q850_OF: Mapping[str, int] = {
    EndCause.BUSY: Q850.BUSY,
    EndCause.NO_ANSWER: Q850.NO_ANSWER,
    EndCause.REJECTED: Q850.REJECTED,
    EndCause.UNREACHABLE: Q850.UNREACHABLE,
    EndCause.SUSPENDED: Q850.REJECTED,
    EndCause.BALANCE: Q850.REJECTED,
    EndCause.BILLING_AWAY: Q850.TEMPORARY_FAILURE,
    EndCause.SPENT: Q850.REJECTED,
    "NUMBER_BLOCKED": Q850.REJECTED,
    "NUMBER_INVALID": 28,  # invalid number format
    "NO_TRUNK": Q850.NO_CIRCUIT,
    "TRUNK_LIMIT_REACHED": Q850.NO_CIRCUIT,
    "CALL_RATE_LIMIT_REACHED": Q850.CONGESTION,
    EndCause.LIMIT: Q850.CONGESTION,
    EndCause.LOOPED: 25,  # exchange routing error
    EndCause.NODE_LOST: Q850.TEMPORARY_FAILURE,
    EndCause.NODE_DRAINED: Q850.TEMPORARY_FAILURE,
    EndCause.MEDIA_LOST: Q850.TEMPORARY_FAILURE,
    EndCause.MEDIA_FAILED: Q850.TEMPORARY_FAILURE,
    EndCause.FLOW_FAILED: Q850.TEMPORARY_FAILURE,
}
"""The cause by ITU-T Q.850 of an end that no network gave one for. Everything else is somebody's wish: normal
clearing."""


@dataclass(frozen=True)
class Ending:
    """How a call ended. `talk` and `hold` come from the node's monotonic clock; None when the node died with it."""

    party: EndParty
    cause: str
    time: datetime
    talk: timedelta | None = None
    hold: timedelta | None = None
    customer_mos: float = 0.0
    agent_mos: float = 0.0
    q850_cause: int = 0
    sip_status: int = 0
    answered_by: Answer | None = None
    """UNKNOWN when it ended while somebody still listened for who answered."""
    detection: timedelta = ZERO
    leg_id: str = ""
    """Leg the causes are of; empty for the customer's."""

    @property
    def q850(self) -> int:
        """Why, by Q.850: as the network said it, else as our own cause means it."""
        return self.q850_cause or Q850_OF.get(self.cause, Q850.NORMAL)


@dataclass(frozen=True)
class Cdr:
    """One call detail record."""

    cdr_id: str
    call_id: str
    contact_id: str
    brand_id: str
    caller_number: str
    dialed_number: str
    agent_id: str
    start_time: datetime
    answer_time: datetime | None
    end_time: datetime
    duration: timedelta
    talk: timedelta
    hold: timedelta
    unheard: timedelta
    """As `Call.unheard`, of what lies between start and end."""
    end_party: EndParty
    end_cause: str
    customer_mos: float
    agent_mos: float
    release_id: str
    direction: Direction
    trunk_id: str
    q850_cause: int
    sip_status: int
    answered_by: Answer | None
    detection: timedelta
    after_agent: timedelta = ZERO
    """As `Call.after_agent`."""
    connect_time: datetime | None = None
    """As `connected` says."""


def detail_record(call: Call, ending: Ending, cdr_id: str, customer: Leg | None = None) -> Cdr:
    """The record of a call that ends as `ending` says; `customer` is its leg.

    Nothing is ever negative: an end reported before the start (a heartbeat older than the call) is the start, and one
    before the answer (the customer was last heard before it) is the answer. Without the node's own measure, talk and
    hold follow from the stored times, up to the end. `duration` leaves out what no node vouches for; a call that ended
    before its last node had it (nobody came back) doesn't reach into that.
    """
    end = max(ending.time, call.start_time, call.answer_time or call.start_time)
    passed = max(ZERO, end - call.state_time)
    hold = call.hold + (passed if call.state is CallState.HELD else ZERO)
    talk = call.talk + (passed if call.state in TALK_STATES else ZERO)
    if ending.talk is not None:
        talk = max(ZERO, ending.talk) if call.answer_time is not None else ZERO
    if ending.hold is not None:
        hold = max(ZERO, ending.hold)
    told = customer if customer is not None and customer.answered_by is not None else ending
    unheard = max(ZERO, call.unheard - max(ZERO, call.state_time - end))
    return Cdr(
        cdr_id=cdr_id,
        call_id=call.call_id,
        contact_id=call.contact_id,
        brand_id=call.brand_id,
        caller_number=call.caller_number,
        dialed_number=call.dialed_number,
        agent_id=call.agent_id or (call.served.agent_id if call.served is not None and call.resumed else ""),
        start_time=call.start_time,
        answer_time=call.answer_time,
        end_time=end,
        duration=max(ZERO, end - call.start_time - unheard),
        talk=talk,
        hold=min(hold, talk),
        unheard=unheard,
        end_party=ending.party,
        end_cause=_cause(call, ending),
        customer_mos=ending.customer_mos,
        agent_mos=ending.agent_mos,
        release_id=call.release_id,
        direction=call.direction,
        trunk_id=call.trunk_id,
        q850_cause=ending.q850,
        sip_status=ending.sip_status,
        answered_by=told.answered_by,
        detection=told.detection,
        after_agent=call.after_agent + (passed if with_flow_again(call) else ZERO),
        connect_time=connected(call, [customer] if customer is not None else []),
    )


def connected(call: Call, legs: Iterable[Leg]) -> datetime | None:
    """When the number called answered; None when it hasn't, and of calls in. Who is called back before any agent is
    talks to nobody yet then."""
    if call.direction is not Direction.OUTBOUND:
        return None
    joined = [leg.join_time for leg in legs if leg.party == Party.CUSTOMER]
    return min((time for time in (*joined, call.answer_time) if time is not None), default=None)


def _cause(call: Call, ending: Ending) -> str:
    """Who rings somebody and hangs up before an answer has given up."""
    unanswered = call.direction is Direction.OUTBOUND and call.answer_time is None
    given_up = unanswered and ending.party is EndParty.AGENT and ending.cause == EndCause.NORMAL
    return EndCause.CANCELLED if given_up else ending.cause
