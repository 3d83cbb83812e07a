"""What the queries of every noun share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from chassis.statements import at, inserting, selecting, updating
from sqlalchemy import CursorResult, Executable, RowMapping, Table

from routing.domain.agents import VersionConflict
from routing.domain.queues import SkillLevel

_MS = timedelta(milliseconds=1)


class Transaction(Protocol):
    """What a query needs: one open transaction of one tenant."""

    tenant_id: str

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]: ...
    async def one(self, statement: Executable) -> RowMapping: ...
    async def one_or_none(self, statement: Executable, parameters: Any = None) -> RowMapping | None: ...
    async def all(self, statement: Executable) -> Any: ...


async def add(tx: Transaction, table: Table, row: Mapping[str, Any]) -> None:
    """Insert one row of the tenant."""
    await tx.execute(inserting(table), {"tenant_id": tx.tenant_id, **row})


async def change(tx: Transaction, table: Table, key: str, row: Mapping[str, Any], was: int) -> None:
    """Write a row over the version it was decided on; VersionConflict when that is no longer there."""
    changes = {name: value for name, value in row.items() if name not in (key, "create_time")}
    there = at({"tenant_id": tx.tenant_id, key: row[key], "version": was})
    done = await tx.execute(updating(table, "tenant_id", key, "version"), changes | there)
    if done.rowcount != 1:
        raise VersionConflict("somebody else changed it first", metadata={"table": table.name})


async def find(tx: Transaction, table: Table, key: str, value: str) -> RowMapping | None:
    """The tenant's row with this key."""
    there = at({"tenant_id": tx.tenant_id, key: value})
    return await tx.one_or_none(selecting(table, "tenant_id", key), there)


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
