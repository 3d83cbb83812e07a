"""One speaker to one listener who doesn't take the speaker's codec.

Mu-law and A-law are exchanged octet for octet in the packet. Between G.711 and Opus the sound is decoded, at 8 kHz, and
encoded anew: through a jitter buffer, because an encoder needs a frame every 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from telephony.media.codecs import OPUS, Codec, OpusEncoder, g711_decode, law_table
from telephony.media.decoding import Decoding
from telephony.media.encoding import Encoding
from telephony.media.media_leg import Tap
from telephony.media.rtp import HEADER_SIZE, PACKET, Outbound

_RATE = 8_000
_FRAME = _RATE // 50
_PER_SAMPLE = OPUS.clock_rate // _RATE
_RECORDED_BIT_RATE = 20_000


class LawChange:
    """Mu-law to A-law or back: a sink that passes the packet on at once."""

    patient = False

    def __init__(self, source: Codec, outbound: Outbound) -> None:
        self._table = law_table(source, outbound.codec)
        self.skip = outbound.skip
        self.restart = outbound.restart
        self._forward = outbound.forward

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        PACKET[HEADER_SIZE:length] = PACKET[HEADER_SIZE:length].translate(self._table)
        self._forward(source, sequence, timestamp, length)


class Transcoder:
    """G.711 to Opus or back: a sink, and `tick` every 20 ms."""

    patient = True

    def __init__(self, source: Codec, outbound: Outbound) -> None:
        self.tap: Tap | None = None
        """Takes what goes out, which must be Opus then."""
        self._decoding = Decoding(source, _RATE)
        self.encoding = Encoding(outbound, _RATE)
        self._speaking = False
        self._timestamp = 0
        self.forward = self._decoding.forward
        self.skip = self._decoding.skip
        self.restart = self._decoding.restart

    def tick(self) -> None:
        """Send the next 20 ms; nothing while nothing comes."""
        self._timestamp += OPUS.frame_samples
        frame = self._decoding.frame()
        if frame is None:
            self._speaking = False
            return
        if not self._speaking:
            self._speaking = True
            # The time nothing was sent must show in the timestamps.
            self.encoding.outbound.restart()
        payload = self.encoding.send(self, frame)
        if self.tap is not None:
            self.tap(self, self._timestamp & 0xFFFFFFFF, payload)


class OpusTap:
    """A tap on a G.711 leg for those who want Opus: encodes what comes, as it comes, with timestamps at 48 kHz."""

    def __init__(self, codec: Codec, tap: Tap) -> None:
        self.wanted = tap
        self.codec = codec
        self._encoder = OpusEncoder(_RATE, 1, _RECORDED_BIT_RATE)
        self._source: object | None = None
        self._rest = np.zeros(0, np.int16)
        self._next = 0

    def tap(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one packet of the leg's own codec, of any length."""
        samples = g711_decode(self.codec, payload)
        if source is not self._source or timestamp != self._next:
            self._source = source
            self._rest = samples[:0]
        self._next = (timestamp + len(samples)) & 0xFFFFFFFF
        if len(self._rest):
            timestamp -= len(self._rest)
            samples = np.concatenate([self._rest, samples])
        at = 0
        while at + _FRAME <= len(samples):
            packet = self._encoder.encode(samples[at : at + _FRAME])
            self.wanted(source, (timestamp + at) * _PER_SAMPLE & 0xFFFFFFFF, packet)
            at += _FRAME
        self._rest = samples[at:]


def converted(source: Codec, outbound: Outbound) -> tuple[LawChange | Transcoder, Callable[[], None] | None]:
    """The sink that takes `source` to an outbound of another codec, and what to call every 20 ms for it."""
    if OPUS not in (source, outbound.codec):
        return LawChange(source, outbound), None
    transcoder = Transcoder(source, outbound)
    return transcoder, transcoder.tick
