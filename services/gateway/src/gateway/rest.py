"""REST: one HTTP request to one rpc and back, by http_rules.yaml. Every refusal is problem+json."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from chassis.permissions import PUBLIC
from chassis.telemetry import histogram, tracer
from google.protobuf.message import Message
from kernel.errors import DomainError, FieldViolation, InvalidInput, Unauthenticated
from merkez.flows.v1.flow_service_pb2 import CreatePromptRequest
from merkez.tenancy.v1.porting_service_pb2 import ReceiveCarrierEventRequest
from merkez.tenancy.v1.session_service_pb2 import RefreshSessionRequest, SignOutRequest
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.audio import audio_response
from gateway.call_traces import CallTraces
from gateway.edge import Asker, Edge
from gateway.files import file_response, signed_message
from gateway.problems import (
    BodyTooLarge,
    BodyUnexpected,
    MediaTypeUnsupported,
    note_failure,
    problem_response,
    trace_id,
)
from gateway.rules import Match, Route, Router
from gateway.signin import SignIn, is_browser
from gateway.transcode import RequestInvalid, from_json, from_query, parse_json, to_json

_duration = histogram("merkez.http.duration", "ms", "Time to answer a public HTTP request")
_WEBHOOK_HEADERS = ("webhook_id", "webhook_timestamp", "webhook_signature")
_AUDIO_PARAMETERS = ("download",)


class FormInvalid(InvalidInput):
    """The multipart form is malformed."""

    reason = "FORM_INVALID"


class Rest:
    """The ASGI application under /v1."""

    def __init__(self, router: Router, edge: Edge, sign_in: SignIn, traces: CallTraces):
        self._router = router
        self._edge = edge
        self._sign_in = sign_in
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        started = time.perf_counter()
        found = self._find(request)
        asker = await self._identify(request, found)
        template = found.route.template if isinstance(found, Match) else "unmatched"
        with tracer.start_as_current_span(
            f"{request.method} {template}",
            context=self._parent(request, found, asker),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": request.method, "http.route": template},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                if isinstance(found, Exception):
                    raise found
                if isinstance(asker, Exception):
                    raise asker
                response = await self._answer(request, found, asker)
            except ClientDisconnect:
                return
            except Exception as error:
                note_failure(error, f"{request.method} {template}")
                response = self._refusal(request, error, found)
            response.headers["X-Request-Id"] = trace_id()
            span.set_attribute("http.response.status_code", response.status_code)
            _duration.record(
                (time.perf_counter() - started) * 1000,
                {"http.route": template, "http.response.status_code": response.status_code},
            )
            await response(scope, receive, send)

    def _find(self, request: Request) -> Match | Exception:
        raw = request.scope.get("raw_path") or request.url.path.encode()
        try:
            return self._router.match(request.method, raw.decode("ascii", "replace"))
        except Exception as error:  # told to the client within the span
            return error

    async def _identify(self, request: Request, found: Match | Exception) -> Asker | Exception:
        address = address_of(request)
        # What is public is open to stale tokens as well: a page renews its session with an old one at hand.
        if isinstance(found, Exception) or found.route.method.permission == PUBLIC:
            return Asker(address)
        headers = request.headers
        try:
            return await self._edge.identify(headers.get("authorization", ""), headers.get("x-api-key", ""), address)
        except Exception as error:  # told to the client within the span
            return error

    def _parent(self, request: Request, found: Match | Exception, asker: Asker | Exception) -> Context:
        if "traceparent" in request.headers:
            return propagate.extract({"traceparent": request.headers["traceparent"]}, context=Context())
        if isinstance(found, Exception) or isinstance(asker, Exception):
            return Context()
        return self._traces.parent(asker.principal.tenant_id, found.values.values()) or Context()

    async def _answer(self, request: Request, match: Match, asker: Asker) -> Response:
        route = match.route
        who = self._edge.admit(route, asker)
        message = await self._read(request, match)
        self._sign_in.fill(request, message)
        if route.answer == "audio":
            name = next(iter(match.values.values()))
            call = functools.partial(self._edge.call, route, message, who, asker.address)
            streams = route.method.streams
            answers = self._edge.stream(route.method, message, who) if streams else _single(call)
            return await audio_response(request, name, answers)
        answering = self._edge.call(route, message, who, asker.address)
        if route.answer == "file":
            return file_response(request, await answering)
        answer = await (_unless_gone(request, answering) if route.abandon else answering)
        return self._dress(request, route, answer)

    async def _read(self, request: Request, match: Match) -> Message:
        route = match.route
        kind = route.method.request_type
        if not route.has_body:
            if await read_body(request, 0, BodyUnexpected("this method takes no body")):
                raise BodyUnexpected("this method takes no body")
            pairs = [pair for pair in request.query_params.multi_items()
                     if route.answer != "audio" or pair[0] not in _AUDIO_PARAMETERS]  # fmt: skip
            return from_query(kind, pairs, match.values)
        if request.query_params:
            raise RequestInvalid(
                "this method takes no query parameters",
                fields=[FieldViolation(name[:64], "belongs into the body") for name in request.query_params],
            )
        if route.signed_by:
            content = await read_body(request, route.max_body_bytes)
            return signed_message(kind, match, content, request.headers.get(route.signed_by, ""))
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == "multipart/form-data" and kind is CreatePromptRequest:
            return await _prompt_upload(request, route)
        content = await read_body(request, route.max_body_bytes)
        if kind is ReceiveCarrierEventRequest:
            # What is signed are these bytes: read and written anew they would be others.
            signed = {name: request.headers.get(name.replace("_", "-"), "") for name in _WEBHOOK_HEADERS}
            return ReceiveCarrierEventRequest(body=content, **signed)
        if content and media_type != "application/json":
            raise MediaTypeUnsupported("send application/json")
        big = len(content) > 256_000
        decode = functools.partial(_decode, kind, content, match)
        return await asyncio.to_thread(decode) if big else decode()

    def _dress(self, request: Request, route: Route, answer: Message) -> Response:
        body = to_json(answer)
        token = self._sign_in.hide(request, answer, body)
        response = json_response(body)
        if token:
            self._sign_in.keep(request, response, answer, token)
        elif route.method.request_type is SignOutRequest:
            self._sign_in.forget(request, response)
        return response

    def _refusal(self, request: Request, error: Exception, found: Match | Exception) -> Response:
        response = problem_response(error)
        if isinstance(error, Unauthenticated) and isinstance(found, Match):
            ends = found.route.method.request_type in (RefreshSessionRequest, SignOutRequest)
            if ends and is_browser(request):
                self._sign_in.forget(request, response)
        return response


async def _unless_gone(request: Request, answering: Coroutine[Any, Any, Message]) -> Message:
    """The answer, or ClientDisconnect once its asker has closed the connection: then the rpc is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        call, gone = tasks.create_task(_outcome(answering)), tasks.create_task(_gone(request))
        await asyncio.wait((call, gone), return_when=asyncio.FIRST_COMPLETED)
        answered = call.done()
        for task in (call, gone):
            task.cancel()
    if not answered:
        raise ClientDisconnect
    found = call.result()
    if isinstance(found, Exception):
        raise found
    return found


