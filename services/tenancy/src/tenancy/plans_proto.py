"""Between the contract's messages and the domain's values: plans, add-ons, subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.instants import time_out
from kernel.features import Feature
from kernel.proration import MONTH, YEAR
from merkez.tenancy.v1 import plan_pb2, subscription_pb2, subscription_service_pb2, tenancy_events_pb2, tenant_pb2
from merkez.type.v1 import money_pb2

from tenancy.domain.fields import LANGUAGES
from tenancy.domain.moves import Move
from tenancy.domain.plan_rules import Fault
from tenancy.domain.plans import DRAFT, LIMITS, AddOn, Limits, Plan, Rate, Tier
from tenancy.domain.subscriptions import HeldAddOn, Subscription

_MODELS = {name.removeprefix("RATE_MODEL_"): number for name, number in plan_pb2.RateModel.items()}
_TIMINGS = {name.removeprefix("RATE_TIMING_"): number for name, number in plan_pb2.RateTiming.items()}
_INTERVALS = {MONTH: plan_pb2.BILLING_INTERVAL_MONTH, YEAR: plan_pb2.BILLING_INTERVAL_YEAR}
_RATE_MONEY = ("price", "record_fee", "record_minimum", "record_maximum", "minimum", "maximum")
_RATE_PLAIN = (
    "meter", "unit", "included_units", "first_increment_seconds", "next_increment_seconds", "package_size", "percent",
    "free_records", "rate_deck_id", "included_per_meter", "flat_fee_at_zero",
)  # fmt: skip
_TIER_MONEY = ("unit_price", "flat_fee")


def plan_out(plan: Plan, *, as_written: bool = False) -> plan_pb2.Plan:
    """A plan as the contract shows it; names fall back to another language unless it is shown as it was written."""
    return plan_pb2.Plan(
        plan_id=plan.plan_id,
        version=plan.version,
        tier=plan.tier,
        names=plan.names if as_written else in_all_languages(plan.names),
        summaries=plan.summaries if as_written else in_all_languages(plan.summaries),
        limits=limits_out(plan.limits),
        rates=[_rate_out(rate, plan.currency) for rate in plan.rates],
        features=plan.features,
        effective_time=None if plan.state == DRAFT else time_out(plan.effective_time),
        currency=plan.currency,
        price=_money(plan.price, plan.currency),
        interval=_INTERVALS[plan.interval],
        trial_days=plan.trial_days,
        soft_limits=plan.soft_limits,
        tenant_id=plan.tenant_id,
        minimum=_money(plan.minimum, plan.currency),
        state=plan_pb2.PlanState.Value(f"PLAN_STATE_{plan.state}"),
    )


def add_on_out(add_on: AddOn, *, as_written: bool = False) -> plan_pb2.AddOn:
    """An add-on as the contract shows it."""
    return plan_pb2.AddOn(
        add_on_id=add_on.add_on_id,
        version=add_on.version,
        names=add_on.names if as_written else in_all_languages(add_on.names),
        summaries=add_on.summaries if as_written else in_all_languages(add_on.summaries),
        currency=add_on.currency,
        price=_money(add_on.price, add_on.currency),
        interval=_INTERVALS[add_on.interval],
        limits=limits_out(add_on.limits),
        features=add_on.features,
        plan_ids=add_on.plan_ids,
        state=plan_pb2.PlanState.Value(f"PLAN_STATE_{add_on.state}"),
        effective_time=None if add_on.state == DRAFT else time_out(add_on.effective_time),
    )


def in_all_languages(said: Mapping[str, str]) -> dict[str, str]:
    """A text in every language: where it is missing the English one, or else the first there is."""
    written = {language: text for language, text in said.items() if text.strip()}
    if not written:
        return {}
    fallback = written.get("en") or next(iter(written.values()))
    return {language: written.get(language, fallback) for language in LANGUAGES}


def limits_out(limits: Limits) -> plan_pb2.Limits:
    """Limits as the contract shows them."""
    return plan_pb2.Limits(**vars(limits))


def entitlements_out(plan: Plan) -> tenant_pb2.Entitlements:
    """What a tenant may use whose plan, with its add-ons, is this."""
    return tenant_pb2.Entitlements(
        limits=limits_out(plan.limits), features=plan.features, plan_id=plan.plan_id, plan_version=plan.version,
        soft_limits=plan.soft_limits,
    )  # fmt: skip


class Reading:
    """A plan or add-on being read: what can't be expressed in the domain is a fault of its field."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.faults: list[Fault] = []

    def plan(self, message: plan_pb2.Plan, plan_id: str, version: int = 0) -> Plan:
        """The plan somebody wrote."""
        return Plan(
            plan_id=plan_id,
            version=version,
            tier=message.tier,
            names=self._texts(message.names),
            summaries=self._texts(message.summaries),
            currency=message.currency,
            limits=_limits_in(message.limits),
            rates=tuple(self._rate(rate, f"plan.rates[{index}]") for index, rate in enumerate(message.rates)),
            features=_features(message.features),
            price=self._amount(message, "price", "plan"),
            interval=self._interval(message.interval, "plan.interval"),
            trial_days=message.trial_days,
            soft_limits=tuple(message.soft_limits),
            tenant_id=message.tenant_id,
            minimum=self._amount(message, "minimum", "plan"),
            state=DRAFT,
        )

    def add_on(self, message: plan_pb2.AddOn, add_on_id: str, version: int = 0) -> AddOn:
        """The add-on somebody wrote."""
        return AddOn(
            add_on_id=add_on_id,
            version=version,
            names=self._texts(message.names),
            summaries=self._texts(message.summaries),
            currency=message.currency,
            price=self._amount(message, "price", "add_on"),
            interval=self._interval(message.interval, "add_on.interval"),
            limits=_limits_in(message.limits),
            features=_features(message.features),
            plan_ids=tuple(message.plan_ids),
            state=DRAFT,
        )

    def _rate(self, message: plan_pb2.Rate, at: str) -> Rate:
        model = _name(_MODELS, message.model, "STANDARD")
        timing = _name(_TIMINGS, message.timing, "ARREARS")
        if not timing:
            self.faults.append(Fault(f"{at}.timing", "UNKNOWN"))
        plain: dict[str, Any] = {name: getattr(message, name) for name in _RATE_PLAIN}
        amounts: dict[str, Any] = {name: self._amount(message, name, at) for name in _RATE_MONEY}
        return Rate(
            **plain,
            **amounts,
            model=model,
            timing=timing or "ARREARS",
            tiers=tuple(self._tier(tier, f"{at}.tiers[{index}]") for index, tier in enumerate(message.tiers)),
            properties=dict(message.properties),
        )

    def _tier(self, message: plan_pb2.RateTier, at: str) -> Tier:
        amounts = {name: self._amount(message, name, at) for name in _TIER_MONEY}
        return Tier(up_to=message.up_to, percent=message.percent, package_size=message.package_size, **amounts)

    def _amount(
        self, message: plan_pb2.Plan | plan_pb2.AddOn | plan_pb2.Rate | plan_pb2.RateTier, name: str, at: str
    ) -> str:
        if not message.HasField(name):  # type: ignore[arg-type]
            return ""
        money: money_pb2.Money = getattr(message, name)
        if money.currency not in ("", self.currency):
            self.faults.append(Fault(f"{at}.{name}", "OTHER_CURRENCY"))
        return money.amount.strip()

    def _interval(self, value: int, at: str) -> str:
        found = {int(number): name for name, number in _INTERVALS.items()} | {0: MONTH}
        if value not in found:
            self.faults.append(Fault(at, "UNKNOWN"))
        return found.get(value, MONTH)

    def _texts(self, said: Mapping[str, str]) -> dict[str, str]:
        return {language: text.strip() for language, text in said.items() if text.strip()}


