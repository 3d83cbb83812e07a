"""Statements made once (`chassis.statements`), run by asyncpg itself.

SQLAlchemy says what they are in SQL and how values go in. To run one costs it three times what it costs asyncpg, by
which the other two thirds (a greenlet, a cursor, the weighing of the statement, a result) were most of the CPU of a
short transaction. Errors come out as SQLAlchemy's, so that nobody who waits for one has to know which way it came.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from chassis.telemetry import log

Statement = Select[Any] | Insert | Update | Delete
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_SET_TENANT = "select set_config('merkez.tenant', $1, true)"
Values = Mapping[str, Any]
_UNDO_SECONDS = 5.0
"""For rolling back, which waits until the server has given up a statement that was cancelled."""
_MOST_KNOWN = 1_000


class NothingHolds(RuntimeError):
    """A transaction went on after a statement of it had failed: the server rolled it back instead of committing."""


watchers: list[Callable[[Statement], None]] = []
"""Told of each statement when it is first run: tests hold them to what CockroachDB understands."""


class Compiled:
    """A statement as one dialect of the driver has it, for values of these names."""

    def __init__(self, statement: Statement, names: Sequence[str], dialect: Dialect):
        for watcher in watchers:
            watcher(statement)
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
        self.sql = str(compiled)
        _refuse_what_sqlalchemy_adds(compiled, names)
        self._own = {name: bind.value for name, bind in compiled.binds.items() if name not in names}
        self._order = [(name, _processor(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()]
        read = [each.keyname for each in compiled._result_columns if _reader(each.type, dialect) is not None]
        if read:
            raise TypeError(f"these columns need SQLAlchemy to be read: {', '.join(read)}")

    def arguments(self, values: Values) -> list[Any]:
        """The driver's, in its order."""
        if self._own:  # constants of the statement
            values = {**self._own, **values}
        return [values[name] if process is None else process(values[name]) for name, process in self._order]


class Driver:
    """asyncpg's connection. `known` remembers what was compiled."""

    def __init__(self, connection: asyncpg.Connection, dialect: Dialect, known: dict[Any, Compiled]):
        self._connection, self._dialect, self._known = connection, dialect, known
        self.given_up = False
        """Whether it was closed from here: nothing is wrong with the others of its pool."""

    @property
    def closed(self) -> bool:
        """Whether the connection is lost."""
        return self._connection.is_closed()

    async def rows(self, statement: Statement, values: Values) -> Sequence[Mapping[str, Any]]:
        """What it finds."""
        compiled = self._compiled(statement, values)
        with _as_sqlalchemy(compiled.sql):
            return [dict(row) for row in await self._connection.fetch(compiled.sql, *compiled.arguments(values))]

    async def write(self, statement: Statement, values: Values) -> int:
        """How many rows it changed."""
        compiled = self._compiled(statement, values)
        with _as_sqlalchemy(compiled.sql):
            said = await self._connection.execute(compiled.sql, *compiled.arguments(values))
        return int(said.rpartition(" ")[2])  # "UPDATE 1", "INSERT 0 1"

    async def write_all(self, statement: Statement, rows: Sequence[Values]) -> None:
        """For each of these, which have the same names, in one round trip, however many they are."""
        if len(rows) == 1:  # for one the driver's way of many costs more
            await self.write(statement, rows[0])
            return
        if any(len(row) != len(rows[0]) for row in rows):  # one that lacks a name is found by that
            raise TypeError("rows of one statement have the same names")
        compiled = self._compiled(statement, rows[0])
        with _as_sqlalchemy(compiled.sql):
            await self._connection.executemany(compiled.sql, [compiled.arguments(row) for row in rows])

    @asynccontextmanager
    async def transaction(
        self, isolation: str, *, read_only: bool, tenant_id: str = ""
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A transaction, which sees the rows of this tenant, if any; what it gives commits it. Otherwise it is rolled
        back, or the connection is closed, whatever happened: none goes back to its pool within a transaction.
        NothingHolds."""
        begin = f"BEGIN ISOLATION LEVEL {isolation}{' READ ONLY' if read_only else ''}"
        plain = _PLAIN.fullmatch(tenant_id) is not None
        if plain:  # in the same breath, which takes no parameters
            begin += f"; select set_config('merkez.tenant', '{tenant_id}', true)"
        try:
            # Within: who is cancelled here doesn't know whether it has begun.
            await self._say(begin)
            if tenant_id and not plain:  # what somebody asks for may be no tenant's id at all
                with _as_sqlalchemy(_SET_TENANT):
                    await self._connection.fetch(_SET_TENANT, tenant_id)
            yield self._commit
        except BaseException:
            await self._undo()
            raise

    async def _commit(self) -> None:
        if await self._say("COMMIT") != "COMMIT":
            raise NothingHolds("a statement failed, and what it was for went on")

    async def _undo(self) -> None:
        try:
            async with asyncio.timeout(_UNDO_SECONDS):
                await self._connection.execute("ROLLBACK")
        except asyncio.CancelledError:  # must not be lost in what was to be undone: that may be tried again
            self.given_up = True
            self._connection.terminate()
            raise
        except Exception:
            self._connection.terminate()

    async def _say(self, command: str) -> str:
        with _as_sqlalchemy(command):
            return await self._connection.execute(command)

    def _compiled(self, statement: Statement, values: Values) -> Compiled:
        key = (statement, *values)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                log.error("statements that are to be made once are made again and again", statement=str(statement))
                self._known.clear()
            found = self._known[key] = Compiled(statement, list(values), self._dialect)
        return found


@asynccontextmanager
async def driver_of(connection: AsyncConnection, known: dict[Any, Compiled]) -> AsyncIterator[Driver]:
    """The driver of a connection of SQLAlchemy's, whose pool is told when it was lost: then the others of the pool are
    made anew, too, since a server that ends one has mostly ended all of them. So is one that was lost in the pool."""
    driver = await _lent_by(connection, known)
    if driver.closed:
        await _lost(connection)
        await connection.rollback()  # there is nothing to roll back, and without it there is no other one
        driver = await _lent_by(connection, known)
    try:
        yield driver
    finally:
        if driver.given_up:
            await connection.invalidate()
        elif driver.closed and not connection.invalidated:
            await _lost(connection)


async def _lost(connection: AsyncConnection) -> None:
    with suppress(DBAPIError):  # finding out for itself, it does what is to be done
        await connection.exec_driver_sql("select 1")


async def _lent_by(connection: AsyncConnection, known: dict[Any, Compiled]) -> Driver:
    raw = await connection.get_raw_connection()
    lent: Any = raw.driver_connection
    return Driver(lent, connection.dialect, known)


def _refuse_what_sqlalchemy_adds(compiled: Any, names: Sequence[str]) -> None:
    """TypeError for a statement that is more than its text and the values of these names."""
    missing = sorted(name for name, bind in compiled.binds.items() if bind.required and name not in names)
    if missing:
        raise TypeError(f"no values for {', '.join(missing)}")
    if compiled.insert_prefetch or compiled.update_prefetch:
        raise TypeError("columns whose values SQLAlchemy makes up need it to be written")
    if compiled.post_compile_params:
        raise TypeError("a list is one parameter: `= any(...)`, not `in`")


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> object:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


@contextmanager
def _as_sqlalchemy(sql: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(sql, None, error, hide_parameters=True) from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(sql, None, error, hide_parameters=True) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise InterfaceError(sql, None, error, hide_parameters=True) from error
