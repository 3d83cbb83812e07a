"""The one module that touches private names of aiortc, and, with `srtp`, of pylibsrtp.

aiortc gives us DTLS and the SRTP keys, aioice answers ICE checks (`aioice_private`). We use their transports without
RTCPeerConnection, RTCRtpReceiver and RTCRtpSender: those bring a decoder thread and three tasks per leg and
put every packet through a Python codec. Instead the UDP socket is ours: STUN goes to aioice, DTLS to
aiortc, and SRTP is decrypted in place by libsrtp and handed to the leg inside the same event loop callback.

Pinned to aiortc 1.16, pylibsrtp 1.0; `tests/media/test_aiortc_private.py` fails loudly when a name moves.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceParameters, RTCIceTransport
from pylibsrtp import Error, Session
from pylibsrtp._binding import ffi, lib

from telephony.media.aioice_private import HostAddress, VoiceConnection
from telephony.media.departures import Departures
from telephony.media.lanes import Wire, context_address, protect_rtcp, unprotect_rtcp
from telephony.media.rtp import BUFFER_SIZE, HEADER_SIZE, PACKET, VIEW
from telephony.media.standstill import STANDSTILL
from telephony.media.voice_socket import SocketPoll, VoiceSocket

_CDATA = ffi.from_buffer(PACKET)
_LENGTH = ffi.new("int *")
_srtp_protect, _srtp_unprotect = lib.srtp_protect, lib.srtp_unprotect


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
        if send is None or STANDSTILL.hushed():
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
