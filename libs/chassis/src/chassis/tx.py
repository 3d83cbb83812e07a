"""What a verb does within one transaction: statements, facts for the outbox, requests answered once.

`chassis.sql.Database` opens and ends it, and runs the verb again when the database says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.errors import AlreadyExists, DomainError
from kernel.ids import new_id
from sqlalchemy import CursorResult, Executable, RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import facts
from chassis.driver import Driver, Statement, Values
from chassis.sqlerrors import TryAgain
from chassis.statements import AMONG, at, inserting, selecting_among
from chassis.tables import StandardTables
from chassis.telemetry import current_traceparent

M = TypeVar("M", bound=Message)


class RequestIdReused(AlreadyExists):
    """The request_id was used before with another body."""

    reason = "REQUEST_ID_REUSED"


@dataclass(eq=False)
class _Part:
    """What of a transaction was wished in one context. Its facts go on with the trace it says, else the context's."""

    context: Context | None = None
    traceparent: str = ""

    def trace(self) -> str:
        if self.traceparent:
            return self.traceparent
        return self.context.run(current_traceparent) if self.context is not None else current_traceparent()


@dataclass(frozen=True)
class _Emitted:
    event_id: str
    tenant_id: str
    message: Message
    key: str
    part: _Part


class _Asked:
    """A request with its id, and what tells it from another with the same id."""

    def __init__(self, request_id: str, request: Message):
        self.request_id = request_id
        self.fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


