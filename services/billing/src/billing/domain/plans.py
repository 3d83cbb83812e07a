"""The plan versions a tenant held, with their prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

SEAT, VOICE, NUMBER, STORAGE = "seat_month", "voice_inbound_minute", "number_month", "recording_storage_gb_month"


@dataclass(frozen=True)
class Rate:
    """Price of one unit of a meter."""

    price: Decimal
    included: Decimal = Decimal(0)
    first_increment: int = 0
    next_increment: int = 0


@dataclass(frozen=True)
class PlanHeld:
    """A plan version in force for a tenant from `effective_time` until the next one's."""

    plan_id: str
    version: int
    currency: str
    rates: Mapping[str, Rate]
    effective_time: datetime
    time_zone: str


def plan_at(plans: Sequence[PlanHeld], time: datetime) -> PlanHeld | None:
    """The plan in force at `time`; the first one for what came before it, None when there is none at all."""
    if not plans:
        return None
    ordered = sorted(plans, key=lambda plan: plan.effective_time)
    return max((p for p in ordered if p.effective_time <= time), key=lambda p: p.effective_time, default=ordered[0])


def segments(plans: Sequence[PlanHeld], start: datetime, end: datetime) -> list[tuple[PlanHeld, datetime, datetime]]:
    """The stretches of [start, end) under each plan, without gap or overlap."""
    ordered = sorted(plans, key=lambda plan: plan.effective_time)
    found: list[tuple[PlanHeld, datetime, datetime]] = []
    for index, plan in enumerate(ordered):
        since = start if index == 0 else max(start, plan.effective_time)
        until = min(end, ordered[index + 1].effective_time) if index + 1 < len(ordered) else end
        if since < until:
            found.append((plan, since, until))
    return found
