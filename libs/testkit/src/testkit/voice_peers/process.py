"""One peer's process: found, started with its output in a file, waited for, ended by its id."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from merkez_local import guard
from merkez_local.postgres import stop_process

from testkit.waiting import eventually

_SHOWN = 12_000  # characters of a log
_SBIN = "/usr/sbin:/usr/local/sbin"  # Kamailio lies there, and a user's path may not


class PeerMissing(RuntimeError):
    """The program isn't on this machine; the message says how to get it."""


class PeerFailed(RuntimeError):
    """The peer didn't start, or ended before its time; the message has the end of its log."""


class PeerProcess:
    """A running peer. `folder` is its own; `log` is what it wrote to stdout and stderr."""

    program: ClassVar[str]

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / f"{self.program}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._note: Path | None = None

    async def start(self) -> None:
        """Start it and wait until it serves."""
        raise NotImplementedError

    async def close(self) -> None:
        """End it."""
        self.stop()

    @classmethod
    def binary(cls) -> str:
        """Path of the program. Raises `PeerMissing`."""
        found = shutil.which(cls.program, path=f"{os.environ.get('PATH', '')}:{_SBIN}")
        if found is None:
            raise PeerMissing(f"{cls.program} is missing: run `bash infra/local/peers.sh` as root")
        return found

    @property
    def pid(self) -> int:
        """Its process id, for tests that stop or kill it."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def spawn(self, arguments: Sequence[str], **environment: str) -> None:
        """Start it in its folder. Loopback and files only: of our environment it gets nothing that would lead it
        elsewhere, and what is given here."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [self.binary(), *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={"PATH": f"{os.environ.get('PATH', '')}:{_SBIN}", "HOME": str(self.folder), "TERM": "dumb",
                     "TZ": "UTC", **environment},
            )  # fmt: skip
        # A killed test run leaves nothing behind: the run's guard ends what is noted in its folder.
        if shared := os.environ.get("MERKEZ_TEST_RUN_DIR"):
            self._note = guard.note(Path(shared), self._process.pid)

    async def ready(self, condition: Callable[[], bool], deadline: float = 30.0) -> None:
        """Wait until `condition` holds. Raises `PeerFailed` when the process ends or the deadline passes before."""

        def ready_or_over() -> bool:
            return not self.running or condition()

        try:
            await eventually(ready_or_over, deadline=deadline, every=0.01)
        except AssertionError:
            raise PeerFailed(f"{self.name} was not ready within {deadline:g} s\n{self.tail()}") from None
        if not self.running:
            raise PeerFailed(f"{self.name} ended with {self._code()}\n{self.tail()}")

    async def ended(self, deadline: float = 30.0) -> int:
        """Wait until it ends by itself; its exit code."""
        await eventually(lambda: not self.running, deadline=deadline)
        self._forget()
        return self._code()

    def send(self, how: signal.Signals) -> None:
        """Send it a signal: SIGSTOP and SIGCONT hold it up and let it go on, SIGKILL is a crash."""
        os.kill(self.pid, how)

    def stop(self, how: signal.Signals = signal.SIGTERM, deadline: float = 5.0) -> None:
        """End it, if it still runs; killed after `deadline` s. What it has started and left behind ends with it."""
        if self._process is not None:
            if self.running:
                self.send(signal.SIGCONT)
                stop_process(self._process.pid, self._process, how, deadline)
            # It leads a group of its own (`spawn`), whose number nobody else gets while one of them lives.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._forget()

    def tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-_SHOWN:] if self.log.exists() else ""

    def listens(self, port: int, *, tcp: bool = False) -> bool:
        """Whether somebody has the port open: ports are the peer's own, so it is the peer."""
        # proc_pid_net(5): local address as hex, state 0A is LISTEN.
        wanted = f":{port:04X}"
        table = Path("/proc/self/net/tcp" if tcp else "/proc/self/net/udp").read_text().splitlines()[1:]
        rows = (line.split() for line in table)
        return any(row[1].endswith(wanted) and (not tcp or row[3] == "0A") for row in rows)

    def _code(self) -> int:
        assert self._process is not None
        return self._process.returncode

    def _forget(self) -> None:
        if self._note is not None:
            self._note.unlink(missing_ok=True)
            self._note = None
