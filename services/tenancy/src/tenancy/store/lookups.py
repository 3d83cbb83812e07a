"""Finding a tenant before one is known: what leads to it is kept in one table beside the tenants' own.

A tenant's transaction adds and removes what leads to itself (row level security lets it see no other's); only a system
transaction finds across tenants.
"""

from __future__ import annotations

from collections.abc import Sequence

from chassis.sql import Tx
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from tenancy.domain.lookups import Found
from tenancy.store.tables import lookups

EMAIL, WIDGET, REFRESH, INVITATION, API_KEY, NUMBER, SIGN_UP, PORT = (
    "email", "widget", "refresh", "invitation", "api_key", "number", "sign_up", "port",
)  # fmt: skip


class ValueTaken(Exception):
    """Something else is found by this value already."""


async def add(tx: Tx, kind: str, value: str, target: str) -> None:
    """Lets `value` lead to the tenant. Raises `ValueTaken` when it leads somewhere; the transaction is lost then."""
    try:
        await tx.execute(insert(lookups).values(kind=kind, value=value, tenant_id=tx.tenant_id, target=target))
    except IntegrityError as error:
        raise ValueTaken(kind) from error


async def add_all(tx: Tx, kind: str, values: Sequence[str]) -> None:
    """As `add`, each value leading to itself."""
    rows = [{"kind": kind, "value": value, "tenant_id": tx.tenant_id, "target": value} for value in values]
    try:
        await tx.execute(insert(lookups), rows)
    except IntegrityError as error:
        raise ValueTaken(kind) from error


async def add_port(tx: Tx, order_id: str, numbers: Sequence[str]) -> None:
    """Lets numbers lead to the order that brings them here; those that do already stay. Raises `ValueTaken` when one
    leads to another order; the transaction is lost then."""
    mine = select(lookups.c.value).where(
        lookups.c.tenant_id == tx.tenant_id, lookups.c.kind == PORT, lookups.c.target == order_id
    )
    there = {row["value"] for row in await tx.all(mine)}
    for number in numbers:
        if number not in there:
            await add(tx, PORT, number, order_id)


async def known(tx: Tx, kind: str, values: Sequence[str], *, but: str) -> list[str]:
    """Those of the values that lead to another tenant than `but`, in order. System transaction."""
    found = select(lookups.c.value).where(
        lookups.c.kind == kind, lookups.c.value.in_(values), lookups.c.tenant_id != but
    )
    return [row["value"] for row in await tx.all(found.order_by(lookups.c.value))]


async def find(tx: Tx, kind: str, value: str) -> Found | None:
    """Where a value leads."""
    row = await tx.one_or_none(
        select(lookups.c.tenant_id, lookups.c.target).where(lookups.c.kind == kind, lookups.c.value == value)
    )
    return Found(row["tenant_id"], row["target"]) if row else None


async def remove(tx: Tx, kind: str, *values: str) -> None:
    """Lets values of the tenant be found no more."""
    mine = (lookups.c.tenant_id == tx.tenant_id, lookups.c.kind == kind, lookups.c.value.in_(values))
    await tx.execute(delete(lookups).where(*mine))
