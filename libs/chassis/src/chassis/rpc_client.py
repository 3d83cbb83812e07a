"""The client half of `chassis.grpc`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar, cast

import grpc
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from chassis.auth import InternalTokens, outgoing
from chassis.mutual_tls import Identity, Line, Material
from chassis.rpc_server import MAX_MESSAGE_BYTES
from chassis.settings import ProcessSettings
from chassis.statuses import error_from
from chassis.telemetry import tracer

S = TypeVar("S")

DEADLINE_SECONDS = 5.0
_MAX_RECONNECT_SECONDS = 1.0
_PAUSES = (0.1, 0.1)
"""Seconds before each further try, about."""
_PAUSES_AMONG_SEVERAL = (0.1, 0.2, 0.4, 0.8, 0.8)
"""One of several may be back already and be asked again only within `_MAX_RECONNECT_SECONDS`, while those that are
asked meanwhile take nothing new: longer together than that."""
_SAFE = ("Get", "List", "Lookup")
_Pauses = Mapping[grpc.StatusCode, Iterator[float]]


class Peers:
    """Channels to the other services, opened when first used.

    `peers.stub(QueueServiceStub, "routing")` gives the generated stub; its methods raise `kernel.errors`. Calls have
    a deadline of `deadline_seconds` unless told otherwise, all tries together. UNAVAILABLE (and CANCELLED by a server
    that stops) is tried again as long as
    there is time until then, and when that can't do harm: for Get, List, Lookup, and for requests that carry a
    request_id; a stream of answers until its first one. A service of one process is asked thrice at most, within
    0.3 s; one of several for 2 s, for another of them may take what this one refuses, as soon as it is back. As long
    is whatever one of several doesn't implement asked of the others: its address has become another service's, or its
    version is the one before, and nothing was done there.
    """

    def __init__(
        self, settings: ProcessSettings, service: str = "", *, tokens: InternalTokens | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ):  # fmt: skip
        self._addresses = settings.peers
        self._deadline = deadline_seconds
        self._tokens = tokens or InternalTokens.load(settings.internal_key, service or settings.service)
        self._identity = Identity.of(settings)
        self._lines: dict[str, Line] = {}

    def stub(self, stub_class: Callable[[grpc.aio.Channel], S], service: str) -> S:
        """A stub of another service; KeyError-like ValueError when its address is not configured."""
        pauses = _PAUSES_AMONG_SEVERAL if _several(self._addresses.get(service, "")) else _PAUSES
        return stub_class(cast(grpc.aio.Channel, self._calls(self._line(service), service, pauses)))

    def stub_at(self, stub_class: Callable[[grpc.aio.Channel], S], service: str, address: str) -> S:
        """A stub of one process of a service, for those whose processes aren't all the same (they hold calls)."""
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = self._open(address, service)
        return stub_class(cast(grpc.aio.Channel, self._calls(line, service, _PAUSES)))

    async def ready(self, service: str, timeout: float = 5.0) -> bool:
        """Whether a connection to the service stands within `timeout` seconds."""
        channel = self._line(service).channel()
        channel.get_state(try_to_connect=True)
        try:
            await asyncio.wait_for(channel.channel_ready(), timeout)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close every channel; calls in flight are cancelled."""
        for line in self._lines.values():
            await line.close()

    def _calls(self, line: Line, service: str, pauses: Sequence[float]) -> _Channel:
        return _Channel(line, service, self._tokens, pauses, self._deadline)

    def _line(self, service: str) -> Line:
        line = self._lines.get(service)
        if line is None:
            address = self._addresses.get(service)
            if not address:
                raise ValueError(f"MERKEZ_{service.upper()}_ADDRESS is missing")
            line = self._lines[service] = self._open(address, service)
        return line

    def _open(self, address: str, service: str) -> Line:
        return Line(lambda material: _opened(address, service, material), self._identity)


def _opened(address: str, service: str, material: Material | None) -> grpc.aio.Channel:
    several = _several(address)
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES * 4),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES * 4),
        # A neighbour that restarts is back in a second or two; the defaults wait up to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.min_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", int(_MAX_RECONNECT_SECONDS * 1000)),
        *(_AMONG_SEVERAL if several else _ALONE),
        ("grpc.enable_retries", 0),  # one level of retries, and it is here
        # An address may stand for several processes (dns:///, ipv4:a,b): each of them gets its share, and
        # one that died none. A single one is waited for while it restarts, which round_robin doesn't do.
        ("grpc.lb_policy_name", "round_robin" if several else "pick_first"),
    ]
    if material is None:
        return grpc.aio.insecure_channel(address, options=options)
    return material.channel(address, service, options)


# One of several that stands still, or whose machine is gone, breaks no connection: it is asked every two seconds, so
# that what comes goes to the others as soon as they know of its death themselves. A single one is only waited for.
_AMONG_SEVERAL = (
    ("grpc.keepalive_time_ms", 2000),
    ("grpc.keepalive_timeout_ms", 1500),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_time_between_pings_ms", 1000),
    ("grpc.http2.ping_timeout_ms", 1500),
    # The address of one that is gone may be another service's within seconds, and is tried again each second until the
    # name is asked anew: by default not before 30 s are over.
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
)
_ALONE = (("grpc.keepalive_time_ms", 20000), ("grpc.keepalive_timeout_ms", 5000))


class _Channel:
    # What a generated stub needs of a channel; each method it asks for comes back wrapped.
    def __init__(self, line: Line, service: str, tokens: InternalTokens, pauses: Sequence[float], deadline: float):
        self._line = line
        self._service = service
        self._tokens = tokens
        self._pauses = pauses
        self._deadline = deadline

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Callable[..., Awaitable[Any]]:
        inner = self._inner(lambda channel: channel.unary_unary(method, *args, **kwargs))

        async def call(request: Any, *, timeout: float | None = self._deadline, **extra: Any) -> Any:
            return await self._single(inner, method, request, timeout, extra)

        return call

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Callable[..., Awaitable[Any]]:
        inner = self._inner(lambda channel: channel.stream_unary(method, *args, **kwargs))

        async def call(requests: Any, *, timeout: float | None = self._deadline, **extra: Any) -> Any:
            return await self._single(inner, method, requests, timeout, extra)

        return call

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Callable[..., AsyncGenerator[Any, None]]:
        inner = self._inner(lambda channel: channel.unary_stream(method, *args, **kwargs))

        def call(request: Any, *, timeout: float | None = None, **extra: Any) -> AsyncGenerator[Any, None]:
            return self._stream(inner, method, request, timeout, extra)

        return call

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Callable[..., AsyncGenerator[Any, None]]:
        inner = self._inner(lambda channel: channel.stream_stream(method, *args, **kwargs))

        def call(requests: Any, *, timeout: float | None = None, **extra: Any) -> AsyncGenerator[Any, None]:
            return self._stream(inner, method, requests, timeout, extra)

        return call

    def _inner(self, make: Callable[[grpc.aio.Channel], Any]) -> Callable[[], Any]:
        # A stub outlives the channel it was made on, where certificates are renewed.
        held: tuple[grpc.aio.Channel, Any] | None = None

        def current() -> Any:
            nonlocal held
            channel = self._line.channel()
            if held is None or held[0] is not channel:
                held = channel, make(channel)
            return held[1]

        return current

    async def _single(
        self, inner: Callable[[], Any], method: str, request: Any, timeout: float | None, extra: dict[str, Any]
    ) -> Any:
        ends = None if timeout is None else monotonic() + timeout
        pauses = self._tries(method, request)
        with _span(method) as span:
            while True:
                left = None if ends is None else ends - monotonic()
                try:
                    return await inner()(request, timeout=left, **self._with_metadata(extra))
                except grpc.aio.AioRpcError as error:
                    if await _paused(error, pauses, ends):
                        continue
                    span.set_status(Status(StatusCode.ERROR, error.code().name))
                    raise error_from(error, method) from None

    async def _stream(
        self, inner: Callable[[], Any], method: str, request: Any, timeout: float | None, extra: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        # Not the current span while the reader has the turn: it may go on in another context, or leave for good.
        span = tracer.start_span(method.lstrip("/"), kind=SpanKind.CLIENT)
        pauses = self._tries(method, request)
        ends = None if timeout is None else monotonic() + timeout
        begun = False
        try:
            while True:
                left = None if ends is None else ends - monotonic()
                with trace.use_span(span):
                    call = inner()(request, timeout=left, **self._with_metadata(extra))
                try:
                    async for response in call:
                        begun = True
                        yield response
                    return
                except grpc.aio.AioRpcError as error:
                    if begun or not await _paused(error, pauses, ends):
                        raise
                finally:
                    call.cancel()  # does nothing to one that is over
        except grpc.aio.AioRpcError as error:
            span.set_status(Status(StatusCode.ERROR, error.code().name))
            raise error_from(error, method) from None
        finally:
            span.end()

    def _tries(self, method: str, request: Any) -> _Pauses:
        away = iter(self._pauses if _repeatable(method, request) else ())
        misled = iter(self._pauses if self._pauses is _PAUSES_AMONG_SEVERAL else ())
        # CANCELLED is not by us, whom it would reach as asyncio.CancelledError: a server that stops says it to what
        # reaches it in the moment before its clients know.
        code = grpc.StatusCode
        return {code.UNAVAILABLE: away, code.CANCELLED: away, code.UNIMPLEMENTED: misled}

    def _with_metadata(self, extra: dict[str, Any]) -> dict[str, Any]:
        token = self._tokens.issue(outgoing(), self._service)
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        given = tuple(extra.get("metadata") or ())
        added = (("authorization", f"Bearer {token}"), *carrier.items())
        return extra | {"metadata": (*given, *added)}


def _several(address: str) -> bool:
    # Several processes stand behind it: dns:///name, ipv4:a,b.
    return "," in address or address.startswith("dns:")


async def _paused(error: grpc.aio.AioRpcError, pauses: _Pauses, ends: float | None) -> bool:
    # Wait before another try; whether there is to be one.
    pause = next(pauses.get(error.code(), iter(())), None)
    if pause is None:
        return False
    pause *= random.uniform(0.75, 1.25)
    if ends is not None and monotonic() + pause >= ends:
        return False
    await asyncio.sleep(pause)
    return True


def _repeatable(method: str, request: Any) -> bool:
    name = method.rsplit("/", 1)[1]
    return name.startswith(_SAFE) or bool(getattr(request, "request_id", ""))


def _span(method: str) -> Any:
    return tracer.start_as_current_span(
        method.lstrip("/"), kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    )
