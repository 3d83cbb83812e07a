"""The SIP status a refusal of ours is told by."""

from __future__ import annotations

from kernel.errors import (
    DomainError,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unavailable,
)

from telephony.domain.cdrs import Q850_OF
from telephony.domain.legs import Q850
from telephony.sip import Failure
from telephony.sip.causes import status_of

_BY_REASON = {
    "DEVICE_WITHOUT_BRAND": 403,
    "BRAND_NOT_FOUND": 403,
    "AGENT_NOT_AVAILABLE": 480,
    "STATION_ON_CALL": 486,
    "ON_CALL_ALREADY": 486,
    "CONSULT_UNDER_WAY": 491,
    "CONSULT_NOT_ANSWERED": 491,
    "NO_CONSULT": 481,
    "CALL_ENDED": 481,
}
_BY_KIND = (
    (InvalidInput, 400),
    (NotFound, 404),
    (QuotaExceeded, 486),
    (Forbidden, 403),
    (FailedPrecondition, 480),
    (Unavailable, 503),
)


def status_of_error(error: DomainError) -> int:
    """The status: by the reason where SIP has a word for it or Q.850 a cause, else by the kind of error; 403 for any
    other. No line is no busy number: whoever dialled would believe that of the customer."""
    known, cause = _BY_REASON.get(error.reason), q850_of_error(error)
    if known is None and cause is not None:
        known = status_of(cause)
    return known or next((status for kind, status in _BY_KIND if isinstance(error, kind)), 403)


def q850_of_error(error: DomainError) -> int | None:
    """The cause that the call detail record gives for it; None where the status says enough."""
    return Q850_OF.get(error.reason)


MEDIA_REFUSED = frozenset({488, 606})
"""Not acceptable (here): none of what was offered is taken (RFC 3261 21.4.26, 21.6.4)."""


def cause_of_failure(failure: Failure) -> int:
    """The Q.850 cause of a call of ours that came to nothing: the peer's own where it gave one; of refused media, for
    which SIP's table has no more than "interworking", that it is the media."""
    vague = failure.q850 == Q850.INTERWORKING and failure.status in MEDIA_REFUSED
    return Q850.BEARER if vague else failure.q850


def phrase_of_error(error: DomainError) -> str:
    """Its sentence as a reason phrase of plain characters (RFC 3261 25.1), short enough for a phone's display."""
    return "".join(each if " " <= each <= "~" else "?" for each in error.message)[:80]
