"""The verbs on a company's subscription. Each lets first happen what has fallen due, then does its own.

`find_due` looks across tenants and runs in a system transaction; all else runs as the tenant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import plans_proto
from tenancy.domain import fields, moves, people, plans, subscriptions
from tenancy.domain.limits import passed_by_a_move
from tenancy.domain.moves import Move
from tenancy.domain.people import Tenant
from tenancy.domain.plans import AddOn, Catalogue, Plan
from tenancy.domain.subscriptions import AddOnNotForPlan, HeldAddOn, Subscription
from tenancy.ops import held as holding
from tenancy.ops.held import Held
from tenancy.ops.limits import passed
from tenancy.ops.notices import raise_notice
from tenancy.store import rows, shelf, tables
from tenancy.store import subscriptions as store

NOT_FITTING = "PLAN_CHANGE_DROPPED"
"""A downgrade that was asked for and didn't fit when its time came."""
_MOST_STEPS = 1200
"""As many months as a subscription may have slept for: a hundred years of them mean a broken clock."""

find_due = store.find_due


async def begin(tx: Tx, tenant: Tenant, plan: Plan, now: datetime) -> None:
    """The subscription of a tenant that has just been made, with the plan's trial."""
    subscription = subscriptions.start(plan, now, tenant.time_zone)
    await store.save(tx, subscription, new=True)
    begun = Held(tenant, await shelf.catalogue(tx), plan, subscription, [])
    _tell(tx, begun, plan_is_news=True)


async def read(tx: Tx, now: datetime) -> Held:
    """What the tenant holds, as it is written down."""
    found = await holding.held(tx)
    return replace(found, subscription=holding.at(found.subscription, found.plan, found.tenant.time_zone, now))


async def offers(tx: Tx) -> tuple[list[Plan], list[AddOn]]:
    """Plans the tenant may subscribe to and add-ons that go with what it holds."""
    found = await holding.held(tx)
    on_sale = found.catalogue.on_sale(tx.tenant_id)
    return on_sale, [each for each in found.catalogue.add_ons_on_sale() if each.goes_with(found.plan)]


async def preview(tx: Tx, plan_id: str, now: datetime) -> Move:
    """What moving to a plan would mean now. Raises `PlanNotFound`, `PlanCurrencyDiffers`, `SubscriptionNotThere`."""
    found = await read(tx, now)
    subscriptions.transition(found.subscription, subscriptions.Trigger.CHANGE)
    plan = found.catalogue.find(plan_id, tenant_id=tx.tenant_id)
    used = await holding.in_use(tx)
    zone = found.tenant.time_zone
    return moves.preview(found.subscription, found.plan, plan, found.add_ons, used, now, zone)


async def move(tx: Tx, plan_id: str, version: int, now: datetime) -> Held:
    """Moves to a plan's version on sale: now, or when the period ends if it is a downgrade. Nothing changes when it is
    held already, but that what waits is taken back.

    What is in use must fit the plan's limits. A feature the plan lacks never stands in the way, and no call changes
    its course by it: what somebody asks for with it stops, what was set up with it stays.

    - recording: calls that begin from then on aren't recorded; recordings stay as long as they were promised.
    - api: keys are refused, not revoked: they work again once a plan has the feature.
    - skills: queues and agents keep theirs and route by them; some can be taken away, none added.
    - oidc: who has a password needs it; who joined at the provider and has none goes on signing in there.
    - audit: entries are written as before, and can be read again once a plan has the feature.

    Raises `PlanNotFound`, `PlanCurrencyDiffers`, `AddOnNotForPlan`, `PlanLimitsExceeded`, `SubscriptionNotThere`.
    """
    found = await _settled(tx, version, now)
    plan = found.catalogue.find(plan_id, tenant_id=tx.tenant_id)
    current, time = found.subscription, found.subscription.moment(now)
    subscriptions.transition(current, subscriptions.Trigger.CHANGE)
    if (found.plan.plan_id, found.plan.version) == (plan.plan_id, plan.version):
        waits = current.pending_plan_id or current.pending_cancel
        return await _save(tx, found, subscriptions.undone(current, time)) if waits else found
    moves.check_currency(found.plan, plan)
    await _check_fits(tx, found, plan)
    if moves.waits(current, found.plan, plan, time):
        return await _save(tx, found, subscriptions.to_move(current, plan, time))
    changed = subscriptions.moved(current, found.plan, plan, time, found.tenant.time_zone)
    return await _save(tx, found, changed, plan)


