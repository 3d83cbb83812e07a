"""What somebody hears who hears nobody: music, and announcements over it.

Finished packets are sent as they are. Only while an announcement is mixed over the music, and while music begins in its
middle, is it decoded, turned down and encoded anew.
"""

from __future__ import annotations

import numpy as np

from telephony.media.clip_reader import ClipReader
from telephony.media.encoding import Encoding
from telephony.media.mixer import Limiter
from telephony.media.rtp import Outbound

DUCKED = 0.16
"""Music under an announcement: 16 dB down."""
_STEP = 1 / 20
"""From silence to full in 400 ms."""


class Sounding:
    """Plays to one outbound. `music` goes on for ever; `tick` every 20 ms."""

    def __init__(self, outbound: Outbound, music: ClipReader | None) -> None:
        self.outbound = outbound
        self.music = music
        self._gain = 0.0 if music is not None and music.position else 1.0
        self._mixing: tuple[Encoding, Limiter] | None = None

    def tick(self, announcement: ClipReader | None) -> None:
        """Send the next 20 ms: of the announcement over the music, or of what there is of the two."""
        music = self.music
        target = 1.0 if announcement is None else DUCKED
        if music is not None and not (announcement is None and self._gain == 1.0):
            self._mix(music, announcement, target)
            return
        self._mixing = None
        reader = announcement if music is None else music
        if reader is not None:
            self.outbound.send(self, reader.payload(self.outbound.codec))

    def _mix(self, music: ClipReader, announcement: ClipReader | None, target: float) -> None:
        mixing = self._mixing
        if mixing is None or mixing[0].codec is not self.outbound.codec:
            rate = min(16_000, self.outbound.codec.clock_rate)
            mixing = self._mixing = (Encoding(self.outbound, rate), Limiter(1, rate))
        encoding, limiter = mixing
        before = self._gain
        self._gain = min(before + _STEP, target) if before < target else max(before - _STEP, target)
        sound = music.frame(encoding.rate) * np.linspace(before, self._gain, encoding.rate // 50, dtype=np.float32)
        if announcement is not None:
            sound += announcement.frame(encoding.rate)
        encoding.send(self, limiter.limited(sound.reshape(1, -1))[0])
