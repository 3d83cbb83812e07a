"""Answering one request (RFC 3261 17.2 with RFC 6026): retransmissions absorbed, final responses made to arrive."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from telephony.sip.fields import BRANCH_COOKIE, Via
from telephony.sip.messages import Flow, Request, Response
from telephony.sip.timers import T1, T2, T4, Timer
from telephony.sip.transports import DEFAULT_PORTS, UdpFlow

if TYPE_CHECKING:
    from telephony.sip.transactions import TransactionLayer

Key = tuple[str, ...]


class State(Enum):
    """Figures 7 of RFC 6026 and 8 of RFC 3261 in one; TRYING is the non-INVITE PROCEEDING before its first answer."""

    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    ACCEPTED = 4
    CONFIRMED = 5
    TERMINATED = 6


def key_of(request: Request, via: Via, method: str = "") -> Key:
    """What a retransmission, an ACK to a refusal and a CANCEL have in common with their request (17.2.3)."""
    method = method or request.method
    branch = via.branch
    if branch.startswith(BRANCH_COOKIE) and len(branch) > len(BRANCH_COOKIE):
        return (branch, via.sent_by, method)
    # A sender by RFC 2543: its branch means nothing.
    number, _ = request.cseq
    return (request.uri, request.from_.tag, request.call_id, str(number), via.sent_by, branch, method)


def answering_flow(flow: Flow, via: Via) -> Flow:
    """Where responses go (18.2.2): the source, or its address at the port of sent-by when rport wasn't asked for."""
    if isinstance(flow, UdpFlow) and "rport" not in via.parameters:
        return flow.towards(via.port or DEFAULT_PORTS["UDP"])
    return flow


class ServerTransaction:
    """One request and its answers. `respond` after a final response does nothing."""

    def __init__(self, layer: TransactionLayer, request: Request, key: Key, flow: Flow) -> None:
        self._layer = layer
        self._timers = layer.timers
        self._key = key
        self._flow = flow
        self._last = b""
        self._again: Timer | None = None
        self._end: Timer | None = None
        self._pause = T1
        self.request = request
        self.state = State.PROCEEDING if request.method == "INVITE" else State.TRYING
        self.merge_key: Key | None = None
        self.on_unacknowledged: Callable[[], None] | None = None
        """Called when no ACK came for a final response to INVITE within 64*T1 (13.3.1.4)."""
        self.on_cancel: Callable[[Request], None] | None = None
        """Called with the CANCEL of this INVITE while it is open."""

    @property
    def is_open(self) -> bool:
        """Whether a final response is still to come."""
        return self.state in (State.TRYING, State.PROCEEDING)

    def respond(self, response: Response) -> None:
        """Send it, and what comes with its class: retransmission, waiting for ACK, an end."""
        if not self.is_open:
            return
        self._last = response.encode()
        self._send()
        if response.status < 200:
            self.state = State.PROCEEDING
        elif self.request.method != "INVITE":
            self.state = State.COMPLETED
            self._end_after(0 if self._flow.reliable else 64 * T1)
        else:
            self.state = State.ACCEPTED if response.status < 300 else State.COMPLETED
            self._end = self._timers.after(64 * T1, self._unacknowledged)
            # A 2xx is repeated over every transport: proxies may lose it on the way (13.3.1.4).
            if response.status < 300 or not self._flow.reliable:
                self._again = self._timers.after(T1, self._repeat)

    def respond_once(self, response: Response) -> None:
        """Send it and forget the request: repeating to a source that may be forged would amplify (26.3.2.4)."""
        if self.is_open:
            self._last = response.encode()
            self._send()
            self.terminate()

    def answer_once(self, status: int, reason: str = "", *, tag: str = "") -> None:
        """As `respond_once`, with no more than a status."""
        self.respond_once(self.request.response(status, reason, tag=tag))

    def answer(self, status: int, reason: str = "", *, tag: str = "") -> None:
        """Respond with no more than a status."""
        self.respond(self.request.response(status, reason, tag=tag))

    def received_again(self) -> None:
        """The request came once more. After a 2xx only the ACK counts (RFC 6026 7.1)."""
        if self._last and self.state in (State.PROCEEDING, State.COMPLETED):
            self._send()

    def acknowledged(self) -> None:
        """The ACK came, to whichever final response."""
        if self.state == State.COMPLETED:
            self._stop()
            self.state = State.CONFIRMED
            self._end_after(0 if self._flow.reliable else T4)
        elif self.state == State.ACCEPTED and self._again is not None:
            self._again.cancel()
            self._again = None
            self.on_unacknowledged = None

    def terminate(self) -> None:
        """Forget it at once."""
        if self.state != State.TERMINATED:
            self._stop()
            self.state = State.TERMINATED
            self._layer.forget_server(self._key, self)

    def _send(self) -> None:
        if self._flow.alive:
            self._flow.send(self._last)
        else:
            self._layer.send_elsewhere(self.request, self._last)

    def _repeat(self) -> None:
        self._send()
        self._pause = min(2 * self._pause, T2)
        self._again = self._timers.after(self._pause, self._repeat)

    def _unacknowledged(self) -> None:
        tell = self.on_unacknowledged
        self.terminate()
        if tell is not None:
            tell()

    def _end_after(self, seconds: float) -> None:
        if seconds:
            self._end = self._timers.after(seconds, self.terminate)
        else:
            self.terminate()

    def _stop(self) -> None:
        for timer in (self._again, self._end):
            if timer is not None:
                timer.cancel()
        self._again = self._end = None