async def undo(tx: Tx, version: int, now: datetime) -> Held:
    """Takes back what waits for the period's end. Raises `NothingPending`."""
    return await _change(tx, version, now, subscriptions.undone)


async def pause(tx: Tx, version: int, now: datetime) -> Held:
    """Pauses. Raises `SubscriptionNotThere`."""
    return await _change(tx, version, now, subscriptions.paused)


async def resume(tx: Tx, version: int, now: datetime) -> Held:
    """Resumes. Raises `SubscriptionNotThere`."""
    return await _change(tx, version, now, subscriptions.resumed)


async def cancel(tx: Tx, at_once: bool, version: int, now: datetime) -> Held:
    """Ends with the period, or now. Raises `SubscriptionNotThere`."""

    def end(subscription: Subscription, time: datetime) -> Subscription:
        now_it_is = at_once or subscription.state == subscriptions.PAUSED
        return (subscriptions.cancelled if now_it_is else subscriptions.to_cancel)(subscription, time)

    return await _change(tx, version, now, end)


async def reactivate(tx: Tx, plan_id: str, version: int, now: datetime) -> Held:
    """Begins anew after an end. Raises `PlanNotFound`, `PlanLimitsExceeded`, `SubscriptionNotThere`."""
    found = await _settled(tx, version, now)
    subscriptions.transition(found.subscription, subscriptions.Trigger.REACTIVATE)
    plan = found.catalogue.find(plan_id or found.plan.plan_id, tenant_id=tx.tenant_id)
    await _check_fits(tx, found, plan)
    time = found.subscription.moment(now)
    changed = subscriptions.reactivated(found.subscription, plan, time, found.tenant.time_zone)
    return await _save(tx, found, changed, plan, begins=True)


async def set_add_on(tx: Tx, add_on_id: str, quantity: int, version: int, now: datetime) -> Held:
    """Holds so many of an add-on from now on; fewer than now also while it is paused or has ended. Raises
    `AddOnNotFound`, `AddOnNotForPlan`, `PlanLimitsExceeded`, `SubscriptionNotThere`."""
    if not 0 <= quantity <= subscriptions.MOST_OF_AN_ADD_ON:
        raise fields.FieldInvalid.of("quantity", f"must be 0 to {subscriptions.MOST_OF_AN_ADD_ON}")
    found = await _settled(tx, version, now)
    time = found.subscription.moment(now)
    current = next((each for each in found.stints if each.add_on_id == add_on_id and each.end_time is None), None)
    fewer = current is not None and quantity < current.quantity
    changed = subscriptions.touched(found.subscription, time, fewer=fewer)
    if quantity == (current.quantity if current else 0):
        if current is None:
            found.catalogue.find_add_on(add_on_id)
        return found
    # More of what is held is more of the same version: a newer one is had by giving up the old.
    add_on = found.catalogue.find_add_on(add_on_id, current.version if current else 0)
    if quantity and not add_on.goes_with(found.plan):
        raise AddOnNotForPlan(
            f"{add_on_id} can't be held with the plan {found.plan.plan_id}.",
            metadata={"add_on_ids": add_on_id, "plan_id": found.plan.plan_id},
        )
    others = [(each, count) for each, count in found.add_ons if each.add_on_id != add_on_id]
    then = plans.with_add_ons(found.plan, [*others, *([(add_on, quantity)] if quantity else [])])
    if current is None or fewer:
        plans.check_fit(then.limits, await holding.in_use(tx), then.soft_limits)
    if current is not None:
        await store.end(tx, current.held_add_on_id, time)
    if quantity:
        await store.hold(tx, HeldAddOn(new_id("hao", now), add_on_id, add_on.version, quantity, time))
    return await _save(tx, found, changed)


