"""One speech worker process, seen from the process that forwards packets: asked one thing at a time, replaced when it
hangs or dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import sys

LENGTHS = struct.Struct("!II")


class ClipFailed(Exception):
    """The sound could not be made."""


class SpeechProcess:
    """Starts its worker (`speech_worker`) when it is asked first. `patience` is how long an answer is waited for, in
    seconds."""

    def __init__(self, patience: float) -> None:
        self.worker: asyncio.subprocess.Process | None = None
        self._patience = patience
        self._turn = asyncio.Lock()

    async def make(self, head: dict[str, str], body: bytes) -> list[bytes]:
        """The packets that are asked for. ClipFailed."""
        async with self._turn:
            try:
                return await asyncio.wait_for(self._ask(head, body), self._patience)
            except ClipFailed:
                raise
            except BaseException as error:
                # Half an answer may be in the pipe, so this worker can't be asked again.
                worker, self.worker = self.worker, None
                if worker is not None:
                    _kill(worker)
                if isinstance(error, Exception):
                    raise ClipFailed(f"the speech worker failed: {type(error).__name__}") from error
                raise

    async def close(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            _kill(worker)
            await worker.wait()

    async def _ask(self, head: dict[str, str], body: bytes) -> list[bytes]:
        worker = self.worker
        if worker is None or worker.returncode is not None:
            worker = self.worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "telephony.media.speech_worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        assert worker.stdin is not None and worker.stdout is not None
        encoded = json.dumps(head).encode()
        worker.stdin.write(LENGTHS.pack(len(encoded) + len(body), len(encoded)) + encoded + body)
        await worker.stdin.drain()
        total, head_size = LENGTHS.unpack(await worker.stdout.readexactly(LENGTHS.size))
        answer = await worker.stdout.readexactly(total)
        result = json.loads(answer[:head_size])
        if "error" in result:
            raise ClipFailed(result["error"])
        packets, at = [], head_size
        for size in result["sizes"]:
            packets.append(answer[at : at + size])
            at += size
        return packets


def _kill(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
