"""Lines of this node: what is wished of a trunk's is written in rounds, so that only other nodes are competed with. And
what is left of lines and bindings that nobody holds any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import log
from kernel.errors import DomainError

from telephony.domain.lines import Line
from telephony.live.rounds import Rounds
from telephony.ops import devices as device_ops
from telephony.ops import lines as ops
from telephony.ops.lines import Answer, Release, Take, Wish

_NOTICED_SECONDS = 1.0
"""Who lets a line go waits for the write at most this long."""


class Lines:
    """Takes lines and lets them go. Readers and other trunks don't wait."""

    def __init__(self, db: Database, node_id: str, now: Callable[[], datetime], tasks: Tasks) -> None:
        self._db = db
        self._tasks = tasks
        self._node_id = node_id
        self._now = now
        # Who calls much over many trunks is one competitor as well, but then the limits of a tenant are met seldom.
        self._rounds: Rounds[Wish] = Rounds(self._write, tasks, "lines")

    async def take(self, line: Line) -> Line:
        """A place on the trunk; errors as `ops.lines.use_lines` gives them. Unavailable while the database is away: a
        limit that can't be held is no limit."""
        taking = self._put(Take(line), stays=False)
        try:
            with self._rounds.waiting():
                return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # Nobody will let go what is taken for nobody.
            taking.add_done_callback(lambda done: self._unwanted(line, done))
            raise

    async def find(self, tenant_id: str, line_id: str) -> Line | None:
        """A live line of the trunk's owner `tenant_id`; None when it was let go."""
        return await self._db.system(lambda tx: ops.find_line(tx, tenant_id, line_id), read_only=True)

    async def answer(self, line: Line) -> None:
        """From now on it costs; while the database is away, that is written as soon as it is back."""
        await self._surely(Answer(line, self._now()))

    async def release(self, line: Line) -> None:
        """Let it go; while the database is away, as soon as it is back."""
        await self._surely(Release(line, self._now()))

    def _unwanted(self, line: Line, taking: asyncio.Future[Line]) -> None:
        if not taking.cancelled() and taking.exception() is None:
            self._put(Release(line, self._now()), stays=True)

    async def _surely(self, wish: Answer | Release) -> None:
        """The call is what it is, whatever the database does: nobody waits for it long."""
        writing = self._put(wish, stays=True)
        writing.add_done_callback(_tell_of_failure)
        await asyncio.wait({writing}, timeout=_NOTICED_SECONDS)

    def _put(self, wish: Wish, *, stays: bool) -> asyncio.Future[Line]:
        return self._rounds.put(f"{wish.line.tenant_id}/{wish.line.trunk_id}", wish, stays=stays)

    async def _write(self, _trunk: str, take: Callable[[], Sequence[Wish]]) -> Sequence[ops.Outcome]:
        return await self._db.system(lambda tx: ops.use_lines(tx, take(), self._now()))

    async def overspent(self) -> Sequence[Line]:
        """As `ops.lines.overspent`, of this node."""
        return await self._db.system(lambda tx: ops.overspent(tx, self._node_id, self._now()), read_only=True)


async def tidy(db: Database, now: datetime) -> None:
    """Let go lines nobody holds any more, and forget rows that count no more.

    It looks before it writes: most of the time there is nothing. What it forgets nobody reads: at SERIALIZABLE the look
    for it would make who takes a line run again.
    """
    left = await db.system(lambda tx: ops.leftovers(tx, now), read_only=True)
    for line, heard in left.lines:
        await db.system(lambda tx, line=line, heard=heard: ops.free_line(tx, line, heard))
    if left.old:
        await db.system(lambda tx: ops.forget_old(tx, now), serializable=False)
    if await db.system(lambda tx: device_ops.has_expired(tx, now), read_only=True):
        await db.system(lambda tx: device_ops.purge_bindings(tx, now))


def _tell_of_failure(writing: asyncio.Future[Line]) -> None:
    error = None if writing.cancelled() else writing.exception()
    if isinstance(error, DomainError):
        log.info("a line was let go before", reason=error.reason)
    elif error is not None:
        log.error("a line's write failed", exc_info=error)
