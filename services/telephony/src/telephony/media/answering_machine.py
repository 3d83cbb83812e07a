"""Tells a person who answers from a machine, by what is heard in the first seconds.

How, how well, and what that doesn't show: docs/mechanisms/answering-machines.md.

A person says a word or two and waits. A machine goes on talking, or beeps. Fax machines and dead numbers have tones of
their own. The detector is fed decoded sound and knows no clock: time is where a frame lies after the answer.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from telephony.domain.legs import Answer
from telephony.media.tones import FRAME, RATE, Frame, ToneReader, ToneRun

FRAME_SECONDS = FRAME / RATE
_ENOUGH = 12
_PRESUMED_FLOOR = -42.0
_TONES = 8
Vad = Callable[[bytes], bool]
"""Whether 20 ms of 8 kHz, 16-bit samples are speech; webrtcvad's `is_speech` with its rate bound is one."""


@dataclass(frozen=True)
class Parameters:
    """What the detector goes by. Seconds, and decibels of full scale."""

    word: float = 0.6
    """Speech up to this long is a word or two."""
    phrase: float = 1.1
    """Up to this it is a phrase, beyond it a sentence."""
    quiet_after_word: float = 0.25
    """Who has said a word or two and waits this long is a person."""
    quiet_after_phrase: float = 0.35
    quiet_after_sentence: float = 0.5
    contrast: float = 6.0
    """Decibels that speech is above the quiet after it, on average: else the quiet isn't one."""
    greeting: float = 1.7
    """Who talks longer than this, pauses included, is a machine."""
    nobody: float = 4.5
    """Silence from the answer on for this long: unknown."""
    patience: float = 7.0
    """No decision by then: unknown."""
    spoken: float = 0.25
    """Less speech than this before a tone is a noise of the line."""
    room: float = 7.0
    """Decibels below a tone from which on speech is that of the room behind it."""
    bridge: float = 0.16
    """Pauses up to this are part of a word."""
    shortest_word: float = 0.08
    """Less is a click."""
    margin: float = 6.0
    """Decibels that speech is above the noise floor at least."""
    share: float = 0.55
    """Where between noise floor (0) and loudest speech (1) the line between quiet and speech lies."""
    harmonic: float = -18.0
    """Flatness (dB) under which sound is a voice or an instrument however loud the noise floor is thought to be."""
    faintest_harmonic: float = -45.0
    quietest: float = -50.0
    """Nothing below this is speech."""
    purity: float = 0.75
    """Share of the energy that is in a tone's one or two lines."""
    steadiness: float = 0.015
    """Share that a tone's pitch may wander by."""
    evenness: float = 2.0
    """Decibels (standard deviation) that a beep's level may vary by."""
    shortest_tone: float = 0.1
    """Less is never taken for a tone."""
    shortest_beep: float = 0.16
    """A beep of one pitch; two in a row may each be a `shortest_tone`."""
    shortest_pair: float = 0.2
    """A beep of two pitches together: two of a voice's harmonics stay as long at times."""
    surely_tone: float = 0.3
    """No voice holds one pitch as long as this."""
    longest_beep: float = 2.2
    again: float = 0.3
    """Pause between two beeps in a row."""
    stands_out: float = 6.0
    """Decibels that a beep is above what comes just before and after it."""
    lowest_beep: float = 380.0
    """Hertz."""
    highest_beep: float = 2_000.0
    """Hertz."""
    settle: float = 0.2
    """Quiet that must follow a beep: tones that come in a row are not over yet."""
    settle_progress: float = 0.75
    """The same for pitches of busy and ringing tones when nobody has said anything: they come again."""
    beep_within: float = 60.0
    """How long after MACHINE a beep is waited for."""
    greeting_over: float = 4.0
    """Silence after a machine's greeting with which the wait for its beep ends."""


