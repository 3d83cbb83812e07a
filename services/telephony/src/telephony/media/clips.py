"""Clips: sound as 20 ms Opus packets, made once and kept by content.

A clip is made in the speech worker process, kept on disk under the hash of what it was made from, and in
memory while it is used. Two callers asking for the same new text share one synthesis.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import struct
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from telephony.media.rtp import FRAME_SECONDS, SILENCE

LENGTHS = struct.Struct("!II")
_VERSION = "1"
"""Part of every key: raise it when the voice, level or encoding changes."""
_MAGIC = b"MRKCLIP1"
_IN_MEMORY = 512
_TIMEOUT = 20.0


class ClipFailed(Exception):
    """The sound could not be made."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Opus packets of 20 ms each. Two clips are equal when they are the same one."""

    packets: tuple[bytes, ...]

    @property
    def seconds(self) -> float:
        return len(self.packets) * FRAME_SECONDS

    @classmethod
    def silence(cls, seconds: float) -> Clip:
        return cls((SILENCE,) * max(1, round(seconds / FRAME_SECONDS)))


class ClipStore:
    """Where clips come from. Keep one per process; `close` ends its worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._memory: OrderedDict[str, Clip] = OrderedDict()
        self._making: dict[str, asyncio.Future[Clip]] = {}
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    async def speech(self, text: str, language: str) -> Clip:
        """`text` spoken in en, tr, az or fa; ClipFailed for another language."""
        return await self._clip({"make": "speech", "text": text, "language": language})

    async def file(self, data: bytes) -> Clip:
        """An uploaded prompt: wav, mp3, ogg, flac. ClipFailed when it isn't one."""
        digest = hashlib.sha256(data).hexdigest()
        return await self._clip({"make": "file", "digest": digest}, data)

    async def hold_music(self) -> Clip:
        return await self._clip({"make": "music"})

    async def ringback(self) -> Clip:
        return await self._clip({"make": "ringback"})

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            _kill(worker)
            await worker.wait()

    async def _clip(self, head: dict[str, str], body: bytes = b"") -> Clip:
        key = hashlib.sha256(json.dumps([_VERSION, head], sort_keys=True).encode()).hexdigest()
        known = self._memory.get(key)
        if known is not None:
            self._memory.move_to_end(key)
            return known
        making = self._making.get(key)
        if making is not None:
            return await asyncio.shield(making)
        future: asyncio.Future[Clip] = asyncio.get_running_loop().create_future()
        self._making[key] = future
        try:
            clip = await self._load_or_make(key, head, body)
        except BaseException as error:
            if isinstance(error, ClipFailed):
                future.set_exception(error)
                future.exception()
            else:
                future.set_exception(ClipFailed("making the clip was interrupted"))
                future.exception()
            raise
        finally:
            del self._making[key]
        future.set_result(clip)
        self._memory[key] = clip
        if len(self._memory) > _IN_MEMORY:
            self._memory.popitem(last=False)
        return clip

    async def _load_or_make(self, key: str, head: dict[str, str], body: bytes) -> Clip:
        path = self._folder / key[:2] / f"{key}.clip"
        stored = await asyncio.to_thread(_read, path)
        if stored is not None:
            return stored
        clip = Clip(tuple(await self._make(head, body)))
        # A full disk costs a repeat of the synthesis, not the call.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(_write, path, clip)
        return clip

    async def _make(self, head: dict[str, str], body: bytes) -> list[bytes]:
        """Ask the worker, starting it when there is none; one that hangs or dies is replaced."""
        async with self._turn:
            try:
                return await asyncio.wait_for(self._ask(head, body), _TIMEOUT)
            except ClipFailed:
                raise
            except BaseException as error:
                # Half an answer may be in the pipe, so this worker can't be asked again.
                worker, self._worker = self._worker, None
                if worker is not None:
                    _kill(worker)
                if isinstance(error, Exception):
                    raise ClipFailed(f"the speech worker failed: {type(error).__name__}") from error
                raise

    async def _ask(self, head: dict[str, str], body: bytes) -> list[bytes]:
        worker = self._worker
        if worker is None or worker.returncode is not None:
            worker = self._worker = await asyncio.create_subprocess_exec(
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


def _read(path: Path) -> Clip | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if not data.startswith(_MAGIC):
        return None
    packets, at = [], len(_MAGIC)
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        packets.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return Clip(tuple(packets))


def _write(path: Path, clip: Clip) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = b"".join([_MAGIC, *(len(p).to_bytes(2, "big") + p for p in clip.packets)])
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(whole)
    temporary.replace(path)
