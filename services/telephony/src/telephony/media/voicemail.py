"""Takes a message: the caller's packets from the beep to the last word, into a recording of one track.

Packets are passed on only once it is known that they belong to the message: what was sent while nobody spoke waits, and
is dropped when no word follows. So a message begins and ends with what was said, undecoded, and who says nothing leaves
nothing. When it is over is `domain.messages`' decision.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

import numpy as np

from telephony.domain.messages import TAIL_SECONDS, EndedBy, MessageJudge, MessageRules
from telephony.media.answering_speech import FRAME_SECONDS, HEARING, level_of, speech_line
from telephony.media.codecs import Samples
from telephony.media.listening import Listening
from telephony.media.recorder import Recording
from telephony.media.ticker import Ticker
from telephony.media.tones import ToneReader

TRACK = "customer"
_LEAD_SECONDS = 0.3
"""Kept of what came before the first word, which is known as a word a little late."""
_REMEMBERED = round(10 / FRAME_SECONDS)
"""Noise and loudness are those of the last ten seconds: a caller may walk out of a noisy room."""
_MOST_HELD = 50 * 60


class MessageRecorder:
    """Make one at the beep, and set `tap` as the caller's tap with `keep_tap`: nobody hears them.

    `ended` resolves with what ended the message. Then, or when the caller is gone, call `stop`.
    """

    def __init__(self, tenant_id: str, ticker: Ticker, rules: MessageRules, begin: Callable[[Recording], None]) -> None:
        """`begin` is called once, with the recording, when enough was said to be a message."""
        self.ended: asyncio.Future[EndedBy] = asyncio.get_running_loop().create_future()
        self._tenant_id = tenant_id
        self._begin = begin
        self._judge = MessageJudge(rules)
        self._levels: deque[float] = deque(maxlen=_REMEMBERED)
        self._tones = ToneReader()
        self._held: deque[tuple[object, int, bytes, float]] = deque(maxlen=_MOST_HELD)
        self._recording: Recording | None = None
        self._word_at = self._ended_at = 0.0
        self._stopped = False
        self._listening = Listening(ticker, self._frame)

    @property
    def recording(self) -> Recording | None:
        """The message, once there is one."""
        return self._recording

    def tap(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one Opus packet of the caller (`media_leg.Tap`)."""
        if self._stopped or self._judge.ended_by is not None:
            return
        self._held.append((source, timestamp, payload, monotonic()))
        self._listening.tap(source, timestamp, payload)

    def press(self, digit: str) -> None:
        """The caller pressed a key."""
        self._judge.press(digit)
        self._look()

    def stop(self) -> float:
        """No more is taken. The message's seconds, without the silence at its end; 0 when there is none."""
        if not self._stopped:
            self._stopped = True
            self._judge.hang_up()
            self._look()
            self._listening.close()
            if self._recording is not None:
                end = min(self._word_at + TAIL_SECONDS, self._ended_at)
                self._pass_on(end)
                self._recording.stop_clock(end)
            self._held.clear()
        return 0.0 if self._recording is None else self._recording.seconds

    def _frame(self, frame: Samples, at: float) -> None:
        level = level_of(frame)
        self._levels.append(level)
        self._tones.feed(frame, level, at)
        # Whoever is taken for silent is cut off: what sounds like a voice is one, however steady it is.
        harmonic = self._tones.flatness < HEARING.harmonic and level > HEARING.faintest_harmonic
        speech = harmonic or level > speech_line(np.array(self._levels), HEARING)
        if self._judge.hear(at, FRAME_SECONDS, speech):
            self._word_at = monotonic()
            if self._recording is None and self._judge.begun:
                self._start()
            if self._recording is not None:
                self._pass_on(self._word_at)
        elif self._recording is None and not self._judge.last_word:
            self._forget(monotonic() - _LEAD_SECONDS)
        self._look()

    def _start(self) -> None:
        """Enough was said: from the first word's lead on it is a message."""
        started = self._held[0][3] if self._held else monotonic()
        recording = Recording(self._tenant_id, asyncio.get_running_loop(), (TRACK,), started)
        self._recording = recording
        self._begin(recording)

    def _forget(self, before: float) -> None:
        while self._held and self._held[0][3] < before:
            self._held.popleft()

    def _pass_on(self, until: float) -> None:
        """To the recording what came until then."""
        assert self._recording is not None
        track = self._recording.track(TRACK)
        while self._held and self._held[0][3] <= until:
            track.take(*self._held.popleft())

    def _look(self) -> None:
        if self._judge.ended_by is not None and not self.ended.done():
            self._ended_at = monotonic()
            self.ended.set_result(self._judge.ended_by)
