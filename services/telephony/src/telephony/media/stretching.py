"""Sound made a little shorter or longer, and carried on where it is missing: by whole periods of its pitch.

Overlap-add at the lag where a sound is most like itself (WSOLA, Verhelst and Roelands 1993), which is also how G.711
appendix I conceals loss. All sound is int16 mono.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from telephony.media.codecs import Samples

_SHORTEST, _LONGEST = 0.0025, 0.0125
"""Seconds of the pitch periods looked for: 400 to 80 Hz."""
_OVERLAP = 0.005
_SILENT = 60.0
"""RMS of 16-bit samples below which a sound may be cut anywhere (-55 dBFS)."""
_FADE_AFTER, _GONE_AFTER = 0.01, 0.06


def shortened(samples: Samples, rate: int, *, least_likeness: float) -> Samples:
    """The sound without one period, when its period is like the one after it by at least `least_likeness` (-1 to 1), or
    when it is silent; otherwise as it is. Needs 18 ms.
    """
    lag, likeness, overlap = _period(samples, rate)
    if likeness < least_likeness:
        return samples
    joined = _crossfade(samples[:overlap], samples[lag : lag + overlap])
    return np.concatenate([joined, samples[lag + overlap :]])


def lengthened(samples: Samples, rate: int) -> Samples:
    """The sound with one period twice. Needs 18 ms."""
    lag, _, overlap = _period(samples, rate)
    joined = _crossfade(samples[lag : lag + overlap], samples[:overlap])
    return np.concatenate([samples[:lag], joined, samples[overlap:]])


class Continuation:
    """Carries a sound on where packets are missing, for codecs that can't do it themselves (ITU-T G.711 appendix I)."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frame = rate // 50
        self._overlap = int(_OVERLAP * rate)
        self._heard = np.zeros(3 * self._frame, np.int16)
        self._period: Samples | None = None
        self._made = 0

    def heard(self, samples: Samples) -> Samples:
        """Take what is there; it comes back joined smoothly to what was made up before it."""
        if self._period is not None:
            size = min(self._overlap, len(samples))
            samples = np.concatenate([_crossfade(self._go_on(size), samples[:size]), samples[size:]])
            self._period = None
        self._remember(samples)
        return samples

    def missing(self) -> Samples:
        """20 ms made up: the last period again and again, fainter from 10 ms on, silent after 60."""
        if self._period is None:
            lag, _, _ = _period(self._heard[::-1], self._rate)
            self._period, self._made = self._heard[-lag:].copy(), 0
        return self._go_on(self._frame)

    def _go_on(self, count: int) -> Samples:
        period = self._period
        assert period is not None
        at = np.arange(self._made, self._made + count)
        self._made += count
        fade = 1 - (at / self._rate - _FADE_AFTER) / (_GONE_AFTER - _FADE_AFTER)
        return (period[at % len(period)] * np.clip(fade, 0, 1)).astype(np.int16)

    def _remember(self, samples: Samples) -> None:
        size = len(self._heard)
        if len(samples) >= size:
            self._heard[:] = samples[-size:]
        else:
            self._heard[: -len(samples)] = self._heard[len(samples) :]
            self._heard[-len(samples) :] = samples


def _period(samples: Samples, rate: int) -> tuple[int, float, int]:
    """The lag in samples at which the sound's beginning comes again, how alike they are (-1..1; 1 for silence), and the
    samples compared.
    """
    shortest, longest, overlap = int(_SHORTEST * rate), int(_LONGEST * rate), int(_OVERLAP * rate)
    sound = samples[: longest + overlap].astype(np.float32)
    if float(np.dot(sound, sound)) < _SILENT**2 * len(sound):
        return longest, 1.0, overlap
    template = sound[:overlap]
    later = sound[shortest:]
    match = np.correlate(later, template, "valid")
    squares = np.concatenate([np.zeros(1, np.float32), np.cumsum(later * later)])
    energy = squares[overlap:] - squares[:-overlap]
    likeness: NDArray[np.float32] = match / np.sqrt(energy * np.dot(template, template) + 1.0)
    best = int(np.argmax(likeness))
    return shortest + best, float(likeness[best]), overlap


def _crossfade(going: Samples, coming: Samples) -> Samples:
    ramp = (np.arange(len(going), dtype=np.float32) + 0.5) / len(going)
    return (going * (1 - ramp) + coming * ramp).astype(np.int16)
