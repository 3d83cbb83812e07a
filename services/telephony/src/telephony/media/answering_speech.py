"""What was said so far on an answered call: when, how much, with what pauses. Pure; who did is `answering_machine`'s.

Quiet and speech are told by level, and looked at anew with every frame, with all that is known by then of the line's
noise and the speaker's loudness. Syllables are counted by the rise and fall of the level (as Mermelstein 1975 does).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul

import numpy as np
from numpy.typing import NDArray

from telephony.media.tones import FRAME, RATE, Frame, ToneRun

FRAME_SECONDS = FRAME / RATE
Vad = Callable[[Frame], bool]
"""Whether a frame belongs to a voice; asked of every frame in turn. `answering_vad.SileroVad` is one."""
_ENOUGH = 12
_PRESUMED_FLOOR = -42.0
_ROOM = 512
_RECENT = 10
_PARTS = 2
"""A frame's level is taken in halves, for syllables."""
_SMOOTHING = tuple(map(float, np.hanning(9) / np.hanning(9).sum()))
_SMOOTHING_DELAY = 0.045


@dataclass(frozen=True)
class Hearing:
    """What is taken for speech. Seconds, and decibels of full scale."""

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
    faintest_noise: float = -60.0
    """What is fainter makes no unrest."""
    dip: float = 2.0
    """Decibels that the level falls between two syllables."""
    syllable: float = 15.0
    """Decibels below the loudest speech down to which a rise and fall is a syllable."""
    loud: float = 4.0
    """Decibels below the loudest speech down to which a syllable is a loud one: a room behind it has none."""


HEARING = Hearing()


@dataclass(frozen=True)
class Speech:
    """What was said so far, seconds since the answer."""

    begin: float
    end: float
    quiet: float
    """Seconds since the last word."""
    contrast: float
    """Decibels between the words and that quiet, on average."""
    loudest: float
    unrest: float
    """Decibels that the loudest of the last 0.2 s of that quiet is above the line's noise: voiceless consonants are."""
    talked: float
    """Seconds of words, without the pauses between them."""
    pauses: int
    """Pauses between words."""
    longest_pause: float
    syllables: int
    last_syllable: float
    """Seconds from the last syllable's loudest point to the end of the words."""
    faded: float
    """Seconds since the last loud syllable: who talks on has one again and again, the room behind a word has none."""

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class SpeechReader:
    """Follows one call's speech. Feed it every frame; `read` tells what it amounts to now."""

    def __init__(self, like: Hearing, vad: Vad | None = None) -> None:
        self.line = 0.0
        """Decibels above which sound is speech, as last read."""
        self._like = like
        self._vad = vad
        self._count = 0
        self._levels: NDArray[np.float64] = np.zeros(_ROOM)
        self._times: NDArray[np.float64] = np.zeros(_ROOM)
        self._harmonic: NDArray[np.bool_] = np.zeros(_ROOM, bool)
        self._voiced: NDArray[np.bool_] = np.zeros(_ROOM, bool)
        self._syllables = _SyllableReader(like.dip)

    def feed(self, frame: Frame, level: float, flatness: float, now: float) -> None:
        """A frame that ends `now`, with its level and the flatness of its spectrum (`ToneReader.flatness`)."""
        if self._count == len(self._levels):
            self._levels, self._times = (np.concatenate([old, np.zeros(_ROOM)]) for old in (self._levels, self._times))
            self._harmonic, self._voiced = (
                np.concatenate([old, np.zeros(_ROOM, bool)]) for old in (self._harmonic, self._voiced)
            )
        self._levels[self._count] = level
        self._times[self._count] = now
        self._harmonic[self._count] = flatness < self._like.harmonic and level > self._like.faintest_harmonic
        self._voiced[self._count] = self._vad is None or self._vad(frame)
        self._count += 1
        self._syllables.feed(frame, now)

    def read(self, tones: Sequence[ToneRun]) -> Speech | None:
        """What was said, `tones` left out; None for nothing yet."""
        like = self._like
        count = self._count
        levels, times, heard = self._levels[:count], self._times[:count], np.ones(count, bool)
        for tone in tones:
            heard &= (times <= tone.begin) | (times > tone.end + 2 * FRAME_SECONDS)
        self.line = speech_line(levels[heard] if heard.any() else levels, like)
        # Music is no quiet, whatever a `Vad` says of it: who is put on hold hears nobody wait.
        voiced = np.flatnonzero((((levels > self.line) & self._voiced[:count]) | self._harmonic[:count]) & heard)
        words = _words(voiced, like)
        if not words:
            return None
        begin, end = int(words[0][0]), int(words[-1][-1]) + 1
        pauses = [int(after[0]) - int(before[-1]) - 1 for before, after in pairwise(words)]
        spoken = levels[np.concatenate(words)]
        after = levels[end:][heard[end:]]
        loudest = _quantile(np.sort(spoken), 0.9)
        floor = max(_quantile(np.sort(levels[heard]), 0.1), like.faintest_noise)
        peaks = self._syllables.between(begin * FRAME_SECONDS, end * FRAME_SECONDS, loudest - like.syllable)
        loud = [at for at, level in peaks if level >= loudest - like.loud]
        return Speech(
            begin=begin * FRAME_SECONDS,
            end=end * FRAME_SECONDS,
            quiet=(len(levels) - end) * FRAME_SECONDS,
            contrast=float(spoken.mean() - after.mean()) if len(after) else 0.0,
            loudest=loudest,
            unrest=max(float(after[-_RECENT:].max()) - floor, 0.0) if len(after) else 0.0,
            talked=sum(map(len, words)) * FRAME_SECONDS,
            pauses=len(pauses),
            longest_pause=max(pauses, default=0) * FRAME_SECONDS,
            syllables=len(peaks),
            last_syllable=end * FRAME_SECONDS - peaks[-1][0] if peaks else 0.0,
            faded=len(levels) * FRAME_SECONDS - loud[-1] if loud else 0.0,
        )


