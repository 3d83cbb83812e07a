"""Metered facts and how they are rated: increments, quantity, charge."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from kernel.errors import Conflict

from billing.domain.plans import VOICE, PlanHeld, Rate


class UsageConflict(Conflict):
    """The identity of a usage record is taken by another body: it is refused, and somebody must look."""

    reason = "USAGE_CONFLICT"


@dataclass(frozen=True)
class UsageRecord:
    """One metered fact and its price. `billed_seconds` is exact, quantity and charge are derived from it."""

    usage_record_id: str
    meter: str
    source: str
    source_id: str
    usage_time: datetime
    used_seconds: int
    billed_seconds: int
    plan_id: str
    plan_version: int
    currency: str
    price: Decimal
    brand_id: str

    @property
    def quantity(self) -> Fraction:
        """Minutes, exact."""
        return Fraction(self.billed_seconds, 60)

    @property
    def charge(self) -> Fraction:
        """Price of the quantity before included units, not rounded."""
        return self.quantity * Fraction(self.price)

    @property
    def fingerprint(self) -> str:
        """Digest of what makes a repeat the same: the fact, not how it was rated."""
        body = f"{self.meter}|{self.source}|{self.source_id}|{self.usage_time.isoformat()}|{self.used_seconds}"
        return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True)
class Span:
    """Something that lasts: a seat, a number, a stored recording. `units` is 1, or gigabytes."""

    meter: str
    source_id: str
    start_time: datetime
    end_time: datetime | None
    units: Fraction = Fraction(1)


def billed_seconds(used: int, rate: Rate) -> int:
    """`used` seconds rounded up: the first increment once, then whole next increments. Nothing used costs nothing.

    30/6 bills 10 s as 30 and 31 s as 36; increments of 0 mean whole seconds.
    """
    if used <= 0:
        return 0
    first, following = max(rate.first_increment, 1), max(rate.next_increment, 1)
    return first + max(0, math.ceil((used - first) / following)) * following if used > first else first


def rate_call(
    record_id: str, call_id: str, start: datetime, used_seconds: int, plan: PlanHeld, brand_id: str
) -> UsageRecord:
    """The usage record of an inbound call under the plan in force when it began."""
    rate = plan.rates.get(VOICE, Rate(Decimal(0)))
    return UsageRecord(
        usage_record_id=record_id,
        meter=VOICE,
        source="telephony",
        source_id=call_id,
        usage_time=start,
        used_seconds=used_seconds,
        billed_seconds=billed_seconds(used_seconds, rate),
        plan_id=plan.plan_id,
        plan_version=plan.version,
        currency=plan.currency,
        price=rate.price,
        brand_id=brand_id,
    )
