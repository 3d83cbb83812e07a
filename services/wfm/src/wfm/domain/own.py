"""What agents see and say of their own: notices, and when they can come from which day on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from wfm.domain.shifts import Wish

Stretches = tuple[tuple[int, int, int], ...]
"""(weekday, from, to) in minutes."""


@dataclass(frozen=True)
class Notice:
    """Something an agent should know. `first`: Monday of the week it is about."""

    notice_id: str
    user_id: str
    kind: str
    create_time: datetime
    first: date | None = None
    days: tuple[date, ...] = ()
    subject_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Availability:
    """When an agent can come from a day on; no stretches: always. What a manager keeps has no day."""

    user_id: str
    from_day: date | None
    stretches: Stretches = ()
    wish: Wish = field(default_factory=Wish)
    create_time: datetime | None = None


@dataclass(frozen=True)
class Settings:
    """What managers decide once for what agents do for themselves."""

    automatic_trades: bool = True
    trade_notice_hours: int = 0
    availability_notice_days: int = 14
    version: int = 0


def held_on(said: Sequence[Availability], day: date) -> Availability:
    """What holds on a day: the last that began by then. `said` begins with what a manager keeps, days in order."""
    return [each for each in said if each.from_day is None or each.from_day <= day][-1]


def of_week(said: Sequence[Availability], monday: date) -> tuple[Stretches, Wish]:
    """Stretches and wishes of a week, day by day what holds then; of wishes about hours those of its Monday."""
    days = [held_on(said, monday + timedelta(days=each)) for each in range(7)]
    wish = days[0].wish
    free = tuple(each for each in range(7) if each in days[each].wish.free_weekdays)
    wish = Wish(free, wish.earliest_start, wish.latest_end, wish.weight)
    if not any(each.stretches for each in days):
        return (), wish
    found: list[tuple[int, int, int]] = []
    for weekday, each in enumerate(days):
        mine = [stretch for stretch in each.stretches if stretch[0] == weekday]
        found += mine if each.stretches else [(weekday, 0, 2880)]
    return tuple(found), wish


def by_user(said: Sequence[Availability]) -> Mapping[str, list[Availability]]:
    """What everybody said, days in order."""
    found: dict[str, list[Availability]] = {}
    for each in said:
        found.setdefault(each.user_id, []).append(each)
    return found
