"""What a statement is computed from, as it was heard of until a cutoff."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import func, select

from billing.domain.levels import Change
from billing.domain.plans import PlanHeld
from billing.store import usage
from billing.store.tables import level_changes, plans_held, usage_records


async def plans_until(tx: Tx, cutoff: datetime) -> list[PlanHeld]:
    """The plans held that were heard of by then."""
    rows = await tx.all(
        select(plans_held).where(plans_held.c.tenant_id == tx.tenant_id, plans_held.c.record_time <= cutoff)
    )
    return [usage.plan_of(row) for row in rows]


async def used_by_length(tx: Tx, start: datetime, end: datetime, cutoff: datetime) -> list[tuple[str, int, int]]:
    """How many calls of each length were used in [start, end): meter, seconds, count."""
    rows = await tx.all(
        select(usage_records.c.meter, usage_records.c.used_seconds, func.count().label("records"))
        .where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
            usage_records.c.record_time <= cutoff,
        )
        .group_by(usage_records.c.meter, usage_records.c.used_seconds)
    )
    return [(row["meter"], row["used_seconds"], row["records"]) for row in rows]


async def changes_until(tx: Tx, end: datetime, cutoff: datetime) -> list[Change]:
    """The changes before `end` that were heard of by then."""
    rows = await tx.all(
        select(level_changes).where(
            level_changes.c.tenant_id == tx.tenant_id,
            level_changes.c.change_time < end,
            level_changes.c.record_time <= cutoff,
        )
    )
    return [usage.change_of(row) for row in rows]
