"""The one module that touches private names of aiortc and aioice, and, with `srtp`, of pylibsrtp.

aiortc gives us DTLS and the SRTP keys, aioice answers ICE checks. We use their transports without
RTCPeerConnection, RTCRtpReceiver and RTCRtpSender: those bring a decoder thread and three tasks per leg and
put every packet through a Python codec. Instead the UDP socket is ours: STUN goes to aioice, DTLS to
aiortc, and SRTP is decrypted in place by libsrtp and handed to the leg inside the same event loop callback.

It is also the ICE source filter. aioice hands any datagram that isn't STUN to DTLS whoever sent it, so a
stranger could break a call being set up. Here a datagram other than STUN passes only from an address that
has proved, by an authenticated Binding request, that it knows this leg's ICE password (RFC 8445 12.2, RFC
7983). Who can't authenticate gets no answer, in place of the errors of RFC 8489 9.1.3: those tell a scanner where
a call is, and are larger than what they answer.

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
from pylibsrtp import Error, Session
from pylibsrtp._binding import ffi, lib

from telephony.media.departures import Departures
from telephony.media.lanes import Wire, context_address, protect_rtcp, unprotect_rtcp
from telephony.media.rtp import BUFFER_SIZE, HEADER_SIZE, PACKET, VIEW
from telephony.media.standstill import STANDSTILL
from telephony.media.stun_checks import StunChecks
from telephony.media.voice_socket import Address, SocketPoll, VoiceSocket

_MAX_ADDRESSES = 16
"""Addresses of one browser at a time; the oldest one that isn't in use gives way to a new one."""
_MAX_DTLS_BACKLOG = 64

_CDATA = ffi.from_buffer(PACKET)
_LENGTH = ffi.new("int *")
_srtp_protect, _srtp_unprotect = lib.srtp_protect, lib.srtp_unprotect


@dataclass(frozen=True)
class HostAddress:
    """One local address to bind, and the address to tell the browser when the two differ (1:1 NAT)."""

    bind: str
    advertise: str


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
        if len(self.validated) > _MAX_ADDRESSES:
            self.validated.popitem(last=False)

    def readable(self) -> None:
        """One datagram, handled to its end. Never raises."""
        try:
            length, address = self._receive_into(PACKET)
        except OSError:
            return
        if length:
            self.datagram(length, (address[0], address[1]))

    def datagram(self, length: int, address: Address) -> None:
        """The datagram in PACKET, which came from `address`."""
        first = PACKET[0]
        if 127 < first < 192:
            on_media = self._connection.on_media
            if address not in self.validated:
                self.strangers += 1
            elif on_media is not None and length >= HEADER_SIZE:
                on_media(length)
        elif first < 4:
            self._stun(bytes(VIEW[:length]), address)
        elif 19 < first < 64 and address in self.validated:
            self._connection.data_received(bytes(VIEW[:length]), 1)
        else:
            self.strangers += 1

    def _stun(self, data: bytes, address: Address) -> None:
        if not self._connection.checks.admits(data, self.transactions):
            self.strangers += 1
            return
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

    def __init__(self, addresses: Sequence[HostAddress], ports: tuple[int, int] | None, poll: SocketPoll) -> None:
        super().__init__(ice_controlling=False)
        self.on_media: Callable[[int], None] | None = None
        """Takes the length of the SRTP or SRTCP datagram in PACKET."""
        self.on_check: Callable[[], None] | None = None
        """Called at each authenticated Binding request: the browser is alive."""
        self.on_selected: Callable[[], None] | None = None
        """Called when `selected` has changed."""
        self.selected: tuple[VoiceProtocol, Address] | None = None
        """Our end and the browser's address of the nominated pair."""
        self._addresses = addresses
        self._ports = ports
        self._poll = poll
        self.checks = StunChecks(self.local_username)

    async def gather_candidates(self) -> None:
        """Bind one socket per configured address. Nothing is asked of anyone, so it doesn't wait."""
        if self._local_candidates_start:
            return
        self._local_candidates_start = True
        for host in self._addresses:
            try:
                transport = VoiceSocket(self._poll, host.bind, self._ports)
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
        if "PRIORITY" not in message.attributes:
            return  # not a check (RFC 8445 7.1.1)
        cast(VoiceProtocol, protocol).validate(addr)
        if self.on_check is not None:
            self.on_check()
        if all((known.host, known.port) != addr for known in self._remote_candidates):
            self._make_room()
        super().check_incoming(message, addr, protocol)

    def respond_error(
        self, request: stun.Message, addr: Address, protocol: StunProtocol, error_code: tuple[int, str]
    ) -> None:
        if error_code[0] == 487:  # a role conflict, told to who has authenticated
            super().respond_error(request, addr, protocol, error_code)

    def _make_room(self) -> None:
        """Forget the oldest address that isn't in use, and what is being asked of it."""
        if len(self._remote_candidates) < _MAX_ADDRESSES:
            return
        used = [pair.remote_candidate for pair in self._nominated.values()]
        oldest = next(each for each in self._remote_candidates if each not in used)
        self._remote_candidates.remove(oldest)
        for pair in [pair for pair in self._check_list if pair.remote_candidate is oldest]:
            self._check_list.remove(pair)
            if pair.task is not None:
                pair.task.cancel()

    def data_received(self, data: bytes, component: int) -> None:
        if 19 < data[0] < 64 and self._queue.qsize() < _MAX_DTLS_BACKLOG:
            super().data_received(data, component)

    def check_complete(self, pair: CandidatePair) -> None:
        """A check ended; the nominated pair may be another one now."""
        super().check_complete(pair)
        nominated = self._nominated.get(1)
        if nominated is None:
            return
        selected = (cast(VoiceProtocol, nominated.protocol), nominated.remote_addr)
        if selected != self.selected:
            self.selected = selected
            if self.on_selected is not None:
                self.on_selected()

    @property
    def strangers(self) -> int:
        """Datagrams dropped by the source filter so far."""
        return sum(cast(VoiceProtocol, protocol).strangers for protocol in self._protocols)


