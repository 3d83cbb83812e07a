"""Whether an uploaded sound file is all there: an upload that broke off would be played up to where it is cut, and
nobody but the caller would notice. Only what the file itself says it should hold is gone by."""

from __future__ import annotations

import struct

_STREAMED = 0x7FFF0000
"""Sizes from here on are written by tools that don't know the size when they begin."""
_PAGE = struct.Struct("<4s22xB")
"""Of Ogg (RFC 3533): `OggS`, then how many segments its page has."""


def is_cut_off(audio: bytes, container_format: str) -> bool:
    """Whether the end of a WAV, Ogg or MP3 file (`kernel.sounds.sound_format`) is missing. False when that can't be
    told."""
    return {"wav": _wav, "ogg": _ogg, "mp3": _mp3}[container_format](audio)


def _wav(audio: bytes) -> bool:
    at = 12
    while at + 8 <= len(audio):
        name, size = struct.unpack_from("<4sI", audio, at)
        at += 8
        if name == b"data":
            return size < _STREAMED and at + size > len(audio)
        at += size + size % 2
    return False


def _ogg(audio: bytes) -> bool:
    at = 0
    while at < len(audio):
        if at + _PAGE.size > len(audio):
            return True
        mark, segments = _PAGE.unpack_from(audio, at)
        if mark != b"OggS":
            return False  # what follows the last page is none of Ogg's business
        lengths = audio[at + _PAGE.size : at + _PAGE.size + segments]
        at += _PAGE.size + segments + sum(lengths)
        if len(lengths) < segments or at > len(audio):
            return True
    return False


def _mp3(audio: bytes) -> bool:
    """By the bytes that encoders write into the first frame (Xing and Info headers)."""
    for mark in (b"Xing", b"Info"):
        at = audio.find(mark, 0, 1 << 16 if audio[:3] != b"ID3" else len(audio))
        if at < 0 or at + 16 > len(audio):
            continue
        flags = int.from_bytes(audio[at + 4 : at + 8], "big")
        if flags & 2:  # the number of bytes is given, after that of frames when that is
            size = int.from_bytes(audio[(place := at + 8 + 4 * (flags & 1)) : place + 4], "big")
            first = audio.rfind(b"\xff", 0, at)
            return first >= 0 and size > 0 and first + size > len(audio) + 4
    return False
