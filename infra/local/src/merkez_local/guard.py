"""Stops what a run started, however the run ended: `python -I guard.py <folder>`, on the standard library alone.

The run holds the other end of our stdin. When it closes (the run is over, or was killed), every process noted in the
folder is stopped and the folder removed. A note is a file `<pid>.process`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_SUFFIX = ".process"


def start(folder: Path) -> subprocess.Popen[bytes]:
    """A guard of `folder`, which it removes in the end. Close its stdin to let it go; it closes with this process."""
    # Its own session: Ctrl-C is for the run.
    return subprocess.Popen(
        [sys.executable, "-I", __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )


def note(folder: Path, pid: int) -> Path:
    """Have a process stopped with the run; remove the returned file when it was stopped before."""
    path = folder / f"{pid}{_SUFFIX}"
    path.write_text(_born(pid))
    return path


def clean(folder: Path) -> None:
    """Stop every process noted in the folder that still runs, all at once, and remove the folder."""
    noted = {int(path.stem): path.read_text() for path in folder.glob(f"*{_SUFFIX}")}
    # A process that ended long ago may have left its number to somebody else: born at another time, it isn't ours.
    running = {pid for pid, born in noted.items() if runs(pid) and _born(pid) == born}
    # SIGINT is the fast shutdown of PostgreSQL, ends nats-server and makes a service drain.
    for how, patience in ((signal.SIGINT, 12.0), (signal.SIGKILL, 5.0)):
        for pid in running:
            with contextlib.suppress(OSError):
                os.kill(pid, how)
        running = _still_running(running, patience)
    shutil.rmtree(folder, ignore_errors=True)


def _still_running(pids: Iterable[int], patience: float) -> set[int]:
    running, end = set(pids), time.monotonic() + patience
    while (running := {pid for pid in running if runs(pid)}) and time.monotonic() < end:
        time.sleep(0.01)
    return running


def runs(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _fields(pid)[:1] != ["Z"]


def _born(pid: int) -> str:
    # Field 22 of proc(5) stat: when the process started, in ticks since boot.
    if fields := _fields(pid):
        return fields[19]
    if Path("/proc/self").exists():
        return ""
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def main(folder: Path) -> None:
    """Wait for the run's end, then clean up."""
    for how in (signal.SIGINT, signal.SIGTERM):  # we end when the run has
        signal.signal(how, signal.SIG_IGN)
    sys.stdin.read()
    clean(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