def subscription_out(subscription: Subscription, stints: Sequence[HeldAddOn]) -> subscription_pb2.Subscription:
    """A subscription as the contract shows it."""
    waits = subscription.pending_plan_id or subscription.pending_cancel
    pending = subscription_pb2.PendingChange(
        plan_id=subscription.pending_plan_id,
        plan_version=subscription.pending_plan_version,
        effective_time=time_out(subscription.period_end_time),
    )
    return subscription_pb2.Subscription(
        plan_id=subscription.plan_id,
        plan_version=subscription.plan_version,
        state=subscription_pb2.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{subscription.state}"),
        start_time=time_out(subscription.start_time),
        trial_end_time=time_out(subscription.trial_end_time),
        period_start_time=time_out(subscription.period_start_time),
        period_end_time=time_out(subscription.period_end_time),
        pending_change=pending if waits else None,
        add_ons=[_held_out(each) for each in stints],
        pause_time=time_out(subscription.pause_time),
        cancel_time=time_out(subscription.cancel_time),
        version=subscription.version,
        anchor_time=time_out(subscription.anchor_time),
    )


def move_out(move: Move) -> subscription_service_pb2.PreviewPlanChangeResponse:
    """What a move would mean, as the contract shows it."""
    currency = move.plan.currency

    def money(amount: object) -> money_pb2.Money:
        return money_pb2.Money(currency=currency, amount=str(amount))

    return subscription_service_pb2.PreviewPlanChangeResponse(
        plan=plan_out(move.plan),
        effective_time=time_out(move.effective_time),
        at_period_end=move.at_period_end,
        credit=money(move.credit),
        charge=money(move.charge),
        amount=money(move.amount),
        next_fee=money(move.next_fee),
        next_fee_time=time_out(move.next_fee_time),
        limit_changes=[
            subscription_service_pb2.LimitChange(limit=each.limit, before=each.before, after=each.after)
            for each in move.limit_changes
        ],
        features_gained=move.features_gained,
        features_lost=move.features_lost,
        misfits=[
            subscription_service_pb2.Misfit(limit=f"max_{name}", used=used, allowed=allowed)
            for name, (used, allowed) in move.misfits.items()
        ],
        add_ons_lost=move.add_ons_lost,
    )


