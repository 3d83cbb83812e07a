"""One TCP or TLS connection: framing, keep-alive, and an end for those who hold it without use."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

from telephony.sip.errors import SipParseError
from telephony.sip.framing import PING, PONG, Frames
from telephony.sip.messages import Flow

_LOOK_SECONDS = 10.0
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""After so many silent seconds, how often, how many times; and how many milliseconds what was written may go
unacknowledged (RFC 5482)."""
_BACKLOG_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much of us strangers may take."""

    connections: int = 2048
    connections_per_source: int = 16
    """Of those of whom nothing is known yet."""
    phones_per_source: int = 512
    """Of those who have shown who they are: an office's phones come from one address."""
    idle_seconds: float = 900.0
    """A connection that says nothing for so long, no keep-alive either, is closed."""
    known_idle_seconds: float = 3900.0
    """The same of who has shown who they are: longer than any registration, by which they are called, is granted."""
    half_message_seconds: float = 10.0
    """For the first message, and for the rest of one that has begun."""
    ping_seconds: float = 60.0
    """How often our own connections say they live (RFC 5626 4.4.1)."""
    transactions: int = 20_000
    """Server transactions at once; more are answered 503 without state."""
    invitations_per_second: float = 200.0
    """New INVITEs of all trusted sources together, and as many of all others that answer a challenge; more are answered
    503 with Retry-After. Sources share either fairly (`fairness`); one that isn't trusted has a quarter at most."""


class Connection(asyncio.Protocol):
    """A `Flow` over a stream."""

    reliable = True

    def __init__(
        self,
        transport: str,
        receive: Callable[[bytes, Flow], None],
        accept: Callable[[Connection], bool],
        gone: Callable[[Connection], None],
        limits: Limits,
        *,
        outgoing: bool = False,
    ) -> None:
        self.transport = transport
        self.remote: tuple[str, int] = ("", 0)
        self.name = ""
        self.counted = False
        self.known = False
        """Whether whoever made it has shown who they are."""
        self._receive = receive
        self._accept = accept
        self._gone = gone
        self._limits = limits
        self._outgoing = outgoing
        self._frames = Frames()
        self._wire: asyncio.Transport | None = None
        self._heard = self._begun = self._pinged = 0.0
        self._spoken = False
        self._look: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Whether bytes can still be sent."""
        return self._wire is not None and not self._wire.is_closing()

    @property
    def heard(self) -> float:
        """When something came by it last, by the loop's time."""
        return self._heard

    def send(self, data: bytes) -> None:
        """Write, or hang up on a peer who doesn't read."""
        if self._wire is None or self._wire.is_closing():
            return
        if self._wire.get_write_buffer_size() > _BACKLOG_BYTES:
            self._wire.abort()
            return
        self._wire.write(data)

    def abort(self) -> None:
        """Close at once."""
        if self._wire is not None:
            self._wire.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._wire = transport
        peer = transport.get_extra_info("peername")
        if not peer:
            transport.abort()
            return
        self.remote = (str(peer[0]), int(peer[1]))
        if (wire := transport.get_extra_info("socket")) is not None:
            _notice_the_dead(wire)
        if not self._accept(self):
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._heard = self._begun = self._pinged = loop.time()
        self._look = loop.call_later(_LOOK_SECONDS / 2, self._look_after)

    def data_received(self, data: bytes) -> None:
        loop_time = asyncio.get_running_loop().time()
        if not self._frames.waiting:
            self._begun = loop_time
        self._heard = loop_time
        try:
            messages = self._frames.feed(data)
        except SipParseError:
            self.abort()
            return
        if self._frames.pings:
            # Ours are answered by single breaks, which never add up to a ping here more often than we asked.
            if not self._outgoing:
                self.send(PONG * min(self._frames.pings, 8))
            self._frames.pings = 0
        for message in messages:
            self._spoken = True
            self._begun = loop_time
            self._receive(message, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire = None
        if self._look is not None:
            self._look.cancel()
        self._gone(self)

    def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        unfinished = self._frames.waiting > 0 or not (self._spoken or self._outgoing)
        idle = self._limits.known_idle_seconds if self.known else self._limits.idle_seconds
        if now - self._heard > idle or (unfinished and now - self._begun > self._limits.half_message_seconds):
            self.abort()
            return
        if self._outgoing and now - self._pinged >= self._limits.ping_seconds:
            self._pinged = now
            self.send(PING)
        self._look = loop.call_later(_LOOK_SECONDS / 2, self._look_after)


def _notice_the_dead(wire: socket.socket) -> None:
    """Let the kernel ask a silent far end whether it is there (RFC 1122 4.2.3.6), and end what it can't reach."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            wire.setsockopt(socket.IPPROTO_TCP, option, value)
