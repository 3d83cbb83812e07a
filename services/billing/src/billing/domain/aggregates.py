"""What is kept of many usage events so that they need not be read again, and what a meter makes of it.

An aggregate of a set of events doesn't depend on their order, and that of two sets is the sum of theirs: it can be kept
by day and rebuilt from the events at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Self

from kernel.proration import micros

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDE = Context(prec=80)
_ZERO = Decimal(0)


class Aggregation(StrEnum):
    """How a meter counts."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE_COUNT = "unique_count"
    LATEST = "latest"
    WEIGHTED_SUM = "weighted_sum"
    """Events add to a level, which is weighed by how long it lasted."""


@dataclass(frozen=True)
class Event:
    """One event as a meter sees it. `key` orders two of the same moment; `value` is what UNIQUE_COUNT counts."""

    time: datetime
    key: str
    quantity: Decimal
    value: str = ""
    used_seconds: int = 0
    billed_seconds: int = 0


@dataclass(frozen=True)
class Aggregate:
    """The sum of any number of events."""

    count: int = 0
    total: Decimal = _ZERO
    most: Decimal | None = None
    latest_time: datetime | None = None
    latest_key: str = ""
    latest: Decimal = _ZERO
    moment: Decimal = _ZERO
    """Sum of each quantity times its microseconds since 1970: what a level is weighed with."""
    used_seconds: int = 0
    billed_seconds: int = 0
    values: frozenset[str] = frozenset()

    @classmethod
    def of(cls, event: Event) -> Self:
        """That of one event."""
        since = micros(event.time - EPOCH)
        return cls(
            1, event.quantity, event.quantity, event.time, event.key, event.quantity,
            _WIDE.multiply(event.quantity, Decimal(since)), event.used_seconds, event.billed_seconds,
            frozenset((event.value,)) if event.value else frozenset(),
        )  # fmt: skip

    def plus(self, other: Aggregate) -> Aggregate:
        """That of both sets of events, which have none in common."""
        if not other.count or not self.count:
            return self if self.count else other
        newer = max(self, other, key=lambda each: (each.latest_time or EPOCH, each.latest_key))
        return Aggregate(
            self.count + other.count,
            _WIDE.add(self.total, other.total),
            max(each for each in (self.most, other.most) if each is not None),
            newer.latest_time, newer.latest_key, newer.latest,
            _WIDE.add(self.moment, other.moment),
            self.used_seconds + other.used_seconds,
            self.billed_seconds + other.billed_seconds,
            self.values | other.values,
        )  # fmt: skip


NOTHING = Aggregate()


def sum_of(events: Iterable[Event]) -> Aggregate:
    """The aggregate of events, each of which is there once."""
    found = NOTHING
    for event in events:
        found = found.plus(Aggregate.of(event))
    return found


@dataclass(frozen=True)
class Stretch:
    """A part of a period in which one plan was held."""

    start_time: datetime
    end_time: datetime
    period_start: datetime
    period_end: datetime
    month: timedelta | None = None
    """How long the whole month is that the period is, where the period is a part of it or more."""

    @property
    def whole(self) -> int:
        """Microseconds that what counts for a whole month is held for."""
        return micros(self.month or self.period_end - self.period_start)

    @property
    def share(self) -> Fraction:
        """Which part of the month it is."""
        return Fraction(micros(self.end_time - self.start_time), self.whole)


def measure(
    how: Aggregation,
    recurring: bool,
    stretch: Stretch,
    before: Aggregate,
    earlier: Aggregate,
    within: Aggregate,
) -> Fraction:
    """The quantity of a stretch, of the events before the period, in it before the stretch, and within the stretch.

    What isn't recurring begins at nothing in each period. COUNT and SUM of a period are the sum of its stretches'.
    A value that counts for a whole period (MAX, LATEST, what recurs) counts in each stretch for as much of the period
    as that is, and a unique value where it was first seen, so that a change of plans bills nothing twice.
    """
    if how == Aggregation.WEIGHTED_SUM:
        return _weighted(stretch, before.plus(earlier) if recurring else earlier, within)
    if recurring:
        return _value(how, before.plus(earlier).plus(within)) * stretch.share
    if how == Aggregation.UNIQUE_COUNT:
        return Fraction(len(within.values - earlier.values))
    if how in (Aggregation.MAX, Aggregation.LATEST):
        return _value(how, within) * stretch.share
    return _value(how, within)


def _value(aggregation: Aggregation, whole: Aggregate) -> Fraction:
    if aggregation == Aggregation.COUNT:
        return Fraction(whole.count)
    if aggregation == Aggregation.UNIQUE_COUNT:
        return Fraction(len(whole.values))
    if aggregation == Aggregation.MAX:
        return Fraction(whole.most or 0)
    if aggregation == Aggregation.LATEST:
        return Fraction(whole.latest)
    return Fraction(whole.total)


def _weighted(stretch: Stretch, before: Aggregate, within: Aggregate) -> Fraction:
    length = micros(stretch.end_time - stretch.start_time)
    until = micros(stretch.end_time - EPOCH)
    area = Fraction(before.total) * length + Fraction(within.total) * until - Fraction(within.moment)
    return area / stretch.whole
