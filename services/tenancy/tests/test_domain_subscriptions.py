"""Subscriptions as values: periods, trials, moves and what they cost, ends and new begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenancy import catalogue
from tenancy.domain import moves
from tenancy.domain import subscriptions as s
from tenancy.domain.plans import AddOn, Limits, Plan
from tenancy.domain.subscriptions import NothingPending, Subscription, SubscriptionNotThere, Trigger

ZONE = "UTC"
_GROWTH = catalogue.seed().find("growth")
SMALL: Plan = replace(_GROWTH, plan_id="small", tier=1, price="30.00")
BIG: Plan = replace(_GROWTH, plan_id="big", tier=2, price="90.00")
YEARLY: Plan = replace(_GROWTH, plan_id="big_year", tier=2, price="960.00", interval="year")
TRIED: Plan = replace(SMALL, plan_id="tried", trial_days=14)
PLANS = {plan.plan_id: plan for plan in (SMALL, BIG, YEARLY, TRIED)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held(plan: Plan, since: str, zone: str = ZONE) -> Subscription:
    return s.start(plan, at(since), zone, trial=False)


def costs(subscription: Subscription, plan: Plan, now: str) -> moves.Move:
    return moves.preview(subscription, PLANS[subscription.plan_id], plan, [], {}, at(now), ZONE)


def test_upgrade_in_the_middle_of_a_month_costs_the_rest_of_both_by_the_second() -> None:
    move = costs(held(SMALL, "2026-06-01"), BIG, "2026-06-16")
    assert (move.effective_time, move.at_period_end) == (at("2026-06-16"), False)
    assert (move.credit, move.charge, move.amount) == (Decimal("15.00"), Decimal("45.00"), Decimal("30.00"))
    assert (move.next_fee, move.next_fee_time) == (Decimal("90.00"), at("2026-07-01"))
    a_second_later = costs(held(SMALL, "2026-06-01"), BIG, "2026-06-16T08:00:01")
    # 14 d 15 h 59 min 59 s of 30 d: 14.66665 and 43.99997
    assert (a_second_later.credit, a_second_later.charge) == (Decimal("14.67"), Decimal("44.00"))


def test_downgrade_waits_for_the_period_that_is_paid_for() -> None:
    subscription = held(BIG, "2026-06-01")
    move = costs(subscription, SMALL, "2026-06-16")
    assert (move.effective_time, move.at_period_end, move.amount) == (at("2026-07-01"), True, Decimal("0.00"))
    assert (move.next_fee, move.next_fee_time) == (Decimal("30.00"), at("2026-07-01"))
    waiting = s.to_move(subscription, SMALL, at("2026-06-16"))
    assert (waiting.plan_id, waiting.pending_plan_id) == ("big", "small")
    assert s.undone(waiting, at("2026-06-17")).pending_plan_id == ""
    with pytest.raises(NothingPending):
        s.undone(subscription, at("2026-06-17"))
    moved = s.moved(waiting, BIG, SMALL, at("2026-07-01"), ZONE)
    assert (moved.plan_id, moved.period_start_time, moved.period_end_time) == (
        "small", at("2026-07-01"), at("2026-08-01"),
    )  # fmt: skip


def test_a_year_for_less_a_month_is_a_downgrade_and_more_a_year_an_upgrade() -> None:
    assert YEARLY.is_below(BIG) and not BIG.is_below(YEARLY) and not YEARLY.is_below(SMALL)
    assert replace(SMALL, tier=0).is_below(SMALL), "of equal fees the tier decides"


def test_a_year_begins_with_the_month_that_runs_and_keeps_the_day() -> None:
    subscription = held(SMALL, "2026-01-31")
    moved = s.moved(subscription, SMALL, YEARLY, at("2026-06-10"), ZONE)
    assert (moved.period_start_time, moved.period_end_time) == (at("2026-05-31"), at("2027-05-31"))
    short = s.moved(subscription, SMALL, YEARLY, at("2026-03-05"), ZONE)
    assert (short.anchor_time, short.period_end_time) == (at("2026-01-31"), at("2027-01-31")), "28 February has lost it"
    back = s.moved(moved, YEARLY, BIG, at("2027-02-28"), ZONE)
    assert (back.period_start_time, back.period_end_time) == (at("2027-02-28"), at("2027-03-31"))


def test_year_to_month_gives_the_rest_of_the_year_back() -> None:
    move = moves.preview(held(YEARLY, "2026-01-01"), YEARLY, BIG, [], {}, at("2026-07-02"), ZONE)
    # 183 of 365 days of 960, and 30 of 31 days of 90
    assert (move.credit, move.charge, move.amount) == (Decimal("481.32"), Decimal("87.10"), Decimal("-394.22"))


def test_months_follow_one_another_across_short_ones_and_a_leap_day() -> None:
    subscription, ends = held(SMALL, "2027-12-31"), list[str]()
    for _ in range(4):
        ends.append(f"{subscription.period_end_time:%m-%d}")
        subscription = s.settled(subscription, "month", ZONE)
    assert ends == ["01-31", "02-29", "03-31", "04-30"] and subscription.version == 5
    leap = held(YEARLY, "2028-02-29")
    assert leap.period_end_time == at("2029-02-28")


def test_period_ends_at_the_same_time_of_day_after_the_clocks_change() -> None:
    begun = datetime.fromisoformat("2026-03-15T00:00+01:00")
    assert s.start(SMALL, begun, "Europe/Berlin", trial=False).period_end_time == datetime.fromisoformat(
        "2026-04-15T00:00+02:00"
    )


def test_move_of_the_company_to_another_zone_makes_no_period_of_hours() -> None:
    subscription = s.settled(held(SMALL, "2026-06-01"), "month", "Asia/Tokyo")
    assert subscription.period_end_time - subscription.period_start_time > timedelta(days=28)


def test_trial_costs_nothing_and_its_end_begins_the_first_period() -> None:
    trial = s.start(TRIED, at("2026-06-01"), ZONE)
    assert (trial.state, trial.due_time) == (s.TRIAL, at("2026-06-15"))
    begun = s.settled(trial, "month", ZONE)
    assert (begun.state, begun.anchor_time, begun.period_end_time) == (s.ACTIVE, at("2026-06-15"), at("2026-07-15"))
    move = moves.preview(trial, TRIED, BIG, [], {}, at("2026-06-05"), ZONE)
    assert (move.credit, move.charge) == (Decimal("0.00"), Decimal("90.00")), "a plan without a trial ends it"
    stays = moves.preview(trial, TRIED, replace(BIG, trial_days=7), [], {}, at("2026-06-05"), ZONE)
    assert (stays.charge, stays.next_fee_time) == (Decimal("0.00"), at("2026-06-15"))
    smaller = replace(SMALL, plan_id="less", price="1.00")
    assert not moves.preview(trial, TRIED, smaller, [], {}, at("2026-06-05"), ZONE).at_period_end


def test_pause_stops_nothing_but_the_use_and_resuming_goes_on_with_the_trial() -> None:
    paused = s.paused(s.start(TRIED, at("2026-06-01"), ZONE), at("2026-06-03"))
    assert (paused.state, paused.pause_time, paused.in_force) == (s.PAUSED, at("2026-06-03"), False)
    assert s.resumed(paused, at("2026-06-04")).state == s.TRIAL
    over = s.settled(paused, "month", ZONE)
    assert (over.state, over.anchor_time) == (s.PAUSED, at("2026-06-15"))
    assert s.resumed(over, at("2026-06-20")).state == s.ACTIVE


def test_cancelled_with_its_period_and_begun_anew() -> None:
    ending = s.to_cancel(held(SMALL, "2026-06-10"), at("2026-06-12"))
    assert ending.in_force and ending.pending_cancel
    over = s.settled(ending, "month", ZONE)
    assert (over.state, over.cancel_time, over.due_time) == (s.CANCELLED, at("2026-07-10"), None)
    again = s.reactivated(over, TRIED, at("2026-09-05"), ZONE)
    assert (again.state, again.anchor_time, again.start_time) == (s.ACTIVE, at("2026-09-05"), at("2026-06-10"))
    assert again.version > over.version and again.cancel_time is None and again.trial_end_time is None


VERBS: dict[Trigger, Any] = {
    Trigger.CHANGE: lambda each: s.to_move(each, BIG, at("2026-06-02")),
    Trigger.PAUSE: lambda each: s.paused(each, at("2026-06-02")),
    Trigger.RESUME: lambda each: s.resumed(each, at("2026-06-02")),
    Trigger.CANCEL: lambda each: s.cancelled(each, at("2026-06-02")),
    Trigger.REACTIVATE: lambda each: s.reactivated(each, SMALL, at("2026-06-02"), ZONE),
}


@pytest.mark.parametrize(("state", "trigger"), product((s.TRIAL, s.ACTIVE, s.PAUSED, s.CANCELLED), VERBS))
def test_a_verb_fits_where_the_table_says_and_nowhere_else(state: str, trigger: Trigger) -> None:
    subscription = replace(held(SMALL, "2026-06-01"), state=state)
    if (state, trigger) in s.TRANSITIONS:
        assert VERBS[trigger](subscription).version == 2
        return
    with pytest.raises(SubscriptionNotThere) as refused:
        VERBS[trigger](subscription)
    assert refused.value.metadata == {"state": state}


def test_plan_in_another_currency_and_add_ons_that_do_not_go_with_it_are_refused() -> None:
    with pytest.raises(s.PlanCurrencyDiffers):
        costs(held(SMALL, "2026-06-01"), replace(BIG, currency="TRY"), "2026-06-02")
    more = AddOn("more", 1, {}, {}, "EUR", limits=Limits(max_users=5), plan_ids=("small",))
    move = moves.preview(held(SMALL, "2026-06-01"), SMALL, BIG, [(more, 1)], {"users": 60}, at("2026-06-02"), ZONE)
    assert move.add_ons_lost == ["more"] and move.misfits == {"users": (60, 55)}
    with pytest.raises(s.AddOnNotForPlan):
        moves.check_add_ons(BIG, [(more, 1)])


def test_clock_that_goes_back_takes_nothing_back() -> None:
    paused = s.paused(held(SMALL, "2026-06-01"), at("2026-06-05"))
    assert paused.moment(at("2026-06-04")) == at("2026-06-05")


moments = st.integers(0, 400 * 86_400).map(lambda seconds: at("2026-01-01") + timedelta(seconds=seconds))


@given(
    moments, st.sampled_from(list(PLANS.values())), st.sampled_from(list(PLANS.values())), st.integers(0, 86_400 * 370)
)
def test_no_move_gives_back_more_than_was_paid_nor_charges_more_than_a_fee(
    begun: datetime, before: Plan, after: Plan, later: int
) -> None:
    subscription, now = s.start(before, begun, ZONE, trial=False), begun + timedelta(seconds=later)
    while subscription.period_end_time <= now:
        subscription = s.settled(subscription, before.interval, ZONE)
    move = moves.preview(subscription, before, after, [], {}, now, ZONE)
    assert 0 <= move.credit <= before.fee and 0 <= move.charge <= after.fee
    assert move.effective_time >= now and move.next_fee_time >= move.effective_time
    then = s.moved(subscription, before, after, move.effective_time, ZONE)
    assert then.period_start_time <= move.effective_time < then.period_end_time
