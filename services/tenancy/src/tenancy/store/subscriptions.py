"""Subscriptions and the add-ons held, and who has something due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import or_, select

from tenancy.domain.subscriptions import HeldAddOn, Subscription
from tenancy.store import rows
from tenancy.store.plan_tables import held_add_ons, subscriptions

BATCH = 200


async def find(tx: Tx) -> Subscription | None:
    """The tenant's; None for one of before there were any, of which nothing has been changed yet."""
    return await rows.find(tx, subscriptions, Subscription)


async def save(tx: Tx, subscription: Subscription, *, new: bool) -> None:
    """Writes it down."""
    values = {**vars(subscription), "due_time": subscription.due_time}
    if new:
        await rows.add(tx, subscriptions, **values)
    else:
        await rows.change(tx, subscriptions, {}, **values)


async def add_ons_held(tx: Tx, since: datetime) -> list[HeldAddOn]:
    """Those held, and those that ended after `since`, oldest first."""
    table = held_add_ons
    found = await rows.every(tx, table, or_(table.c.end_time.is_(None), table.c.end_time > since))
    return sorted(
        (rows.value_of(HeldAddOn, row) for row in found), key=lambda each: (each.start_time, each.held_add_on_id)
    )


async def hold(tx: Tx, held: HeldAddOn) -> None:
    """Adds one that begins."""
    await rows.add(tx, held_add_ons, **vars(held))


async def end(tx: Tx, held_add_on_id: str, time: datetime) -> None:
    """Ends one."""
    await rows.change(tx, held_add_ons, {"held_add_on_id": held_add_on_id}, end_time=time)


async def find_due(tx: Tx, now: datetime) -> Sequence[str]:
    """Tenants of whose subscriptions something is due. System transaction."""
    due = select(subscriptions.c.tenant_id).where(subscriptions.c.due_time <= now)
    return [row["tenant_id"] for row in await tx.all(due.order_by(subscriptions.c.due_time).limit(BATCH))]
