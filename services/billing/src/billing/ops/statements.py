"""What a stretch of time costs a company, of everything that was heard of until a cutoff."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from chassis.sql import Tx

from billing.domain import invoices, plans
from billing.domain.levels import spans
from billing.domain.plans import Rate
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.domain.usage import billed_seconds
from billing.ops.usage import NothingSubscribed
from billing.store import statements as store


async def statement_of(tx: Tx, start: datetime, end: datetime, cutoff_time: datetime) -> Statement:
    """The statement of [start, end). Raises `NothingSubscribed`."""
    held = await store.plans_until(tx, cutoff_time)
    if not held:
        raise NothingSubscribed("The company's plan has not reached billing yet: try again in a moment.")
    parts: list[invoices.Part] = []
    for plan, since, until in plans.segments(held, start, end):
        billed: dict[str, int] = {}
        for meter, seconds, count in await store.used_by_length(tx, since, until, cutoff_time):
            rate = plan.rates.get(meter, Rate(invoices.rounded(Fraction(0), plan.currency)))
            billed[meter] = billed.get(meter, 0) + billed_seconds(seconds, rate) * count
        parts.append(invoices.Part(plan, since, until, billed))
    found = invoices.preview(parts, spans(await store.changes_until(tx, end, cutoff_time)), start, end)
    lines = [_line(line, part.plan) for line in found.lines for part in parts if part.start_time == line.start_time]
    return Statement(
        currency=found.currency, start_time=start, end_time=end, cutoff_time=cutoff_time, plan_id=found.plan.plan_id,
        plan_version=found.plan.version, lines=tuple(lines), discounts=(), taxes=(), subtotal=found.total,
        total=found.total,
    )  # fmt: skip


def _line(line: invoices.Line, plan: plans.PlanHeld) -> StatementLine:
    return StatementLine(
        line_id=f"{plan.plan_id}.{plan.version}.{line.meter}.{line.start_time:%Y%m%dT%H%M%S}",
        kind=LineKind.USAGE, amount=line.amount, start_time=line.start_time, end_time=line.end_time,
        plan_id=plan.plan_id, plan_version=plan.version, rate_id=line.meter, meter=line.meter, quantity=line.quantity,
        included=line.included, unit_price=line.price, description_key=f"invoice.{line.meter}",
    )  # fmt: skip
