"""A contact as it is counted: in the minute it came, once, with what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

_SERVED = ("INBOUND", "TRANSFER")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Contact:
    """Marks of one contact. A mark that has not come is None."""

    contact_id: str
    queue_id: str
    channel: str
    brand_id: str
    kind: str
    targeted: bool
    """It waits for one agent, whom no queue is staffed for."""
    queue_time: datetime
    answer_time: datetime | None = None
    wrap_up_end_time: datetime | None = None
    abandoned: bool = False


@dataclass(frozen=True, order=True)
class Minute:
    """Where something is counted: a queue, channel and client's minute."""

    queue_id: str
    channel: str
    brand_id: str
    start_time: datetime


@dataclass(frozen=True)
class Counters:
    """Of contacts that came in the minute. `handle` is talk, hold and wrap-up in whole microseconds."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    handled: int = 0
    handle: int = 0

    def plus(self, other: Counters, sign: int = 1) -> Counters:
        """The sum, or with sign -1 the difference."""
        return Counters(*(getattr(self, name) + sign * getattr(other, name) for name in NAMES))


NAMES = tuple(item.name for item in fields(Counters))
NOTHING = Counters()


def count(contacts: Iterable[Contact]) -> dict[Minute, Counters]:
    """Counters by minute. What an agent began, a question to a colleague, a call for one agent: no queue's volume."""
    found: dict[Minute, Counters] = {}
    for contact in contacts:
        if contact.kind not in _SERVED or contact.targeted or not contact.queue_id:
            continue
        answered, done = contact.answer_time, contact.wrap_up_end_time
        handle = max(timedelta(), done - answered) if answered and done else None
        start = contact.queue_time.replace(second=0, microsecond=0)
        minute = Minute(contact.queue_id, contact.channel, contact.brand_id, start)
        one = Counters(
            1, int(answered is not None), int(answered is None and contact.abandoned), int(handle is not None),
            (handle or timedelta()) // _MICROSECOND,
        )  # fmt: skip
        found[minute] = found.get(minute, NOTHING).plus(one)
    return found


def changed(before: Mapping[Minute, Counters], after: Mapping[Minute, Counters]) -> dict[Minute, Counters]:
    """What to add so that `before` becomes `after`."""
    found = {
        key: after.get(key, NOTHING).plus(before.get(key, NOTHING), -1) for key in sorted(before.keys() | after.keys())
    }
    return {key: difference for key, difference in found.items() if difference != NOTHING}
