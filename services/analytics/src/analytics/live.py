"""Pushes the wallboard after facts: at once when it is quiet, at most five times a second when it isn't."""

from __future__ import annotations

import asyncio

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.sql import Database

from analytics import convert, ops

SHORTEST_PAUSE = 0.2
"""Seconds between two pushes of one tenant."""


class WallboardPush:
    """Remembers which tenants' wallboards changed and pushes each, whole."""

    def __init__(self, db: Database, bus: Bus, tasks: Tasks) -> None:
        self._db = db
        self._bus = bus
        self._tasks = tasks
        self._dirty: set[str] = set()
        self._busy: set[str] = set()

    def touch(self, tenant_id: str) -> None:
        """Something on the tenant's wallboard changed. Called after the commit that changed it."""
        self._dirty.add(tenant_id)
        if tenant_id not in self._busy:
            self._busy.add(tenant_id)
            self._tasks.spawn(self._push_while_dirty(tenant_id), f"wallboard {tenant_id}")

    async def _push_while_dirty(self, tenant_id: str) -> None:
        try:
            while tenant_id in self._dirty:
                self._dirty.discard(tenant_id)
                snapshot = await self._db.run(
                    tenant_id, lambda tx: ops.wallboard(tx, self._db.clock.now()), read_only=True
                )
                self._bus.publish_live(tenant_id, "wallboard", convert.wallboard_out(snapshot))
                await asyncio.sleep(SHORTEST_PAUSE)
        finally:
            self._busy.discard(tenant_id)
