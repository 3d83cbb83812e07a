"""How a period's usage stands against what the plan includes: so far, by day, and where it is going."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from kernel.proration import share

from billing.domain import charges, levels, rates
from billing.domain.aggregates import Aggregation, Stretch
from billing.domain.charges import Books, Quantity
from billing.domain.meters import PRESENCE, Feed, Meter, meter_of
from billing.domain.plans import Rate
from billing.domain.statements import Scope


@dataclass(frozen=True)
class Standing:
    """A rate's usage so far. Quantities are in the meter's unit, the amount exact in the plan's currency."""

    meter: Meter
    rate_id: str
    quantity: Fraction
    allowance: Fraction
    projected: Fraction
    amount: Fraction
    currency: str


def standings(books: Books) -> list[Standing]:
    """By rate, in the order of meters: what was left behind by a change of plans counts for the same rate.

    What adds up is projected by the share of the period that is over; what lasts is taken to last until its end.
    """
    over = share(books.start_time, min(books.cutoff_time, books.end_time), books.start_time, books.end_time)
    found: dict[tuple[str, str], Standing] = {}
    for part in books.parts:
        so_far = {(each.meter.meter, each.rate_id): each for each in charges.quantities(books, part, Scope.SO_FAR)}
        whole = {(each.meter.meter, each.rate_id): each for each in charges.quantities(books, part)}
        named = {(rate.meter or key, key) for key, rate in part.plan.rates.items()}
        for key in sorted({*whole, *named}):
            meter, rate = meter_of(books.meters, key[0]), part.plan.rates.get(key[1], Rate(Decimal(0)))
            allowed = charges.allowance(books, part, rate, list(whole.values()))
            quantity = so_far[key].quantity if key in so_far else Fraction(0)
            planned = whole[key].quantity if key in whole else Fraction(0)
            amount = _amount(books, rate, so_far.get(key), allowed)
            was = found.get(key) or _none(meter, key[1], part.plan.currency)
            found[key] = Standing(
                meter, key[1], was.quantity + quantity, was.allowance + allowed, was.projected + planned,
                was.amount + amount, part.plan.currency,
            )  # fmt: skip
    return [_projected(found[key], over) for key in sorted(found)]


def by_day(books: Books, meter: Meter, days: Sequence[tuple[datetime, datetime]]) -> list[Fraction]:
    """How much there was on each day of what lasts: its average, of seats by use the peak, the people, the hours."""
    name = PRESENCE if meter.feed == Feed.PRESENCE else meter.meter
    mine = levels.closed([span for span in books.spans if span.meter == name], books.cutoff_time)
    return [levels.measured(mine, meter.aggregation, Stretch(start, end, start, end)) for start, end in days]


def days_of(start: datetime, end: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """The days of [start, end) by a zone's clock; the first and last may be cut."""
    where = ZoneInfo(zone or "UTC")
    found: list[tuple[datetime, datetime]] = []
    at = start
    while at < end:
        midnight = at.astimezone(where).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        following = (midnight + timedelta(days=1)).replace(fold=0).astimezone(start.tzinfo)
        found.append((at, min(following, end)))
        at = following
    return found


def _none(meter: Meter, rate_id: str, currency: str) -> Standing:
    nothing = Fraction(0)
    return Standing(meter, rate_id, nothing, nothing, nothing, nothing, currency)


def _projected(standing: Standing, over: Fraction) -> Standing:
    adds_up = standing.meter.feed in (Feed.EVENTS, Feed.CALLS) and not standing.meter.recurring
    if adds_up and over and standing.meter.aggregation in (Aggregation.COUNT, Aggregation.SUM):
        return replace(standing, projected=standing.quantity / over)
    return standing


def _amount(books: Books, rate: Rate, used: Quantity | None, allowed: Fraction) -> Fraction:
    if used is None:
        return Fraction(0)
    return rates.charge(
        rate, used.quantity, record_count=used.record_count, records=used.records, included=allowed, deck=books.deck
    ).amount