class Tx:
    """One open transaction. Lives only inside the closure that received it."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: Driver,
        tenant_id: str,
        standard: StandardTables,
        clock: Clock,
    ):
        self.tenant_id = tenant_id
        self.connection = connection
        self._standard = standard
        self._clock = clock
        self._driver = driver
        self._emitted: list[_Emitted] = []
        self._hooks: list[Callable[[], Any]] = []
        self._part = _Part()

    def now(self) -> datetime:
        """What the process's clock says: for when something was heard of, not for when it happened."""
        return self._clock.now()

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run any statement; a sequence of parameters makes it one executemany."""
        return await self.connection.execute(statement, parameters)  # pyright: ignore[reportReturnType]

    async def one(self, statement: Executable) -> RowMapping:
        """The only row; anything else is a bug, not an answer."""
        return (await self.connection.execute(statement)).mappings().one()

    async def one_or_none(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> RowMapping | None:
        """The only row, or None."""
        return (await self.connection.execute(statement, parameters)).mappings().one_or_none()

    async def all(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[RowMapping]:
        """Every row."""
        return (await self.connection.execute(statement, parameters)).mappings().all()

    async def rows(self, statement: Statement, values: Values) -> Sequence[Mapping[str, Any]]:
        """As `all`, by the driver itself (`chassis.driver`): for statements made once (`chassis.statements`)."""
        return await self._driver.rows(statement, values)

    async def write(self, statement: Statement, values: Values) -> int:
        """As `rows`; how many rows it changed."""
        return await self._driver.write(statement, values)

    async def write_all(self, statement: Statement, rows: Sequence[Values]) -> None:
        """As `write`, for several rows in one round trip; nothing for none. How many it changed the driver doesn't
        say."""
        if rows:
            await self._driver.write_all(statement, rows)

    def emit(self, message: Message, *, key: str, tenant_id: str = "") -> str:
        """Put a fact of the catalogue into the outbox with this transaction; returns its event id. Not awaited.

        Facts with the same `key` (the entity's id) reach consumers in this order. `tenant_id` is needed only in
        a system transaction.
        """
        facts.fact_of(message)
        tenant = self.tenant_id or tenant_id
        if not tenant:
            raise ValueError("a fact belongs to a tenant: pass tenant_id in a system transaction")
        event = _Emitted(new_id("evt", self._clock.now()), tenant, message, key, self._part)
        self._emitted.append(event)
        return event.event_id

    def continue_trace(self, traceparent: str) -> None:
        """Let the facts of this transaction (within `part_of`, of that part) carry `traceparent` on: what a click does
        to a call belongs to the call's trace, which is stored with it, not to the click's. Empty changes nothing."""
        self._part.traceparent = traceparent or self._part.traceparent

    @contextmanager
    def part_of(self, context: Context) -> Iterator[None]:
        """What is done within was wished in this context: one transaction may do the work of several. Facts go on with
        its trace, hooks after the commit run in it."""
        before, self._part = self._part, _Part(context)
        try:
            yield
        finally:
            self._part = before

    def after_commit(self, hook: Callable[[], Any]) -> None:
        """Call `hook` after the commit that held (a coroutine runs in the background). Never business truth."""
        context = self._part.context
        self._hooks.append(hook if context is None else partial(context.run, hook))

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

        async def answer(_new: Sequence[int]) -> Sequence[M]:
            return [await fn()]

        (outcome,) = await self.once_each(method, [(request_id, request)], response_type, answer)
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    async def once_each(
        self,
        method: str,
        requests: Sequence[tuple[str, Message]],
        response_type: type[M],
        fn: Callable[[Sequence[int]], Awaitable[Sequence[M | DomainError]]],
    ) -> Sequence[M | DomainError]:
        """As `once`, for several requests with their ids: `fn` gets the places of those that are new, and answers each
        with its response, or with the error it comes to, which is not remembered."""
        prints = [_Asked(request_id, request) for request_id, request in requests]
        known = await self._answered(method, sorted({each.request_id for each in prints}))
        first: dict[str, int] = {}
        for place, each in enumerate(prints):
            if each.request_id not in known:
                first.setdefault(each.request_id, place)
        new = list(first.values())
        outcomes = dict(zip(new, await fn(new) if new else (), strict=True))
        await self._remember(method, [(prints[place], outcomes[place]) for place in new])

        def outcome(place: int, each: _Asked) -> M | DomainError:
            row = known.get(each.request_id)
            twin = prints[first[each.request_id]].fingerprint if row is None else row["fingerprint"]
            if twin != each.fingerprint:
                return RequestIdReused("this request_id was used with another body")
            return outcomes[first[each.request_id]] if row is None else response_type.FromString(row["response"])

        return [outcome(place, each) for place, each in enumerate(prints)]

    async def _answered(self, method: str, request_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        there = at({"tenant_id": self.tenant_id, "method": method})
        wanted = selecting_among(self._standard.requests, "request_id", "tenant_id", "method")
        return {row["request_id"]: row for row in await self.rows(wanted, there | {AMONG: request_ids})}

    async def _remember(self, method: str, answered: Sequence[tuple[_Asked, Message | DomainError]]) -> None:
        rows = [
            {
                "tenant_id": self.tenant_id,
                "method": method,
                "request_id": asked.request_id,
                "fingerprint": asked.fingerprint,
                "response": response.SerializeToString(),
                "create_time": self._clock.now(),
            }
            for asked, response in answered
            if isinstance(response, Message)
        ]
        try:
            await self.write_all(inserting(self._standard.requests), rows)
        except IntegrityError as error:  # its twin won the race: run again and find the stored answer
            raise TryAgain from error

    async def flush(self, next_position: Callable[[], int]) -> None:
        """Write what was emitted; `Database` calls it as the last thing before the commit."""
        if not self._emitted:
            return
        now = self._clock.now()
        traces = {event.part: event.part.trace() for event in self._emitted}
        rows = [
            {
                "tenant_id": event.tenant_id,
                "event_id": event.event_id,
                "position": next_position(),
                "key": event.key,
                "fact": event.message.DESCRIPTOR.full_name,
                "payload": event.message.SerializeToString(),
                "traceparent": traces[event.part],
                "create_time": now,
            }
            for event in self._emitted
        ]
        await self.write_all(inserting(self._standard.outbox), rows)

    @property
    def emitted(self) -> bool:
        """Whether the outbox gets something from this transaction."""
        return bool(self._emitted)

    @property
    def hooks(self) -> Sequence[Callable[[], Any]]:
        """What to call after the commit."""
        return self._hooks
