"""Makes schedules in processes of their own: some seconds of one tenant's version at a turn.

A version is a row. What a turn reached is kept at its end, so that a replica that dies loses a turn; who stops a
version early, or cancels it, is heard with the next word of progress.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from datetime import datetime

from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log
from chassis.workers import Worker

from wfm.domain.search import Kept, Progress, Search
from wfm.domain.solving import Problem
from wfm.ops import schedules as ops
from wfm.schedule_worker import HEAD, Job, Reached, framed
from wfm.store import schedules as store
from wfm.store.schedules import Version
from wfm.turns import Turns

TURN = 15.0
"""Seconds of a turn."""
SILENT = 60.0
"""Seconds without a word after which a process is given up."""


class Scheduler(Turns):
    """The scheduling of this process."""

    def __init__(self, db: Database, tasks: Tasks, workers: int) -> None:
        super().__init__(db, tasks, workers, "schedules")

    async def waiting(self, tx: Tx, now: datetime) -> list[str]:
        return await store.tenants_with_work(tx, now)

    async def claim(self, tx: Tx, now: datetime) -> Version | None:
        return await ops.claim(tx, now)

    async def work(self, tenant_id: str, piece: Version) -> None:
        problem, kept = await self._db.run(tenant_id, lambda tx: ops.load(tx, piece), read_only=True)
        seconds = min(TURN, max(0.0, piece.seconds - piece.spent))
        job = Job(problem, piece.seed, kept, seconds, piece.spent + seconds >= piece.seconds)
        version: Version | None = piece
        try:
            worker = await Worker.start("wfm.schedule_worker")
        except OSError as error:
            log.warning("a scheduling process could not be started", error=str(error))
            await self._failed(tenant_id, piece, problem, kept)
            return
        try:
            worker.writer.write(framed(job))
            if piece.stop:
                worker.writer.write(b"!")
            async for said in _said(worker):
                if isinstance(said, Reached):
                    await self._reached(tenant_id, version, problem, said, piece.spent + seconds, job.last)
                    return
                version = await self._told(tenant_id, version, said, worker)
                if version is None:
                    return
        except (TimeoutError, OSError, EOFError, pickle.UnpicklingError) as error:
            log.warning("a scheduling process failed", error=repr(error), schedule=piece.schedule_id)
            await self._failed(tenant_id, version or piece, problem, kept)
        finally:
            worker.kill()

    async def _told(self, tenant_id: str, version: Version, said: Progress, worker: Worker) -> Version | None:
        """A word of progress: kept, and what people want of it passed on. None: it isn't ours any more."""
        now = self._db.clock.now()
        after = await self._db.run(tenant_id, lambda tx: ops.note_progress(tx, version, said, now))
        if after is not None and after.stop and not version.stop:
            worker.writer.write(b"!")
        return after

    async def _reached(
        self, tenant_id: str, version: Version, problem: Problem, reached: Reached, spent: float, last: bool
    ) -> None:
        now = self._db.clock.now()

        async def end(tx: Tx) -> None:
            if reached.done or last:
                await ops.finish(tx, version, problem, reached.shifts, reached.progress, spent, now)
            else:
                await ops.keep(tx, version, reached.kept, problem, reached.progress, spent)

        await self._db.run(tenant_id, end)

    async def _failed(self, tenant_id: str, version: Version, problem: Problem, kept: Kept | None) -> None:
        """Another try; after a few the best there was, or nothing."""
        now = self._db.clock.now()
        if kept is None or version.attempts < store.MOST_ATTEMPTS:
            await self._db.run(tenant_id, lambda tx: ops.fail(tx, version, now))
            return
        search = await asyncio.to_thread(Search, problem, version.seed, kept)
        shifts, progress = search.plan.shifts(), search.progress("REPAIR")
        await self._db.run(
            tenant_id,
            lambda tx: ops.finish(tx, version, problem, shifts, progress, version.spent, now, cut_short=True),
        )


async def _said(worker: Worker) -> AsyncIterator[Progress | Reached]:
    """Frames, until the last."""
    while True:
        async with asyncio.timeout(SILENT):
            try:
                (length,) = HEAD.unpack(await worker.reader.readexactly(HEAD.size))
                body = await worker.reader.readexactly(length)
            except asyncio.IncompleteReadError as error:
                raise EOFError("it ended before it was done") from error
        yield pickle.loads(body)
