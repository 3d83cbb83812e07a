"""Asking one request (RFC 3261 17.1 with RFC 6026): sent until answered, refusals acknowledged, an end always told."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from telephony.sip.messages import Flow, Headers, Request, Response
from telephony.sip.timers import T1, T2, T4, Timer

if TYPE_CHECKING:
    from telephony.sip.transactions import TransactionLayer


class State(Enum):
    """Figures 5 and 6 of RFC 3261 in one, with RFC 6026's ACCEPTED; CALLING is also the non-INVITE TRYING."""

    CALLING = 1
    PROCEEDING = 2
    COMPLETED = 3
    ACCEPTED = 4
    TERMINATED = 5


class ClientTransaction:
    """One request of ours. `on_response` hears every response that isn't a repetition, and at last a final one:
    the peer's, or a local 408 (nothing came) or 503 (the connection broke). After an INVITE's 2xx it hears each
    further 2xx, repeated or from another fork, for 64*T1."""

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, on_response: Callable[[Response], None]
    ) -> None:
        self._layer = layer
        self._timers = layer.timers
        self._on_response = on_response
        self._pause = T1
        self._again: Timer | None = None
        self._ack = b""
        self._bytes = request.encode()
        self.flow = flow
        self.request = request
        self.key = (request.via.branch, request.method)
        self.state = State.CALLING
        self._end: Timer | None = self._timers.after(64 * T1, self._timed_out)
        if not flow.reliable:
            self._again = self._timers.after(T1, self._repeat)
        flow.send(self._bytes)

    def receive(self, response: Response) -> None:
        """A response that matches."""
        if self.request.method == "INVITE":
            self._receive_invite(response)
        elif self.state in (State.CALLING, State.PROCEEDING):
            if response.status < 200:
                self.state = State.PROCEEDING
                self._pause = T2
            else:
                self._stop()
                self._complete(0 if self.flow.reliable else T4)
            self._on_response(response)

    def flow_lost(self) -> None:
        """The connection broke. An answer that has begun may still come by another (18.2.2)."""
        if self.state == State.CALLING:
            self._fail(503, "Service Unavailable")

    def cancelling(self) -> Request:
        """The CANCEL of this INVITE (9.1)."""
        return self._same_hop("CANCEL", self.request.headers.get("to") or "")

    def terminate(self) -> None:
        """Forget it at once."""
        if self.state != State.TERMINATED:
            self._stop()
            self.state = State.TERMINATED
            self._layer.forget_client(self)

    def _receive_invite(self, response: Response) -> None:
        if response.status < 200:
            if self.state in (State.CALLING, State.PROCEEDING):
                self._stop()
                self.state = State.PROCEEDING
                self._on_response(response)
        elif response.status < 300:
            if self.state in (State.CALLING, State.PROCEEDING):
                self._stop()
                self.state = State.ACCEPTED
                self._end = self._timers.after(64 * T1, self.terminate)
            if self.state == State.ACCEPTED:
                self._on_response(response)
        elif self.state in (State.CALLING, State.PROCEEDING):
            self._stop()
            self._ack = self._same_hop("ACK", response.headers.get("to") or "").encode()
            self.flow.send(self._ack)
            self._complete(0 if self.flow.reliable else 64 * T1)
            self._on_response(response)
        elif self.state == State.COMPLETED:
            self.flow.send(self._ack)

    def _same_hop(self, method: str, to: str) -> Request:
        headers = Headers()
        mine = self.request.headers
        headers.set("via", mine.lines("via")[0])
        for name in ("route", "from", "call-id"):
            headers.set(name, *mine.lines(name))
        headers.set("to", to)
        headers.set("cseq", f"{self.request.cseq[0]} {method}")
        headers.set("max-forwards", "70")
        return Request(method, self.request.uri, headers)

    def _repeat(self) -> None:
        self.flow.send(self._bytes)
        self._pause = 2 * self._pause if self.request.method == "INVITE" else min(2 * self._pause, T2)
        self._again = self._timers.after(self._pause, self._repeat)

    def _timed_out(self) -> None:
        self._fail(408, "Request Timeout")

    def _fail(self, status: int, reason: str) -> None:
        self.terminate()
        response = self.request.response(status, reason)
        response.local = True
        self._on_response(response)

    def _complete(self, seconds: float) -> None:
        self.state = State.COMPLETED
        if seconds:
            self._end = self._timers.after(seconds, self.terminate)
        else:
            self.terminate()

    def _stop(self) -> None:
        for timer in (self._again, self._end):
            if timer is not None:
                timer.cancel()
        self._again = self._end = None
