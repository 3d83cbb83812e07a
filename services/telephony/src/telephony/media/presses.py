"""Keys that a SIP peer tells of twice: with its media (RFC 4733, or tones) and by its signalling (INFO).

What was negotiated doesn't tell who does both: many that send INFO list telephone events all the same. So each way
counts, and what comes by both within a moment is one press.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOMENT = 2.0
"""Seconds: an INFO that was lost twice is there by then."""


@dataclass(frozen=True)
class _Press:
    digit: str
    by_media: bool
    at: float


class Presses:
    """Of one peer."""

    def __init__(self) -> None:
        self._alone: list[_Press] = []
        """Those told of by one way so far."""

    def first_told(self, digit: str, now: float, *, by_media: bool) -> bool:
        """Whether this is a press that the other way hasn't told of. `now` is monotonic seconds."""
        self._alone = [press for press in self._alone if now - press.at < _MOMENT]
        for press in self._alone:
            if press.digit == digit and press.by_media is not by_media:
                self._alone.remove(press)
                return False
        self._alone.append(_Press(digit, by_media, now))
        return True
