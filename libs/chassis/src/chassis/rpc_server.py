"""The server half of `chassis.grpc`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_reflection.v1alpha import reflection
from kernel.errors import DomainError, Forbidden, InvalidInput
from kernel.tenant import Principal
from opentelemetry import propagate
from opentelemetry.trace import SpanKind, Status, StatusCode

from chassis import permissions
from chassis.auth import InternalTokens, TokenInvalid, serving
from chassis.mutual_tls import Identity
from chassis.settings import ProcessSettings
from chassis.statuses import DETAILS_KEY, code_of, internal_status, status_of, unimplemented_status
from chassis.telemetry import current_tenant, log, tracer

AddServicer = Callable[[Any, Any], None]
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
CONNECTION_SECONDS = 300.0
"""How old a connection grows: what is under way on it ends, and its client asks the name anew. Who keeps one for ever
never meets a process that was added."""


class PermissionDenied(Forbidden):
    """The caller's role or key does not allow this rpc."""

    reason = "PERMISSION_DENIED"


class TextInvalid(InvalidInput):
    """A text field holds a character no text has (U+0000)."""

    reason = "TEXT_INVALID"


def permission_of(method: str) -> str:
    """The permission the rpc `/merkez.routing.v1.QueueService/GetQueue` declares; empty when it declares none."""
    from merkez.type.v1 import annotations_pb2

    service, _, name = method.lstrip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return found.GetOptions().Extensions[annotations_pb2.permission]


def serve(
    servicers: Sequence[tuple[AddServicer, Any]],
    settings: ProcessSettings,
    *,
    tokens: InternalTokens | None = None,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> Server:
    """Build the server of this process; ValueError when an rpc declares no permission, or an unknown one."""
    tokens = tokens or InternalTokens.load(settings.internal_key, settings.service)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.so_reuseport", 0),  # a taken port is an error, not a shared one
            ("grpc.max_connection_age_ms", int(CONNECTION_SECONDS * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 1000),  # clients of several ask every two seconds
        ],
    )
    edge, names = _Edge(tokens), list[str]()
    for add, servicer in servicers:
        add(servicer, _Surrounded(server, edge, names))
    undeclared = [path for name in names for path in _paths(name) if not permissions.known(permission_of(path))]
    if undeclared:
        raise ValueError(f"these rpcs declare no known permission: {', '.join(undeclared)}")
    return Server(server, names, settings)


class Server:
    """A gRPC server that can be drained: health turns NOT_SERVING, live rpcs finish, then it stops."""

    def __init__(self, server: grpc.aio.Server, names: Sequence[str], settings: ProcessSettings):
        self._server = server
        self._names = names
        self._health = HealthServicer()
        self._stopped = False
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*names, HEALTH_SERVICE, reflection.SERVICE_NAME), server)
        at, identity = f"{settings.grpc_host}:{settings.grpc_port}", Identity.of(settings)
        self.port = (
            server.add_insecure_port(at)
            if identity is None
            else server.add_secure_port(at, identity.server_credentials())
        )
        self._plain_health: grpc.aio.Server | None = None
        if settings.health_port:
            self._plain_health = grpc.aio.server()
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._plain_health)
            self._plain_health.add_insecure_port(f"{settings.grpc_host}:{settings.health_port}")
        self.address = f"{settings.grpc_host}:{self.port}"

    async def start(self) -> None:
        """Listen, and say so in health."""
        await self._server.start()
        if self._plain_health is not None:
            await self._plain_health.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, grace: float = 10.0) -> None:
        """Refuse new rpcs and wait up to `grace` seconds for live ones; those still open then are cancelled."""
        if self._stopped:
            return
        self._stopped = True
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)

    async def stop(self, grace: float = 0.0) -> None:
        """Stop now, or after `grace` seconds for live rpcs."""
        await self.drain(grace)

    async def close(self) -> None:
        """Stop at once; for the closing half of the lifecycle."""
        if not self._stopped:
            self._stopped = True
        if self._plain_health is not None:
            await self._plain_health.stop(None)
        await self._server.stop(None)


