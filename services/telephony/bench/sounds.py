"""What the load says where packets are decoded on their way: sounds that tell whose they are and when they were said.

A voice is one sine that glides up and down within a band of its own, over and over. The band says who speaks; where in
its glide a piece of sound is says when it was spoken, to a sample. Packets are made once, before anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from telephony.media.codecs import OPUS, PCMU, Codec, OpusDecoder, OpusEncoder, g711_decode, g711_encode

RATE, FRAME = 8_000, 160
PERIOD_FRAMES = 16
"""Packets after which a voice repeats itself: 320 ms, more than any delay that is looked for."""
PERIOD = PERIOD_FRAMES * FRAME
_PERIODS = 10
_LOUDNESS = 6_000
_BANDS = ((350, 650), (900, 1_300), (1_700, 2_300))
"""Hz; far enough from each other to be told apart in a mix, and all within a telephone's."""


@dataclass(frozen=True, eq=False)
class Sound:
    """One voice in one codec."""

    codec: Codec
    band: tuple[int, int]
    payloads: tuple[bytes, ...]
    """To be sent one after the other, again from the start after the last."""
    period: NDArray[np.float64]
    """What a receiver decodes of one period, at `RATE`: sample 0 is the first of payload 0."""


@cache
def voice(codec: Codec, speaker: int) -> Sound:
    """The sound of the call's first, second or third speaker."""
    band = _BANDS[speaker % len(_BANDS)]
    said = np.tile(_glide(band, codec.clock_rate), _PERIODS * 2)
    frames = np.split(said, _PERIODS * 2 * PERIOD_FRAMES)
    encoder = OpusEncoder(OPUS.clock_rate, 9, 32_000)
    packets = [encoder.encode(frame) if codec is OPUS else g711_encode(codec, frame) for frame in frames]
    decoder = OpusDecoder(RATE)
    heard = [decoder.decode(packet).copy() if codec is OPUS else g711_decode(codec, packet) for packet in packets]
    # The second time round: the codec has settled.
    half = _PERIODS * PERIOD_FRAMES
    period = np.concatenate(heard[half : half + PERIOD_FRAMES]).astype(np.float64)
    return Sound(codec, band, tuple(packets[half:]), period)


def _glide(band: tuple[int, int], rate: int) -> NDArray[np.int16]:
    """One period: both its ends fit together, since the middle of the band makes whole turns in it."""
    seconds = PERIOD / RATE
    at = np.arange(int(seconds * rate)) / rate
    middle, swing = sum(band) / 2, (band[1] - band[0]) / 2
    phase = 2 * np.pi * middle * at + swing * seconds * np.sin(2 * np.pi * at / seconds)
    return (_LOUDNESS * np.sin(phase)).astype(np.int16)


def codec_of(payload_type: int) -> Codec:
    """The codec of the load's payload types: G.711's own, else Opus."""
    return PCMU if payload_type == 0 else OPUS
