"""Metered facts and how they are rated: increments, quantity, charge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from kernel.errors import Conflict

from billing.domain.plans import PlanHeld, Rate


class UsageConflict(Conflict):
    """The identity of a usage record is taken by another body: it is refused, and somebody must look."""

    reason = "USAGE_CONFLICT"


@dataclass(frozen=True)
class EndedCall:
    """What billing needs of a CDR. `used_seconds` is whole, a begun second counting."""

    meter: str
    call_id: str
    brand_id: str
    start_time: datetime
    used_seconds: int


@dataclass(frozen=True)
class UsageRecord:
    """One metered fact and its price. `billed_seconds` is exact, quantity and charge are derived from it.

    Until the plan it is rated by is known, `plan_id` is empty and nothing is billed.
    """

    usage_record_id: str
    meter: str
    source: str
    source_id: str
    usage_time: datetime
    used_seconds: int
    brand_id: str
    billed_seconds: int = 0
    plan_id: str = ""
    plan_version: int = 0
    currency: str = ""
    price: Decimal = Decimal(0)

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
        body += f"|{self.brand_id}"
        return hashlib.sha256(body.encode()).hexdigest()


def billed_seconds(used: int, rate: Rate) -> int:
    """`used` seconds rounded up: the first increment once, then whole next increments. Nothing used costs nothing.

    30/6 bills 10 s as 30 and 31 s as 36; increments of 0 mean whole seconds.
    """
    if used <= 0:
        return 0
    first, following = max(rate.first_increment, 1), max(rate.next_increment, 1)
    return first + -(-max(0, used - first) // following) * following


def rated(record: UsageRecord, plan: PlanHeld) -> UsageRecord:
    """The record under a plan; rating it again under the same plan changes nothing."""
    rate = plan.rates.get(record.meter, Rate(Decimal(0)))
    return replace(
        record,
        billed_seconds=billed_seconds(record.used_seconds, rate),
        plan_id=plan.plan_id,
        plan_version=plan.version,
        currency=plan.currency,
        price=rate.price,
    )
