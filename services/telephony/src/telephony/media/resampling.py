"""Between 8 and 16 kHz, a frame at a time: where G.711 and Opus meet in one mix."""

from __future__ import annotations

import numpy as np

from telephony.media.codecs import Samples

_TAPS = 47


def _half_band() -> np.ndarray:
    """A low pass at a quarter of the rate: windowed sinc, symmetric, sum 1."""
    at = np.arange(_TAPS) - _TAPS // 2
    taps = np.sinc(at / 2) * np.kaiser(_TAPS, 6.0)
    return (taps / taps.sum()).astype(np.float32)


_FILTER = _half_band()


class Doubler:
    """8 kHz to 16 kHz. One per stream: it remembers the end of the last frame."""

    def __init__(self) -> None:
        self._past = np.zeros(_TAPS - 1, np.float32)

    def doubled(self, samples: Samples) -> Samples:
        """Twice as many samples of the same sound, 1.4 ms later."""
        spread = np.zeros(_TAPS - 1 + 2 * len(samples), np.float32)
        spread[: _TAPS - 1] = self._past
        spread[_TAPS - 1 :: 2] = samples
        self._past = spread[-(_TAPS - 1) :]
        return _rounded(2 * np.convolve(spread, _FILTER, "valid"))


class Halver:
    """16 kHz to 8 kHz."""

    def __init__(self) -> None:
        self._past = np.zeros(_TAPS - 1, np.float32)

    def halved(self, samples: Samples) -> Samples:
        """Half as many samples of what is below 4 kHz, 1.4 ms later."""
        whole = np.concatenate([self._past, samples.astype(np.float32)])
        self._past = whole[-(_TAPS - 1) :]
        return _rounded(np.convolve(whole, _FILTER, "valid")[::2])


def _rounded(samples: np.ndarray) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
