"""What lasts: seats taken, numbers held, recordings stored. Kept as changes, read as spans.

A change carries its place in the life of its item (the item's version), so the spans are the same whatever the order
in which the changes are heard of, and however often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import accumulate

from kernel.proration import micros

from billing.domain.aggregates import EPOCH, Aggregation, Stretch
from billing.domain.plans import STORAGE

_GIGABYTE = 10**9
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Change:
    """From `time` on the item counts `quantity`: 1 or 0 for a seat or number, bytes for a recording."""

    meter: str
    item_id: str
    position: int
    time: datetime
    quantity: int
    record_time: datetime = EPOCH
    """When it was heard of."""
    price_class: str = ""
    """Of a number: what it costs by."""
    brand_id: str = ""
    """Whose it is from then on."""


@dataclass(frozen=True)
class Span:
    """A stretch of time in which an item counts; `end_time` None while it lasts."""

    meter: str
    item_id: str
    start_time: datetime
    end_time: datetime | None
    units: Fraction = Fraction(1)
    price_class: str = ""
    brand_id: str = ""


def spans(changes: Iterable[Change]) -> list[Span]:
    """The spans of every item, those of nothing left out."""
    lives: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        lives.setdefault((change.meter, change.item_id), []).append(change)
    return [span for life in lives.values() for span in _life(sorted(life, key=lambda change: change.position))]


def _life(ordered: list[Change]) -> Iterator[Span]:
    times = list(accumulate((change.time for change in ordered), max))  # two machines' clocks may disagree
    for change, start, end in zip(ordered, times, [*times[1:], None], strict=True):
        if change.quantity and start != end:
            units = Fraction(change.quantity, _GIGABYTE if change.meter == STORAGE else 1)
            yield Span(change.meter, change.item_id, start, end, units, change.price_class, change.brand_id)


def measured(found: Iterable[Span], aggregation: Aggregation, stretch: Stretch) -> Fraction:
    """What a stretch of a period holds of the spans of one meter; an open span is taken to last until its end.

    WEIGHTED_SUM: units by their share of the month. MAX: the most at once, for as much of the month as the stretch is.
    UNIQUE_COUNT: items that weren't there earlier in the period. SUM: hours.
    """
    spans_at_hand = list(found)
    start, end = stretch.start_time, stretch.end_time
    if aggregation == Aggregation.WEIGHTED_SUM:
        area = sum((span.units * _lasted(span, start, end) for span in spans_at_hand), Fraction(0))
        return area / stretch.whole
    if aggregation == Aggregation.SUM:
        return Fraction(sum(_lasted(span, start, end) for span in spans_at_hand), _HOUR)
    if aggregation == Aggregation.MAX:
        return peak(spans_at_hand, start, end) * stretch.share
    there = {span.item_id for span in spans_at_hand if _lasted(span, start, end)}
    before = {span.item_id for span in spans_at_hand if _lasted(span, stretch.period_start, start)}
    return Fraction(len(there - before))


def peak(found: Iterable[Span], start: datetime, end: datetime) -> int:
    """The most items at once in [start, end): who leaves at the moment another comes isn't there with them."""
    moves: list[tuple[datetime, int]] = []
    for span in found:
        if _lasted(span, start, end):
            moves += [(max(span.start_time, start), 1), (min(span.end_time or end, end), -1)]
    return max(accumulate(step for _, step in sorted(moves)), default=0)


def closed(found: Iterable[Span], time: datetime) -> list[Span]:
    """The spans with what is open ended at `time`, and what begins later left out: of what nobody can foresee."""
    return [
        span if span.end_time is not None and span.end_time <= time else replace(span, end_time=time)
        for span in found
        if span.start_time < time
    ]


def without(found: Iterable[Span], gaps: Sequence[tuple[datetime, datetime]]) -> list[Span]:
    """The spans without what falls into the gaps, which don't overlap: while a subscription pauses nothing is held."""
    left = list(found)
    for since, until in gaps:
        left = [part for span in left for part in _outside(span, since, until)]
    return left


def _outside(span: Span, since: datetime, until: datetime) -> Iterator[Span]:
    if span.start_time >= until or (span.end_time is not None and span.end_time <= since):
        yield span
        return
    if span.start_time < since:
        yield replace(span, end_time=since)
    if span.end_time is None or span.end_time > until:
        yield replace(span, start_time=until)


def _lasted(span: Span, start: datetime, end: datetime) -> int:
    since, until = max(span.start_time, start), min(span.end_time or end, end)
    return max(0, micros(until - since))
