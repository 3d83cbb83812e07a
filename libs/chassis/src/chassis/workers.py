"""Worker processes: Python modules that read from stdin and write to stdout what doesn't belong into the event loop.

They are not started by the loop: uvloop forks, and of a process with gRPC's threads one child in ten was dead
(SIGSEGV) on a busy machine before it had become the worker. `subprocess` runs nothing between fork and exec.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

MOST_BUFFERED = 2**20


class Worker:
    """One running worker. Closing `writer`'s half (`write_eof`) is its end of input; `reader` ends when it dies."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self.reader, self.writer = reader, writer

    @classmethod
    async def start(cls, module: str) -> Worker:
        """`python -m module`, its stdin and stdout joined to this process. OSError when none can be started."""
        ours, its = socket.socketpair()
        try:
            process = await asyncio.to_thread(_spawned, module, its)
            reader, writer = await asyncio.open_connection(sock=ours, limit=MOST_BUFFERED)
        except BaseException:
            ours.close()
            raise
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def end(self) -> int:
        """Its exit code, once it has ended by itself (`reader` is at its end); negative for the signal."""
        self.writer.close()
        return await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """Whatever it does; at once, and nothing of it is left."""
        self.writer.close()
        self._process.kill()
        self._process.wait()


def _spawned(module: str, its: socket.socket) -> subprocess.Popen[bytes]:
    # The thread owns the worker's end: who is cancelled meanwhile must not close it under the fork.
    with its:
        return subprocess.Popen(
            [sys.executable, "-m", module], stdin=its.fileno(), stdout=its.fileno(), start_new_session=True
        )  # fmt: skip
