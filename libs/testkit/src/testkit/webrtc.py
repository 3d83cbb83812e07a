"""Real WebRTC peers for tests and benchmarks: customers and agents without a browser.

A `Peer` is an aiortc peer connection that sends a tone, keeps what it hears, reads and sends digits, and
can lose packets on purpose::

    async with Peer(tone=440) as customer:
        answer = (await stub.StartWebCall(... sdp_offer=await customer.offer() ...)).sdp_answer
        await customer.accept(answer)
        await customer.hears(880)             # waits until 880 Hz is the loudest thing
        await customer.press("1#")

Needs aiortc, av and numpy, which telephony installs. It reaches into aiortc's private names like telephony
does, because stock aiortc sends no telephone-event and its audio jitter buffer falls silent after one lost
packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, Self

import aioice.ice
import av
import av.error
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.codecs import CODECS
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from numpy.typing import NDArray

from testkit.waiting import PATIENCE

RATE = 48_000
FRAME = 960
DIGITS = "0123456789*#ABCD"
EVENT_PAYLOAD_TYPE = 110
_EVENT = struct.Struct("!BBH")
_SILENCE = b"\xf8\xff\xfe"


PEERS_ADDRESSES = ["127.0.0.1"]
"""Where peers send from. A test whose system isn't on loopback changes it."""


def _prepare() -> None:
    """Those addresses only, and telephone-event in offers. Once per process; telephony's own legs don't look at
    either.
    """
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: list(PEERS_ADDRESSES)
    if not any(codec.mimeType == "audio/telephone-event" for codec in CODECS["audio"]):
        CODECS["audio"].append(
            RTCRtpCodecParameters(
                mimeType="audio/telephone-event", clockRate=RATE, channels=1, payloadType=EVENT_PAYLOAD_TYPE
            )
        )


def tone_packets(frequency: float | None, seconds: float = 1.0) -> list[bytes]:
    """A loop of 20 ms Opus packets of one tone, or of silence for None. `frequency * seconds` should be
    whole.
    """
    return [_SILENCE] if frequency is None else list(_tone_packets(frequency, seconds))