class _SyllableReader:
    """The loudest points of what rises and falls."""

    def __init__(self, dip: float) -> None:
        self._dip = dip
        self._recent = [-96.0] * len(_SMOOTHING)
        self._peaks: list[tuple[float, float]] = []
        """Seconds and level, the last one still rising when `_rising`."""
        self._rising = False
        self._turn = -96.0
        """The level of the peak or the valley that was passed last."""

    def feed(self, frame: Frame, now: float) -> None:
        for index, part in enumerate(frame.reshape(_PARTS, -1)):
            self._recent = [*self._recent[1:], level_of(part)]
            level = sum(map(mul, _SMOOTHING, self._recent))
            at = now - FRAME_SECONDS * (1 - (index + 1) / _PARTS) - _SMOOTHING_DELAY
            if self._rising:
                if level >= self._turn:
                    self._turn, self._peaks[-1] = level, (at, level)
                elif level < self._turn - self._dip:
                    self._rising, self._turn = False, level
            elif level > self._turn + self._dip:
                self._rising, self._turn = True, level
                self._peaks.append((at, level))
            else:
                self._turn = min(self._turn, level)

    def between(self, begin: float, end: float, faintest: float) -> list[tuple[float, float]]:
        """When those were that are as loud as `faintest`, and how loud."""
        return [(at, level) for at, level in self._peaks if begin <= at <= end and level >= faintest]


def level_of(samples: Frame) -> float:
    """Decibels of full scale, -96 for digital silence."""
    wide = samples.astype(np.float64)
    return 10 * math.log10(float(np.dot(wide, wide)) / len(wide) / 32_768**2 + 10**-9.6)


def speech_line(levels: NDArray[np.float64], like: Hearing) -> float:
    """The level above which a frame is speech, from all levels so far."""
    rising = np.sort(levels)
    floor, loudest = _quantile(rising, 0.1), _quantile(rising, 0.95)
    if len(levels) < _ENOUGH:
        # So early the floor may be speech already.
        floor = min(floor, _PRESUMED_FLOOR)
    return max(floor + max(like.margin, like.share * (loudest - floor)), like.quietest)


def _quantile(rising: NDArray[np.float64], share: float) -> float:
    """`np.quantile` of what is sorted already, in a tenth of its time."""
    place = share * (len(rising) - 1)
    below = int(place)
    above = min(below + 1, len(rising) - 1)
    return float(rising[below] + (place - below) * (rising[above] - rising[below]))


def _words(voiced: NDArray[np.intp], like: Hearing) -> list[NDArray[np.intp]]:
    """Voiced frames in parts, by the pauses between them; clicks are left out."""
    if not len(voiced):
        return []
    ends = np.flatnonzero(np.diff(voiced) > like.bridge / FRAME_SECONDS + 1) + 1
    parts = [voiced[begin:end] for begin, end in pairwise((0, *ends.tolist(), len(voiced)))]
    return [part for part in parts if len(part) >= like.shortest_word / FRAME_SECONDS]
