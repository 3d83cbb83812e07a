"""The verbs of billing, each within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, FieldViolation, InvalidInput, Unavailable
from kernel.ids import new_id

from billing import convert, store
from billing.domain import invoices, plans
from billing.domain.usage import UsageConflict, rate_call


class PlanUnknown(Unavailable):
    """A usage fact came before the fact of the plan it is rated by: it waits and is worked again."""

    reason = "PLAN_UNKNOWN"


class NothingSubscribed(FailedPrecondition):
    """The tenant holds no plan yet, so there is nothing to invoice."""

    reason = "NOTHING_SUBSCRIBED"


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty."""

    reason = "RANGE_INVALID"


@dataclass(frozen=True)
class EndedCall:
    """What billing needs of a CDR. `used_seconds` is whole, a begun second counting."""

    call_id: str
    brand_id: str
    start_time: datetime
    used_seconds: int


@dataclass(frozen=True)
class MeterSum:
    """A meter's sum over a stretch of time."""

    meter: str
    record_count: int
    used_seconds: int
    billed_seconds: int
    quantity: Fraction


async def rate_ended_call(tx: Tx, call: EndedCall, now: datetime) -> None:
    """Records and rates a call once. Raises `PlanUnknown`, and `UsageConflict` for another body under its identity."""
    plan = plans.plan_at(await store.list_plans(tx), call.start_time)
    if plan is None:
        raise PlanUnknown("The tenant's plan is not known yet.")
    record = rate_call(new_id("usg", now), call.call_id, call.start_time, call.used_seconds, plan, call.brand_id)
    known = await store.known_fingerprint(tx, record)
    if known is not None:
        if known != record.fingerprint:
            raise UsageConflict(f"Usage of {record.source} {record.source_id} is recorded with another body.")
        return
    await store.insert_usage(tx, record)
    tx.emit(convert.usage_rated(record), key=record.source_id)


async def current_period(tx: Tx, time: datetime) -> tuple[datetime, datetime]:
    """The billing period `time` lies in, by the zone of the plan held then."""
    plan = plans.plan_at(await store.list_plans(tx), time)
    return invoices.period_of(time, plan.time_zone if plan else "UTC")


async def preview_invoice(tx: Tx, time: datetime) -> invoices.Invoice:
    """The invoice of the period `time` lies in. Raises `NothingSubscribed`."""
    held = await store.list_plans(tx)
    if not held:
        raise NothingSubscribed("The company's plan has not reached billing yet: try again in a moment.")
    start, end = await current_period(tx, time)
    spans, usage = await store.spans_between(tx, start, end), await store.usage_between(tx, start, end)
    return invoices.preview(held, spans, usage, start, end)


async def summarize(tx: Tx, start: datetime | None, end: datetime | None, now: datetime) -> Sequence[MeterSum]:
    """Usage by meter in [start, end), the current period's where unset. Raises `RangeInvalid`."""
    period = await current_period(tx, start or now)
    start, end = start or period[0], end or period[1]
    if start >= end:
        what = "must be after start_time"
        raise RangeInvalid(f"end_time {what}.", fields=(FieldViolation("end_time", what),))
    found = await store.usage_between(tx, start, end)
    return [
        MeterSum(
            meter=meter,
            record_count=len(records),
            used_seconds=sum(record.used_seconds for record in records),
            billed_seconds=sum(record.billed_seconds for record in records),
            quantity=sum((record.quantity for record in records), Fraction(0)),
        )
        for meter in sorted({record.meter for record in found})
        if (records := [record for record in found if record.meter == meter])
    ]
