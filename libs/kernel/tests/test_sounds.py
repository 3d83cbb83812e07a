"""Bytes are a sound file by how they begin, whatever else they could be read as."""

from __future__ import annotations

import pytest
from kernel.sounds import only_sound, sound_format


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


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + (len(content) if size is None else size).to_bytes(4, "little") + content


def test_of_a_wav_file_how_it_sounds_and_what_is_left_and_nothing_beside_it() -> None:
    form, tone = chunk(b"fmt ", b"f" * 16), chunk(b"data", b"d" * 9)
    odd = chunk(b"LIST", b"odd") + b"\0"
    whole = chunk(b"RIFF", b"WAVE" + form + odd + tone + b"\0" + chunk(b"id3 ", b"x", 1 << 31))
    assert only_sound(whole, "wav") == chunk(b"RIFF", b"WAVE" + form + tone)
    assert only_sound(chunk(b"RIFF", b"WAVE" + odd), "wav") == chunk(b"RIFF", b"WAVE")
    streamed = chunk(b"RIFF", b"WAVE" + form + chunk(b"data", b"dd", 0xFFFFFFFF))
    assert only_sound(streamed, "wav").endswith(chunk(b"data", b"dd"))
    assert only_sound(b"RIFF", "wav") == chunk(b"RIFF", b"WAVE")


def test_of_an_mp3_file_the_tags_in_front_are_taken_away_however_long_they_say_they_are() -> None:
    def tag(size: int, flags: int = 0) -> bytes:
        return b"ID3\4\0" + bytes([flags]) + bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0))

    assert only_sound(tag(300) + b"t" * 300 + tag(5, 0x10) + b"t" * 15 + b"\xff\xfbsound", "mp3") == b"\xff\xfbsound"
    assert only_sound(tag(1 << 27) + b"\xff\xfb", "mp3") == b""
    assert only_sound(b"ID3", "mp3") == b"ID3"
    assert only_sound(b"OggS", "ogg") == b"OggS"
