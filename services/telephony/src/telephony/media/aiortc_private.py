"""The one module that touches private names of aiortc and aioice, and, with `srtp`, of pylibsrtp.

aiortc gives us DTLS and the SRTP keys, aioice answers ICE checks. We use their transports without
RTCPeerConnection, RTCRtpReceiver and RTCRtpSender: those bring a decoder thread and three tasks per leg and
put every packet through a Python codec. Instead the UDP socket is ours: STUN goes to aioice, DTLS to
aiortc, and SRTP is decrypted in place by libsrtp and handed to the leg inside the same event loop callback.

It is also the ICE source filter. aioice hands any datagram that isn't STUN to DTLS whoever sent it, so a
stranger could break a call being set up. Here a datagram other than STUN passes only from an address that
has proved, by an authenticated Binding request, that it knows this leg's ICE password (RFC 8445 12.2, RFC
7983).

Pinned to aiortc 1.16, aioice 0.13, pylibsrtp 1.0; `tests/media/test_aiortc_private.py` fails loudly when a
name moves.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aioice import stun
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, Connection, StunProtocol
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceParameters, RTCIceTransport
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from telephony.media.rtp import BUFFER_SIZE, PACKET, VIEW

_MAX_VALIDATED = 16
_MAX_DTLS_BACKLOG = 64
_RECEIVE_BUFFER = 256 * 1024

_CDATA = ffi.from_buffer(PACKET)
_LENGTH = ffi.new("int *")

Address = tuple[str, int]


@dataclass(frozen=True)
class HostAddress:
    """One local address to bind, and the address to tell the browser when the two differ (1:1 NAT)."""

    bind: str
    advertise: str


class VoiceSocket(asyncio.DatagramTransport):
    """A UDP socket read straight into PACKET; looks like a datagram transport to aioice."""

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str, ports: tuple[int, int] | None) -> None:
        super().__init__()
        self._loop = loop
        self._socket = _bind(address, ports)
        self.name: Address = self._socket.getsockname()[:2]
        self.receive_into = self._socket.recvfrom_into
        self._sendto = self._socket.sendto
        self._protocol: VoiceProtocol | None = None

    def start(self, protocol: VoiceProtocol) -> None:
        self._protocol = protocol
        self._loop.add_reader(self._socket.fileno(), protocol.readable)

    def sendto(self, data: Any, addr: Any = None) -> None:
        # A full send buffer or an ICMP error from an earlier packet is a lost packet, as on any network.
        # (try, not suppress: this runs for every packet.)
        try:  # noqa: SIM105
            self._sendto(data, addr)
        except OSError:
            pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": self._socket, "sockname": self.name}.get(name, default)

    def is_closing(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if self._protocol is not None:
            self._protocol.connection_lost(None)


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


class VoiceProtocol(StunProtocol):
    """Sorts the datagrams of one socket by their first byte (RFC 7983) and drops strangers."""

    def __init__(self, receiver: VoiceConnection) -> None:
        super().__init__(receiver)
        self.validated: OrderedDict[Address, None] = OrderedDict()
        self.strangers = 0
        self._connection = receiver
        self._receive_into: Callable[..., tuple[int, Any]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._receive_into = cast(VoiceSocket, transport).receive_into

    def validate(self, address: Address) -> None:
        """An authenticated Binding request came from here."""
        self.validated[address] = None
        self.validated.move_to_end(address)
        if len(self.validated) > _MAX_VALIDATED:
            self.validated.popitem(last=False)

    def readable(self) -> None:
        """One datagram, handled to its end. Never raises: it runs as a bare event loop callback."""
        try:
            length, address = self._receive_into(PACKET)
        except (BlockingIOError, InterruptedError, OSError):
            return
        if not length:
            return
        first = PACKET[0]
        if 127 < first < 192:
            on_media = self._connection.on_media
            if address[:2] not in self.validated:
                self.strangers += 1
            elif on_media is not None and length >= 12:
                on_media(length)
        elif first < 4:
            self._stun(bytes(VIEW[:length]), (address[0], address[1]))
        elif 19 < first < 64 and address[:2] in self.validated:
            self._connection.data_received(bytes(VIEW[:length]), 1)
        else:
            self.strangers += 1

    def _stun(self, data: bytes, address: Address) -> None:
        try:
            super().datagram_received(data, address)
        except Exception:
            # Malformed attributes raise anything from struct.error to KeyError in the parser.
            self.strangers += 1


class VoiceConnection(Connection):
    """An aioice connection over our own sockets, for a server that is reached and never reaches out.

    Candidates of the browser are not used: its checks come to us, and our checks go only to addresses that
    proved they know the password. So an offer can't make us probe hosts inside our own network.
    """

    def __init__(self, addresses: Sequence[HostAddress], ports: tuple[int, int] | None) -> None:
        super().__init__(ice_controlling=False)
        self.on_media: Callable[[int], None] | None = None
        """Takes the length of the SRTP or SRTCP datagram in PACKET."""
        self.on_check: Callable[[], None] | None = None
        """Called at each authenticated Binding request: the browser is alive."""
        self.selected: tuple[VoiceSocket, Address] | None = None
        """The socket and the browser's address of the nominated pair, kept here for the fast path."""
        self._addresses = addresses
        self._ports = ports

    async def gather_candidates(self) -> None:
        """Bind one socket per configured address. Nothing is asked of anyone, so it doesn't wait."""
        if self._local_candidates_start:
            return
        self._local_candidates_start = True
        loop = asyncio.get_running_loop()
        for host in self._addresses:
            try:
                transport = VoiceSocket(loop, host.bind, self._ports)
            except OSError:
                continue
            protocol = VoiceProtocol(self)
            protocol.connection_made(transport)
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host.bind),
                component=1,
                transport="udp",
                priority=candidate_priority(1, "host"),
                host=host.bind,
                port=transport.name[1],
                type="host",
            )
            transport.start(protocol)
            self._protocols.append(protocol)
            self._local_candidates.append(protocol.local_candidate)
        self._local_candidates_end = True
        if not self._local_candidates:
            raise OSError("no media address could be bound")

    def check_incoming(self, message: stun.Message, addr: Address, protocol: StunProtocol) -> None:
        cast(VoiceProtocol, protocol).validate(addr)
        if self.on_check is not None:
            self.on_check()
        super().check_incoming(message, addr, protocol)

    def data_received(self, data: bytes, component: int) -> None:
        if 19 < data[0] < 64 and self._queue.qsize() < _MAX_DTLS_BACKLOG:
            super().data_received(data, component)

    def check_complete(self, pair: CandidatePair) -> None:
        """A check ended; the nominated pair may be another one now."""
        super().check_complete(pair)
        nominated = self._nominated.get(1)
        if nominated is not None:
            self.selected = (cast(VoiceSocket, nominated.protocol.transport), nominated.remote_addr)

    @property
    def strangers(self) -> int:
        """Datagrams dropped by the source filter so far."""
        return sum(cast(VoiceProtocol, protocol).strangers for protocol in self._protocols)


