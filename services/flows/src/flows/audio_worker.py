"""`python -m flows.audio_worker`: an upload on stdin; on stdout, as JSON, what it is or why it isn't taken.

A process of its own, bounded in memory and time: a file that is made to break a decoder breaks this and no call.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import BinaryIO

from kernel.errors import DomainError

MOST_MEMORY = 300 << 20
"""Bytes of its own, beside the libraries' code: flows' pods have 512 MB, and two are looked at at once."""
MOST_CPU_SECONDS = 30


def work(upload: BinaryIO, answer: BinaryIO) -> None:
    """Decode one upload."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each of a big machine's threads would take memory ahead
    from flows.audio import read_sound

    try:
        sound = read_sound(upload.read())
        said = {
            "content_type": sound.content_type, "digest": sound.digest, "seconds": sound.duration.total_seconds(),
        }  # fmt: skip
    except DomainError as refusal:
        said = {"reason": refusal.reason, "message": refusal.message}
    answer.write(json.dumps(said).encode())


if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
