"""Passings of soft limits: of a tenant, and across tenants for operators."""

from __future__ import annotations

from chassis.paging import Page, encode_token, keyset, page_size
from chassis.sql import Tx
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from tenancy.domain.limits import Passed
from tenancy.store import rows
from tenancy.store.tables import limit_passings, tenants


async def find(tx: Tx, limit: str) -> Passed | None:
    """The tenant's last passing of a limit."""
    return await rows.find(tx, limit_passings, Passed, limit=limit)


async def save(tx: Tx, value: Passed) -> None:
    """The tenant's last passing of a limit as it is now."""
    row = {name: found for name, found in vars(value).items() if name != "tenant_name"} | {"tenant_id": tx.tenant_id}
    statement = insert(limit_passings).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "limit"], set_=row))


async def page(tx: Tx, asked: Page) -> tuple[list[Passed], str]:
    """A page of all tenants' passings, the last one first. System transaction."""
    wanted = page_size(asked.size)
    table = limit_passings
    named = select(table, tenants.c.display_name.label("tenant_name"))
    statement = named.join(tenants, tenants.c.tenant_id == table.c.tenant_id)
    # Of one moment there may be several of a company: the id that pages names both.
    place = table.c.tenant_id + "/" + table.c.limit
    found = await tx.all(keyset(statement, table.c.pass_time, place, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["pass_time"], f"{last['tenant_id']}/{last['limit']}") if last is not None else ""
    return [rows.value_of(Passed, row) for row in found[:wanted]], token
