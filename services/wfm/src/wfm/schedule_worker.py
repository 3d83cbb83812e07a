"""`python -m wfm.schedule_worker`: one turn of making a schedule, in a process that takes one core.

In: a frame with the problem, the seed, where it stood, and seconds; later any byte for "stop". Out: frames of progress
and at last of what it reached. A frame is its length in 8 bytes and a pickle. Whoever started it is gone when its input
ends: then it ends, too.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from wfm.domain.search import Kept, Progress
    from wfm.domain.shifts import Shift
    from wfm.domain.solving import Problem

HEAD = struct.Struct("!Q")
_EVERY = 0.5
"""Seconds between two words of progress."""


@dataclass(frozen=True)
class Job:
    """What a turn is asked for."""

    problem: Problem
    seed: int
    kept: Kept | None
    seconds: float
    last: bool
    """Whether there will be no other turn: shifts are wanted then."""


@dataclass(frozen=True)
class Reached:
    """What a turn came to. `done`: nothing is left to win, or it was told to stop."""

    kept: Kept
    progress: Progress
    done: bool
    shifts: Sequence[Shift]


def framed(value: Any) -> bytes:
    """A value as it goes over the pipe."""
    body = pickle.dumps(value)
    return HEAD.pack(len(body)) + body


def work(asked: BinaryIO, answer: BinaryIO) -> None:
    """One turn."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when numpy is loaded, which is why that happens only below
    from wfm.domain.search import Search

    began = time.monotonic()
    (length,) = HEAD.unpack(asked.read(HEAD.size))
    job: Job = pickle.loads(asked.read(length))
    told = threading.Event()
    threading.Thread(target=_listen, args=(asked, told), daemon=True).start()
    search = Search(job.problem, job.seed, job.kept)
    said, out_of_time = [0.0], [False]

    def tick(now: Progress) -> bool:
        spent = time.monotonic() - began
        if spent - said[0] >= _EVERY:
            said[0] = spent
            answer.write(framed(now))
            answer.flush()
        out_of_time[0] = spent >= job.seconds
        return told.is_set() or out_of_time[0]

    progress = search.run(tick)
    done = told.is_set() or not out_of_time[0]
    shifts = search.plan.shifts() if done or job.last else []
    answer.write(framed(Reached(search.kept(), progress, done, shifts)))
    answer.flush()


def _listen(asked: BinaryIO, told: threading.Event) -> None:
    if not asked.read(1):
        os._exit(1)
    told.set()


if __name__ == "__main__":
    from wfm import schedule_worker

    # What is pickled must be of the module by its name, not of __main__.
    schedule_worker.work(sys.stdin.buffer, sys.stdout.buffer)
