"""Rows to values and back, and the few shapes of statement every noun uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from chassis.paging import Page, encode_token, keyset, page_size
from chassis.sql import Tx
from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql

from tenancy.domain.emails import Email
from tenancy.domain.emergency import EmergencyAddress
from tenancy.domain.inventory import Stock
from tenancy.domain.limits import Passed
from tenancy.domain.numbers import Number
from tenancy.domain.people import ApiKey, AuditEntry, Brand, Invitation, Notice, Tenant, User
from tenancy.domain.port_orders import Document
from tenancy.domain.port_outs import PortOut
from tenancy.domain.sessions import RefreshToken, Session
from tenancy.domain.subscriptions import HeldAddOn, Subscription

Value = TypeVar("Value")


_SHAPES: dict[type[Any], frozenset[str]] = {
    kind: frozenset(kind.__dataclass_fields__)
    for kind in (
        ApiKey,
        AuditEntry,
        Brand,
        Document,
        Email,
        EmergencyAddress,
        HeldAddOn,
        Invitation,
        Notice,
        Number,
        Passed,
        PortOut,
        RefreshToken,
        Session,
        Stock,
        Subscription,
        Tenant,
        User,
    )
}


def value_of(kind: type[Value], row: Mapping[Any, Any]) -> Value:
    """A row as a value: the columns the value has."""
    return kind(**{name: row[name] for name in _SHAPES[kind] if name in row})


async def get(tx: Tx, table: Table, /, **key: Any) -> Mapping[Any, Any] | None:
    """The tenant's row with this key."""
    return await tx.one_or_none(select(table).where(_mine(tx, table, key)))


async def get_of(tx: Tx, tenant_id: str, table: Table, /, **key: Any) -> Mapping[Any, Any] | None:
    """The row of a tenant that has just been found. System transaction."""
    return await tx.one_or_none(select(table).where(_is(table, tenant_id, key)))


async def find(tx: Tx, table: Table, kind: type[Value], /, **key: Any) -> Value | None:
    """The tenant's row with this key as a value."""
    row = await get(tx, table, **key)
    return value_of(kind, row) if row is not None else None


async def add(tx: Tx, table: Table, /, **row: Any) -> None:
    """Inserts a row of the tenant."""
    await tx.execute(insert(table).values(tenant_id=tx.tenant_id, **row))


async def add_all(tx: Tx, table: Table, made: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows of the tenant."""
    await tx.execute(insert(table), [{"tenant_id": tx.tenant_id, **row} for row in made])


async def add_once(tx: Tx, table: Table, /, **row: Any) -> None:
    """Inserts a row of the tenant unless its key is there."""
    await tx.execute(postgresql.insert(table).values(tenant_id=tx.tenant_id, **row).on_conflict_do_nothing())


async def change(tx: Tx, table: Table, key: Mapping[str, Any], /, **values: Any) -> None:
    """Updates the tenant's rows with this key."""
    await tx.execute(update(table).where(_mine(tx, table, key)).values(**values))


async def remove(tx: Tx, table: Table, /, **key: Any) -> None:
    """Deletes the tenant's rows with this key."""
    await tx.execute(delete(table).where(_mine(tx, table, key)))


async def count(tx: Tx, table: Table, *conditions: Any) -> int:
    """How many rows of the tenant meet the conditions."""
    statement = select(func.count().label("n")).where(table.c.tenant_id == tx.tenant_id, *conditions)
    return (await tx.one(statement))["n"]


async def every(tx: Tx, table: Table, *conditions: Any) -> Sequence[Mapping[Any, Any]]:
    """All rows of the tenant that meet the conditions."""
    return await tx.all(select(table).where(table.c.tenant_id == tx.tenant_id, *conditions))


async def page(
    tx: Tx, table: Table, kind: type[Value], order: tuple[str, str], asked: Page, *conditions: Any
) -> tuple[list[Value], str]:
    """A page of values, newest first by `order` (time column, id column), and the token of the next one."""
    wanted = page_size(asked.size)
    statement = select(table).where(table.c.tenant_id == tx.tenant_id, *conditions)
    found = await tx.all(keyset(statement, table.c[order[0]], table.c[order[1]], asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last[order[0]], last[order[1]]) if last is not None else ""
    return [value_of(kind, row) for row in found[:wanted]], token


def _mine(tx: Tx, table: Table, key: Mapping[str, Any]) -> ColumnElement[bool]:
    return _is(table, tx.tenant_id, key)


def _is(table: Table, tenant_id: str, key: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == tenant_id, *(table.c[name] == value for name, value in key.items()))
