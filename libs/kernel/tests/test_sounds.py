"""Bytes are a sound file by how they begin, whatever else they could be read as."""

from __future__ import annotations

import pytest
from kernel.sounds import sound_format


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"), (b"RIFF\0\0\0\0AVI ", None), (b"OggS\0", "ogg"), (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90", "mp3"), (b"\xff", None), (b"\xff\x1f", None), (b"fLaC", None), (b"v=0\r\n", None),
        (b"", None),
    ],
)  # fmt: skip
def test_a_sound_file_is_known_by_its_first_bytes(head: bytes, wanted: str | None) -> None:
    assert sound_format(head) == wanted
