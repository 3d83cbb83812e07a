"""Tells a person who answers from a machine, by what is heard in the first seconds.

How, how well, and what that doesn't show: docs/mechanisms/answering-machines.md.

A person says a word or two and waits. A machine goes on talking, or beeps. Fax machines and dead numbers have tones of
their own. The detector is fed decoded sound and knows no clock: time is where a frame lies after the answer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from telephony.domain.legs import Answer
from telephony.media.answering_evidence import Pace, evidence_of
from telephony.media.answering_speech import FRAME_SECONDS, Hearing, Speech, SpeechReader, Vad, level_of
from telephony.media.answering_weights import PATIENT_PACE, QUICK_PACE, QUIET, TALKING
from telephony.media.tones import FRAME, Frame, ToneReader, ToneRun

_TONES = 8
_SHARP = Hearing(share=0.65)
"""A higher line than is right for messages: pauses are to be heard soon, weak ends of words may be lost."""


@dataclass(frozen=True)
class Parameters:
    """What the detector goes by. Seconds, and decibels of full scale."""

    hearing: Hearing = _SHARP
    pace: Pace = QUICK_PACE
    contrast: float = 6.0
    """Decibels that speech is above the quiet after it, on average: else the quiet isn't one."""
    nobody: float = 4.5
    """Silence from the answer on for this long: unknown."""
    patience: float = 7.0
    """No decision by then: unknown."""
    spoken: float = 0.25
    """Less speech than this before a tone is a noise of the line."""
    room: float = 7.0
    """Decibels below a tone from which on speech is that of the room behind it."""
    evenness: float = 2.0
    """Decibels (standard deviation) that a beep's level may vary by."""
    shortest_beep: float = 0.16
    """A beep of one pitch; two in a row may each be shorter."""
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
    ringing_within: float = 0.15
    """A ringing tone that sounds when the call is answered is what is left of the ringing: it begins by then."""
    lowest_ringing: float = 340.0
    """Hertz: ITU-T E.180 2 has 400 to 450, North America 440 and 480 together."""
    highest_ringing: float = 510.0
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
PATIENT = Parameters(pace=PATIENT_PACE)
"""More machines that pause are caught, and people wait longer."""


@dataclass(frozen=True)
class Verdict:
    """What was decided, how long after the answer, and why."""

    answer: Answer
    seconds: float
    reason: str
    final: bool
    """False for a MACHINE whose beep is waited for: one more verdict follows."""


