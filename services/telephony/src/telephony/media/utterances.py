"""What a caller says, cut out of what is heard from them: from the first word to the pause after the last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from telephony.media.answering_speech import HEARING, level_of, speech_line
from telephony.media.codecs import Samples
from telephony.media.listening import Listening
from telephony.media.ticker import Ticker

_LEAD, _PAUSE, _LONGEST = 15, 30, 250
"""Frames of 20 ms: kept from before the first word; quiet that ends what is said; most of it, the rest is cut off."""
_BEGINS, _WITHIN = 4, 6
"""So many frames of speech within so many begin it: less is a click."""
_REMEMBERED = 250


class Utterances:
    """Set `tap` as the member's tap. `on_utterance` is called with each: 16 bit, 8 kHz."""

    def __init__(self, ticker: Ticker, on_utterance: Callable[[Samples], None]) -> None:
        self._on_utterance = on_utterance
        self._levels: deque[float] = deque(maxlen=_REMEMBERED)
        self._lately: deque[bool] = deque(maxlen=_WITHIN)
        self._lead: deque[Samples] = deque(maxlen=_LEAD)
        self._said: list[Samples] = []
        self._quiet = 0
        self._listening = Listening(ticker, self._frame)
        self.tap = self._listening.tap

    @property
    def speaking(self) -> bool:
        """Whether something is being said that isn't at its end."""
        return bool(self._said)

    def close(self) -> None:
        """Listen no more; what is half said is not told. Safe to repeat."""
        self._listening.close()
        self._said = []

    def _frame(self, frame: Samples, at: float) -> None:
        level = level_of(frame)
        self._levels.append(level)
        speech = level > speech_line(np.array(self._levels), HEARING)
        self._lately.append(speech)
        if not self._said:
            self._lead.append(frame)
            if sum(self._lately) >= _BEGINS:
                self._said, self._quiet = list(self._lead), 0
            return
        self._said.append(frame)
        self._quiet = 0 if speech else self._quiet + 1
        if self._quiet >= _PAUSE or len(self._said) >= _LONGEST:
            said, self._said = np.concatenate(self._said), []
            self._lead.clear()
            self._lately.clear()
            self._on_utterance(said)
