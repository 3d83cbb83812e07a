"""The row of the plan a tenant holds."""

from __future__ import annotations

from datetime import datetime

from kernel.features import PlanFeatures
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from routing.store.rows import Transaction
from routing.store.tables import plans


async def save_plan(tx: Transaction, plan: PlanFeatures, effective_time: datetime) -> None:
    """Over one that is held from no later on."""
    row = {
        "tenant_id": tx.tenant_id, "plan_id": plan.plan_id, "features": sorted(plan.features),
        "lowest_plan_ids": dict(plan.lowest_plan_ids), "effective_time": effective_time,
    }  # fmt: skip
    await tx.execute(
        insert(plans)
        .values(row)
        .on_conflict_do_update(index_elements=["tenant_id"], set_=row, where=plans.c.effective_time <= effective_time)
    )


async def plan_held(tx: Transaction) -> PlanFeatures | None:
    """None when nobody has told of one yet."""
    row = await tx.one_or_none(select(plans).where(plans.c.tenant_id == tx.tenant_id))
    return PlanFeatures(row["plan_id"], frozenset(row["features"]), row["lowest_plan_ids"]) if row else None
