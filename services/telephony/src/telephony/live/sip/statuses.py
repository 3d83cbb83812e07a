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

from telephony.domain.legs import Q850
from telephony.sip import Failure

_BY_REASON = {
    "NUMBER_INVALID": 484,
    "NUMBER_BLOCKED": 403,
    "NO_TRUNK": 503,
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
    """The status: by the reason where SIP has a word for it, else by the kind of error; 403 for any other."""
    known = _BY_REASON.get(error.reason)
    return known or next((status for kind, status in _BY_KIND if isinstance(error, kind)), 403)


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
