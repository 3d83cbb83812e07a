"""Queries on what a line of an invoice was made of."""

from __future__ import annotations

from datetime import datetime

from chassis.paging import decode_token
from chassis.sql import Tx
from sqlalchemy import and_, or_, select

from billing.domain.statements import StatementLine
from billing.domain.usage import UsageRecord
from billing.store import usage
from billing.store.tables import usage_records


async def usage_of_line(
    tx: Tx, line: StatementLine, since: datetime | None, cutoff: datetime, size: int, token: str
) -> tuple[list[UsageRecord], bool]:
    """A page of the usage records of a line, oldest first: heard of after `since` and until the cutoff."""
    table = usage_records.c
    statement = select(usage_records).where(
        table.tenant_id == tx.tenant_id, table.meter == line.meter, table.usage_time >= line.start_time,
        table.usage_time < line.end_time, table.record_time <= cutoff,
    )  # fmt: skip
    if since is not None:
        statement = statement.where(table.record_time > since)
    after = decode_token(token)
    if after is not None:
        later = and_(table.usage_time == after[0], table.usage_record_id > after[1])
        statement = statement.where(or_(table.usage_time > after[0], later))
    rows = await tx.all(statement.order_by(table.usage_time, table.usage_record_id).limit(size + 1))
    found = [usage.record_in(row) for row in rows]
    return found[:size], len(found) > size
