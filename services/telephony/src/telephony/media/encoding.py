"""Samples to one outbound stream: whatever rate they are worked at, in the codec that its other end takes."""

from __future__ import annotations

from telephony.media.codecs import OPUS, OpusEncoder, Samples, g711_encode
from telephony.media.resampling import Halver
from telephony.media.rtp import Outbound

COMPLEXITIES = {8_000: 0, 16_000: 1}
"""Of libopus, 0..10, by rate: above 1 a decoded voice's spectrum comes no nearer to the original, at up to 2.5 times
the cost; what G.711 has been through is 0.1 to 0.2 dB (log-spectral, of 3.7) further from it by 0, for a sixth less."""
_LEAST_LOSS, _MOST_LOSS = 2, 25
_BIT_RATES = {8_000: 20_000, 16_000: 28_000}
_LOSSY_BIT_RATES = {8_000: 28_000, 16_000: 36_000}


class Encoding:
    """Makes packets of 20 ms out of frames at `rate` (8,000 or 16,000 Hz) and sends them."""

    def __init__(self, outbound: Outbound, rate: int) -> None:
        self.outbound = outbound
        self.rate = rate
        self.codec = outbound.codec
        self._opus = OpusEncoder(rate, COMPLEXITIES[rate], _BIT_RATES[rate]) if self.codec is OPUS else None
        self._loss = 0
        self._halver = Halver() if self._opus is None and rate > self.codec.clock_rate else None

    def send(self, source: object, frame: Samples) -> bytes:
        """Send one frame as the next packet of `source`; the payload it became."""
        if self._opus is not None:
            payload = self._opus.encode(frame)
        else:
            payload = g711_encode(self.codec, frame if self._halver is None else self._halver.halved(frame))
        self.outbound.send(source, payload)
        return payload

    def expect_loss(self, share: float) -> None:
        """The other end reports that this share of our packets (0..1) was lost: from a few percent on, each packet
        carries the one before it again, where the codec can.
        """
        percent = min(_MOST_LOSS, round(share * 100))
        percent = percent if percent >= _LEAST_LOSS else 0
        if self._opus is not None and percent != self._loss:
            self._loss = percent
            self._opus.expect_loss(percent, (_LOSSY_BIT_RATES if percent else _BIT_RATES)[self.rate])

    def send_silence(self, source: object) -> None:
        """Send 20 ms of nothing, without the encoder's work."""
        self.outbound.send(source, self.codec.silence)