class _Surrounded:
    # Stands in for the server while a generated add_...Servicer_to_server runs: learns the service's name, and puts the
    # edge around each of its handlers once. An interceptor would do so for every call, and leave what gRPC makes of it
    # to the garbage collector.
    def __init__(self, server: Any, edge: _Edge, names: list[str]):
        self._server, self._edge = server, edge
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._names.extend(handler.service_name() for handler in handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        around = {name: _Wrapped(each, f"/{service}/{name}", self._edge) for name, each in handlers.items()}
        self._server.add_registered_method_handlers(service, around)


class _Edge:
    """Everything between the wire and a servicer's method, in one place and one order."""

    def __init__(self, tokens: InternalTokens):
        self._tokens = tokens
        self._permissions: dict[str, str] = {}

    def admit(self, method: str, metadata: Mapping[str, Any]) -> Principal:
        """Who calls, when they may."""
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme != "Bearer" or not token:
            raise TokenInvalid("an internal token is required")
        who = self._tokens.verify(token)
        permission = self._permissions.get(method)
        if permission is None:
            permission = self._permissions[method] = permission_of(method)
        if not permissions.allows(permission, who.role, who.permissions):
            raise PermissionDenied("this needs another permission", metadata={"permission": permission})
        return who


class _Wrapped(grpc.RpcMethodHandler):
    """A handler with the edge around it; keeps the original's codecs and cardinality."""

    def __init__(self, inner: Any, method: str, edge: _Edge):
        self.request_streaming = inner.request_streaming
        self.response_streaming = inner.response_streaming
        self.request_deserializer = inner.request_deserializer
        self.response_serializer = inner.response_serializer
        self.unary_unary = self.unary_stream = self.stream_unary = self.stream_stream = None
        self._method, self._edge, self._name = method, edge, method.lstrip("/")
        kind = f"{'stream' if inner.request_streaming else 'unary'}_{'stream' if inner.response_streaming else 'unary'}"
        self._call = getattr(inner, kind)
        setattr(self, kind, self._stream if inner.response_streaming else self._single)

    async def _single(self, request: Any, context: grpc.aio.ServicerContext) -> Any:
        metadata = dict(context.invocation_metadata() or ())
        with self._span(metadata) as span:
            try:
                with self._admitted(request, metadata):
                    return await self._call(request, context)
            except Exception as error:
                await self._refuse(error, context, span)

    async def _stream(self, request: Any, context: grpc.aio.ServicerContext) -> None:
        # Writes the answers itself: a generator of ours that the peer leaves half read would be closed by somebody
        # else, in a context where neither the span nor the caller could be put back.
        metadata = dict(context.invocation_metadata() or ())
        with self._span(metadata) as span:
            try:
                with self._admitted(request, metadata):
                    outcome = self._call(request, context)
                    if inspect.isawaitable(outcome):  # a method that writes to the context itself
                        await outcome
                        return
                    async with aclosing(outcome):
                        async for response in outcome:
                            await context.write(response)
            except Exception as error:
                await self._refuse(error, context, span)

    @contextmanager
    def _admitted(self, request: Any, metadata: Mapping[str, Any]):
        who = self._edge.admit(self._method, metadata)
        if isinstance(request, Message):
            _refuse_nul(request)
        tenant = current_tenant.set(who.tenant_id)
        try:
            with serving(who):
                yield
        finally:
            current_tenant.reset(tenant)

    def _span(self, metadata: Mapping[str, Any]):
        return tracer.start_as_current_span(
            self._name,
            context=propagate.extract({"traceparent": str(metadata.get("traceparent", ""))}),
            kind=SpanKind.SERVER,
            record_exception=False,  # an exception's text may hold personal data
            set_status_on_exception=False,
        )

    async def _refuse(self, error: Exception, context: grpc.aio.ServicerContext, span: Any) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, DomainError):
            code, status = code_of(error), status_of(error)
            span.set_attribute("merkez.reason", error.reason)
            if code is grpc.StatusCode.UNAVAILABLE:
                log.warning("rpc unavailable", method=self._method, reason=error.reason, exc_info=error)
        elif isinstance(error, NotImplementedError):
            code, status = grpc.StatusCode.UNIMPLEMENTED, unimplemented_status()
        else:
            code, status = grpc.StatusCode.INTERNAL, internal_status()
            log.error("rpc failed", method=self._method, exc_info=error)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))


def _refuse_nul(message: Message, path: str = "") -> None:
    # PostgreSQL cannot store U+0000 and answers it with an error deep inside; say it here, by the field's name.
    for field, value in message.ListFields():
        name = f"{path}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if any("\0" in str(part) for item in value.items() for part in item):
                raise _nul(name)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if any("\0" in item for item in ([value] if isinstance(value, str) else value)):
                raise _nul(name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for item in [value] if isinstance(value, Message) else value:
                _refuse_nul(item, f"{name}.")


def _nul(field: str) -> TextInvalid:
    wrong = "holds the character U+0000"
    return TextInvalid.of(field, wrong)


def _paths(service: str) -> list[str]:
    found = descriptor_pool.Default().FindServiceByName(service)
    return [f"/{service}/{method.name}" for method in found.methods]
