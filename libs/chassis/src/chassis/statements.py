"""Statements on one row, made once per table: what is bound to them changes, and SQLAlchemy need not weigh the same
statement anew for each row (a third of the CPU of a transaction that writes a few)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ARRAY, Executable, Insert, Select, Table, Text, Update, any_, bindparam, insert, select, update

_AT = "at_"
_S = TypeVar("_S", bound=Executable)
_MADE: set[Executable] = set()


@cache
def inserting(table: Table) -> Insert:
    """A row; its values are the parameters."""
    return made_once(insert(table))


@cache
def updating(table: Table, *columns: str) -> Update:
    """The row that holds `at(...)` in these columns; the values it gets are the other parameters."""
    return made_once(update(table).where(*(table.c[name] == bindparam(_AT + name) for name in columns)))


@cache
def selecting(table: Table, *columns: str) -> Select[Any]:
    """The whole row that holds `at(...)` in these columns."""
    return made_once(select(table).where(*(table.c[name] == bindparam(_AT + name) for name in columns)))


class Sought(NamedTuple):
    """A row of the tenant that is going to be read by its key: its columns but `tenant_id`, the last one text, with
    their values."""

    table: Table
    key: tuple[tuple[str, Any], ...]


@cache
def selecting_any(table: Table, *columns: str) -> Select[Any]:
    """Every row that holds `at(...)` in these columns, and in the last of them any of a list."""
    *others, last = columns
    its = [table.c[name] == bindparam(_AT + name) for name in others]
    listed = bindparam(_AT + last, type_=ARRAY(Text))
    return made_once(select(table).where(*its, table.c[last] == any_(listed)))


def made_once(statement: _S) -> _S:
    """Have a statement go to the driver directly (`chassis.direct`). It must live as long as the process and take all
    that varies as parameters."""
    _MADE.add(statement)
    return statement


def is_made_once(statement: Executable) -> bool:
    """Whether it does."""
    return statement in _MADE


def at(values: Mapping[str, Any]) -> dict[str, Any]:
    """Which row: parameters for the columns that a statement of these looks at."""
    return {_AT + name: value for name, value in values.items()}
