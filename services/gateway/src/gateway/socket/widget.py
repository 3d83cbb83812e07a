"""/widget/v1: a customer's page calls, from any site. Its socket carries one call and hears only of that call.

The key in the page is public: it says which brand is called, and lets nobody at anything else. What the customer may
do is done in the gateway's own name for the key's tenant, on the one call this socket started or holds the token of.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, defaultdict
from datetime import datetime
from typing import Any

from chassis.telemetry import current_traceparent, tracer
from kernel.clock import Clock
from kernel.errors import DomainError, FailedPrecondition, NotFound, Unavailable
from kernel.ids import new_id
from merkez.telephony.v1.call_pb2 import CallState
from merkez.telephony.v1.call_service_pb2 import ReattachLegRequest, StartWebCallRequest
from merkez.telephony.v1.quality_pb2 import CallQuality
from merkez.tenancy.v1.number_service_pb2 import LookupRouteResponse
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from gateway.call_traces import CallTraces
from gateway.edge import network_of
from gateway.limits import Limit
from gateway.neighbours import Neighbours
from gateway.problems import note_failure, problem_response
from gateway.rest import address_of, json_response
from gateway.settings import GatewaySettings
from gateway.socket.connection import NOT_FOUND, RESTART, TOO_MANY, Connection, MessageInvalid
from gateway.socket.hub import Event, Hub, SocketLimitReached
from gateway.transcode import from_json, to_json

CORS = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}
_ROUTE_SECONDS = 30.0
_MISSING_SECONDS = 5.0
_ROUTES = 10_000
_BUFFERED = 1000
_ESTIMATE_SECONDS = 10.0
_TALKING = ("answered", "held")
_BACK_WITH_FLOW = "HUNG_UP"
"""Why an agent's part is over whose customer the flow goes on with."""

_STATE_OF_CALL = {
    CallState.CALL_STATE_SETUP: "ringing",
    CallState.CALL_STATE_IN_FLOW: "menu",
    CallState.CALL_STATE_QUEUED: "queued",
    CallState.CALL_STATE_TALKING: "answered",
    CallState.CALL_STATE_HELD: "held",
    CallState.CALL_STATE_ENDED: "ended",
    # Whom they wait for now is the organisation's own business.
    CallState.CALL_STATE_DIALING: "held",
    CallState.CALL_STATE_PARKED: "held",
}
_STATE_OF_FACT = {
    "CallStarted": "menu",
    "ContactQueued": "queued",
    "ContactDequeued": "menu",
    "CallRefused": "refused",
    "CallAnswered": "answered",
    "CallHeld": "held",
    "CallResumed": "answered",
    "CallTransferred": "transferred",
    "CallParked": "held",
    "ParkExpired": "transferred",
    "AgentLeft": "left",
    "CallEnded": "ended",
}


class CallUnderWay(FailedPrecondition):
    """This socket has a call already."""

    reason = "CALL_UNDER_WAY"


class NoCall(FailedPrecondition):
    """This socket has no call."""

    reason = "NO_CALL"


class WidgetNotFound(NotFound):
    """No brand has this widget key."""

    reason = "WIDGET_NOT_FOUND"


