"""One base error, one subclass per canonical kind.

A service subclasses a kind and sets `reason` once::

    class AgentNotAvailable(FailedPrecondition):
        reason = "AGENT_NOT_AVAILABLE"

The chassis turns it into a gRPC status with one `google.rpc.ErrorInfo`, and back into the same kind at the
caller. `tests/house/reasons.txt` pins every reason: clients match on them, so they never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request that is wrong. `field` is the proto path (`profile.skills[2].level`)."""

    field: str
    description: str


class DomainError(Exception):
    """What the trade says no with. Never raised itself: raise a subclass of one of the kinds below.

    `message` is for a person and never holds personal data; `metadata` is for a program; `retry_after` says
    when the same request may succeed.
    """

    kind: ClassVar[str] = "UNKNOWN"
    reason: str = "UNKNOWN"

    def __init__(
        self,
        message: str = "",
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldViolation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message or self.reason)
        self.message = message or self.reason
        self.metadata: dict[str, str] = dict(metadata or {})
        self.fields: tuple[FieldViolation, ...] = tuple(fields)
        self.retry_after = retry_after


class InvalidInput(DomainError):
    """The request can never succeed as it is."""

    kind = "INVALID_ARGUMENT"
    reason = "INVALID_INPUT"

    @classmethod
    def of(cls, field: str, wrong: str) -> Self:
        """This error about one field: `of("page_size", "must be 1 to 100")`."""
        return cls(f"{field} {wrong}", fields=[FieldViolation(field, wrong)])


class NotFound(DomainError):
    """No such object, or another tenant's: the caller can't tell which."""

    kind = "NOT_FOUND"
    reason = "NOT_FOUND"


class AlreadyExists(DomainError):
    """The object to create is there already."""

    kind = "ALREADY_EXISTS"
    reason = "ALREADY_EXISTS"


class FailedPrecondition(DomainError):
    """The object's state forbids it; repeating without a change won't help."""

    kind = "FAILED_PRECONDITION"
    reason = "FAILED_PRECONDITION"


class Conflict(DomainError):
    """Somebody else changed the object in between: read again, then decide again."""

    kind = "ABORTED"
    reason = "CONFLICT"


class QuotaExceeded(DomainError):
    """A limit of the plan or of the platform is reached."""

    kind = "RESOURCE_EXHAUSTED"
    reason = "QUOTA_EXCEEDED"


class Unauthenticated(DomainError):
    """Who is asking is not known."""

    kind = "UNAUTHENTICATED"
    reason = "UNAUTHENTICATED"


class Forbidden(DomainError):
    """Who is asking is known and may not."""

    kind = "PERMISSION_DENIED"
    reason = "FORBIDDEN"


class Unavailable(DomainError):
    """A neighbour or the database can't be reached now; the same request may succeed later."""

    kind = "UNAVAILABLE"
    reason = "UNAVAILABLE"


KINDS: Mapping[str, type[DomainError]] = {
    cls.kind: cls
    for cls in (
        InvalidInput, NotFound, AlreadyExists, FailedPrecondition, Conflict,
        QuotaExceeded, Unauthenticated, Forbidden, Unavailable,
    )
}  # fmt: skip
"""Canonical gRPC status name -> the kind that stands for it."""
