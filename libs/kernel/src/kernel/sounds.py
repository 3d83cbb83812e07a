"""Which kind of sound file a stranger's bytes are: named by us, never guessed by a library.

What FFmpeg guesses can be a session description or a playlist as well, and reading those opens ports and other files.
"""

from __future__ import annotations


def sound_format(data: bytes) -> str | None:
    """`wav`, `mp3` or `ogg` by the first bytes, the names that FFmpeg has for them; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0):
        return "mp3"
    return None
