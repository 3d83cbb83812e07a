"""What the queries of every noun share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from chassis.driver import Statement, Values
from chassis.statements import AMONG, at, inserting, selecting, selecting_among, updating
from sqlalchemy import CursorResult, Executable, RowMapping, Table

from routing.domain.agents import VersionConflict
from routing.domain.queues import SkillLevel

Row = Mapping[Any, Any]
"""A row, by the names of its columns."""
_MS = timedelta(milliseconds=1)


class Transaction(Protocol):
    """What a query needs: one open transaction of one tenant."""

    tenant_id: str

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]: ...
    async def one(self, statement: Executable) -> RowMapping: ...
    async def one_or_none(self, statement: Executable, parameters: Any = None) -> RowMapping | None: ...
    async def all(self, statement: Executable) -> Any: ...
    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]: ...
    async def write(self, statement: Statement, values: Values) -> int: ...
    async def write_all(self, statement: Statement, rows: Sequence[Values]) -> None: ...


async def add(tx: Transaction, table: Table, row: Mapping[str, Any]) -> None:
    """Insert one row of the tenant."""
    await tx.write(inserting(table), {"tenant_id": tx.tenant_id, **row})


async def change(tx: Transaction, table: Table, key: str, row: Mapping[str, Any], was: int) -> None:
    """Write a row over the version it was decided on; VersionConflict when that is no longer there."""
    if await tx.write(updating(table, "tenant_id", key, "version"), _changing(tx, key, row, was)) != 1:
        raise VersionConflict("somebody else changed it first", metadata={"table": table.name})


async def add_all(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the tenant by one statement."""
    await tx.write_all(inserting(table), [{"tenant_id": tx.tenant_id, **row} for row in rows])


async def change_all(tx: Transaction, table: Table, key: str, rows: Sequence[tuple[Mapping[str, Any], int]]) -> None:
    """As `change`, rows that this transaction has read, each with the version it had, by one statement.

    How many it found the driver doesn't say of several. It need not: the transaction is SERIALIZABLE, and rows that
    changed after it read them make it run again.
    """
    if len(rows) == 1:
        ((row, was),) = rows
        await change(tx, table, key, row, was)
    else:
        changes = [_changing(tx, key, row, was) for row, was in rows]
        await tx.write_all(updating(table, "tenant_id", key, "version"), changes)


async def find(tx: Transaction, table: Table, key: str, value: str) -> Row | None:
    """The tenant's row with this key."""
    there = at({"tenant_id": tx.tenant_id, key: value})
    return next(iter(await tx.rows(selecting(table, "tenant_id", key), there)), None)


async def find_all(tx: Transaction, table: Table, key: str, values: Sequence[str]) -> Sequence[Row]:
    """The tenant's rows with these keys, in no order."""
    there = at({"tenant_id": tx.tenant_id}) | {AMONG: list(values)}
    return await tx.rows(selecting_among(table, key, "tenant_id"), there)


def _changing(tx: Transaction, key: str, row: Mapping[str, Any], was: int) -> dict[str, Any]:
    changes = {name: value for name, value in row.items() if name not in (key, "create_time")}
    return changes | at({"tenant_id": tx.tenant_id, key: row[key], "version": was})


def milliseconds(value: timedelta) -> int:
    """For a duration column."""
    return value // _MS


def duration(value: int) -> timedelta:
    """From a duration column."""
    return value * _MS


def skills_to_json(levels: Iterable[SkillLevel]) -> list[dict[str, Any]]:
    """For a skills column."""
    return [{"skill_id": level.skill_id, "proficiency": level.proficiency} for level in levels]


def skills_from_json(value: Iterable[Mapping[str, Any]]) -> tuple[SkillLevel, ...]:
    """From a skills column."""
    return tuple(SkillLevel(each["skill_id"], each["proficiency"]) for each in value)
