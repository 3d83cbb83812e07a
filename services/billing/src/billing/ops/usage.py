"""What was used: the verbs, each within one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chassis.sql import Database, Tx
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id

from billing import convert
from billing.domain import plans
from billing.domain import usage as domain
from billing.domain.levels import Change
from billing.domain.meters import BUILT_IN, Feed, Meter, MeterNotFound, meter_of
from billing.domain.plans import VOICE_PREPAID
from billing.domain.subscriptions import SubscriptionVersion
from billing.domain.usage import By, EndedCall, UsageConflict, UsageRecord, rated
from billing.ops.statements import RangeInvalid, current_period
from billing.store import days, meters, reservations
from billing.store import plans as plan_store
from billing.store import usage as store

MOST_EVENTS = 1000


class TooManyEvents(InvalidInput):
    """More usage events at once than are taken."""

    reason = "TOO_MANY_EVENTS"


@dataclass(frozen=True)
class Offered:
    """A usage event as it was sent, not checked yet."""

    record: UsageRecord
    quantity: str


@dataclass(frozen=True)
class Outcome:
    """What became of an event: recorded, known already, or why not."""

    usage_record_id: str = ""
    repeated: bool = False
    error: DomainError | None = None


async def record(tx: Tx, offered: Sequence[Offered], by: By = By.PROGRAM) -> list[Outcome]:
    """Records a batch, each event once for ever; what is wrong with one keeps none of the others.

    Raises `TooManyEvents`. An event's error is `UsageInvalid`, `AmountInvalid`, `MeterNotFound` or `UsageConflict`.
    """
    if len(offered) > MOST_EVENTS:
        raise TooManyEvents.of("events", f"must be at most {MOST_EVENTS}")
    known, held, now = await meters.list_meters(tx), plans.in_force(await plan_store.list_plans(tx)), tx.now()
    outcomes: list[Outcome] = []
    first: dict[tuple[str, str], tuple[int, UsageRecord]] = {}
    for place, each in enumerate(offered):
        try:
            amount = _checked(each, known, now, by)
        except DomainError as error:
            outcomes.append(Outcome(error=error))
            continue
        made = _made(each.record, amount, held, now)
        outcomes.append(Outcome(made.usage_record_id))
        _, twin = first.setdefault((made.source, made.source_id), (place, made))
        if twin is not made:
            outcomes[place] = _again(twin.fingerprint, made, twin.usage_record_id)
    wanted = [made for _, made in first.values()]
    added = await store.insert_new(tx, wanted) if wanted else set[tuple[str, str]]()
    kept = await store.fingerprints(tx, [identity for identity in first if identity not in added])
    for identity, (place, made) in first.items():
        if identity not in added:
            outcomes[place] = _again(kept[identity], made, "")
    await days.add(tx, [each for each in wanted if (each.source, each.source_id) in added], known)
    return outcomes


async def hear_subscription(tx: Tx, value: SubscriptionVersion) -> None:
    """Takes a version of the subscription, once. Raises `UsageConflict` for another body of the same version."""
    known = await plan_store.subscription_version(tx, value.version)
    if known is None:
        await plan_store.insert_subscription(tx, replace(value, record_time=tx.now()))
    elif replace(known, record_time=value.record_time, ends_time=known.ends_time or value.ends_time) != value:
        raise UsageConflict(f"Version {value.version} of the subscription has another body.")


async def subscribe(tx: Tx, plan: plans.PlanHeld) -> None:
    """Takes a plan version held from a moment on, and rates anew what was used under it: usage may have come first."""
    await plan_store.save_plan(tx, replace(plan, record_time=tx.now()))
    held = plans.in_force(await plan_store.list_plans(tx))
    place = next(index for index, each in enumerate(held) if each.effective_time == plan.effective_time)
    since = plan.effective_time if place else None
    until = held[place + 1].effective_time if place + 1 < len(held) else None
    changed = False
    for record in await store.usage_between(tx, since, until):
        again = rated(record, held[place])
        if again != record:
            changed = True
            await store.save_rating(tx, again)
            tx.emit(convert.usage_rated(again), key=again.source_id)
    if changed:
        await days.rebuild(tx, since, until, await meters.list_meters(tx))


async def keep_days(db: Database) -> None:
    """Keeps by day what was recorded before days were kept: of a billing that was there before."""
    for tenant_id in await db.system(days.unkept, read_only=True):
        await db.run(tenant_id, _keep_days)


async def rate_ended_call(tx: Tx, call: EndedCall, now: datetime) -> None:
    """Records a call once, and rates it as soon as its plan is known. One of a prepaid wallet is counted alone, also
    when it was granted nothing: nobody pays for a refusal.

    Raises `UsageConflict` for another body under its identity.
    """
    paid = await reservations.find(tx, call.call_id)
    meter = VOICE_PREPAID if paid is not None or call.refused_by_wallet else call.meter
    record = UsageRecord(
        new_id("usg", now), meter, domain.TELEPHONY, call.call_id, call.start_time, call.used_seconds, call.brand_id,
        properties=await store.priced_by(tx, call.meter, call.dialed_number, call.start_time), record_time=tx.now(),
    )  # fmt: skip
    known = await store.known_fingerprint(tx, record)
    if known is not None:
        if not record.repeats(known, call):
            raise UsageConflict(f"Usage of {record.source} {record.source_id} is recorded with another body.")
        return
    plan = plans.plan_at(await plan_store.list_plans(tx), call.start_time)
    if plan is not None:
        record = rated(record, plan)
        tx.emit(convert.usage_rated(record), key=record.source_id)
    await store.insert_usage(tx, record)
    await days.add(tx, [record], {})


async def change_level(tx: Tx, change: Change) -> None:
    """Takes a change of something that lasts, once. Raises `UsageConflict` for another body at its place."""
    known = await store.change(tx, change.meter, change.item_id, change.position)
    if known is None:
        await store.insert_change(tx, replace(change, record_time=tx.now()))
    elif known.quantity != change.quantity:
        raise UsageConflict(f"Change {change.position} of {change.meter} {change.item_id} has another body.")


async def move_to_zone(tx: Tx, time_zone: str, tenant_version: int) -> None:
    """Lets the tenant's periods follow another zone, unless a newer one is known."""
    await store.save_zone(tx, time_zone, tenant_version)


