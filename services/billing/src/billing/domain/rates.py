"""What a rate makes of a period's quantity: an exact fraction of the currency's major unit, never rounded here.

Every function is pure and works on the whole period: what was billed of it before is subtracted from the whole, so a
period billed in two parts costs what it costs in one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from kernel.errors import InvalidInput

from billing.domain.plans import Model, Rate, Tier

_NOTHING = Fraction(0)


class RateInvalid(InvalidInput):
    """A rate that can't be applied: tiers with a gap, a negative price, a package of nothing."""

    reason = "RATE_INVALID"


@dataclass(frozen=True)
class Metered:
    """One record as a rate sees it that prices each by itself. `used_seconds` and `number` are those of a call."""

    time: datetime
    key: str
    quantity: Fraction
    used_seconds: int = 0
    number: str = ""
    meter: str = ""
    brand_id: str = ""


@dataclass(frozen=True, order=True)
class Destination:
    """Where calls went that stand on one line: a destination of one version of a deck. A derived deck's prices are of
    its own version and its parent's."""

    name: str
    rate_deck_id: str = ""
    version: int = 0
    parent_version: int = 0
    reason: str = ""
    """Why the deck prices them with nothing: NO_RATE, BLOCKED; empty when it does price them."""


@dataclass(frozen=True)
class DeckCharge:
    """What a deck makes of one record: its whole price, connect fee and increments with it, exact; `quantity` is in
    the meter's unit, as the deck's increments bill it."""

    amount: Fraction
    quantity: Fraction
    destination: Destination = field(default_factory=lambda: Destination(""))


DeckPrice = Callable[[Rate, Metered], DeckCharge]
"""What a rate deck makes of one record."""


@dataclass(frozen=True)
class Charged:
    """What a rate made of a quantity."""

    amount: Fraction
    included: Fraction = _NOTHING
    """Units that cost nothing as the plan has them in it."""


def charge(
    rate: Rate,
    quantity: Fraction,
    *,
    record_count: int = 0,
    records: Sequence[Metered] = (),
    included: Fraction = _NOTHING,
    held: Fraction = Fraction(1),
    deck: DeckPrice | None = None,
) -> Charged:
    """What `quantity` costs in a period. `records` are needed by rates that are `by_record`. `included` is what the
    plan has in it for the stretch of time at hand, `held` the share of the period that the plan was held for: bounds
    of the period count for as much of it.
    """
    if rate.model == Model.DECK:
        parts = by_destination(rate, records, included=included, held=held, deck=deck)
        return Charged(sum((each.amount for each in parts), _NOTHING), sum((each.included for each in parts), _NOTHING))
    free = max(_NOTHING, min(quantity, included))
    if rate.by_record:
        amount = _by_record(rate, _in_order(records), free)
    else:
        # A level that fell below nothing, as its events say, is nothing: nobody is paid for it.
        amount = _of_model(rate, max(_NOTHING, quantity - free)) + record_count * Fraction(rate.record_fee)
    if rate.maximum is not None:
        amount = min(amount, Fraction(rate.maximum) * held)
    return Charged(amount, free)


@dataclass(frozen=True)
class DestinationCharged:
    """What a rate deck made of the records of one destination; `brands` is whose the quantity is."""

    destination: Destination
    quantity: Fraction
    included: Fraction
    amount: Fraction
    brands: Mapping[str, Fraction] = field(default_factory=dict[str, Fraction])


def by_destination(
    rate: Rate,
    records: Sequence[Metered],
    *,
    included: Fraction = _NOTHING,
    held: Fraction = Fraction(1),
    deck: DeckPrice | None = None,
) -> list[DestinationCharged]:
    """What records cost by a rate deck, by destination, in the order of their names. Included units are eaten in order
    of time, whatever the destination; `maximum` is used up in the order of the destinations.

    Raises `RateInvalid` without a deck.
    """
    found: dict[Destination, DestinationCharged] = {}
    free = max(_NOTHING, included)
    for record in _in_order(records):
        if deck is None:
            raise RateInvalid.of("rate_deck_id", "has no prices at hand")
        priced = deck(rate, record)
        eaten = _NOTHING if priced.destination.reason else min(free, priced.quantity)
        free -= eaten
        whole = priced.amount + (_NOTHING if priced.destination.reason else Fraction(rate.record_fee))
        amount = whole * (1 - eaten / priced.quantity) if eaten else whole
        was = found.get(priced.destination) or DestinationCharged(priced.destination, _NOTHING, _NOTHING, _NOTHING)
        brands = {**was.brands, record.brand_id: was.brands.get(record.brand_id, _NOTHING) + priced.quantity}
        found[priced.destination] = DestinationCharged(
            priced.destination, was.quantity + priced.quantity, was.included + eaten, was.amount + amount, brands
        )
    ordered = [found[each] for each in sorted(found)]
    if rate.maximum is None:
        return ordered
    left, capped = Fraction(rate.maximum) * held, list[DestinationCharged]()
    for each in ordered:
        amount = min(each.amount, left)
        left -= amount
        capped.append(replace(each, amount=amount))
    return capped


def missing(rate: Rate, amount: Fraction, held: Fraction = Fraction(1)) -> Fraction:
    """What is missing of the rate's committed spend, for as much of the period as it was held."""
    return max(_NOTHING, Fraction(rate.minimum or 0) * held - amount)


