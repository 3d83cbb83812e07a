"""What the tenant of the transaction holds: its plan version, its add-ons, and what the two allow together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.features import Feature
from kernel.proration import period_containing

from tenancy.domain import plans, subscriptions
from tenancy.domain.people import Tenant, TenantNotFound
from tenancy.domain.plans import AddOn, Catalogue, Plan, PlanNotFound
from tenancy.domain.subscriptions import HeldAddOn, Subscription
from tenancy.store import rows, shelf, tables
from tenancy.store import subscriptions as store


@dataclass(frozen=True)
class Held:
    """What a tenant holds. A subscription of version 0 isn't written down yet."""

    tenant: Tenant
    catalogue: Catalogue
    plan: Plan
    subscription: Subscription
    stints: Sequence[HeldAddOn]
    """Add-ons held, and those that ended within the period."""

    @property
    def add_ons(self) -> list[tuple[AddOn, int]]:
        """Add-ons held now, and how many of each."""
        return [
            (self.catalogue.find_add_on(each.add_on_id, each.version), each.quantity)
            for each in self.stints
            if each.end_time is None
        ]

    @property
    def as_calls_see_it(self) -> Tenant:
        """The tenant, suspended as far as calls go while its subscription is paused or has ended."""
        return self.tenant if self.subscription.in_force else replace(self.tenant, state="SUSPENDED")

    @property
    def entitled(self) -> Plan:
        """The plan with what its add-ons give."""
        return plans.with_add_ons(self.plan, self.add_ons)


catalogue = shelf.catalogue


async def get_tenant(tx: Tx) -> Tenant:
    """The tenant of the transaction. Raises `TenantNotFound`."""
    tenant = await rows.find(tx, tables.tenants, Tenant)
    if tenant is None:
        raise TenantNotFound("There is no such company.")
    return tenant


async def held(tx: Tx) -> Held:
    """What the tenant holds."""
    tenant = await get_tenant(tx)
    on_shelf = await shelf.catalogue(tx)
    known = await store.find(tx)
    plan = await _plan(tx, on_shelf, tenant)
    subscription = known or _of_before(tenant, plan)
    stints = await store.add_ons_held(tx, subscription.period_start_time) if known is not None else []
    waits = subscription.pending_plan_id, subscription.pending_plan_version
    if any(not _has(on_shelf, each) for each in stints) or (waits[0] and not _sells(on_shelf, *waits)):
        on_shelf = await shelf.catalogue(tx, anew=True)
    return Held(tenant, on_shelf, plan, subscription, stints)


async def plan_of(tx: Tx) -> Plan:
    """What the tenant may use: the plan version it holds, with what its add-ons give."""
    return (await held(tx)).entitled


async def plan_version_of(tx: Tx, tenant: Tenant) -> Plan:
    """The plan version a tenant holds, without add-ons. Also in system transactions."""
    return await _plan(tx, await shelf.catalogue(tx), tenant)


async def require_feature(tx: Tx, feature: Feature) -> None:
    """Raises `FeatureNotInPlan` unless the plan held has it, or an add-on."""
    found = await held(tx)
    found.catalogue.features_of(found.entitled).require(feature)


async def check_in_force(tx: Tx) -> None:
    """Raises `SubscriptionPaused` for one that is paused or has ended."""
    subscriptions.check_in_force((await held(tx)).subscription)


async def in_use(tx: Tx) -> dict[str, int]:
    """What is in use of the limits that count what is there, by short name."""
    return {
        "users": await rows.count(tx, tables.users, tables.users.c.state == "ACTIVE"),
        "numbers": await rows.count(tx, tables.numbers),
        "brands": await rows.count(tx, tables.brands),
    }


def at(subscription: Subscription, plan: Plan, zone: str, now: datetime) -> Subscription:
    """The subscription with the period that runs; one of before there were any begins with the period of now."""
    if subscription.version:
        return subscription
    begun, ends = period_containing(subscription.anchor_time, plan.interval, now, zone)
    return replace(subscription, period_start_time=begun, period_end_time=ends)


async def _plan(tx: Tx, catalogue: Catalogue, tenant: Tenant) -> Plan:
    try:
        return catalogue.find(tenant.plan_id, tenant.plan_version, tenant.tenant_id)
    except PlanNotFound:  # published a moment ago by another process
        return (await shelf.catalogue(tx, anew=True)).find(tenant.plan_id, tenant.plan_version, tenant.tenant_id)


def _of_before(tenant: Tenant, plan: Plan) -> Subscription:
    return replace(subscriptions.start(plan, tenant.create_time, tenant.time_zone, trial=False), version=0)


def _has(catalogue: Catalogue, stint: HeldAddOn) -> bool:
    return any((each.add_on_id, each.version) == (stint.add_on_id, stint.version) for each in catalogue.add_ons)


def _sells(catalogue: Catalogue, plan_id: str, version: int) -> bool:
    return any((each.plan_id, each.version) == (plan_id, version) for each in catalogue.plans)
