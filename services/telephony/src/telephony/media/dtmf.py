"""Keypad digits as telephone events (RFC 4733).

Browsers offer telephone-event at 48 kHz, at which an event longer than 1.37 s must be cut into segments
(2.5.1.3): a new timestamp that isn't a new digit. A digit is reported when its first packet arrives,
whichever that is, so losing some doesn't matter; repeats are known by their timestamp.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from telephony.media.rtp import Outbound
from telephony.media.ticker import Ticker

DIGITS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_SEGMENT = 0xFFFF
_VOLUME = 10
_TONE_FRAMES = 5
_PAUSE_FRAMES = 4
_REMEMBERED = 8
_LATE = 10 * 48_000
"""No packet comes later than that: a timestamp from further back is another stream's, which began anywhere."""


class DigitReader:
    """Turns one leg's incoming event packets into digits."""

    def __init__(self, on_digit: Callable[[str], None]) -> None:
        self._on_digit = on_digit
        self._seen: list[int] = []
        self._code = -1
        self._ended = True

    def packet(self, timestamp: int, payload: bytes) -> None:
        """One event packet's payload (2.3). Unknown events (flash, fax tones) are ignored."""
        if len(payload) < _EVENT.size:
            return
        code, flags, _ = _EVENT.unpack_from(payload)
        if code >= len(DIGITS):
            return
        ended = bool(flags & 0x80)
        if timestamp in self._seen:
            if timestamp == self._seen[-1]:
                self._ended = self._ended or ended
            return
        continues = (
            not self._ended
            and code == self._code
            and bool(self._seen)
            and (timestamp - self._seen[-1]) & 0xFFFFFFFF == _SEGMENT
        )
        newer = not self._seen or (self._seen[-1] - timestamp) & 0xFFFFFFFF > _LATE
        if newer:
            self._seen = [*self._seen[-_REMEMBERED + 1 :], timestamp]
            self._code, self._ended = code, ended
        else:
            self._seen = [*self._seen[-_REMEMBERED + 1 : -1], timestamp, self._seen[-1]]
        if not continues:
            self._on_digit(DIGITS[code])


class DigitSender:
    """Sends a string of digits to one leg: 100 ms tones, 80 ms apart, the end three times (2.5.1.4).

    While it runs, nothing else is sent to that leg.
    """

    def __init__(self, outbound: Outbound, ticker: Ticker, payload_type: int, samples_per_frame: int) -> None:
        self._outbound = outbound
        self._ticker = ticker
        self._payload_type = payload_type
        self._samples = samples_per_frame
        self._waiting: list[int] = []
        self._frame = 0

    def sends(self, payload_type: int, clock_rate: int) -> bool:
        """Whether it sends by these."""
        return (self._payload_type, self._samples) == (payload_type, clock_rate // 50)

    def send(self, digits: str) -> None:
        """Queue `digits` (0-9 * # A-D) behind those still going out."""
        self._waiting += [DIGITS.index(digit) for digit in digits.upper()]
        if self._waiting and self._outbound.exclusive is not self:
            self._outbound.exclusive = self
            self._frame = 0
            self._ticker.add(self._tick)

    def stop(self) -> str:
        """Send nothing more; the digits that weren't begun, for whoever may send them later."""
        left = self._waiting[1 if self._frame else 0 :]
        if self._waiting and 0 < self._frame <= _TONE_FRAMES:
            self._end(self._frame)
        self._waiting.clear()
        self._finish()
        return "".join(DIGITS[code] for code in left)

    def _finish(self) -> None:
        self._ticker.remove(self._tick)
        if self._outbound.exclusive is self:
            self._outbound.exclusive = None

    def _tick(self) -> None:
        if not self._waiting:
            self._finish()
            return
        frame = self._frame
        self._frame += 1
        if frame < _TONE_FRAMES:
            self._packet((frame + 1) * self._samples, end=False, begins=frame == 0)
        elif frame == _TONE_FRAMES:
            self._end(_TONE_FRAMES)
        elif frame >= _TONE_FRAMES + _PAUSE_FRAMES:
            self._waiting.pop(0)
            self._frame = 0

    def _end(self, frames: int) -> None:
        for _ in range(3):
            self._packet(frames * self._samples, end=True, begins=False)

    def _packet(self, duration: int, *, end: bool, begins: bool) -> None:
        flags = (0x80 if end else 0) | _VOLUME
        payload = _EVENT.pack(self._waiting[0], flags, duration)
        self._outbound.send_event(self, self._payload_type, payload, begins=begins)
