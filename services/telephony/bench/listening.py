"""Listens to what chosen ends were sent: whose voices are in it, how pure, how loud, and how long they took.

A voice's delay is from the moment a sample was sent to the moment the same sample arrived, both by its packet's time
and its place in it. So what a jitter buffer, a codec's look-ahead and a mixer's beat cost is in it, and what the two
ends' own buffers would add isn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sounds import FRAME, PERIOD, PERIOD_FRAMES, RATE, Sound
from telephony.media.codecs import OPUS, OpusDecoder, g711_decode

_SETTLED = 0.6
"""Seconds from the load's start from which on sound is judged: jitter buffers and codecs have begun by then."""
_EDGE = 60
"""Hz that a codec may smear a voice beyond its band."""
_FREQUENCIES = np.fft.rfftfreq(PERIOD, 1 / RATE)
_WINDOW = np.hanning(PERIOD)


@dataclass(frozen=True)
class Packet:
    """One RTP packet that arrived."""

    at: float
    """Seconds by the clock of the senders."""
    timestamp: int
    payload: bytes


@dataclass(frozen=True)
class Speaker:
    """One voice that the listener shall hear: what it says, and when packet `count` of it was sent, in seconds."""

    sound: Sound
    sent: dict[int, float]


@dataclass
class Verdict:
    """What one end heard, a value for each 320 ms judged."""

    purity: list[float] = field(default_factory=list)
    """Share of the energy that is in the bands of those it shall hear, 0..1."""
    levels: list[float] = field(default_factory=list)
    """dB of each voice, compared to what it was sent with."""
    delays: list[float] = field(default_factory=list)
    """Seconds."""

    def add(self, other: Verdict) -> None:
        self.purity += other.purity
        self.levels += other.levels
        self.delays += other.delays


def listened(packets: Sequence[Packet], speakers: Sequence[Speaker], own: Sound) -> Verdict:
    """What an end, which itself says `own`, heard of the speakers."""
    verdict = Verdict()
    began = min((at for speaker in speakers for at in speaker.sent.values()), default=0.0)
    ended = max((at for speaker in speakers for at in speaker.sent.values()), default=0.0)
    sound, times = _decoded(packets, own)
    for start in range(0, len(sound) - PERIOD + 1, PERIOD):
        frames = times[start // FRAME : (start + PERIOD) // FRAME]
        # A packet that never came leaves its place without a time, and its sound in the measure.
        if np.isnan(frames[0]) or frames[0] < began + _SETTLED or np.nanmax(frames) > ended:
            continue
        piece = sound[start : start + PERIOD]
        power = np.abs(np.fft.rfft(piece * _WINDOW)) ** 2
        verdict.purity.append(sum(_within(power, speaker.sound) for speaker in speakers) / max(power.sum(), 1e-9))
        for speaker in speakers:
            there = np.abs(np.fft.rfft(speaker.sound.period * _WINDOW)) ** 2
            heard = _within(power, speaker.sound) / _within(there, speaker.sound)
            verdict.levels.append(10 * float(np.log10(max(heard, 1e-9))))
            delay = _delay(piece, float(frames[0]), speaker)
            if delay is not None:
                verdict.delays.append(delay)
    return verdict


def _decoded(packets: Sequence[Packet], own: Sound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sound at `RATE`, and of each of its frames when its packet arrived (NaN where none did)."""
    ordered = sorted(packets, key=lambda packet: packet.at)
    if not ordered:
        return np.zeros(0), np.zeros(0)
    first = ordered[0]
    places: dict[int, Packet] = {}
    for packet in ordered:
        step = (packet.timestamp - first.timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        places[round(step / own.codec.frame_samples)] = packet
    count = min(max(places) + 1, 100_000)
    decoder = OpusDecoder(RATE)
    sound, times = np.zeros(count * FRAME), np.full(count, np.nan)
    for place in range(count):
        packet = places.get(place)
        if packet is not None:
            heard = decoder.decode(packet.payload) if own.codec is OPUS else g711_decode(own.codec, packet.payload)
            size = min(FRAME, len(heard))
            sound[place * FRAME : place * FRAME + size] = heard[:size]
            times[place] = packet.at
        elif own.codec is OPUS:
            sound[place * FRAME : (place + 1) * FRAME] = decoder.conceal()
    return sound, times


def _within(power: NDArray[np.float64], sound: Sound) -> float:
    low, high = sound.band
    first, last = np.searchsorted(_FREQUENCIES, (low - _EDGE, high + _EDGE))
    return float(power[first:last].sum())


def _delay(piece: NDArray[np.float64], arrived: float, speaker: Speaker) -> float | None:
    """How long the piece's first sample was on its way, in seconds."""
    spectrum = np.fft.fft(speaker.sound.period)
    spectrum[PERIOD // 2 :] = 0
    likeness = np.abs(np.fft.ifft(np.fft.fft(piece) * np.conj(spectrum)))
    phase = -int(np.argmax(likeness)) % PERIOD
    frame, inside = divmod(phase, FRAME)
    sent = [
        delay for count, at in speaker.sent.items()
        if count % PERIOD_FRAMES == frame and (delay := arrived - at - inside / RATE) >= 0
    ]  # fmt: skip
    return min(sent) if sent else None


def at_share(values: Sequence[float], share: float) -> float | None:
    """The value that this share of them stays under, None for none."""
    return float(np.quantile(values, share)) if values else None
