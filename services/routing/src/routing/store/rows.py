"""What the queries of every noun share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from chassis.statements import Sought, at, inserting, selecting, updating
from sqlalchemy import CursorResult, Executable, RowMapping, Table

from routing.domain.agents import VersionConflict
from routing.domain.queues import SkillLevel

_MS = timedelta(milliseconds=1)


class Transaction(Protocol):
    """What a query needs: one open transaction of one tenant."""

    tenant_id: str

    @property
    def known(self) -> dict[Hashable, Any]: ...
    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]: ...
    async def write_later(
        self,
        statement: Any,
        values: Mapping[str, Any],
        row: Hashable,
        *,
        refused: Any = None,
    ) -> None: ...
    async def one(self, statement: Executable) -> RowMapping: ...
    async def one_or_none(
        self, statement: Executable, parameters: Any = None, *, row: Hashable = None
    ) -> RowMapping | None: ...
    async def all(self, statement: Executable) -> Any: ...


async def add(tx: Transaction, table: Table, row: Mapping[str, Any]) -> None:
    """Insert one row of the tenant, by the commit."""
    keys = [column.name for column in table.primary_key if column.name != "tenant_id"]
    values = {"tenant_id": tx.tenant_id, **row}
    await tx.write_later(inserting(table), values, (table.name, *(values[name] for name in keys or ["tenant_id"])))


async def change(tx: Transaction, table: Table, key: str, row: Mapping[str, Any], was: int) -> None:
    """Write a row over the version it was decided on, by the commit; VersionConflict, then, when that is no longer
    there."""
    changes = {name: value for name, value in row.items() if name not in (key, "create_time")}
    there = at({"tenant_id": tx.tenant_id, key: row[key], "version": was})
    statement = updating(table, "tenant_id", key, "version")
    await tx.write_later(statement, changes | there, (table.name, row[key]), refused=lambda: _changed_since(table))


async def find(tx: Transaction, table: Table, key: str, value: str) -> RowMapping | None:
    """The tenant's row with this key."""
    there = at({"tenant_id": tx.tenant_id, key: value})
    return await tx.one_or_none(selecting(table, "tenant_id", key), there, row=(table.name, value))


def sought(table: Table, key: str, value: str) -> Sought:
    """What `find` will look for, for who says so before."""
    return Sought(table, ((key, value),))


def _changed_since(table: Table) -> VersionConflict:
    return VersionConflict("somebody else changed it first", metadata={"table": table.name})


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
