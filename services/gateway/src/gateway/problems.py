"""Errors as RFC 9457 problem details, the same for REST and sockets; and the errors that only an edge has."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
)
from opentelemetry import trace
from starlette.responses import Response

from gateway.rules import MethodNotAllowed
from gateway.transcode import camel_path

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[str, tuple[int, str]] = {
    InvalidInput.kind: (400, "The request is not valid"),
    Unauthenticated.kind: (401, "Who is asking is not known"),
    Forbidden.kind: (403, "Not allowed"),
    NotFound.kind: (404, "Not found"),
    AlreadyExists.kind: (409, "Already there"),
    FailedPrecondition.kind: (409, "Not possible in this state"),
    Conflict.kind: (409, "Somebody else was faster"),
    QuotaExceeded.kind: (429, "A limit is reached"),
    Unavailable.kind: (503, "Not available right now"),
}
_OF_REASON: Mapping[str, tuple[int, str]] = {
    "BODY_TOO_LARGE": (413, "The body is too large"),
    "MEDIA_TYPE_UNSUPPORTED": (415, "The body is of a kind that is not understood"),
    "METHOD_NOT_ALLOWED": (405, "The path does not know this method"),
    "RANGE_INVALID": (416, "The range lies outside of the file"),
}


class BodyTooLarge(InvalidInput):
    """The body is larger than this route takes."""

    reason = "BODY_TOO_LARGE"


class MediaTypeUnsupported(InvalidInput):
    """The body's media type is not the one this route reads."""

    reason = "MEDIA_TYPE_UNSUPPORTED"


class BodyUnexpected(InvalidInput):
    """GET and DELETE take no body."""

    reason = "BODY_UNEXPECTED"


class VerbNotAllowed(InvalidInput):
    """The path exists, under another HTTP method."""

    reason = "METHOD_NOT_ALLOWED"


class RangeInvalid(InvalidInput):
    """No byte of the file lies in the range asked for."""

    reason = "RANGE_INVALID"


class RateLimited(QuotaExceeded):
    """Too many requests in too short a time."""

    reason = "RATE_LIMITED"


def problem_of(error: Exception) -> dict[str, Any]:
    """The problem details of any error. A bug tells nothing but its trace."""
    if isinstance(error, MethodNotAllowed):
        error = VerbNotAllowed(f"this path knows {', '.join(error.allowed)}")
    if not isinstance(error, DomainError):
        return _shape(500, "Something went wrong on our side", "INTERNAL", "an internal error; the trace says more")
    status, title = _OF_REASON.get(error.reason) or _STATUS.get(error.kind, (500, "Something went wrong"))
    found = _shape(status, title, error.reason, error.message)
    if error.fields:
        found["errors"] = [{"field": camel_path(item.field), "description": item.description} for item in error.fields]
    if error.metadata:
        found["metadata"] = error.metadata
    wait = error.retry_after or (timedelta(seconds=1) if status == 503 else None)
    if wait is not None:
        found["retryAfter"] = max(1, math.ceil(wait.total_seconds()))
    return found


def problem_response(error: Exception, headers: Mapping[str, str] | None = None) -> Response:
    """The whole HTTP answer: problem+json with the headers its status asks for."""
    problem = problem_of(error)
    out = {"Cache-Control": "no-store"} | dict(headers or {})
    if "retryAfter" in problem:
        out["Retry-After"] = str(problem["retryAfter"])
    if problem["status"] == 401:
        out["WWW-Authenticate"] = f'Bearer realm="merkez", error="{_bearer_error(problem["reason"])}"'
    if isinstance(error, MethodNotAllowed):
        out["Allow"] = ", ".join(error.allowed)
    body = json.dumps(problem, ensure_ascii=False).encode()
    return Response(body, problem["status"], out, MEDIA_TYPE)


def note_failure(error: Exception, where: str) -> None:
    """One log line for what is our fault; a refusal is no news."""
    if isinstance(error, RemoteFailed):
        log.error("a neighbour failed", where=where, code=error.code.name)
    elif not isinstance(error, DomainError | MethodNotAllowed):
        log.error("a request failed", where=where, exc_info=error)


def trace_id() -> str:
    """Hex id of the current trace; empty outside of one."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def _shape(status: int, title: str, reason: str, detail: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": f"urn:merkez:problem:{reason}",
        "title": title,
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    if current := trace_id():
        found["instance"] = f"urn:merkez:trace:{current}"
    return found


def _bearer_error(reason: str) -> str:
    # RFC 6750 section 3: no error code when no credentials were given.
    return "invalid_request" if reason == "UNAUTHENTICATED" else "invalid_token"
