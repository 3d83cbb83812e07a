"""Rows to values and back, and the few shapes of statement every noun uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import Table, and_, func, insert, select, update

from tenancy.domain.numbers import Number
from tenancy.domain.people import ApiKey, AuditEntry, Brand, Invitation, Notice, Tenant, User

Value = TypeVar("Value")

_SHAPES: dict[type[Any], frozenset[str]] = {
    kind: frozenset(kind.__dataclass_fields__)
    for kind in (ApiKey, AuditEntry, Brand, Invitation, Notice, Number, Tenant, User)
}


def value_of(kind: type[Value], row: Mapping[Any, Any]) -> Value:
    """A row as a value: the columns the value has."""
    return kind(**{name: row[name] for name in _SHAPES[kind] if name in row})


async def get(tx: Tx, table: Table, **key: Any) -> Mapping[Any, Any] | None:
    """The tenant's row with this key."""
    return await tx.one_or_none(select(table).where(_mine(tx, table, key)))


async def add(tx: Tx, table: Table, tenant_id: str = "", **row: Any) -> None:
    """Inserts a row of the tenant."""
    await tx.execute(insert(table).values(tenant_id=tenant_id or tx.tenant_id, **row))


async def change(tx: Tx, table: Table, key: Mapping[str, Any], **values: Any) -> int:
    """Updates the tenant's rows with this key; how many there were."""
    return (await tx.execute(update(table).where(_mine(tx, table, key)).values(**values))).rowcount


async def count(tx: Tx, table: Table, *conditions: Any) -> int:
    """How many rows of the tenant meet the conditions."""
    statement = select(func.count().label("n")).where(table.c.tenant_id == tx.tenant_id, *conditions)
    return (await tx.one(statement))["n"]


async def page(
    tx: Tx, table: Table, kind: type[Value], order: tuple[str, str], size: int, token: str, *conditions: Any
) -> tuple[list[Value], tuple[Any, str] | None]:
    """A page of values, newest first by `order` (time column, id column), and where the next one begins."""
    wanted = page_size(size)
    statement = select(table).where(table.c.tenant_id == tx.tenant_id, *conditions)
    rows = await tx.all(keyset(statement, table.c[order[0]], table.c[order[1]], token, wanted))
    last = rows[wanted - 1] if len(rows) > wanted else None
    return [value_of(kind, row) for row in rows[:wanted]], (last[order[0]], last[order[1]]) if last else None


def _mine(tx: Tx, table: Table, key: Mapping[str, Any]) -> Any:
    tenant_id = key.get("tenant_id", tx.tenant_id)
    rest = [table.c[name] == value for name, value in key.items() if name != "tenant_id"]
    return and_(table.c.tenant_id == tenant_id, *rest)
