"""What a company holds beside a plan and when nothing can be used: heard of as versions, read as stretches of time.

A version says how the subscription stands from its time on. The set of versions heard of decides, not their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from kernel.proration import MONTH, period_containing

SHORTEST = timedelta(days=5)
"""A period isn't shorter: what is left of a month that an anchor moved belongs to the next one."""
_ZONES_APART = timedelta(hours=27)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class State(StrEnum):
    """Where a subscription stands."""

    TRIAL = "trial"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"


STOPPED = (State.PAUSED, State.CANCELLED)
"""When nothing can be used and no fee is charged."""


@dataclass(frozen=True)
class HeldAddOn:
    """So many of an add-on from one moment to another, in major units of its currency for each interval."""

    add_on_id: str
    version: int
    quantity: int
    start_time: datetime
    end_time: datetime | None
    currency: str
    price: Decimal
    interval: str


@dataclass(frozen=True)
class SubscriptionVersion:
    """How a subscription stands from `change_time` until the next version's."""

    version: int
    change_time: datetime
    state: State
    anchor_time: datetime
    trial_end_time: datetime | None = None
    stop_time: datetime | None = None
    """When it was paused or cancelled, when that isn't the change's time."""
    add_ons: Sequence[HeldAddOn] = ()
    record_time: datetime = _EARLIEST
    ends_time: datetime | None = None
    """When it will end, as was asked for; None: it goes on."""


@dataclass(frozen=True)
class Standing:
    """A stretch of time in which a subscription stands the same way; `end_time` None while it lasts."""

    start_time: datetime
    end_time: datetime | None
    state: State
    anchor_time: datetime
    trial_end_time: datetime | None


@dataclass(frozen=True)
class Timeline:
    """How a subscription stood at all times; empty of a company that is only heard to hold a plan."""

    versions: Sequence[SubscriptionVersion] = field(default_factory=tuple[SubscriptionVersion, ...])

    def standings(self) -> list[Standing]:
        """Its stretches, oldest first. What was before the first version heard of is taken to be like it, in force."""
        ordered = sorted(self.versions, key=lambda each: each.version)
        if not ordered:
            return []
        times = list(accumulate((each.stop_time or each.change_time for each in ordered), max))
        if (ends := ordered[-1].ends_time) is not None and ends >= times[-1]:
            # Nobody has said yet that it ended: nothing is paid ahead for what comes after.
            ordered.append(replace(ordered[-1], state=State.CANCELLED, ends_time=None))
            times.append(ends)
        first = ordered[0]
        before = replace(first, state=State.ACTIVE) if first.state in STOPPED else first
        stretches = zip([before, *ordered], [_EARLIEST, *times], [*times, None], strict=True)
        return [
            Standing(start, end, each.state, each.anchor_time, each.trial_end_time)
            for each, start, end in stretches
            if start != end
        ]

    def anchor_at(self, time: datetime) -> datetime | None:
        """The instant periods are counted from at a moment; None without a subscription."""
        found = [each.anchor_time for each in self.standings() if each.start_time <= time]
        return found[-1] if found else None

    def gaps(self) -> list[tuple[datetime, datetime | None]]:
        """When nothing could be used: paused or cancelled."""
        return [(each.start_time, each.end_time) for each in self.standings() if each.state in STOPPED]

    def begun_anew(self) -> list[datetime]:
        """When it began anew after an end."""
        found = self.standings()
        return [
            after.start_time
            for before, after in pairwise(found)
            if before.state == State.CANCELLED and after.state not in STOPPED
        ]

    def trials(self) -> list[tuple[datetime, datetime]]:
        """When it was tried out."""
        found = [
            (each.start_time, min(each.trial_end_time, each.end_time or each.trial_end_time))
            for each in self.standings()
            if each.state == State.TRIAL and each.trial_end_time is not None
        ]
        return [(start, end) for start, end in found if start < end]

    def add_ons(self) -> list[HeldAddOn]:
        """Every add-on ever held, as the newest version that names it says."""
        found: dict[tuple[str, int, datetime], HeldAddOn] = {}
        for each in sorted(self.versions, key=lambda version: version.version):
            found.update({(held.add_on_id, held.version, held.start_time): held for held in each.add_ons})
        return [found[key] for key in sorted(found)]


def gaps_within(timeline: Timeline, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The parts of [start, end) in which nothing could be used."""
    cut = [(max(start, since), min(end, until or end)) for since, until in timeline.gaps()]
    return [(since, until) for since, until in cut if since < until]


def month_of(timeline: Timeline, start: datetime, end: datetime, zone: str) -> timedelta:
    """How long the whole month is that a period is or is a part of, which fees of a month are for.

    After an anchor moved a period is shorter or days longer than a month, and has one bound in common with it. One that
    is only hours longer or shorter, since the company moved to another zone, is a month itself.
    """
    since, until = period_at(timeline, min(start + SHORTEST, end - timedelta(microseconds=1)), zone)
    begins, ends = abs(since - start) <= _ZONES_APART, abs(until - end) <= _ZONES_APART
    return until - since if begins != ends else end - start


def period_at(timeline: Timeline, time: datetime, zone: str) -> tuple[datetime, datetime]:
    """The monthly period that `time` lies in: from the subscription's anchor, or that of the zone's calendar."""
    anchor = timeline.anchor_at(time) or datetime(2000, 1, 1, tzinfo=ZoneInfo(zone or "UTC"))
    return period_containing(anchor, MONTH, time, zone)
