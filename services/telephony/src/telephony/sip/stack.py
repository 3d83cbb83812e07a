"""What the parts of a user agent stand on: timers, transactions, the live dialogs, and how a request is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from chassis.lifecycle import Tasks

from telephony.sip.client_transactions import ClientTransaction
from telephony.sip.connections import Connection, Limits
from telephony.sip.dialogs import DialogKey
from telephony.sip.digest import DigestClient
from telephony.sip.errors import SipParseError, TransportFailed
from telephony.sip.fields import Replaces
from telephony.sip.messages import Flow, Request, Response
from telephony.sip.session_timer import SessionTimes
from telephony.sip.timers import T1, Timers
from telephony.sip.transactions import Core, TransactionLayer
from telephony.sip.transports import Destination, TransportLayer
from telephony.sip.uris import SipUri

if TYPE_CHECKING:
    from telephony.sip.session import SipDialog

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER"
SUPPORTED = frozenset({"100rel", "timer", "replaces", "norefersub"})
REGISTRAR_SUPPORTED = SUPPORTED | {"path"}
"""What a REGISTER may require: calls go by its Path (RFC 3327). Nobody keeps to `outbound` (RFC 5626) here: who needs
it is told so."""
SUPPORTED_SHOWN = "100rel, timer, replaces, norefersub"


class Stack:
    """One agent's ground."""

    def __init__(
        self, timers: Timers, transports: TransportLayer, core: Core, limits: Limits, times: SessionTimes, name: str
    ) -> None:
        self.timers = timers
        self.transports = transports
        self.transactions = TransactionLayer(timers, transports, core, limits)
        self.times = times
        self.name = name
        self.dialogs: dict[DialogKey, SipDialog] = {}
        self.on_flow_lost: set[Callable[[Flow], None]] = set()
        """Who wants to know when a connection is gone."""
        self.tasks = Tasks("sip")

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Work on the side, supervised."""
        return self.tasks.spawn(work, name)

    def contact(self, transport: str, user: str) -> str:
        """Our Contact URI for requests that go by `transport`."""
        host, port = self.transports.sent_by(transport)
        parameters = {} if transport == "UDP" else {"transport": transport.lower()}
        return str(SipUri.of(user or self.name, host, port, **parameters))

    def dress(self, message: Request | Response) -> None:
        """What every message of ours that makes or keeps a dialog says about us."""
        message.headers.set("allow", ALLOW)
        message.headers.set("supported", SUPPORTED_SHOWN)
        message.headers.set("user-agent" if isinstance(message, Request) else "server", self.name)

    async def ask(
        self,
        make: Callable[[], Request],
        places: Callable[[], list[Destination]],
        digest: DigestClient,
        *,
        also: Callable[[Response], None] | None = None,
        seconds: float = 64 * T1,
    ) -> Response:
        """Send what `make` gives and wait for the final response, answering challenges by asking anew.

        Always ends: with a local 408 after `seconds` or the transaction's own patience, with a local 503 when there
        is no way. `also` hears provisional responses and every further 2xx.
        """
        answered: set[str] = set()
        while True:
            request = make()
            digest.sign(request)
            response = await self._once(request, places, also, seconds)
            if response.status in (401, 407) and not response.local and digest.challenged(response, answered):
                continue
            return response

    def flow_lost(self, flow: Flow) -> None:
        """A connection is gone."""
        self.transactions.flow_lost(flow)
        for hear in list(self.on_flow_lost):
            hear(flow)

    def unheard(self, request: Request) -> None:
        """Nobody answered this request of ours. A connection by which nothing at all came since it went out is no way:
        a firewall has forgotten it, or the machine at its end has no power. The next request makes another one."""
        flow = request.flow
        if isinstance(flow, Connection) and flow.heard < request.sent_at:
            flow.abort()

    def start(self, request: Request, flow: Flow, on_response: Callable[[Response], None]) -> ClientTransaction:
        """Stamp and send, with every response to the callback."""
        self.transactions.stamp(request, flow)
        return self.transactions.start(request, flow, on_response)

    async def flow_to(self, places: list[Destination]) -> Flow:
        """A flow to the first of the places that can be reached. TransportFailed when none can."""
        for place in places[:-1]:
            try:
                return self.transports.flow_at_once(place) or await self.transports.flow_to(place)
            except TransportFailed:
                continue
        return self.transports.flow_at_once(places[-1]) or await self.transports.flow_to(places[-1])

    def post(self, request: Request, places: list[Destination]) -> None:
        """Send without waiting for anything: an ACK to a 2xx."""
        flow = self.transports.flow_at_once(places[0])
        if flow is not None:
            self.transactions.stamp(request, flow)
            flow.send(request.encode())
        else:
            self.spawn(self._post(request, places), "post")

    async def pause(self, seconds: float) -> None:
        """Wait by the agent's own time."""
        done = asyncio.get_running_loop().create_future()
        timer = self.timers.after(seconds, _settle, done)
        try:
            await done
        finally:
            timer.cancel()

    def find(self, replaces: Replaces) -> SipDialog | None:
        """The dialog of ours that Replaces names (RFC 3891 3)."""
        return self.dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))

    async def _post(self, request: Request, places: list[Destination]) -> None:
        try:
            flow = await self.flow_to(places)
        except TransportFailed:
            return
        self.transactions.stamp(request, flow)
        flow.send(request.encode())

    async def _once(
        self,
        request: Request,
        places: Callable[[], list[Destination]],
        also: Callable[[Response], None] | None,
        seconds: float,
    ) -> Response:
        try:
            flow = await self.flow_to(places())
        except (TransportFailed, SipParseError):
            return made_up(request, 503)
        done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def heard(response: Response) -> None:
            if response.status >= 200 and not done.done():
                done.set_result(response)
            elif also is not None:
                also(response)

        transaction = self.start(request, flow, heard)
        patience = self.timers.after(seconds, _give_up, done, request)
        try:
            response = await done
        finally:
            patience.cancel()
        if response.local:
            transaction.terminate()
            if response.status == 408:
                self.unheard(request)
        return response


def made_up(request: Request, status: int) -> Response:
    """A response of our own making (8.1.3.1)."""
    response = request.response(status)
    response.local = True
    return response


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _give_up(done: asyncio.Future[Response], request: Request) -> None:
    if not done.done():
        done.set_result(made_up(request, 408))
