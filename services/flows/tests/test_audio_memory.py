"""A small file that asks for much memory: flows runs every company's calls in one process."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import zlib

import av
import numpy as np
import pytest

_LIMIT_MB = 300
_LOOK = """
import resource, sys
from flows.audio import read_sound
from flows.domain.prompts import PromptUnreadable
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = most()
try:
    read_sound(sys.stdin.buffer.read())
except PromptUnreadable:
    pass
print(most() - before)
"""


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content


def wav(*, title_first: bool) -> bytes:
    """A second of a tone, with a title that says it is two gigabytes long and is four bytes."""
    tone = b"".join(struct.pack("<h", round(9_000 * math.sin(at / 3))) for at in range(8_000))
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16))
    title = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Nova", 0x7FFFFF00), 0x7FFFFF0C)
    parts = (form, title, chunk(b"data", tone)) if title_first else (form, chunk(b"data", tone), title)
    return chunk(b"RIFF", b"WAVE" + b"".join(parts))


def mp3() -> bytes:
    """A second of a tone in MP3, after a tag with five texts of 100 million letters each, deflated to 500 kB."""
    made = io.BytesIO()
    with av.open(made, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=8_000)
        stream.layout = "mono"
        tone = np.sin(np.arange(8_000) / 3).astype(np.float32).reshape(1, -1) / 3
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 8_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    texts = b"".join(text(number) for number in range(5))
    return b"ID3\x04\0\0" + seven_bits(len(texts)) + texts + made.getvalue()


def text(number: int) -> bytes:
    letters = b"\0note %d\0" % number + b"a" * 100_000_000
    packed = seven_bits(len(letters)) + zlib.compress(letters, 9)
    return b"TXXX" + seven_bits(len(packed)) + b"\0\x09" + packed  # compressed, and its length is told


def seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def megabytes_for(file: bytes) -> int:
    looked = subprocess.run([sys.executable, "-c", _LOOK], input=file, capture_output=True, check=True)
    return int(looked.stdout)


@pytest.mark.parametrize("title_first", [True, False])
def test_a_file_that_says_its_title_is_gigabytes_long_takes_no_such_memory(title_first: bool) -> None:
    assert megabytes_for(wav(title_first=title_first)) < _LIMIT_MB


def test_a_file_whose_tags_are_packed_a_thousand_times_takes_no_such_memory() -> None:
    assert megabytes_for(mp3()) < _LIMIT_MB
