"""Days that aren't usual: holidays, closures, campaigns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from kernel.errors import InvalidInput

from wfm.domain.series import Mark, MarkKind, marks_by_day

LONGEST_NAME = 100
LONGEST_DAYS = 366


class SpecialDayInvalid(InvalidInput):
    """A field of a special day is wrong."""

    reason = "SPECIAL_DAY_INVALID"


@dataclass(frozen=True)
class SpecialDay:
    """Local days from `first` to `last`, both in it. No queue ids: all queues."""

    special_day_id: str
    name: str
    kind: MarkKind
    first: date
    last: date
    queue_ids: tuple[str, ...]
    percent: float | None
    version: int


def checked(value: SpecialDay) -> SpecialDay:
    """The same when it can be. Raises `SpecialDayInvalid` that names the field."""
    if not value.name.strip() or len(value.name) > LONGEST_NAME:
        raise SpecialDayInvalid.of("special_day.name", f"must have 1 to {LONGEST_NAME} characters")
    if not 0 <= (value.last - value.first).days < LONGEST_DAYS:
        raise SpecialDayInvalid.of("special_day.last_day", f"must be the first day or at most {LONGEST_DAYS - 1} later")
    if value.percent is not None and not -100 <= value.percent <= 1000:
        raise SpecialDayInvalid.of("special_day.percent", "must be -100 to 1000")
    if value.kind is MarkKind.CLOSURE and value.percent is not None:
        raise SpecialDayInvalid.of("special_day.percent", "has no meaning for a closure: nobody comes")
    return value


def marks_for(queue_id: str, days: Iterable[SpecialDay]) -> dict[date, Mark]:
    """What is special for a queue, by day."""
    mine = (each for each in days if not each.queue_ids or queue_id in each.queue_ids)
    return marks_by_day((each.first, each.last, Mark(each.kind, each.name.strip(), each.percent)) for each in mine)
