"""Statements on one row, made once per table: what is bound to them changes, and SQLAlchemy need not weigh the same
statement anew for each row (a third of the CPU of a transaction that writes a few)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Insert, Select, Table, Text, Update, any_, bindparam, insert, select, update

_AT = "at_"
AMONG = "among"
"""The parameter of `selecting_among`: a list."""


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


@cache
def selecting_among(table: Table, column: str, *columns: str) -> Select[Any]:
    """The whole rows that hold `at(...)` in these columns, and in the text column `column` one of `AMONG`: one
    statement to prepare, however many they are."""
    one_of_them = table.c[column] == any_(bindparam(AMONG, type_=ARRAY(Text)))
    return selecting(table, *columns).where(one_of_them)


def at(values: Mapping[str, Any]) -> dict[str, Any]:
    """Which row: parameters for the columns that a statement of these looks at."""
    return {_AT + name: value for name, value in values.items()}