async def settle(tx: Tx, now: datetime) -> Held:
    """Lets happen what has fallen due until `now`, each at its own time, however late it is."""
    found = await read(tx, now)
    for _ in range(_MOST_STEPS):
        due = found.subscription.due_time
        if found.subscription.version == 0 or due is None or due > now:
            return found
        found = await _fall_due(tx, found, now)
    return found


async def _change(tx: Tx, version: int, now: datetime, verb: Callable[[Subscription, datetime], Subscription]) -> Held:
    found = await _settled(tx, version, now)
    return await _save(tx, found, verb(found.subscription, found.subscription.moment(now)))


async def _settled(tx: Tx, version: int, now: datetime) -> Held:
    found = await settle(tx, now)
    people.check_version(version, found.subscription.version, "subscription")
    return found


async def _fall_due(tx: Tx, found: Held, now: datetime) -> Held:
    current, zone = found.subscription, found.tenant.time_zone
    if current.pending_plan_id and not current.pending_cancel:
        plan = found.catalogue.find(current.pending_plan_id, current.pending_plan_version, tx.tenant_id)
        try:
            await _check_fits(tx, found, plan)
        except (plans.PlanLimitsExceeded, AddOnNotForPlan) as error:
            said = {"plan_id": plan.plan_id, "limits": error.metadata.get("limits", "")}
            await raise_notice(tx, NOT_FITTING, plan.plan_id, said, now)
        else:
            ends = current.period_end_time
            return await _save(tx, found, subscriptions.moved(current, found.plan, plan, ends, zone), plan)
    return await _save(tx, found, subscriptions.settled(current, found.plan.interval, zone))


async def _check_fits(tx: Tx, found: Held, plan: Plan) -> None:
    moves.check_add_ons(plan, found.add_ons)
    limits = plans.with_add_ons(plan, found.add_ons).limits
    plans.check_fit(limits, await holding.in_use(tx), plan.soft_limits)


async def _save(tx: Tx, found: Held, changed: Subscription, plan: Plan | None = None, *, begins: bool = False) -> Held:
    """Writes the subscription down, with another plan if one begins to be held, and tells of it."""
    tenant = found.tenant
    other = plan is not None and (plan.plan_id, plan.version) != (found.plan.plan_id, found.plan.version)
    if plan is not None and other:
        tenant = replace(tenant, plan_id=plan.plan_id, plan_version=plan.version, version=tenant.version + 1)
        news = {"plan_id": plan.plan_id, "plan_version": plan.version, "version": tenant.version}
        await rows.change(tx, tables.tenants, {}, **news)
    await store.save(tx, changed, new=found.subscription.version == 0)
    stints = await store.add_ons_held(tx, changed.period_start_time)
    then = replace(found, tenant=tenant, plan=plan or found.plan, subscription=changed, stints=stints)
    # What add-ons give is heard with the plan: it is said again as of when the plan began to be held.
    for passing in passed_by_a_move(found.entitled, then.entitled, await holding.in_use(tx)):
        await passed(tx, passing, changed.change_time)
    gives = found.entitled.limits != then.entitled.limits or found.entitled.features != then.entitled.features
    _tell(tx, then, plan_is_news=other or begins or gives)
    return then


def _tell(tx: Tx, found: Held, *, plan_is_news: bool) -> None:
    tenant, catalogue = found.tenant, found.catalogue
    if plan_is_news:
        held, lowest = found.subscription, catalogue.lowest_plan_ids()
        fact = plans_proto.plan_subscribed(found.entitled, held.plan_time, tenant.time_zone, lowest, held.version)
        tx.emit(fact, key=tenant.tenant_id)
    told = _add_ons_named(catalogue, found)
    tx.emit(plans_proto.subscription_changed(found.subscription, found.stints, found.plan, told), key=tenant.tenant_id)


def _add_ons_named(catalogue: Catalogue, found: Held) -> list[AddOn]:
    named = {(each.add_on_id, each.version) for each in found.stints}
    return [catalogue.find_add_on(*each) for each in sorted(named)]
