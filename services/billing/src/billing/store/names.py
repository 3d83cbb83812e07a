"""What companies and their brands are called, as tenancy told; for documents and lists that say more than ids."""

from __future__ import annotations

from collections.abc import Collection

from chassis.sql import Tx, tenant_table
from sqlalchemy import BigInteger, Column, Text, select
from sqlalchemy.dialects.postgresql import insert

from billing.store.tables import metadata

names = tenant_table(
    "names",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)


async def save(tx: Tx, item_id: str, name: str, version: int) -> None:
    """The name of the tenant or of a brand of it, unless a newer one was heard of."""
    row = {"tenant_id": tx.tenant_id, "item_id": item_id, "name": name, "version": version}
    statement = insert(names).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "item_id"], set_=row, where=names.c.version < version
        )
    )


async def name_of(tx: Tx, item_id: str) -> str:
    """One name; empty while none was heard of."""
    return (await every(tx, (item_id,))).get(item_id, "")


async def every(tx: Tx, item_ids: Collection[str] | None = None) -> dict[str, str]:
    """The tenant's names by id: all, or of some."""
    statement = select(names.c.item_id, names.c.name).where(names.c.tenant_id == tx.tenant_id)
    if item_ids is not None:
        statement = statement.where(names.c.item_id.in_(sorted(item_ids)))
    return {row["item_id"]: row["name"] for row in await tx.all(statement)}
