"""/v1/socket: a signed-in person's or a partner's connection. docs/websocket.md is its contract.

It begins with a hello within five seconds. Requests go through the same edge as REST. The token may run out while an
agent is in a call: then the connection stays, and asks for a new hello only once the call is over.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from chassis.auth import acting_as
from chassis.rpc_server import PermissionDenied
from chassis.telemetry import tracer
from kernel.clock import Clock
from kernel.errors import (
    DomainError,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from kernel.tenant import Principal, TenantSuspended
from merkez.routing.v1.contact_pb2 import AgentState, ContactState
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from starlette.websockets import WebSocket

from gateway.call_traces import CallTraces
from gateway.edge import Asker, Edge
from gateway.problems import RateLimited, note_failure, problem_of
from gateway.rest import address_of
from gateway.settings import GatewaySettings
from gateway.socket.connection import (
    BAD_MESSAGE,
    HELLO_TIMEOUT,
    RESTART,
    TOO_MANY,
    UNAUTHENTICATED,
    Connection,
    MessageInvalid,
)
from gateway.socket.hub import LIVE, Hub
from gateway.socket.replay import since_time
from gateway.tokens import Access, TokenExpired
from gateway.transcode import from_json, to_json

HELLO_SECONDS = 5.0
GRACE_SECONDS = 60.0
"""After the token's end, until a new hello."""
_ON_CALL_PAUSE = 15.0
_RECHECK_KEY_SECONDS = 30.0
_AT_ONCE = 32
_OF_A_CALL = frozenset(
    f"telephony.v1.CallService/{verb}"
    for verb in (
        "HangUp", "HoldCall", "ResumeCall", "SetMute", "SendDigits", "LeaveCall", "SwapCall", "JoinCall",
        "CompleteTransfer", "CancelConsult", "DropLeg", "StopSupervising",
    )
)  # fmt: skip
"""What an agent in a call can still do when their token has run out, or their company was suspended meanwhile."""


class MethodNotFound(NotFound):
    """No public rpc has this name."""

    reason = "METHOD_NOT_FOUND"


class TopicUnknown(InvalidInput):
    """There is nothing to subscribe to under this name."""

    reason = "TOPIC_UNKNOWN"


class RequestTooLate(FailedPrecondition):
    """The request arrived after the time its sender had set: it was not carried out."""

    reason = "REQUEST_TOO_LATE"


class AgentSockets:
    """Accepts connections at /v1/socket."""

    def __init__(self, edge: Edge, hub: Hub, traces: CallTraces, settings: GatewaySettings, clock: Clock):
        self.edge = edge
        self.hub = hub
        self.traces = traces
        self.settings = settings
        self.clock = clock

    async def serve(self, websocket: WebSocket) -> None:
        """Live with one connection until its end."""
        await websocket.accept()
        connection = Connection(websocket, self.settings.socket_queue)
        socket = AgentSocket(self, connection, address_of(websocket))
        if self.hub.draining:
            connection.close(RESTART, "restarting: reconnect")
        try:
            await connection.run(socket.handle, socket.watch())
        finally:
            await socket.gone()


