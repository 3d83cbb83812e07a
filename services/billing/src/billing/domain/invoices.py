"""What the invoice of a calendar month says: lines over plan segments, rounded once each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from kernel.money import minor_digits

from billing.domain.levels import Span
from billing.domain.plans import NUMBER, SEAT, STORAGE, PlanHeld, Rate

LASTING = (SEAT, NUMBER, STORAGE)


@dataclass(frozen=True)
class Line:
    """One line; `amount` is rounded half-up to the minor unit, here and nowhere else."""

    meter: str
    quantity: Fraction
    included: Fraction
    price: Decimal
    amount: Decimal
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class Part:
    """The stretch of a period under one plan, and the seconds billed in it by meter."""

    plan: PlanHeld
    start_time: datetime
    end_time: datetime
    billed_seconds: Mapping[str, int]

    def share_of(self, period: timedelta) -> Fraction:
        """Which part of the period the plan was held for: what came before the first plan is rated by it, and adds
        nothing to what it includes."""
        held = self.end_time - max(self.start_time, self.plan.effective_time)
        return Fraction(max(0, _micros(held)), _micros(period))


@dataclass(frozen=True)
class Invoice:
    """The preview of a period."""

    start_time: datetime
    end_time: datetime
    lines: Sequence[Line]
    total: Decimal
    currency: str
    plan: PlanHeld


def period_of(time: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """The calendar month of the zone that `time` lies in, as instants."""
    zone = ZoneInfo(time_zone or "UTC")
    local = time.astimezone(zone)
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (first + timedelta(days=32)).replace(day=1, fold=0)
    return first.astimezone(time.tzinfo), following.astimezone(time.tzinfo)


def preview(parts: Sequence[Part], spans: Iterable[Span], start: datetime, end: datetime) -> Invoice:
    """The invoice of [start, end), whose `parts` cover it. An open span is taken to last until the end."""
    lasting = list(spans)
    lines: list[Line] = []
    for part in parts:
        since, until = part.start_time, part.end_time
        for meter in LASTING:
            quantity = sum((_overlap(s, since, until, end - start) for s in lasting if s.meter == meter), Fraction(0))
            lines += _line(part, meter, quantity, end - start)
        for meter, seconds in sorted(part.billed_seconds.items()):
            lines += _line(part, meter, Fraction(seconds, 60), end - start)
    newest = parts[-1].plan
    total = sum((line.amount for line in lines), rounded(Fraction(0), newest.currency))
    return Invoice(start, end, lines, total, newest.currency, newest)


def rounded(amount: Fraction, currency: str) -> Decimal:
    """Half away from zero to the currency's minor unit, exactly."""
    digits = minor_digits(currency)
    scaled = abs(amount) * 10**digits
    whole = (scaled * 2 + 1) // 2
    return (Decimal(int(whole)) if amount >= 0 else -Decimal(int(whole))).scaleb(-digits)


def _line(part: Part, meter: str, quantity: Fraction, period: timedelta) -> list[Line]:
    if quantity == 0:  # a meter that wasn't used has no line
        return []
    rate = part.plan.rates.get(meter, Rate(Decimal(0)))
    # Included units belong to a whole period: a plan held for part of it includes that part of them.
    included = min(quantity, Fraction(rate.included) * part.share_of(period))
    amount = rounded((quantity - included) * Fraction(rate.price), part.plan.currency)
    return [Line(meter, quantity, included, rate.price, amount, part.start_time, part.end_time)]


def _overlap(span: Span, start: datetime, end: datetime, period: timedelta) -> Fraction:
    since, until = max(span.start_time, start), min(span.end_time or end, end)
    if since >= until:
        return Fraction(0)
    return span.units * Fraction(_micros(until - since), _micros(period))


def _micros(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds
