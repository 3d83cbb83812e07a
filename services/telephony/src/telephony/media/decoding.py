"""One leg's sound as samples: a jitter buffer, a decoder and the sound's length, behind one function every 20 ms."""

from __future__ import annotations

import numpy as np

from telephony.media.codecs import OPUS, Codec, OpusDecoder, Samples, g711_decode, opus_carries_recovery
from telephony.media.jitter import Find, JitterBuffer
from telephony.media.resampling import Doubler
from telephony.media.rtp import HEADER_SIZE, VIEW
from telephony.media.stretching import Continuation, lengthened, shortened

_LIKE = 0.6
_URGENT_FRAMES = 3
_MUCH_LOSS = 0.03


class Decoding:
    """A sink that can be heard: `frame` gives the next 20 ms at `rate` (8,000 or 16,000 Hz).

    Lost packets are recovered out of the next one or concealed, late ones concealed; the sound is made shorter or
    longer by periods of its pitch when the buffer's delay should change.
    """

    patient = True

    def __init__(self, codec: Codec, rate: int) -> None:
        self.rate = rate
        self.buffer = JitterBuffer(codec.frame_samples)
        self.recovered = self.concealed = 0
        """Frames made out of the next packet, and made up."""
        self.codec = codec
        self._source: object | None = None
        self._frame = rate // 50
        self._clock = codec.clock_rate // rate if codec is OPUS else 1
        self._per_sample = codec.clock_rate / rate
        self._opus = OpusDecoder(rate) if codec is OPUS else None
        self._continuation = Continuation(codec.clock_rate)
        self._doubler = Doubler() if rate > codec.clock_rate else None
        self._rest: Samples | None = None

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        if source is not self._source:
            self._source = source
            self.buffer.restart()
        if length > HEADER_SIZE:
            self.buffer.put(sequence, timestamp, bytes(VIEW[HEADER_SIZE:length]))

    def skip(self, source: object, sequence: int) -> None:
        if source is self._source:
            self.buffer.skip(sequence)

    def restart(self) -> None:
        self.buffer.restart()
        self._rest = None

    def frame(self) -> Samples | None:
        """The next 20 ms, or None while nothing comes. The array holds until the next call."""
        sound = self._rest
        if sound is None:
            sound = self._next()
            if sound is None:
                return None
            if len(sound) == self._frame and not self.buffer.excess:
                return sound
        if self.buffer.excess:
            sound = self._adjusted(sound)
        while len(sound) < self._frame:
            sound = self._longer(sound)
        if len(sound) == self._frame:
            self._rest = None
            self.buffer.held = 0
        else:
            self._rest = sound[self._frame :].copy()
            self.buffer.held = int(len(self._rest) * self._per_sample)
        return sound[: self._frame]

    def _longer(self, sound: Samples) -> Samples:
        """With the buffer's next find behind it, or with silence up to a frame when there is none."""
        # The decoder is about to write over what it gave.
        before = sound.copy()
        more = self._next()
        return np.concatenate([before, np.zeros(max(0, self._frame - len(before)), np.int16) if more is None else more])

    def _adjusted(self, sound: Samples) -> Samples:
        """Shorter or longer by one period, when the buffer's delay should change and the sound allows it."""
        excess = self.buffer.excess
        if excess > 0 and not len(self.buffer):
            return sound
        if len(sound) < self._frame * 3 // 2:
            sound = self._longer(sound)
        if excess < 0:
            changed = lengthened(sound, self.rate)
        else:
            urgent = excess > _URGENT_FRAMES * self._frame * self._per_sample
            changed = shortened(sound, self.rate, least_likeness=-1.0 if urgent else _LIKE)
        self.buffer.adjusted(round((len(changed) - len(sound)) * self._per_sample))
        return changed

    def _next(self) -> Samples | None:
        """The sound of the buffer's next find."""
        find, packet = self.buffer.take()
        if find is Find.IDLE:
            return None
        opus = self._opus
        if opus is None:
            return self._g711(find, packet)
        if find is Find.PACKET:
            sound = opus.decode(packet)
            self.buffer.took(len(sound) * self._clock)
            if self.buffer.loss > _MUCH_LOSS or self.buffer.spare:
                self.buffer.keep_spare(self.buffer.loss > _MUCH_LOSS and opus_carries_recovery(packet))
            return sound
        if find is Find.RECOVER and opus_carries_recovery(packet):
            self.recovered += 1
            return opus.recover(packet)
        self.concealed += find is not Find.PAUSE
        return opus.conceal()

    def _g711(self, find: Find, packet: bytes) -> Samples:
        if find is Find.PACKET:
            self.buffer.took(len(packet))
            sound = self._continuation.heard(g711_decode(self.codec, packet))
        elif find is Find.PAUSE:
            sound = np.zeros(self.codec.frame_samples, np.int16)
        else:
            self.concealed += 1
            sound = self._continuation.missing()
        return sound if self._doubler is None else self._doubler.doubled(sound)
