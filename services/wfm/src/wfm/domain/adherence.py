"""What agents do held against what their shifts say: by instants, day by day.

Nothing is kept but what was heard: which state an agent is in since when, and which they were in before. All else is
worked out when it is read, so that facts that come late or twice, shifts that are published anew and time that is
excused afterwards change figures as if they had been known at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from kernel.errors import InvalidInput

from wfm.domain.shifts import Shift, TimeOff

DEFAULT_TOLERANCE = 120
WORKING = frozenset({"AVAILABLE", "OFFERED", "ON_CONTACT", "WRAP_UP"})
"""States that are work whatever a tenant says."""
_BREAKS = frozenset({"break", "lunch", "mola", "öğle yemeği", "fasilə", "nahar", "استراحت", "ناهار", "وقت ناهار"})
"""Words for a break in the languages a tenant may begin in; one that means something else says so in its rules."""


class Doing(StrEnum):
    """What somebody is to do, or does. AWAY is never planned."""

    WORK = "WORK"
    BREAK = "BREAK"
    AWAY = "AWAY"
    OFF = "OFF"


class Standing(StrEnum):
    """How somebody stands to their plan at a moment."""

    OUT = "OUT"
    TOLERATED = "TOLERATED"
    UNPLANNED = "UNPLANNED"
    IN = "IN"
    EXCUSED = "EXCUSED"
    OFF = "OFF"


class AdherenceRulesInvalid(InvalidInput):
    """A field of the rules is wrong."""

    reason = "ADHERENCE_RULES_INVALID"


@dataclass(frozen=True)
class Reason:
    """What a reason of NOT_READY is: found by its id, or by its name whatever the case."""

    reason_id: str
    name: str
    doing: Doing


@dataclass(frozen=True)
class Rules:
    """What adherence is measured by. `tolerance`: seconds a deviation may last."""

    tolerance: int = DEFAULT_TOLERANCE
    breaks_signed_in: bool = False
    reasons: tuple[Reason, ...] = ()
    version: int = 0


@dataclass(frozen=True)
class Heard:
    """A fact of an agent's state. `version` rises with every change of the agent: it orders facts."""

    user_id: str
    version: int
    state: str
    start: datetime
    before: str
    before_start: datetime
    reason: str = ""
    reason_id: str = ""


@dataclass(frozen=True)
class Stretch:
    """What somebody does in [start, end)."""

    start: datetime
    end: datetime
    doing: Doing
    state: str = "OFFLINE"
    reason: str = ""


@dataclass(frozen=True)
class Piece:
    """A time in which nothing changes."""

    start: datetime
    end: datetime
    planned: Doing
    actual: Doing
    excused: bool

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True)
class Deviation:
    """A stretch in which something else is done than what is planned; what was so when it began."""

    start: datetime
    end: datetime
    planned: Doing
    actual: Doing
    tolerated: bool


_NONE = timedelta(0)


