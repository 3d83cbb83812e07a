"""The process that makes sound: `python -m telephony.media.speech_worker`.

Speech synthesis, uploaded files and encoding stay out of the process that forwards packets: they take tens
of milliseconds of CPU, and a crash of a C library on a hostile file must not end anyone's call.

One request at a time on stdin: 4 bytes length, 4 bytes length of the JSON head, head, body. One answer on
stdout: 4 bytes length, 4 bytes length of the head `{"sizes": [...]}` or `{"error": "..."}`, head, the
packets end to end.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import BinaryIO

import numpy as np

from telephony.media import loudness, sound
from telephony.media.espeak import Espeak

LENGTHS = struct.Struct("!II")
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
        case "message_beep":
            return sound.encode(sound.message_beep())
        case "ringback":
            return sound.encode(sound.ringback())
        case other:
            raise ValueError(f"can't make {other!r}")


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a C library prints must not end up between two answers.
    os.dup2(2, 1)
    espeak = Espeak()
    while header := requests.read(LENGTHS.size):
        total, head_size = LENGTHS.unpack(header)
        data = requests.read(total)
        try:
            packets = make(espeak, json.loads(data[:head_size]), data[head_size:])
            _answer(answers, {"sizes": [len(packet) for packet in packets]}, b"".join(packets))
        except Exception as error:
            _answer(answers, {"error": f"{type(error).__name__}: {error}"}, b"")


def _answer(out: BinaryIO, head: dict[str, object], body: bytes) -> None:
    encoded = json.dumps(head).encode()
    out.write(LENGTHS.pack(len(encoded) + len(body), len(encoded)) + encoded + body)
    out.flush()


if __name__ == "__main__":
    main()
