"""The one way a verb touches the world: a transaction that also tells facts.

A fact told here goes into the outbox with the transaction and, once that has committed, to the matcher of this
process: it must not wait for the bus to hear what happened in its own house.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from chassis.driver import Statement, Values
from chassis.rounds import Rounds
from chassis.sql import Database, Tx
from chassis.telemetry import log
from google.protobuf.message import Message
from kernel.errors import DomainError
from sqlalchemy import CursorResult, Executable, RowMapping

from routing import convert
from routing.arrivals import Arrivals
from routing.clients import Flows
from routing.domain import facts
from routing.domain.facts import Fact

T = TypeVar("T")
M = TypeVar("M", bound=Message)
W = TypeVar("W")
Hear = Callable[[str, Sequence[Fact]], None]


class Ledger:
    """One open transaction of one tenant, with the facts it tells."""

    def __init__(self, tx: Tx, hear: Hear):
        self.tenant_id = tx.tenant_id
        self._tx = tx
        self._hear = hear
        self._told: list[Fact] = []

    def tell(self, fact: Fact) -> None:
        """A fact of this transaction; facts about one entity keep this order."""
        if not self._told:
            self._tx.after_commit(partial(self._committed, self._told))
        self._told.append(fact)
        self._tx.emit(convert.fact_to_proto(fact), key=facts.key_of(fact))

    def follow(self, traceparent: str) -> None:
        """The facts of this transaction, or of this part of it, belong to this trace: the call's."""
        self._tx.continue_trace(traceparent)

    @contextmanager
    def part_of(self, context: Context) -> Iterator[None]:
        """What is done within was wished in this context (see `chassis.sql.Tx.part_of`)."""
        before, self._told = self._told, []
        try:
            with self._tx.part_of(context):
                yield
        finally:
            self._told = before

    async def once(
        self, request_id: str, method: str, request: Message, response_type: type[M], fn: Callable[[], Awaitable[M]]
    ) -> M:
        """Run `fn` once per request_id (see `chassis.sql.Tx.once`)."""
        return await self._tx.once(request_id, method, request, response_type, fn)

    async def once_each(
        self,
        method: str,
        requests: Sequence[tuple[str, Message]],
        response_type: type[M],
        fn: Callable[[Sequence[int]], Awaitable[Sequence[M | DomainError]]],
    ) -> Sequence[M | DomainError]:
        """Answer each request_id once (see `chassis.sql.Tx.once_each`)."""
        return await self._tx.once_each(method, requests, response_type, fn)

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run any statement."""
        return await self._tx.execute(statement, parameters)

    async def one(self, statement: Executable) -> RowMapping:
        """The only row."""
        return await self._tx.one(statement)

    async def one_or_none(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> RowMapping | None:
        """The only row, or None."""
        return await self._tx.one_or_none(statement, parameters)

    async def all(self, statement: Executable) -> Sequence[RowMapping]:
        """Every row."""
        return await self._tx.all(statement)

    async def rows(self, statement: Statement, values: Values) -> Sequence[Mapping[str, Any]]:
        """Every row of a statement made once (see `chassis.sql.Tx.rows`)."""
        return await self._tx.rows(statement, values)

    async def write(self, statement: Statement, values: Values) -> int:
        """As `rows`; how many rows it changed."""
        return await self._tx.write(statement, values)

    async def write_all(self, statement: Statement, rows: Sequence[Values]) -> None:
        """As `write`, for several rows in one round trip."""
        await self._tx.write_all(statement, rows)

    def _committed(self, told: Sequence[Fact]) -> None:
        for fact in told:
            log.info(convert.sentence_of(fact), **convert.ids_of(fact))
        self._hear(self.tenant_id, told)


Batch = Callable[[Ledger, Sequence[W], datetime], Awaitable[Sequence[Any]]]
"""Writes of one kind, for several wishes of one tenant; what came of each, an error if it is refused."""


class Desk:
    """Where verbs are carried out: the database, and who hears what came of them. `flows` is asked before one that
    takes something away flows may name; without them nobody is asked."""

    def __init__(self, db: Database, hear: Hear | None = None, flows: Flows | None = None):
        self.db = db
        self.flows = flows
        self.clock = db.clock
        self.arrivals = Arrivals()
        self._hear = hear

    def hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        """What was committed, for who waits in this process."""
        self.arrivals.hear(tenant_id, told)
        if self._hear is not None:
            self._hear(tenant_id, told)

    def on(self, tx: Tx) -> Ledger:
        """The ledger of a transaction somebody else opened (the inbox does)."""
        return Ledger(tx, self.hear)

    async def run(self, tenant_id: str, fn: Callable[[Ledger], Awaitable[T]], *, read_only: bool = False) -> T:
        """One transaction around one verb; the closure may run again."""
        return await self.db.run(tenant_id, lambda tx: fn(self.on(tx)), read_only=read_only)


class Together(Generic[W]):
    """Verbs of one kind, written in rounds (`chassis.rounds`): one transaction for all that is wished of a tenant while
    the one before it is under way. Rounds of different tenants go on beside each other, at most `at_once`."""

    def __init__(self, desk: Desk, batch: Batch[W], what: str, at_once: int):
        self._desk, self._batch = desk, batch
        self._rounds: Rounds[W] = Rounds(self._write, desk.db.tasks, what)
        self._slots = asyncio.Semaphore(at_once)

    async def put(self, tenant_id: str, wish: W) -> Any:
        """What comes of it, once it is committed."""
        with self._rounds.waiting():
            return await self._rounds.put(tenant_id, wish)

    async def _write(self, tenant_id: str, take: Callable[[], Sequence[W]]) -> Sequence[Any]:
        async with self._slots:
            return await self._desk.run(tenant_id, lambda tx: self._batch(tx, take(), self._desk.clock.now()))
