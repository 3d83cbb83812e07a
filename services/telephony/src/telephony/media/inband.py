"""Keypad digits heard in the sound itself (ITU-T Q.23), for peers without telephone events.

The sound of 20 ms, moved on by 5 ms, is correlated with the eight frequencies. How far the phase turned since the
last time says how far a tone is from its frequency, more finely than so short a piece could show it otherwise. A
digit is two tones, one of each group, that are right in frequency, level and twist, and are nearly all there is to
hear; voices hold two such tones for a moment at most. The limits follow ITU-T Q.24's tables for receivers: a tone of
40 ms counts, one of 23 ms doesn't; a gap of 10 ms is none, one of 40 ms ends the digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telephony.media.codecs import Codec, g711_decode

_RATE = 8_000
_WINDOW = 160
_HOP = 40
_ROWS = (697.0, 770.0, 852.0, 941.0)
_COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
_KEYS = ("123A", "456B", "789C", "*0#D")

_TOLERANCE = 0.025
"""Share of its frequency a tone may be off: 1.5 % must be heard, 3.5 % must not."""
_LEAST_SHARE = 0.88
"""Of the sound's energy in the two tones: noise 10 dB below them leaves 0.91."""
_LEAST_ROUGH = 0.35
"""The same before it is known how far off the tones are, which at the limit of tolerance leaves 0.4 of one."""
_DRIFT = 0.006
_SWELL = 1.35
"""How far a digit's frequencies (share) and amplitudes (factor) may part from its first piece: voices glide."""
_LEAST_LEVEL = 720.0
"""Amplitude of -30 dBm0, where 0 dBm0 is 3.17 dB below a full sine in G.711. -25 dBm0 must be heard."""
_TWIST = (0.1, 4.0)
"""The upper tone's power over the lower one's: -8 to +4 dB must be heard; 2 dB of margin each way."""
_HEARD_AFTER = 5
_OVER_AFTER = 8
"""Pieces in a row until a digit begins and until it is over."""

_FREQUENCIES = np.array(_ROWS + _COLUMNS)
_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_SUM = float(_HANN.sum())
_BASIS = np.exp(-2j * np.pi * np.outer(np.arange(_WINDOW), _FREQUENCIES) / _RATE).astype(np.complex64)
_ADVANCE = np.exp(-2j * np.pi * _FREQUENCIES * _HOP / _RATE)
_TURN_TO_HERTZ = _RATE / (2 * np.pi * _HOP)
_TO_ENERGY = 2 * float((_HANN**2).sum()) / _SUM**2


@dataclass(frozen=True)
class _Piece:
    """20 ms of sound: its digit ("" for none), and how far off in frequency (share) and how loud its two tones are."""

    digit: str
    off: NDArray[Any]
    amplitude: NDArray[Any]

    def continues(self, first: _Piece) -> bool:
        if self.digit != first.digit or np.abs(self.off - first.off).max() > _DRIFT:
            return False
        swell = self.amplitude / first.amplitude
        return bool(swell.max() <= _SWELL and swell.min() >= 1 / _SWELL)


_NOTHING = _Piece("", np.zeros(2), np.zeros(2))


class ToneReader:
    """Turns one leg's G.711 packets into digits."""

    def __init__(self, codec: Codec, on_digit: Callable[[str], None]) -> None:
        self.codec = codec
        self._on_digit = on_digit
        self._next: int | None = None
        self._rest = np.zeros(0, np.float32)
        self._before: NDArray[np.complex64] | None = None
        self._first = _NOTHING
        self._run = 0
        self._current = ""
        self._without = 0

    def packet(self, timestamp: int, payload: bytes) -> None:
        """One packet's payload. A missing one neither begins nor ends a digit."""
        samples = g711_decode(self.codec, payload).astype(np.float32)
        if timestamp != self._next:
            self._rest, self._before, self._run = samples[:0], None, 0
        self._next = (timestamp + len(samples)) & 0xFFFFFFFF
        sound = np.concatenate((self._rest, samples))
        count = (len(sound) - _WINDOW) // _HOP + 1
        if count > 0:
            for piece in self._pieces(sound):
                self._hear(piece)
        self._rest = sound[max(0, count) * _HOP :]

    def _pieces(self, sound: NDArray[np.float32]) -> Iterator[_Piece]:
        pieces = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP] * _HANN
        spectra = pieces @ _BASIS
        first = self._before if self._before is not None else np.zeros(len(_FREQUENCIES), np.complex64)
        earlier = np.vstack((first, spectra[:-1]))
        self._before = spectra[-1]
        energy = np.maximum((pieces**2).sum(axis=1), 1.0)
        loudest = np.abs(spectra)
        rough = (loudest[:, :4].max(axis=1) ** 2 + loudest[:, 4:].max(axis=1) ** 2) * _TO_ENERGY / energy
        if rough.max() < _LEAST_ROUGH:
            yield from (_NOTHING,) * len(spectra)
            return
        off = np.angle(spectra * earlier.conj() * _ADVANCE) * _TURN_TO_HERTZ
        strength = loudest / _response(off)
        amplitude = 2 * strength / _SUM
        shares = strength**2 * _TO_ENERGY / energy[:, None]
        right = (np.abs(off) <= _TOLERANCE * _FREQUENCIES) & (amplitude >= _LEAST_LEVEL) & (np.abs(earlier) > 0)
        for index in range(len(spectra)):
            row, column = int(loudest[index, :4].argmax()), int(loudest[index, 4:].argmax())
            low, high = shares[index, row], shares[index, 4 + column]
            fits = right[index, row] and right[index, 4 + column] and low + high >= _LEAST_SHARE
            if fits and _TWIST[0] <= high / low <= _TWIST[1]:
                both = [row, 4 + column]
                yield _Piece(_KEYS[row][column], off[index, both] / _FREQUENCIES[both], amplitude[index, both])
            else:
                yield _NOTHING

    def _hear(self, piece: _Piece) -> None:
        digit = piece.digit
        if digit and self._run and piece.continues(self._first):
            self._run += 1
        else:
            self._run, self._first = int(bool(digit)), piece
        self._without = 0 if digit and digit == self._current else self._without + 1
        if self._without >= _OVER_AFTER:
            self._current = ""
        if self._run >= _HEARD_AFTER and digit != self._current:
            self._current, self._without = digit, 0
            self._on_digit(digit)


def _response(off: NDArray[Any]) -> NDArray[Any]:
    """What the window leaves of a tone that is `off` Hz from the frequency it is correlated with."""
    bins = np.clip(np.abs(off) * _WINDOW / _RATE, 0.0, 0.95)
    return np.sinc(bins) / (1 - bins**2)
