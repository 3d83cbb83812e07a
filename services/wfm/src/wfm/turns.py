"""Long work of tenants in turns: a piece at a time, each of the tenant that has waited longest for one.

What is to do is rows; whoever works on some holds a lease, so that a replica that dies loses the piece at hand and no
more. As a turn is one piece of one tenant, a job that takes an hour holds nobody else's up for longer than that.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log

_PAUSE = 1.0


class Turns(ABC):
    """So many turns at once of one kind of work. `name` is what it is called in logs."""

    def __init__(self, db: Database, tasks: Tasks, workers: int, name: str) -> None:
        self._db = db
        self._tasks = tasks
        self._workers = workers
        self._name = name
        self._served: list[str] = []
        self._wanted = asyncio.Event()

    @abstractmethod
    async def waiting(self, tx: Tx, now: datetime) -> list[str]:
        """Of all tenants, those with work that nobody is at."""

    @abstractmethod
    async def claim(self, tx: Tx, now: datetime) -> Any:
        """A piece of the tenant's, leased; None when somebody else has it by now."""

    @abstractmethod
    async def work(self, tenant_id: str, piece: Any) -> None:
        """Does a piece and keeps what came of it."""

    def start(self) -> None:
        """Work from now on."""
        for at in range(self._workers):
            self._tasks.spawn(self._go(), f"{self._name} {at}")

    def wake(self) -> None:
        """There may be something to do."""
        self._wanted.set()

    async def turn(self) -> bool:
        """One piece of the tenant that has waited longest for a turn; whether there was any."""
        now = self._db.clock.now()
        waiting = await self._db.system(lambda tx: self.waiting(tx, now), read_only=True)
        for tenant_id in sorted(waiting, key=self._place):
            piece = await self._db.run(tenant_id, lambda tx: self.claim(tx, now))
            if piece is None:
                continue
            self._served = [*(each for each in self._served[-1000:] if each != tenant_id), tenant_id]
            await self.work(tenant_id, piece)
            return True
        return False

    async def _go(self) -> None:
        while True:
            try:
                if await self.turn():
                    continue
            except Exception:
                log.exception("a turn failed", work=self._name)
                await asyncio.sleep(_PAUSE)
            self._wanted.clear()
            try:
                await asyncio.wait_for(self._wanted.wait(), _PAUSE)
            except TimeoutError:
                continue

    def _place(self, tenant_id: str) -> int:
        return self._served.index(tenant_id) if tenant_id in self._served else -1
