"""Lines of this node: taken one after the other for each trunk, so that only other nodes are competed with. And what
is left of lines and bindings that nobody holds any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from weakref import WeakValueDictionary

from chassis.sql import Database

from telephony.domain.lines import Line
from telephony.ops import devices as device_ops
from telephony.ops import lines as ops


class Lines:
    """Takes lines and lets them go. Readers and other trunks don't wait."""

    def __init__(self, db: Database, node_id: str, now: Callable[[], datetime]) -> None:
        self._db = db
        self._node_id = node_id
        self._now = now
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, line: Line) -> Line:
        """As `ops.lines.take_line`. Unavailable while the database is away: a limit that can't be held is no limit."""
        # Who calls much over many trunks is one competitor as well, but then the limits of a tenant are met seldom.
        turn = self._turns.setdefault(line.trunk_id, asyncio.Lock())
        async with turn:
            return await self._db.system(lambda tx: ops.take_line(tx, line, self._now()))

    async def answer(self, line: Line) -> None:
        """As `ops.lines.answer_line`."""
        await self._db.system(lambda tx: ops.answer_line(tx, line, self._now()))

    async def release(self, line: Line) -> None:
        """As `ops.lines.release_line`. Unavailable: try again, or leave it to the sweep of this node's next process."""
        await self._db.system(lambda tx: ops.release_line(tx, line, self._now()))

    async def overspent(self) -> Sequence[Line]:
        """As `ops.lines.overspent`, of this node."""
        return await self._db.system(lambda tx: ops.overspent(tx, self._node_id, self._now()), read_only=True)


async def tidy(db: Database, now: datetime) -> None:
    """Let go lines nobody holds any more, and forget rows that count no more.

    It looks before it writes: most of the time there is nothing, and who takes a line would run again because of it.
    """
    left = await db.system(lambda tx: ops.leftovers(tx, now), read_only=True)
    for line, heard in left.lines:
        await db.system(lambda tx, line=line, heard=heard: ops.free_line(tx, line, heard))
    if left.old:
        await db.system(lambda tx: ops.forget_old(tx, now))
    if await db.system(lambda tx: device_ops.has_expired(tx, now), read_only=True):
        await db.system(lambda tx: device_ops.purge_bindings(tx, now))
