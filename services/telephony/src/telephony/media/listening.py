"""A leg's packets as sound to be listened to: even frames of 20 ms at 8 kHz, also while nothing comes.

For those who judge what is said (answering machines, the end of a message), not for those who hear it: nothing waits
in a buffer, so a packet that comes late is dropped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from telephony.media.codecs import OPUS, OpusDecoder, Samples
from telephony.media.ticker import Ticker

RATE = 8_000
FRAME = 160
_QUIET_TICKS = 10
"""200 ms without a packet: the other end sends none while it is silent (DTX), or its media is lost."""
_CONCEALED = 5
"""A gap up to 100 ms is loss, more is silence."""
_LATEST = 50
"""A packet from a second back or further isn't late: the sender's clock leapt, as `jitter` has it."""


class Listening:
    """Set `tap` as a member's tap. `on_frame` takes a frame and its seconds since listening began; it may keep it."""

    def __init__(self, ticker: Ticker, on_frame: Callable[[Samples, float], None]) -> None:
        self._ticker = ticker
        self._on_frame = on_frame
        self._decoder = OpusDecoder(RATE)
        self._rest = np.zeros(0, np.int16)
        self._source: object | None = None
        self._expected = 0
        self._filled = 0
        self._quiet = 0
        self._frames = 0
        self._open = True
        ticker.add(self._tick)

    def tap(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one Opus packet with its timestamp at 48 kHz (`media_leg.Tap`)."""
        if not self._open:
            return
        if source is not self._source:
            self._source, self._expected, self._filled = source, timestamp, 0
        # Signed 32-bit distance: wraps, and is negative for a packet that comes late.
        gap = ((timestamp - self._expected + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        if -_LATEST * OPUS.frame_samples < gap < 0:
            return
        missing, passed = gap // OPUS.frame_samples, self._quiet
        self._quiet = 0
        # What no time has passed for, or lies far behind, isn't a gap: the sender's clock leapt.
        if 0 < missing <= passed + _QUIET_TICKS:
            self._fill(missing)
        sound = self._decoder.decode(payload)
        self._expected = (timestamp + len(sound) * OPUS.clock_rate // RATE) & 0xFFFF_FFFF
        self._filled = 0
        self._give(sound)

    def close(self) -> None:
        """Listen no more. Safe to repeat, also from inside `on_frame`."""
        self._open = False
        self._ticker.remove(self._tick)

    def _fill(self, missing: int) -> None:
        """The frames that a gap in the stream is long, less those of silence that were given meanwhile."""
        if missing <= _CONCEALED and not self._filled:
            for _ in range(missing):
                self._give(self._decoder.conceal())
            return
        for _ in range(missing - self._filled):
            self._give(np.zeros(FRAME, np.int16))

    def _tick(self) -> None:
        self._quiet += 1
        if self._quiet > _QUIET_TICKS:
            self._filled += 1
            self._give(np.zeros(FRAME, np.int16))
        elif self._quiet == _QUIET_TICKS:
            # Until now it could have been a late packet; now it is known that all this was silence.
            self._filled += _QUIET_TICKS
            for _ in range(_QUIET_TICKS):
                self._give(np.zeros(FRAME, np.int16))

    def _give(self, sound: Samples) -> None:
        sound = np.concatenate([self._rest, sound])
        whole = len(sound) // FRAME * FRAME
        self._rest = sound[whole:]
        for start in range(0, whole, FRAME):
            if not self._open:
                return
            at, self._frames = self._frames * FRAME / RATE, self._frames + 1
            self._on_frame(sound[start : start + FRAME], at)
