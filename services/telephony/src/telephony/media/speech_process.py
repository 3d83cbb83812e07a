"""One speech worker process, seen from the process that forwards packets: asked one thing at a time, what is short
before what is long, replaced when it hangs or dies."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
from collections.abc import AsyncIterator
from time import monotonic

from chassis.workers import Worker

from telephony.media.worker_talk import LENGTHS

_SECONDS_PER_BYTE = 0.005
"""What a byte of text costs at the most, about; of a file it costs less."""


class ClipFailed(Exception):
    """The sound could not be made."""


class SpeechProcess:
    """Starts its worker, a module that talks as in `worker_talk`, when it is asked first. `patience` is how long an
    answer is waited for, in seconds."""

    def __init__(self, patience: float, module: str = "telephony.media.speech_worker") -> None:
        self.worker: Worker | None = None
        self._patience, self._module = patience, module
        self._line = _Line()

    async def make(self, head: dict[str, str], body: bytes) -> list[bytes]:
        """What is asked for, in its parts: packets of a sound. ClipFailed."""
        async with self._line.turn(_SECONDS_PER_BYTE * (len(head.get("text", "")) + len(body))):
            try:
                return await asyncio.wait_for(self._ask(head, body), self._patience)
            except ClipFailed:
                raise
            except BaseException as error:
                # Half an answer may be in the pipe, so this worker can't be asked again.
                worker, self.worker = self.worker, None
                if worker is not None:
                    worker.kill()
                if isinstance(error, Exception):
                    raise ClipFailed(f"the speech worker failed: {type(error).__name__}") from error
                raise

    async def close(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.kill()

    async def _ask(self, head: dict[str, str], body: bytes) -> list[bytes]:
        worker = self.worker
        if worker is None or not worker.alive:
            worker = self.worker = await Worker.start(self._module)
        encoded = json.dumps(head).encode()
        worker.writer.write(LENGTHS.pack(len(encoded) + len(body), len(encoded)) + encoded + body)
        await worker.writer.drain()
        total, head_size = LENGTHS.unpack(await worker.reader.readexactly(LENGTHS.size))
        answer = await worker.reader.readexactly(total)
        result = json.loads(answer[:head_size])
        if "error" in result:
            raise ClipFailed(result["error"])
        packets, at = [], head_size
        for size in result["sizes"]:
            packets.append(answer[at : at + size])
            at += size
        return packets


class _Line:
    """Who is done soonest, counted from when each came, is next: a word waits for one long text and not for ten, and
    what is long waits no longer than it takes itself."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @contextlib.asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """The one turn there is; `seconds` is how long it will be, about."""
        if self._busy:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (monotonic() + seconds, next(self._numbers), mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._pass_on()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            following = heapq.heappop(self._waiting)[2]
            if not following.done():
                following.set_result(None)
                return
        self._busy = False
