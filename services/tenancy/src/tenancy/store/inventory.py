"""Numbers of this installation. A tenant sees the free ones and its own; who holds another is nobody's business."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from tenancy.domain.numbers import Number
from tenancy.store.tables import inventory


async def fill(tx: Tx, numbers: Sequence[Number]) -> int:
    """Adds the numbers that aren't there yet; how many. System transaction."""
    known = {row["number"] for row in await tx.all(select(inventory.c.number))}
    rows = [
        {"number": each.number, "country": each.country, "test": each.test, "holder": ""}
        for each in numbers
        if each.number not in known
    ]
    if rows:
        await tx.execute(insert(inventory).on_conflict_do_nothing(), rows)
    return len(rows)


async def claim(tx: Tx, number: str) -> Number | None:
    """Gives a free number to the tenant; None when it isn't free."""
    free = (inventory.c.number == number, inventory.c.holder == "")
    taken = await tx.execute(
        update(inventory).where(*free).values(holder=tx.tenant_id).returning(inventory.c.country, inventory.c.test)
    )
    row = taken.one_or_none()
    return Number(number, row.country, row.test) if row else None


async def free(tx: Tx, number: str) -> None:
    """Gives a number of the tenant back."""
    mine = (inventory.c.number == number, inventory.c.holder == tx.tenant_id)
    await tx.execute(update(inventory).where(*mine).values(holder=""))


async def known(tx: Tx, number: str) -> bool:
    """Whether there is such a number, whoever holds it. System transaction."""
    return await tx.one_or_none(select(inventory.c.number).where(inventory.c.number == number)) is not None


async def known_of(tx: Tx, numbers: Sequence[str]) -> list[str]:
    """Those of the numbers the inventory has, whoever holds them. System transaction."""
    found = select(inventory.c.number).where(inventory.c.number.in_(numbers)).order_by(inventory.c.number)
    return [row["number"] for row in await tx.all(found)]


async def list_free(tx: Tx, country: str, after: str, limit: int) -> list[Number]:
    """Free numbers in order, from the one after `after`."""
    statement = select(inventory).where(inventory.c.holder == "", inventory.c.number > after)
    if country:
        statement = statement.where(inventory.c.country == country)
    rows = await tx.all(statement.order_by(inventory.c.number).limit(limit))
    return [Number(row["number"], row["country"], row["test"], version=0) for row in rows]