def billable(new: Fraction, before: Fraction, free: Fraction) -> tuple[Fraction, Fraction]:
    """Of `new` units after `before` in the same period: how many are billed, and how many had been billed before.

    Free units are eaten in order of time: 15 after 5 with 10 free bill 10, of 20 before 10 were billed.
    """
    prior = max(_NOTHING, before - free)
    return max(_NOTHING, before + new - free) - prior, prior


def check(rate: Rate) -> None:
    """Raises `RateInvalid`, naming the field, for a rate that makes no sense."""
    priced = [("price", rate.price), ("record_fee", rate.record_fee), ("percent", rate.percent),
              ("included_units", rate.included)]  # fmt: skip
    bounds = [("minimum", rate.minimum), ("maximum", rate.maximum), ("record_minimum", rate.record_minimum),
              ("record_maximum", rate.record_maximum)]  # fmt: skip
    for name, value in (*priced, *((name, value) for name, value in bounds if value is not None)):
        if not value.is_finite() or value < 0:
            raise RateInvalid.of(name, "must be a number that isn't negative")
    for low, high in (("minimum", "maximum"), ("record_minimum", "record_maximum")):
        least, most = getattr(rate, low), getattr(rate, high)
        if least is not None and most is not None and least > most:
            raise RateInvalid.of(high, f"must not be less than {low}")
    if rate.model == Model.PACKAGE and (not rate.package_size.is_finite() or rate.package_size <= 0):
        raise RateInvalid.of("package_size", "must be more than 0")
    if rate.free_records < 0:
        raise RateInvalid.of("free_records", "must not be negative")
    if rate.model == Model.DECK and not rate.rate_deck_id:
        raise RateInvalid.of("rate_deck_id", "is required")
    if rate.model in (Model.GRADUATED, Model.VOLUME, Model.GRADUATED_PERCENTAGE):
        _check_tiers(rate.tiers)


def _check_tiers(tiers: Sequence[Tier]) -> None:
    if not tiers or tiers[-1].up_to is not None:
        raise RateInvalid.of("tiers", "must end with a tier without up_to")
    below = _NOTHING
    for index, tier in enumerate(tiers):
        for name in ("unit_price", "flat_fee", "percent", "package_size"):
            value = getattr(tier, name)
            if not value.is_finite() or value < 0:
                raise RateInvalid.of(f"tiers[{index}].{name}", "must be a number that isn't negative")
        if tier.up_to is None:
            if index + 1 < len(tiers):
                raise RateInvalid.of(f"tiers[{index}].up_to", "is missing: only the last tier has no end")
        elif not tier.up_to.is_finite() or tier.up_to <= below:
            raise RateInvalid.of(f"tiers[{index}].up_to", "must be above that of the tier before")
        else:
            below = Fraction(tier.up_to)


def _of_model(rate: Rate, quantity: Fraction) -> Fraction:
    if rate.model == Model.PACKAGE:
        return _packages(quantity, Fraction(rate.package_size)) * Fraction(rate.price)
    if rate.model == Model.PERCENTAGE:
        return quantity * Fraction(rate.percent) / 100
    if rate.model in (Model.GRADUATED, Model.GRADUATED_PERCENTAGE):
        return _graduated(rate, quantity)
    if rate.model == Model.VOLUME:
        return _volume(rate, quantity)
    return quantity * Fraction(rate.price)


def _graduated(rate: Rate, quantity: Fraction) -> Fraction:
    amount, below = _NOTHING, _NOTHING
    for index, tier in enumerate(rate.tiers):
        if quantity <= below and not (index == 0 and rate.flat_at_zero):
            break
        top = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        part = max(_NOTHING, top - below)
        amount += Fraction(tier.flat_fee) + _within(rate.model, tier, part)
        if tier.up_to is None:
            break
        below = Fraction(tier.up_to)
    return amount


def _volume(rate: Rate, quantity: Fraction) -> Fraction:
    if quantity <= 0 and not rate.flat_at_zero:
        return _NOTHING
    reached = next(tier for tier in rate.tiers if tier.up_to is None or quantity <= Fraction(tier.up_to))
    return Fraction(reached.flat_fee) + _within(rate.model, reached, max(_NOTHING, quantity))


def _within(model: Model, tier: Tier, part: Fraction) -> Fraction:
    if model == Model.GRADUATED_PERCENTAGE:
        return part * Fraction(tier.percent) / 100
    if tier.package_size:
        return _packages(part, Fraction(tier.package_size)) * Fraction(tier.unit_price)
    return part * Fraction(tier.unit_price)


def _packages(quantity: Fraction, size: Fraction) -> int:
    return -(-quantity // size) if quantity > 0 else 0


def _in_order(records: Sequence[Metered]) -> list[Metered]:
    return sorted(records, key=lambda each: (each.time, each.key))


def _by_record(rate: Rate, records: Sequence[Metered], free: Fraction) -> Fraction:
    """Of tiers each record is charged what it adds to those before it, which aren't free."""
    amount = before = _of_model(rate, _NOTHING)
    reached = _NOTHING
    for place, record in enumerate(records):
        eaten = max(_NOTHING, min(free, record.quantity))
        free -= eaten
        if place >= rate.free_records:
            reached += record.quantity - eaten
            after = _of_model(rate, reached)
            amount += _bounded(rate, after - before + Fraction(rate.record_fee))
            before = after
    return amount


def _bounded(rate: Rate, amount: Fraction) -> Fraction:
    if rate.record_minimum is not None:
        amount = max(amount, Fraction(rate.record_minimum))
    return amount if rate.record_maximum is None else min(amount, Fraction(rate.record_maximum))
