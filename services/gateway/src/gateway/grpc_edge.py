"""Public gRPC: exactly the rpcs of http_rules.yaml, through the same edge as REST, with reflection of those alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import grpc
from chassis.permissions import PUBLIC
from chassis.statuses import DETAILS_KEY, code_of, internal_status, status_of
from chassis.telemetry import tracer
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Principal
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from gateway.call_traces import CallTraces
from gateway.contracts import PACKAGE, described
from gateway.edge import Asker, Edge
from gateway.problems import BodyTooLarge, note_failure, trace_id
from gateway.rules import Route
from gateway.settings import GatewaySettings

MAX_MESSAGE_BYTES = 4_500_000
_MAX_RECEIVED_BYTES = 2 * MAX_MESSAGE_BYTES
"""What is over this gRPC refuses by itself, without a reason for programs."""


class MessageUnreadable(InvalidInput):
    """The bytes are not a message of this rpc's request type."""

    reason = "MESSAGE_UNREADABLE"


class PublicGrpc:
    """The gRPC server that partners reach."""

    def __init__(self, edge: Edge, traces: CallTraces, settings: GatewaySettings):
        self._health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", _MAX_RECEIVED_BYTES),
                ("grpc.max_send_message_length", 16 * 1024 * 1024),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 5000),
                ("grpc.max_connection_age_ms", 3_600_000),  # clients spread again after a roll-out
            ]
        )
        self._server.add_generic_rpc_handlers((_Handlers(edge, traces),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = sorted({route.method.descriptor.containing_service.full_name for route in edge.routes.values()})
        pool = public_pool(route.method.full_name for route in edge.routes.values())
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server, pool)
        self._names = names
        self.port = self._server.add_insecure_port(f"{settings.public_grpc_host}:{settings.public_grpc_port}")

    async def start(self) -> None:
        """Listen, and say so in health."""
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Refuse new rpcs and wait a moment for live ones."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(5)

    async def close(self) -> None:
        """Stop at once."""
        await self._server.stop(None)


class _Handlers(grpc.GenericRpcHandler):
    # Called for every rpc: finds the route by its path, and stays None (UNIMPLEMENTED) for what is not public.
    def __init__(self, edge: Edge, traces: CallTraces):
        self._edge = edge
        self._traces = traces
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        path: str = handler_call_details.method  # pyright: ignore[reportAttributeAccessIssue, reportAssignmentType]
        known = self._handlers.get(path)
        if known is None:
            route = self._edge.routes.get(path.removeprefix(f"/{PACKAGE}."))
            if route is None:
                return None
            known = self._handlers[path] = self._handler(route)
        return known

    def _handler(self, route: Route) -> grpc.RpcMethodHandler:
        kind = route.method.response_type
        # The request arrives as bytes, so that who asks is known before anything of it is read.
        if route.method.streams:
            # Not a generator: one that is left half read would put its span back in somebody else's context.
            async def stream(content: bytes, context: grpc.aio.ServicerContext) -> None:
                with self._span(route, context):
                    try:
                        who, message, _ = await self._admit(route, content, context)
                        async with aclosing(self._edge.stream(route.method, message, who)) as answers:
                            async for answer in answers:
                                await context.write(answer)
                    except Exception as error:
                        await _abort(error, context, route)

            return grpc.unary_stream_rpc_method_handler(stream, response_serializer=kind.SerializeToString)

        async def single(content: bytes, context: grpc.aio.ServicerContext) -> Message:
            with self._span(route, context):
                try:
                    who, message, address = await self._admit(route, content, context)
                    return await self._edge.call(route, message, who, address)
                except Exception as error:
                    await _abort(error, context, route)
                    raise

        return grpc.unary_unary_rpc_method_handler(single, response_serializer=kind.SerializeToString)

    async def _admit(
        self, route: Route, content: bytes, context: grpc.aio.ServicerContext
    ) -> tuple[Principal, Message, str]:
        metadata = _metadata(context)
        asker = Asker(address_of(context.peer()))
        if route.method.permission != PUBLIC:
            asker = await self._edge.identify(
                metadata.get("authorization", ""), metadata.get("x-api-key", ""), asker.address
            )
        who = self._edge.admit(route, asker)
        if len(content) > MAX_MESSAGE_BYTES:
            raise BodyTooLarge(f"a message has at most {MAX_MESSAGE_BYTES} bytes")
        try:
            return who, route.method.request_type.FromString(content), asker.address
        except DecodeError:
            raise MessageUnreadable(f"the bytes are not a {route.method.request_type.DESCRIPTOR.name}") from None

    def _span(self, route: Route, context: grpc.aio.ServicerContext) -> Any:
        given = _metadata(context).get("traceparent", "")
        parent = propagate.extract({"traceparent": given}, context=Context()) if given else Context()
        return tracer.start_as_current_span(
            f"grpc {route.method.action}", context=parent, kind=SpanKind.SERVER,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip


def address_of(peer: str) -> str:
    """`ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000` -> the address."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    return rest.rpartition(":")[0].strip("[]")


def public_pool(methods: Iterable[str]) -> DescriptorPool:
    """Descriptors for reflection: everything but the rpcs that are not public, which strangers need not know of."""
    public = set(methods)
    pool = DescriptorPool()
    own = {file.name: file for file in described().file}
    added: set[str] = set()

    def add(file: descriptor_pb2.FileDescriptorProto) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for name in file.dependency:
            add(own[name] if name in own else _well_known(name))
        pool.Add(_public_part(file, public) if file.name in own else file)

    for file in own.values():
        add(file)
    for module in (health_pb2, reflection_pb2):
        add(_copy(module.DESCRIPTOR))
    return pool


def _public_part(file: descriptor_pb2.FileDescriptorProto, public: set[str]) -> descriptor_pb2.FileDescriptorProto:
    kept = descriptor_pb2.FileDescriptorProto()
    kept.CopyFrom(file)
    kept.ClearField("source_code_info")
    kept.ClearField("service")
    for service in file.service:
        methods = [each for each in service.method if f"{file.package}.{service.name}.{each.name}" in public]
        if methods:
            copy = kept.service.add()
            copy.CopyFrom(service)
            copy.ClearField("method")
            copy.method.extend(methods)
    return kept


def _well_known(name: str) -> descriptor_pb2.FileDescriptorProto:
    return _copy(descriptor_pool.Default().FindFileByName(name))


def _copy(descriptor: Any) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    descriptor.CopyToProto(file)
    return file


def _metadata(context: grpc.aio.ServicerContext) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


async def _abort(error: Exception, context: grpc.aio.ServicerContext, route: Route) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    note_failure(error, f"grpc {route.method.action}")
    if isinstance(error, DomainError):
        code, status = code_of(error), status_of(error)
    else:
        code, status = grpc.StatusCode.INTERNAL, internal_status()
    metadata = ((DETAILS_KEY, status.SerializeToString()), ("x-request-id", trace_id()))
    await context.abort(code, status.message, metadata)
