"""Queries on plans held, levels and usage; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import Table, func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.levels import Change
from billing.domain.plans import PlanHeld, Rate
from billing.domain.usage import UsageRecord
from billing.store.tables import level_changes, plans_held, usage_records, zones


@dataclass(frozen=True)
class MeterSum:
    """A meter's sum over a stretch of time."""

    meter: str
    record_count: int
    used_seconds: int
    billed_seconds: int


async def save_plan(tx: Tx, plan: PlanHeld) -> None:
    """Keeps a plan version held from a moment on; the same choice again changes nothing."""
    rates = {
        meter: {
            "price": str(rate.price), "included": str(rate.included),
            "first": rate.first_increment, "next": rate.next_increment,
        }
        for meter, rate in plan.rates.items()
    }  # fmt: skip
    row = {
        "tenant_id": tx.tenant_id, "effective_time": plan.effective_time, "fact_time": plan.fact_time,
        "plan_id": plan.plan_id, "plan_version": plan.version, "currency": plan.currency, "rates": rates,
        "time_zone": plan.time_zone, "record_time": tx.now,
    }  # fmt: skip
    await tx.execute(insert(plans_held).values(**row).on_conflict_do_nothing())


async def list_plans(tx: Tx) -> list[PlanHeld]:
    """Every plan version the tenant ever chose, oldest first."""
    rows = await tx.all(
        select(plans_held).where(plans_held.c.tenant_id == tx.tenant_id).order_by(plans_held.c.effective_time)
    )
    return [plan_of(row) for row in rows]


async def save_zone(tx: Tx, time_zone: str, tenant_version: int) -> None:
    """The zone the tenant's periods follow, unless a newer version of the tenant was heard of."""
    row = {"tenant_id": tx.tenant_id, "time_zone": time_zone, "tenant_version": tenant_version}
    statement = insert(zones).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id"], set_=row, where=zones.c.tenant_version < tenant_version
        )
    )


async def zone(tx: Tx) -> str:
    """The zone the tenant changed to; empty while no change was heard of."""
    row = await tx.one_or_none(select(zones.c.time_zone).where(zones.c.tenant_id == tx.tenant_id))
    return row["time_zone"] if row else ""


async def change(tx: Tx, meter: str, item_id: str, position: int) -> Change | None:
    """The change at this place of the item's life."""
    row = await tx.one_or_none(
        select(level_changes).where(
            level_changes.c.tenant_id == tx.tenant_id,
            level_changes.c.meter == meter,
            level_changes.c.item_id == item_id,
            level_changes.c.position == position,
        )
    )
    return change_of(row) if row else None


async def insert_change(tx: Tx, value: Change) -> None:
    """A new change."""
    row = {
        "tenant_id": tx.tenant_id, "meter": value.meter, "item_id": value.item_id, "position": value.position,
        "change_time": value.time, "quantity": value.quantity,
        "record_time": tx.now,
    }  # fmt: skip
    await _insert(tx, level_changes, row)


async def changes_until(tx: Tx, start: datetime, end: datetime) -> list[Change]:
    """The changes in [start, end), and of each item the last one before, unless that was its end."""
    mine = level_changes.c.tenant_id == tx.tenant_id
    before = (
        select(level_changes)
        .distinct(level_changes.c.meter, level_changes.c.item_id)
        .where(mine, level_changes.c.change_time < start)
        .order_by(level_changes.c.meter, level_changes.c.item_id, level_changes.c.position.desc())
        .subquery()
    )
    within = select(level_changes).where(mine, level_changes.c.change_time >= start, level_changes.c.change_time < end)
    rows = [*await tx.all(select(before).where(before.c.quantity > 0)), *await tx.all(within)]
    return [change_of(row) for row in rows]


async def known_fingerprint(tx: Tx, record: UsageRecord) -> str | None:
    """Fingerprint of the record that holds this identity."""
    row = await tx.one_or_none(
        select(usage_records.c.fingerprint).where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.source == record.source,
            usage_records.c.source_id == record.source_id,
            usage_records.c.meter == record.meter,
        )
    )
    return row["fingerprint"] if row else None


