"""What happens at a plan's limits: hard ones refuse, of a soft one the owner and the operators are told once it is
passed. `list_passings` looks across tenants and runs in a system transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx

from tenancy import limits_proto
from tenancy.domain import limits
from tenancy.domain.limits import FeatureStanding, LimitStanding, Passed, Passing
from tenancy.domain.plans import Plan
from tenancy.ops import held as holding
from tenancy.ops.notices import raise_notice
from tenancy.store import limits as store

NOTICE = "PLAN_LIMIT_PASSED"

list_passings = store.page


async def take_room(tx: Tx, plan: Plan, limit: str, used: int, now: datetime, more: int = 1) -> None:
    """Lets `more` than what is `used` happen, telling of a soft limit that is passed by it. Raises
    `PlanLimitReached`."""
    passing = limits.check_room(plan, limit, used, more)
    if passing is not None:
        await passed(tx, passing, now)


async def passed(tx: Tx, passing: Passing, now: datetime) -> None:
    """Tells the owner and the operators that a soft limit was passed, unless they have just heard it."""
    known = await store.find(tx, passing.limit)
    if known is not None and known.is_same(now):
        # Said again and again without ten quiet minutes in between it stays one passing, and one e-mail.
        await store.save(tx, known.going_on(now))
        return
    last = known.again(passing, now) if known else Passed(passing.limit, passing.allowed, passing.used, 1, now, now)
    await store.save(tx, last)
    said = {"limit": passing.limit, "allowed": str(passing.allowed), "used": str(passing.used)}
    await raise_notice(tx, NOTICE, passing.limit, said, now)
    tenant = await holding.get_tenant(tx)
    tx.emit(limits_proto.plan_limit_passed(last, tenant), key=tenant.tenant_id)


async def standing(tx: Tx) -> tuple[Plan, Sequence[LimitStanding], Sequence[FeatureStanding]]:
    """The plan held, and every limit and feature as the tenant has it."""
    found = await holding.held(tx)
    plan, used = found.entitled, await holding.in_use(tx)
    return (
        plan,
        limits.limit_standings(found.catalogue, tx.tenant_id, plan, used),
        limits.feature_standings(found.catalogue, plan),
    )
