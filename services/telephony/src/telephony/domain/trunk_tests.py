"""A trunk's test: steps, and what the answers to each mean for calls. Findings are keys the web app has words for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import FailedPrecondition, QuotaExceeded

from telephony.domain.trunks import Gateway, Trunk

TESTS_A_MINUTE = 6
EXPIRES_SOON = timedelta(days=21)
_STATIC = {"0": "PCMU", "8": "PCMA"}
"""Payload types that need no rtpmap (RFC 3551 6)."""
_MEDIA = re.compile(r"^m=audio \d+ \S+ ([\d ]+)$", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:\d+ ([A-Za-z0-9.-]{1,32})/", re.MULTILINE)


class SipSwitchedOff(FailedPrecondition):
    """This installation speaks no SIP: MERKEZ_SIP_LISTEN is empty."""

    reason = "SIP_SWITCHED_OFF"


class TooManyTests(QuotaExceeded):
    """A test is under way, or the minute's are used up."""

    reason = "TRUNK_TESTS_TOO_FREQUENT"


class Kind(Enum):
    """What a step looks at."""

    NAME = "NAME"
    CERTIFICATE = "CERTIFICATE"
    OPTIONS = "OPTIONS"
    REGISTRATION = "REGISTRATION"
    CODECS = "CODECS"
    CALL = "CALL"


class Result(Enum):
    """How a step ended."""

    PASSED = "PASSED"
    WARNING = "WARNING"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class Step:
    """One step and what came of it."""

    kind: Kind
    result: Result
    finding: str
    gateway: Gateway | None = None
    status: int = 0
    round_trip: timedelta | None = None
    details: tuple[str, ...] = ()
    expire_time: datetime | None = None

    def of(self, gateway: Gateway) -> Step:
        """The same, of this gateway."""
        return replace(self, gateway=gateway)


@dataclass(frozen=True)
class Reply:
    """What came back to a request. `local` when the status is our own: nothing came (408), or there is no way (503)."""

    status: int
    reason: str = ""
    local: bool = False
    took: timedelta = timedelta(0)
    body: str = ""


def of_name(gateway: Gateway, allowed: Sequence[str], forbidden: Sequence[str]) -> Step:
    """Of the addresses a gateway's host stands for: those it may be at, and those inside private networks."""
    if not allowed:
        finding = "GATEWAY_ADDRESS_FORBIDDEN" if forbidden else "NAME_UNKNOWN"
        return Step(Kind.NAME, Result.FAILED, finding, details=tuple(forbidden)[:8])
    finding = "ADDRESS_GIVEN" if allowed[0] == gateway.host.strip("[]") else "NAME_FOUND"
    return Step(Kind.NAME, Result.PASSED, finding, details=tuple(sorted(allowed))[:8])


def of_certificate(names: Sequence[str], expires: datetime, now: datetime) -> Step:
    """Of a certificate that was checked and found good."""
    soon = expires - now < EXPIRES_SOON
    finding = "CERTIFICATE_EXPIRES_SOON" if soon else "CERTIFICATE_GOOD"
    result = Result.WARNING if soon else Result.PASSED
    return Step(Kind.CERTIFICATE, result, finding, details=tuple(names)[:8], expire_time=expires)


def of_options(reply: Reply, *, credentials: bool) -> Step:
    """Of an answer to OPTIONS: whatever it is, somebody is there (RFC 3261 11)."""
    result, finding = _unheard(reply) or (Result.PASSED, "ANSWERED")
    if finding == "ANSWERED" and reply.status in (401, 407):
        # Many carriers challenge every OPTIONS of those they know by password only.
        result, finding = Result.WARNING, "CREDENTIALS_REFUSED" if credentials else "CREDENTIALS_WANTED"
    elif finding == "ANSWERED" and reply.status == 403:
        result, finding = Result.WARNING, "NOT_RECOGNISED"
    return _step(Kind.OPTIONS, result, finding, reply)


def of_registration(reply: Reply) -> Step:
    """Of an answer to a REGISTER that asks for nothing but what is known."""
    result, finding = _unheard(reply) or (Result.FAILED, "REGISTRATION_REFUSED")
    if 200 <= reply.status < 300:
        result, finding = Result.PASSED, "REGISTERED"
    elif reply.status in (401, 403, 407):
        finding = "CREDENTIALS_REFUSED"
    elif reply.status == 404:
        finding = "USER_UNKNOWN"
    return _step(Kind.REGISTRATION, result, finding, reply)


def codecs_in(description: str) -> tuple[str, ...]:
    """Names of the audio codecs of an SDP, in capitals, each once."""
    types = [number for match in _MEDIA.findall(description) for number in match.split()]
    named = [_STATIC[number] for number in types if number in _STATIC]
    return tuple(dict.fromkeys([*named, *(name.upper() for name in _RTPMAP.findall(description))]))


def of_codecs(trunk: Trunk, theirs: Sequence[str]) -> Step:
    """Of the codecs a carrier says it speaks; most say nothing outside of a call."""
    if not theirs:
        return Step(Kind.CODECS, Result.SKIPPED, "CODECS_NOT_TOLD")
    shared = tuple(each for each in trunk.codecs if each in theirs)
    if not shared:
        return Step(Kind.CODECS, Result.FAILED, "NO_CODEC_SHARED", details=tuple(theirs)[:8])
    return Step(Kind.CODECS, Result.PASSED, "CODECS_SHARED", details=shared)


_REFUSALS = {
    401: "CREDENTIALS_REFUSED", 403: "CALL_FORBIDDEN", 404: "CALL_NUMBER_UNKNOWN", 407: "CREDENTIALS_REFUSED",
    484: "CALL_NUMBER_UNKNOWN", 488: "CALL_CODECS_REFUSED", 604: "CALL_NUMBER_UNKNOWN", 606: "CALL_CODECS_REFUSED",
}  # fmt: skip


def of_refused_call(reply: Reply) -> Step:
    """Of a call that was refused. A busy number was reached."""
    if reply.status in (486, 600):
        return _step(Kind.CALL, Result.PASSED, "CALL_BUSY", reply)
    result, finding = _unheard(reply) or (Result.FAILED, _REFUSALS.get(reply.status, "CALL_REFUSED"))
    return _step(Kind.CALL, result, finding, reply)


def of_call(finding: str, reply: Reply, codec: str = "") -> Step:
    """Of a call that rang (CALL_RINGS), was answered (CALL_ANSWERED), or did neither in time (CALL_NOT_RUNG)."""
    result = Result.WARNING if finding == "CALL_NOT_RUNG" else Result.PASSED
    return replace(_step(Kind.CALL, result, finding, reply), details=(codec,) if codec else ())


def _unheard(reply: Reply) -> tuple[Result, str] | None:
    """The finding when nobody was reached, None when somebody was."""
    if reply.status == 408:
        return Result.FAILED, "SILENT"
    if reply.status in (477, 478) or (reply.status == 503 and reply.local):
        return Result.FAILED, "UNREACHABLE"
    if reply.status == 503:
        return Result.FAILED, "OVERLOADED"
    return None


def _step(kind: Kind, result: Result, finding: str, reply: Reply) -> Step:
    said = reply.reason.strip()[:80]
    return Step(
        kind, result, finding,
        status=0 if reply.local else reply.status,
        round_trip=None if reply.local else reply.took,
        details=(said,) if said and result is not Result.PASSED and not reply.local else (),
    )  # fmt: skip
