"""What is kept of usage by UTC day, so that a statement reads days and not records: adding to it, reading it, and
making it anew from the records, which must come to the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.sql import Tx
from sqlalchemy import RowMapping, and_, case, delete, func, or_, select, update

from billing.domain.aggregates import EPOCH, Aggregate
from billing.domain.meters import Meter, meter_of
from billing.domain.usage import UsageRecord, grouped
from billing.store.batches import inserting_all
from billing.store.charge_tables import usage_days, usage_values
from billing.store.tables import usage_records
from billing.store.usage import record_in

DAY = timedelta(days=1)
_KEY = ("tenant_id", "meter", "day", "properties", "brand_id")
UNKEPT = "?"
"""The brand of rows from before brands were kept apart: they are made anew."""


@dataclass(frozen=True, order=True)
class Kept:
    """What a row is of: a meter's usage of one UTC day with the same properties and brand."""

    meter: str
    day: datetime
    properties: str
    brand_id: str = ""


def day_of(time: datetime) -> datetime:
    """The UTC day a moment lies in."""
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def by_day(records: Iterable[UsageRecord], meters: Mapping[str, Meter]) -> dict[Kept, tuple[Aggregate, datetime]]:
    """Aggregates of records by what they are kept by, each with the time its newest record was heard of."""
    found: dict[Kept, tuple[Aggregate, datetime]] = {}
    for record in records:
        meter = meter_of(meters, record.meter)
        kept = Kept(record.meter, day_of(record.usage_time), grouped(record, meter), record.brand_id)
        more = Aggregate.of(record.event(meter))
        known = found.get(kept)
        if known is None:
            found[kept] = (more, record.record_time)
        else:
            found[kept] = (known[0].plus(more), max(known[1], record.record_time))
    return found


async def add(tx: Tx, records: Sequence[UsageRecord], meters: Mapping[str, Meter]) -> None:
    """Adds new records to what is kept of their days."""
    if not records:
        return
    found = by_day(records, meters)
    rows = [_row(tx, kept, *found[kept]) for kept in sorted(found)]  # one order for all: who adds at once waits
    statement = inserting_all(usage_days, rows)
    new, old = statement.excluded, usage_days.c
    newer = or_(new.latest_time > old.latest_time,
                and_(new.latest_time == old.latest_time, new.latest_key > old.latest_key))  # fmt: skip
    summed = ("record_count", "total", "moment", "used_seconds", "billed_seconds")
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY,
            set_={name: old[name] + new[name] for name in summed}
            | {name: func.greatest(old[name], new[name]) for name in ("most", "record_time")}
            | {name: case((newer, new[name]), else_=old[name]) for name in ("latest_time", "latest_key", "latest")},
        )
    )
    values = [
        {
            "tenant_id": tx.tenant_id,
            "meter": kept.meter,
            "day": kept.day,
            "properties": kept.properties,
            "brand_id": kept.brand_id,
            "value": value,
        }
        for kept in sorted(found)
        for value in sorted(found[kept][0].values)
    ]
    if values:
        await tx.execute(inserting_all(usage_values, values).on_conflict_do_nothing())


async def rebuild(tx: Tx, start: datetime | None, end: datetime | None, meters: Mapping[str, Meter]) -> None:
    """Makes the days that [start, end) touches anew from their records; a side that is None is open."""
    since, until = (day_of(start) if start else None), (day_of(end) + DAY if end else None)
    for table in (usage_days, usage_values):
        statement = delete(table).where(table.c.tenant_id == tx.tenant_id)
        await tx.execute(_between(statement, table.c.day, since, until))
    records = _between(
        select(usage_records).where(usage_records.c.tenant_id == tx.tenant_id), usage_records.c.usage_time, since, until
    )
    await add(tx, [record_in(row) for row in await tx.all(records)], meters)


