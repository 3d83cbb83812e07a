"""What lasts: seats taken, numbers held, recordings stored. Kept as changes, read as spans.

A change carries its place in the life of its item (the item's version), so the spans are the same whatever the order
in which the changes are heard of, and however often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import accumulate

from billing.domain.plans import STORAGE

_GIGABYTE = 10**9


@dataclass(frozen=True)
class Change:
    """From `time` on the item counts `quantity`: 1 or 0 for a seat or number, bytes for a recording."""

    meter: str
    item_id: str
    position: int
    time: datetime
    quantity: int


@dataclass(frozen=True)
class Span:
    """A stretch of time in which an item counts; `end_time` None while it lasts."""

    meter: str
    item_id: str
    start_time: datetime
    end_time: datetime | None
    units: Fraction = Fraction(1)


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
            yield Span(change.meter, change.item_id, start, end, units)
