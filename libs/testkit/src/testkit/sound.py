"""What a stereo recording holds, by ear: the dominant frequency of each channel."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray

from testkit.webrtc import dominant


def loudest_by_channel(ogg: bytes, seconds: float = 2.0) -> list[float]:
    """The dominant frequency, in hertz, of the left and the right channel over the loudest stretch of `seconds`."""
    samples = _stereo(ogg)
    window = int(seconds * 48_000)
    found = []
    for channel in samples:
        pieces = [channel[at : at + window] for at in range(0, max(1, len(channel) - window + 1), window)]
        loudest = max(pieces, key=lambda piece: float(np.abs(piece).sum()))
        found.append(dominant(loudest)[0])
    return found


def loudest_by_window(ogg: bytes, seconds: float = 0.1) -> list[list[float]]:
    """For the left and the right channel: the dominant frequencies of its windows that aren't silent, in order. Where
    one tone gives way to another a window is left out."""
    window = int(seconds * 48_000)
    found: list[list[float]] = []
    for channel in _stereo(ogg):
        heard: list[float] = []
        for at in range(0, len(channel) - window + 1, window):
            halves = [dominant(channel[start : start + window // 2]) for start in (at, at + window // 2)]
            if all(halves) and abs(halves[0][0] - halves[1][0]) < 25:
                heard.append(dominant(channel[at : at + window])[0])
        found.append(heard)
    return found


def _stereo(ogg: bytes) -> NDArray[np.float32]:
    """(2, samples) at 48 kHz."""
    with av.open(io.BytesIO(ogg), mode="r") as file:
        stream = file.streams.audio[0]
        assert stream.layout.name == "stereo", f"the recording is {stream.layout.name}, not stereo"
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48_000)
        frames = [out.to_ndarray() for frame in file.decode(stream) for out in resampler.resample(frame)]
    return np.concatenate(frames, axis=1).astype(np.float32)
