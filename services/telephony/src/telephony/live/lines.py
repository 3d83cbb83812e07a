"""Lines of this node: taken one after the other for each trunk, so that only other nodes are competed with. And what
is left of lines and bindings that nobody holds any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from weakref import WeakValueDictionary

from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import log
from kernel.errors import Unavailable

from telephony.domain.lines import Line
from telephony.ops import devices as device_ops
from telephony.ops import lines as ops


class Lines:
    """Takes lines and lets them go. Readers and other trunks don't wait."""

    def __init__(self, db: Database, node_id: str, now: Callable[[], datetime], tasks: Tasks) -> None:
        self._db = db
        self._tasks = tasks
        self._node_id = node_id
        self._now = now
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._late: dict[str, asyncio.Task[None]] = {}
        """Line id -> the last write of it that waits for the database: they are made in their order."""

    async def take(self, line: Line) -> Line:
        """As `ops.lines.take_line`. Unavailable while the database is away: a limit that can't be held is no limit."""
        # Who calls much over many trunks is one competitor as well, but then the limits of a tenant are met seldom.
        turn = self._turns.setdefault(line.trunk_id, asyncio.Lock())
        async with turn:
            return await self._db.system(lambda tx: ops.take_line(tx, line, self._now()))

    async def find(self, tenant_id: str, line_id: str) -> Line | None:
        """A live line of the trunk's owner `tenant_id`; None when it was let go."""
        return await self._db.system(lambda tx: ops.find_line(tx, tenant_id, line_id), read_only=True)

    async def answer(self, line: Line) -> None:
        """As `ops.lines.answer_line`; while the database is away, as soon as it is back."""
        now = self._now()
        await self._surely(line, lambda: self._db.system(lambda tx: ops.answer_line(tx, line, now)))

    async def release(self, line: Line) -> None:
        """As `ops.lines.release_line`; while the database is away, as soon as it is back."""
        now = self._now()
        await self._surely(line, lambda: self._db.system(lambda tx: ops.release_line(tx, line, now)))

    async def _surely(self, line: Line, write: Callable[[], Awaitable[None]]) -> None:
        """The call is what it is, whatever the database does: nobody waits for more than one try."""
        earlier = self._late.get(line.line_id)
        if earlier is None:
            try:
                return await write()
            except Unavailable as error:
                log.warning("the database is away; a line's write waits", line_id=line.line_id, exc_info=error)
        late = self._late[line.line_id] = self._tasks.spawn(self._again(write, earlier), "line written")
        late.add_done_callback(lambda task: self._late.pop(line.line_id) if self._late[line.line_id] is task else None)

    async def _again(self, write: Callable[[], Awaitable[None]], earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        pause = 0.1
        while True:
            try:
                return await write()
            except Unavailable:
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)

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
