"""Several speakers heard at once: every listener gets the sum of those it hears, never its own voice.

All sums of a room are one product of matrices: who hears whom, times what is said. Where several speak up together, a
listener's sum is turned down smoothly rather than cut off at full scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from telephony.media.clip_reader import ClipReader
from telephony.media.codecs import Codec
from telephony.media.decoding import Decoding
from telephony.media.encoding import Encoding
from telephony.media.rtp import Outbound

_LIMIT = 29_000.0
"""The loudest sample a sum may have (-1 dBFS)."""
_ATTACK_SECONDS = 0.002
_RELEASE = 0.04
"""Of what a sum was turned down, the share given back each frame: half in a third of a second."""


class Limiter:
    """Turns rows of sound down before they clip, and slowly up again."""

    def __init__(self, rows: int, rate: int) -> None:
        self.gain = np.ones((rows, 1), np.float32)
        """Of each row, at the end of the last frame."""
        size = rate // 50
        at = np.arange(size, dtype=np.float32) / (rate * _ATTACK_SECONDS)
        self._attack = np.minimum(at, 1.0)

    def limited(self, rows: NDArray[np.float32]) -> NDArray[np.int16]:
        """One frame of each row, within 16 bits."""
        peak = np.abs(rows).max(axis=1, keepdims=True)
        wanted = np.minimum(_LIMIT / np.maximum(peak, _LIMIT), 1.0).astype(np.float32)
        before = self.gain
        if wanted.min() == 1.0 and before.min() > 0.999:
            return rows.astype(np.int16)
        after = np.minimum(before + (1 - before) * _RELEASE, wanted)
        self.gain = after
        turned = rows * (before + (after - before) * self._attack)
        # Where the peak stands in the first two milliseconds, the turning down comes too late for it.
        over = np.abs(turned) > _LIMIT
        if over.any():
            room = 32_767.0 - _LIMIT
            bent = np.sign(turned) * (_LIMIT + room * np.tanh((np.abs(turned) - _LIMIT) / room))
            turned = np.where(over, bent, turned)
        return turned.astype(np.int16)


class Output:
    """One listener: whom it hears, and the encoder of its sum."""

    def __init__(self, outbound: Outbound, rate: int, hears: frozenset[str]) -> None:
        self.hears = hears
        self.encoding = Encoding(outbound, rate)


class Mixer:
    """The speakers and listeners of one room at one rate (8,000 or 16,000 Hz). `tick` every 20 ms."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.inputs: dict[str, Decoding] = {}
        self.outputs: dict[str, Output] = {}
        self._weights = np.zeros((0, 0), np.float32)
        self._sound = np.zeros((0, rate // 50), np.float32)
        self._limiter = Limiter(0, rate)

    def arrange(self, speakers: Mapping[str, Codec], listeners: Mapping[str, tuple[Outbound, frozenset[str]]]) -> None:
        """Who can be heard, and who hears whom of them; what is as it was goes on undisturbed."""
        self.inputs = {
            name: known if (known := self.inputs.get(name)) and known.codec is codec else Decoding(codec, self.rate)
            for name, codec in speakers.items()
        }
        gains = dict(zip(self.outputs, self._limiter.gain, strict=True))
        self.outputs = {name: self._output(name, *wanted) for name, wanted in listeners.items()}
        self._weights = np.array(
            [[float(name in output.hears) for name in self.inputs] for output in self.outputs.values()], np.float32
        ).reshape(len(self.outputs), len(self.inputs))
        self._sound = np.zeros((len(self.inputs), self.rate // 50), np.float32)
        self._limiter = Limiter(len(self.outputs), self.rate)
        for row, name in enumerate(self.outputs):
            self._limiter.gain[row] = gains.get(name, 1.0)

    def _output(self, name: str, outbound: Outbound, hears: frozenset[str]) -> Output:
        known = self.outputs.get(name)
        if known is None or known.encoding.outbound is not outbound or known.encoding.codec is not outbound.codec:
            return Output(outbound, self.rate, hears)
        known.hears = hears
        return known

    def tick(self, overlays: Mapping[str, Sequence[ClipReader]]) -> None:
        """Send every listener the next 20 ms, with what is played into its sum."""
        present = np.zeros(len(self.inputs), np.float32)
        for row, decoding in enumerate(self.inputs.values()):
            frame = decoding.frame()
            if frame is None:
                self._sound[row] = 0
            else:
                self._sound[row] = frame
                present[row] = 1
        sums = self._weights @ self._sound
        heard = self._weights @ present
        for row, name in enumerate(self.outputs):
            for overlay in overlays.get(name, ()):
                sums[row] += overlay.frame(self.rate)
                heard[row] += 1
        frames = self._limiter.limited(sums)
        for row, output in enumerate(self.outputs.values()):
            if heard[row]:
                output.encoding.send(output, frames[row])
            else:
                output.encoding.send_silence(output)


def rate_for(codecs: Iterable[Codec]) -> int:
    """16 kHz where two or more speak or hear better than G.711, else 8 kHz."""
    return 16_000 if sum(codec.clock_rate > 8_000 for codec in codecs) >= 2 else 8_000
