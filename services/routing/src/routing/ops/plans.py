"""What the tenant's plan has, kept here so that nobody is asked and nobody has to be there."""

from __future__ import annotations

from datetime import datetime

from kernel.features import Feature, PlanFeatures

from routing.ledger import Ledger
from routing.store import plans as store


async def hold_plan(tx: Ledger, plan: PlanFeatures, effective_time: datetime) -> None:
    """The plan held from a moment on; news of an earlier one that comes late changes nothing."""
    await store.save_plan(tx, plan, effective_time)


async def require_feature(tx: Ledger, feature: Feature) -> None:
    """FeatureNotInPlan unless the plan held has it.

    A tenant whose plan nobody has told of yet isn't refused: the news follows a sign-up within moments.
    """
    plan = await store.plan_held(tx)
    if plan is not None:
        plan.require(feature)
