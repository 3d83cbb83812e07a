"""When a message that a caller leaves has begun, goes on and is over, told of every 20 ms whether it is speech."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONGEST_SECONDS = 600.0
TAIL_SECONDS = 0.6
"""Of the silence at the end this much stays: a message that breaks off with the last sound is thought to be cut."""
_WORD_SECONDS = 0.06
"""Less is a click."""


@dataclass(frozen=True)
class MessageRules:
    """What ends a message. Seconds."""

    longest: float = 120.0
    silence: float = 5.0
    end_digit: str = "#"
    """Empty for none."""
    shortest: float = 0.4
    """Less speech than this in all is no message."""

    @classmethod
    def of(cls, longest: float, silence: float, end_digit: str) -> MessageRules:
        """As a flow wishes; 0 is the usual, and nothing is longer than ten minutes."""
        usual = cls()
        return cls(min(longest or usual.longest, LONGEST_SECONDS), silence or usual.silence, end_digit)


class EndedBy(StrEnum):
    """What ended a message."""

    SILENCE = "SILENCE"
    DIGIT = "DIGIT"
    LENGTH = "LENGTH"
    HANG_UP = "HANG_UP"


class MessageJudge:
    """Follows one message from the beep on."""

    def __init__(self, rules: MessageRules) -> None:
        self.ended_by: EndedBy | None = None
        self.begun = False
        """Whether enough was said to be a message."""
        self.last_word = 0.0
        """Seconds after the beep at which the last word ended; 0 before the first."""
        self._rules = rules
        self._spoken = 0.0
        self._run = 0.0

    def hear(self, at: float, seconds: float, speech: bool) -> bool:
        """`seconds` of sound that began `at` seconds after the beep. Whether they belong to a word."""
        now = at + seconds
        self._run = self._run + seconds if speech else 0.0
        word = self._run >= _WORD_SECONDS
        if word:
            self._spoken += seconds
            self.last_word = now
            self.begun = self.begun or self._spoken >= self._rules.shortest
        if self.ended_by is None:
            # The tolerance is that of sums of frames.
            if now >= self._rules.longest - 1e-6:
                self.ended_by = EndedBy.LENGTH
            elif now - self.last_word >= self._rules.silence - 1e-6:
                self.ended_by = EndedBy.SILENCE
        return word

    def press(self, digit: str) -> None:
        """The caller pressed a key: the end digit ends the message, others are part of it."""
        if self.ended_by is None and self._rules.end_digit and digit == self._rules.end_digit:
            self.ended_by = EndedBy.DIGIT

    def hang_up(self) -> None:
        """The caller, or their media, is gone."""
        if self.ended_by is None:
            self.ended_by = EndedBy.HANG_UP