@dataclass(frozen=True)
class Figures:
    """Raw times; what comes of them is None where there is nothing to divide by."""

    scheduled: timedelta = _NONE
    adherent: timedelta = _NONE
    excused: timedelta = _NONE
    scheduled_work: timedelta = _NONE
    worked: timedelta = _NONE

    @property
    def adherence(self) -> float | None:
        """Time in the scheduled state / scheduled time."""
        return self.adherent / self.scheduled if self.scheduled else None

    @property
    def conformance(self) -> float | None:
        """Time worked / work scheduled."""
        return self.worked / self.scheduled_work if self.scheduled_work else None

    def plus(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(*(one + two for one, two in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Person:
    """All that is known of somebody over a stretch of time."""

    user_id: str
    shifts: Sequence[Shift] = ()
    away: Sequence[TimeOff] = ()
    heard: Sequence[Heard] = ()
    excused: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True)
class Day:
    """Somebody's time held against their plan."""

    plan: list[Stretch]
    actual: list[Stretch]
    deviations: list[Deviation]
    figures: Figures
    pieces: list[Piece] = field(repr=False, default_factory=list)


@dataclass(frozen=True)
class Now:
    """Somebody at a moment. `until`: when what is planned ends, None when nothing more is planned."""

    user_id: str
    standing: Standing
    out: datetime | None
    planned: Doing
    until: datetime | None
    actual: Doing
    state: str
    reason: str
    since: datetime | None
    figures: Figures


def checked(value: Rules) -> Rules:
    """The same when it can be. Raises `AdherenceRulesInvalid` that names the field."""
    named = [(each.reason_id, each.name.strip().casefold()) for each in value.reasons]
    for name, fine, words in (
        ("tolerance_seconds", 0 <= value.tolerance <= 3600, "must be 0 to 3600"),
        ("reasons", len(value.reasons) <= 100, "must be at most 100"),
        ("reasons", all(any(each) for each in named), "must each have an id or a name"),
        ("reasons", all(len(name) <= 64 for _, name in named), "must have names of at most 64 characters"),
        ("reasons", len(set(named)) == len(named), "must be there once each"),
        ("reasons", all(each.doing is not Doing.OFF for each in value.reasons), "must be work, a break or away"),
    ):
        if not fine:
            raise AdherenceRulesInvalid.of(f"adherence_rules.{name}", words)
    return value


def doing(state: str, reason: str, reason_id: str, rules: Rules) -> Doing:
    """What a state counts as."""
    if state in WORKING:
        return Doing.WORK
    if state != "NOT_READY":
        return Doing.OFF
    for each in rules.reasons:
        if each.reason_id and each.reason_id == reason_id:
            return each.doing
    name = reason.strip().casefold()
    for each in rules.reasons:
        if not each.reason_id and each.name.strip().casefold() == name:
            return each.doing
    return Doing.BREAK if name in _BREAKS else Doing.AWAY


def actual(heard: Iterable[Heard], rules: Rules, start: datetime, end: datetime) -> list[Stretch]:
    """What somebody did in [start, end), without a gap; signed off as long as nothing else is known.

    A fact tells also of the state before it, so that one that hasn't come (yet) is made up for by the next.
    """
    points: list[tuple[datetime, str, str, str]] = []

    def begins(at: datetime, state: str, reason: str = "", reason_id: str = "") -> None:
        at = max(at, points[-1][0]) if points else at
        points.append((at, state, reason, reason_id))

    for each in sorted(heard, key=lambda fact: (fact.version, fact.start)):
        last = points[-1][1] if points else "OFFLINE"
        if each.before and each.before != last and not (each.before in WORKING and last in WORKING):
            begins(each.before_start, each.before)
        begins(each.start, each.state, each.reason, each.reason_id)
    found: list[Stretch] = []
    states = [(start, "OFFLINE", "", ""), *points]
    for place, (at, state, reason, reason_id) in enumerate(states):
        after = states[place + 1][0] if place + 1 < len(states) else end
        low, high = max(start, at), min(end, after)
        if low < high:
            found.append(Stretch(low, high, doing(state, reason, reason_id, rules), state, reason))
    return found


def plan(shifts: Iterable[Shift], away: Iterable[TimeOff], start: datetime, end: datetime) -> list[Stretch]:
    """What is planned in [start, end), oldest first; between stretches nothing is. Of time off nothing is planned."""
    whole: list[Stretch] = []
    for shift in sorted(shifts, key=lambda each: each.start):
        at = shift.start
        for rest in sorted(shift.breaks, key=lambda each: each.start):
            whole += [Stretch(at, rest.start, Doing.WORK), Stretch(rest.start, rest.end, Doing.BREAK)]
            at = rest.end
        whole.append(Stretch(at, shift.end, Doing.WORK))
    for gone in away:
        whole = [piece for each in whole for piece in _without(each, gone.start, gone.end)]
    clipped = (replace(each, start=max(start, each.start), end=min(end, each.end)) for each in whole)
    return [each for each in clipped if each.start < each.end]


def _without(each: Stretch, start: datetime, end: datetime) -> Iterator[Stretch]:
    if end <= each.start or each.end <= start:
        yield each
        return
    if each.start < start:
        yield replace(each, end=start)
    if end < each.end:
        yield replace(each, start=end)


def keeps(planned: Doing, does: Doing, rules: Rules) -> bool:
    """Whether it is what is planned."""
    if planned is Doing.BREAK and does is Doing.OFF:
        return not rules.breaks_signed_in
    return planned is does


def held_against(person: Person, rules: Rules, start: datetime, end: datetime) -> Day:
    """Somebody's [start, end): their plan, what they did, where it differs. `end` is at most now."""
    planned = plan(person.shifts, person.away, start, end)
    done = actual(person.heard, rules, start, end)
    pieces = list(_pieces(planned, done, person.excused, start, end))
    apart = list(_deviations(pieces, rules))
    late = sum((each.end - each.start for each in apart if not each.tolerated), _NONE)
    there = [each for each in pieces if each.planned is not Doing.OFF]
    scheduled = sum((each.length for each in there), _NONE)
    excused = [each for each in there if each.excused and not keeps(each.planned, each.actual, rules)]
    lost = (each.length for each in excused if each.planned is Doing.WORK)
    worked = (each.length for each in pieces if each.actual is Doing.WORK)
    figures = Figures(
        scheduled, scheduled - late, sum((each.length for each in excused), _NONE),
        sum((each.length for each in there if each.planned is Doing.WORK), _NONE),
        sum(worked, _NONE) + sum(lost, _NONE),
    )  # fmt: skip
    return Day(planned, done, apart, figures, pieces)


def now_of(person: Person, rules: Rules, start: datetime, now: datetime, end: datetime) -> Now:
    """Somebody at `now`, in their local day [start, end). Figures are of it; since when they are out, and until when
    what is planned lasts, is of their shift, also where that crosses midnight."""
    day = held_against(person, rules, start, now)
    since = min((each.start for each in person.shifts if each.start < start < each.end), default=start)
    until = max((each.end for each in person.shifts if each.start < end < each.end), default=end)
    ahead = plan(person.shifts, person.away, start, until)
    here = next((each for each in ahead if each.start <= now < each.end), None)
    after = next((each.start for each in ahead if each.start > now), None)
    last = max((each for each in person.heard if each.start <= now), key=lambda each: each.version, default=None)
    does = doing(last.state, last.reason, last.reason_id, rules) if last else Doing.OFF
    planned, out = here.doing if here else Doing.OFF, None
    if any(low <= now < high for low, high in person.excused) and here:
        standing = Standing.EXCUSED
    elif planned is Doing.OFF:
        standing = Standing.OFF if does is Doing.OFF else Standing.UNPLANNED
    elif keeps(planned, does, rules):
        standing = Standing.IN
    else:
        whole = day if since == start else held_against(person, rules, since, now)
        apart = whole.deviations[-1] if whole.deviations else None
        out = apart.start if apart and apart.end == now else now
        standing = Standing.TOLERATED if now - out <= timedelta(seconds=rules.tolerance) else Standing.OUT
    lasts = here.end if here else after
    state, reason, since = (last.state, last.reason, last.start) if last else ("OFFLINE", "", None)
    return Now(person.user_id, standing, out, planned, lasts, does, state, reason, since, day.figures)


def in_order(found: Iterable[Now]) -> list[Now]:
    """Who is out first, longest out first; then by how they stand."""
    order = {standing: place for place, standing in enumerate(Standing)}
    return sorted(
        found, key=lambda each: (order[each.standing], each.out.timestamp() if each.out else 0.0, each.user_id)
    )


def total(found: Iterable[Figures]) -> Figures:
    """All of them together."""
    together = Figures()
    for each in found:
        together = together.plus(each)
    return together


def _pieces(
    planned: Sequence[Stretch], done: Sequence[Stretch], excused: Sequence[tuple[datetime, datetime]], start: datetime,
    end: datetime,
) -> Iterator[Piece]:  # fmt: skip
    edges = {start, end}
    for each in (*planned, *done):
        edges |= {each.start, each.end}
    for low, high in excused:
        edges |= {min(max(start, low), end), min(max(start, high), end)}
    cuts = sorted(each for each in edges if start <= each <= end)
    at_plan, at_done = 0, 0
    for low, high in pairwise(cuts):
        while at_plan < len(planned) and planned[at_plan].end <= low:
            at_plan += 1
        while at_done < len(done) and done[at_done].end <= low:
            at_done += 1
        here = planned[at_plan] if at_plan < len(planned) else None
        wanted = here.doing if here and here.start <= low else Doing.OFF
        does = done[at_done].doing if at_done < len(done) else Doing.OFF
        covered = bool(excused) and any(first <= low < last for first, last in excused)
        yield Piece(low, high, wanted, does, covered)


def _deviations(pieces: Sequence[Piece], rules: Rules) -> Iterator[Deviation]:
    run: list[Piece] = []
    for piece in (*pieces, None):
        apart = (
            piece is not None
            and piece.planned is not Doing.OFF
            and not piece.excused
            and not keeps(piece.planned, piece.actual, rules)
        )
        if apart and piece is not None:
            run.append(piece)
        elif run:
            length = run[-1].end - run[0].start
            short = length <= timedelta(seconds=rules.tolerance)
            yield Deviation(run[0].start, run[-1].end, run[0].planned, run[0].actual, short)
            run = []


def by_person(
    users: Iterable[str], shifts: Iterable[Shift], away: Mapping[str, Sequence[TimeOff]],
    heard: Mapping[str, Sequence[Heard]], excused: Sequence[tuple[str, datetime, datetime]],
) -> list[Person]:  # fmt: skip
    """What was read, put together by user; what is excused for nobody in particular is for everybody."""
    mine: dict[str, list[Shift]] = {}
    for shift in shifts:
        mine.setdefault(shift.agent_id, []).append(shift)
    return [
        Person(
            each, mine.get(each, ()), away.get(each, ()), heard.get(each, ()),
            tuple((start, end) for user_id, start, end in excused if user_id in ("", each)),
        )
        for each in users
    ]  # fmt: skip
