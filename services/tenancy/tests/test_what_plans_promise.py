"""Two moves with a clock that went back in between: whoever orders plans by when they were told must see the last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from merkez.tenancy.v1 import operator_plan_service_pb2 as o
from merkez.tenancy.v1 import plan_pb2
from sqlalchemy import select

from .test_handlers_plans import Office, a_plan, money
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


@pytest.mark.parametrize(
    ("meter", "unit"),
    [("seat_concurrent", "seat"), ("seat_active", "seat"), ("seat_hour", "hour"), ("call_over_limit", "call"),
     ("api_request_over_limit", "request")],
)  # fmt: skip
async def test_whatever_billing_meters_can_be_sold(town: Any, office: Office, meter: str, unit: str) -> None:
    rate = plan_pb2.Rate(meter=meter, unit=unit, price=money("1.00"))
    found = await office.ask("CheckPlan", o.CheckPlanRequest(plan=a_plan(rates=[rate])))
    assert [(each.field, each.fault) for each in found.faults if each.field.endswith("meter")] == []


async def test_what_a_rate_says_is_kept_or_refused(town: Any, office: Office) -> None:
    """500 minutes of each seat, pooled, and a tier's flat fee that is charged also without usage."""
    tiers = [plan_pb2.RateTier(unit_price=money("0.05"), flat_fee=money("30.00"), package_size="10")]
    rate = plan_pb2.Rate(
        meter="voice_inbound_minute", unit="minute", model=plan_pb2.RATE_MODEL_GRADUATED, tiers=tiers,
        included_units="500", included_per_meter="seat_month", flat_fee_at_zero=True,
    )  # fmt: skip
    [kept] = (await office.on_sale(rates=[rate])).rates
    assert kept.tiers[0].package_size == "10"
    assert (kept.included_per_meter, kept.flat_fee_at_zero) == ("seat_month", True)
