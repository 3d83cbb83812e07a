"""Queries on plans held and on how subscriptions stood; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from chassis.sqlerrors import TryAgain
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from billing.domain.plans import Model, PlanHeld, Rate, Tier, Timing
from billing.domain.subscriptions import HeldAddOn, State, SubscriptionVersion
from billing.store.charge_tables import subscription_versions
from billing.store.tables import plans_held

_DECIMALS = ("price", "included", "package_size", "percent", "record_fee", "record_minimum", "record_maximum",
             "minimum", "maximum")  # fmt: skip
_PLAIN = ("free_records", "rate_id", "meter", "rate_deck_id", "included_per", "flat_at_zero")


async def save_plan(tx: Tx, plan: PlanHeld) -> None:
    """Keeps a plan version held from a moment on; the same choice again changes nothing."""
    row = {
        "tenant_id": tx.tenant_id, "effective_time": plan.effective_time, "fact_time": plan.fact_time,
        "plan_id": plan.plan_id, "plan_version": plan.version, "currency": plan.currency,
        "rates": {key: rate_out(rate) for key, rate in plan.rates.items()}, "time_zone": plan.time_zone,
        "fee": plan.fee, "interval": plan.interval, "minimum": plan.minimum, "record_time": plan.record_time,
        "subscription_version": plan.subscription_version,
    }  # fmt: skip
    await tx.execute(insert(plans_held).values(**row).on_conflict_do_nothing())


async def list_plans(tx: Tx, cutoff: datetime | None = None) -> list[PlanHeld]:
    """Every plan version the tenant ever chose, of those heard of until `cutoff`, oldest first."""
    statement = select(plans_held).where(plans_held.c.tenant_id == tx.tenant_id)
    if cutoff is not None:
        statement = statement.where(plans_held.c.record_time <= cutoff)
    return [_plan(row) for row in await tx.all(statement.order_by(plans_held.c.effective_time))]


async def subscription_version(tx: Tx, version: int) -> SubscriptionVersion | None:
    """How the subscription stood at a version; None when it wasn't heard of."""
    row = await tx.one_or_none(
        select(subscription_versions).where(
            subscription_versions.c.tenant_id == tx.tenant_id, subscription_versions.c.version == version
        )
    )
    return _version(row) if row else None


async def insert_subscription(tx: Tx, value: SubscriptionVersion) -> None:
    """Keeps a version of the subscription."""
    row = {
        "tenant_id": tx.tenant_id, "version": value.version, "change_time": value.change_time,
        "state": value.state.value, "anchor_time": value.anchor_time, "trial_end_time": value.trial_end_time,
        "stop_time": value.stop_time, "add_ons": [_add_on_out(each) for each in value.add_ons],
        "record_time": value.record_time, "ends_time": value.ends_time,
    }  # fmt: skip
    if not (await tx.execute(insert(subscription_versions).values(**row).on_conflict_do_nothing())).rowcount:
        raise TryAgain  # a twin was faster: run again and find what it wrote


async def list_subscription(tx: Tx, cutoff: datetime | None = None) -> list[SubscriptionVersion]:
    """Every version of the subscription that was heard of until `cutoff`."""
    statement = select(subscription_versions).where(subscription_versions.c.tenant_id == tx.tenant_id)
    if cutoff is not None:
        statement = statement.where(subscription_versions.c.record_time <= cutoff)
    return [_version(row) for row in await tx.all(statement.order_by(subscription_versions.c.version))]


def rate_out(rate: Rate) -> dict[str, Any]:
    """A rate as JSON, every number exact as text; what is as usual is left out."""
    plain, made = Rate(Decimal(0)), dict[str, Any]()
    for name in _DECIMALS:
        value = getattr(rate, name)
        if value is not None and (value != getattr(plain, name) or name == "price"):
            made[name] = str(value)
    made |= {name: getattr(rate, name) for name in _PLAIN if getattr(rate, name) != getattr(plain, name)}
    made |= {"first": rate.first_increment, "next": rate.next_increment}
    if rate.model != Model.STANDARD:
        made["model"] = rate.model.value
    if rate.timing != Timing.ARREARS:
        made["timing"] = rate.timing.value
    if rate.properties:
        made["properties"] = dict(rate.properties)
    if rate.tiers:
        made["tiers"] = [
            {name: str(value) for name in _TIER if (value := getattr(tier, name)) is not None} for tier in rate.tiers
        ]
    return made


_TIER = ("up_to", "unit_price", "flat_fee", "percent", "package_size")


def rate_in(kept: Mapping[str, Any]) -> Rate:
    """A rate from its JSON."""
    values: dict[str, Any] = {name: Decimal(kept[name]) for name in _DECIMALS if kept.get(name) is not None}
    values |= {name: kept[name] for name in _PLAIN if name in kept}
    tiers: list[Tier] = []
    for tier in kept.get("tiers", ()):
        numbers = {name: Decimal(value) for name, value in tier.items()}
        tiers.append(Tier(numbers.pop("up_to", None), **numbers))
    return Rate(
        **values, first_increment=kept.get("first", 0), next_increment=kept.get("next", 0), tiers=tuple(tiers),
        model=Model(kept.get("model", Model.STANDARD)), timing=Timing(kept.get("timing", Timing.ARREARS)),
        properties=kept.get("properties", {}),
    )  # fmt: skip


def _plan(row: Mapping[Any, Any]) -> PlanHeld:
    return PlanHeld(
        row["plan_id"], row["plan_version"], row["currency"],
        {key: rate_in(rate) for key, rate in row["rates"].items()}, row["effective_time"], row["time_zone"],
        row["fact_time"], row["fee"], row["interval"], row["minimum"], row["record_time"],
        row["subscription_version"],
    )  # fmt: skip


def _add_on_out(held: HeldAddOn) -> dict[str, Any]:
    return {
        "id": held.add_on_id, "version": held.version, "quantity": held.quantity, "currency": held.currency,
        "price": str(held.price), "interval": held.interval, "start": held.start_time.isoformat(),
        "end": held.end_time.isoformat() if held.end_time else None,
    }  # fmt: skip


def _version(row: Mapping[Any, Any]) -> SubscriptionVersion:
    held = [
        HeldAddOn(
            each["id"], each["version"], each["quantity"], datetime.fromisoformat(each["start"]),
            datetime.fromisoformat(each["end"]) if each["end"] else None, each["currency"], Decimal(each["price"]),
            each["interval"],
        )
        for each in row["add_ons"]
    ]  # fmt: skip
    return SubscriptionVersion(
        row["version"], row["change_time"], State(row["state"]), row["anchor_time"], row["trial_end_time"],
        row["stop_time"], tuple(held), row["record_time"], row["ends_time"],
    )  # fmt: skip