@cache  # a peer sounds as one before it did, and to make it took a tenth of what a test of a call took
def _tone_packets(frequency: float, seconds: float) -> tuple[bytes, ...]:
    codec = av.CodecContext.create("libopus", "w")
    codec.bit_rate, codec.format, codec.layout = 32_000, "s16", "mono"  # type: ignore[attr-defined]
    codec.sample_rate, codec.time_base = RATE, Fraction(1, RATE)  # type: ignore[attr-defined]
    codec.options = {"application": "audio"}
    wave = 0.4 * np.sin(2 * np.pi * frequency * np.arange(int((seconds + 0.2) * RATE)) / RATE)
    pcm = (wave * 32767).astype(np.int16)
    packets: list[bytes] = []
    for start in range(0, len(pcm) - FRAME + 1, FRAME):
        frame = av.AudioFrame.from_ndarray(pcm[start : start + FRAME].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        packets += [bytes(packet) for packet in codec.encode(frame)]  # type: ignore[attr-defined]
    # The first packets carry the encoder's attack.
    return tuple(packets[8 : 8 + int(seconds * 50)])


FLOOR = 0.01
"""The RMS, of 1 for full scale, from which on something can be heard."""


def dominant(samples: NDArray[np.float32], count: int = 1, floor: float = FLOOR, *, rate: int = RATE) -> list[float]:
    """The `count` loudest frequencies in Hz, loudest first; [] when it is silent (RMS below `floor`)."""
    if len(samples) < rate // 50 or float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) < floor:
        return []
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    step = rate / len(samples)
    found: list[float] = []
    for _ in range(count):
        peak = int(np.argmax(spectrum))
        if spectrum[peak] <= 0:
            break
        found.append(peak * step)
        low, high = max(0, peak - int(60 / step)), peak + int(60 / step) + 1
        spectrum[low:high] = 0
    return found


class Ears:
    """What a peer of any kind has heard, as frames of 20 ms at 48 kHz."""

    def __init__(self) -> None:
        self.packets_heard = 0
        self.arrivals: deque[float] = deque(maxlen=5000)
        self._heard: deque[NDArray[np.float32]] = deque(maxlen=250)

    async def hears(self, frequency: float, *, timeout: float = PATIENCE, tolerance: float = 15.0) -> float:
        """Wait until `frequency` is the loudest thing in the last 200 ms; seconds it took. TimeoutError
        with what was heard.
        """
        started = time.monotonic()
        while True:
            found = self.frequencies(seconds=0.2)
            if found and abs(found[0] - frequency) <= tolerance:
                return time.monotonic() - started
            if time.monotonic() - started > timeout:
                raise TimeoutError(f"heard {found} Hz in place of {frequency} Hz ({self.packets_heard} packets)")
            await asyncio.sleep(0.02)

    async def hears_all(self, *frequencies: float, timeout: float = PATIENCE, tolerance: float = 15.0) -> None:
        """Wait until these are the loudest things in the last 400 ms. TimeoutError with what was heard."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.frequencies(seconds=0.4, count=len(frequencies) + 1)
            loudest = found[: len(frequencies)]
            if len(loudest) == len(frequencies) and all(
                any(abs(heard - wanted) <= tolerance for heard in loudest) for wanted in frequencies
            ):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"heard {found} Hz in place of {frequencies} Hz ({self.packets_heard} packets)")
            await asyncio.sleep(0.02)

    async def hears_sound(self, *, timeout: float = PATIENCE) -> None:
        """Wait until anything can be heard."""
        async with asyncio.timeout(timeout):
            while not self.frequencies(seconds=0.2):
                await asyncio.sleep(0.02)

    async def hears_nothing(self, *, timeout: float = PATIENCE) -> None:
        """Wait until the last 200 ms were silent, or nothing came for as long."""
        async with asyncio.timeout(timeout):
            while self.frequencies(seconds=0.2) and time.monotonic() - self.arrivals[-1] < 0.2:
                await asyncio.sleep(0.02)

    def frequencies(self, *, seconds: float = 1.0, count: int = 1) -> list[float]:
        """The loudest frequencies of the last `seconds`."""
        frames = list(self._heard)[-int(seconds * 50) :]
        return dominant(np.concatenate(frames), count) if len(frames) >= seconds * 50 else []

    def has_heard_sound(self) -> bool:
        """Whether anything could be heard in the last five seconds: an announcement is said once, and may be over."""
        return any(float(np.sqrt(np.mean(np.square(frame, dtype=np.float64)))) >= FLOOR for frame in self._heard)

    def forget(self) -> None:
        """Start listening anew."""
        self._heard.clear()


class Peer(Ears):
    """One browser's stand-in. `loss` drops that share of what it sends, by a seeded generator. With `relays` it reaches
    nobody but by these TURN servers, as behind a strict firewall.
    """

    def __init__(
        self, tone: float | None = 440.0, *, loss: float = 0.0, seed: int = 1, relays: Sequence[RTCIceServer] = ()
    ) -> None:
        _prepare()
        super().__init__()
        self.digits = ""
        self.sequence_gaps = 0
        policy = RTCIceTransportPolicy.RELAY if relays else RTCIceTransportPolicy.ALL
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=list(relays), iceTransportPolicy=policy))
        self.microphone = True
        self.latest = 0.0
        """Seconds by which its latest packet was late: of a busy machine's peers, not of whom they speak to."""
        self._loop_packets = tone_packets(tone)
        self._loss = loss
        self._random = random.Random(seed)
        self._decoder: Any = None
        self._last_sequence: int | None = None
        self._events: deque[str] = deque()
        self._seen_events: set[int] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.on_packet: Callable[[RtpPacket], None] | None = None
        transceiver = self.connection.addTransceiver("audio", direction="sendrecv")
        self._sender: Any = transceiver.sender
        self._sender._run_rtp = self._run_rtp
        receiver: Any = transceiver.receiver
        receiver._handle_rtp_packet = self._handle_rtp_packet
        self._connected = asyncio.Event()

        @self.connection.on("connectionstatechange")
        def _changed() -> None:
            if self.connection.connectionState == "connected":
                self._connected.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- signalling ----------------------------------------------------------------------------------------

    async def offer(self) -> str:
        """An SDP offer with all candidates in it."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str, timeout: float = PATIENCE) -> None:
        """Take the answer and wait until media can flow."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.wait_for(self._connected.wait(), timeout)

    async def close(self) -> None:
        """Leave politely: DTLS is closed, so the server knows at once."""
        await self.connection.close()

    def vanish(self) -> None:
        """Leave as a killed tab does: nothing more is sent or answered, and nothing is said."""
        self.goes_unheard()
        for protocol in self._sender.transport.transport._connection._protocols:
            protocol.datagram_received = lambda *_: None

    def goes_unheard(self) -> None:
        """Nothing it sends gets anywhere any more; what comes still does."""

        async def nowhere(*_: object) -> None:
            return None

        for protocol in self._sender.transport.transport._connection._protocols:
            protocol.send_stun = lambda *_: None
            protocol.send_data = nowhere

    # -- what a person does --------------------------------------------------------------------------------

    async def press(self, digits: str) -> None:
        """Send `digits` as telephone events and wait until they are out."""
        self._events.extend(digits)
        while self._events:
            await asyncio.sleep(0.02)

    # -- in place of aiortc's codecs -----------------------------------------------------------------------

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        sender, opus = self._sender, codec.payloadType or 0
        sender._RTCRtpSender__rtp_started.set()
        sequence, timestamp, frame = self._random.randrange(30_000), self._random.randrange(1 << 31), 0
        due = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            while True:
                if self._events:
                    sequence = await self._event(sequence, timestamp)
                    timestamp += 9 * FRAME
                    due = time.monotonic()
                self.latest = max(self.latest, time.monotonic() - due)
                payload = self._loop_packets[frame % len(self._loop_packets)] if self.microphone else _SILENCE
                await self._send(opus, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, payload, False)
                sequence, timestamp, frame = sequence + 1, timestamp + FRAME, frame + 1
                due += 0.02
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        sender._RTCRtpSender__rtp_exited.set()

    async def _event(self, sequence: int, timestamp: int) -> int:
        code = DIGITS.index(self._events[0])
        for step in range(1, 6):
            payload = _EVENT.pack(code, 10, step * FRAME)
            await self._send(EVENT_PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, payload, step == 1)
            sequence += 1
            await asyncio.sleep(0.02)
        for _ in range(3):
            payload = _EVENT.pack(code, 0x80 | 10, 5 * FRAME)
            await self._send(EVENT_PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, payload, False)
            sequence += 1
        await asyncio.sleep(0.08)
        self._events.popleft()
        return sequence

    async def _send(self, payload_type: int, sequence: int, timestamp: int, payload: bytes, marker: bool) -> None:
        if self._random.random() < self._loss:
            return
        packet = RtpPacket(payload_type=payload_type, sequence_number=sequence, timestamp=timestamp, marker=int(marker))
        packet.ssrc, packet.payload = self._sender._ssrc, payload
        await self._sender.transport._send_rtp(packet.serialize(HeaderExtensionsMap()))

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        if self.on_packet is not None:
            self.on_packet(packet)
        if self._last_sequence is not None and (packet.sequence_number - self._last_sequence) & 0xFFFF != 1:
            self.sequence_gaps += 1
        self._last_sequence = packet.sequence_number
        if packet.payload_type == EVENT_PAYLOAD_TYPE:
            if packet.timestamp not in self._seen_events and len(packet.payload) >= 4:
                self._seen_events.add(packet.timestamp)
                self.digits += DIGITS[packet.payload[0]]
            return
        self.packets_heard += 1
        self.arrivals.append(time.monotonic())
        self._decode(packet.payload)

    def _decode(self, payload: bytes) -> None:
        if self._decoder is None:
            self._decoder = av.CodecContext.create("libopus", "r")
            self._decoder.format, self._decoder.layout, self._decoder.sample_rate = "s16", "mono", RATE
        with contextlib.suppress(av.error.FFmpegError):
            for frame in self._decoder.decode(av.Packet(payload)):
                samples = frame.to_ndarray().reshape(-1).astype(np.float32) / 32768
                channels = frame.layout.nb_channels
                self._heard.append(samples[::channels] if channels > 1 else samples)
