"""Uploads looked at in processes of their own, a few at once: calls in progress come first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta

from chassis.telemetry import log
from chassis.workers import Worker
from kernel.errors import DomainError, Unavailable

from flows.domain.prompts import MAX_BYTES, PromptSilent, PromptTooShort, PromptUnreadable, Sound

_AT_ONCE = 2
_SECONDS = 60.0
"""For one upload. It is decoded in one or two; the rest is for a machine that has much to do."""
_REFUSALS: Mapping[str, type[DomainError]] = {each.reason: each for each in (PromptTooShort, PromptSilent)}


class Uploads:
    """Looks at uploads. `module` is the worker."""

    def __init__(self, module: str = "flows.audio_worker", seconds: float = _SECONDS) -> None:
        self._module, self._seconds = module, seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, audio: bytes) -> Sound:
        """The sound, decoded to its end. PromptUnreadable, PromptTooShort, PromptSilent; Unavailable when no process
        can be started now."""
        if len(audio) > MAX_BYTES:  # not worth a process
            raise PromptUnreadable("the file is bigger than 4 MB")
        async with self._turns:
            said = await self._asked(audio)
        if "reason" in said:
            raise _REFUSALS.get(said["reason"], PromptUnreadable)(said["message"])
        return Sound(audio, said["content_type"], said["digest"], timedelta(seconds=float(said["seconds"])))

    async def _asked(self, audio: bytes) -> dict[str, str]:
        try:
            worker = await Worker.start(self._module)
        except OSError as error:
            raise Unavailable("the file can't be looked at now") from error
        try:
            async with asyncio.timeout(self._seconds):
                worker.writer.write(audio)
                worker.writer.write_eof()
                answer = await worker.reader.read()
                code = await worker.end()
            if code == 0 and answer:
                return json.loads(answer)
            log.warning("an upload ended the process that decodes it", exit_code=code, bytes=len(audio))
        except TimeoutError:
            log.warning("an upload can't be decoded in time", seconds=self._seconds, bytes=len(audio))
        except OSError as error:  # it was gone before it had read everything
            log.warning("an upload ended the process that decodes it", bytes=len(audio), exc_info=error)
        finally:
            if worker.alive:
                worker.kill()
        raise PromptUnreadable("the file is broken: it can't be decoded")
