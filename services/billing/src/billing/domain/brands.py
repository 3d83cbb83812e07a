"""Whose usage a line is of. A line is priced as a whole, so that included units and tiers are pooled; what each brand
has of it is told by its share of the quantity, and the shares add up to the line exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from billing.domain import money
from billing.domain.aggregates import Aggregation
from billing.domain.statements import BrandShare

UNASSIGNED = ""
"""The brand of what no brand is known of: seats, messages nobody said a brand of."""
ADDS_UP = (Aggregation.COUNT, Aggregation.SUM, Aggregation.WEIGHTED_SUM)
"""Of these a whole is the sum of its brands; the most at once, or who was there at all, isn't."""
_NOTHING = Fraction(0)


def shares(
    of: Mapping[str, Fraction], quantity: Fraction, included: Fraction, amount: Decimal, currency: str
) -> list[BrandShare]:
    """A line's shares by the quantities of its brands. What they don't say of `quantity` is nobody's, all of it when
    they say nothing. By brand, the unassigned first."""
    known = {brand: each for brand, each in of.items() if each}
    rest = quantity - sum(known.values(), _NOTHING)
    if rest:
        known[UNASSIGNED] = known.get(UNASSIGNED, _NOTHING) + rest
    weights = {brand: each for brand, each in known.items() if each}
    if not quantity or not weights or min(weights.values()) < 0:
        # Nothing to share by: a level that fell, or a fee of a record without quantity.
        weights = {UNASSIGNED: Fraction(1)}
        known = {**dict.fromkeys(known, _NOTHING), **known, UNASSIGNED: known.get(UNASSIGNED, _NOTHING)}
    whole = sum(weights.values(), _NOTHING)
    parts = spread(amount, {brand: weights.get(brand, _NOTHING) for brand in sorted(known)}, currency)
    return [
        BrandShare(brand, known[brand], included * weights.get(brand, _NOTHING) / whole, parts[brand])
        for brand in sorted(known)
    ]


def spread(amount: Decimal, weights: Mapping[str, Fraction], currency: str) -> dict[str, Decimal]:
    """An amount shared out by weights that aren't negative, in whole minor units that add up to it."""
    return dict(zip(weights, money.shared(amount, list(weights.values()), currency), strict=True))


def less(now: Sequence[BrandShare], was: Sequence[BrandShare]) -> list[BrandShare]:
    """What each brand has more now than it had; brands of which nothing changed are left out."""
    return [each for each in plus(now, [minus(each) for each in was]) if each.quantity or each.amount or each.included]


def plus(one: Iterable[BrandShare], other: Iterable[BrandShare]) -> list[BrandShare]:
    """Both together, by brand."""
    found: dict[str, BrandShare] = {}
    for each in (*one, *other):
        known = found.get(each.brand_id)
        found[each.brand_id] = each if known is None else BrandShare(
            each.brand_id, known.quantity + each.quantity, known.included + each.included, known.amount + each.amount
        )  # fmt: skip
    return [found[brand] for brand in sorted(found)]


def minus(each: BrandShare) -> BrandShare:
    """The share taken back."""
    return BrandShare(each.brand_id, -each.quantity, -each.included, -each.amount)


def of_line(brands: Sequence[BrandShare], quantity: Fraction, included: Fraction, amount: Decimal) -> list[BrandShare]:
    """The shares of a line; of one from before shares were kept, all of it is nobody's."""
    return list(brands) if brands else [BrandShare(UNASSIGNED, quantity, included, amount)]
