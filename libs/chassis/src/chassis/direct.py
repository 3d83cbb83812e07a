"""The statements of `chassis.statements` go to the driver directly: SQLAlchemy makes their text once, and what is bound
to them and what comes of them passes through its types as ever, but not through its machinery, which takes three
quarters of the CPU of a statement on one row (150 us, and 37 without it).

The first time with each set of columns SQLAlchemy carries one out itself, and always while somebody listens to what it
sends. The others run in the transaction it has begun on the same connection. When one fails SQLAlchemy is told, so that
the error, the connection and the pool come out as if it had been asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Executable, Float, Numeric
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from chassis.statements import is_made_once

Values = Mapping[str, Any]
_Change = Callable[[Any], Any] | None


class Done(NamedTuple):
    """What a statement that returns no rows did."""

    rowcount: int


_BOUND = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement as the driver takes it: what is bound in order, and the columns whose values are changed on the way
    out."""

    text: str
    binds: tuple[tuple[str, _Change], ...]
    changes: tuple[tuple[str, Callable[[Any], Any]], ...]

    def arguments(self, values: Values) -> list[Any]:
        return [values[name] if change is None else change(values[name]) for name, change in self.binds]

    def row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        row = dict(record)
        for name, change in self.changes:
            row[name] = change(row[name])
        return row


class Writer:
    """Statements of one dialect, each written once for each set of columns that are bound."""

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._known: dict[tuple[Executable, tuple[str, ...]], _Written | None] = {}
        self._united: dict[tuple[tuple[Executable, tuple[str, ...]], ...], str] = {}

    def takes(self, statement: Executable, values: Values) -> bool:
        """Whether it was carried out before with these columns; never when it returns numbers with a point."""
        key = statement, tuple(values)
        if key in self._known:
            return self._known[key] is not None
        self._known[key] = self._write(statement, key[1])
        return False

    def knows(self, statement: Executable, values: Values) -> bool:
        """Whether it is one that `takes` has said yes to, or would."""
        return self._known.get((statement, tuple(values))) is not None

    def written(self, statement: Executable, values: Values) -> _Written:
        """A statement that it takes."""
        found = self._known[statement, tuple(values)]
        assert found is not None
        return found

    def united(self, rows: Sequence[tuple[Executable, Values]]) -> tuple[str, list[Any]]:
        """One statement that writes all of these rows and says of each whether it was written, and what is bound to
        it. None of them may see or touch what another one writes."""
        written = [self.written(statement, values) for statement, values in rows]
        key = tuple((statement, tuple(values)) for statement, values in rows)
        text = self._united.get(key)
        if text is None:
            text = self._united[key] = _unite(written)
        return text, [each for made, (_, values) in zip(written, rows, strict=True) for each in made.arguments(values)]

    def _write(self, statement: Executable, names: tuple[str, ...]) -> _Written | None:
        made = cast(Any, statement).compile(dialect=self._dialect, column_keys=list(names))
        assert isinstance(made, SQLCompiler) and made.positiontup is not None
        binds = cast(Mapping[str, _Change], made._bind_processors)  # pyright: ignore[reportPrivateUsage]
        changes: list[tuple[str, Callable[[Any], Any]]] = []
        for column in made._result_columns:  # pyright: ignore[reportPrivateUsage]
            kind = cast(Any, column.type)
            if isinstance(kind, Numeric | Float):
                return None  # what becomes of these depends on what the database calls them
            change = kind._cached_result_processor(self._dialect, None)
            if change is not None:
                changes.append((column.keyname, change))
        return _Written(str(made), tuple((name, binds.get(name)) for name in made.positiontup), tuple(changes))


def _unite(written: Sequence[_Written]) -> str:
    parts: list[str] = []
    bound = 0
    for number, made in enumerate(written):
        text = _BOUND.sub(lambda place, before=bound: f"${int(place[1]) + before}", made.text)
        parts.append(f"w{number} AS ({text} RETURNING 1)")
        bound += len(made.binds)
    counts = ", ".join(f"(SELECT count(*) FROM w{number})" for number in range(len(written)))
    return f"WITH {', '.join(parts)} SELECT {counts}"


