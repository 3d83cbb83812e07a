"""Tables of billing and the queries on them; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Json, Time, Tx, standard_tables, tenant_table
from sqlalchemy import BigInteger, Column, MetaData, Numeric, Text, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.plans import PlanHeld, Rate
from billing.domain.usage import Span, UsageRecord

SCHEMA = "billing"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

plans_held = tenant_table(
    "plans_held",
    metadata,
    Column("effective_time", Time, primary_key=True),
    Column("plan_id", Text, nullable=False),
    Column("plan_version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("rates", Json, nullable=False),
    Column("time_zone", Text, nullable=False),
)
spans = tenant_table(
    "spans",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    Column("end_time", Time),
    Column("size_bytes", BigInteger),
)
usage_records = tenant_table(
    "usage_records",
    metadata,
    Column("source", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("meter", Text, primary_key=True),
    Column("usage_record_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("usage_time", Time, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    Column("billed_seconds", BigInteger, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("plan_version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("brand_id", Text, nullable=False),
)

GIGABYTE = 10**9


async def save_plan(tx: Tx, plan: PlanHeld) -> None:
    """Keeps a plan version held from a moment on; the same moment again changes nothing."""
    rates = {
        meter: {
            "price": str(rate.price), "included": str(rate.included),
            "first": rate.first_increment, "next": rate.next_increment,
        }
        for meter, rate in plan.rates.items()
    }  # fmt: skip
    row = {
        "tenant_id": tx.tenant_id, "effective_time": plan.effective_time, "plan_id": plan.plan_id,
        "plan_version": plan.version, "currency": plan.currency, "rates": rates, "time_zone": plan.time_zone,
    }  # fmt: skip
    await tx.execute(insert(plans_held).values(**row).on_conflict_do_nothing())


async def list_plans(tx: Tx) -> list[PlanHeld]:
    """Every plan version the tenant ever held, oldest first."""
    rows = await tx.all(
        select(plans_held).where(plans_held.c.tenant_id == tx.tenant_id).order_by(plans_held.c.effective_time)
    )
    return [_plan(row) for row in rows]


async def open_span(tx: Tx, meter: str, source_id: str, start: datetime, size_bytes: int | None = None) -> None:
    """Begins a span unless one of the same thing is open."""
    known = await tx.one_or_none(
        select(spans.c.start_time).where(
            spans.c.tenant_id == tx.tenant_id,
            spans.c.meter == meter,
            spans.c.source_id == source_id,
            spans.c.end_time.is_(None),
        )
    )
    if known is None:
        row = {
            "tenant_id": tx.tenant_id, "meter": meter, "source_id": source_id, "start_time": start,
            "end_time": None, "size_bytes": size_bytes,
        }  # fmt: skip
        await tx.execute(insert(spans).values(**row).on_conflict_do_nothing())


async def close_span(tx: Tx, meter: str, source_id: str, end: datetime) -> None:
    """Ends the open span of a thing, if there is one."""
    await tx.execute(
        update(spans)
        .where(
            spans.c.tenant_id == tx.tenant_id,
            spans.c.meter == meter,
            spans.c.source_id == source_id,
            spans.c.end_time.is_(None),
        )
        .values(end_time=func.greatest(end, spans.c.start_time))
    )


async def spans_between(tx: Tx, start: datetime, end: datetime) -> list[Span]:
    """Spans that touch [start, end)."""
    rows = await tx.all(
        select(spans).where(
            spans.c.tenant_id == tx.tenant_id,
            spans.c.start_time < end,
            or_(spans.c.end_time.is_(None), spans.c.end_time > start),
        )
    )
    return [_span(row) for row in rows]


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
        "usage_time": record.usage_time, "used_seconds": record.used_seconds,
        "billed_seconds": record.billed_seconds, "plan_id": record.plan_id, "plan_version": record.plan_version,
        "currency": record.currency, "price": record.price, "brand_id": record.brand_id,
    }  # fmt: skip
    await tx.execute(insert(usage_records).values(**row))


async def usage_between(tx: Tx, start: datetime, end: datetime) -> list[UsageRecord]:
    """Usage in [start, end)."""
    rows = await tx.all(
        select(usage_records).where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
        )
    )
    return [_record(row) for row in rows]


async def list_usage(tx: Tx, meter: str, source_id: str, size: int, token: str) -> tuple[list[UsageRecord], bool]:
    """A page of usage records, newest first, and whether there is more."""
    statement = select(usage_records).where(usage_records.c.tenant_id == tx.tenant_id)
    if meter:
        statement = statement.where(usage_records.c.meter == meter)
    if source_id:
        statement = statement.where(usage_records.c.source_id == source_id)
    wanted = page_size(size)
    rows = await tx.all(keyset(statement, usage_records.c.usage_time, usage_records.c.usage_record_id, token, wanted))
    found: Sequence[UsageRecord] = [_record(row) for row in rows]
    return list(found[:wanted]), len(found) > wanted


def _plan(row: Mapping[Any, Any]) -> PlanHeld:
    rates = {
        meter: Rate(Decimal(rate["price"]), Decimal(rate["included"]), rate["first"], rate["next"])
        for meter, rate in row["rates"].items()
    }
    return PlanHeld(
        row["plan_id"], row["plan_version"], row["currency"], rates, row["effective_time"], row["time_zone"]
    )


def _span(row: Mapping[Any, Any]) -> Span:
    units = Fraction(1) if row["size_bytes"] is None else Fraction(row["size_bytes"], GIGABYTE)
    return Span(row["meter"], row["source_id"], row["start_time"], row["end_time"], units)


def _record(row: Mapping[Any, Any]) -> UsageRecord:
    return UsageRecord(
        usage_record_id=row["usage_record_id"],
        meter=row["meter"],
        source=row["source"],
        source_id=row["source_id"],
        usage_time=row["usage_time"],
        used_seconds=row["used_seconds"],
        billed_seconds=row["billed_seconds"],
        plan_id=row["plan_id"],
        plan_version=row["plan_version"],
        currency=row["currency"],
        price=row["price"],
        brand_id=row["brand_id"],
    )
