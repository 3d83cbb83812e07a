"""A small file that asks for much memory: flows runs every company's calls in one process."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys

import pytest

_LIMIT_MB = 300
_LOOK = """
import json, resource, sys
from flows.audio import read_sound
from flows.domain.prompts import PromptUnreadable
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = most()
try:
    read_sound(sys.stdin.buffer.read())
    taken = True
except PromptUnreadable:
    taken = False
print(json.dumps([taken, most() - before]))
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


@pytest.mark.parametrize("title_first", [True, False])
def test_a_file_that_says_its_title_is_gigabytes_long_takes_no_such_memory(title_first: bool) -> None:
    looked = subprocess.run(
        [sys.executable, "-c", _LOOK], input=wav(title_first=title_first), capture_output=True, check=True
    )
    _, megabytes = json.loads(looked.stdout)
    assert megabytes < _LIMIT_MB