class Direct:
    """The driver's connection under one of SQLAlchemy's, in which a transaction has begun."""

    def __init__(self, connection: AsyncConnection, adapted: Any, writer: Writer):
        self._connection, self._adapted, self._writer = connection, adapted, writer
        self._driver = adapted.driver_connection

    @classmethod
    async def on(cls, connection: AsyncConnection, writer: Writer) -> Direct | None:
        """That of this connection; None while somebody listens to what SQLAlchemy sends."""
        if connection.sync_engine.dispatch.before_cursor_execute:  # pyright: ignore[reportAttributeAccessIssue]
            return None
        return cls(connection, (await connection.get_raw_connection()).dbapi_connection, writer)

    def takes(self, statement: Executable, values: Values | Sequence[Values] | None) -> bool:
        """Whether it is for the driver: made once, with values, and not the first of its kind."""
        if not values or not is_made_once(statement):
            return False
        return self._writer.takes(statement, values if isinstance(values, Mapping) else values[0])

    def knows(self, statement: Executable, values: Values) -> bool:
        """Whether it is for the driver by now."""
        return is_made_once(statement) and self._writer.knows(statement, values)

    async def rows(self, statement: Executable, values: Values) -> list[dict[str, Any]]:
        """Every row a statement finds."""
        made = self._writer.written(statement, values)
        found = await self.asked(made.text, lambda: self._driver.fetch(made.text, *made.arguments(values)))
        return [made.row(each) for each in found]

    async def alone(self, statement: Executable, values: Values) -> list[dict[str, Any]]:
        """Every row that a statement finds or that comes of it, by itself: no transaction has begun."""
        self._writer.takes(statement, values)
        return await self.rows(statement, values)

    async def execute(self, statement: Executable, values: Values | Sequence[Values]) -> Done:
        """Carry it out, or once for each of several."""
        if isinstance(values, Mapping):
            made = self._writer.written(statement, values)
            status = await self.asked(made.text, lambda: self._driver.execute(made.text, *made.arguments(values)))
            return Done(int(status.rpartition(" ")[2]))
        if len(values) == 1:
            return await self.execute(statement, values[0])
        await self.write(statement, values, counted=False)
        return Done(-1)

    async def write(self, statement: Executable, values: Sequence[Values], *, counted: bool) -> int:
        """Carry it out once for each of several, in one message; how many rows an UPDATE that is `counted` wrote."""
        made = self._writer.written(statement, values[0])
        many = [made.arguments(each) for each in values]
        if not counted:
            await self.asked(made.text, lambda: self._driver.executemany(made.text, many))
            return len(many)
        text = f"{made.text} RETURNING 1"
        return len(await self.asked(text, lambda: self._driver.fetchmany(text, many)))

    async def write_united(self, rows: Sequence[tuple[Executable, Values]]) -> list[int]:
        """Write rows of several statements by one (`Writer.united`); how many each wrote."""
        text, arguments = self._writer.united(rows)
        return list(await self.asked(text, lambda: self._driver.fetchrow(text, *arguments)))

    async def asked(self, text: str, ask: Callable[[], Any]) -> Any:
        """What the driver answers; fails as if SQLAlchemy had been asked."""
        async with self._adapted._execute_mutex:
            try:
                return await ask()
            except BaseException as error:
                caught = error
        await self._connection.run_sync(self._fail, text, caught)
        raise caught

    def _fail(self, connection: Connection, text: str, error: BaseException) -> None:
        """Raise it as SQLAlchemy would have."""
        try:
            if isinstance(error, Exception):
                self._adapted._handle_exception(error)
            raise error
        except BaseException as told:
            connection._handle_dbapi_exception(told, text, None, None, None)  # pyright: ignore[reportPrivateUsage]
