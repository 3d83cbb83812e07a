"""Time off that agents ask for: what it takes of a balance, what a contract gives, and how many may be off at once.

Amounts are days or hours of work, as the kind says. Which days are days of work is known of a published week, and
guessed of others: the first days of the week that a contract, the law and the agent's availability allow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from wfm.domain.labour import DAY, Limits
from wfm.domain.shifts import Contract, Entitlement

LONGEST_DAYS = 92
MOST_OBSTACLES = 20
_TINY = 1e-6


class Unit(StrEnum):
    """What a kind is counted in."""

    DAYS = "DAYS"
    HOURS = "HOURS"


class State(StrEnum):
    """Where a request stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


TRANSITIONS: Mapping[tuple[State, str], State] = {
    (State.PENDING, "approve"): State.APPROVED,
    (State.PENDING, "refuse"): State.REFUSED,
    (State.PENDING, "withdraw"): State.WITHDRAWN,
    (State.APPROVED, "withdraw"): State.WITHDRAWN,
}
"""Nothing else happens to a request."""


@dataclass(frozen=True)
class Kind:
    """A kind of time off. `first_year`: nothing comes over from years before it."""

    kind_id: str
    name: str
    unit: Unit
    paid: bool
    limited: bool
    automatic: bool
    archived: bool = False
    first_year: int = 0
    version: int = 0


@dataclass(frozen=True)
class Allowance:
    """How many of those who serve any of `queue_ids` (all, when empty) may be off at once, in minutes `start` to `end`
    of local days."""

    allowance_id: str
    name: str
    queue_ids: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None
    start: int = 0
    end: int = DAY
    max_agents: int | None = None
    max_percent: float | None = None
    covered: bool = False
    version: int = 0

    @property
    def dated(self) -> bool:
        """Whether it is of certain days."""
        return self.first is not None or self.last is not None

    def holds_on(self, day: date) -> bool:
        """Whether it is about this day."""
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def counts(self, queue_ids: Sequence[str]) -> bool:
        """Whether it is about an agent who serves these queues; none means all."""
        return not self.queue_ids or not queue_ids or not set(self.queue_ids).isdisjoint(queue_ids)


@dataclass(frozen=True)
class Obstacle:
    """Why a request isn't approved at once."""

    code: str
    day: date | None = None
    allowance_id: str = ""
    allowed: int = 0
    found: int = 0


