"""Which kind of sound file a stranger's bytes are: named by us, never guessed by a library.

What FFmpeg guesses can be a session description or a playlist as well, and reading those opens ports and other files.
"""

from __future__ import annotations

import struct

_CHUNK = struct.Struct("<4sI")
_ID3 = struct.Struct(">3s2xB4B")
_ID3_FOOTER = 0x10


def sound_format(data: bytes) -> str | None:
    """`wav`, `mp3` or `ogg` by the first bytes, the names that FFmpeg has for them; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0):
        return "mp3"
    return None


def only_sound(data: bytes, container_format: str) -> bytes:
    """The file without titles, pictures and whatever else stands beside the sound: for what these say of their length
    FFmpeg takes as much memory, however little there is of them."""
    if container_format == "wav":
        return _wav(data)
    return _untagged(data) if container_format == "mp3" else data


def _wav(data: bytes) -> bytes:
    """The chunks that say how it sounds and what (RIFF, WAVE), each once."""
    kept: dict[bytes, bytes] = {}
    at = 12
    while at + _CHUNK.size <= len(data) and b"data" not in kept:
        name, size = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if name in (b"fmt ", b"data"):
            kept.setdefault(name, data[at : at + size])
        at += size + size % 2
    chunks = [_CHUNK.pack(name, len(kept[name])) + kept[name] for name in (b"fmt ", b"data") if name in kept]
    whole = b"WAVE" + b"".join(chunks)
    return _CHUNK.pack(b"RIFF", len(whole)) + whole


def _untagged(data: bytes) -> bytes:
    """Without ID3v2 tags in front (id3.org, 2.4.0, 3.1)."""
    while data[:3] == b"ID3" and len(data) >= _ID3.size:
        _, flags, *size = _ID3.unpack_from(data)
        length = sum(each << 7 * place for place, each in zip((3, 2, 1, 0), size, strict=True))
        data = data[_ID3.size + length + (10 if flags & _ID3_FOOTER else 0) :]
    return data
