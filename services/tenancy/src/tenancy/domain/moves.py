"""What a move to another plan means before it is made: when, what it costs to the minor unit, what comes and goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kernel.money import rounded
from kernel.proration import share

from tenancy.domain import subscriptions
from tenancy.domain.plans import LIMITS, AddOn, Limits, Plan, misfits, with_add_ons
from tenancy.domain.subscriptions import AddOnNotForPlan, PlanCurrencyDiffers, Subscription

Held = Sequence[tuple[AddOn, int]]
"""Add-ons and how many of each."""


@dataclass(frozen=True)
class LimitChange:
    """A limit that changes, add-ons included."""

    limit: str
    before: int
    after: int


@dataclass(frozen=True)
class Move:
    """What a move would mean. Amounts are rounded once each, half away from zero, to the currency's minor unit."""

    plan: Plan
    effective_time: datetime
    at_period_end: bool
    credit: Decimal
    charge: Decimal
    next_fee: Decimal
    next_fee_time: datetime
    limit_changes: Sequence[LimitChange]
    features_gained: Sequence[str]
    features_lost: Sequence[str]
    misfits: Mapping[str, tuple[int, int]]
    add_ons_lost: Sequence[str]

    @property
    def amount(self) -> Decimal:
        """What the change itself costs; negative when it gives back."""
        return self.charge - self.credit


def waits(subscription: Subscription, held: Plan, plan: Plan, time: datetime) -> bool:
    """Whether a move waits for the period's end: a downgrade of what is paid for until then."""
    return plan.is_below(held) and not subscription.in_trial(time)


def check_currency(held: Plan, plan: Plan) -> None:
    """Raises `PlanCurrencyDiffers`."""
    if held.currency != plan.currency:
        raise PlanCurrencyDiffers(
            f"The plan is in {plan.currency}, what is held in {held.currency}: end the subscription first.",
            metadata={"currency": plan.currency, "held_currency": held.currency},
        )


def check_add_ons(plan: Plan, add_ons: Held) -> None:
    """Raises `AddOnNotForPlan` naming those that can't be held beside the plan."""
    lost = lost_add_ons(plan, add_ons)
    if lost:
        raise AddOnNotForPlan(
            f"{', '.join(lost)} can't be held with the plan {plan.plan_id}: give that up first.",
            metadata={"add_on_ids": ",".join(lost), "plan_id": plan.plan_id},
        )


def lost_add_ons(plan: Plan, add_ons: Held) -> list[str]:
    """Ids of the add-ons that can't be held beside the plan."""
    return [add_on.add_on_id for add_on, _ in add_ons if not add_on.goes_with(plan)]


def preview(
    subscription: Subscription, held: Plan, plan: Plan, add_ons: Held, used: Mapping[str, int], now: datetime, zone: str
) -> Move:
    """What moving from `held` to `plan` would mean if confirmed now. `used` is what is in use, by short name."""
    check_currency(held, plan)
    time = subscription.moment(now)
    waiting = waits(subscription, held, plan, time)
    effective = subscription.period_end_time if waiting else time
    after = subscriptions.moved(subscription, held, plan, effective, zone)
    credit, charge = (rounded(held.fee * 0, plan.currency),) * 2
    if not waiting:
        credit, charge = prorated(subscription, held, after, plan, time)
    mine, would = (with_add_ons(each, add_ons) for each in (held, plan))
    # A year's or month's whole fee falls due where the period that is charged now ends; a downgrade's where it begins.
    fee_due = effective if waiting else after.period_end_time
    return Move(
        plan=plan,
        effective_time=effective,
        at_period_end=waiting,
        credit=credit,
        charge=charge,
        next_fee=rounded(plan.fee, plan.currency),
        next_fee_time=fee_due,
        limit_changes=_limit_changes(mine.limits, would.limits),
        features_gained=[each for each in would.features if each not in mine.features],
        features_lost=[each for each in mine.features if each not in would.features],
        misfits=misfits(would.limits, used, plan.soft_limits),
        add_ons_lost=lost_add_ons(plan, add_ons),
    )


def prorated(
    before: Subscription, held: Plan, after: Subscription, plan: Plan, time: datetime
) -> tuple[Decimal, Decimal]:
    """(credit, charge) of a move at `time`: the unused share of the period held, and the rest of the period to come,
    by elapsed time. A trial costs nothing and gives nothing back."""
    nothing = rounded(held.fee * 0, held.currency)
    credit = charge = nothing
    if not before.in_trial(time):
        unused = share(time, before.period_end_time, before.period_start_time, before.period_end_time)
        credit = rounded(held.fee * unused, held.currency)
    if not after.in_trial(time):
        rest = share(time, after.period_end_time, after.period_start_time, after.period_end_time)
        charge = rounded(plan.fee * rest, plan.currency)
    return credit, charge


def _limit_changes(before: Limits, after: Limits) -> list[LimitChange]:
    pairs = ((name, int(getattr(before, name)), int(getattr(after, name))) for name in LIMITS)
    return [LimitChange(name, old, new) for name, old, new in pairs if old != new]
