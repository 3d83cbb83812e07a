"""Shifts that agents bid for: in which order they come to turn, and what each gets.

Each in turn gets the shifts they want most that have a place left and break no rule with what they have by then; then
the next. So nobody is better off by wishing for other shifts than those they want.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from wfm.domain.shifts import Break, Shift


class Order(StrEnum):
    """By what shifts are awarded."""

    SENIORITY = "SENIORITY"
    ROTATION = "ROTATION"
    PERFORMANCE = "PERFORMANCE"


class RoundState(StrEnum):
    """Where a round stands; ENDED follows from its end."""

    OPEN = "OPEN"
    ENDED = "ENDED"
    AWARDED = "AWARDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class OpenShift:
    """A shift that may be bid for, by `places` agents."""

    number: int
    day: date
    start: datetime
    end: datetime
    breaks: tuple[Break, ...] = ()
    places: int = 1
    winners: tuple[str, ...] = ()

    def of(self, agent_id: str, zone: str = "") -> Shift:
        """As somebody's shift; a person made it, so it is of no pattern. By the clocks of a site in another zone it may
        be of another day."""
        day = self.start.astimezone(ZoneInfo(zone)).date() if zone else self.day
        return Shift(agent_id, day, self.start, self.end, self.breaks, "", True)


@dataclass(frozen=True)
class Round:
    """Open shifts of a week, until an end."""

    round_id: str
    name: str
    first: date
    end_time: datetime
    order: Order
    shifts: tuple[OpenShift, ...]
    create_time: datetime
    state: RoundState = RoundState.OPEN
    decide_time: datetime | None = None
    bid_count: int = 0
    version: int = 1

    def at(self, now: datetime) -> Round:
        """As it is by now."""
        over = self.state is RoundState.OPEN and now >= self.end_time
        return replace(self, state=RoundState.ENDED) if over else self


@dataclass(frozen=True)
class Outcome:
    """What came of a wish: WON, TAKEN, RULE (with the rule) or ENOUGH."""

    number: int
    outcome: str
    rule: str = ""


@dataclass(frozen=True)
class Bid:
    """What somebody wants, most wanted first, and how many at most."""

    user_id: str
    numbers: tuple[int, ...]
    most: int
    update_time: datetime
    place: int = 0
    standing: str = ""
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Standing:
    """What an order goes by: hired when, won how many in the year before and when last, how well they work."""

    hired: date | None
    won: int
    last_won: datetime | None
    score: float


def in_order(bids: Sequence[Bid], standings: Mapping[str, Standing], order: Order) -> list[Bid]:
    """Bids as they come to turn, each with its place and what that comes from. Who is equal: whoever bid first."""

    def rank(bid: Bid) -> tuple[float, float]:
        of = standings[bid.user_id]
        if order is Order.SENIORITY:
            return (float((of.hired or date.max).toordinal()), 0.0)
        if order is Order.ROTATION:
            return (float(of.won), of.last_won.timestamp() if of.last_won else 0.0)
        return (-of.score, 0.0)

    def words(bid: Bid) -> str:
        of = standings[bid.user_id]
        if order is Order.SENIORITY:
            return of.hired.isoformat() if of.hired else ""
        return str(of.won) if order is Order.ROTATION else f"{of.score:g}"

    queue = sorted(bids, key=lambda each: (rank(each), each.update_time, each.user_id))
    return [replace(each, place=place, standing=words(each)) for place, each in enumerate(queue, start=1)]


def awarded(
    shifts: Sequence[OpenShift],
    bids: Sequence[Bid],
    breaks: Callable[[str, Sequence[Shift], Shift], str],
    zones: Mapping[str, str],
) -> tuple[list[OpenShift], list[Bid], list[Shift]]:
    """Shifts with their winners, bids with what came of them, and the shifts won. `breaks(agent, won, shift)`: the rule
    that a shift would break beside what they have and won, empty for none. `zones`: of agents of sites."""
    winners: dict[int, list[str]] = {each.number: [] for each in shifts}
    by_number = {each.number: each for each in shifts}
    found: list[Bid] = []
    new: list[Shift] = []
    for bid in bids:
        outcomes: list[Outcome] = []
        mine: list[Shift] = []
        for number in bid.numbers:
            wanted = by_number[number]
            shift = wanted.of(bid.user_id, zones.get(bid.user_id, ""))
            if len(mine) >= bid.most:
                outcomes.append(Outcome(number, "ENOUGH"))
            elif len(winners[number]) >= wanted.places:
                outcomes.append(Outcome(number, "TAKEN"))
            elif rule := breaks(bid.user_id, mine, shift):
                outcomes.append(Outcome(number, "RULE", rule))
            else:
                winners[number].append(bid.user_id)
                mine.append(shift)
                outcomes.append(Outcome(number, "WON"))
        new += mine
        found.append(replace(bid, outcomes=tuple(outcomes)))
    return [replace(each, winners=tuple(winners[each.number])) for each in shifts], found, new
