"""Looks at uploaded audio: decodes all of it once, so that a prompt that was taken can be played."""

from __future__ import annotations

import hashlib
import io
import math
from datetime import timedelta
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from kernel.sounds import only_sound, sound_format

from flows.domain.prompts import MAX_BYTES, MAX_DURATION, PromptUnreadable, Sound, require_heard
from flows.wholeness import is_cut_off

_RATE = 8_000
_BLOCK = _RATE // 10
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 384_000
_HIGHEST_SAMPLE = 12.0
"""22 dB beyond full scale: what a careless mix in floating point may reach. Telephony plays up to 16, at any rate."""
_POINT = ("flt", "fltp", "dbl", "dblp")
_CONTENT_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}


def read_sound(audio: bytes) -> Sound:
    """Decode an upload to its end. For a process of its own (`audio_worker`): FFmpeg reads what strangers
    send. PromptUnreadable says what is wrong."""
    if not audio:
        raise PromptUnreadable("the file is empty")
    if len(audio) > MAX_BYTES:
        raise PromptUnreadable("the file is bigger than 4 MB")
    container_format = sound_format(audio)
    if container_format is None:
        raise PromptUnreadable("the file is not WAV, MP3 or Ogg")
    plain = only_sound(audio, container_format)
    if is_cut_off(plain if container_format == "mp3" else audio, container_format):
        raise PromptUnreadable("the end of the file is missing: upload the whole file again")
    try:
        with av.open(io.BytesIO(plain), format=container_format) as container:
            duration, loudest = _measure(container)
    except (FFmpegError, ValueError, EOFError) as error:
        raise PromptUnreadable("the file is broken: it can't be decoded") from error
    if not duration:
        raise PromptUnreadable("there is no sound in the file")
    require_heard(duration, loudest)
    digest = hashlib.sha256(audio).hexdigest()
    return Sound(audio, _CONTENT_TYPES[container_format], digest, duration)


def _measure(container: Any) -> tuple[timedelta, float]:
    """Length, and the level of the loudest 100 ms in dB of full scale: -inf for digital silence."""
    if not container.streams.audio:
        raise PromptUnreadable("there is no sound in the file")
    codec = container.streams.audio[0].codec_context
    if codec is None:
        raise PromptUnreadable("the file is broken: it can't be decoded")
    rate = codec.sample_rate
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise PromptUnreadable(f"the sound has {rate} samples a second: save it with 8,000 to 48,000")
    seconds, loudest, rest = 0.0, 0.0, np.zeros(0)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
    for frame in container.decode(audio=0):
        seconds += frame.samples / frame.sample_rate
        # Checked on the way: a small file can decode to days of silence.
        if seconds > MAX_DURATION.total_seconds():
            raise PromptUnreadable("the sound is longer than 5 minutes")
        # Files of floating point may hold anything, also what is no number; another rate smooths it away.
        if frame.format.name in _POINT and not np.all(np.abs(frame.to_ndarray()) <= _HIGHEST_SAMPLE):
            raise PromptUnreadable("the file is broken: its samples are far beyond full scale")
        pieces = [piece.to_ndarray().reshape(-1) for piece in resampler.resample(frame)]
        heard = np.concatenate([rest, *pieces])
        whole = len(heard) // _BLOCK * _BLOCK
        rest = heard[whole:]
        loudest = max(loudest, _loudest(heard[:whole].reshape(-1, _BLOCK)))
    if len(rest) > _BLOCK // 2:
        loudest = max(loudest, _loudest(rest.reshape(1, -1)))
    return timedelta(seconds=round(seconds, 3)), 10 * math.log10(loudest) if loudest > 0 else -math.inf


def _loudest(blocks: npt.NDArray[Any]) -> float:
    """The greatest mean square, without direct current."""
    return float(np.max(np.var(blocks.astype(np.float64), axis=1), initial=0.0))
