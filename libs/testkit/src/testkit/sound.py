"""What a recording holds, by ear: the dominant frequency of each channel."""

from __future__ import annotations

import io

import av
import numpy as np

from testkit.webrtc import dominant


def loudest_by_channel(ogg: bytes, seconds: float = 2.0, layout: str = "stereo") -> list[float]:
    """The dominant frequency, in hertz, of the channels, left first, over the loudest stretch of `seconds`."""
    with av.open(io.BytesIO(ogg), mode="r") as file:
        stream = file.streams.audio[0]
        assert stream.layout.name == layout, f"the recording is {stream.layout.name}, not {layout}"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=48_000)
        frames = [out.to_ndarray() for frame in file.decode(stream) for out in resampler.resample(frame)]
    samples = np.concatenate(frames, axis=1)
    window = int(seconds * 48_000)
    found = []
    for channel in samples:
        pieces = [channel[at : at + window] for at in range(0, max(1, len(channel) - window + 1), window)]
        loudest = max(pieces, key=lambda piece: float(np.abs(piece).sum()))
        found.append(dominant(loudest.astype(np.float32))[0])
    return found
