"""Queries on tax rates, which are those of a region, and on where a company is for its taxes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.taxes import TaxData, TaxRate, Treatment
from billing.store.charge_tables import tax_data, tax_rates


async def list_rates(tx: Tx, cutoff: datetime | None = None) -> list[TaxRate]:
    """Every tax rate that was made until `cutoff`, by region and code."""
    statement = select(tax_rates)
    if cutoff is not None:
        statement = statement.where(tax_rates.c.create_time <= cutoff)
    order = (tax_rates.c.region, tax_rates.c.tax_code, tax_rates.c.start_time, tax_rates.c.tax_rate_id)
    return [_rate(row) for row in await tx.all(statement.order_by(*order))]


async def insert_rate(tx: Tx, value: TaxRate) -> None:
    """Adds a tax rate."""
    row = {
        "tax_rate_id": value.tax_rate_id, "tax_code": value.tax_code, "name": value.name, "region": value.region,
        "percent": value.percent, "included": value.included, "start_time": value.start_time,
        "end_time": value.end_time, "line_codes": list(value.line_codes), "create_time": tx.now(),
    }  # fmt: skip
    await tx.execute(insert(tax_rates).values(**row))


async def end_rate(tx: Tx, tax_rate_id: str, end_time: datetime) -> None:
    """Lets a tax rate end."""
    await tx.execute(update(tax_rates).where(tax_rates.c.tax_rate_id == tax_rate_id).values(end_time=end_time))


async def data(tx: Tx, cutoff: datetime) -> TaxData:
    """Where the company is for its taxes, as was heard of until `cutoff`."""
    row = await tx.one_or_none(
        select(tax_data)
        .where(tax_data.c.tenant_id == tx.tenant_id, tax_data.c.record_time <= cutoff)
        .order_by(tax_data.c.version.desc())
        .limit(1)
    )
    return TaxData(row["region"], Treatment(row["treatment"]), row["tax_id"]) if row else TaxData()


async def version(tx: Tx) -> int:
    """The newest version of the company's tax data; 0 before the first."""
    statement = select(func.max(tax_data.c.version).label("newest")).where(tax_data.c.tenant_id == tx.tenant_id)
    return (await tx.one(statement))["newest"] or 0


async def save_data(tx: Tx, value: TaxData, number: int) -> None:
    """Keeps a new version of the company's tax data beside those before."""
    row = {
        "tenant_id": tx.tenant_id, "version": number, "region": value.region, "treatment": value.treatment.value,
        "tax_id": value.tax_id, "record_time": tx.now(),
    }  # fmt: skip
    if not (await tx.execute(insert(tax_data).values(**row).on_conflict_do_nothing())).rowcount:
        raise TryAgain


def _rate(row: Mapping[Any, Any]) -> TaxRate:
    return TaxRate(
        row["tax_rate_id"], row["tax_code"], row["name"], row["region"], row["percent"], row["included"],
        row["start_time"], row["end_time"], tuple(row["line_codes"]),
    )  # fmt: skip
