"""Migrations where no transaction holds several changes of a schema: each statement commits by itself and is counted.

CockroachDB commits before every such change, and refuses some of them (policies) in a transaction of several. One that
ended half-way (a deadline, a lost connection) would find its own tables there when it is run again. So
`<schema>.alembic_steps` says how many statements of a migration are done and which was begun, and the next run goes on
there: one that was begun and whose end nobody heard may have been done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase

from chassis.sqlerrors import sqlstate

_ROWS = ("insert", "update", "delete", "upsert")
_DONE_ALREADY = frozenset({"42P07", "42701", "42710", "42P06", "42P01", "42703", "42704"})
"""It is there, or is there no more: what a statement says that was done and not yet counted."""


class RunTwice(RuntimeError):
    """Somebody else migrates the same schema at this moment."""


class Steps:
    """Has the statements of a context's migrations counted. The connection must be in AUTOCOMMIT."""

    def __init__(self, context: MigrationContext, connection: Connection, schema: str) -> None:
        """Nothing is done until `of` is gone through."""
        self._connection = connection
        self._table = f'"{schema}".alembic_steps'
        self._inner = context.impl._exec
        self._revision, self._at, self._done, self._unheard = "", 0, 0, 0
        context.impl._exec = self._exec  # type: ignore[method-assign]  # every operation of Alembic comes by it

    def of(self, steps: Iterable[Any]) -> Iterator[Any]:
        """The same steps of Alembic; what is executed between two of them belongs to the first."""
        for step in steps:
            self._begin(step.revision.revision)
            yield step

    def _begin(self, revision: str) -> None:
        columns = "revision TEXT PRIMARY KEY, begun BIGINT NOT NULL, done BIGINT NOT NULL"
        self._said(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")
        self._said(f"INSERT INTO {self._table} VALUES (:revision, 0, 0) ON CONFLICT DO NOTHING", revision=revision)
        found = self._said(f"SELECT begun, done FROM {self._table} WHERE revision = :revision", revision=revision)
        begun, done = found.one()
        self._revision, self._at, self._done = revision, 0, int(done)
        self._unheard = int(begun) if begun > done else 0

    def _exec(self, construct: Any, *args: Any, **kwargs: Any) -> Any:
        self._at += 1
        if self._at <= self._done:
            return None
        if _changes_rows(construct):
            return self._at_once(construct, *args, **kwargs)
        self._now("begun", self._at)
        answer = None
        try:
            answer = self._inner(construct, *args, **kwargs)
        except DBAPIError as error:
            if self._at != self._unheard or sqlstate(error) not in _DONE_ALREADY:
                if not error.connection_invalidated:
                    self._now("begun", self._at - 1)  # it wasn't done, and is known not to be
                raise
        self._now("done", self._at)
        return answer

    def _at_once(self, construct: Any, *args: Any, **kwargs: Any) -> Any:
        # Rows aren't changed twice: that it is done is known when, and only when, it is.
        self._connection.exec_driver_sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        try:
            self._now("done", self._at)
            answer = self._inner(construct, *args, **kwargs)
            self._connection.exec_driver_sql("COMMIT")
        except DBAPIError:
            self._connection.exec_driver_sql("ROLLBACK")
            raise
        return answer

    def _now(self, column: str, at: int) -> None:
        counted = self._said(
            f"UPDATE {self._table} SET {column} = :at WHERE revision = :revision AND done = :before",
            at=at, before=self._at - 1, revision=self._revision,
        )  # fmt: skip
        if counted.rowcount != 1:
            raise RunTwice(f"{self._table}: {self._revision} is migrated by somebody else at the same time")

    def _said(self, statement: str, **named: Any) -> Any:
        return self._connection.execute(text(statement), named)


def _changes_rows(construct: Any) -> bool:
    return isinstance(construct, UpdateBase) or str(construct).lstrip()[:6].lower() in _ROWS
