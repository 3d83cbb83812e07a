"""How a channel of a port order moves from state to state, and what each of its carriers' reasons means.

Before an order is sent off its channels move together; from then on calls and text messages each go their own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from kernel.errors import FailedPrecondition, NotFound


class PortState(Enum):
    """Where a channel of an order stands."""

    PORTABILITY_CHECK = "PORTABILITY_CHECK"
    DRAFT = "DRAFT"
    DOCUMENTS = "DOCUMENTS"
    FOC_DATE = "FOC_DATE"
    SUBMITTED = "SUBMITTED"
    IN_PROCESS = "IN_PROCESS"
    EXCEPTION = "EXCEPTION"
    PORTED = "PORTED"
    CANCELLED = "CANCELLED"


class Trigger(Enum):
    """What moves it."""

    PORTABLE = "the carrier can take the numbers over"
    NOT_PORTABLE = "the carrier can't take some of the numbers over"
    CHECK_AGAIN = "the numbers were changed"
    DETAILS_COMPLETE = "what the losing carrier has to know is there"
    DOCUMENTS_COMPLETE = "the documents are there"
    DOCUMENTS_LACKING = "a document was taken away"
    SUBMIT = "the company sends it off"
    ACCEPTED = "the losing carrier agreed to a day"
    REFUSED = "the losing carrier objects"
    ACTIVATED = "the numbers have come over"
    GIVEN_UP = "the company gives it up"
    CARRIER_CANCELLED = "the carrier gives it up"


_S, _T = PortState, Trigger
TRANSITIONS: Mapping[tuple[PortState, Trigger], PortState] = {
    (_S.PORTABILITY_CHECK, _T.PORTABLE): _S.DRAFT,
    (_S.PORTABILITY_CHECK, _T.NOT_PORTABLE): _S.EXCEPTION,
    (_S.PORTABILITY_CHECK, _T.GIVEN_UP): _S.CANCELLED,
    (_S.DRAFT, _T.DETAILS_COMPLETE): _S.DOCUMENTS,
    (_S.DRAFT, _T.CHECK_AGAIN): _S.PORTABILITY_CHECK,
    (_S.DRAFT, _T.GIVEN_UP): _S.CANCELLED,
    (_S.DOCUMENTS, _T.DOCUMENTS_COMPLETE): _S.FOC_DATE,
    (_S.DOCUMENTS, _T.CHECK_AGAIN): _S.PORTABILITY_CHECK,
    (_S.DOCUMENTS, _T.GIVEN_UP): _S.CANCELLED,
    (_S.FOC_DATE, _T.DOCUMENTS_LACKING): _S.DOCUMENTS,
    (_S.FOC_DATE, _T.SUBMIT): _S.SUBMITTED,
    (_S.FOC_DATE, _T.CHECK_AGAIN): _S.PORTABILITY_CHECK,
    (_S.FOC_DATE, _T.GIVEN_UP): _S.CANCELLED,
    # A poll may come late and find several steps done at once.
    (_S.SUBMITTED, _T.ACCEPTED): _S.IN_PROCESS,
    (_S.SUBMITTED, _T.REFUSED): _S.EXCEPTION,
    (_S.SUBMITTED, _T.ACTIVATED): _S.PORTED,
    (_S.SUBMITTED, _T.GIVEN_UP): _S.CANCELLED,
    (_S.SUBMITTED, _T.CARRIER_CANCELLED): _S.CANCELLED,
    (_S.IN_PROCESS, _T.REFUSED): _S.EXCEPTION,
    (_S.IN_PROCESS, _T.ACTIVATED): _S.PORTED,
    (_S.IN_PROCESS, _T.GIVEN_UP): _S.CANCELLED,
    (_S.IN_PROCESS, _T.CARRIER_CANCELLED): _S.CANCELLED,
    (_S.EXCEPTION, _T.CHECK_AGAIN): _S.PORTABILITY_CHECK,
    (_S.EXCEPTION, _T.SUBMIT): _S.SUBMITTED,
    (_S.EXCEPTION, _T.ACCEPTED): _S.IN_PROCESS,
    (_S.EXCEPTION, _T.ACTIVATED): _S.PORTED,
    (_S.EXCEPTION, _T.GIVEN_UP): _S.CANCELLED,
    (_S.EXCEPTION, _T.CARRIER_CANCELLED): _S.CANCELLED,
}
OVER = frozenset({PortState.PORTED, PortState.CANCELLED})
BEFORE = frozenset({PortState.PORTABILITY_CHECK, PortState.DRAFT, PortState.DOCUMENTS, PortState.FOC_DATE})
"""States before an order is sent off: both channels are in the same one."""
AT_CARRIER = frozenset({PortState.SUBMITTED, PortState.IN_PROCESS, PortState.EXCEPTION})
EXCEPTIONS = (
    "NOT_PORTABLE", "ACCOUNT_NUMBER_WRONG", "NAME_MISMATCH", "ADDRESS_MISMATCH", "PIN_WRONG", "LOA_INVALID",
    "BILL_INVALID", "DATE_REFUSED", "PENDING_ORDER", "CONTRACT_LOCKED", "OTHER",
)  # fmt: skip
"""Why an order stops, as a word; the page says what to do next."""


class PortStateWrong(FailedPrecondition):
    """What is asked for can't be done as the order stands."""

    reason = "PORT_STATE_WRONG"


