"""How loud sound is heard to be, and making it as loud as all else: ITU-T's and the EBU's measure, not the peak's.

Mono float32 in -1..1 at 48 kHz. Integrated loudness by ITU-R BS.1770-4, true peak by its annex 2. For the speech worker
process: a minute takes tenths of a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
TARGET = -22.0
"""LUFS of everything that is said to a caller, uploaded or synthesized."""
HIGHEST_PEAK = -1.5
"""dBTP. EBU R 128 allows -1; a lossy codec overshoots by a little."""
_MOST_GAIN = 30.0
"""Decibels. What must be raised by more is noise."""
_SILENT = -70.0
_BLOCK = RATE * 2 // 5
_STEP = _BLOCK // 4
_CHUNK = 10 * RATE
_CONTEXT = RATE // 2
_KEPT_BEFORE, _KEPT_AFTER = int(0.1 * RATE), int(0.25 * RATE)
_FRAME = RATE // 50
# BS.1770-4 tables 1 and 2: the head's shelf, and the high-pass, as (numerator, denominator).
_WEIGHTING = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)

Samples = NDArray[np.float32]


def loudness(samples: Samples) -> float:
    """LUFS, integrated and gated; -inf for what is silent. Less than 0.4 s is one block."""
    power = np.concatenate([_weighted(piece, skip) ** 2 for piece, skip in _pieces(samples)] or [np.zeros(1)])
    sums = np.concatenate([[0.0], np.cumsum(power)])
    size = min(_BLOCK, len(power))
    starts = np.arange(0, len(power) - size + 1, _STEP)
    blocks = (sums[starts + size] - sums[starts]) / size
    loud = blocks[blocks > _power(_SILENT)]
    if not len(loud):
        return -math.inf
    gated = loud[loud > float(np.mean(loud)) / 10]
    return _lufs(float(np.mean(gated)))


def true_peak(samples: Samples) -> float:
    """dBTP: the highest level between the samples too, by four times as many of them; -inf for silence."""
    highest = 0.0
    for piece, skip in _pieces(samples):
        size = _quick_size(len(piece) + _CONTEXT)
        finer = np.fft.irfft(np.fft.rfft(piece, size), 4 * size) * 4
        highest = max(highest, float(np.max(np.abs(finer[4 * skip : 4 * len(piece)]), initial=0.0)))
    return 20 * math.log10(highest) if highest > 0 else -math.inf


def evened(samples: Samples, target: float = TARGET) -> Samples:
    """As loud as `target` LUFS, unless its true peak would pass `HIGHEST_PEAK`: then as loud as may be."""
    heard = loudness(samples)
    if math.isinf(heard):
        return samples
    gain = min(target - heard, HIGHEST_PEAK - true_peak(samples), _MOST_GAIN)
    return (samples * 10 ** (gain / 20)).astype(np.float32)


def prepared(samples: Samples) -> Samples:
    """An uploaded prompt as callers shall hear it: no direct current, little silence at its ends, as loud as all else.

    ValueError when nothing can be heard in it.
    """
    centred = (samples - np.mean(samples, dtype=np.float64)).astype(np.float32) if len(samples) else samples
    heard = loudness(centred)
    if math.isinf(heard):
        raise ValueError("nothing can be heard in it")
    return evened(_trimmed(centred, heard - 30))


def _trimmed(samples: Samples, quiet_db: float) -> Samples:
    """Without the silence at its ends but for a breath: 0.1 s before it, 0.25 s after."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.flatnonzero(np.mean(frames.astype(np.float64) ** 2, axis=1) > 10 ** (quiet_db / 10))
    if not len(loud):
        return samples
    return samples[max(0, int(loud[0]) * _FRAME - _KEPT_BEFORE) : (int(loud[-1]) + 1) * _FRAME + _KEPT_AFTER]


def _pieces(samples: Samples) -> Iterator[tuple[Samples, int]]:
    """Pieces of ten seconds, each behind half a second that only sets the filters going (so many samples)."""
    for start in range(0, len(samples), _CHUNK):
        context = min(start, _CONTEXT)
        yield samples[start - context : start + _CHUNK], context


def _weighted(piece: Samples, skip: int) -> NDArray[np.float64]:
    """K-weighted. The filters' responses are shorter than the padding, so a circular convolution does."""
    size = _quick_size(len(piece) + _CONTEXT)
    spectrum = np.fft.rfft(piece, size)
    delay = np.exp(-2j * np.pi * np.arange(len(spectrum)) / size)
    for above, below in _WEIGHTING:
        spectrum *= (above[0] + above[1] * delay + above[2] * delay**2) / (
            below[0] + below[1] * delay + below[2] * delay**2
        )
    return np.fft.irfft(spectrum, size)[skip : len(piece)]


def _quick_size(least: int) -> int:
    """At least so many samples, and of small factors only: a transform of a length that is a large prime's multiple
    takes ten times as long."""
    step = 1 << max(0, least.bit_length() - 4)
    return -(-least // step) * step


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return 10 ** ((lufs + 0.691) / 10)
