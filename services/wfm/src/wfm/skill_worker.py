"""`python -m wfm.skill_worker`: some intervals of a skill plan, or numbers somebody thinks of, in a process by itself.

In: a frame with the job. Out: frames of the share that is done, and at last of what came of it. A frame is its length
in 8 bytes and a pickle. Whoever started it is gone when its input ends: then it ends, too.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from wfm.schedule_worker import HEAD, framed

if TYPE_CHECKING:
    import numpy as np

    from wfm.domain.skill_plan import Problem


@dataclass(frozen=True)
class Job:
    """What is asked for: the fewest agents, or what comes of `agents` (intervals by groups)."""

    problem: Problem
    seed: int
    agents: np.ndarray | None = None


def work(asked: BinaryIO, answer: BinaryIO) -> None:
    """One job."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when numpy is loaded, which is why that happens only below
    from wfm.domain.skill_plan import staffed, tried

    (length,) = HEAD.unpack(asked.read(HEAD.size))
    job: Job = pickle.loads(asked.read(length))
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()

    def tell(share: float) -> None:
        answer.write(framed(share))
        answer.flush()

    agents = job.agents
    made = staffed(job.problem, job.seed, tell) if agents is None else tried(job.problem, agents, job.seed)
    answer.write(framed(made))
    answer.flush()


def _listen(asked: BinaryIO) -> None:
    if not asked.read(1):
        os._exit(1)


if __name__ == "__main__":
    from wfm import skill_worker

    # What is pickled must be of the module by its name, not of __main__.
    skill_worker.work(sys.stdin.buffer, sys.stdout.buffer)
