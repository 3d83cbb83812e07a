"""Subscriptions: where one stands, what is done to it, what falls due by itself. Time is a parameter.

A period is counted from the anchor by the wall clock of the company's zone (`kernel.proration`). Every verb takes the
moment it takes effect at; a clock that went back doesn't take a subscription back, its moment is that of the last
change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import FailedPrecondition
from kernel.proration import MONTH, YEAR, has_the_anchors_day, next_end, period_containing

from tenancy.domain.plans import Plan

TRIAL, ACTIVE, PAUSED, CANCELLED = "TRIAL", "ACTIVE", "PAUSED", "CANCELLED"
MOST_OF_AN_ADD_ON = 1000


class SubscriptionNotThere(FailedPrecondition):
    """The verb doesn't fit where the subscription stands; the metadata says the state."""

    reason = "SUBSCRIPTION_STATE"


class SubscriptionPaused(FailedPrecondition):
    """A subscription that is paused or has ended: what is asked for needs one in force."""

    reason = "SUBSCRIPTION_PAUSED"


class NothingPending(FailedPrecondition):
    """Nothing waits for the period's end."""

    reason = "NOTHING_PENDING"


class PlanCurrencyDiffers(FailedPrecondition):
    """A plan in another currency: what was paid in one can't be set off in another."""

    reason = "PLAN_CURRENCY_DIFFERS"


class AddOnNotForPlan(FailedPrecondition):
    """An add-on that isn't held beside this plan."""

    reason = "ADD_ON_NOT_FOR_PLAN"


class Trigger(Enum):
    """What happens to a subscription."""

    CHANGE = "CHANGE"
    """Another plan or other add-ons."""
    END_TRIAL = "END_TRIAL"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    CANCEL = "CANCEL"
    REACTIVATE = "REACTIVATE"


TRANSITIONS: Mapping[tuple[str, Trigger], str] = {
    (TRIAL, Trigger.CHANGE): TRIAL,
    (ACTIVE, Trigger.CHANGE): ACTIVE,
    (TRIAL, Trigger.END_TRIAL): ACTIVE,
    (TRIAL, Trigger.PAUSE): PAUSED,
    (ACTIVE, Trigger.PAUSE): PAUSED,
    (PAUSED, Trigger.RESUME): ACTIVE,  # or TRIAL, while that goes on
    (TRIAL, Trigger.CANCEL): CANCELLED,
    (ACTIVE, Trigger.CANCEL): CANCELLED,
    (PAUSED, Trigger.CANCEL): CANCELLED,
    (CANCELLED, Trigger.REACTIVATE): ACTIVE,
}


@dataclass(frozen=True)
class Subscription:
    """What a company holds, and the period of its fee that runs."""

    state: str
    plan_id: str
    plan_version: int
    plan_time: datetime
    """Since when this plan version is held."""
    start_time: datetime
    anchor_time: datetime
    period_start_time: datetime
    period_end_time: datetime
    change_time: datetime
    trial_end_time: datetime | None = None
    pending_plan_id: str = ""
    pending_plan_version: int = 0
    pending_cancel: bool = False
    pause_time: datetime | None = None
    cancel_time: datetime | None = None
    version: int = 1

    @property
    def due_time(self) -> datetime | None:
        """When something happens to it by itself."""
        return None if self.state == CANCELLED else self.period_end_time

    @property
    def in_force(self) -> bool:
        """Whether it can be used."""
        return self.state in (TRIAL, ACTIVE)

    def in_trial(self, time: datetime) -> bool:
        """Whether its trial goes on at `time`, also while it is paused."""
        return self.trial_end_time is not None and time < self.trial_end_time and self.state != CANCELLED

    def moment(self, now: datetime) -> datetime:
        """When a change made now takes effect: never before the last one, whatever the clock says."""
        return max(now, self.change_time)


@dataclass(frozen=True)
class HeldAddOn:
    """An add-on held from `start_time` until `end_time`, None while it lasts."""

    held_add_on_id: str
    add_on_id: str
    version: int
    quantity: int
    start_time: datetime
    end_time: datetime | None = None


def start(plan: Plan, now: datetime, zone: str, *, trial: bool = True) -> Subscription:
    """A subscription that begins now, with the plan's trial unless `trial` is false."""
    if trial and plan.trial_days:
        ends = now + timedelta(days=plan.trial_days)
        return Subscription(TRIAL, plan.plan_id, plan.version, now, now, ends, now, ends, now, trial_end_time=ends)
    begun, ends = period_containing(now, plan.interval, now, zone)
    return Subscription(ACTIVE, plan.plan_id, plan.version, now, now, now, begun, ends, now)


def transition(subscription: Subscription, trigger: Trigger) -> str:
    """The state afterwards. Raises `SubscriptionNotThere`."""
    state = TRANSITIONS.get((subscription.state, trigger))
    if state is None:
        raise SubscriptionNotThere(
            f"The subscription is {subscription.state.lower()}: that can't be done to it.",
            metadata={"state": subscription.state},
        )
    return state


