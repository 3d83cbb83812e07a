"""A process of this run: started, watched, started again when it dies, stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Thread
from typing import TypeVar

from merkez_local import guard, logs
from merkez_local.console import Console

T = TypeVar("T")
RESTART_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each restart in a row; the last one repeats."""
STEADY_SECONDS = 30.0
"""A child that lived this long begins again with the shortest pause."""


class Child:
    """One process, over all its restarts."""

    def __init__(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        log: Path,
        console: Console,
        notes: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        give_up: Callable[[str], None] | None = None,
    ) -> None:
        """`start` blocks until the process may be used, and runs in a thread. `notes` is the guard's folder.

        With `give_up` it is started again only so often in a row; then that is called with what to tell. `ended` says
        how it ended last and why, in one line.
        """
        self.name = name
        self.restarts = 0
        self.exit_code: int | None = None
        self.ended = ""
        self._start = start
        self._log = log
        self._log_from = 0
        self._console = console
        self._notes = notes
        self._note: Path | None = None
        self._stop_signal = stop_signal
        self._give_up = give_up
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int:
        """Process id now; 0 while it isn't running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    async def start(self) -> None:
        """Starts the process and its watcher. Raises what `start` raises."""
        await self._spawn()
        self._watcher = asyncio.get_running_loop().create_task(self._watch(), name=f"watch {self.name}")

    async def stop(self, grace: float = 20.0) -> None:
        """The stop signal, a bounded wait, then SIGKILL."""
        self._stopping.set()
        async with self._starting:  # what is being started right now has to be known to be stopped
            process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self._stop_signal)
            try:
                await asyncio.wait_for(_ended(process), grace)
            except TimeoutError:
                self._console.step(f"{self.name} did not stop within {grace:.0f} s: killed")
                process.kill()
                await _ended(process)
        if self._watcher is not None:
            await asyncio.gather(self._watcher, return_exceptions=True)
        self._forget()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it; the watcher starts it again."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def end(self) -> None:
        """SIGKILL, and nobody starts it again: as its machine's death would end it."""
        self._stopping.set()
        self.kill()
        await self.stop()

    async def _spawn(self) -> None:
        def begin() -> None:
            self._log_from = logs.size(self._log)
            self._process = self._start()
            self._forget()
            self._note = guard.note(self._notes, self._process.pid)

        async with self._starting:
            if not self._stopping.is_set():
                await unbroken(asyncio.to_thread(begin))

    def _forget(self) -> None:
        if self._note is not None:
            self._note.unlink(missing_ok=True)
            self._note = None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        tries = 0
        while self._process is not None:
            since = loop.time()
            self.exit_code = await _ended(self._process)
            if self._stopping.is_set():
                return
            if loop.time() - since > STEADY_SECONDS:
                tries = 0
            how = f"{self.name} {_how(self.exit_code)}"
            log = f"its log: {logs.place(self._log)}"
            self.ended = f"{how}: {logs.reason(self._log, self._log_from)} ({log})"
            self._console.step(f"{how}; starting it again ({log})")
            started = False
            while not started:
                if self._give_up is not None and tries == len(RESTART_PAUSES):
                    self._give_up(f"{self.name} can't be kept running. {self.ended}")
                    return
                if await self._stops_within(RESTART_PAUSES[min(tries, len(RESTART_PAUSES) - 1)]):
                    return
                tries += 1
                self.restarts += 1
                started = await self._again()

    async def _again(self) -> bool:
        try:
            await self._spawn()
        except Exception as error:  # said in the end, if no later try does better
            self.ended = str(error)
            return False
        return True

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._stopping.wait(), seconds)
        return False


async def unbroken(work: Awaitable[T]) -> T:
    """Awaits `work` to its end also when we are cancelled: a thread can't be cut short, and what it starts has to be
    known to be stopped."""
    task = asyncio.ensure_future(work)  # noqa: TID251 - awaited right below
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _ended(process: subprocess.Popen[bytes]) -> int:
    # A thread waits, for there is no event for the end of a process on every system.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int] = loop.create_future()

    def tell(code: int) -> None:
        if not done.done():
            done.set_result(code)

    def wait() -> None:
        code = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(tell, code)

    Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()
    return await done


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