class VoiceTransport:
    """ICE and DTLS-SRTP of one leg: connect, protect, unprotect, close."""

    def __init__(
        self, certificate: RTCCertificate, addresses: Sequence[HostAddress], ports: tuple[int, int] | None
    ) -> None:
        gatherer = RTCIceGatherer(iceServers=[])
        self.connection = VoiceConnection(addresses, ports)
        gatherer._connection = self.connection
        self._gatherer = gatherer
        self._ice = RTCIceTransport(gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        self._rx: Any = None
        self._tx: Any = None
        self._sessions: tuple[Session, Session] | None = None

    async def gather(self) -> None:
        await self._gatherer.gather()

    @property
    def username(self) -> str:
        return self.connection.local_username

    @property
    def password(self) -> str:
        return self.connection.local_password

    @property
    def dtls(self) -> RTCDtlsParameters:
        return self._dtls.getLocalParameters()

    def candidates(self) -> list[tuple[str, int]]:
        return [(candidate.host, candidate.port) for candidate in self.connection.local_candidates]

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back when the browser closed DTLS or its consent expired."""

        @self._dtls.on("statechange")
        def _changed() -> None:
            if self._dtls.state in ("closed", "failed"):
                callback()

    async def connect_ice(self, parameters: RTCIceParameters) -> bool:
        """Wait for the browser's checks; whether a pair was nominated."""
        await self._ice.start(parameters)
        return self._ice.state == "completed"

    async def connect_dtls(self, parameters: RTCDtlsParameters, *, server: bool) -> bool:
        """Whether the handshake succeeded and the SRTP keys are in place."""
        self._dtls._set_role("server" if server else "client")
        await self._dtls.start(parameters)
        if self._dtls.state != "connected":
            return False
        self._sessions = (self._dtls._rx_srtp, self._dtls._tx_srtp)
        self._rx, self._tx = self._sessions[0]._srtp[0], self._sessions[1]._srtp[0]
        return True

    def unprotect(self, length: int) -> int:
        """Decrypt the SRTP packet in PACKET in place; its new length, or 0 when it isn't genuine."""
        _LENGTH[0] = length
        return 0 if lib.srtp_unprotect(self._rx, _CDATA, _LENGTH) else _LENGTH[0]

    def unprotect_rtcp(self, length: int) -> int:
        _LENGTH[0] = length
        return 0 if lib.srtp_unprotect_rtcp(self._rx, _CDATA, _LENGTH) else _LENGTH[0]

    def transmit(self, length: int) -> None:
        """Protect the RTP packet in PACKET in place and send it to the browser."""
        selected = self.connection.selected
        if selected is None or self._tx is None:
            return
        _LENGTH[0] = length
        if not lib.srtp_protect(self._tx, _CDATA, _LENGTH):
            selected[0].sendto(VIEW[: _LENGTH[0]], selected[1])

    def transmit_rtcp(self, data: bytes) -> None:
        selected = self.connection.selected
        if selected is None or self._tx is None or len(data) > BUFFER_SIZE - 256:
            return
        PACKET[: len(data)] = data
        _LENGTH[0] = len(data)
        if not lib.srtp_protect_rtcp(self._tx, _CDATA, _LENGTH):
            selected[0].sendto(VIEW[: _LENGTH[0]], selected[1])

    async def close(self) -> None:
        self.connection.on_media = self.connection.on_check = None
        self._tx = self._rx = None
        await self._dtls.stop()
        await self._ice.stop()
        self._sessions = None


def generate_certificate() -> RTCCertificate:
    """The DTLS certificate of this process; browsers pin it per answer by its fingerprint."""
    return RTCCertificate.generateCertificate()
