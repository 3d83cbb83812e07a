"""Queries on the meters operators defined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.aggregates import Aggregation
from billing.domain.meters import Meter
from billing.store.charge_tables import meters


async def list_meters(tx: Tx) -> dict[str, Meter]:
    """Every meter that operators defined, by name."""
    return {row["meter"]: _meter(row) for row in await tx.all(select(meters).order_by(meters.c.meter))}


async def insert_meter(tx: Tx, value: Meter) -> bool:
    """Adds a meter; False when its name is taken."""
    statement = insert(meters).values(**_row(value)).on_conflict_do_nothing()
    return bool((await tx.execute(statement)).rowcount)


async def save_meter(tx: Tx, value: Meter) -> None:
    """How a meter is now."""
    await tx.execute(update(meters).where(meters.c.meter == value.meter).values(**_row(value)))


def _row(value: Meter) -> dict[str, Any]:
    return {
        "meter": value.meter, "unit": value.unit, "aggregation": value.aggregation.value, "recurring": value.recurring,
        "unique_property": value.unique_property, "group_by": list(value.group_by), "tax_code": value.tax_code,
        "names": dict(value.names or {}), "archived": value.archived, "version": value.version,
    }  # fmt: skip


def _meter(row: Mapping[Any, Any]) -> Meter:
    return Meter(
        row["meter"], row["unit"], Aggregation(row["aggregation"]), row["recurring"], row["unique_property"],
        tuple(row["group_by"]), row["tax_code"], row["names"], row["archived"], row["version"],
    )  # fmt: skip
