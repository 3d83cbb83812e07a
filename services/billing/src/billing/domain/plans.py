"""The plan versions a tenant held, with their prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

SEAT, NUMBER, STORAGE = "seat_month", "number_month", "recording_storage_gb_month"
VOICE, VOICE_OUT = "voice_inbound_minute", "voice_outbound_minute"

_EARLIEST = datetime.min.replace(tzinfo=UTC)


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
    fact_time: datetime = _EARLIEST
    """When it was chosen: of two for the same moment the later choice counts, in whatever order they are heard of."""


def in_force(plans: Sequence[PlanHeld]) -> list[PlanHeld]:
    """The plans that count, oldest first, one for each moment."""
    chosen: dict[datetime, PlanHeld] = {}
    for plan in plans:
        known = chosen.get(plan.effective_time)
        if known is None or (known.fact_time, known.plan_id, known.version) < (
            plan.fact_time, plan.plan_id, plan.version,
        ):  # fmt: skip
            chosen[plan.effective_time] = plan
    return [chosen[moment] for moment in sorted(chosen)]


def plan_at(plans: Sequence[PlanHeld], time: datetime) -> PlanHeld | None:
    """The plan in force at `time`; the first one for what came before it, None when there is none at all."""
    ordered = in_force(plans)
    held = [plan for plan in ordered if plan.effective_time <= time]
    return held[-1] if held else next(iter(ordered), None)


def segments(plans: Sequence[PlanHeld], start: datetime, end: datetime) -> list[tuple[PlanHeld, datetime, datetime]]:
    """The stretches of [start, end) under each plan, without gap or overlap."""
    ordered = in_force(plans)
    found: list[tuple[PlanHeld, datetime, datetime]] = []
    for index, plan in enumerate(ordered):
        since = start if index == 0 else max(start, plan.effective_time)
        until = min(end, ordered[index + 1].effective_time) if index + 1 < len(ordered) else end
        if since < until:
            found.append((plan, since, until))
    return found