QUICK = Parameters()
"""A person waits as little as can be; more machines pass for people."""
PATIENT = replace(QUICK, quiet_after_word=0.5, quiet_after_phrase=0.6, quiet_after_sentence=0.7, greeting=1.9)
"""Half a second more: more machines that pause are caught, and more people who say a whole sentence are lost."""


@dataclass(frozen=True)
class Verdict:
    """What was decided, how long after the answer, and why."""

    answer: Answer
    seconds: float
    reason: str
    final: bool
    """False for a MACHINE whose beep is waited for: one more verdict follows."""


@dataclass(frozen=True)
class _Speech:
    """What was said so far, seconds since the answer."""

    begin: float
    end: float
    quiet: float
    """Seconds since the last word."""
    contrast: float
    """Decibels between the words and that quiet, on average."""
    loudest: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class AnsweringMachineDetector:
    """Listens to one answered call. Feed it frames until `done`."""

    def __init__(
        self, parameters: Parameters | None = None, *, wait_for_beep: bool = False, vad: Vad | None = None
    ) -> None:
        self.done = False
        self._like = parameters or QUICK
        self._wait_for_beep = wait_for_beep
        self._vad = vad
        self._levels: list[float] = []
        self._times: list[float] = []
        self._voiced: list[bool] = []
        self._line = 0.0
        self._tones: list[ToneRun] = []
        self._harmonic: list[bool] = []
        self._recent: deque[float] = deque(maxlen=max(1, round(self._like.settle / FRAME_SECONDS) - 2))
        self._reader = ToneReader(
            purity=self._like.purity, steadiness=self._like.steadiness, shortest=self._like.shortest_tone
        )
        self._machine_at: float | None = None
        self._spoke_at = 0.0

    def feed(self, frame: Frame, at: float) -> Verdict | None:
        """Take the 20 ms (160 samples at 8 kHz) that began `at` seconds after the answer; a verdict when there is one.

        At most one final verdict comes, and before it at most one MACHINE that isn't final. Frames that follow are
        ignored. ValueError for a frame of another length.
        """
        if len(frame) != FRAME:
            raise ValueError(f"a frame has {FRAME} samples, not {len(frame)}")
        if self.done:
            return None
        level = level_of(frame)
        self._reader.feed(frame, level, at)
        self._recent.append(level)
        if self._reader.ended is not None:
            self._tones = [*self._tones[-_TONES + 1 :], self._reader.ended]
        now = at + FRAME_SECONDS
        if self._machine_at is None:
            self._note(frame, level, now)
            speech = self._speech()
            verdict = self._by_tone(now, spoken=self._spoken(speech)) or self._by_speech(speech, now)
        else:
            verdict = self._by_tone(now, spoken=True) or self._by_patience(level, now)
        if verdict is not None:
            self.done = verdict.final
        return verdict

    # -- tones ---------------------------------------------------------------------------------------------

    def _by_tone(self, now: float, *, spoken: bool) -> Verdict | None:
        like, running, tones = self._like, self._reader.running, self._tones
        if running is not None and len(running.pitches) == 1:
            # ITU-T T.30 5.3: the answer tone (CED) is 2100 Hz +-15 for 2.6 to 4 s.
            if abs(running.pitches[0] - 2_100) <= 25 and running.seconds >= 0.5:
                return self._final(Answer.FAX, now, "the answer tone of a fax machine, 2100 Hz")
            if len(tones) >= 2 and running.seconds >= 0.15 and _is_information(tones[-2], tones[-1], running):
                return self._final(Answer.DISCONNECTED, now, "a special information tone: the number can't be reached")
        if not tones or running is not None:
            return None
        last = tones[-1]
        if not spoken and len(tones) >= 2 and _is_busy(tones[-2], last):
            return self._final(Answer.DISCONNECTED, now, "a busy tone: nobody is there")
        quiet = now - last.end
        if quiet < like.settle:
            return None
        # ITU-T T.30 4.4.2.1: a calling fax machine sends 1100 Hz +-38 for 0.5 s +-15 %.
        if (
            not spoken
            and len(last.pitches) == 1
            and abs(last.pitches[0] - 1_100) <= 45
            and 0.42 <= last.seconds <= 0.62
        ):
            return self._final(Answer.FAX, now, "the calling tone of a fax machine, 1100 Hz for half a second")
        if self._is_beep(last) and (spoken or last.pitches[0] > 700 or quiet >= like.settle_progress):
            pitches = " and ".join(f"{pitch:.0f}" for pitch in last.pitches)
            return self._final(Answer.MACHINE_BEEP, now, f"a beep of {pitches} Hz for {last.seconds:.2f} s, then quiet")
        return None

    def _is_beep(self, tone: ToneRun) -> bool:
        like = self._like
        again = (
            len(self._tones) > 1
            and len(tone.pitches) == 1
            and tone.near(self._tones[-2])
            and tone.begin - self._tones[-2].end < like.again
        )
        return (
            (again or self._is_made(tone))
            and tone.seconds <= like.longest_beep
            and tone.rise >= like.stands_out
            and all(like.lowest_beep <= pitch <= like.highest_beep for pitch in tone.pitches)
            and tone.level - max(self._recent) >= like.stands_out
        )

    # -- speech --------------------------------------------------------------------------------------------

    def _note(self, frame: Frame, level: float, now: float) -> None:
        self._levels.append(level)
        self._times.append(now)
        self._harmonic.append(self._reader.flatness < self._like.harmonic and level > self._like.faintest_harmonic)
        self._voiced.append(self._vad is None or self._vad(frame.tobytes()))

    def _by_speech(self, speech: _Speech | None, now: float) -> Verdict | None:
        like = self._like
        if speech is None:
            if now >= like.nobody and self._reader.running is None:
                return self._final(Answer.UNKNOWN, now, f"nothing was said for {like.nobody:.1f} s")
        elif speech.seconds >= like.greeting:
            return self._machine(now, f"talked for {speech.seconds:.1f} s without waiting for an answer")
        elif (
            speech.quiet >= self._wait_after(speech)
            and speech.contrast >= like.contrast
            and not self._tone_pending(now)
        ):
            return self._final(
                Answer.HUMAN, now, f"said something for {speech.seconds:.1f} s and waited {speech.quiet:.1f} s"
            )
        if now >= like.patience:
            return self._final(Answer.UNKNOWN, now, f"nothing that tells in {like.patience:.0f} s")
        return None

    def _spoken(self, speech: _Speech | None) -> bool:
        """Whether somebody had said something before the last tone, louder than a room behind it."""
        if speech is None or speech.seconds < self._like.spoken:
            return False
        return not self._tones or speech.loudest >= self._tones[-1].level - self._like.room

    def _wait_after(self, speech: _Speech) -> float:
        """The more was said, the longer a pause may be before a machine goes on."""
        like = self._like
        if speech.seconds <= like.word:
            return like.quiet_after_word
        return like.quiet_after_phrase if speech.seconds <= like.phrase else like.quiet_after_sentence

    def _tone_pending(self, now: float) -> bool:
        """Whether a tone that sounds or has just sounded is still to be made out."""
        if self._reader.running is not None:
            return self._is_made(self._reader.running)
        wait = self._like.settle_progress + self._like.settle
        return bool(self._tones) and self._is_made(self._tones[-1]) and now - self._tones[-1].end < wait

    def _is_made(self, tone: ToneRun) -> bool:
        """Whether no voice made it: it stands out of quiet and is even."""
        like = self._like
        if tone.seconds >= like.surely_tone:
            return True
        enough = like.shortest_beep if len(tone.pitches) == 1 else like.shortest_pair
        return tone.seconds >= enough and tone.rise >= like.stands_out and tone.unevenness <= like.evenness

    def _speech(self) -> _Speech | None:
        """What was said until now, looked at anew with all that is known by now of noise and loudness."""
        like = self._like
        levels = np.array(self._levels)
        times = np.array(self._times)
        heard = np.array(self._voiced)
        running = self._reader.running
        for tone in (*self._tones, *([running] if running is not None else ())):
            if self._is_made(tone):
                heard &= (times <= tone.begin) | (times > tone.end + 2 * FRAME_SECONDS)
        self._line = speech_line(levels[heard] if heard.any() else levels, like)
        voiced = np.flatnonzero(((levels > self._line) | np.array(self._harmonic)) & heard)
        if not len(voiced):
            return None
        parts = np.split(voiced, np.flatnonzero(np.diff(voiced) > like.bridge / FRAME_SECONDS + 1) + 1)
        words = [part for part in parts if len(part) >= like.shortest_word / FRAME_SECONDS]
        if not words:
            return None
        begin, end = int(words[0][0]), int(words[-1][-1]) + 1
        spoken = levels[np.concatenate(words)]
        after = levels[end:][heard[end:]]
        return _Speech(
            begin * FRAME_SECONDS,
            end * FRAME_SECONDS,
            (len(levels) - end) * FRAME_SECONDS,
            float(np.mean(spoken) - np.mean(after)) if len(after) else 0.0,
            float(np.percentile(spoken, 90)),
        )

    # -- verdicts ------------------------------------------------------------------------------------------

    def _machine(self, now: float, reason: str) -> Verdict:
        self._machine_at = self._spoke_at = now
        return Verdict(Answer.MACHINE, now, reason, not self._wait_for_beep)

    def _by_patience(self, level: float, now: float) -> Verdict | None:
        """The end of waiting for a beep."""
        assert self._machine_at is not None
        like = self._like
        if level > self._line:
            self._spoke_at = now
        if now - self._spoke_at >= like.greeting_over and self._reader.running is None:
            return self._final(Answer.MACHINE, now, f"quiet for {like.greeting_over:.0f} s, no beep came")
        if now - self._machine_at >= like.beep_within:
            return self._final(Answer.MACHINE, now, f"no beep came in {like.beep_within:.0f} s")
        return None

    @staticmethod
    def _final(answer: Answer, now: float, reason: str) -> Verdict:
        return Verdict(answer, now, reason, True)


