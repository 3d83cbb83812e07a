"""Who may work how: shift patterns with breaks, contracts, planned agents; and shifts themselves.

Times of day are minutes of local time on a grid of 15; lengths are minutes that pass. A shift is of the local day it
begins on, by the clocks of the agent's site, whatever it reaches into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from wfm.domain.labour import DAY, Clash, Limits, break_due, in_night

SLOT = 15
"""Minutes of the grid everything is scheduled on."""


@dataclass(frozen=True)
class BreakRule:
    """A break or lunch: it begins `earliest` to `latest` minutes after its shift does."""

    name: str
    earliest: int
    latest: int
    length: int
    paid: bool


@dataclass(frozen=True)
class Pattern:
    """Shifts that may be worked: from a window of starts, so long, on these days of the week."""

    pattern_id: str
    name: str
    first_start: int
    """Minute of the local day."""
    last_start: int
    step: int
    """Minutes between possible starts."""
    shortest: int
    """From start to end, breaks in it."""
    longest: int
    length_step: int
    breaks: tuple[BreakRule, ...] = ()
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)

    @property
    def unpaid(self) -> int:
        """Minutes that are no work."""
        return sum(each.length for each in self.breaks if not each.paid)

    @property
    def lengths(self) -> tuple[int, ...]:
        """All lengths, shortest first."""
        return tuple(range(self.shortest, self.longest + 1, max(1, self.length_step)))


@dataclass(frozen=True)
class Entitlement:
    """What a contract gives of a kind of time off in a calendar year, in the kind's unit: all with the year, or a
    twelfth with each month that has begun. `most_carried`: what of the rest goes over into the next year at most."""

    kind_id: str
    yearly: float
    monthly: bool = False
    most_carried: float = 0.0


@dataclass(frozen=True)
class Contract:
    """What an agent is hired for: work and days of a week, and the patterns they may be given."""

    contract_id: str
    name: str
    min_week: int
    max_week: int
    min_days: int
    max_days: int
    pattern_ids: tuple[str, ...]
    rules_id: str = ""
    entitlements: tuple[Entitlement, ...] = ()


@dataclass(frozen=True)
class TimeOff:
    """Nobody works then. `credited`: minutes that count as worked in its weeks, such as 480 a day of paid holiday."""

    start: datetime
    end: datetime
    credited: int = 0


@dataclass(frozen=True)
class Wish:
    """What an agent would rather: kept where it costs little. `weight`: agent hours a day of it is worth."""

    free_weekdays: tuple[int, ...] = ()
    earliest_start: int = 0
    latest_end: int = 0
    """Minute of the day the shift began on, up to 2880; 0 for no wish."""
    weight: float = 1.0


@dataclass(frozen=True)
class Break:
    """A break that is placed."""

    start: datetime
    end: datetime
    paid: bool


@dataclass(frozen=True)
class Shift:
    """One agent's work of one local day. `work` says which queues' group it covers, stretch by stretch."""

    agent_id: str
    day: date
    start: datetime
    end: datetime
    breaks: tuple[Break, ...] = ()
    pattern_id: str = ""
    locked: bool = False
    work: tuple[tuple[datetime, int], ...] = ()
    """(from, number of the group) in order; a break ends none."""

    @property
    def minutes(self) -> int:
        """From start to end."""
        return int((self.end - self.start).total_seconds()) // 60

    @property
    def worked(self) -> int:
        """Without unpaid breaks."""
        return self.minutes - sum(_minutes(each) for each in self.breaks if not each.paid)


@dataclass(frozen=True)
class Agent:
    """Somebody to plan for, with everything that holds for them."""

    agent_id: str
    contract: Contract
    limits: Limits
    patterns: tuple[Pattern, ...]
    groups: tuple[int, ...]
    """Numbers of the groups of queues they serve."""
    availability: Mapping[int, tuple[tuple[int, int], ...]] | None = None
    """By day of the week, stretches (from, to) of minutes of that day, to 2880, a shift of that day must lie in; None
    for any time, and a day that isn't named is none."""
    time_off: tuple[TimeOff, ...] = ()
    wish: Wish = field(default_factory=Wish)
    before: tuple[Shift, ...] = ()
    """Shifts of the four weeks before, as they were published."""
    after: tuple[Shift, ...] = ()
    """Those of the week after."""
    locked: tuple[Shift, ...] = ()
    locked_free: frozenset[date] = frozenset()
    """Days that stay free."""
    begins: datetime | None = None
    """No shift that isn't locked starts before; None in a week that is still to come."""
    zone: str = ""
    """Whose clocks all that is said of them goes by: their site's; empty for those the week is in."""


def _minutes(each: Break) -> int:
    return int((each.end - each.start).total_seconds()) // 60


