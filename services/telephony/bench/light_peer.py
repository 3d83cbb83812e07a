"""A browser's stand-in for load: real ICE and DTLS by aiortc, no SDP machinery, no codec, no task per packet."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aioice.ice
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.sdp import SessionDescription
from load import End

_OPUS, _EVENT = 96, 97
_certificate: list[RTCCertificate] = []


class LightPeer:
    """One call's end, set up like a browser's: it offers, controls ICE and is the DTLS server."""

    def __init__(self) -> None:
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        if not _certificate:
            _certificate.append(RTCCertificate.generateCertificate())
        self._gatherer = RTCIceGatherer(iceServers=[])
        self._ice = RTCIceTransport(self._gatherer)
        self._ice._connection.ice_controlling = True
        self._dtls = RTCDtlsTransport(self._ice, list(_certificate))
        self._dtls._set_role("server")
        self._end: End | None = None

    async def offer(self) -> str:
        """The smallest offer a browser could make."""
        await self._gatherer.gather()
        ice = self._gatherer.getLocalParameters()
        fingerprint = next(f for f in self._dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256")
        lines = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {_OPUS} {_EVENT}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendrecv", "a=rtcp-mux",
            f"a=rtpmap:{_OPUS} opus/48000/2", f"a=rtpmap:{_EVENT} telephone-event/48000",
            f"a=ice-ufrag:{ice.usernameFragment}", f"a=ice-pwd:{ice.password}",
            f"a=fingerprint:sha-256 {fingerprint.value}", "a=setup:actpass",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n"

    async def accept(self, answer: str, timeout: float = 30.0) -> None:
        """Connect to what the answer names; TimeoutError when it doesn't stand by then."""
        media = SessionDescription.parse(answer).media[0]
        assert media.ice is not None and media.dtls is not None
        async with asyncio.timeout(timeout):
            for candidate in media.ice_candidates:
                await self._ice.addRemoteCandidate(candidate)
            await self._ice.addRemoteCandidate(None)
            await self._ice.start(media.ice)
            await self._dtls.start(media.dtls)
        if self._dtls.state != "connected":
            raise ConnectionError(f"the peer is {self._dtls.state}")
        self._end = self._made_end()

    def end(self) -> End:
        """This peer past its set-up, for the load; always the same, also when a consent check failed since."""
        assert self._end is not None, "the peer was never connected"
        return self._end

    def _made_end(self) -> End:
        pair = self._ice._connection._nominated[1]
        transport: Any = pair.protocol.transport
        sock: socket.socket = transport._sock
        loop: Any = asyncio.get_running_loop()

        def taken(by_load: bool) -> None:
            if sock.fileno() < 0:
                return
            if by_load:
                loop._remove_reader(sock.fileno())
            else:
                loop._add_reader(sock.fileno(), transport._read_ready)

        return End(
            sock,
            pair.remote_addr,
            self._dtls._tx_srtp,
            self._dtls._rx_srtp,
            _OPUS,
            other=pair.protocol.datagram_received,
            taken=taken,
        )

    async def close(self) -> None:
        await self._dtls.stop()
        await self._ice.stop()
