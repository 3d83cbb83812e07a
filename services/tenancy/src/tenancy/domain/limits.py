"""Limits of a plan: hard ones refuse, soft ones let it happen and are told of once they are passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.features import Feature

from tenancy.domain.plans import LIMITS, AddOn, Catalogue, Plan, PlanLimitReached, misfits

COUNTED = ("max_users", "max_numbers", "max_brands")
"""Limits of what is there and counted here."""
NEVER_SOFT = ("recording_retention_days", "max_campaigns")
"""Limits that nothing can be let past: a recording goes when its days are over, and campaigns aren't there yet."""
QUIET = timedelta(minutes=10)
"""A limit that is passed again within this is the same passing: calls come and go around their limit."""


@dataclass(frozen=True)
class Passing:
    """A soft limit that was just passed; `limit` is its field's name."""

    limit: str
    allowed: int
    used: int


@dataclass(frozen=True)
class Passed:
    """What is kept of a limit's passings, as of the last one."""

    limit: str
    allowed: int
    used: int
    count: int
    first_pass_time: datetime
    pass_time: datetime
    tenant_id: str = ""
    tenant_name: str = ""

    def again(self, passing: Passing, now: datetime) -> Passed:
        """With one more passing."""
        return Passed(
            passing.limit, passing.allowed, passing.used, self.count + 1, self.first_pass_time,
            max(now, self.pass_time), self.tenant_id, self.tenant_name,
        )  # fmt: skip

    def going_on(self, now: datetime) -> Passed:
        """The same passing, still going on."""
        return replace(self, pass_time=max(now, self.pass_time))

    def is_same(self, now: datetime) -> bool:
        """Whether a passing at `now` belongs to this one."""
        return now - self.pass_time < QUIET


@dataclass(frozen=True)
class LimitStanding:
    """One limit as a company has it. `used` is None where it isn't counted here."""

    limit: str
    allowed: int
    used: int | None
    soft: bool
    next_plan_id: str
    add_on_ids: Sequence[str]


@dataclass(frozen=True)
class FeatureStanding:
    """One feature as a company has it, or where it is to be had."""

    feature: str
    held: bool
    lowest_plan_id: str
    add_on_ids: Sequence[str]


def check_room(plan: Plan, limit: str, used: int, more: int = 1) -> Passing | None:
    """Whether `more` than what is `used` fits: None when it does, and when it is over a soft limit already. The passing
    when it goes past a soft one now. Raises `PlanLimitReached` over a hard one."""
    allowed, then = int(getattr(plan.limits, limit)), used + more
    if then <= allowed:
        return None
    if limit not in plan.soft_limits:
        word = limit.removeprefix("max_")
        raise PlanLimitReached(
            f"The plan allows {allowed} {word.replace('_', ' ')}, and all are used: give one up or change the plan.",
            metadata={"limit": word, "allowed": str(allowed)},
        )
    return Passing(limit, allowed, then) if used <= allowed else None


def passed_by_a_move(before: Plan, then: Plan, used: Mapping[str, int]) -> list[Passing]:
    """Soft limits of the plan after a move that what is in use goes past, and didn't go past of the plan before."""
    over, was = misfits(then.limits, used), misfits(before.limits, used)
    return [
        Passing(f"max_{name}", allowed, count)
        for name, (count, allowed) in over.items()
        if f"max_{name}" in then.soft_limits and name not in was
    ]


def limit_standings(catalogue: Catalogue, tenant_id: str, plan: Plan, used: Mapping[str, int]) -> list[LimitStanding]:
    """Every limit of `plan`, which has what add-ons give in it; `used` by short name."""
    return [
        LimitStanding(
            name, getattr(plan.limits, name), used.get(name.removeprefix("max_")), name in plan.soft_limits,
            _next_plan(catalogue, tenant_id, plan, name),
            [each.add_on_id for each in _add_ons(catalogue, plan) if getattr(each.limits, name)],
        )
        for name in LIMITS
    ]  # fmt: skip


def feature_standings(catalogue: Catalogue, plan: Plan) -> list[FeatureStanding]:
    """Every feature there is: whether `plan`, with its add-ons, has it."""
    lowest = catalogue.lowest_plan_ids()
    return [
        FeatureStanding(
            each, each in plan.features, lowest.get(each, ""),
            [add_on.add_on_id for add_on in _add_ons(catalogue, plan) if each in add_on.features],
        )
        for each in Feature
    ]  # fmt: skip


def _add_ons(catalogue: Catalogue, plan: Plan) -> list[AddOn]:
    return [each for each in catalogue.add_ons_on_sale() if each.goes_with(plan)]


def _next_plan(catalogue: Catalogue, tenant_id: str, plan: Plan, limit: str) -> str:
    mine = getattr(plan.limits, limit)
    if limit == "max_api_requests_per_minute" and not mine:
        return ""  # no bound of the plan's
    for each in catalogue.on_sale(tenant_id):
        theirs = getattr(each.limits, limit)
        more = theirs > mine or (limit == "max_api_requests_per_minute" and not theirs)
        if more and each.currency == plan.currency and each.plan_id != plan.plan_id:
            return each.plan_id
    return ""