def wrong_pattern(value: Pattern) -> list[tuple[str, str]]:
    """(field, what it must be) of each field that can't be."""
    found: list[tuple[str, str]] = []

    def need(fine: bool, name: str, words: str) -> None:
        if not fine:
            found.append((name, words))

    need(bool(value.name.strip()) and len(value.name) <= 100, "name", "must be 1 to 100 characters")
    need(
        0 <= value.first_start < DAY and value.first_start % SLOT == 0, "first_start_minute", "must be 0 to 1425, by 15"
    )
    need(value.first_start <= value.last_start < DAY and value.last_start % SLOT == 0, "last_start_minute",
         "must be first_start_minute to 1425, by 15")  # fmt: skip
    need(SLOT <= value.step <= 240 and value.step % SLOT == 0, "start_step_minutes", "must be 15 to 240, by 15")
    need(60 <= value.shortest <= 960 and value.shortest % SLOT == 0, "min_length_minutes", "must be 60 to 960, by 15")
    need(value.shortest <= value.longest <= 960 and value.longest % SLOT == 0, "max_length_minutes",
         "must be min_length_minutes to 960, by 15")  # fmt: skip
    need(
        SLOT <= value.length_step <= 480 and value.length_step % SLOT == 0,
        "length_step_minutes",
        "must be 15 to 480, by 15",
    )
    need(bool(value.weekdays) and len(set(value.weekdays)) == len(value.weekdays)
         and all(0 <= each <= 6 for each in value.weekdays), "weekdays",
         "must be days of the week, 0 to 6, each once")  # fmt: skip
    need(len(value.breaks) <= 6, "breaks", "must be at most 6")
    if not found and len(value.lengths) > 40:
        need(False, "length_step_minutes", "makes more than 40 lengths")
    last = 0
    for at, each in enumerate(value.breaks):
        place = f"breaks[{at}]"
        need(
            SLOT <= each.length <= 240 and each.length % SLOT == 0,
            f"{place}.length_minutes",
            "must be 15 to 240, by 15",
        )
        need(
            each.earliest >= SLOT and each.earliest % SLOT == 0, f"{place}.earliest_minute", "must be 15 or more, by 15"
        )
        need(each.latest >= each.earliest and each.latest % SLOT == 0, f"{place}.latest_minute",
             "must be earliest_minute or more, by 15")  # fmt: skip
        need(each.earliest >= last, f"{place}.earliest_minute",
             "must be so late that the break before it is over wherever it is placed")  # fmt: skip
        need(each.latest + each.length < value.shortest, f"{place}.latest_minute",
             "must be so early that the break is over before the shortest shift ends")  # fmt: skip
        last = each.latest + each.length + SLOT
    return found


def pattern_clashes(value: Pattern, limits: Limits) -> list[Clash]:
    """What of a pattern no agent under these limits may work."""
    found = []
    rests = sum(each.length for each in value.breaks)
    for length in (value.shortest, value.longest):
        work = length - value.unpaid
        if limits.max_day and work > limits.max_day:
            found.append(Clash("shift_length", work, "max_day", limits.max_day,
                f"a shift of {value.name} is up to {work / 60:g} h of work,"
                f" and no day may be more than {limits.max_day / 60:g} h"))  # fmt: skip
            break
        if rests < break_due(limits, work):
            found.append(Clash("breaks", rests, "breaks_due", break_due(limits, work),
                f"a shift of {value.name} with {work / 60:g} h of work has {rests} minutes of break,"
                f" and {break_due(limits, work)} are due"))  # fmt: skip
            break
    if limits.max_stretch and (stretch := _surest_stretch(value)) > limits.max_stretch:
        found.append(Clash("breaks", stretch, "max_stretch", limits.max_stretch,
            f"a shift of {value.name} has {stretch / 60:g} h of work without a break wherever they are placed,"
            f" and {limits.max_stretch / 60:g} h are allowed"))  # fmt: skip
    if set(value.weekdays) <= set(limits.free_weekdays):
        found.append(Clash("weekdays", len(value.weekdays), "free_weekdays", len(limits.free_weekdays),
            f"{value.name} is worked only on days that must be free"))  # fmt: skip
    if limits.night_forbidden and all(
        in_night(limits, start, start + value.shortest)
        for start in range(value.first_start, value.last_start + 1, value.step)
    ):
        found.append(Clash("start", value.first_start, "night_forbidden", limits.night_start,
            f"every shift of {value.name} reaches into the night, which is forbidden"))  # fmt: skip
    return found


def _surest_stretch(value: Pattern) -> int:
    """The longest work without a break that not even the best placing of a pattern's longest shift avoids."""
    worst = 0
    low, high = 0, DAY
    while high - low > SLOT:  # the least stretch that a greedy placing can keep
        allowed = (low + high) // 2 // SLOT * SLOT
        at, fits = 0, True
        for each in value.breaks:
            begin = min(each.latest, at + allowed)
            if begin < each.earliest:
                fits = False
                break
            at = begin + each.length
        fits = fits and value.longest - at <= allowed
        low, high = (low, allowed) if fits else (allowed, high)
        worst = high
    return worst


