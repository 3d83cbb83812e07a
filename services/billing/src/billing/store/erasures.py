"""Queries on dialled numbers that are kept no longer, and on how far each tenant's are erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.sql import Time, Tx, tenant_table
from sqlalchemy import Column, Text, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.erasing import ERASED_DIGITS, SHORTEST
from billing.domain.usage import TELEPHONY, UsageRecord
from billing.store.tables import metadata, usage_records
from billing.store.usage import record_in
from billing.store.wallet_tables import open_reservations, reservations

number_erasures = tenant_table(
    "number_erasures",
    metadata,
    Column("until_time", Time, nullable=False),
    Column("until_id", Text, nullable=False),
)
_START = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """Calls until this one are done: their times and ids are not above it."""

    time: datetime = _START
    record_id: str = ""


async def due(tx: Tx, horizon: datetime, after: str, size: int) -> list[str]:
    """Tenants with calls from before `horizon` that aren't done, from the one after `after`. System transaction."""
    done, calls = number_erasures.c, usage_records.c
    waits = (
        select(calls.tenant_id)
        .outerjoin(number_erasures, done.tenant_id == calls.tenant_id)
        .where(calls.source == TELEPHONY, calls.usage_time < horizon, calls.tenant_id > after)
        .where(or_(done.until_time.is_(None), done.until_time < calls.usage_time))
        .distinct()
        .order_by(calls.tenant_id)
        .limit(size)
    )
    return [row["tenant_id"] for row in await tx.all(waits)]


async def place(tx: Tx) -> Place:
    """How far the tenant's are done."""
    row = await tx.one_or_none(select(number_erasures).where(number_erasures.c.tenant_id == tx.tenant_id))
    return Place(row["until_time"], row["until_id"]) if row else Place()


async def save_place(tx: Tx, value: Place) -> None:
    """The tenant's are done until there."""
    row = {"tenant_id": tx.tenant_id, "until_time": value.time, "until_id": value.record_id}
    statement = insert(number_erasures).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def calls(tx: Tx, since: Place, horizon: datetime, size: int) -> Sequence[UsageRecord]:
    """The next calls from before `horizon`, oldest first."""
    table = usage_records.c
    later = or_(
        table.usage_time > since.time,
        and_(table.usage_time == since.time, table.usage_record_id > since.record_id),
    )
    statement = select(usage_records).where(
        table.tenant_id == tx.tenant_id, table.source == TELEPHONY, table.usage_time < horizon, later
    )
    rows = await tx.all(statement.order_by(table.usage_time, table.usage_record_id).limit(size))
    return [record_in(row) for row in rows]


async def save_properties(tx: Tx, record: UsageRecord) -> None:
    """A record's properties as they are now; its fingerprint, and what is kept by day, stay what they were."""
    table = usage_records.c
    mine = (table.tenant_id == tx.tenant_id, table.source == record.source, table.source_id == record.source_id)
    await tx.execute(update(usage_records).where(*mine).values(properties=dict(record.properties)))


async def shorten_reservations(tx: Tx, since: datetime, until: datetime) -> None:
    """Shortens the numbers of calls that were paid for ahead and began in (since, until]: what they cost was posted,
    nothing is reckoned by the number any more."""
    table = reservations.c
    still_open = select(open_reservations.c.call_id).where(open_reservations.c.tenant_id == tx.tenant_id)
    length = func.length(table.number)
    await tx.execute(
        update(reservations)
        .where(
            table.tenant_id == tx.tenant_id, table.start_time > since, table.start_time <= until, length >= SHORTEST,
            table.call_id.not_in(still_open),
        )
        .values(number=func.substr(table.number, 1, length - ERASED_DIGITS))
    )  # fmt: skip
