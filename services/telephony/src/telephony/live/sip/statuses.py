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


def phrase_of_error(error: DomainError) -> str:
    """Its sentence as a reason phrase of plain characters (RFC 3261 25.1), short enough for a phone's display."""
    return "".join(each if " " <= each <= "~" else "?" for each in error.message)[:80]
