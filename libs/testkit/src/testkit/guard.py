"""Cleans up after a test run, however the run ended: `python -m testkit.guard <folder>`.

The run's first process holds the other end of our stdin. When it closes (the run is over, or was killed), every server
noted in the folder is stopped and the folder removed. A note is a file `<pid>.server`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

_SUFFIX = ".server"


def note(folder: Path, pid: int) -> Path:
    """Have a server stopped with the run; remove the returned file when it was stopped before."""
    path = folder / f"{pid}{_SUFFIX}"
    path.write_text(_born(pid))
    return path


def _stop(pid: int, born: str) -> None:
    if _born(pid) != born:  # it ended long ago and the number belongs to somebody else by now
        return
    # SIGINT is the fast shutdown of PostgreSQL and ends nats-server too.
    for how, patience in ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if not _runs(pid):
                return
            time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return _fields(pid)[:1] != ["Z"]


def _born(pid: int) -> str:
    # Field 22 of proc(5) stat: when the process started, in ticks since boot.
    return "".join(_fields(pid)[19:20])


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def main(folder: Path) -> None:
    """Wait for the run's end, then clean up."""
    for how in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C is for the run; we end when it has
        signal.signal(how, signal.SIG_IGN)
    sys.stdin.read()
    for path in folder.glob(f"*{_SUFFIX}"):
        _stop(int(path.stem), path.read_text())
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