class AnsweringMachineDetector:
    """Listens to one answered call. Feed it frames until `done`."""

    def __init__(
        self, parameters: Parameters | None = None, *, wait_for_beep: bool = False, vad: Vad | None = None
    ) -> None:
        self.done = False
        self.speech: Speech | None = None
        """What was said until the first verdict, as far as it is known by now."""
        self._like = parameters or QUICK
        self._wait_for_beep = wait_for_beep
        self._talk = SpeechReader(self._like.hearing, vad)
        self._tones: list[ToneRun] = []
        self._recent: deque[float] = deque(maxlen=max(1, round(self._like.settle / FRAME_SECONDS) - 2))
        self._reader = ToneReader()
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
            self._talk.feed(frame, level, self._reader.flatness, now)
            speech = self._talk.read([tone for tone in self._heard() if self._is_made(tone) or self._is_ringing(tone)])
            self.speech = speech
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
            and not self._is_ringing(tone)
            and tone.seconds <= like.longest_beep
            and tone.rise >= like.stands_out
            and all(like.lowest_beep <= pitch <= like.highest_beep for pitch in tone.pitches)
            and tone.level - max(self._recent) >= like.stands_out
        )

    # -- speech --------------------------------------------------------------------------------------------

    def _by_speech(self, speech: Speech | None, now: float) -> Verdict | None:
        like = self._like
        if speech is None:
            if now >= like.nobody and self._reader.running is None:
                return self._final(Answer.UNKNOWN, now, f"nothing was said for {like.nobody:.1f} s")
        elif speech.faded >= like.pace.enough_faded and not self.tone_pending(now):
            return self._final(
                Answer.HUMAN, now, f"said {_amount(speech)} and for {speech.faded:.1f} s nothing as loud again"
            )
        elif speech.quiet < like.pace.least_quiet:
            verdict = self._by_talk(speech, now)
            if verdict is not None:
                return verdict
        elif self._waits(speech, now):
            return self._final(
                Answer.HUMAN, now, f"said {_amount(speech)} in {speech.seconds:.1f} s and waited {speech.quiet:.1f} s"
            )
        if now >= like.patience:
            return self._final(Answer.UNKNOWN, now, f"nothing that tells in {like.patience:.0f} s")
        return None

    def _by_talk(self, speech: Speech, now: float) -> Verdict | None:
        """A machine talks on."""
        pace = self._like.pace
        likely = speech.seconds >= pace.talked and TALKING.odds(evidence_of(speech)) > pace.machine
        if likely or speech.seconds > pace.too_long:
            return self._machine(now, f"said {_amount(speech)} in {speech.seconds:.1f} s and goes on")
        return None

    def _waits(self, speech: Speech, now: float) -> bool:
        """A person has said something and waits."""
        pace = self._like.pace
        if speech.contrast < self._like.contrast or self.tone_pending(now):
            return False
        return speech.quiet >= pace.enough_quiet or QUIET.odds(evidence_of(speech)) < pace.person_at(now)

    def _spoken(self, speech: Speech | None) -> bool:
        """Whether somebody had said something before the last tone, louder than a room behind it."""
        if speech is None or speech.seconds < self._like.spoken:
            return False
        return not self._tones or speech.loudest >= self._tones[-1].level - self._like.room

    def tone_pending(self, now: float) -> bool:
        """Whether a tone that sounds or has just sounded is still to be made out."""
        if self._reader.running is not None:
            return self._is_made(self._reader.running)
        wait = self._like.settle_progress + self._like.settle
        return bool(self._tones) and self._is_made(self._tones[-1]) and now - self._tones[-1].end < wait

    def _is_made(self, tone: ToneRun) -> bool:
        """Whether no voice made it: it stands out of quiet and is even."""
        like = self._like
        if self._is_ringing(tone):
            return False
        if tone.seconds >= like.surely_tone:
            return True
        enough = like.shortest_beep if len(tone.pitches) == 1 else like.shortest_pair
        return tone.seconds >= enough and tone.rise >= like.stands_out and tone.unevenness <= like.evenness

    def _is_ringing(self, tone: ToneRun) -> bool:
        """Whether it is what is left of the ringing: some lines go on with it for a moment after the answer."""
        like = self._like
        return tone.begin <= like.ringing_within and all(
            like.lowest_ringing <= pitch <= like.highest_ringing for pitch in tone.pitches
        )

    def _heard(self) -> list[ToneRun]:
        """The tones so far, the one that sounds now among them."""
        return [*self._tones, *([self._reader.running] if self._reader.running is not None else ())]

    # -- verdicts ------------------------------------------------------------------------------------------

    def _machine(self, now: float, reason: str) -> Verdict:
        self._machine_at = self._spoke_at = now
        return Verdict(Answer.MACHINE, now, reason, not self._wait_for_beep)

    def _by_patience(self, level: float, now: float) -> Verdict | None:
        """The end of waiting for a beep."""
        assert self._machine_at is not None
        like = self._like
        if level > self._talk.line:
            self._spoke_at = now
        if now - self._spoke_at >= like.greeting_over and self._reader.running is None:
            return self._final(Answer.MACHINE, now, f"quiet for {like.greeting_over:.0f} s, no beep came")
        if now - self._machine_at >= like.beep_within:
            return self._final(Answer.MACHINE, now, f"no beep came in {like.beep_within:.0f} s")
        return None

    @staticmethod
    def _final(answer: Answer, now: float, reason: str) -> Verdict:
        return Verdict(answer, now, reason, True)


def _amount(speech: Speech) -> str:
    return f"{speech.syllables} syllable{'' if speech.syllables == 1 else 's'}"


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
