"""Statements made once (`chassis.statements`), run by asyncpg itself.

SQLAlchemy says what they are in SQL and how values go in. To run one costs it three times what it costs asyncpg, by
which the other two thirds (a greenlet, a cursor, the weighing of the statement, a result) were most of the CPU of a
short transaction. Errors come out as SQLAlchemy's, so that nobody who waits for one has to know which way it came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

Statement = Select[Any] | Insert | Update | Delete
_SET = "select set_config($1, $2, true)"
Values = Mapping[str, Any]


watchers: list[Callable[[Statement], None]] = []
"""Told of each statement when it is first run: tests hold them to what CockroachDB understands."""


class Compiled:
    """A statement as one dialect of the driver has it, for values of these names."""

    def __init__(self, statement: Statement, names: Sequence[str], dialect: Dialect):
        for watcher in watchers:
            watcher(statement)
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
        self.sql = str(compiled)
        self._own = {name: bind.value for name, bind in compiled.binds.items() if name not in names}
        self._order = [(name, _processor(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()]
        if isinstance(statement, Select):
            read = [column for column in statement.selected_columns if _reader(column.type, dialect) is not None]
            if read:
                raise TypeError(f"these columns need SQLAlchemy to be read: {', '.join(map(str, read))}")

    def arguments(self, values: Values) -> list[Any]:
        """The driver's, in its order."""
        if self._own:  # constants of the statement
            values = {**self._own, **values}
        return [values[name] if process is None else process(values[name]) for name, process in self._order]


class Driver:
    """asyncpg's connection. `known` remembers what was compiled."""

    def __init__(self, connection: asyncpg.Connection, dialect: Dialect, known: dict[Any, Compiled]):
        self._connection, self._dialect, self._known = connection, dialect, known

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
        compiled = self._compiled(statement, rows[0])
        with _as_sqlalchemy(compiled.sql):
            await self._connection.executemany(compiled.sql, [compiled.arguments(row) for row in rows])

    @asynccontextmanager
    async def transaction(self, isolation: str, *, read_only: bool) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A transaction; what it gives commits it. Otherwise it is rolled back, or the connection is closed, whatever
        happened: none goes back to its pool within a transaction."""
        await self._say(f"BEGIN ISOLATION LEVEL {isolation}{' READ ONLY' if read_only else ''}")
        try:
            yield partial(self._say, "COMMIT")
        except BaseException:
            try:
                await self._connection.execute("ROLLBACK")
            except BaseException:
                self._connection.terminate()
            raise

    async def set_local(self, name: str, value: str) -> None:
        """A setting, until the transaction is over."""
        with _as_sqlalchemy(_SET):
            await self._connection.fetch(_SET, name, value)

    async def _say(self, command: str) -> None:
        with _as_sqlalchemy(command):
            await self._connection.execute(command)

    def _compiled(self, statement: Statement, values: Values) -> Compiled:
        key = (statement, *values)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Compiled(statement, list(values), self._dialect)
        return found


@asynccontextmanager
async def driver_of(connection: AsyncConnection, known: dict[Any, Compiled]) -> AsyncIterator[Driver]:
    """The driver of a connection of SQLAlchemy's, whose pool is told when it was lost. One that was lost in the pool is
    made anew: when the server was restarted, all of them were."""
    driver = await _lent_by(connection, known)
    if driver.closed:
        await connection.invalidate()
        driver = await _lent_by(connection, known)
    try:
        yield driver
    finally:
        if driver.closed:
            await connection.invalidate()


async def _lent_by(connection: AsyncConnection, known: dict[Any, Compiled]) -> Driver:
    raw = await connection.get_raw_connection()
    lent: Any = raw.driver_connection
    return Driver(lent, connection.dialect, known)


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
    except asyncpg.InterfaceError as error:
        raise InterfaceError(sql, None, error, hide_parameters=True) from error
