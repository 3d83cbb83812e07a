"""The current period's usage against what the plan includes, for charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from chassis.sql import Tx

from billing.domain import current
from billing.domain.aggregates import Aggregation
from billing.domain.current import Standing
from billing.domain.meters import Feed, Meter
from billing.domain.rates import DeckPrice
from billing.ops.statements import books_of, current_period
from billing.store import usage as store
from billing.store.usage import DaySum


@dataclass(frozen=True)
class RateUsage:
    """A rate's usage so far, and of each day the quantity."""

    standing: Standing
    days: Sequence[Fraction]


@dataclass(frozen=True)
class CurrentUsage:
    """A period's usage so far."""

    start_time: datetime
    end_time: datetime
    compute_time: datetime
    days: Sequence[datetime]
    rates: Sequence[RateUsage]


async def current_usage(tx: Tx, time: datetime, decks: DeckPrice | None = None) -> CurrentUsage:
    """How the period `time` lies in stands. Raises `NothingSubscribed`, `RangeInvalid`."""
    now = tx.now()
    start, end = await current_period(tx, time)
    books = await books_of(tx, start, end, now, decks)
    days = current.days_of(start, max(start, min(end, now)), books.zone)
    summed = {(each.meter, each.day): each for each in await store.daily(tx, start, end, books.zone)}
    dates = [since.astimezone(ZoneInfo(books.zone)).date() for since, _ in days]
    found: list[RateUsage] = []
    for standing in current.standings(books):
        meter = standing.meter
        if meter.feed in (Feed.LEVELS, Feed.PRESENCE):
            found.append(RateUsage(standing, current.by_day(books, meter, days)))
        else:
            found.append(RateUsage(standing, [_of_day(meter, summed, day) for day in dates]))
    return CurrentUsage(start, end, now, [since for since, _ in days], found)


def _of_day(meter: Meter, summed: Mapping[tuple[str, date], DaySum], day: date) -> Fraction:
    each = summed.get((meter.meter, day))
    if each is None:
        return Fraction(0)
    if meter.feed == Feed.CALLS:
        return Fraction(each.billed_seconds, 60)
    if meter.aggregation in (Aggregation.COUNT, Aggregation.UNIQUE_COUNT):
        return Fraction(each.record_count)
    return Fraction(each.most if meter.aggregation in (Aggregation.MAX, Aggregation.LATEST) else each.total)