def level_of(frame: Frame) -> float:
    """Decibels of full scale, -96 for digital silence."""
    mean_square = float(np.mean(frame.astype(np.float64) ** 2)) / 32_768**2
    return 10 * math.log10(mean_square + 10**-9.6)


def speech_line(levels: NDArray[np.float64], like: Parameters) -> float:
    """The level above which a frame is speech, from all levels so far."""
    floor, loudest = np.percentile(levels, (10, 95))
    if len(levels) < _ENOUGH:
        # So early the floor may be speech already.
        floor = min(floor, _PRESUMED_FLOOR)
    return max(float(floor + max(like.margin, like.share * (loudest - floor))), like.quietest)


def _is_information(first: ToneRun, second: ToneRun, third: ToneRun) -> bool:
    """ITU-T E.180 5.2: 950, 1400 and 1800 Hz (+-50) in a row; North America's are near enough."""
    near = all(
        len(tone.pitches) == 1 and abs(tone.pitches[0] - pitch) <= 60
        for tone, pitch in ((first, 950), (second, 1_400), (third, 1_800))
    )
    return near and second.begin - first.end < 0.1 and third.begin - second.end < 0.1


def _is_busy(first: ToneRun, second: ToneRun) -> bool:
    """ITU-T E.180 4: the same tone again and again, on about as long as off, 0.15 to 0.8 s."""
    pause = second.begin - first.end
    return (
        first.near(second)
        and all(340 <= pitch <= 680 for pitch in second.pitches)
        and all(0.15 <= seconds <= 0.8 for seconds in (first.seconds, second.seconds, pause))
        and abs(first.seconds - second.seconds) <= 0.12
    )