def moved(subscription: Subscription, held: Plan, plan: Plan, time: datetime, zone: str) -> Subscription:
    """Holding `plan` instead of `held` from `time` on.

    A trial goes on when the new plan has one too, otherwise it is over. The period goes on when the interval is the
    same; a year begins where the month that runs began, a month where one would by the same anchor: the day stays.
    """
    changed = replace(
        subscription, plan_id=plan.plan_id, plan_version=plan.version, plan_time=time, change_time=time,
        pending_plan_id="", pending_plan_version=0, pending_cancel=False, version=subscription.version + 1,
    )  # fmt: skip
    if subscription.in_trial(time):
        if plan.trial_days:
            return changed
        state = ACTIVE if subscription.state == TRIAL else subscription.state
        changed = replace(changed, state=state, trial_end_time=time, anchor_time=time)
        return _period(changed, plan.interval, time, zone)
    if held.interval == plan.interval:
        return changed if time < subscription.period_end_time else _next_period(changed, plan.interval, zone)
    if (held.interval, plan.interval) == (MONTH, YEAR):
        changed = replace(changed, anchor_time=_begin_of_month(subscription.anchor_time, time, zone))
    return _period(changed, plan.interval, time, zone)


def settled(subscription: Subscription, interval: str, zone: str) -> Subscription:
    """What the end of the period makes of it by itself, when no other plan waits for it: an end, the end of its trial,
    the next period."""
    ends = subscription.period_end_time
    if subscription.pending_cancel:
        return cancelled(subscription, ends)
    changed = replace(
        subscription, pending_plan_id="", pending_plan_version=0, change_time=ends, version=subscription.version + 1
    )
    if subscription.trial_end_time == ends:
        state = transition(changed, Trigger.END_TRIAL) if changed.state == TRIAL else changed.state
        return _period(replace(changed, state=state, anchor_time=ends), interval, ends, zone)
    return _next_period(changed, interval, zone)


def paused(subscription: Subscription, time: datetime) -> Subscription:
    """Paused from `time` on. Its periods and its trial go on."""
    state = transition(subscription, Trigger.PAUSE)
    return replace(subscription, state=state, pause_time=time, change_time=time, version=subscription.version + 1)


def resumed(subscription: Subscription, time: datetime) -> Subscription:
    """In force again from `time` on."""
    state = transition(subscription, Trigger.RESUME)
    state = TRIAL if subscription.in_trial(time) else state
    return replace(subscription, state=state, pause_time=None, change_time=time, version=subscription.version + 1)


def cancelled(subscription: Subscription, time: datetime) -> Subscription:
    """Ended at `time`."""
    state = transition(subscription, Trigger.CANCEL)
    return replace(
        subscription, state=state, cancel_time=time, change_time=time, pause_time=None, pending_cancel=False,
        pending_plan_id="", pending_plan_version=0, version=subscription.version + 1,
    )  # fmt: skip


def reactivated(subscription: Subscription, plan: Plan, time: datetime, zone: str) -> Subscription:
    """Begun anew at `time`: a new anchor, no trial."""
    state = transition(subscription, Trigger.REACTIVATE)
    fresh = start(plan, time, zone, trial=False)
    return replace(fresh, state=state, start_time=subscription.start_time, version=subscription.version + 1)


def to_cancel(subscription: Subscription, time: datetime) -> Subscription:
    """Ending with its period."""
    transition(subscription, Trigger.CANCEL)
    return _waiting(subscription, time, pending_cancel=True)


def to_move(subscription: Subscription, plan: Plan, time: datetime) -> Subscription:
    """Moving to a plan when its period ends."""
    transition(subscription, Trigger.CHANGE)
    return _waiting(subscription, time, pending_plan_id=plan.plan_id, pending_plan_version=plan.version)


def undone(subscription: Subscription, time: datetime) -> Subscription:
    """Nothing waits any more. Raises `NothingPending`."""
    if not subscription.pending_plan_id and not subscription.pending_cancel:
        raise NothingPending("Nothing waits for the end of the period.")
    return _waiting(subscription, time)


def touched(subscription: Subscription, time: datetime, *, fewer: bool = False) -> Subscription:
    """Changed in what is held beside the plan. To hold `fewer` is always possible: who has ended may have to, to begin
    anew with another plan. Raises `SubscriptionNotThere`."""
    if not fewer:
        transition(subscription, Trigger.CHANGE)
    return replace(subscription, change_time=time, version=subscription.version + 1)


def check_in_force(subscription: Subscription) -> None:
    """Raises `SubscriptionPaused`."""
    if not subscription.in_force:
        said = "is paused: its owner can resume it" if subscription.state == PAUSED else "has ended"
        raise SubscriptionPaused(f"The subscription {said}.", metadata={"state": subscription.state})


def _waiting(
    subscription: Subscription,
    time: datetime,
    *,
    pending_plan_id: str = "",
    pending_plan_version: int = 0,
    pending_cancel: bool = False,
) -> Subscription:
    return replace(
        subscription, pending_plan_id=pending_plan_id, pending_plan_version=pending_plan_version,
        pending_cancel=pending_cancel, change_time=time, version=subscription.version + 1,
    )  # fmt: skip


def _period(subscription: Subscription, interval: str, time: datetime, zone: str) -> Subscription:
    begun, ends = period_containing(subscription.anchor_time, interval, time, zone)
    return replace(subscription, period_start_time=begun, period_end_time=ends)


def _next_period(subscription: Subscription, interval: str, zone: str) -> Subscription:
    ends = subscription.period_end_time
    following = next_end(subscription.anchor_time, interval, ends, zone)
    return replace(subscription, period_start_time=ends, period_end_time=following)


def _begin_of_month(anchor: datetime, time: datetime, zone: str) -> datetime:
    """Where the month of `anchor` that `time` lies in began; of one that is too short for the anchor's day the one
    before, so that the day isn't lost."""
    begun, _ = period_containing(anchor, MONTH, time, zone)
    before, _ = period_containing(anchor, MONTH, begun - timedelta(microseconds=1), zone)
    return begun if has_the_anchors_day(anchor, begun, zone) else before