def wrong_contract(value: Contract) -> list[tuple[str, str]]:
    """(field, what it must be) of each field that can't be."""
    found: list[tuple[str, str]] = []
    for name, fine, words in (
        ("name", bool(value.name.strip()) and len(value.name) <= 100, "must be 1 to 100 characters"),
        ("min_week_minutes", 0 <= value.min_week <= 7 * DAY, "must be 0 to 10,080"),
        (
            "max_week_minutes",
            max(60, value.min_week) <= value.max_week <= 7 * DAY,
            "must be min_week_minutes to 10,080",
        ),
        ("min_days", 0 <= value.min_days <= 7, "must be 0 to 7"),
        ("max_days", max(1, value.min_days) <= value.max_days <= 7, "must be min_days to 7"),
        ("shift_pattern_ids", 0 < len(value.pattern_ids) <= 20, "must be 1 to 20 patterns"),
        (
            "time_off_entitlements",
            len(value.entitlements) <= 20
            and len({each.kind_id for each in value.entitlements}) == len(value.entitlements),
            "must be at most 20, of each kind one",
        ),
        (
            "time_off_entitlements",
            all(0 <= each.yearly <= 8784 and 0 <= each.most_carried <= 8784 for each in value.entitlements),
            "must have amounts of 0 to 8784",
        ),
    ):
        if not fine:
            found.append((name, words))
    return found


def contract_clashes(value: Contract, limits: Limits, patterns: Sequence[Pattern]) -> list[Clash]:
    """What a contract asks for that its patterns or the law rule out."""
    usable = [each for each in patterns if not pattern_clashes(each, limits)]
    found = [clash for each in patterns for clash in pattern_clashes(each, limits)]
    if limits.max_week and value.min_week > limits.max_week:
        found.append(Clash("min_week", value.min_week, "max_week", limits.max_week,
            f"{value.name} asks for {value.min_week / 60:g} h a week,"
            f" and the law allows {limits.max_week / 60:g}"))  # fmt: skip
    free = len(limits.free_weekdays)
    if value.min_days > 7 - free:
        found.append(Clash("min_days", value.min_days, "free_weekdays", free,
            f"{value.name} asks for {value.min_days} days a week, and {free} must be free"))  # fmt: skip
    if limits.max_consecutive_days and value.min_days == 7 > limits.max_consecutive_days:
        found.append(Clash("min_days", 7, "max_consecutive_days", limits.max_consecutive_days,
            f"{value.name} asks for 7 days a week,"
            f" and at most {limits.max_consecutive_days} in a row are allowed"))  # fmt: skip
    if limits.min_weekly_rest > DAY and value.min_days == 7:
        found.append(Clash("min_days", 7, "min_weekly_rest", limits.min_weekly_rest,
            f"{value.name} asks for 7 days a week,"
            f" and {limits.min_weekly_rest / 60:g} h of rest in a row are due"))  # fmt: skip
    if not usable:
        return found
    works = [length - each.unpaid for each in usable for length in (each.shortest, each.longest)]
    shortest, longest = min(works), min(max(works), limits.max_day or DAY)
    days = min(value.max_days, 7 - free)
    if days * longest < value.min_week:
        found.append(Clash("min_week", value.min_week, "max_days", days,
            f"{value.name} asks for {value.min_week / 60:g} h,"
            f" and {days} days of {longest / 60:g} h are {days * longest / 60:g}"))  # fmt: skip
    if value.min_days * shortest > value.max_week:
        found.append(Clash("max_week", value.max_week, "min_days", value.min_days,
            f"{value.name} allows {value.max_week / 60:g} h, and {value.min_days} days of {shortest / 60:g} h are"
            f" {value.min_days * shortest / 60:g}"))  # fmt: skip
    if not found and not _sum_exists(usable, value, days):
        found.append(Clash("min_week", value.min_week, "shift_length", longest,
            f"no {value.min_days} to {days} shifts of these lengths make"
            f" {value.min_week / 60:g} to {value.max_week / 60:g} h"))  # fmt: skip
    return found


def _sum_exists(patterns: Sequence[Pattern], value: Contract, days: int) -> bool:
    works = {length - each.unpaid for each in patterns for length in each.lengths}
    sums = {0}
    for count in range(days + 1):
        if count >= value.min_days and any(value.min_week <= each <= value.max_week for each in sums):
            return True
        sums = {each + work for each in sums for work in works if each + work <= value.max_week}
    return False


def moved(shift: Shift, by: timedelta, day: date) -> Shift:
    """The same shift on another day."""
    breaks = tuple(replace(each, start=each.start + by, end=each.end + by) for each in shift.breaks)
    work = tuple((at + by, group) for at, group in shift.work)
    return replace(shift, day=day, start=shift.start + by, end=shift.end + by, breaks=breaks, work=work)
