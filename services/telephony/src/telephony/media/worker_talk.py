"""How a worker talks: one request at a time on stdin, one answer on stdout.

A request is 4 bytes length of all, 4 bytes length of the JSON head, head, body. An answer is the same with the head
`{"sizes": [...]}` and parts of these sizes, or `{"error": "..."}`.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO

LENGTHS = struct.Struct("!II")


def answer_requests(begin: Callable[[], Callable[[dict[str, str], bytes], Sequence[bytes]]]) -> None:
    """Answer until stdin ends. `begin` loads what is needed and gives what answers; what it raises is the answer."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a C library prints must not end up between two answers.
    os.dup2(2, 1)
    made = begin()
    while header := requests.read(LENGTHS.size):
        total, head_size = LENGTHS.unpack(header)
        data = requests.read(total)
        try:
            parts = made(json.loads(data[:head_size]), data[head_size:])
            _answer(answers, {"sizes": [len(part) for part in parts]}, b"".join(parts))
        except Exception as error:
            _answer(answers, {"error": f"{type(error).__name__}: {error}"}, b"")


def _answer(out: BinaryIO, head: dict[str, object], body: bytes) -> None:
    encoded = json.dumps(head).encode()
    out.write(LENGTHS.pack(len(encoded) + len(body), len(encoded)) + encoded + body)
    out.flush()