class Widgets:
    """What a widget may ask, and the sockets of those who call."""

    def __init__(self, neighbours: Neighbours, hub: Hub, traces: CallTraces, settings: GatewaySettings, clock: Clock):
        self.neighbours = neighbours
        self.hub = hub
        self.traces = traces
        self.clock = clock
        self._settings = settings
        per_minute = settings.widget_calls_per_minute
        self._lookups = Limit(settings.stranger_requests_per_second, settings.stranger_requests_per_second * 8, clock)
        self._calls = Limit(per_minute / 60, per_minute / 2, clock)
        self._routes: OrderedDict[str, tuple[float, LookupRouteResponse | None]] = OrderedDict()
        self._open: dict[str, int] = defaultdict(int)

    async def show(self, request: Request) -> Response:
        """GET /widget/v1/{widget_key}: what the widget shows before a call. Public, nothing secret."""
        if request.method == "OPTIONS":
            return Response(None, 204, _PREFLIGHT)
        try:
            self._lookups.take(network_of(address_of(request)))
            route = await self.route(request.path_params["widget_key"])
        except DomainError as error:
            return problem_response(error, CORS)
        body = {
            "brandName": route.brand.display_name,
            "language": route.brand.language,
            "callable": bool(route.number.number and route.number.flow_id),
        }
        return json_response(body, headers=CORS | {"Cache-Control": "public, max-age=30"})

    async def serve(self, websocket: WebSocket) -> None:
        """Live with one customer's connection until its end."""
        await websocket.accept()
        connection = Connection(websocket, self._settings.socket_queue)
        address = network_of(address_of(websocket))
        self._open[address] += 1
        socket: WidgetSocket | None = None
        try:
            if self.hub.draining:
                connection.close(RESTART, "restarting: reconnect")
            else:
                socket = await self._admit(websocket, connection, address)
            if socket is not None:
                await connection.run(socket.handle, socket.watch_queue())
            else:
                await connection.run(_ignore)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            if socket is not None:
                await self.hub.dismiss_guest(socket.tenant_id, socket)

    async def _admit(self, websocket: WebSocket, connection: Connection, address: str) -> WidgetSocket | None:
        try:
            if self._open[address] > self._settings.widget_sockets_per_address:
                raise SocketLimitReached("too many connections from this address")
            self._lookups.take(address)
            key = websocket.query_params.get("key", "")
            route = await self.route(key)
        except DomainError as error:
            connection.refuse(error, "widget socket")
            codes = {NotFound: NOT_FOUND, Unavailable: RESTART}
            code = next((code for kind, code in codes.items() if isinstance(error, kind)), TOO_MANY)
            connection.close(code, error.reason)
            return None
        socket = WidgetSocket(self, connection, route.tenant_id, key, address)
        await self.hub.admit_guest(route.tenant_id, socket)
        return socket

    async def route(self, widget_key: str) -> LookupRouteResponse:
        """Where the key's calls lead, remembered for a moment; WidgetNotFound when nowhere."""
        now = self.clock.monotonic()
        known = self._routes.get(widget_key)
        if known is None or known[0] <= now:
            try:
                if not widget_key or len(widget_key) > 100:
                    raise WidgetNotFound
                found: LookupRouteResponse | None = await self.neighbours.look_up_widget(widget_key)
            except NotFound:
                found = None
            except Unavailable:
                if known is None or known[1] is None:
                    raise
                found = known[1]  # tenancy is away: the widget goes on with what it knew
            known = (now + (_ROUTE_SECONDS if found is not None else _MISSING_SECONDS), found)
            self._routes[widget_key] = known
            while len(self._routes) > _ROUTES:
                self._routes.popitem(last=False)
        if known[1] is None:
            raise WidgetNotFound("there is no such widget")
        return known[1]

    def count_call(self, address: str) -> None:
        """One more call from this address; RateLimited when there are too many."""
        self._calls.take(address)


