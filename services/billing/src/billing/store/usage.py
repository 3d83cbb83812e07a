"""Queries on plans held, levels and usage; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import Table, Text, and_, any_, cast, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from billing.domain.aggregates import EPOCH
from billing.domain.levels import Change
from billing.domain.plans import NUMBER, PRICE_CLASS, VOICE
from billing.domain.usage import UsageRecord
from billing.store.batches import inserting_all
from billing.store.charge_tables import subscription_versions
from billing.store.tables import level_changes, plans_held, usage_records, zone_changes, zones


@dataclass(frozen=True)
class MeterSum:
    """A meter's sum over a stretch of time."""

    meter: str
    record_count: int
    used_seconds: int
    billed_seconds: int
    total: Decimal = Decimal(0)
    """Sum of the quantities of what isn't calls."""


@dataclass(frozen=True)
class DaySum:
    """A meter's sum of one day."""

    meter: str
    day: date
    record_count: int
    billed_seconds: int
    total: Decimal
    most: Decimal


async def save_zone(tx: Tx, time_zone: str, tenant_version: int) -> None:
    """The zone the tenant's periods follow, unless a newer version of the tenant was heard of."""
    row = {"tenant_id": tx.tenant_id, "time_zone": time_zone, "tenant_version": tenant_version}
    known = await tx.one_or_none(select(zones).where(zones.c.tenant_id == tx.tenant_id))
    heard = [{**known, "record_time": EPOCH}] if known else []  # of before its history was kept, if it isn't in it
    for each in (*heard, {**row, "record_time": tx.now()}):
        await tx.execute(insert(zone_changes).values(**each).on_conflict_do_nothing())
    statement = insert(zones).values(**row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id"], set_=row, where=zones.c.tenant_version < tenant_version
        )
    )


async def zone(tx: Tx, cutoff: datetime | None = None) -> str:
    """The zone the tenant changed to, of those heard of until `cutoff`; empty while no change was heard of."""
    if cutoff is not None:
        mine = zone_changes.c.tenant_id == tx.tenant_id
        history = await tx.all(select(zone_changes).where(mine).order_by(zone_changes.c.tenant_version))
        if history:
            return next((each["time_zone"] for each in history[::-1] if each["record_time"] <= cutoff), "")
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
    return _change(row) if row else None


async def price_class_of(tx: Tx, number: str, time: datetime) -> str:
    """The price class of a number the tenant held at `time`; empty when none was heard of."""
    row = await tx.one_or_none(
        select(level_changes.c.quantity, level_changes.c.price_class)
        .where(
            level_changes.c.tenant_id == tx.tenant_id,
            level_changes.c.meter == NUMBER,
            level_changes.c.item_id == number,
            level_changes.c.change_time <= time,
        )
        .order_by(level_changes.c.position.desc())
        .limit(1)
    )
    return row["price_class"] if row and row["quantity"] else ""


async def priced_by(tx: Tx, meter: str, number: str, time: datetime) -> dict[str, str]:
    """Properties that a call of `meter` to `number` may be priced by. A number not heard of yet has no class."""
    found = {"number": number} if number else {}
    if meter == VOICE and number:
        price_class = await price_class_of(tx, number, time)
        found |= {PRICE_CLASS: price_class} if price_class else {}
    return found


async def insert_change(tx: Tx, value: Change) -> None:
    """A new change."""
    row = {
        "tenant_id": tx.tenant_id, "meter": value.meter, "item_id": value.item_id, "position": value.position,
        "change_time": value.time, "quantity": value.quantity, "record_time": value.record_time,
        "price_class": value.price_class,
        "brand_id": value.brand_id,
    }  # fmt: skip
    await _insert(tx, level_changes, row)


async def changes_until(tx: Tx, start: datetime, end: datetime, cutoff: datetime) -> list[Change]:
    """The changes in [start, end), and of each item the last one before, unless that was its end; of those heard of
    until `cutoff`."""
    mine = and_(level_changes.c.tenant_id == tx.tenant_id, level_changes.c.record_time <= cutoff)
    before = (
        select(level_changes)
        .distinct(level_changes.c.meter, level_changes.c.item_id)
        .where(mine, level_changes.c.change_time < start)
        .order_by(level_changes.c.meter, level_changes.c.item_id, level_changes.c.position.desc())
        .subquery()
    )
    within = select(level_changes).where(mine, level_changes.c.change_time >= start, level_changes.c.change_time < end)
    rows = [*await tx.all(select(before).where(before.c.quantity > 0)), *await tx.all(within)]
    return [_change(row) for row in rows]


async def heard_since(tx: Tx, since: datetime, cutoff: datetime, end: datetime) -> bool:
    """Whether a plan, a version of the subscription or a change of what lasts was heard of in (since, cutoff] that may
    count before `end`, or of the zone, which moves what falls due."""
    heard = (
        (level_changes, level_changes.c.change_time),
        (plans_held, plans_held.c.effective_time),
        (subscription_versions, subscription_versions.c.change_time),
        (zone_changes, zone_changes.c.record_time),
    )
    for table, time in heard:
        found = select(func.count().label("found")).where(
            table.c.tenant_id == tx.tenant_id, table.c.record_time > since, table.c.record_time <= cutoff,
            time < (cutoff + timedelta(microseconds=1) if table is zone_changes else end),
        )  # fmt: skip
        if (await tx.one(found))["found"]:
            return True
    return False


async def known_fingerprint(tx: Tx, record: UsageRecord) -> str | None:
    """Fingerprint of the record that holds this identity."""
    row = await tx.one_or_none(
        select(usage_records.c.fingerprint).where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.source == record.source,
            usage_records.c.source_id == record.source_id,
        )
    )
    return row["fingerprint"] if row else None


