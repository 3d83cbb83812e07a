"""Two moves with a clock that went back in between: whoever orders plans by when they were told must see the last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from .test_handlers_plans import Office, money
from .test_handlers_subscriptions import ask, now_held, office, sold

__all__ = ["office"]


async def test_later_choice_is_told_as_later(town: Any, office: Office) -> None:
    small, big = await sold(office)
    bigger = (await office.on_sale(tier=3, price=money("120.00"))).plan_id
    firm = await town.sign_up(plan_id=small)
    town.clock.advance(timedelta(days=5))
    await ask(firm, "MovePlan", plan_id=big)
    town.clock.advance(-timedelta(seconds=5))
    await ask(firm, "MovePlan", plan_id=bigger)
    assert (await now_held(firm)).plan.plan_id == bigger
    outbox = town.db.standard.outbox
    mine = select(outbox).where(outbox.c.tenant_id == firm.tenant_id).order_by(outbox.c.position)
    rows = await town.db.run(firm.tenant_id, lambda tx: tx.all(mine), read_only=True)
    plans = [row for row in rows if row["fact"].endswith("PlanSubscribed")][-2:]
    from chassis.facts import message_class

    facts = [(message_class(row["fact"]).FromString(row["payload"]), row["create_time"]) for row in plans]
    assert facts[0][0].effective_time.ToDatetime() == facts[1][0].effective_time.ToDatetime()
    assert facts[0][1] < facts[1][1], "billing takes the later told of two for one moment"