class AgentSocket:
    """One connection and who is behind it."""

    def __init__(self, house: AgentSockets, connection: Connection, address: str):
        self._house = house
        self._connection = connection
        self._asker = Asker(address)
        self._credentials = ""
        self._running = 0
        self._replaying = False
        self._suspended = False
        self._doubted = False
        self._renewed = asyncio.Event()
        self.topics: set[str] = set()

    @property
    def principal(self) -> Principal:
        """Who is behind it."""
        return self._asker.principal

    def push(self, item: Any) -> None:
        """Queue what the hub has for it."""
        self._connection.push(item)

    def close(self, code: int, reason: str) -> None:
        """End it."""
        self._connection.close(code, reason)

    async def handle(self, message: dict[str, Any]) -> None:
        """One message of the client."""
        kind = message["type"]
        if kind == "hello":
            await self._hello(message)
        elif kind == "ping":
            self._connection.send({"type": "pong", "time": self._time()})
        elif kind == "pong":
            return
        elif self._asker.access is None:
            self._connection.refuse(Unauthenticated("say hello first"), "socket")
            self._connection.close(UNAUTHENTICATED, "say hello first")
        elif kind == "request":
            self._begin_request(message)
        elif kind == "subscribe":
            await self._subscribe(message)
        else:
            self._connection.refuse(MessageInvalid("this type of message is not known"), "socket")

    async def gone(self) -> None:
        """The connection has ended."""
        if self._asker.access is not None:
            await self._house.hub.leave(self)

    # -- hello -------------------------------------------------------------------------------------------------

    async def _hello(self, message: dict[str, Any]) -> None:
        token = message.get("token")
        try:
            if not isinstance(token, str) or not token:
                raise MessageInvalid("hello needs a token")
            asker = await self._house.edge.identify(f"Bearer {token}", "", self._asker.address)
            assert asker.access is not None
            await self._become(asker.access, token)
        except Unavailable as error:
            self._connection.refuse(error, "socket hello")
            self._connection.close(RESTART, "try again")
        except DomainError as error:
            self._connection.refuse(error, "socket hello")
            over = isinstance(error, Unauthenticated | Forbidden | FailedPrecondition)
            code = UNAUTHENTICATED if over else TOO_MANY
            self._connection.close(BAD_MESSAGE if isinstance(error, MessageInvalid) else code, error.reason)

    async def _become(self, access: Access, token: str) -> None:
        before, who = self._asker.access, access.principal
        if before is not None and _identity(before.principal) != _identity(who):
            raise MessageInvalid("a connection stays with who opened it")
        if who.role == "operator":
            raise MessageInvalid("an operator has no events: use REST")
        self._asker = Asker(self._asker.address, access)
        self._credentials = token
        if before is None:
            try:
                await self._house.hub.join(self)
            except DomainError:
                self._asker = Asker(self._asker.address)
                raise
        self._renewed.set()
        welcome = {"type": "welcome", "userId": who.subject, "tenantId": who.tenant_id, "role": who.role}
        self._connection.send(welcome | {"time": self._time()})

    # -- requests ----------------------------------------------------------------------------------------------

    def _begin_request(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if not isinstance(number, int | str) or isinstance(number, bool):
            self._connection.refuse(MessageInvalid("a request needs an id, a number or a text"), "socket")
        elif self._running >= _AT_ONCE:
            self._respond(number, problem=problem_of(RateLimited("too many requests at once on this connection")))
        else:
            self._running += 1
            # Not a task of the connection: what was asked is carried out even when the tab closes in between.
            self._house.hub.carry_out(self._request(number, message), "socket request")

    async def _request(self, number: int | str, message: dict[str, Any]) -> None:
        method, body = message.get("method"), message.get("body") or {}
        parent = self._house.traces.parent_of(self.principal.tenant_id, body) or Context()
        name = method if isinstance(method, str) and method in self._house.edge.routes else "unknown"
        try:
            with tracer.start_as_current_span(
                f"socket {name}", context=parent, kind=SpanKind.SERVER,
                record_exception=False, set_status_on_exception=False,
            ):  # fmt: skip
                try:
                    self._check_deadline(message.get("before"))
                    self._respond(number, body=await self._answer(method, body))
                except Exception as error:
                    note_failure(error, f"socket {name}")
                    self._respond(number, problem=problem_of(error))
        finally:
            self._running -= 1

    def _check_deadline(self, before: Any) -> None:
        if before is None:
            return
        try:
            late = datetime.fromisoformat(before) < self._house.clock.now()
        except (TypeError, ValueError):
            raise MessageInvalid("before is a time such as 2026-01-31T09:30:00.123Z") from None
        if late:
            raise RequestTooLate("nobody waits for this any more")

    async def _answer(self, method: Any, body: Any) -> dict[str, Any]:
        edge = self._house.edge
        route = edge.routes.get(method) if isinstance(method, str) else None
        if route is None or route.method.streams:
            raise MethodNotFound("no such method; write it as routing.v1.OfferService/AcceptOffer")
        who = edge.admit(route, self._asker)
        self._check_token(method)
        request = from_json(route.method.request_type, body)
        return to_json(await edge.call(route, request, who, self._asker.address))

    def _check_token(self, method: str) -> None:
        """The connection of a live call outlives its token and its company's suspension, so that the call does; what
        else it opened does not."""
        access = self._asker.access
        if method in _OF_A_CALL:
            return
        if self._suspended:
            raise TenantSuspended("your company is suspended")
        if access is None or not access.expires:
            return
        if self._house.clock.now().timestamp() > access.expires + GRACE_SECONDS:
            raise TokenExpired("say hello with a new token first")

    def _respond(self, number: int | str, **outcome: Any) -> None:
        self._connection.send({"type": "response", "id": number} | outcome)

    # -- topics ------------------------------------------------------------------------------------------------

    async def _subscribe(self, message: dict[str, Any]) -> None:
        wanted = message.get("topics")
        try:
            if not isinstance(wanted, list) or not all(isinstance(topic, str) for topic in wanted):
                raise MessageInvalid("topics is a list of names")
            for topic in wanted:
                self._check_topic(topic)
            if "since" in message:
                since_time(message["since"])
        except DomainError as error:
            self._connection.refuse(error, "socket subscribe")
            return
        self.topics.update(wanted)
        self._connection.send({"type": "subscribed", "topics": sorted(self.topics)})
        if "since" in message and "facts" in wanted and not self._replaying:
            self._replaying = True
            self._house.hub.carry_out(self._replay(message["since"]), "replay")

    async def _replay(self, since: str) -> None:
        try:
            texts, complete = await self._house.hub.replay(self, since, self._house.clock.now())
            for text in texts:
                await self._connection.push_patiently(text)
            self._connection.send({"type": "replayed", "count": len(texts), "complete": complete})
        except DomainError as error:
            self._connection.refuse(error, "socket replay")
        finally:
            self._replaying = False

    def _check_topic(self, topic: str) -> None:
        permission = "events.read" if topic == "facts" else LIVE[topic][1] if topic in LIVE else ""
        if not permission:
            raise TopicUnknown("there is no such topic", metadata={"topics": ", ".join(["facts", *LIVE])})
        # People without it may ask for "facts" as well: they hear what concerns them, as without asking.
        if permission not in self.principal.permissions and (topic != "facts" or self.principal.role == "api_client"):
            raise PermissionDenied("your role or key does not allow this", metadata={"permission": permission})

    # -- the token's end ---------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Close the connection when nobody says hello, or not again after the token's end."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await self._renewed.wait()
        except TimeoutError:
            self._connection.close(HELLO_TIMEOUT, "no hello came")
            return
        while True:
            self._renewed.clear()
            renewed = await self._renewed_within(self._seconds_left())
            doubted, self._doubted = self._doubted, False
            if renewed and not doubted:
                continue
            if (refusal := await self._refusal()) is not None:
                self._connection.refuse(refusal, "socket")
                self._connection.close(UNAUTHENTICATED, refusal.message)
                return

    def _seconds_left(self) -> float:
        access = self._asker.access
        if self._suspended:
            return _ON_CALL_PAUSE
        if access is None or not access.expires:
            return _RECHECK_KEY_SECONDS
        left = access.expires + GRACE_SECONDS - self._house.clock.now().timestamp()
        return left if left > 0 else _ON_CALL_PAUSE

    async def _renewed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._renewed.wait()
        except TimeoutError:
            return False
        return True

    async def _refusal(self) -> DomainError | None:
        """Why the connection must end; None while it may go on."""
        access = self._asker.access
        if access is not None and not access.expires:
            try:
                await self._house.edge.identity.of(self._credentials)
            except (Unauthenticated, Forbidden, FailedPrecondition) as error:
                return error
            except DomainError:
                return None  # tenancy is away: what was valid stays so until it says otherwise
            return None
        if await self._on_call():
            return None
        if self._suspended:
            return TenantSuspended("your company is suspended")
        return Unauthenticated("say hello with a new token")

    async def _on_call(self) -> bool:
        who = self.principal
        if "contacts.handle" not in who.permissions:
            return False
        try:
            with acting_as(who):
                desktop = await self._house.edge.neighbours.my_desktop()
        except (Unavailable, TimeoutError):
            return True  # not known: a call is never put at risk
        except Exception:
            return False
        busy = (AgentState.AGENT_STATE_ON_CONTACT, AgentState.AGENT_STATE_OFFERED)
        return desktop.agent.state in busy or desktop.contact.state == ContactState.CONTACT_STATE_ON_CONTACT

    def recheck(self) -> None:
        """The user's role or state, or the tenant's standing, has changed. Of a suspended tenant an agent in a call
        stays until it is over; everybody else goes now."""
        access = self._asker.access
        if access is None:
            return
        try:
            self._house.edge.identity.check(access)
            self._suspended = False
        except TenantSuspended:
            self._suspended = True
        except Unauthenticated as error:
            self._connection.refuse(error, "socket")
            self._connection.close(UNAUTHENTICATED, error.reason)
        self._doubted = self._suspended or not access.expires  # how a key stands is asked of tenancy
        self._renewed.set()

    def _time(self) -> str:
        return self._house.clock.now().isoformat().replace("+00:00", "Z")


def _identity(who: Principal) -> tuple[str, str]:
    return who.tenant_id, who.subject
