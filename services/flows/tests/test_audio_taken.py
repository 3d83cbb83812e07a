"""Uploads that are whole are taken, and what is taken can be played."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from flows.audio import read_sound
from flows.domain.prompts import PromptUnreadable
from telephony.media.sound import decode_file

from .test_audio_memory import chunk, seven_bits


def mp3() -> bytes:
    """A second of a tone, without tags."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=8_000)
        stream.layout = "mono"
        tone = np.sin(np.arange(8_000) / 3).astype(np.float32).reshape(1, -1) / 3
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 8_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return made.getvalue()


def tagged(title: bytes) -> bytes:
    """With an artist in UTF-16 and this title in Latin 1 (ID3 2.3)."""
    tags = chunked(b"TPE1", b"\1" + "Şule".encode("utf-16")) + chunked(b"TIT2", b"\0" + title)
    return b"ID3\3\0\0" + seven_bits(len(tags)) + tags + mp3()


def chunked(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + b"\0\0" + content


@pytest.mark.parametrize("title", [b"Welcome", b"Info-Ansage Sommer", b"Info music"])
def test_whole_file_is_taken_whatever_its_title(title: bytes) -> None:
    assert read_sound(tagged(title)).duration.total_seconds() > 0.9


def test_file_with_one_sample_far_beyond_full_scale_is_refused_or_played() -> None:
    samples = (0.3 * np.sin(np.arange(48_000) / 17)).astype("<f4")
    samples[20_000] = 40.0
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 48_000, 192_000, 4, 32))
    file = chunk(b"RIFF", b"WAVE" + form + chunk(b"data", samples.tobytes()))
    try:
        read_sound(file)
    except PromptUnreadable:
        return
    assert len(decode_file(file)) == 48_000