async def unkept(tx: Tx) -> list[str]:
    """Tenants with records from before days were kept, which are the ones of which it isn't known when they were
    heard of. As system."""
    rows = await tx.all(select(usage_records.c.tenant_id).distinct().where(usage_records.c.record_time == EPOCH))
    mixed = await tx.all(select(usage_days.c.tenant_id).distinct().where(usage_days.c.brand_id == UNKEPT))
    return sorted({row["tenant_id"] for row in (*rows, *mixed)})


async def keep(tx: Tx, meters: Mapping[str, Meter]) -> None:
    """Makes all days of a tenant anew, with those records in them: they were heard of when they were used."""
    unkept_rows = and_(usage_records.c.tenant_id == tx.tenant_id, usage_records.c.record_time == EPOCH)
    await tx.execute(update(usage_records).where(unkept_rows).values(record_time=usage_records.c.usage_time))
    await rebuild(tx, None, None, meters)


async def read(
    tx: Tx, start: datetime | None, end: datetime, meters: Sequence[str] | None = None
) -> list[tuple[Kept, Aggregate]]:
    """What is kept of the whole days in [start, end), of some meters or all."""
    listed: list[Sequence[RowMapping]] = []
    for table in (usage_days, usage_values):
        statement = select(table).where(table.c.tenant_id == tx.tenant_id)
        if meters is not None:
            statement = statement.where(table.c.meter.in_(meters))
        listed.append(await tx.all(_between(statement, table.c.day, start, end)))
    rows, values = listed[0], dict[Kept, set[str]]()
    for row in listed[1]:
        values.setdefault(_kept(row), set()).add(row["value"])
    found: list[tuple[Kept, Aggregate]] = []
    for row in rows:
        kept = _kept(row)
        each = Aggregate(
            row["record_count"], row["total"], row["most"], row["latest_time"], row["latest_key"], row["latest"],
            row["moment"], row["used_seconds"], row["billed_seconds"], frozenset(values.get(kept, ())),
        )  # fmt: skip
        found.append((kept, each))
    return found


async def newest(tx: Tx, start: datetime | None, end: datetime) -> datetime | None:
    """When the newest record of the days that [start, end) touches was heard of; None when there is none."""
    statement = select(func.max(usage_days.c.record_time).label("newest")).where(usage_days.c.tenant_id == tx.tenant_id)
    return (await tx.one(_between(statement, usage_days.c.day, day_of(start) if start else None, end)))["newest"]


async def records(
    tx: Tx, start: datetime | None, end: datetime, cutoff: datetime, meters: Sequence[str] | None = None
) -> list[UsageRecord]:
    """Records of [start, end) that were heard of until `cutoff`, of some meters or all."""
    statement = select(usage_records).where(
        usage_records.c.tenant_id == tx.tenant_id, usage_records.c.record_time <= cutoff
    )
    if meters is not None:
        statement = statement.where(usage_records.c.meter.in_(meters))
    rows = await tx.all(_between(statement, usage_records.c.usage_time, start, end))
    return [record_in(row) for row in rows]


def properties_in(text: str) -> dict[str, str]:
    """Properties from their text."""
    return json.loads(text) if text else {}


def _between(statement: Any, column: Any, start: datetime | None, end: datetime | None) -> Any:
    if start is not None:
        statement = statement.where(column >= start)
    return statement if end is None else statement.where(column < end)


def _kept(row: Mapping[Any, Any]) -> Kept:
    brand_id = row["brand_id"]
    return Kept(row["meter"], row["day"], row["properties"], "" if brand_id == UNKEPT else brand_id)


def _row(tx: Tx, kept: Kept, each: Aggregate, record_time: datetime) -> dict[str, Any]:
    return {
        "tenant_id": tx.tenant_id, "meter": kept.meter, "day": kept.day, "properties": kept.properties,
        "brand_id": kept.brand_id, "record_count": each.count, "total": each.total, "most": each.most,
        "latest_time": each.latest_time, "latest_key": each.latest_key, "latest": each.latest, "moment": each.moment,
        "used_seconds": each.used_seconds, "billed_seconds": each.billed_seconds, "record_time": record_time,
    }  # fmt: skip
