"""One transaction around the verbs: SERIALIZABLE, scoped to a tenant, run again when the database says so.

`Database.run(tenant_id, fn)` sets the tenant for exactly one transaction (row level security does the rest) and
re-runs the whole closure on a serialization failure, so `fn` touches the world only through `tx`.
The same code speaks PostgreSQL and CockroachDB (`postgresql+asyncpg`, `cockroachdb+asyncpg`).
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Self, TypeVar

from google.protobuf.message import Message
from kernel.clock import Clock, SystemClock
from opentelemetry import trace
from opentelemetry.trace import Span
from sqlalchemy import Executable, MetaData, text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis.direct import Direct, Writer
from chassis.kept import Kept, keep_of
from chassis.lifecycle import Tasks
from chassis.settings import ProcessSettings
from chassis.sqlaccess import Access
from chassis.sqlerrors import DatabaseUnavailable, TryAgain, connection_lost, must_run_again
from chassis.statements import Sought
from chassis.tables import (
    Json,
    StandardTables,
    Time,
    platform_table,
    standard_tables,
    tenant_table,
)
from chassis.telemetry import counter, histogram, log, tracer
from chassis.tx import RequestIdReused, Tx

__all__ = [
    "Database", "DatabaseUnavailable", "Json", "RequestIdReused", "StandardTables", "Time", "Tx",
    "platform_table", "standard_tables", "tenant_table",
]  # fmt: skip

T = TypeVar("T")
M = TypeVar("M", bound=Message)

_ATTEMPTS, _PATIENCE_SECONDS = 12, 8.0
"""Contention is an error after so many tries, and not before so long: whoever writes much holds a row for as long as a
busy machine takes, again and again, and a caller waits rather than tries it all anew."""
_away = counter(
    "merkez.database.unavailable", "Transactions given up: the database was away, or too much in contention"
)
_duration = histogram(
    "merkez.database.transaction", "s", "A transaction with all its attempts",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
_SET_TENANT = text("select set_config('merkez.tenant', :tenant, true)")


class Database:
    """Two pools on one database: the app role, held to one tenant at a time, and the system role."""

    def __init__(
        self,
        engine: AsyncEngine,
        system_engine: AsyncEngine | None,
        schema: str,
        clock: Clock,
        after_emit: Callable[[], None] | None = None,
    ):
        self.engine = engine
        self.system_engine = system_engine
        self.schema = schema
        self.clock = clock
        self.metadata = MetaData(schema=schema)
        self.standard = standard_tables(self.metadata)
        self.tasks = Tasks(f"{schema}.after_commit")
        self._woken: list[Callable[[], None]] = [after_emit] if after_emit else []
        self._position = 0
        self._writer = Writer(engine.dialect)
        self._keep = keep_of(engine, self._writer)
        self._system_keep = keep_of(system_engine, self._writer) if system_engine is not None else None

    @classmethod
    async def connect(
        cls, settings: ProcessSettings, metadata_schema: str, *, clock: Clock | None = None, pool_size: int = 10
    ) -> Self:
        """Make the pools. Connections are opened when first needed, so a database that is down is no error yet."""
        access = Access.of(settings)
        engine = make_engine(settings.database_url, pool_size, access)
        system = make_engine(settings.system_database_url, 4, access) if settings.system_database_url else None
        return cls(engine, system, metadata_schema, clock or SystemClock())

    async def close(self) -> None:
        """Wait for nothing, leave nothing open."""
        await self.tasks.close()
        await self._keep.close()
        await self.engine.dispose()
        if self.system_engine is not None and self._system_keep is not None:
            await self._system_keep.close()
            await self.system_engine.dispose()

    async def run(self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], *, read_only: bool = False) -> T:
        """Run `fn` in one SERIALIZABLE transaction that sees this tenant's rows only.

        Raises what `fn` raises; DatabaseUnavailable when the database is away or contention does not end.
        """
        if not tenant_id:
            raise ValueError("a transaction needs its tenant; sweeps over all tenants use Database.system")
        return await self._transact(self.engine, tenant_id, fn, read_only, "SERIALIZABLE")

    async def together(
        self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], sought: Iterable[Sought] = ()
    ) -> T:  # fmt: skip
        """As `run`; where writers take turns (`chassis.turns`) those who wait may share a transaction. `sought` are
        rows that `fn` will read: those of all who share are read together."""
        return await self.run(tenant_id, fn)

    async def system(
        self, fn: Callable[[Tx], Awaitable[T]], *, read_only: bool = False, serializable: bool = True
    ) -> T:
        """Run `fn` as the role whose policy spans tenants. Only for sweeps, relays, reconcilers and look-ups
        that find the tenant in the first place.

        `read_only` reads at READ COMMITTED: a sweep asks over and over for hints which a tenant's transaction then
        checks, and at SERIALIZABLE its reading of whole tables would make every writer run again. For the same reason
        a heartbeat is written without `serializable`: at READ COMMITTED, by statements whose own conditions are all
        that they depend on.
        """
        if self.system_engine is None:
            raise ValueError("this process was given no MERKEZ_SYSTEM_DATABASE_URL")
        isolation = "SERIALIZABLE" if serializable and not read_only else "READ COMMITTED"
        return await self._transact(self.system_engine, "", fn, read_only, isolation)

    async def alone(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """What one statement finds by itself, as the role whose policy spans tenants and outside of any transaction:
        for the relay. The statement lives as long as the process and takes all that varies as `values`."""
        if self._system_keep is None:
            raise ValueError("this process was given no MERKEZ_SYSTEM_DATABASE_URL")
        kept = await self._system_keep.take()
        try:
            rows = await kept.direct.alone(statement, values)
        except BaseException:
            await asyncio.shield(kept.connection.close())
            raise
        await self._system_keep.put(kept)
        return rows

    async def ping(self) -> bool:
        """Whether the database answers now; for readiness."""
        try:
            async with asyncio.timeout(2), self.engine.connect() as connection:
                await connection.execute(text("select 1"))
        except (OSError, DBAPIError, TimeoutError):
            return False
        return True

    def on_emit(self, wake: Callable[[], None]) -> None:
        """Call `wake` right after each commit that put facts into the outbox; the relay registers here."""
        self._woken.append(wake)

    async def _transact(
        self, engine: AsyncEngine, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], read_only: bool, isolation: str
    ) -> T:
        began = monotonic()
        try:
            if not trace.get_current_span().is_recording():  # a sweep that looks twice a second is not a trace
                return await self._attempts(trace.INVALID_SPAN, engine, tenant_id, fn, read_only, isolation)
            with tracer.start_as_current_span(f"sql {self.schema}", record_exception=False) as span:
                return await self._attempts(span, engine, tenant_id, fn, read_only, isolation)
        except DatabaseUnavailable:
            _away.add(1)
            raise
        finally:
            _duration.record(monotonic() - began)

    async def _attempts(
        self,
        span: Span,
        engine: AsyncEngine,
        tenant_id: str,
        fn: Callable[[Tx], Awaitable[T]],
        read_only: bool,
        isolation: str,
    ) -> T:
        attempt, lost, began = 0, 0, monotonic()
        while True:
            attempt += 1
            span.set_attribute("merkez.attempt", attempt)
            try:
                return await self._attempt(engine, tenant_id, fn, read_only, isolation)
            except _CommitLost as error:
                raise DatabaseUnavailable("the connection was lost in a commit") from error.__cause__
            except (DBAPIError, InterfaceError, OSError, TimeoutError, TryAgain) as error:
                if connection_lost(error):
                    # Nothing was committed. The pool's other connections died with the server too: a second
                    # and third try find out whether it is back already.
                    lost += 1
                    if lost > 2:
                        raise DatabaseUnavailable("the database can't be reached") from error
                elif not must_run_again(error):
                    raise
                elif attempt >= _ATTEMPTS and monotonic() - began > _PATIENCE_SECONDS:
                    raise DatabaseUnavailable("too much contention on the same rows") from error
            await asyncio.sleep(random.uniform(0, min(0.25, 0.002 * 2 ** min(attempt, 8))))

    async def _attempt(
        self, engine: AsyncEngine, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], read_only: bool, isolation: str
    ) -> T:
        if tenant_id and isolation == "SERIALIZABLE" and engine is self.engine and self._keep.may_serve(tenant_id):
            kept = await self._keep.take()
            try:
                await kept.begin(tenant_id, read_only=read_only)
                tx = Tx(kept.connection, tenant_id, self.standard, self.clock, kept.direct)
                result = await self._carried_out(tx, fn, kept.commit, read_only)
            except BaseException:
                await asyncio.shield(self._spoilt(kept))
                raise
            await self._keep.put(kept)
        else:
            async with engine.connect() as connection:
                if read_only:
                    await connection.execution_options(postgresql_readonly=True)
                if isolation != "SERIALIZABLE":
                    await connection.execution_options(isolation_level=isolation)
                if tenant_id:
                    await connection.execute(_SET_TENANT, {"tenant": tenant_id})
                # Begun by the statement before: a transaction of the system role hasn't yet.
                direct = await Direct.on(connection, self._writer) if tenant_id else None
                tx = Tx(connection, tenant_id, self.standard, self.clock, direct)
                result = await self._carried_out(tx, fn, connection.commit, read_only)
        self._committed(tx)
        return result

    async def _carried_out(
        self, tx: Tx, fn: Callable[[Tx], Awaitable[T]], commit: Callable[[], Awaitable[None]], read_only: bool
    ) -> T:
        result = await fn(tx)
        await tx.flush(self._next_position)
        try:
            await commit()
        except (DBAPIError, OSError) as error:
            if connection_lost(error) and (tx.emitted or not read_only):
                raise _CommitLost from error
            raise
        return result

    async def _spoilt(self, kept: Kept) -> None:
        lost = kept.cut
        await kept.connection.close()
        if lost:  # the others are of the same server
            await self._keep.close()

    def _committed(self, tx: Tx) -> None:
        if tx.emitted:
            for wake in self._woken:
                wake()
        for hook in tx.taken_hooks():
            try:
                outcome = hook()
                if inspect.iscoroutine(outcome):
                    self.tasks.spawn(outcome, "after_commit")
            except Exception:
                log.exception("a hook after the commit failed")

    def _next_position(self) -> int:
        # Microseconds that never repeat: orders the facts of one key, whose transactions conflict and so come
        # one after the other. A sequence would be a hot spot on CockroachDB.
        now = int(self.clock.now().timestamp() * 1_000_000)
        self._position = max(self._position + 1, now)
        return self._position


def may_have_held(error: BaseException) -> bool:
    """Whether an attempt that failed so may be committed all the same."""
    return isinstance(error, _CommitLost)


class _CommitLost(Exception):
    """The answer to COMMIT never came: it may have held, so it must not run again by itself."""


def make_engine(url: str, pool_size: int, access: Access | None = None) -> AsyncEngine:
    """A pool as every process uses it: SERIALIZABLE, parameters never in error texts."""
    connect: dict[str, Any] = {"timeout": 5, "command_timeout": 30}
    if url.startswith("postgresql"):
        # A sequential scan of a small table takes a predicate lock on all of it and makes strangers conflict.
        # JIT compiles for longer than these statements run.
        connect["server_settings"] = {"enable_seqscan": "off", "jit": "off"}
    engine = create_async_engine(
        url,
        isolation_level="SERIALIZABLE",
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        connect_args=connect,
    )
    if access is not None:
        access.open_by(engine)
    return engine
