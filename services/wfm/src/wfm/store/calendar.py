"""Special days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.calendar import SpecialDay
from wfm.domain.series import MarkKind
from wfm.store.tables import special_days as table


async def list_special_days(tx: Tx, first: date | None = None, last: date | None = None) -> list[SpecialDay]:
    """Those that touch [first, last], by their first day."""
    statement = select(table).where(table.c.tenant_id == tx.tenant_id)
    if first:
        statement = statement.where(table.c.last_day >= first.isoformat())
    if last:
        statement = statement.where(table.c.first_day <= last.isoformat())
    rows = await tx.all(statement.order_by(table.c.first_day, table.c.special_day_id).limit(2000))
    return [_day(row) for row in rows]


async def find(tx: Tx, special_day_id: str) -> SpecialDay | None:
    """One."""
    row = await tx.one_or_none(
        select(table).where(table.c.tenant_id == tx.tenant_id, table.c.special_day_id == special_day_id)
    )
    return _day(row) if row else None


async def insert_day(tx: Tx, value: SpecialDay) -> None:
    """Adds one."""
    await tx.execute(
        insert(table).values(tenant_id=tx.tenant_id, special_day_id=value.special_day_id, **_values(value))
    )


async def save(tx: Tx, value: SpecialDay) -> None:
    """Changes one."""
    await tx.execute(
        update(table)
        .where(table.c.tenant_id == tx.tenant_id, table.c.special_day_id == value.special_day_id)
        .values(**_values(value))
    )


async def remove(tx: Tx, special_day_id: str) -> bool:
    """Removes one; whether it was there."""
    done = await tx.execute(
        delete(table).where(table.c.tenant_id == tx.tenant_id, table.c.special_day_id == special_day_id)
    )
    return bool(done.rowcount)


def _values(value: SpecialDay) -> dict[str, Any]:
    return {
        "name": value.name, "kind": value.kind.value, "first_day": value.first.isoformat(),
        "last_day": value.last.isoformat(), "queue_ids": list(value.queue_ids), "percent": value.percent,
        "version": value.version,
    }  # fmt: skip


def _day(row: Mapping[Any, Any]) -> SpecialDay:
    return SpecialDay(
        row["special_day_id"], row["name"], MarkKind(row["kind"]), date.fromisoformat(row["first_day"]),
        date.fromisoformat(row["last_day"]), tuple(row["queue_ids"]), row["percent"], row["version"],
    )  # fmt: skip