@dataclass(frozen=True)
class Request:
    """What an agent asks for. `amounts`: by calendar year, in the kind's unit. `credited`: minutes that count as
    worked. `end_minute` 0: whole days."""

    request_id: str
    user_id: str
    kind_id: str
    first: date
    last: date
    start_minute: int
    end_minute: int
    note: str
    create_time: datetime
    start: datetime
    end: datetime
    state: State = State.PENDING
    amounts: Mapping[int, float] = field(default_factory=dict)
    credited: int = 0
    obstacles: tuple[Obstacle, ...] = ()
    decided_by: str = ""
    reason: str = ""
    decide_time: datetime | None = None
    time_off_id: str = ""
    version: int = 1

    @property
    def amount(self) -> float:
        """Over all years."""
        return round(sum(self.amounts.values()), 2)

    @property
    def days(self) -> list[date]:
        """Local days from first to last."""
        return [self.first + timedelta(days=each) for each in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Balance:
    """What an agent has of a kind in a year, in its unit."""

    kind_id: str
    year: int
    entitled: float
    accrued: float
    carried_over: float
    asked: float
    approved: float
    used: float
    left: float
    """What may still be asked for of that day, so that enough is due by each that was asked for after it."""
    carried_over_set: bool


def instant(day: date, minute: int, place: ZoneInfo) -> datetime:
    """When the clocks of a place show a minute of a day; minute 1440 is the next midnight."""
    wall = datetime.combine(day, time.min, tzinfo=place) + timedelta(
        minutes=minute
    )  # by the clocks, not by time passed
    return wall.astimezone(UTC)


def wrong_kind(value: Kind) -> list[tuple[str, str]]:
    """(field, what it must be) of each field that can't be."""
    return [] if 0 < len(value.name) <= 100 else [("display_name", "must be 1 to 100 characters")]


def wrong_allowance(value: Allowance) -> list[tuple[str, str]]:
    """(field, what it must be) of each field that can't be."""
    some = value.max_agents is not None or value.max_percent is not None or value.covered
    return [
        (name, words)
        for name, fine, words in (
            ("display_name", 0 < len(value.name) <= 100, "must be 1 to 100 characters"),
            ("queue_ids", len(value.queue_ids) <= 1000, "must be at most 1000"),
            ("weekdays", all(0 <= each <= 6 for each in value.weekdays), "must be days of the week, 0 to 6"),
            ("last_day", value.first is None or value.last is None or value.first <= value.last,
             "must not be before first_day"),
            ("start_minute", 0 <= value.start < value.end, "must be 0 or more, and before end_minute"),
            ("end_minute", value.end <= DAY, "must be at most 1440"),
            ("max_agents", value.max_agents is None or 0 <= value.max_agents <= 100_000, "must be 0 to 100,000"),
            ("max_percent", value.max_percent is None or 0 <= value.max_percent <= 100, "must be 0 to 100"),
            ("max_agents", some, "or max_percent or covered must be given"),
        )
        if not fine
    ]  # fmt: skip


def wrong_request(value: Request, unit: Unit) -> list[tuple[str, str]]:
    """(field, what it must be) of each field that can't be."""
    part = bool(value.start_minute or value.end_minute)
    return [
        (name, words)
        for name, fine, words in (
            ("last_day", 0 <= (value.last - value.first).days <= LONGEST_DAYS,
             f"must be at most {LONGEST_DAYS} days after first_day"),
            ("start_minute", not part or unit is Unit.HOURS, "is only of kinds in hours"),
            ("last_day", not part or value.first == value.last, "must be the same day for a part of a day"),
            ("end_minute", not part or (0 <= value.start_minute < value.end_minute <= DAY
                                        and value.start_minute % 15 == value.end_minute % 15 == 0),
             "must be after start_minute, both by 15 and at most 1440"),
            ("note", len(value.note) <= 200, "must be at most 200 characters"),
        )
        if not fine
    ]  # fmt: skip


def usual_minutes(monday: date, contract: Contract, limits: Limits, comes: Callable[[date], bool]) -> dict[date, int]:
    """Minutes of work by day of a week nobody has planned: as many days as the contract has at most, from the week's
    first on, and its hours spread over them."""
    week = [monday + timedelta(days=each) for each in range(7)]
    able = [day for day in week if day.weekday() not in limits.free_weekdays and comes(day)][: contract.max_days]
    return dict.fromkeys(able, contract.max_week // max(1, contract.max_days))


def taken(value: Request, unit: Unit, minutes: Mapping[date, int]) -> tuple[dict[int, float], int]:
    """What a request takes, by year in the kind's unit, and the minutes of work in it. `minutes`: work by day."""
    part = value.end_minute - value.start_minute if value.end_minute else 0
    amounts: dict[int, float] = {}
    total = 0
    for day in value.days:
        work = minutes.get(day, 0)
        if not work:
            continue
        work = min(work, part) if part else work
        total += work
        amounts[day.year] = amounts.get(day.year, 0.0) + (1.0 if unit is Unit.DAYS else work / 60)
    return {year: round(amount, 2) for year, amount in amounts.items()}, total


def months_of(year: int, hired: date | None) -> int:
    """Months of a year somebody is there: from the one they were hired in on."""
    if hired is None or hired.year < year:
        return 12
    return 0 if hired.year > year else 13 - hired.month


def accrued(value: Entitlement, year: int, hired: date | None, on: date) -> float:
    """What of a year's amount is theirs on a day."""
    whole = value.yearly * months_of(year, hired) / 12
    if on.year != year or not value.monthly:
        return round(whole if on.year >= year else 0.0, 2)
    begun = on.month - (12 - months_of(year, hired))
    return round(value.yearly * max(0, begun) / 12, 2)


def balance(
    kind: Kind, given: Entitlement | None, year: int, hired: date | None, on: date, requests: Iterable[Request],
    brought: Mapping[int, float],
) -> Balance:  # fmt: skip
    """What there is of a kind in a year, looked at on a day. `brought`: what a manager says came over, by year."""
    said = given or Entitlement(kind.kind_id, 0.0)
    mine = [each for each in requests if each.kind_id == kind.kind_id]

    def in_year(of: int, state: State, past: bool | None = None) -> float:
        return sum(
            each.amounts.get(of, 0.0)
            for each in mine
            if each.state is state and (past is None or (each.last < on) == past)
        )

    over = carried(kind, said, year, hired, mine, brought)
    return Balance(
        kind.kind_id, year, round(said.yearly * months_of(year, hired) / 12, 2), accrued(said, year, hired, on),
        over, round(in_year(year, State.PENDING), 2), round(in_year(year, State.APPROVED, False), 2),
        round(in_year(year, State.APPROVED, True), 2), round(_left(said, year, hired, on, mine, over), 2),
        year in brought,
    )  # fmt: skip


def _left(
    given: Entitlement, year: int, hired: date | None, on: date | None, mine: Sequence[Request], over: float
) -> float:
    """The least that is left on a day, if one is given, and on each later day on which something is taken."""
    taken_on = sorted((max(each.first, date(year, 1, 1)), each.amounts.get(year, 0.0)) for each in mine)
    gone = sum(amount for day, amount in taken_on if on is not None and day <= on)
    least = math.inf if on is None else accrued(given, year, hired, on) + over - gone
    for day, amount in taken_on:
        if amount and (on is None or day > on):
            gone += amount
            least = min(least, accrued(given, year, hired, day) + over - gone)
    return least


def carried(
    kind: Kind, given: Entitlement, year: int, hired: date | None, mine: Sequence[Request],
    brought: Mapping[int, float],
) -> float:  # fmt: skip
    """What comes over into a year from the one before, of `mine` that count."""
    if year in brought:
        return brought[year]
    if year <= kind.first_year or not given.most_carried:
        return 0.0
    before = year - 1
    gone = sum(each.amounts.get(before, 0.0) for each in mine)
    had = given.yearly * months_of(before, hired) / 12 + carried(kind, given, before, hired, mine, brought)
    return round(min(given.most_carried, max(0.0, had - gone)), 2)


def too_little(
    kind: Kind, given: Entitlement | None, hired: date | None, value: Request, mine: Iterable[Request],
    brought: Mapping[int, float],
) -> tuple[int, float] | None:  # fmt: skip
    """The year in which there isn't enough for a request, and what might be asked for; None where there is.

    By the day of each request that counts, what was due by then must cover all that was taken till then: of the years
    it is in, and of later ones that something may come over into. What was too much without it isn't held against it.
    """
    said = given or Entitlement(kind.kind_id, 0.0)
    others = [each for each in mine if each.kind_id == kind.kind_id and each.request_id != value.request_id]
    last = max((year for each in (*others, value) for year in each.amounts), default=0)
    for year in range(min(value.amounts, default=1), last + 1):
        amount = sum(value.amounts.get(each, 0.0) for each in value.amounts if each <= year)
        without, left = (
            _left(said, year, hired, None, each, carried(kind, said, year, hired, each, brought))
            for each in (others, [*others, value])
        )
        if left < -_TINY and left < without - _TINY:
            return year, round(amount + left, 2)
    return None


@dataclass(frozen=True)
class Absence:
    """Somebody's time off."""

    user_id: str
    start: datetime
    end: datetime


def at_once(absences: Iterable[Absence], start: datetime, end: datetime) -> int:
    """Most people away at one moment of [start, end)."""
    inside = [each for each in absences if each.start < end and each.end > start]
    moments = {max(start, each.start) for each in inside}
    return max((len({one.user_id for one in inside if one.start <= at < one.end}) for at in moments), default=0)


def obstacles(
    value: Request, kind: Kind, worked: Collection[date], allowances: Sequence[Allowance], queue_ids: Sequence[str],
    crowd: Mapping[str, Sequence[str]], absences: Sequence[Absence], short: Callable[[date], str], place: ZoneInfo,
) -> list[Obstacle]:  # fmt: skip
    """Why a request isn't approved at once; nothing when it is.

    `worked`: days of it the agent would work. `crowd`: everybody's queues by user. `absences`: of others. `short`: what
    speaks against it in the published schedule of a day, a code or nothing.
    """
    if not kind.automatic:
        return [Obstacle("MANAGER_DECIDES")]
    found: list[Obstacle] = []
    begins, ends = value.start_minute, value.end_minute or DAY
    for day in sorted(worked):
        held = [each for each in allowances if each.holds_on(day) and each.counts(queue_ids)]
        named = {frozenset(each.queue_ids) for each in held if each.dated}
        held = [each for each in held if each.dated or frozenset(each.queue_ids) not in named]
        if not held:
            found.append(Obstacle("NO_ALLOWANCE", day))
        for each in held:
            low, high = max(begins, each.start), min(ends, each.end)
            if low >= high:
                continue
            found += _of_allowance(each, day, (instant(day, low, place), instant(day, high, place)), crowd, absences)
            if each.covered and (code := short(day)):
                found.append(Obstacle(code, day, each.allowance_id))
    return found[:MOST_OBSTACLES]


def _of_allowance(
    value: Allowance, day: date, stretch: tuple[datetime, datetime], crowd: Mapping[str, Sequence[str]],
    absences: Sequence[Absence],
) -> list[Obstacle]:  # fmt: skip
    members = {user_id for user_id, queue_ids in crowd.items() if value.counts(queue_ids)}
    limits = [value.max_agents] if value.max_agents is not None else []
    if value.max_percent is not None:
        limits.append(math.floor(len(members) * value.max_percent / 100 + _TINY))
    if not limits:
        return []
    off = at_once((each for each in absences if each.user_id in members), *stretch) + 1
    return [Obstacle("ALLOWANCE_FULL", day, value.allowance_id, min(limits), off)] if off > min(limits) else []
