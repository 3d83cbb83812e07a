"""Tenants across the platform, for operators: their own rows, two figures of their people, the numbers they brought."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.paging import Page, encode_token, keyset, page_size
from chassis.sql import Tx
from kernel.tenant import PLATFORM
from sqlalchemy import func, select

from tenancy.domain.numbers import BroughtNumber, Number
from tenancy.domain.people import Tenant, TenantOverview
from tenancy.store import rows
from tenancy.store.tables import numbers, tenants, users


async def page(tx: Tx, text: str, state: str, asked: Page) -> tuple[list[TenantOverview], str]:
    """Tenants whose name holds `text` and, unless it is empty, in `state`, newest first. System transaction."""
    wanted = page_size(asked.size)
    statement = select(tenants).where(tenants.c.tenant_id != PLATFORM)
    if text:
        statement = statement.where(tenants.c.display_name.icontains(text, autoescape=True))
    if state:
        statement = statement.where(tenants.c.state == state)
    found = await tx.all(keyset(statement, tenants.c.create_time, tenants.c.tenant_id, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["create_time"], last["tenant_id"]) if last is not None else ""
    return await _overviews(tx, [rows.value_of(Tenant, row) for row in found[:wanted]]), token


async def brought(tx: Tx, waiting: bool, asked: Page) -> tuple[list[BroughtNumber], str]:
    """Numbers that companies brought, the newest first; `waiting`: only those nobody has approved. System
    transaction."""
    wanted = page_size(asked.size)
    named = select(numbers, tenants.c.display_name).join(tenants, tenants.c.tenant_id == numbers.c.tenant_id)
    statement = named.where(numbers.c.brought)
    if waiting:
        statement = statement.where(numbers.c.approve_time.is_(None))
    found = await tx.all(keyset(statement, numbers.c.assign_time, numbers.c.number, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["assign_time"], last["number"]) if last is not None else ""
    return [
        BroughtNumber(row["tenant_id"], row["display_name"], rows.value_of(Number, row)) for row in found[:wanted]
    ], token


async def _overviews(tx: Tx, found: Sequence[Tenant]) -> list[TenantOverview]:
    active = (users.c.tenant_id.in_([tenant.tenant_id for tenant in found]), users.c.state == "ACTIVE")
    counted = select(users.c.tenant_id, func.count().label("n")).where(*active).group_by(users.c.tenant_id)
    owned = select(users.c.tenant_id, users.c.email).where(*active, users.c.role == "OWNER")
    counts = {row["tenant_id"]: row["n"] for row in await tx.all(counted)}
    owners: dict[str, str] = {}
    for row in await tx.all(owned.order_by(users.c.create_time, users.c.user_id)):
        owners.setdefault(row["tenant_id"], row["email"])
    return [
        TenantOverview(tenant, counts.get(tenant.tenant_id, 0), owners.get(tenant.tenant_id, "")) for tenant in found
    ]