async def insert_usage(tx: Tx, record: UsageRecord) -> None:
    """Adds a usage record."""
    await _insert(tx, usage_records, _row(tx, record))


async def insert_new(tx: Tx, records: Sequence[UsageRecord]) -> set[tuple[str, str]]:
    """Adds those records whose identity is free; the identities (source, source id) that were added."""
    statement = inserting_all(usage_records, [_row(tx, record) for record in records]).on_conflict_do_nothing()
    added = await tx.all(statement.returning(usage_records.c.source, usage_records.c.source_id))
    return {(row["source"], row["source_id"]) for row in added}


async def fingerprints(tx: Tx, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Fingerprints of the records that hold these identities."""
    found: dict[tuple[str, str], str] = {}
    for source in sorted({source for source, _ in identities}):
        ids = [source_id for each, source_id in identities if each == source]
        rows = await tx.all(
            select(usage_records.c.source_id, usage_records.c.fingerprint).where(
                usage_records.c.tenant_id == tx.tenant_id,
                usage_records.c.source == source,
                usage_records.c.source_id == any_(cast(ids, ARRAY(Text))),
            )
        )
        found.update({(source, row["source_id"]): row["fingerprint"] for row in rows})
    return found


async def save_rating(tx: Tx, record: UsageRecord) -> None:
    """How a record is rated now."""
    await tx.execute(
        update(usage_records)
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.source == record.source,
            usage_records.c.source_id == record.source_id,
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
    return [record_in(row) for row in await tx.all(statement.order_by(usage_records.c.usage_time))]


async def sum_usage(tx: Tx, start: datetime, end: datetime) -> list[MeterSum]:
    """Sums of the usage in [start, end), by meter."""
    rows = await tx.all(
        select(
            usage_records.c.meter,
            func.count().label("records"),
            func.sum(usage_records.c.used_seconds).label("used"),
            func.sum(usage_records.c.billed_seconds).label("billed"),
            func.sum(usage_records.c.quantity).label("quantity"),
        )
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
        )
        .group_by(usage_records.c.meter)
        .order_by(usage_records.c.meter)
    )
    return [
        MeterSum(row["meter"], row["records"], int(row["used"]), int(row["billed"]), row["quantity"]) for row in rows
    ]  # fmt: skip


async def daily(tx: Tx, start: datetime, end: datetime, zone: str) -> list[DaySum]:
    """Sums of the usage in [start, end) by meter and the zone's day."""
    day = func.date_trunc("day", func.timezone(zone, usage_records.c.usage_time)).label("day")
    rows = await tx.all(
        select(
            usage_records.c.meter,
            day,
            func.count().label("records"),
            func.sum(usage_records.c.billed_seconds).label("billed"),
            func.sum(usage_records.c.quantity).label("quantity"),
            func.max(usage_records.c.quantity).label("most"),
        )
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
        )
        .group_by(usage_records.c.meter, text("day"))
    )
    return [
        DaySum(row["meter"], row["day"].date(), row["records"], int(row["billed"]), row["quantity"], row["most"])
        for row in rows
    ]


async def list_usage(tx: Tx, meter: str, source_id: str, size: int, token: str) -> tuple[list[UsageRecord], bool]:
    """A page of usage records, newest first, and whether there is more."""
    statement = select(usage_records).where(usage_records.c.tenant_id == tx.tenant_id)
    if meter:
        statement = statement.where(usage_records.c.meter == meter)
    if source_id:
        statement = statement.where(usage_records.c.source_id == source_id)
    wanted = page_size(size)
    rows = await tx.all(keyset(statement, usage_records.c.usage_time, usage_records.c.usage_record_id, token, wanted))
    found: Sequence[UsageRecord] = [record_in(row) for row in rows]
    return list(found[:wanted]), len(found) > wanted


async def _insert(tx: Tx, table: Table, row: Mapping[str, Any]) -> None:
    if not (await tx.execute(insert(table).values(**row).on_conflict_do_nothing())).rowcount:
        raise TryAgain  # a twin was faster: run again and find what it wrote


def _row(tx: Tx, record: UsageRecord) -> dict[str, Any]:
    row = {
        "tenant_id": tx.tenant_id, "source": record.source, "source_id": record.source_id, "meter": record.meter,
        "usage_record_id": record.usage_record_id, "fingerprint": record.fingerprint,
        "usage_time": record.usage_time, "used_seconds": record.used_seconds, "brand_id": record.brand_id,
        "quantity": record.amount, "properties": dict(record.properties), "record_time": record.record_time,
        "traceparent": tx.traceparent,
    }  # fmt: skip
    return row | _rating(record)


def _change(row: Mapping[Any, Any]) -> Change:
    return Change(
        row["meter"], row["item_id"], row["position"], row["change_time"], row["quantity"], row["record_time"],
        row["price_class"],
        row["brand_id"],
    )  # fmt: skip


def _rating(record: UsageRecord) -> dict[str, Any]:
    return {
        "billed_seconds": record.billed_seconds, "plan_id": record.plan_id, "plan_version": record.plan_version,
        "currency": record.currency, "price": record.price,
    }  # fmt: skip


def record_in(row: Mapping[Any, Any]) -> UsageRecord:
    """A usage record from its row."""
    names = (
        "usage_record_id", "meter", "source", "source_id", "usage_time", "used_seconds", "brand_id",
        "billed_seconds", "plan_id", "plan_version", "currency", "price", "properties", "record_time",
        "traceparent",
    )  # fmt: skip
    return UsageRecord(amount=row["quantity"], **{name: row[name] for name in names})
