"""Plans: versions, limits, and whether a tenant fits into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.errors import FailedPrecondition, NotFound, QuotaExceeded
from kernel.features import Feature


class PlanNotFound(NotFound):
    """The catalogue has no such plan or version."""

    reason = "PLAN_NOT_FOUND"


class PlanLimitReached(QuotaExceeded):
    """The plan's limit is used up; the metadata says which and how much."""

    reason = "PLAN_LIMIT_REACHED"


class PlanLimitsExceeded(FailedPrecondition):
    """What the tenant uses doesn't fit into the plan it wants."""

    reason = "PLAN_LIMITS_EXCEEDED"


@dataclass(frozen=True)
class Limits:
    """What a plan allows."""

    max_users: int
    max_concurrent_calls: int
    max_numbers: int
    max_brands: int
    recording_retention_days: int
    max_api_requests_per_minute: int = 0
    """0: the platform's own bound alone."""
    max_campaigns: int = 0


@dataclass(frozen=True)
class Rate:
    """Price of one unit of a meter; decimals as text, exact."""

    meter: str
    unit: str
    price: str
    included_units: str = "0"
    first_increment_seconds: int = 0
    next_increment_seconds: int = 0


@dataclass(frozen=True)
class Plan:
    """One immutable version of a plan."""

    plan_id: str
    version: int
    tier: int
    names: Mapping[str, str]
    summaries: Mapping[str, str]
    currency: str
    limits: Limits
    rates: Sequence[Rate]
    features: Sequence[Feature]
    effective_time: datetime


def check_room(limit: str, allowed: int, used: int) -> None:
    """Raises `PlanLimitReached` when one more would be over `allowed`."""
    if used >= allowed:
        raise PlanLimitReached(
            f"The plan allows {allowed} {limit.replace('_', ' ')}, and all are used: give one up or change the plan.",
            metadata={"limit": limit, "allowed": str(allowed)},
        )


def check_fit(limits: Limits, used: Mapping[str, int]) -> None:
    """Raises `PlanLimitsExceeded` naming each limit that is already exceeded."""
    over = {name: count for name, count in used.items() if count > getattr(limits, f"max_{name}")}
    if over:
        said = ", ".join(f"{count} {name} (allowed {getattr(limits, f'max_{name}')})" for name, count in over.items())
        raise PlanLimitsExceeded(
            f"The plan is too small for what is in use: {said}.", metadata={"limits": ",".join(over)}
        )
