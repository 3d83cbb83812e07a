"""What this node writes of its calls: one round after the other for each company (`live.rounds`).

The beginning, the steps and the end of calls count and change neighbouring rows. What waits is written together, and
what is of one kind by the same few statements, however many calls it is of. What one call wished is written in the
order it was wished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log

from telephony.live.rounds import Rounds
from telephony.ops import nodes as node_ops

T = TypeVar("T")

Batch = Callable[[Tx, Sequence[Any], datetime], Awaitable[Sequence[Any]]]
"""Writes of one kind, for several calls at once; what came of each."""


class LeaseLost(Exception):
    """Another node owns the call by now: what this one still knows of it is not written."""


@dataclass(frozen=True)
class Step:
    """One write. `whose` names what it is of, a call or a station: all of that is written in order."""

    whose: str
    batch: Batch
    wish: Any
    fenced: bool = False
    """Written only while this node owns the call `whose` names."""


def stages(steps: Sequence[Step]) -> list[list[int]]:
    """Which steps (by place) are written together, stage after stage: each of one kind, each step after those before
    it of the same call, and as early as that allows."""
    found: list[tuple[Batch, list[int]]] = []
    reached: dict[str, int] = {}
    for place, step in enumerate(steps):
        earliest = reached.get(step.whose, 0)
        at = next((at for at in range(earliest, len(found)) if found[at][0] is step.batch), len(found))
        if at == len(found):
            found.append((step.batch, []))
        found[at][1].append(place)
        reached[step.whose] = at
    return [places for _, places in found]


@dataclass(frozen=True)
class Verb:
    """A write of any kind, and the context it is wished in."""

    write: Callable[[Tx], Awaitable[Any]]
    context: Context = field(default_factory=copy_context)


async def each(tx: Tx, verbs: Sequence[Verb], _now: datetime) -> Sequence[Any]:
    """The batch of what is written one after the other."""
    outcomes: list[Any] = []
    for verb in verbs:
        with tx.part_of(verb.context):
            outcomes.append(await verb.write(tx))
    return outcomes


class Ledger:
    """Writes of this node's calls."""

    def __init__(self, db: Callable[[], Database], node_id: str, tasks: Tasks) -> None:
        self._db = db
        self._node_id = node_id
        self._rounds: Rounds[Step] = Rounds(self._write, tasks, "calls")

    async def begin(self, tenant_id: str, call_id: str, batch: Batch, wish: Any) -> Any:
        """Write what a new call begins with. Unavailable while the database is away: somebody waits for it."""
        with self._rounds.waiting():
            return await self._rounds.put(tenant_id, Step(call_id, batch, wish))

    async def begin_by(self, tenant_id: str, call_id: str, write: Callable[[Tx], Awaitable[T]]) -> T:
        """As `begin`, by a verb of its own."""
        return await self.begin(tenant_id, call_id, each, Verb(write))

    def journal(self, tenant_id: str, whose: str, *, fenced: bool) -> Journal:
        """For what happens to one call, or one station."""
        return Journal(self._rounds, tenant_id, whose, fenced)

    async def _write(self, tenant_id: str, take: Callable[[], Sequence[Step]]) -> Sequence[Any]:
        return await self._db().run(tenant_id, lambda tx: self._round(tx, take()))

    async def _round(self, tx: Tx, steps: Sequence[Step]) -> Sequence[Any]:
        asked = {step.whose for step in steps if step.fenced}
        lost = await node_ops.owned_elsewhere(tx, sorted(asked), self._node_id) if asked else frozenset()
        outcomes: list[Any] = [LeaseLost() if step.fenced and step.whose in lost else None for step in steps]
        now = self._db().clock.now()
        for places in stages(steps):
            mine = [place for place in places if outcomes[place] is None]
            if mine:
                found = await steps[mine[0]].batch(tx, [steps[place].wish for place in mine], now)
                for place, outcome in zip(mine, found, strict=True):
                    outcomes[place] = outcome
        return outcomes


class Journal:
    """Writes of one call, one after the other, tried again until the database takes them.

    The audio never waits for the database: what happened is written as soon as it can be, in the order it happened.
    """

    def __init__(self, rounds: Rounds[Step], tenant_id: str, whose: str, fenced: bool) -> None:
        self._rounds = rounds
        self._tenant_id = tenant_id
        self._whose = whose
        self._fenced = fenced

    def later(self, write: Callable[[Tx], Awaitable[Any]], name: str) -> None:
        """Write in the background; nothing once another node owns it."""
        self.note(each, Verb(write), name)

    def note(self, batch: Batch, wish: Any, name: str) -> None:
        """As `later`, together with others of its kind."""
        self._put(batch, wish).add_done_callback(partial(_tell_of_failure, name))

    async def write(self, write: Callable[[Tx], Awaitable[T]]) -> T:
        """Write and wait for it, however long the database is away. LeaseLost."""
        return await self.write_with(each, Verb(write))

    async def write_with(self, batch: Batch, wish: Any) -> Any:
        """As `write`, together with others of its kind."""
        with self._rounds.waiting():
            return await self._put(batch, wish)

    def _put(self, batch: Batch, wish: Any) -> asyncio.Future[Any]:
        step = Step(self._whose, batch, wish, self._fenced)
        return self._rounds.put(self._tenant_id, step, stays=True)


def _tell_of_failure(name: str, outcome: asyncio.Future[Any]) -> None:
    error = None if outcome.cancelled() else outcome.exception()
    if error is not None and not isinstance(error, LeaseLost):
        log.error("something of a call can't be written", what=name, exc_info=error)
