"""One open transaction, as a verb sees it: statements, facts, hooks, requests answered once.

What is written by `write_later` is written in the end, the rows of one statement together however many verbs wrote
them, or as soon as something else is asked that could see it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.errors import AlreadyExists
from kernel.ids import new_id
from sqlalchemy import CursorResult, Executable, Insert, RowMapping, Table, Update
from sqlalchemy.exc import IntegrityError, MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import facts
from chassis.direct import Direct
from chassis.putoff import PutOff, Refused, Rows, is_twins, may_unite
from chassis.sqlerrors import TryAgain
from chassis.statements import Sought, at, inserting, selecting, selecting_any
from chassis.tables import StandardTables
from chassis.telemetry import current_traceparent

T = TypeVar("T")
M = TypeVar("M", bound=Message)


class RequestIdReused(AlreadyExists):
    """The request_id was used before with another body."""

    reason = "REQUEST_ID_REUSED"


@dataclass(frozen=True)
class _Emitted:
    event_id: str
    tenant_id: str
    message: Message
    key: str
    traceparent: str


class Tx:
    """One open transaction. Lives only inside the closure that received it."""

    def __init__(
        self, connection: AsyncConnection, tenant_id: str, standard: StandardTables, clock: Clock,
        direct: Direct | None = None,
    ):  # fmt: skip
        self.tenant_id = tenant_id
        self.connection = connection
        self._direct = direct
        self._standard = standard
        self._clock = clock
        self._emitted: list[_Emitted] = []
        self._hooks: list[Callable[[], Any]] = []
        self._traceparent = ""
        self._part: Context | None = None
        self._off = PutOff()
        self.known: dict[Hashable, Any] = {}
        """What was read and is not written since, for who reads it over and over: by the name of its row."""
        self._ahead: dict[Hashable, Mapping[str, Any] | None] = {}
        """Rows read before they are asked for and not written since, by the same names."""

    def now(self) -> datetime:
        """What the process's clock says: for when something was heard of, not for when it happened."""
        return self._clock.now()

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run any statement; a sequence of parameters makes it one executemany."""
        await self._settle()
        self.known.clear()
        self._ahead.clear()
        return await self._execute(statement, parameters)

    async def write_later(
        self, statement: Insert | Update, values: Mapping[str, Any], row: Hashable, *, refused: Refused | None = None,
        twin: bool = False,
    ) -> None:  # fmt: skip
        """Write one row by a statement of `chassis.statements`, by the commit. `row` names it, as reads do that go by
        its key (`one_or_none`). In the end `refused` is raised when a statement wrote fewer rows than it was given; and
        TryAgain when one is there already and that is a `twin`'s."""
        if not self._off.can_wait(statement, row):
            await self._settle()
        self.known.pop(row, None)
        self._ahead.pop(row, None)
        self._off.add(statement, values, row, refused, twin)

    async def one(self, statement: Executable) -> RowMapping:
        """The only row; anything else is a bug, not an answer."""
        await self._settle()
        return (await self.connection.execute(statement)).mappings().one()

    async def one_or_none(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None, *, row: Hashable = None
    ) -> RowMapping | None:
        """The only row, or None. When it looks at nothing but the `row` of this name, others stay put off."""
        if row is not None and row in self._ahead:
            return self._ahead[row]  # pyright: ignore[reportReturnType]
        if row is None or self._off.touches(row):
            await self._settle()
        if self._direct is not None and parameters and self._direct.takes(statement, parameters):
            rows = await self._direct.rows(statement, parameters)
            if len(rows) > 1:
                raise MultipleResultsFound("more than one row was found")
            return rows[0] if rows else None  # pyright: ignore[reportReturnType]
        return (await self.connection.execute(statement, parameters)).mappings().one_or_none()

    async def read_ahead(self, sought: Iterable[Sought]) -> None:
        """Read what `one_or_none` is going to be asked for by these keys, the rows of a table by one statement."""
        alike: dict[tuple[Table, tuple[tuple[str, Any], ...], str], set[str]] = {}
        for table, (*others, (last, value)) in sought:
            alike.setdefault((table, tuple(others), last), set()).add(value)
        for (table, others, last), values in alike.items():
            if len(values) < 2:
                continue
            named = (table.name, *(value for _, value in others))
            there = at({"tenant_id": self.tenant_id, **dict(others), last: sorted(values)})
            found = await self._rows(selecting_any(table, "tenant_id", *dict(others), last), there)
            self._ahead |= {(*named, value): None for value in values}
            self._ahead |= {(*named, row[last]): row for row in found}

    async def _rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if self._direct is not None and self._direct.takes(statement, parameters):
            return await self._direct.rows(statement, parameters)
        return (await self.connection.execute(statement, parameters)).mappings().all()  # pyright: ignore[reportReturnType]

    async def all(self, statement: Executable) -> Sequence[RowMapping]:
        """Every row."""
        await self._settle()
        return (await self.connection.execute(statement)).mappings().all()

    async def _execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
    ) -> CursorResult[Any]:
        if self._direct is not None and parameters and self._direct.takes(statement, parameters):
            return await self._direct.execute(statement, parameters)  # pyright: ignore[reportReturnType]
        return await self.connection.execute(statement, parameters)  # pyright: ignore[reportReturnType]

    async def _settle(self) -> None:
        """Write what was put off."""
        if self._off:
            await self._write_all(self._off.taken())

    async def _write_all(self, kinds: Sequence[Rows]) -> None:
        each = [(rows.statement, values) for rows in kinds for values in rows.values] if may_unite(kinds) else []
        direct = self._direct
        if each and direct is not None and all(direct.knows(*row) for row in each):
            await self._write_united(direct, kinds, each)
            return
        for rows in kinds:
            try:
                count = await self._write(rows)
            except IntegrityError as error:
                if rows.twin:  # it won the race: run again and find what it did
                    raise TryAgain from error
                raise
            rows.check(count)

    async def _write_united(
        self, direct: Direct, kinds: Sequence[Rows], each: Sequence[tuple[Insert | Update, Mapping[str, Any]]]
    ) -> None:
        try:
            written = iter(await direct.write_united(each))
        except IntegrityError as error:
            if is_twins(error, kinds):
                raise TryAgain from error
            raise
        for rows in kinds:
            rows.check(sum(islice(written, len(rows.values))))

    async def _write(self, rows: Rows) -> int:
        statement, values = rows.statement, rows.values
        if len(values) > 1 and self._direct is not None and self._direct.takes(statement, values):
            return await self._direct.write(statement, values, counted=rows.refused is not None)
        if rows.refused is None:
            await self._execute(statement, values if len(values) > 1 else values[0])
            return len(values)
        return sum([(await self._execute(statement, each)).rowcount for each in values])

    def emit(self, message: Message, *, key: str, tenant_id: str = "") -> str:
        """Put a fact of the catalogue into the outbox with this transaction; returns its event id. Not awaited.

        Facts with the same `key` (the entity's id) reach consumers in this order. `tenant_id` is needed only in
        a system transaction.
        """
        facts.fact_of(message)
        tenant = self.tenant_id or tenant_id
        if not tenant:
            raise ValueError("a fact belongs to a tenant: pass tenant_id in a system transaction")
        traceparent = self.traceparent if self._part is not None else ""
        event = _Emitted(new_id("evt", self._clock.now()), tenant, message, key, traceparent)
        self._emitted.append(event)
        return event.event_id

    @property
    def traceparent(self) -> str:
        """Of what is done now: what a row says that is to be found from elsewhere much later. Empty outside of one."""
        if self._part is not None:
            return self._part.run(current_traceparent)
        return self._traceparent or current_traceparent()

    def continue_trace(self, traceparent: str) -> None:
        """Let the facts of this transaction carry `traceparent` on: what a click does to a call belongs to the
        call's trace, which is stored with it, not to the click's. Empty changes nothing."""
        self._traceparent = traceparent or self._traceparent

    @contextmanager
    def part_of(self, context: Context) -> Iterator[None]:
        """What is done within was wished in this context: one transaction may do the work of several. Facts go on with
        its trace, or the one it is made to continue within; hooks after the commit run in it."""
        before, self._part = self._part, context
        kept, self._traceparent, first = self._traceparent, "", len(self._emitted)
        try:
            yield
        finally:
            if self._traceparent:
                own = [replace(each, traceparent=self._traceparent) for each in self._emitted[first:]]
                self._emitted[first:] = own
            self._part, self._traceparent = before, kept

    def after_commit(self, hook: Callable[[], Any]) -> None:
        """Call `hook` after the commit that held (a coroutine runs in the background). Never business truth."""
        self._hooks.append(hook if self._part is None else partial(self._part.run, hook))

    async def once(
        self,
        request_id: str,
        method: str,
        request: Message,
        response_type: type[M],
        fn: Callable[[], Awaitable[M]],
    ) -> M:
        """Run `fn` once per (tenant, method, request_id) and answer a repeat with the stored response.

        An empty `request_id` just runs it. The same id with another body raises RequestIdReused.
        """
        if not request_id:
            return await fn()
        table = self._standard.requests
        fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        kept = (table.name, method, request_id)
        known = await self.one_or_none(
            selecting(table, "tenant_id", "method", "request_id"),
            at({"tenant_id": self.tenant_id, "method": method, "request_id": request_id}),
            row=kept,
        )
        if known is not None:
            if known["fingerprint"] != fingerprint:
                raise RequestIdReused("this request_id was used with another body")
            return response_type.FromString(known["response"])
        response = await fn()
        answered = {
            "tenant_id": self.tenant_id,
            "method": method,
            "request_id": request_id,
            "fingerprint": fingerprint,
            "response": response.SerializeToString(),
            "create_time": self._clock.now(),
        }
        await self.write_later(inserting(table), answered, kept, twin=True)
        return response

    async def flush(self, next_position: Callable[[], int]) -> None:
        """Write what was put off and what was emitted; `Database` calls it as the last thing before the commit."""
        kinds = self._off.taken()
        if self._emitted:
            kinds.append(Rows(inserting(self._standard.outbox), None, False, self._outgoing(next_position)))
        await self._write_all(kinds)

    def _outgoing(self, next_position: Callable[[], int]) -> list[Mapping[str, Any]]:
        now = self._clock.now()
        traceparent = self.traceparent
        return [
            {
                "tenant_id": event.tenant_id,
                "event_id": event.event_id,
                "position": next_position(),
                "key": event.key,
                "fact": event.message.DESCRIPTOR.full_name,
                "payload": event.message.SerializeToString(),
                "traceparent": event.traceparent or traceparent,
                "create_time": now,
            }
            for event in self._emitted
        ]

    @property
    def emitted(self) -> bool:
        """Whether the outbox gets something from this transaction."""
        return bool(self._emitted)

    def taken_hooks(self) -> Sequence[Callable[[], Any]]:
        """What to call after the commit. They know this transaction: it lets go of them, since what holds each other is
        left to the garbage collector, which stops the whole process for it."""
        hooks, self._hooks = self._hooks, []
        return hooks
