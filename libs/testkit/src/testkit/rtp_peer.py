"""The media of a SIP peer for tests: sockets of its own, G.711 or Opus, plain or SRTP, digits both ways.

Its descriptions are written here by hand and its codecs are FFmpeg's, so that nothing of it is telephony's own::

    async with await RtpPeer.start(440, codec="PCMA") as carrier:
        carrier.accept(leg.answer(carrier.describe()))
        await carrier.hears(880)
        await carrier.press("12#")
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Self

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from pylibsrtp import Error, Policy, Session

from testkit.webrtc import DIGITS, RATE, Ears, tone_packets

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_NARROW = 8_000
_AV_NAMES = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw", "opus": "libopus"}
_NUMBERS = {"PCMU": 0, "PCMA": 8, "opus": 109}
_SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}


def g711_packets(codec: str, frequency: float | None, seconds: float = 1.0, frame_ms: int = 20) -> list[bytes]:
    """A loop of G.711 payloads of one tone, or of silence for None."""
    times = np.arange(int(seconds * _NARROW)) / _NARROW
    wave = 0.4 * np.sin(2 * np.pi * (frequency or 0.0) * times)
    whole = b"".join(_encoded(codec, (wave * 32767).astype(np.int16)))
    size = _NARROW * frame_ms // 1000
    return [whole[start : start + size] for start in range(0, len(whole) - size + 1, size)]


def _encoded(codec: str, pcm: NDArray[np.int16]) -> list[bytes]:
    """8 kHz, 16-bit samples as packets of 20 ms."""
    encoder: Any = av.CodecContext.create(_AV_NAMES[codec], "w")
    encoder.sample_rate, encoder.format, encoder.layout = _NARROW, "s16", "mono"
    encoder.time_base = Fraction(1, _NARROW)
    packets: list[bytes] = []
    for start in range(0, len(pcm) - _NARROW // 50 + 1, _NARROW // 50):
        piece = pcm[start : start + _NARROW // 50].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate, frame.pts = _NARROW, start
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


class RtpPeer(Ears):
    """One peer. `loss` drops that share of what it sends, by a seeded generator."""

    def __init__(
        self, tone: float | None, codec: str, suite: str, events: bool, loss: float, seed: int, host: str
    ) -> None:
        super().__init__()
        self.codec = codec
        self.clock = RATE if codec == "opus" else _NARROW
        self.number = _NUMBERS[codec]
        self.event_number = 101 if events else None
        self.digits = self.ended = ""
        """Digits that began, and those whose end came too."""
        self.sequence_gaps = 0
        self.sources: set[int] = set()
        self.headers: list[tuple[int, int, int, int]] = []
        """(payload type, sequence, timestamp, SSRC) of everything heard."""
        self.reports: list[bytes] = []
        self.forged = self.sent = 0
        self.talking = True
        self.suite = suite
        self.tag = 1
        self.key = secrets.token_bytes(_SUITES[suite][1]) if suite else b""
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(15)
        self.timestamp = secrets.randbits(31)
        self.target: tuple[str, int] | None = None
        self.rtcp_target: tuple[str, int] | None = None
        self.payloads = tone_packets(tone) if codec == "opus" else g711_packets(codec, tone)
        self.frame = self.clock // 50
        self.mux = False
        self._tx = self._rx = None
        self._decoder: Any = None
        self._random, self._loss = random.Random(seed), loss
        self.host = host
        self._rtp, self._rtcp = _pair(host)
        self._seen_events: set[int] = set()
        self._ended_events: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls,
        tone: float | None = 440.0,
        *,
        codec: str = "PCMA",
        suite: str = "",
        events: bool = True,
        loss: float = 0.0,
        seed: int = 1,
        host: str = "127.0.0.1",
    ) -> Self:
        """A peer that talks as soon as it knows where to. `host` is any address of loopback."""
        made = cls(tone, codec, suite, events, loss, seed, host)
        made._listen()
        made._tasks.append(asyncio.get_running_loop().create_task(made._talk()))
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._forget_sockets()

    @property
    def address(self) -> tuple[str, int]:
        return self._rtp.getsockname()

    # -- signalling ----------------------------------------------------------------------------------------

    def describe(
        self, direction: str = "sendrecv", *, address: str = "", port: int = 0, more: Iterable[str] = ()
    ) -> str:
        """Its offer or its answer. `address` and `port` lie about where it is, as NAT makes a phone do."""
        rate = f"{self.clock}/2" if self.codec == "opus" else str(self.clock)
        formats = [str(self.number), *([str(self.event_number)] if self.event_number else [])]
        lines = [
            "v=0",
            "o=peer 1 1 IN IP4 127.0.0.1",
            "s=call",
            f"c=IN IP4 {address or self.host}",
            "t=0 0",
            f"m=audio {port or self.address[1]} RTP/{'S' if self.suite else ''}AVP {' '.join(formats)}",
            f"a=rtpmap:{self.number} {self.codec}/{rate}",
            *([f"a=rtpmap:{self.event_number} telephone-event/{self.clock}"] if self.event_number else []),
            *(["a=rtcp-mux"] if self.mux else []),
            *([f"a=crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"] if self.suite else []),
            f"a={direction}",
            *more,
        ]
        return "\r\n".join(lines) + "\r\n"

    def accept(self, sdp: str) -> None:
        """Take the other side's description: where to send, by which numbers and key."""
        host = re.search(r"c=IN IP[46] (\S+)", sdp)
        media = re.search(r"m=audio (\d+)", sdp)
        assert host is not None and media is not None, sdp
        self.target = host[1], int(media[1])
        rtcp = re.search(r"a=rtcp:(\d+)", sdp)
        self.rtcp_target = host[1], int(rtcp[1]) if rtcp else self.target[1]
        if found := re.search(rf"a=rtpmap:(\d+) {self.codec}/", sdp):
            self.number = int(found[1])
        if self.event_number and (found := re.search(rf"a=rtpmap:(\d+) telephone-event/{self.clock}", sdp)):
            self.event_number = int(found[1])
        if self.suite:
            found = re.search(rf"a=crypto:(\d+) {self.suite} inline:(\S+)", sdp)
            assert found is not None, sdp
            profile, self.tag = _SUITES[self.suite][0], int(found[1])
            theirs = base64.b64decode(found[2])
            self._tx = Session(Policy(key=self.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
            self._rx = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))

    def move(self) -> None:
        """Go on from other ports, as after a change of network."""
        self._forget_sockets()
        self._rtp, self._rtcp = _pair(self.host)
        self._listen()

    # -- what it does --------------------------------------------------------------------------------------

    def will_say(self, pcm: NDArray[np.int16]) -> None:
        """These samples (8 kHz) instead of its tone, from when it knows where to, and silence after them."""
        self.payloads = _encoded(self.codec, np.concatenate([pcm, np.zeros(60 * _NARROW, np.int16)]))

    async def press(self, digits: str) -> None:
        """Send digits as telephone events, five packets each and the end three times, and wait until they are out."""
        assert self.event_number is not None
        for digit in digits:
            self.talking = False
            code, begun = DIGITS.index(digit), self.timestamp
            for step in range(1, 6):
                self.send(_EVENT.pack(code, 10, step * self.frame), self.event_number, begun, step == 1)
                await asyncio.sleep(0.01)
            for _ in range(3):
                self.send(_EVENT.pack(code, 0x8A, 5 * self.frame), self.event_number, begun)
            self.timestamp = (self.timestamp + 8 * self.frame) & 0xFFFFFFFF
            self.talking = True
            await asyncio.sleep(0.04)

    def send(
        self, payload: bytes, number: int | None = None, timestamp: int | None = None, marker: bool = False
    ) -> None:
        """One packet, the next in its sequence."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        second = (0x80 if marker else 0) | (self.number if number is None else number)
        at = self.timestamp if timestamp is None else timestamp
        packet = _HEADER.pack(0x80, second, self.sequence, at & 0xFFFFFFFF, self.ssrc) + payload
        if self._random.random() >= self._loss:
            self.send_raw(packet)

    def send_raw(self, packet: bytes) -> None:
        """Any RTP packet, encrypted when SRTP was agreed on."""
        if self.target is not None:
            self.sent += 1
            self._rtp.sendto(self._tx.protect(packet) if self._tx is not None else packet, self.target)

    def send_rtcp(self, packet: bytes) -> None:
        """Any RTCP packet, from and to where RTCP belongs."""
        data = self._tx.protect_rtcp(packet) if self._tx is not None else packet
        if self.rtcp_target is not None:
            (self._rtp if self.mux else self._rtcp).sendto(data, self.rtcp_target)

    async def _talk(self) -> None:
        due, at = time.monotonic(), 0
        while True:
            if self.talking and self.target is not None:
                with contextlib.suppress(OSError):
                    self.send(self.payloads[at % len(self.payloads)])
                self.timestamp = (self.timestamp + self.frame) & 0xFFFFFFFF
                at += 1
            due += self.frame / self.clock
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    # -- what it hears -------------------------------------------------------------------------------------

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._rtp.fileno(), self._readable, self._rtp, self._take)
        loop.add_reader(self._rtcp.fileno(), self._readable, self._rtcp, self._take_rtcp)

    def _forget_sockets(self) -> None:
        for each in (self._rtp, self._rtcp):
            asyncio.get_running_loop().remove_reader(each.fileno())
            each.close()

    def _readable(self, where: socket.socket, take: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            take(where.recv(2048))

    def _take(self, data: bytes) -> None:
        if 191 < data[1] < 224:
            self._take_rtcp(data)
            return
        try:
            packet = self._rx.unprotect(data) if self._rx is not None else data
        except Error:
            self.forged += 1
            return
        _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
        number, payload = second & 0x7F, packet[_HEADER.size :]
        last = self.headers[-1] if self.headers else None
        if last is not None and last[3] == ssrc and (sequence - last[1]) & 0xFFFF != 1:
            self.sequence_gaps += 1
        self.headers.append((number, sequence, timestamp, ssrc))
        self.sources.add(ssrc)
        if number == self.event_number:
            if timestamp not in self._seen_events:
                self._seen_events.add(timestamp)
                self.digits += DIGITS[payload[0]]
            if payload[1] & 0x80 and timestamp not in self._ended_events:
                self._ended_events.add(timestamp)
                self.ended += DIGITS[payload[0]]
        elif number == self.number:
            self.packets_heard += 1
            self.arrivals.append(time.monotonic())
            self._decode(payload)

    def _take_rtcp(self, data: bytes) -> None:
        with contextlib.suppress(Error):
            self.reports.append(self._rx.unprotect_rtcp(data) if self._rx is not None else data)

    def _decode(self, payload: bytes) -> None:
        if self._decoder is None:
            self._decoder = av.CodecContext.create(_AV_NAMES[self.codec], "r")
            self._decoder.format, self._decoder.layout = "s16", "mono"
            self._decoder.sample_rate = self.clock
        with contextlib.suppress(av.error.FFmpegError):
            for frame in self._decoder.decode(av.Packet(payload)):
                samples = frame.to_ndarray().reshape(-1).astype(np.float32) / 32768
                self._heard.append(np.repeat(samples, RATE // self.clock))


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even port and the next one."""
    while True:
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with contextlib.suppress(OSError):
            rtp.bind((host, 0))
            if rtp.getsockname()[1] % 2 == 0:
                rtcp.bind((host, rtp.getsockname()[1] + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return rtp, rtcp
        rtp.close()
        rtcp.close()
