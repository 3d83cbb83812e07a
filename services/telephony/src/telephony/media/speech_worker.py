"""The process that makes sound: `python -m telephony.media.speech_worker`.

Speech synthesis, uploaded files and encoding stay out of the process that forwards packets: they take tens
of milliseconds of CPU, and a crash of a C library on a hostile file must not end anyone's call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from telephony.media import loudness, sound
from telephony.media.espeak import Espeak
from telephony.media.worker_talk import answer_requests

_LEAD_IN = np.zeros(int(0.1 * sound.RATE), np.float32)


def make(espeak: Espeak, head: dict[str, str], body: bytes) -> list[bytes]:
    """The Opus packets a request asks for. ValueError when it can't be done."""
    match head["make"]:
        case "speech":
            spoken = sound.resample(espeak.speak(head["text"], head["language"]), espeak.rate)
            return sound.encode(np.concatenate([_LEAD_IN, loudness.evened(spoken)]))
        case "file":
            return sound.encode(loudness.prepared(sound.decode_file(body)), 32_000, "audio")
        case "music_file":
            return sound.encode(sound.faded(loudness.evened(sound.decode_file(body), -27.0)), 32_000, "audio")
        case "beep":
            return sound.encode(sound.recording_beep())
        case "quiet":
            return sound.encode(sound.quiet(), 16_000, "audio")
        case "music":
            return sound.encode(sound.hold_music(), 32_000, "audio")
        case "zip_tone":
            return sound.encode(sound.zip_tone())
        case "message_beep":
            return sound.encode(sound.message_beep())
        case "ringback":
            return sound.encode(sound.ringback())
        case other:
            raise ValueError(f"can't make {other!r}")


def _begin() -> Callable[[dict[str, str], bytes], Sequence[bytes]]:
    return partial(make, Espeak())


if __name__ == "__main__":
    answer_requests(_begin)