class VoiceTransport:
    """ICE and DTLS-SRTP of one leg: connect, protect, unprotect, close.

    Once the keys are there, packets of the nominated pair come and go through a connected socket.
    """

    __slots__ = (
        "_departures", "_direct", "_dtls", "_gatherer", "_ice", "_on_rtcp", "_on_voice", "_poll", "_receive", "_rx",
        "_send", "_sessions", "_tx", "_tx_address", "connection", "on_moving",
    )  # fmt: skip

    def __init__(
        self,
        certificate: RTCCertificate,
        addresses: Sequence[HostAddress],
        ports: tuple[int, int] | None,
        poll: SocketPoll,
        departures: Departures,
    ) -> None:
        gatherer = RTCIceGatherer(iceServers=[])
        self.connection = VoiceConnection(addresses, ports, poll)
        gatherer._connection = self.connection
        self._gatherer = gatherer
        self._ice = RTCIceTransport(gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        self._poll = poll
        self._departures = departures
        self._rx: Any = None
        self._tx: Any = None
        self._tx_address = 0
        self._sessions: tuple[Session, Session] | None = None
        self._direct: socket.socket | None = None
        self._on_voice: Callable[[int], None] | None = None
        self._on_rtcp: Callable[[int], None] = _ignore
        self._receive: Callable[..., int] = _nothing
        self._send: Callable[[memoryview], object] | None = None
        self.on_moving: Callable[[], None] = _ignore_moving
        """Called before sockets or keys go, or are used in Python, that a lane may be using."""

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

    def hear(self, on_voice: Callable[[int], None], on_rtcp: Callable[[int], None]) -> None:
        """Take packets from now on. Each gets the length of the packet that lies in PACKET, decrypted; `on_rtcp` also
        gets 0 for every packet of either kind that isn't genuine.
        """
        self._on_voice, self._on_rtcp = on_voice, on_rtcp
        self.connection.on_media = self._media_elsewhere

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
        self._tx_address = context_address(self._tx)
        self.connection.on_selected = self._follow
        self._follow()
        return True

    def readable(self) -> None:
        """One datagram from the nominated pair's address, handled to its end. Never raises."""
        # A local first: an attribute called in place is looked up as a method, which takes Python much longer.
        receive = self._receive
        try:
            length = receive(PACKET)
        except OSError:
            return
        self.datagram(length)

    def datagram(self, length: int) -> None:
        """The datagram in PACKET, from the nominated pair's address."""
        if 127 < PACKET[0] < 192 and length >= HEADER_SIZE:
            self._media(length)
        elif length and self.connection.selected is not None:
            protocol, address = self.connection.selected
            protocol.datagram(length, address)

    def source(self) -> Wire | None:
        """What the browser's packets come through, once they come through a socket of their own."""
        return self._wire(self._rx) if self._on_voice is not None else None

    def sink(self) -> Wire | None:
        """The same for what is sent."""
        return self._wire(self._tx)

    def _wire(self, context: Any) -> Wire | None:
        if self._direct is None or context is None:
            return None
        return Wire(self._direct.fileno(), context, self._sessions, self.readable, self.datagram)

    def _media_elsewhere(self, length: int) -> None:
        """The same as `_media`, from an address that isn't, or isn't yet, or is no longer the nominated pair's."""
        if not 191 < PACKET[1] < 224:
            self.on_moving()
        self._media(length)

    def _media(self, length: int) -> None:
        """The SRTP or SRTCP datagram in PACKET, from an address that passed a STUN check."""
        on_voice = self._on_voice
        if on_voice is None:
            return
        _LENGTH[0] = length
        if 191 < PACKET[1] < 224:
            genuine = not unprotect_rtcp(self._rx, _CDATA, _LENGTH)
            self._on_rtcp(_LENGTH[0] if genuine else 0)
        elif _srtp_unprotect(self._rx, _CDATA, _LENGTH):
            self._on_rtcp(0)
        else:
            on_voice(_LENGTH[0])

    def transmit(self, length: int) -> None:
        """Protect the RTP packet in PACKET in place and send it to the browser."""
        send = self._send
        if send is None or STANDSTILL.silent:
            return
        departures, direct = self._departures, self._direct
        if departures.waits and direct is not None:
            departures.add(direct.fileno(), self._tx_address, length)
            return
        _LENGTH[0] = length
        if _srtp_protect(self._tx, _CDATA, _LENGTH):
            return
        # A full send buffer or an ICMP error from an earlier packet is a lost packet, as on any network.
        # (try, not suppress: this runs for every packet.)
        try:  # noqa: SIM105
            send(VIEW[: _LENGTH[0]])
        except OSError:
            pass

    def transmit_rtcp(self, data: bytes) -> None:
        send = self._send
        if send is None or len(data) > BUFFER_SIZE - 256:
            return
        PACKET[: len(data)] = data
        _LENGTH[0] = len(data)
        if not protect_rtcp(self._tx, _CDATA, _LENGTH):
            with contextlib.suppress(OSError):
                send(VIEW[: _LENGTH[0]])

    def forget(self, ssrc: int) -> None:
        """Keep nothing of this source any more; no lane may use its keys."""
        if self._sessions is not None:
            with contextlib.suppress(Error):  # heard by RTCP or RTP alone
                self._sessions[0].remove_stream(ssrc)

    async def close(self) -> None:
        self.connection.on_media = self.connection.on_check = self.connection.on_selected = None
        self._on_voice = self._send = None
        self._tx = self._rx = None
        self._leave_direct()
        await self._dtls.stop()
        await self._ice.stop()
        if self._sessions is not None:
            # What is left is a circle that waits for the collector, which knows nothing of the memory OpenSSL and
            # libsrtp hold (a leg's 50 KB) and so takes its time: that goes now. (A handshake still uses it.)
            self._dtls._ssl = self._dtls._rx_srtp = self._dtls._tx_srtp = self._sessions = None  # type: ignore[assignment]

    def _follow(self) -> None:
        """Exchange packets with the nominated pair's address from now on."""
        self._leave_direct()
        if self.connection.selected is None:
            return
        protocol, address = self.connection.selected
        transport = cast(VoiceSocket, protocol.transport)
        direct = self._direct = transport.direct(address)
        if direct is None:
            self._send = lambda data: transport.sendto(data, address)
            return
        # What came before it was connected may be anybody's.
        with contextlib.suppress(OSError):
            while True:
                length, source = direct.recvfrom_into(PACKET)
                protocol.datagram(length, (source[0], source[1]))
        self._receive, self._send = direct.recv_into, direct.send
        self._poll.add(direct.fileno(), self.readable)

    def _leave_direct(self) -> None:
        if self._direct is not None:
            self.on_moving()
            self._poll.remove(self._direct.fileno())
            self._direct.close()
            self._direct = None
            self._receive = _nothing


def _nothing(_buffer: bytearray) -> int:
    return 0


def _ignore_moving() -> None:
    return None


def _ignore(_length: int) -> None:
    return None


def generate_certificate() -> RTCCertificate:
    """The DTLS certificate of this process; browsers pin it per answer by its fingerprint."""
    return RTCCertificate.generateCertificate()
