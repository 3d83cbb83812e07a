"""Finds pure tones in telephone sound: one sine or two that begin, stay and end together.

Beeps, fax, busy and special information tones are such; a voice is not: it has many harmonics and none of them stays.
What a run of tone means is its reader's business (`answering_machine`).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160
_WINDOW = 400
"""50 ms: short enough for a beep of 120 ms, long enough to part two tones 90 Hz from each other."""
_SIZE = 512
_LOBE = 3
"""Bins on either side that a sine spreads over through the Hann window."""
_LOWEST, _HIGHEST = round(250 * _SIZE / RATE), round(3_600 * _SIZE / RATE)
_SPECK = 1e-3
_FAINT = -55.0
_LOOK_BACK = 7
_HANN = np.hanning(_WINDOW)

Frame = NDArray[np.int16]
Pitches = tuple[float, ...]


@dataclass(frozen=True)
class ToneRun:
    """A tone from its begin to its end, seconds since the answer."""

    pitches: Pitches
    """Hertz: of one sine, or of two in rising order."""
    begin: float
    end: float
    unevenness: float
    """Decibels that its level varied by (standard deviation)."""
    level: float
    """Decibels of full scale."""
    rise: float
    """Decibels that it stood out of what was heard just before it."""

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def near(self, other: ToneRun, share: float = 0.02) -> bool:
        """Whether both are the same tone, to a share of its pitch."""
        return same(self.pitches, other.pitches, share)


def same(one: Pitches, other: Pitches, share: float) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= share * a for a, b in zip(one, other, strict=True))


class ToneReader:
    """Follows one stream's tones. Feed it every frame; then look at `running` and `ended`."""

    def __init__(
        self, *, purity: float = 0.75, steadiness: float = 0.015, shortest: float = 0.1, loudest_gap: int = 2
    ) -> None:
        """`purity` is the share of energy in the tone, `steadiness` the share its pitch may wander by, `shortest`
        seconds from which a tone counts, `loudest_gap` frames that loss may take out of it.
        """
        self.running: ToneRun | None = None
        """The tone that sounds now, once it has lasted long enough to count."""
        self.ended: ToneRun | None = None
        """The tone that this frame showed to be over."""
        self.flatness = 0.0
        """Of the last window's spectrum, decibels: 0 is white noise, a voice or an instrument -20."""
        self._purity, self._steadiness, self._shortest, self._gap = purity, steadiness, shortest, loudest_gap
        self._window = np.zeros(_WINDOW)
        self._pitches: Pitches = ()
        self._begin = self._last = 0.0
        self._levels: list[float] = []
        self._before: deque[float] = deque([-96.0] * _LOOK_BACK, _LOOK_BACK)
        self._base = -96.0
        self._missed = 0

    def feed(self, frame: Frame, level: float, at: float) -> None:
        """One frame of 20 ms that began `at` seconds, with its level in dB of full scale."""
        self._window = np.concatenate([self._window[len(frame) :], frame])
        self.flatness = 0.0
        found = self._measure() if level > _FAINT else ()
        self.ended = None
        if found and self._pitches and same(self._pitches, found, self._steadiness):
            count = len(self._levels)
            self._pitches = tuple(
                (old * count + new) / (count + 1) for old, new in zip(self._pitches, found, strict=True)
            )
            self._levels.append(level)
            self._last, self._missed = at + FRAME / RATE, 0
        elif self._pitches and self._missed < self._gap:
            self._missed += 1
        else:
            self._finish()
            if found:
                # Half the window was tone already when the tone came out clean.
                self._pitches, self._levels, self._missed = found, [level], 0
                self._begin, self._last = at + FRAME / RATE - _WINDOW / RATE, at + FRAME / RATE
                self._base = min(self._before)
        self._before.append(level)
        run = self._run()
        self.running = run if run is not None and run.seconds >= self._shortest else None

    def _finish(self) -> None:
        run = self._run()
        if run is not None and run.seconds >= self._shortest:
            self.ended = run
        self._pitches, self._levels, self._missed = (), [], 0

    def _run(self) -> ToneRun | None:
        if len(self._levels) < 2:
            return None
        inner = self._levels[1:-1] or self._levels
        level = float(np.mean(inner))
        return ToneRun(
            self._pitches, max(0.0, self._begin), self._last, float(np.std(inner)), level, level - self._base
        )

    def _measure(self) -> Pitches:
        """The pitches of the tone that fills the window; empty when something else does."""
        power = np.abs(np.fft.rfft(self._window * _HANN, _SIZE)) ** 2
        power[:_LOWEST] = power[_HIGHEST:] = 0.0
        whole = float(power.sum())
        if whole <= 0.0:
            return ()
        band = power[_LOWEST:_HIGHEST]
        self.flatness = 10 * float(np.mean(np.log10(band + _SPECK)) - math.log10(np.mean(band) + _SPECK))
        first, first_energy = _strongest(power)
        if first_energy >= self._purity * whole:
            return (first,)
        second, second_energy = _strongest(power)
        if second_energy >= first_energy / 8 and first_energy + second_energy >= self._purity * whole:
            return (first, second) if first < second else (second, first)
        return ()


def _strongest(power: NDArray[np.float64]) -> tuple[float, float]:
    """Hertz and energy of the strongest line, which is taken out."""
    peak = int(np.argmax(power))
    low, high = max(0, peak - _LOBE), peak + _LOBE + 1
    around = power[low:high]
    energy = float(around.sum())
    # The centre of gravity of a windowed sine's lobe is its pitch, to about a hertz.
    pitch = float(np.dot(around, np.arange(low, low + len(around))) / energy) if energy else 0.0
    power[low:high] = 0.0
    return pitch * RATE / _SIZE, energy
