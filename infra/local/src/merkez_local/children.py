"""A service as a child process: started, watched, started again when it dies, stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from merkez_local.console import Console

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each restart in a row; the last one repeats."""
STEADY_SECONDS = 30.0
"""A child that lived this long begins again with the shortest pause."""


def _die_with_parent() -> None:
    # A supervisor killed by SIGKILL can't stop its children: the kernel does (Linux only).
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Child:
    """One service's process, over all its restarts."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, console: Console) -> None:
        self.name = name
        self.restarts = 0
        self._environment = dict(environment)
        self._log = log
        self._console = console
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        """Process id now; 0 while it isn't running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def start(self) -> None:
        """Starts the process and its watcher."""
        await self._spawn()
        self._watcher = asyncio.get_running_loop().create_task(self._watch(), name=f"watch {self.name}")

    async def stop(self, grace: float = 15.0) -> None:
        """SIGTERM, a bounded wait, then SIGKILL."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), grace)
            except TimeoutError:
                self._console.step(f"{self.name} did not stop within {grace:.0f} s: killed")
                process.kill()
                await process.wait()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    def kill(self) -> None:
        """SIGKILL, as a crash would end it; the watcher starts it again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def last_words(self, lines: int = 6) -> str:
        """The end of its log, for an error message."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.name,
                env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while True:
            process, since = self._process, loop.time()
            if process is None:
                return
            code = await process.wait()
            if self._stopping:
                return
            in_a_row = 0 if loop.time() - since > STEADY_SECONDS else in_a_row
            pause = RESTART_PAUSES[min(in_a_row, len(RESTART_PAUSES) - 1)]
            self._console.step(f"{self.name} {_how(code)}; starting it again (its log: {self._log.name})")
            await asyncio.sleep(pause)
            in_a_row += 1
            self.restarts += 1
            await self._spawn()


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
