"""What was used and what the invoice of it would say: the verbs, each within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput
from kernel.ids import new_id

from billing import convert
from billing.domain import invoices, plans
from billing.domain.levels import Change, spans
from billing.domain.usage import EndedCall, UsageConflict, UsageRecord, rated
from billing.store import usage as store


class NothingSubscribed(FailedPrecondition):
    """The tenant holds no plan yet, so there is nothing to invoice."""

    reason = "NOTHING_SUBSCRIBED"


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty."""

    reason = "RANGE_INVALID"


async def subscribe(tx: Tx, plan: plans.PlanHeld) -> None:
    """Takes a plan version held from a moment on, and rates anew what was used under it: usage may have come first."""
    await store.save_plan(tx, plan)
    held = plans.in_force(await store.list_plans(tx))
    place = next(index for index, each in enumerate(held) if each.effective_time == plan.effective_time)
    since = plan.effective_time if place else None
    until = held[place + 1].effective_time if place + 1 < len(held) else None
    for record in await store.usage_between(tx, since, until):
        again = rated(record, held[place])
        if again != record:
            await store.save_rating(tx, again)
            tx.emit(convert.usage_rated(again), key=again.source_id)


async def rate_ended_call(tx: Tx, call: EndedCall, now: datetime) -> None:
    """Records a call once, and rates it as soon as its plan is known.

    Raises `UsageConflict` for another body under its identity.
    """
    record = UsageRecord(
        new_id("usg", now), call.meter, "telephony", call.call_id, call.start_time, call.used_seconds, call.brand_id
    )
    known = await store.known_fingerprint(tx, record)
    if known is not None:
        if known != record.fingerprint:
            raise UsageConflict(f"Usage of {record.source} {record.source_id} is recorded with another body.")
        return
    plan = plans.plan_at(await store.list_plans(tx), call.start_time)
    if plan is not None:
        record = rated(record, plan)
        tx.emit(convert.usage_rated(record), key=record.source_id)
    await store.insert_usage(tx, record)


async def change_level(tx: Tx, change: Change) -> None:
    """Takes a change of something that lasts, once. Raises `UsageConflict` for another body at its place."""
    known = await store.change(tx, change.meter, change.item_id, change.position)
    if known is None:
        await store.insert_change(tx, change)
    elif known.quantity != change.quantity:
        raise UsageConflict(f"Change {change.position} of {change.meter} {change.item_id} has another body.")


async def move_to_zone(tx: Tx, time_zone: str, tenant_version: int) -> None:
    """Lets the tenant's periods follow another zone, unless a newer one is known."""
    await store.save_zone(tx, time_zone, tenant_version)


async def list_usage(tx: Tx, meter: str, source_id: str, size: int, token: str) -> tuple[list[UsageRecord], bool]:
    """A page of usage records, newest first, and whether there is more."""
    return await store.list_usage(tx, meter, source_id, size, token)


async def current_period(tx: Tx, time: datetime) -> tuple[datetime, datetime]:
    """The billing period `time` lies in: a month of the zone the tenant has now. Raises `RangeInvalid`."""
    zone = await store.zone(tx)
    if not zone:
        plan = plans.plan_at(await store.list_plans(tx), time)
        zone = plan.time_zone if plan else "UTC"
    try:
        return invoices.period_of(time, zone)
    except OverflowError as error:
        raise RangeInvalid.of("time", "is too near the years 1 or 9999") from error


async def preview_invoice(tx: Tx, time: datetime) -> invoices.Invoice:
    """The invoice of the period `time` lies in. Raises `NothingSubscribed`."""
    held = await store.list_plans(tx)
    if not held:
        raise NothingSubscribed("The company's plan has not reached billing yet: try again in a moment.")
    start, end = await current_period(tx, time)
    parts = []
    for plan, since, until in plans.segments(held, start, end):
        sums = await store.sum_usage(tx, since, until)
        parts.append(invoices.Part(plan, since, until, {each.meter: each.billed_seconds for each in sums}))
    return invoices.preview(parts, spans(await store.changes_until(tx, start, end)), start, end)


async def summarize(tx: Tx, start: datetime | None, end: datetime | None, now: datetime) -> Sequence[store.MeterSum]:
    """Usage by meter in [start, end), the current period's where unset. Raises `RangeInvalid`."""
    period = await current_period(tx, start or now)
    start, end = start or period[0], end or period[1]
    if start >= end:
        raise RangeInvalid.of("end_time", "must be after start_time")
    return await store.sum_usage(tx, start, end)