async def _outcome(answering: Coroutine[Any, Any, Message]) -> Message | Exception:
    # An error kept as it is: a task group would wrap it.
    try:
        return await answering
    except Exception as error:
        return error


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that nobody caches."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, {"Cache-Control": "no-store"} | (headers or {}), "application/json")


def address_of(request: Any) -> str:
    """Network address of the asker; behind trusted proxies uvicorn has put the real one here."""
    return request.client.host if request.client is not None else ""


async def read_body(request: Request, limit: int, error: DomainError | None = None) -> bytes:
    """The whole body, refused as soon as it is known to be longer than `limit`."""
    too_large = error or BodyTooLarge(f"the body is larger than {limit} bytes", metadata={"limit": str(limit)})
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise too_large
    return bytes(found)


def _decode(kind: type[Message], content: bytes, match: Match) -> Message:
    return from_json(kind, parse_json(content) if content else {}, match.values)


async def _prompt_upload(request: Request, route: Route) -> CreatePromptRequest:
    content = await read_body(request, route.max_body_bytes)
    sent = False

    async def replay() -> dict[str, Any]:
        nonlocal sent
        body, sent = (b"" if sent else content), True
        return {"type": "http.request", "body": body, "more_body": False}

    message = CreatePromptRequest()
    wrong: list[FieldViolation] = []
    async with AsyncExitStack() as stack:
        try:
            form = await Request(request.scope, replay).form(max_files=1, max_fields=16, max_part_size=64_000)
        except (MultiPartException, HTTPException):
            raise FormInvalid("the form can't be read") from None
        stack.push_async_callback(form.close)
        for name, value in form.multi_items():
            if isinstance(value, UploadFile) and name in ("audio", "file"):
                message.audio = await value.read()
            elif isinstance(value, str) and name == "requestId":
                message.request_id = value
            elif isinstance(value, str) and name == "displayName":
                message.prompt.display_name = value
            elif isinstance(value, str) and name == "language":
                message.prompt.language = value
            else:
                wrong.append(FieldViolation(name[:64], "is not a known field"))
    if wrong:
        raise RequestInvalid(f"{wrong[0].field} {wrong[0].description}", fields=wrong)
    return message


async def _single(call: Any) -> AsyncGenerator[Message, None]:
    yield await call()