async def insert_usage(tx: Tx, record: UsageRecord) -> None:
    """Adds a usage record."""
    row = {
        "tenant_id": tx.tenant_id, "source": record.source, "source_id": record.source_id, "meter": record.meter,
        "usage_record_id": record.usage_record_id, "fingerprint": record.fingerprint,
        "usage_time": record.usage_time, "used_seconds": record.used_seconds, "brand_id": record.brand_id,
        "record_time": tx.now,
    }  # fmt: skip
    await _insert(tx, usage_records, row | _rating(record))


async def save_rating(tx: Tx, record: UsageRecord) -> None:
    """How a record is rated now."""
    await tx.execute(
        update(usage_records)
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.source == record.source,
            usage_records.c.source_id == record.source_id,
            usage_records.c.meter == record.meter,
        )
        .values(**_rating(record))
    )


async def usage_between(tx: Tx, start: datetime | None, end: datetime | None) -> list[UsageRecord]:
    """Usage in [start, end); a side that is None is open."""
    statement = select(usage_records).where(usage_records.c.tenant_id == tx.tenant_id)
    if start is not None:
        statement = statement.where(usage_records.c.usage_time >= start)
    if end is not None:
        statement = statement.where(usage_records.c.usage_time < end)
    return [record_of(row) for row in await tx.all(statement.order_by(usage_records.c.usage_time))]


async def sum_usage(tx: Tx, start: datetime, end: datetime) -> list[MeterSum]:
    """Sums of the usage in [start, end), by meter."""
    rows = await tx.all(
        select(
            usage_records.c.meter,
            func.count().label("records"),
            func.sum(usage_records.c.used_seconds).label("used"),
            func.sum(usage_records.c.billed_seconds).label("billed"),
        )
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
        )
        .group_by(usage_records.c.meter)
        .order_by(usage_records.c.meter)
    )
    return [MeterSum(row["meter"], row["records"], int(row["used"]), int(row["billed"])) for row in rows]


async def list_usage(tx: Tx, meter: str, source_id: str, size: int, token: str) -> tuple[list[UsageRecord], bool]:
    """A page of usage records, newest first, and whether there is more."""
    statement = select(usage_records).where(usage_records.c.tenant_id == tx.tenant_id)
    if meter:
        statement = statement.where(usage_records.c.meter == meter)
    if source_id:
        statement = statement.where(usage_records.c.source_id == source_id)
    wanted = page_size(size)
    rows = await tx.all(keyset(statement, usage_records.c.usage_time, usage_records.c.usage_record_id, token, wanted))
    found: Sequence[UsageRecord] = [record_of(row) for row in rows]
    return list(found[:wanted]), len(found) > wanted


async def _insert(tx: Tx, table: Table, row: Mapping[str, Any]) -> None:
    if not (await tx.execute(insert(table).values(**row).on_conflict_do_nothing())).rowcount:
        raise TryAgain  # a twin was faster: run again and find what it wrote


def plan_of(row: Mapping[Any, Any]) -> PlanHeld:
    """A row of `plans_held`."""
    rates = {
        meter: Rate(Decimal(rate["price"]), Decimal(rate["included"]), rate["first"], rate["next"])
        for meter, rate in row["rates"].items()
    }
    return PlanHeld(
        row["plan_id"],
        row["plan_version"],
        row["currency"],
        rates,
        row["effective_time"],
        row["time_zone"],
        row["fact_time"],
    )


def change_of(row: Mapping[Any, Any]) -> Change:
    """A row of `level_changes`."""
    return Change(row["meter"], row["item_id"], row["position"], row["change_time"], row["quantity"])


def _rating(record: UsageRecord) -> dict[str, Any]:
    return {
        "billed_seconds": record.billed_seconds, "plan_id": record.plan_id, "plan_version": record.plan_version,
        "currency": record.currency, "price": record.price,
    }  # fmt: skip


def record_of(row: Mapping[Any, Any]) -> UsageRecord:
    """A row of `usage_records`."""
    names = (
        "usage_record_id", "meter", "source", "source_id", "usage_time", "used_seconds", "brand_id",
        "billed_seconds", "plan_id", "plan_version", "currency", "price",
    )  # fmt: skip
    return UsageRecord(**{name: row[name] for name in names})