class PortOrderNotFound(NotFound):
    """There is no such order."""

    reason = "PORT_ORDER_NOT_FOUND"


class NoCarrier(FailedPrecondition):
    """Whoever runs the platform has set no carrier up."""

    reason = "NO_CARRIER"


class PortPastNoReturn(FailedPrecondition):
    """The losing carrier is switching already."""

    reason = "PORT_PAST_NO_RETURN"


@dataclass(frozen=True)
class Lane:
    """One channel of an order: VOICE or SMS."""

    channel: str
    state: PortState
    state_time: datetime
    carrier_ref: str = ""
    """What the carrier calls it; empty until it has taken it."""
    replaces: str = ""
    """What the carrier called the submission that stopped, of one that was corrected."""
    submission: int = 0
    """How often it was sent off; part of the idempotency key."""
    foc_time: datetime | None = None
    port_time: datetime | None = None
    exception: str = ""
    exception_note: str = ""
    cancel_asked: bool = False
    next_time: datetime | None = None
    """When the carrier is asked again; None: there is nothing to ask."""
    failures: int = 0
    """How often in a row the carrier could not be reached."""

    def may(self, trigger: Trigger) -> bool:
        """Whether this can happen now."""
        return (self.state, trigger) in TRANSITIONS


def move(lane: Lane, trigger: Trigger, now: datetime) -> Lane:
    """The lane afterwards. Raises `PortStateWrong`."""
    state = TRANSITIONS.get((lane.state, trigger))
    if state is None:
        raise PortStateWrong(
            f"The order can't do this in the state {lane.state.value}.", metadata={"state": lane.state.value}
        )
    stopped = state is PortState.EXCEPTION
    return replace(
        lane,
        state=state,
        state_time=now,
        exception=lane.exception if stopped else "",
        exception_note=lane.exception_note if stopped else "",
        next_time=None if state in OVER else lane.next_time,
        cancel_asked=lane.cancel_asked and state not in OVER,
    )


@dataclass(frozen=True)
class PortEvent:
    """A line of an order's time line."""

    event_time: datetime
    channel: str
    """VOICE, SMS, or empty for the whole order."""
    kind: str
    state: str
    note: str
    user_id: str


@dataclass(frozen=True)
class Standing:
    """How a carrier says a submission stands: SUBMITTED, ACCEPTED, REFUSED, ACTIVATED or CANCELLED."""

    state: str
    foc_time: datetime | None = None
    port_time: datetime | None = None
    exception: str = ""
    note: str = ""
