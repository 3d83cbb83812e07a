"""Statements on one row, made once per table: what is bound to them changes, and SQLAlchemy need not weigh the same
statement anew for each row (a third of the CPU of a transaction that writes a few)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, Table, Update, bindparam, insert, select, update

_AT = "at_"


@cache
def inserting(table: Table) -> Insert:
    """A row; its values are the parameters."""
    return insert(table)


@cache
def updating(table: Table, *columns: str) -> Update:
    """The row that holds `at(...)` in these columns; the values it gets are the other parameters."""
    return update(table).where(*(table.c[name] == bindparam(_AT + name) for name in columns))


@cache
def selecting(table: Table, *columns: str) -> Select[Any]:
    """The whole row that holds `at(...)` in these columns."""
    return select(table).where(*(table.c[name] == bindparam(_AT + name) for name in columns))


def at(values: Mapping[str, Any]) -> dict[str, Any]:
    """Which row: parameters for the columns that a statement of these looks at."""
    return {_AT + name: value for name, value in values.items()}