class WidgetSocket:
    """One customer's connection."""

    def __init__(self, house: Widgets, connection: Connection, tenant_id: str, key: str, address: str):
        self._house = house
        self._connection = connection
        self.tenant_id = tenant_id
        self._key = key
        self._address = address
        self._call_id = ""
        self._contact_id = ""
        self._state = ""
        self._answer_time = ""
        self._moved = asyncio.Event()
        self._refusal = ""
        self._away = False
        self._starting: list[Event] | None = None
        self._lock = asyncio.Lock()

    def push(self, item: Any) -> None:
        """Queue what the hub has for it."""
        self._connection.push(item)

    def close(self, code: int, reason: str) -> None:
        """End it; the call goes on."""
        self._connection.close(code, reason)

    async def handle(self, message: dict[str, Any]) -> None:
        """One message of the page."""
        handlers = {
            "hello": self._hello, "call": self._call, "reattach": self._reattach, "hangUp": self._hang_up,
            "digits": self._digits,
        }  # fmt: skip
        kind = message["type"]
        if kind == "ping":
            self._connection.send({"type": "pong"})
            return
        if kind == "pong":
            return
        try:
            handler = handlers.get(kind)
            if handler is None:
                raise MessageInvalid("this type of message is not known")
            with tracer.start_as_current_span(
                f"widget {kind}", context=self._house.traces.parent(self.tenant_id, [self._call_id]) or Context(),
                kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False,
            ):  # fmt: skip
                async with self._lock:
                    await handler(message)
        except Exception as error:
            self._connection.refuse(error, f"widget {kind}", about=kind if kind in handlers else "")

    def hear(self, event: Event) -> None:
        """A fact about some call of the tenant passes by."""
        if self._starting is not None and len(self._starting) < _BUFFERED:
            self._starting.append(event)  # its own call's id is not known yet
        elif self._call_id and event.audience.call_id == self._call_id:
            self._follow(event)

    def hear_quality(self, quality: CallQuality) -> None:
        """Whether the other side of its call has stalled; figures are for those who can do something about them."""
        if not self._call_id or quality.call_id != self._call_id:
            return
        away = any(leg.party != "customer" and leg.stalled for leg in quality.legs)
        if away is not self._away:
            self._away = away
            self._connection.send({"type": "otherSide", "stalled": away})

    # -- what the page asks ------------------------------------------------------------------------------------

    async def _hello(self, message: dict[str, Any]) -> None:
        """Tell the page the servers its media may need, before it offers any. While telephony is away there are none,
        and no call either."""
        try:
            found = to_json(await self._house.neighbours.ice_servers(self.tenant_id))
        except DomainError as error:
            note_failure(error, "widget hello")
            found = {}
        servers = {"iceServers": found.get("iceServers", []), "expireTime": found.get("expireTime", "")}
        self._connection.send({"type": "welcome", "time": _text(self._house.clock.now())} | servers)

    async def _call(self, message: dict[str, Any]) -> None:
        if self._call_id:
            raise CallUnderWay("there is a call already: hang up first")
        body = {
            "sdpOffer": message.get("sdp"),
            "callerName": message.get("callerName"),
            "callerNumber": message.get("callerNumber"),
            "attributes": message.get("attributes"),
            "requestId": message.get("requestId") or new_id("req", self._house.clock.now()),
        }
        request = from_json(StartWebCallRequest, body)
        request.widget_key = self._key
        self._house.count_call(self._address)
        self._refusal = ""
        self._starting = []
        self._tell("ringing")
        try:
            answer = await self._house.neighbours.start_web_call(self.tenant_id, request)
        except BaseException as error:
            self._starting = None
            if not isinstance(error, Exception):
                raise
            # Why comes before the end: a page that hears of the end is done.
            self._connection.refuse(error, "widget call", about="call")
            self._tell("ended", "NOT_CONNECTED")
            return
        self._house.traces.begin(self.tenant_id, answer.call_id, current_traceparent())
        self._connection.send(
            {
                "type": "answer", "callId": answer.call_id, "legId": answer.leg_id, "sdp": answer.sdp_answer,
                "token": answer.leg_token, "callerNumber": answer.caller_number,
            }
        )  # fmt: skip
        self._follow_from_now(answer.call_id)

    async def _reattach(self, message: dict[str, Any]) -> None:
        request = from_json(ReattachLegRequest, {"legToken": message.get("token"), "sdpOffer": message.get("sdp")})
        self._starting = []
        try:
            answer = await self._house.neighbours.reattach_leg(self.tenant_id, request)
            if answer.tenant_id != self.tenant_id:
                raise WidgetNotFound("there is no such call")
        except BaseException:
            self._starting = None
            raise
        self._connection.send(
            {
                "type": "answer", "callId": answer.call_id, "legId": answer.leg_id, "sdp": answer.sdp_answer,
                "token": request.leg_token,
            }
        )  # fmt: skip
        self._contact_id, self._state = answer.contact_id, ""
        self._note_answer(answer)
        self._tell(_STATE_OF_CALL.get(answer.state, "menu"))
        self._follow_from_now(answer.call_id)

    async def _hang_up(self, message: dict[str, Any]) -> None:
        call_id = self._call_id
        if not call_id:
            raise NoCall("there is no call")
        await self._house.neighbours.hang_up(self.tenant_id, call_id)

    async def _digits(self, message: dict[str, Any]) -> None:
        digits = message.get("digits")
        if not self._call_id:
            raise NoCall("there is no call")
        if not isinstance(digits, str):
            raise MessageInvalid("digits is a text")
        await self._house.neighbours.send_digits(self.tenant_id, self._call_id, digits)

    # -- what it is told ---------------------------------------------------------------------------------------

    def _follow_from_now(self, call_id: str) -> None:
        earlier, self._starting = self._starting or [], None
        self._call_id = call_id
        for event in earlier:
            if event.audience.call_id == call_id:
                self._follow(event)

    def _follow(self, event: Event) -> None:
        if event.fact == "CallMoved":
            self._connection.send({"type": "moved"})
            return
        state = _STATE_OF_FACT.get(event.fact)
        if state is None:
            return
        message: Any = event.message
        reason = ""
        if state == "left":
            if message.reason != _BACK_WITH_FLOW:
                return
            state = "menu"
        if state == "transferred":
            self._contact_id, state = "", _after_transfer(message)
        if state == "refused":
            reason = self._refusal = message.reason
        elif state == "ended":
            reason = self._refusal or message.cdr.end_cause
            self._call_id = ""
        elif event.fact == "ContactQueued":
            self._contact_id = message.contact.contact_id
        elif state in _TALKING:
            self._note_answer(message.call)
        self._tell(state, reason)

    def _note_answer(self, message: Any) -> None:
        if message.HasField("answer_time"):
            self._answer_time = message.answer_time.ToJsonString()

    def _tell(self, state: str, reason: str = "") -> None:
        if state == self._state and not reason:
            return
        self._state = state
        frame = {"type": "state", "state": state}
        if state in _TALKING and self._answer_time:
            # Both by our clock: how long they talk is the difference, whatever the page's clock says.
            frame |= {"answerTime": self._answer_time, "time": _text(self._house.clock.now())}
        self._connection.send(frame | ({"reason": reason} if reason else {}))
        self._moved.set()

    async def watch_queue(self) -> None:
        """Tell a waiting customer their place and how long it may take, as it changes."""
        told: dict[str, Any] = {}
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ESTIMATE_SECONDS):
                    await self._moved.wait()
                    told = {}
            self._moved.clear()
            place = await self._place() if self._state == "queued" and self._contact_id else {}
            if place and place != told and self._state == "queued":
                told = place
                self._connection.send({"type": "state", "state": "queued"} | place)

    async def _place(self) -> dict[str, Any]:
        try:
            found = await self._house.neighbours.wait_estimate(self.tenant_id, self._contact_id)
        except DomainError:
            return {}  # it has just left the queue, or routing is away: what was told stands
        place: dict[str, Any] = {"position": found.position}
        if found.HasField("expected_wait"):
            low, high = found.expected_wait_low.ToSeconds(), found.expected_wait_high.ToSeconds()
            place |= {"waitLowSeconds": low, "waitHighSeconds": high}
        return place


def _after_transfer(message: Any) -> str:
    # Of who sent them where they are told no more than what they hear anyway: somebody, the flow, or music.
    if message.call.state == CallState.CALL_STATE_IN_FLOW and message.target_kind != "flow":
        return "queued"
    return _STATE_OF_CALL.get(message.call.state, "queued")


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


async def _ignore(message: dict[str, Any]) -> None:
    return None
