"""The UDP sockets of legs, and how they are waited for.

All sockets of a plane are in one epoll set of their own, and the event loop watches only that set. A wake-up
handles every socket that has something, in one go: the loop's own bookkeeping, which costs more than reading a
datagram, is paid once per wake-up instead of once per packet. Each socket is read once per turn; what remains is
reported again by the kernel, so a busy leg can't keep the others waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from telephony.media.standstill import STANDSTILL

_RECEIVE_BUFFER = 256 * 1024
_BATCH = 64
_BUSY = 8
_MAX_ROUNDS = 4

Address = tuple[str, int]


def allow_many_sockets() -> None:
    """Let this process open as many files as it may at all: a leg takes two or three, and 1024 is a usual limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class SocketPoll:
    """Calls a function whenever its socket has something to read. One per event loop that moves media."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._readers: list[Callable[[], None] | None] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.first: Callable[[], None] | None = None
        """Called before any socket is read."""

    def add(self, fd: int, readable: Callable[[], None]) -> None:
        """Call `readable` when `fd` has something to read, in place of whoever was called before.

        It should read one datagram and never raise.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._ready)
        self._readers.extend([None] * (fd + 1 - len(self._readers)))
        before, self._readers[fd] = self._readers[fd], readable
        if before is None:
            self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Forget `fd`, which must still be open. Harmless when it isn't watched."""
        if 0 <= fd < len(self._readers) and self._readers[fd] is not None and self._epoll is not None:
            self._readers[fd] = None
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)

    def close(self) -> None:
        """Stop watching all of them."""
        self._readers = [None] * len(self._readers)
        if self._epoll is not None and self._loop is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _ready(self) -> None:
        STANDSTILL.runs()
        readers = self._readers
        for _ in range(_MAX_ROUNDS):
            if self._epoll is None:
                return
            first = self.first
            if first is not None:
                first()
            ready = self._epoll.poll(0, _BATCH)
            for fd, _ in ready:
                # A leg earlier in this batch may have closed it.
                readable = readers[fd]
                if readable is not None:
                    try:
                        readable()
                    except Exception as error:
                        self.report(error)
            # When busy, more has arrived meanwhile: take it now. Else the loop has other things to do.
            if len(ready) < _BUSY:
                return

    def report(self, error: Exception) -> None:
        """One leg's trouble must not cost the others the rest of the batch."""
        if self._loop is not None:
            self._loop.call_exception_handler({"message": "a media socket's reader failed", "exception": error})


class Reader(Protocol):
    """What a VoiceSocket reports to."""

    def readable(self) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class VoiceSocket(asyncio.DatagramTransport):
    """A UDP socket that hears everybody; looks like a datagram transport to aioice."""

    def __init__(self, poll: SocketPoll, address: str, ports: tuple[int, int] | None) -> None:
        super().__init__()
        self._poll = poll
        self._socket = _bind(address, ports)
        self.name: Address = self._socket.getsockname()[:2]
        self.receive_into = self._socket.recvfrom_into
        self._sendto = self._socket.sendto
        self._reader: Reader | None = None

    def start(self, reader: Reader) -> None:
        self._reader = reader
        self._poll.add(self._socket.fileno(), reader.readable)

    def sendto(self, data: Any, addr: Any = None) -> None:
        # A full send buffer or an ICMP error from an earlier packet is a lost packet, as on any network.
        with contextlib.suppress(OSError):
            self._sendto(data, addr)

    def direct(self, remote: Address) -> socket.socket | None:
        """A second socket on this one's port that exchanges datagrams with `remote` alone, or None.

        The kernel then drops strangers, finds the route once, and tells no address with each packet. This
        socket goes on hearing everybody else: checks from other addresses, a browser whose address changed.
        """
        made = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            # Both must agree to share the port, and nobody else may: so only while this one is bound.
            for each in (self._socket, made):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(self.name)
            made.connect(remote)
        except OSError:
            made.close()
            return None
        finally:
            for each in (self._socket, made):
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return made

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": self._socket, "sockname": self.name}.get(name, default)

    def is_closing(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._poll.remove(self._socket.fileno())
        self._socket.close()
        if self._reader is not None:
            self._reader.connection_lost(None)


def _bind(address: str, ports: tuple[int, int] | None) -> socket.socket:
    """A non-blocking UDP socket on `address`, from the port range when one is set."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    if ports is None:
        made.bind((address, 0))
        return made
    for port in _port_order(ports):
        with contextlib.suppress(OSError):
            made.bind((address, port))
            return made
    made.close()
    raise OSError(f"no free UDP port in {ports[0]}-{ports[1]}")


_next_port = 0


def _port_order(ports: tuple[int, int]) -> Sequence[int]:
    """All ports of the range, starting behind the last one given out."""
    global _next_port
    count = ports[1] - ports[0] + 1
    _next_port = (_next_port + 1) % count
    return [ports[0] + (_next_port + offset) % count for offset in range(count)]
