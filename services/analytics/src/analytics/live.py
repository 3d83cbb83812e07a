"""Pushes the wallboard after facts: at once when it is quiet, at most five times a second when it isn't."""

from __future__ import annotations

import asyncio
from datetime import datetime

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.turns import TurnTaking
from kernel.errors import Unavailable

from analytics import convert, ops

SHORTEST_PAUSE = 0.2
"""Seconds between two pushes of one tenant."""
HEARTBEAT = 60.0
"""Seconds after which a wallboard somebody may be looking at is pushed anyway: its day may have begun."""


class WallboardPush:
    """Remembers which tenants' wallboards changed and pushes each, whole."""

    def __init__(self, db: TurnTaking, bus: Bus, tasks: Tasks) -> None:
        self._db = db
        self._bus = bus
        self._tasks = tasks
        self._newest: dict[str, datetime] = {}
        self._dirty: set[str] = set()
        self._busy: set[str] = set()

    def start(self) -> None:
        """Push also when nothing happens, once a minute."""
        self._tasks.every(HEARTBEAT, self._push_all, "wallboard heartbeat")

    def touch(self, tenant_id: str, fact_time: datetime) -> None:
        """Something on the tenant's wallboard changed. Called after the commit that changed it."""
        self._newest[tenant_id] = max(fact_time, self._newest.get(tenant_id, fact_time))
        self._dirty.add(tenant_id)
        if tenant_id not in self._busy:
            self._busy.add(tenant_id)
            self._tasks.spawn(self._push_while_dirty(tenant_id), f"wallboard {tenant_id}")

    async def _push_all(self) -> None:
        for tenant_id, newest in list(self._newest.items()):
            self.touch(tenant_id, newest)

    async def _push_while_dirty(self, tenant_id: str) -> None:
        try:
            while tenant_id in self._dirty:
                self._dirty.discard(tenant_id)
                try:
                    await self._push(tenant_id)
                except Unavailable:
                    self._dirty.add(tenant_id)  # the database is away; whoever looks wants to see it when it is back
                await asyncio.sleep(SHORTEST_PAUSE)
        finally:
            self._busy.discard(tenant_id)

    async def _push(self, tenant_id: str) -> None:
        newest = self._newest[tenant_id]
        snapshot = await self._db.ahead(tenant_id, lambda tx: ops.next_wallboard(tx, newest, self._db.clock.now()))
        self._bus.publish_live(tenant_id, "wallboard", convert.wallboard_out(snapshot))
