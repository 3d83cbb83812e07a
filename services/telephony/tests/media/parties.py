"""Parties on legs without a network: real codecs, real packets in PACKET, and a clock that a test turns by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, Codec, OpusDecoder, OpusEncoder, g711_decode, g711_encode
from telephony.media.media_leg import LegStatistics, Sink, Tap
from telephony.media.player import Playback
from telephony.media.rtp import HEADER, HEADER_SIZE, PACKET, Inbound, Outbound
from telephony.media.ticker import Tick, Ticker


class Beat(Ticker):
    """The process's ticker, turned by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[Tick] = []

    def add(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def remove(self, tick: Tick) -> None:
        if tick in self.ticks:
            self.ticks.remove(tick)


class Party:
    """One person: `speak` sends 20 ms of a tone, `heard` is what came, at `rate`. It is its own MediaLeg."""

    def __init__(self, beat: Beat, codec: Codec, tone: float | None = None, loudness: float = 0.3) -> None:
        self.codec = codec
        self.rate = 16_000 if codec is OPUS else 8_000
        self.outbound = Outbound(111 if codec is OPUS else 0, self._take, codec)
        self.forward_to: Sink | None = None
        self.muted = False
        self.tap: Tap | None = None
        self.on_digit: Callable[[str], None] | None = None
        self.on_closed: Callable[[], None] | None = None
        self.connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.closed = False
        self.last_heard = 0.0
        self.sends_digits = False
        self.loss = 0.0
        """What its receiver reports as lost."""
        self.sent: list[tuple[int, int, bytes]] = []
        self.stream = Inbound(1, 0)
        self.sequence, self.timestamp = 65_500, 4_294_960_000
        self.tone, self.loudness = tone, loudness
        self._beat = beat
        self._said = 0
        self._encoder = OpusEncoder(48_000, 8, 48_000) if codec is OPUS else None
        self._playback: Playback | None = None

    # -- a leg's own --------------------------------------------------------------------------------------------

    def play(self, clips: Sequence[Clip], *, loop: bool = False, start: int = 0) -> Playback:
        self.stop_playing()
        self._playback = Playback(self.outbound, self._beat, clips, loop=loop, start=start)
        return self._playback

    def stop_playing(self) -> None:
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.stop()

    def send_digits(self, digits: str) -> None: ...

    def report(self) -> None: ...

    def statistics(self) -> LegStatistics:
        return LegStatistics(0, 0, 0.0, 0, self.loss, None, 0, 0, 0.0)

    async def close(self) -> None:
        self.closed = True

    # -- what a person does -------------------------------------------------------------------------------------

    def frame(self) -> np.ndarray:
        """The next 20 ms of its tone, at its codec's rate."""
        size = self.codec.frame_samples
        time = (self._said + np.arange(size)) / self.codec.clock_rate
        self._said += size
        if self.tone is None:
            return np.zeros(size, np.int16)
        return (self.loudness * 32767 * np.sin(2 * np.pi * self.tone * time)).astype(np.int16)

    def packet(self) -> bytes:
        frame = self.frame()
        return self._encoder.encode(frame) if self._encoder is not None else g711_encode(self.codec, frame)

    def speak(self, *, lost: bool = False) -> None:
        """Send one packet, as a leg does that received it."""
        payload = self.codec.silence if self.muted else self.packet()
        self.sequence, self.timestamp = self.sequence + 1, self.timestamp + self.codec.frame_samples
        if not lost:
            self.deliver(self.sequence, self.timestamp, payload)

    def deliver(self, sequence: int, timestamp: int, payload: bytes) -> None:
        timestamp &= 0xFFFFFFFF
        length = HEADER_SIZE + len(payload)
        PACKET[HEADER_SIZE:length] = payload
        if self.tap is not None:
            self.tap(self.stream, timestamp, payload)
        if self.forward_to is not None:
            self.forward_to.forward(self.stream, sequence & 0xFFFF, timestamp, length)

    def _take(self, length: int) -> None:
        _, _, sequence, timestamp, _ = HEADER.unpack_from(PACKET)
        self.sent.append((sequence, timestamp, bytes(PACKET[HEADER_SIZE:length])))

    # -- what it hears ------------------------------------------------------------------------------------------

    def forget(self) -> None:
        self.sent.clear()

    def heard(self, skip: int = 0) -> np.ndarray:
        """All that came since it forgot, decoded, -1..1; without the first `skip` packets' sound."""
        return _decoded(self.codec, self.rate, [payload for _, _, payload in self.sent])[skip * self.rate // 50 :]

    def tones(self, count: int = 9, skip: int = 10) -> list[int]:
        """The tones it heard, in Hz rounded to 10, ascending: all within 26 dB of the loudest and above -50 dBFS."""
        return tones(self.heard(skip), self.rate, count)


def _decoded(codec: Codec, rate: int, payloads: Sequence[bytes]) -> np.ndarray:
    if codec is not OPUS:
        return g711_decode(codec, b"".join(payloads)).astype(np.float64) / 32768
    decoder = OpusDecoder(rate)
    frames = [decoder.decode(payload).copy() for payload in payloads]
    return np.concatenate([np.zeros(0, np.int16), *frames]).astype(np.float64) / 32768


def tones(sound: np.ndarray, rate: int, count: int = 9) -> list[int]:
    """The tones in a sound, in Hz rounded to 10, ascending."""
    if len(sound) < rate // 5:
        return []
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) / len(sound) * 4
    step = rate / len(sound)
    loudest, found = 0.0, []
    for _ in range(count):
        peak = int(np.argmax(spectrum))
        loudest = max(loudest, float(spectrum[peak]))
        if spectrum[peak] < max(0.003, loudest / 20):
            break
        found.append(round(peak * step / 10) * 10)
        spectrum[max(0, peak - int(45 / step)) : peak + int(45 / step) + 1] = 0
    return sorted(found)


def level(sound: np.ndarray, rate: int, frequency: float) -> float:
    """How loud one tone is in a sound, 0..1."""
    time = np.arange(len(sound)) / rate
    return float(2 * np.abs(np.mean(sound * np.exp(-2j * np.pi * frequency * time))))


def voice(rate: int, frames: int, seed: int = 1) -> np.ndarray:
    """Something as busy as a voice: harmonics of a gliding pitch, breath and pauses."""
    time = np.arange(frames * rate // 50) / rate
    pitch = 2 * np.pi * np.cumsum(130 + 40 * np.sin(2 * np.pi * 0.7 * time + seed)) / rate
    sound = sum(np.sin(k * pitch) / k for k in range(1, 12))
    breath = np.random.default_rng(seed).normal(0, 0.2, len(time))
    loud = np.clip(np.sin(2 * np.pi * 1.5 * time + seed) + 0.6, 0, 1)
    return (5000 * loud * (sound + breath)).astype(np.int16)


def talk(beat: Beat, *parties: Party, frames: int = 60) -> None:
    """Everybody speaks for so many frames, and time goes by."""
    for _ in range(frames):
        for party in parties:
            party.speak()
        for tick in list(beat.ticks):
            tick()
