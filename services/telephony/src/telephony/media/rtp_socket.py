"""The two UDP ports of a SIP leg: RTP on an even one, RTCP beside it (RFC 3550 11).

Both are bound for the whole life of a leg, so that a change of what is negotiated never changes where we are. Once
the peer's source is certain, the RTP socket is connected to it: the kernel then drops strangers before they cost
anything, and sending spares the address (3.4 in place of 4.2 us a packet, both ways).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
from collections.abc import Callable, Iterator

from telephony.media.rtp import PACKET
from telephony.media.source_filter import Address
from telephony.media.voice_socket import SocketPoll

_RECEIVE_BUFFER = 256 * 1024
_ATTEMPTS = 64
_LIBC = ctypes.CDLL(None, use_errno=True)
_NOWHERE = bytes(28)
"""A socket address of the family AF_UNSPEC, which dissolves a connection (connect(2))."""


class RtpSockets:
    """The ports of one leg on `address`. OSError when none is free."""

    def __init__(self, poll: SocketPoll, address: str, ports: tuple[int, int] | None) -> None:
        self._poll = poll
        self._rtp, self._rtcp = _pair(address, ports)
        self.port: int = self._rtp.getsockname()[1]
        self.rtcp_port: int = self._rtcp.getsockname()[1]
        self.connected: Address | None = None
        self.receive_into = self._rtp.recv_into
        self.receive_from = self._rtp.recvfrom_into
        self.send = self._rtp.send
        self.send_to = self._rtp.sendto

    @property
    def fd(self) -> int:
        """The RTP socket's descriptor."""
        return self._rtp.fileno()

    def read(self, readable: Callable[[], None]) -> None:
        """Call `readable` whenever an RTP datagram waits, in place of whoever was called before."""
        self._poll.add(self._rtp.fileno(), readable)

    def read_rtcp(self, readable: Callable[[], None]) -> None:
        self._poll.add(self._rtcp.fileno(), readable)

    def receive_rtcp(self) -> tuple[int, Address] | None:
        """One RTCP datagram into PACKET: its length and where it came from."""
        try:
            length, address = self._rtcp.recvfrom_into(PACKET)
        except OSError:
            return None
        return length, (address[0], address[1])

    def send_rtcp(self, data: bytes | memoryview, address: Address) -> None:
        # A full buffer or an ICMP error of an earlier packet is a lost packet, as on any network. Beside the last port
        # there is none.
        with contextlib.suppress(OSError, OverflowError):
            self._rtcp.sendto(data, address)

    def connect(self, address: Address) -> bool:
        """Exchange RTP with `address` alone from now on. What arrived from others before waits to be read still."""
        try:
            self._rtp.connect(address)
        except OSError:
            return False
        self.connected = address
        return True

    def disconnect(self) -> None:
        """Hear everybody again. The port stays ours."""
        if self.connected is not None:
            self.connected = None
            if _LIBC.connect(self._rtp.fileno(), _NOWHERE, len(_NOWHERE)):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def close(self) -> None:
        for each in (self._rtp, self._rtcp):
            if each.fileno() >= 0:
                self._poll.remove(each.fileno())
                each.close()


def _pair(address: str, ports: tuple[int, int] | None) -> tuple[socket.socket, socket.socket]:
    """An even port and the next one, from the range or from what the system gives."""
    for even in _evens(address, ports):
        rtp = _bind(address, even)
        if rtp is None:
            continue
        beside = _bind(address, even + 1)
        if beside is not None:
            return rtp, beside
        rtp.close()
    raise OSError("no pair of UDP ports is free")


def _evens(address: str, ports: tuple[int, int] | None) -> Iterator[int]:
    """Ports to try: all even ones of the range from a random one on, or beside what the system gives.

    Never zero: Linux takes a port that wasn't asked for by number away again when the socket is disconnected.
    """
    if ports is not None:
        evens = [port for port in range(ports[0], ports[1]) if port % 2 == 0]
        start = secrets.randbelow(len(evens)) if evens else 0
        yield from evens[start:] + evens[:start]
        return
    for _ in range(_ATTEMPTS):
        probe = _bind(address, 0)
        if probe is not None:
            port: int = probe.getsockname()[1]
            probe.close()
            yield port & ~1


def _bind(address: str, port: int) -> socket.socket | None:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        return None
    return made
