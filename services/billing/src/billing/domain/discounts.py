"""Coupons: what they take off a statement's lines, in one fixed order, and how it falls on each line.

Order: those for some rates before those for everything, of these percentages before amounts, then by when they were
redeemed. Each works on what those before it left. A line is never taken below zero; of credits and charges of the same
statement the net is discounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from kernel.money import rounded

from billing.domain.money import shared
from billing.domain.statements import Discount, StatementLine

_ZERO = Decimal(0)


class Frequency(StrEnum):
    """For how many periods a coupon counts, the one it was redeemed in included."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


@dataclass(frozen=True)
class Coupon:
    """Percent or amount (of one currency) off: one of both is 0."""

    coupon_id: str
    code: str
    name: str
    frequency: Frequency
    percent: Decimal = _ZERO
    amount: Decimal = _ZERO
    currency: str = ""
    periods: int = 1
    """Of a repeating one."""
    rates: Sequence[str] = ()
    """Rates or meters it is for, and "fee" for fees; empty: everything."""


@dataclass(frozen=True)
class Redeemed:
    """A coupon a company has, and how many of its periods began between that and the statement's."""

    coupon: Coupon
    redeem_time: datetime
    period_index: int

    @property
    def counts(self) -> bool:
        """Whether it counts for the statement's period."""
        if self.coupon.frequency == Frequency.FOREVER:
            return self.period_index >= 0
        last = 1 if self.coupon.frequency == Frequency.ONCE else self.coupon.periods
        return 0 <= self.period_index < last


def taken_off(
    lines: Sequence[StatementLine], redeemed: Sequence[Redeemed], currency: str
) -> tuple[list[StatementLine], list[Discount]]:
    """The lines with the discount that falls on each, and the discounts in the order they were applied."""
    left, discounts = list(lines), list[Discount]()
    for each in sorted((each for each in redeemed if each.counts), key=_order):
        coupon = each.coupon
        if coupon.amount and coupon.currency != currency:
            continue
        places = [place for place, line in enumerate(left) if _is_for(coupon, line)]
        rest = {place: left[place].amount - left[place].discount for place in places}
        net = max(_ZERO, sum(rest.values(), _ZERO))
        wanted = Fraction(net) * Fraction(coupon.percent) / 100 if coupon.percent else Fraction(coupon.amount)
        amount = rounded(min(wanted, Fraction(net)), currency)
        if not amount:
            continue
        positive = [place for place in places if rest[place] > 0]
        for place, part in zip(positive, shared(amount, [rest[place] for place in positive], currency), strict=True):
            left[place] = replace(left[place], discount=left[place].discount + part)
        discounts.append(Discount(coupon.coupon_id, coupon.name or coupon.code, amount))
    return left, discounts


def taken_off_rest(
    rest: Sequence[StatementLine], whole: Sequence[StatementLine], redeemed: Sequence[Redeemed],
    before: Mapping[str, Decimal], currency: str, *, carried: bool = False,
) -> tuple[list[StatementLine], list[Discount]]:  # fmt: skip
    """What is left to bill of a period, discounted so that all its invoices come to what one would: what its coupons
    take off the whole of it, less what they took off `before`, by their ids. `carried`: where nothing is left to bill
    that a coupon is for, a line of nothing carries what it takes off."""
    _, now = taken_off(whole, redeemed, currency)
    off = {each.discount_id: each for each in now}
    coupons = {each.coupon.coupon_id: each.coupon for each in redeemed}
    left, discounts = list(rest), list[Discount]()
    for coupon_id in dict.fromkeys([*off, *sorted(before)]):
        amount = (off[coupon_id].amount if coupon_id in off else _ZERO) - before.get(coupon_id, _ZERO)
        coupon = coupons.get(coupon_id)
        if carried and amount and coupon is not None and not any(_is_for(coupon, line) for line in left):
            left += _carriers(coupon, whole)
        if not amount or not left or coupon is None:
            continue
        sign = 1 if amount > 0 else -1
        nets = [sign * (line.amount - line.discount) for line in left]
        places = [place for place, line in enumerate(left) if _is_for(coupon, line) and nets[place] > 0]
        places = places or [place for place, net in enumerate(nets) if net > 0] or [0]
        weights = [max(nets[place], Decimal(1)) for place in places] if places == [0] else [nets[i] for i in places]
        for place, part in zip(places, shared(abs(amount), weights, currency), strict=True):
            left[place] = replace(left[place], discount=left[place].discount + sign * part)
        discounts.append(Discount(coupon_id, coupon.name or coupon.code, amount))
    return left, discounts


def _carriers(coupon: Coupon, whole: Sequence[StatementLine]) -> list[StatementLine]:
    """The largest line a coupon is for, as one of nothing: all of it was billed before."""
    mine = [line for line in whole if _is_for(coupon, line)]
    largest = max(mine, key=lambda line: line.amount, default=None)
    if largest is None:
        return []
    nothing = largest.amount - largest.amount
    return [replace(largest, amount=nothing, quantity=Fraction(0), included=Fraction(0), brands=(), discount=nothing)]


def _order(each: Redeemed) -> tuple[bool, bool, datetime, str]:
    return (not each.coupon.rates, not each.coupon.percent, each.redeem_time, each.coupon.coupon_id)


def _is_for(coupon: Coupon, line: StatementLine) -> bool:
    if not coupon.rates:
        return True
    names = {line.rate_id, line.meter, "fee" if line.kind == "fee" else ""} - {""}
    return not names.isdisjoint(coupon.rates)
