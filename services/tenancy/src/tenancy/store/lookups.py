"""Finding a tenant before one is known. Only system transactions come here."""

from __future__ import annotations

from chassis.sql import Tx
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from tenancy.store.tables import attempts, inventory, lookups

EMAIL, WIDGET, REFRESH, INVITATION, API_KEY, NUMBER, SIGN_UP = (
    "email", "widget", "refresh", "invitation", "api_key", "number", "sign_up",
)  # fmt: skip


async def add(tx: Tx, kind: str, value: str, tenant_id: str, target: str) -> None:
    """Lets `value` be found. A unique violation means that somebody else has it."""
    await tx.execute(insert(lookups).values(kind=kind, value=value, tenant_id=tenant_id, target=target))


async def find(tx: Tx, kind: str, value: str) -> tuple[str, str] | None:
    """(tenant, target) of a value."""
    row = await tx.one_or_none(
        select(lookups.c.tenant_id, lookups.c.target).where(lookups.c.kind == kind, lookups.c.value == value)
    )
    return (row["tenant_id"], row["target"]) if row else None


async def remove(tx: Tx, kind: str, value: str) -> None:
    """Lets `value` be found no more."""
    await tx.execute(delete(lookups).where(lookups.c.kind == kind, lookups.c.value == value))


async def read_attempts(tx: Tx, address: str) -> tuple[int, object] | None:
    """Failures and the window's start."""
    row = await tx.one_or_none(select(attempts).where(attempts.c.address == address))
    return (row["failures"], row["window_start"]) if row else None


async def write_attempts(tx: Tx, address: str, failures: int, window_start: object) -> None:
    """Keeps the failures of an address; none at all forgets it."""
    if failures == 0:
        await tx.execute(delete(attempts).where(attempts.c.address == address))
        return
    statement = insert(attempts).values(address=address, failures=failures, window_start=window_start)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["address"], set_={"failures": failures, "window_start": window_start}
        )
    )


async def fill_inventory(tx: Tx, rows: list[dict[str, object]]) -> None:
    """Adds numbers that aren't there yet."""
    await tx.execute(insert(inventory).on_conflict_do_nothing(), rows)


async def claim_number(tx: Tx, number: str, holder: str) -> tuple[str, bool] | None:
    """Gives a free number to a tenant; its country and whether it is a test number, None when it isn't free."""
    row = (
        await tx.execute(
            update(inventory)
            .where(inventory.c.number == number, inventory.c.holder == "")
            .values(holder=holder)
            .returning(inventory.c.country, inventory.c.test)
        )
    ).one_or_none()
    return (row.country, row.test) if row else None


async def number_exists(tx: Tx, number: str) -> bool:
    """Whether the inventory knows the number."""
    return await tx.one_or_none(select(inventory.c.number).where(inventory.c.number == number)) is not None


async def free_number(tx: Tx, number: str) -> None:
    """Gives a number back."""
    await tx.execute(update(inventory).where(inventory.c.number == number).values(holder=""))


async def list_free(tx: Tx, country: str, after: str, limit: int) -> list[tuple[str, str, bool]]:
    """Free numbers in order, from the one after `after`."""
    statement = select(inventory).where(inventory.c.holder == "", inventory.c.number > after)
    if country:
        statement = statement.where(inventory.c.country == country)
    rows = await tx.all(statement.order_by(inventory.c.number).limit(limit))
    return [(row["number"], row["country"], row["test"]) for row in rows]
