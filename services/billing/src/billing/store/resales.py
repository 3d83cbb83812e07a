"""Queries on who resells whom, and on companies' periods that were resold. `of_reseller`, `every`, `periods_of` and
`resellers` look across tenants and run in system transactions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from billing.domain.resales import Resale, ResalePrice
from billing.domain.wholesale import ResoldPeriod
from billing.store.client_bill_tables import resale_prices, resales, resold_periods, wholesale_accounts


async def mine(tx: Tx) -> list[Resale]:
    """Who resells the tenant, and from when on; oldest first."""
    statement = select(resales).where(resales.c.tenant_id == tx.tenant_id)
    return [_resale(row) for row in await tx.all(statement.order_by(resales.c.start_time))]


async def save(tx: Tx, value: Resale) -> None:
    """Who resells the tenant from a moment on."""
    row = {name: found for name, found in vars(value).items()} | {"tenant_id": tx.tenant_id}
    statement = insert(resales).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "start_time"], set_=row))


async def of_reseller(tx: Tx, reseller_id: str) -> list[str]:
    """Companies that a reseller ever resold. System transaction."""
    statement = select(resales.c.tenant_id).distinct().where(resales.c.reseller_id == reseller_id)
    return [row["tenant_id"] for row in await tx.all(statement.order_by(resales.c.tenant_id))]


async def every(tx: Tx) -> list[Resale]:
    """All resales, by company, oldest first. System transaction."""
    return [_resale(row) for row in await tx.all(select(resales).order_by(resales.c.tenant_id, resales.c.start_time))]


async def insert_period(tx: Tx, value: ResoldPeriod) -> None:
    """A period of the tenant's that is over and was resold."""
    await tx.execute(insert(resold_periods).values(**vars(value)).on_conflict_do_nothing())


async def periods_of(tx: Tx, reseller_id: str, cutoff: datetime) -> list[ResoldPeriod]:
    """Periods of a reseller's companies that are over, of those heard of until `cutoff`. System transaction."""
    table = resold_periods
    statement = select(table).where(table.c.reseller_id == reseller_id, table.c.record_time <= cutoff)
    rows = await tx.all(statement.order_by(table.c.tenant_id, table.c.start_time))
    return [ResoldPeriod(**row) for row in rows]


async def my_periods(tx: Tx, before: datetime, cutoff: datetime) -> list[ResoldPeriod]:
    """The tenant's own periods that were resold and ended by `before`, of those heard of until `cutoff`."""
    table = resold_periods
    mine = (table.c.tenant_id == tx.tenant_id, table.c.end_time <= before, table.c.record_time <= cutoff)
    rows = await tx.all(select(table).where(*mine).order_by(table.c.start_time))
    return [ResoldPeriod(**row) for row in rows]


async def resellers(tx: Tx) -> list[str]:
    """Who has companies with periods that are over. System transaction."""
    statement = select(resold_periods.c.reseller_id).distinct().order_by(resold_periods.c.reseller_id)
    return [row["reseller_id"] for row in await tx.all(statement)]


async def billed_until(tx: Tx) -> datetime | None:
    """The end of the last of the tenant's periods its companies were drafted for."""
    table = wholesale_accounts
    row = await tx.one_or_none(select(table.c.last_end_time).where(table.c.tenant_id == tx.tenant_id))
    return row["last_end_time"] if row else None


async def save_billed_until(tx: Tx, end: datetime) -> None:
    """The tenant's companies are drafted for until then."""
    row = {"tenant_id": tx.tenant_id, "last_end_time": end}
    statement = insert(wholesale_accounts).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def price(tx: Tx, customer_id: str) -> ResalePrice | None:
    """By which list the tenant, a reseller, bills a company."""
    of = (resale_prices.c.tenant_id == tx.tenant_id, resale_prices.c.customer_id == customer_id)
    row = await tx.one_or_none(select(resale_prices).where(*of))
    return ResalePrice(row["customer_id"], row["price_list_id"], row["version"]) if row else None


async def save_price(tx: Tx, value: ResalePrice) -> None:
    """By which list the tenant bills a company now."""
    row = {**vars(value), "tenant_id": tx.tenant_id}
    statement = insert(resale_prices).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "customer_id"], set_=row))


def _resale(row: Mapping[Any, Any]) -> Resale:
    return Resale(
        row["tenant_id"], row["reseller_id"], row["wholesale_list_id"], row["start_time"], row["version"]
    )  # fmt: skip