async def list_usage(tx: Tx, meter: str, source_id: str, size: int, token: str) -> tuple[list[UsageRecord], bool]:
    """A page of usage records, newest first, and whether there is more."""
    return await store.list_usage(tx, meter, source_id, size, token)


async def summarize(tx: Tx, start: datetime | None, end: datetime | None, now: datetime) -> Sequence[store.MeterSum]:
    """Usage by meter in [start, end), the current period's where unset. Raises `RangeInvalid`."""
    period = await current_period(tx, start or now)
    start, end = start or period[0], end or period[1]
    if start >= end:
        raise RangeInvalid.of("end_time", "must be after start_time")
    return await store.sum_usage(tx, start, end)


async def _keep_days(tx: Tx) -> None:
    await days.keep(tx, await meters.list_meters(tx))


def _checked(each: Offered, known: Mapping[str, Meter], now: datetime, by: By) -> Decimal:
    name = each.record.meter
    if name not in BUILT_IN and name not in known:
        raise MeterNotFound("This meter is not defined.")
    meter = meter_of(known, name)
    if meter.feed != Feed.EVENTS or meter.archived or not by.may_feed(meter):
        raise domain.UsageInvalid.of("meter", "takes no usage events" if not meter.archived else "is archived")
    if not by.may_say(each.record.source):
        raise domain.UsageInvalid.of("source", "is the platform's own")
    return domain.checked(each.record, each.quantity, meter, now)


def _made(record: UsageRecord, amount: Decimal, held: Sequence[plans.PlanHeld], now: datetime) -> UsageRecord:
    plan = next((plan for plan in reversed(held) if plan.effective_time <= record.usage_time), None)
    rated = domain.rating(record, plan or held[0]) if held else {}
    return replace(record, usage_record_id=new_id("usg", now), record_time=now, amount=amount, **rated)


def _again(fingerprint: str, made: UsageRecord, usage_record_id: str) -> Outcome:
    if fingerprint == made.fingerprint:
        return Outcome(usage_record_id, repeated=True)
    error = UsageConflict(f"Usage of {made.source} {made.source_id} is recorded with another body.")
    return Outcome(error=error)
