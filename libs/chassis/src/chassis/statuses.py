"""Domain errors to gRPC statuses and back, losing nothing on the way.

A status carries exactly one `google.rpc.ErrorInfo` (domain "merkez", the reason, the metadata), a BadRequest for
wrong fields and a RetryInfo when it is known when to try again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from kernel.errors import KINDS, DomainError, FieldViolation, Unavailable

M = TypeVar("M", bound=Message)

DOMAIN = "merkez"
DETAILS_KEY = "grpc-status-details-bin"

_CODES = {code.name: code for code in grpc.StatusCode}
_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
_KIND_OF = {
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
} | {_CODES[name]: kind for name, kind in KINDS.items()}


class NeighbourUnavailable(Unavailable):
    """A service this one needs did not answer in time or can't be reached."""

    reason = "NEIGHBOUR_UNAVAILABLE"


class RemoteFailed(Exception):
    """The other service has a bug (INTERNAL, UNKNOWN, UNIMPLEMENTED); so this rpc fails as INTERNAL as well."""

    def __init__(self, code: grpc.StatusCode, method: str, details: str):
        super().__init__(f"{method} answered {code.name}: {details}")
        self.code = code


def code_of(error: DomainError) -> grpc.StatusCode:
    """The canonical status code of an error's kind."""
    return _CODES.get(error.kind, grpc.StatusCode.UNKNOWN)


def status_of(error: DomainError) -> status_pb2.Status:
    """The rich status a client gets."""
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)]
    if error.fields:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=item.field, description=item.description)
            for item in error.fields
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if error.retry_after is not None:
        wait = error_details_pb2.RetryInfo()
        wait.retry_delay.FromTimedelta(error.retry_after)
        details.append(wait)
    packed = []
    for detail in details:
        item = AnyMessage()
        item.Pack(detail)
        packed.append(item)
    return status_pb2.Status(code=code_of(error).value[0], message=error.message, details=packed)


def internal_status() -> status_pb2.Status:
    """What a client learns of a bug: that there is one."""
    return _plain(grpc.StatusCode.INTERNAL, "internal error")


def unimplemented_status() -> status_pb2.Status:
    """For an rpc that the contract has and this server does not."""
    return _plain(grpc.StatusCode.UNIMPLEMENTED, "not implemented")


def plain_of(error: Exception) -> tuple[int, str, str]:
    """Code, reason and words of one error among several outcomes in an answer; of a bug only that there is one."""
    if isinstance(error, DomainError):
        return code_of(error).value[0], error.reason, error.message
    return grpc.StatusCode.INTERNAL.value[0], grpc.StatusCode.INTERNAL.name, "internal error"


def error_of(code: int, reason: str, message: str, method: str) -> Exception:
    """The same error at the caller, by what `plain_of` made of it."""
    found = _BY_NUMBER.get(code, grpc.StatusCode.UNKNOWN)
    kind = _KIND_OF.get(found)
    if kind is None:
        return RemoteFailed(found, method, message)
    error = kind(message)
    error.reason = reason or error.reason
    return error


def _plain(code: grpc.StatusCode, message: str) -> status_pb2.Status:
    item = AnyMessage()
    item.Pack(error_details_pb2.ErrorInfo(reason=code.name, domain=DOMAIN))
    return status_pb2.Status(code=code.value[0], message=message, details=[item])


def error_from(error: grpc.aio.AioRpcError, method: str) -> Exception:
    """The same error at the caller: its kind's class with the reason, metadata and fields it had there."""
    code = error.code()
    kind = _KIND_OF.get(code)
    if kind is None:
        return RemoteFailed(code, method, error.details() or "")
    status = _rich(error)
    info = _unpack(status, error_details_pb2.ErrorInfo())
    if info is None:
        if kind is Unavailable:
            return NeighbourUnavailable(f"{method} did not answer", metadata={"code": code.name})
        return kind(error.details() or code.name)
    wrong = _unpack(status, error_details_pb2.BadRequest())
    wait = _unpack(status, error_details_pb2.RetryInfo())
    found = kind(
        status.message,
        metadata=dict(info.metadata),
        fields=[FieldViolation(item.field, item.description) for item in wrong.field_violations] if wrong else (),
        retry_after=timedelta(seconds=wait.retry_delay.seconds, microseconds=wait.retry_delay.nanos // 1000)
        if wait
        else None,
    )
    found.reason = info.reason
    return found


def _rich(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()


def _unpack(status: status_pb2.Status, into: M) -> M | None:
    for detail in status.details:
        if detail.Unpack(into):  # False when it is something else
            return into
    return None
