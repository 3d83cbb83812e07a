"""Work that deadlines bring: making recordings, purging objects, ending retention.

Deadlines are columns, so a restart forgets nothing; a wake-up only spares the wait for the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import log

from recording import ops
from recording.library import Library

_AT_ONCE = 4


class Sweeps:
    """The background work of one process. Twins don't disturb each other: making is leased, the rest repeats."""

    def __init__(self, db: Database, library: Library, *, late_grace: timedelta):
        self._db, self._library, self._late_grace = db, library, late_grace
        self._wake = asyncio.Event()

    def start(self, tasks: Tasks) -> None:
        """Run until the tasks are closed."""
        tasks.every(0.01, self._make_when_due, "make recordings")
        tasks.every(5, self.purge, "purge objects")
        tasks.every(300, self.expire, "end retention")

    def wake(self) -> None:
        """Something may be due now."""
        self._wake.set()

    async def _make_when_due(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), 1.0)
        self._wake.clear()
        await self.make()

    async def make(self) -> int:
        """Make every recording that is due; how many there were."""
        return await self._each("mux_due_time", self._make)

    async def purge(self) -> int:
        """Delete objects nobody needs any more."""
        return await self._each("purge_due_time", self._library.purge)

    async def expire(self) -> int:
        """Erase what its retention no longer covers."""
        return await self._each("expire_time", self._expire)

    async def _make(self, tenant_id: str, recording_id: str) -> None:
        made = await self._library.make(tenant_id, recording_id, late_grace=self._late_grace)
        if made is not None:
            log.info("recording stored", recording_id=recording_id, call_id=made.call_id, complete=made.complete)

    async def _expire(self, tenant_id: str, recording_id: str) -> None:
        now = self._db.clock.now()
        await self._db.run(tenant_id, lambda tx: ops.erase_recording(tx, recording_id, "RETENTION_ENDED", now))
        log.info("recording erased by retention", recording_id=recording_id)

    async def _each(self, column: str, work: Callable[[str, str], Awaitable[None]]) -> int:
        due = await self._library.due(column, self._db.clock.now())
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(tenant_id: str, recording_id: str) -> None:
            async with slots:
                try:
                    await work(tenant_id, recording_id)
                except Exception:  # one broken recording must not hold up the others
                    log.exception("work on a recording failed", recording_id=recording_id, deadline=column)

        await asyncio.gather(*(one(item.tenant_id, item.recording_id) for item in due))
        return len(due)
