"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from chassis.instants import time_out
from google.protobuf.timestamp_pb2 import Timestamp
from merkez.billing.v1 import billing_events_pb2, billing_pb2
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import tenancy_events_pb2
from merkez.type.v1 import money_pb2

from billing.domain.invoices import Invoice, Line
from billing.domain.plans import VOICE, VOICE_OUT, PlanHeld, Rate
from billing.domain.usage import EndedCall, UsageRecord

NEVER_ANSWERED = ("CONCURRENT_CALL_LIMIT_REACHED", "TENANT_SUSPENDED")
"""End causes of calls that were refused: nobody pays for a refusal."""

_SHOWN_DIGITS = 10


def plan_in(fact: tenancy_events_pb2.PlanSubscribed, fact_time: datetime) -> PlanHeld:
    """The plan version a tenant holds from now on."""
    rates = {
        rate.meter: Rate(
            price=Decimal(rate.price.amount or "0"),
            included=Decimal(rate.included_units or "0"),
            first_increment=rate.first_increment_seconds,
            next_increment=rate.next_increment_seconds,
        )
        for rate in fact.plan.rates
    }
    return PlanHeld(
        plan_id=fact.plan.plan_id,
        version=fact.plan.version,
        currency=fact.plan.currency,
        rates=rates,
        effective_time=fact.effective_time.ToDatetime(tzinfo=UTC),
        time_zone=fact.time_zone or "UTC",
        fact_time=fact_time,
    )


def call_in(cdr: call_pb2.Cdr) -> EndedCall:
    """What billing needs of a CDR: its length in whole seconds, a begun one counting."""
    return EndedCall(
        meter=VOICE_OUT if cdr.direction == call_pb2.DIRECTION_OUTBOUND else VOICE,
        call_id=cdr.call_id,
        brand_id=cdr.brand_id,
        start_time=cdr.start_time.ToDatetime(tzinfo=UTC),
        used_seconds=max(0, cdr.duration.seconds + (1 if cdr.duration.nanos > 0 else 0)),
    )


def record_out(record: UsageRecord) -> billing_pb2.UsageRecord:
    """A usage record as the contract shows it."""
    return billing_pb2.UsageRecord(
        usage_record_id=record.usage_record_id,
        meter=record.meter,
        source=record.source,
        source_id=record.source_id,
        usage_time=time_out(record.usage_time),
        used_seconds=record.used_seconds,
        billed_seconds=record.billed_seconds,
        quantity=shown(record.quantity),
        charge=money_pb2.Money(currency=record.currency, amount=shown(record.charge)),
        plan_id=record.plan_id,
        plan_version=record.plan_version,
        brand_id=record.brand_id,
    )


def usage_rated(record: UsageRecord) -> billing_events_pb2.UsageRated:
    """The fact that usage was recorded and rated."""
    return billing_events_pb2.UsageRated(usage_record=record_out(record))


def invoice_out(invoice: Invoice, now: datetime) -> billing_pb2.InvoicePreview:
    """An invoice preview as the contract shows it."""
    return billing_pb2.InvoicePreview(
        period_start_time=time_out(invoice.start_time),
        period_end_time=time_out(invoice.end_time),
        lines=[_line(line, invoice.currency) for line in invoice.lines],
        total=money_pb2.Money(currency=invoice.currency, amount=str(invoice.total)),
        plan_id=invoice.plan.plan_id,
        plan_version=invoice.plan.version,
        compute_time=time_out(now),
    )


def shown(value: Fraction) -> str:
    """An exact number as a decimal of at most ten digits after the point, without needless zeros."""
    with localcontext(prec=50):
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        text = f"{exact.quantize(Decimal(1).scaleb(-_SHOWN_DIGITS), rounding=ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(line: Line, currency: str) -> billing_pb2.InvoiceLine:
    return billing_pb2.InvoiceLine(
        meter=line.meter,
        description_key=f"invoice.{line.meter}",
        quantity=shown(line.quantity),
        included_quantity=shown(line.included),
        unit_price=money_pb2.Money(currency=currency, amount=str(line.price)),
        amount=money_pb2.Money(currency=currency, amount=str(line.amount)),
        start_time=time_out(line.start_time),
        end_time=time_out(line.end_time),
    )


def talk_in(cdr: call_pb2.Cdr) -> int:
    """Seconds a prepaid call is charged for, a begun one counting: from the platform's answer, which of a call out is
    when the number called answered, to the end, less what no node vouches for."""
    begin = cdr.start_time
    if cdr.direction == call_pb2.DIRECTION_OUTBOUND:
        if not cdr.HasField("answer_time"):
            return 0
        begin = cdr.answer_time
    return _lasted(begin, cdr)


def media_in(cdr: call_pb2.Cdr) -> int:
    """Seconds between a call's start and end, less what no node vouches for, a begun one counting."""
    return _lasted(cdr.start_time, cdr)


def end_in(cdr: call_pb2.Cdr) -> datetime:
    """When a call ended."""
    return cdr.end_time.ToDatetime(tzinfo=UTC)


def _lasted(begin: Timestamp, cdr: call_pb2.Cdr) -> int:
    nanos = cdr.end_time.ToNanoseconds() - begin.ToNanoseconds() - cdr.unheard_duration.ToNanoseconds()
    return max(0, -(-nanos // 1_000_000_000))
