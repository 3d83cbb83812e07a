"""Rows that are written in the end of a transaction, those of one statement together.

Verbs that share a transaction write the same kinds of rows: each kind is one message to the database then, not one a
verb. It is as if each were written at once, since whatever may see a row that was put off has all of them written
first, and a row that is written twice too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, UniqueConstraint, Update
from sqlalchemy.exc import IntegrityError

Values = Mapping[str, Any]
Refused = Callable[[], Exception]

_MOST_UNITED = 8
"""Rows: of more, those of a kind are written by one message well enough, and each number makes another statement."""


@dataclass(slots=True)
class Rows:
    """What one statement is to write. `refused` is raised when it wrote fewer; `twin` says that a row that is there
    already is of somebody who did the same."""

    statement: Insert | Update
    refused: Refused | None
    twin: bool
    values: list[Values] = field(default_factory=list)

    def check(self, written: int) -> None:
        """Raises `refused` when so many were written and more were to be."""
        if self.refused is not None and written != len(self.values):
            raise self.refused()


def may_unite(kinds: Sequence[Rows]) -> bool:
    """Whether these may be written by one statement, in whatever order: few rows of several kinds, none of which takes
    the place of another. Of one table several are inserted or one is updated (CockroachDB takes nothing else)."""
    if not 1 < len(kinds) <= sum(len(rows.values) for rows in kinds) <= _MOST_UNITED:
        return False
    tables = {id(rows.statement.table) for rows in kinds}
    return len(tables) == len(kinds) and all(
        isinstance(rows.statement, Insert) or len(rows.values) == 1 for rows in kinds
    )


def is_twins(error: IntegrityError, kinds: Sequence[Rows]) -> bool:
    """Whether a row that one of these was to write is there already, and a twin's."""
    table = getattr(getattr(error.orig, "__cause__", None), "table_name", None)
    return any(rows.twin and table in (None, getattr(rows.statement.table, "name", None)) for rows in kinds)


class PutOff:
    """The rows of one transaction that are not written yet."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Insert | Update, tuple[str, ...]], Rows] = {}
        self._touched: set[Hashable] = set()

    def __bool__(self) -> bool:
        return bool(self._rows)

    def touches(self, row: Hashable) -> bool:
        """Whether a row that was put off is this one."""
        return row in self._touched

    def can_wait(self, statement: Insert | Update, row: Hashable) -> bool:
        """Whether one more may be put off. Of rows that may exclude each other the order must stay: those of one
        statement keep it."""
        if row in self._touched:
            return False
        table = statement.table
        if not isinstance(table, Table) or not _exclude_each_other(table):
            return True
        return all(known is statement or known.table is not table for known, _ in self._rows)

    def add(
        self, statement: Insert | Update, values: Values, row: Hashable, refused: Refused | None, twin: bool
    ) -> None:
        """Put one off; `row` names it."""
        key = statement, tuple(values)
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = Rows(statement, refused, twin)
        rows.values.append(values)
        self._touched.add(row)

    def taken(self) -> list[Rows]:
        """What is to be written now, in order; nothing is put off any more."""
        found = list(self._rows.values())
        self._rows.clear()
        self._touched.clear()
        return found


@cache
def _exclude_each_other(table: Table) -> bool:
    """Whether a row may keep another one out that has another key."""
    indexed = any(index.unique for index in table.indexes)
    return indexed or any(isinstance(each, UniqueConstraint) for each in table.constraints)