def plan_subscribed(
    plan: Plan, effective: datetime, time_zone: str, lowest_plan_ids: Mapping[str, str], version: int
) -> tenancy_events_pb2.PlanSubscribed:
    """The fact that a plan version is held from a moment on, by this version of the subscription; with what add-ons
    give beside it."""
    return tenancy_events_pb2.PlanSubscribed(
        plan=plan_out(plan),
        effective_time=time_out(effective),
        time_zone=time_zone,
        lowest_plan_ids=lowest_plan_ids,
        subscription_version=version,
    )


def subscription_changed(
    subscription: Subscription, stints: Sequence[HeldAddOn], plan: Plan, add_ons: Sequence[AddOn]
) -> tenancy_events_pb2.SubscriptionChanged:
    """The fact that where a subscription stands has changed."""
    return tenancy_events_pb2.SubscriptionChanged(
        subscription=subscription_out(subscription, stints),
        plan=plan_out(plan),
        add_ons=[add_on_out(each) for each in add_ons],
        change_time=time_out(subscription.change_time),
    )


def _rate_out(rate: Rate, currency: str) -> plan_pb2.Rate:
    tiers = [
        plan_pb2.RateTier(
            up_to=tier.up_to,
            unit_price=_money(tier.unit_price, currency),
            flat_fee=_money(tier.flat_fee, currency),
            percent=tier.percent,
            package_size=tier.package_size,
        )
        for tier in rate.tiers
    ]
    plain: dict[str, Any] = {name: getattr(rate, name) for name in _RATE_PLAIN}
    amounts: dict[str, Any] = {name: _money(getattr(rate, name), currency) for name in _RATE_MONEY}
    return plan_pb2.Rate(
        **plain,
        **amounts,
        model=plan_pb2.RateModel.Value(f"RATE_MODEL_{rate.model}"),
        timing=plan_pb2.RateTiming.Value(f"RATE_TIMING_{rate.timing}"),
        tiers=tiers,
        properties=rate.properties,
        rate_id=rate.rate_id,
    )


def _money(amount: str, currency: str) -> money_pb2.Money | None:
    return money_pb2.Money(currency=currency, amount=amount) if amount else None


def _held_out(held: HeldAddOn) -> subscription_pb2.HeldAddOn:
    return subscription_pb2.HeldAddOn(
        add_on_id=held.add_on_id,
        version=held.version,
        quantity=held.quantity,
        start_time=time_out(held.start_time),
        end_time=time_out(held.end_time),
    )


def _limits_in(message: plan_pb2.Limits) -> Limits:
    return Limits(**{name: getattr(message, name) for name in LIMITS})


def _features(said: Sequence[str]) -> tuple[Feature, ...]:
    known = {str(each): each for each in Feature}
    # What isn't known stays as it is, and is found by the rules.
    return tuple(known.get(each, each) for each in said)  # type: ignore[misc]


def _name(names: Mapping[str, int], value: int, unspecified: str) -> str:
    found = {int(number): name for name, number in names.items() if name != "UNSPECIFIED"} | {0: unspecified}
    return found.get(value, "")
