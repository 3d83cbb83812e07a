"""What tracks sound like: who speaks when, and several voices on one ear.

The one place where Opus is decoded, and only to look and to mix: what was recorded is kept as it came. All tracks are
gone through once, side by side, 20 ms after 20 ms, so memory doesn't grow with the call. Some 20 microseconds of CPU a
packet; runs in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from recording.domain.opus import SAMPLE_RATE, Frames, build, parse
from recording.domain.sharing import Ear
from recording.domain.tracks import GRID, Track
from recording.domain.voices import PICTURE_COLUMNS

Samples: TypeAlias = npt.NDArray[np.int16]

_LOOKAHEAD = 312
"""Samples by which libopus' encoder puts off what it is given (2.5 ms and 4 ms of delay compensation): fed so much
earlier, a mixed voice lies where its packets lay."""
_FAINTEST, _LOUDEST_NOISE, _ABOVE_NOISE = -50.0, -38.0, 10.0
"""dB of full scale: speech is this much above the track's own noise, never fainter than the first, always when louder
than the second."""
_SILENT = -120.0


def listen(voices: Sequence[Track], ears: Sequence[Ear], slots: int) -> list[bytes]:
    """Who speaks when: a picture of each voice (`Voice.activity`). On the way the ears' overlaps are filled."""
    levels = np.full((len(voices), max(1, slots)), _SILENT, np.float32)
    places = {voice.name: index for index, voice in enumerate(voices)}
    mixing = [_Mixing(ear, [places[voice.name] for voice in ear.voices]) for ear in ears if ear.overlaps]
    for slot, heard in enumerate(zip(*(_decoded(voice, slots) for voice in voices), strict=True)):
        for index, samples in enumerate(heard):
            if samples is not None:
                levels[index, slot] = _level(samples)
        for each in mixing:
            each.hear(slot, heard)
    return [_picture(row, slots) for row in levels]


def _decoded(track: Track, slots: int) -> Iterator[Samples | None]:
    """The sound of each slot; None where there is none. Silence is not decoded."""
    decoder = cast("av.AudioCodecContext", av.CodecContext.create("libopus", "r"))
    decoder.sample_rate, decoder.layout, decoder.format = SAMPLE_RATE, "mono", "s16"
    waiting: list[Samples] = []
    for slot in range(slots):
        unit = track.units.get(slot)
        if unit is not None:
            waiting = _sound_of(decoder, unit)
        yield waiting.pop(0) if waiting else None


def _sound_of(decoder: av.AudioCodecContext, unit: Frames) -> list[Samples]:
    width = unit.samples // GRID
    try:
        frames = [frame.to_ndarray().reshape(-1) for frame in decoder.decode(av.Packet(build(unit)))]
    except FFmpegError:  # a packet that is well formed and holds nonsense
        frames = []
    sound = np.zeros(width * GRID, np.int16)
    found = np.concatenate(frames)[: len(sound)] if frames else sound[:0]
    sound[: len(found)] = found
    return [sound[index * GRID : (index + 1) * GRID] for index in range(width)]


def _level(samples: Samples) -> float:
    wide = samples.astype(np.float32)
    power = float(np.dot(wide, wide)) / (len(wide) * 32768.0**2)
    return 10 * float(np.log10(power)) if power > 1e-12 else _SILENT


def _picture(levels: npt.NDArray[np.float32], slots: int) -> bytes:
    """The share of each column in which somebody speaks, 0..255."""
    heard = levels[levels > _SILENT]
    noise = float(np.percentile(heard, 10)) if len(heard) else _SILENT
    line = min(max(noise + _ABOVE_NOISE, _FAINTEST), _LOUDEST_NOISE)
    spoken = np.concatenate([[0], np.cumsum(levels[:slots] > line)])
    edges = np.arange(PICTURE_COLUMNS + 1) * slots / PICTURE_COLUMNS
    begin = np.floor(edges[:-1]).astype(int)
    end = np.minimum(np.maximum(begin + 1, np.floor(edges[1:]).astype(int)), slots)
    share = (spoken[end] - spoken[np.minimum(begin, end)]) / np.maximum(1, end - begin)
    return np.round(share * 255).astype(np.uint8).tobytes()


class _Mixing:
    """Fills the overlaps of one ear, in order."""

    def __init__(self, ear: Ear, places: Sequence[int]) -> None:
        self._units, self._places = ear.track.units, places
        self._overlaps = list(ear.overlaps)
        self._voice: _Encoder | None = None

    def hear(self, slot: int, heard: Sequence[Samples | None]) -> None:
        if not self._overlaps or slot not in self._overlaps[0]:
            return
        if self._voice is None:
            self._voice = _Encoder(self._units, slot)
        total = np.zeros(GRID, np.int32)
        for samples in (heard[place] for place in self._places):
            if samples is not None:
                total += samples
        self._voice.feed(np.clip(total, -32768, 32767).astype(np.int16))
        if slot == self._overlaps[0].stop - 1:
            self._voice.end()
            self._voice = None
            del self._overlaps[0]


class _Encoder:
    """One stretch of mixed sound, encoded into the slots from `slot` on."""

    def __init__(self, units: dict[int, Frames], slot: int) -> None:
        self._units, self._slot = units, slot
        self._coder = cast("av.AudioCodecContext", av.CodecContext.create("libopus", "w"))
        self._coder.sample_rate, self._coder.layout, self._coder.format = SAMPLE_RATE, "mono", "s16"
        self._coder.bit_rate = 40_000
        self._coder.options = {"application": "voip", "frame_duration": "20", "compression_level": "5"}
        self._coder.open()
        self._waiting = np.zeros(0, np.int16)
        self._early = _LOOKAHEAD
        self._time = 0

    def feed(self, samples: Samples) -> None:
        """The next 20 ms."""
        self._waiting = np.concatenate([self._waiting, samples[self._early :]])
        self._early = 0
        if len(self._waiting) >= GRID:
            self._encode(self._waiting[:GRID])
            self._waiting = self._waiting[GRID:]

    def end(self) -> None:
        """No more follows."""
        self._encode(np.pad(self._waiting, (0, GRID - len(self._waiting))))

    def _encode(self, samples: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, self._time
        self._time += GRID
        for packet in self._coder.encode(frame):
            self._units[self._slot] = parse(bytes(packet))
            self._slot += 1
