"""What a call costs by a rate deck: its segments, and how long a balance lets it last.

Conventions, where decks of the market disagree:

- An increment is charged by the line that is in force when it begins, also where the hour or the effective range
  changes within it. So segments follow each other without gap or overlap, and each is whole increments.
- The first increment is of the call, not of each segment; connect fee, minimum and maximum are those of the line the
  call began under. A call that begins in the free hours has no connect fee.
- A call of no seconds costs nothing, no connect fee and no minimum either.
- The version of the deck is the caller's choice: the one in force when the call began, for all of the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Protocol
from zoneinfo import ZoneInfo

from billing.domain.decks import AfterMaximum, Deck, Direction, Rounding, Terms

NO_RATE, BLOCKED, NOT_ANSWERED = "NO_RATE", "BLOCKED", "NOT_ANSWERED"
_MICROS = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Segment:
    """Whole increments under one line. `start` and `seconds` count from the call's begin, in billed time."""

    prefix: str
    terms: Terms
    start: int
    seconds: int

    @property
    def amount(self) -> Fraction:
        """Price of the seconds, exact, without fees."""
        return Fraction(self.terms.price) * self.seconds / 60


@dataclass(frozen=True)
class Rated:
    """What a call came to. `amount` is exact unless the deck rounds; `reason` says why nothing could be charged:
    NO_RATE, BLOCKED, NOT_ANSWERED, or empty."""

    segments: Sequence[Segment]
    amount: Fraction
    reason: str = ""

    @property
    def billed_seconds(self) -> int:
        """Sum of the segments' whole increments."""
        return sum(each.seconds for each in self.segments)


class DeckRates(Protocol):
    """What rates calls by a deck."""

    def __call__(
        self, deck: Deck, number: str, start: datetime, seconds: int, direction: Direction = Direction.OUTBOUND
    ) -> Rated:
        """See `rate_call`."""
        ...


def in_force(
    deck: Deck, number: str, time: datetime, direction: Direction = Direction.OUTBOUND
) -> tuple[str, Terms] | None:
    """The line a moment of a call to `number` falls under: of the longest prefix that has one in effect, the one
    whose hours hold the moment, else the one without hours."""
    return _chosen(deck.prefixes_of(number, direction), time, _local(deck, time))


def rate_call(
    deck: Deck, number: str, start: datetime, seconds: int, direction: Direction = Direction.OUTBOUND
) -> Rated:
    """The cost of `seconds` of talk from `start` (aware) on with `number` (E.164): whole seconds, a begun counts."""
    if seconds <= 0:
        return Rated((), Fraction(0), NOT_ANSWERED)
    found = deck.prefixes_of(number, direction)
    first = _chosen(found, start, _local(deck, start))
    if first is None:
        return Rated((), Fraction(0), NO_RATE)
    if first[1].blocked:
        return Rated((), Fraction(0), BLOCKED)
    segments = _segments(deck, found, start, seconds)
    terms = first[1]
    amount = Fraction(terms.connect_fee) + sum((each.amount for each in segments), Fraction(0))
    amount = max(amount, Fraction(terms.minimum))
    if terms.maximum is not None:
        amount = min(amount, Fraction(terms.maximum))
    return Rated(segments, _rounded(amount, deck.header.rounding, deck.header.digits))


def longest_call(
    deck: Deck, number: str, start: datetime, balance: Decimal | Fraction, asked: int,
    direction: Direction = Direction.OUTBOUND,
) -> int:  # fmt: skip
    """How many of the `asked` seconds of talk `balance` pays for; 0 when the number can't be called at all.

    Also ends where a line whose maximum disconnects has cost it.
    """
    if asked <= 0 or rate_call(deck, number, start, 1, direction).reason:
        return 0
    budget = Fraction(balance)
    low, high = 0, asked
    while low < high:  # what a call costs never falls with its length
        middle = (low + high + 1) // 2
        if _affordable(deck, number, start, middle, budget, direction):
            low = middle
        else:
            high = middle - 1
    return low


def _affordable(deck: Deck, number: str, start: datetime, seconds: int, budget: Fraction, direction: Direction) -> bool:
    rated = rate_call(deck, number, start, seconds, direction)
    return rated.amount <= budget and _within(rated)


def within_maximum(
    deck: Deck, number: str, start: datetime, seconds: int, direction: Direction = Direction.OUTBOUND
) -> bool:
    """Whether no maximum that disconnects ends the call before `seconds`."""
    return _within(rate_call(deck, number, start, seconds, direction))


def _within(rated: Rated) -> bool:
    if not rated.segments:
        return True
    terms = rated.segments[0].terms
    if terms.maximum is None or terms.after_maximum is AfterMaximum.FREE:
        return True
    uncapped = Fraction(terms.connect_fee) + sum((each.amount for each in rated.segments), Fraction(0))
    return uncapped <= Fraction(terms.maximum)


def _segments(deck: Deck, found: list[tuple[str, list[Terms]]], start: datetime, seconds: int) -> list[Segment]:
    until = seconds * _MICROS
    edges = _edges(deck, found, start, seconds)
    segments: list[Segment] = []
    at = 0  # microseconds from the start, always whole seconds
    while at < until:
        moment = start + at * _MICROSECOND
        chosen = _chosen(found, moment, _local(deck, moment))
        if chosen is None or chosen[1].blocked:  # a call that is up goes on by the line it had
            chosen = segments[-1].prefix, segments[-1].terms
        prefix, terms = chosen
        edge = min((each for each in edges if each > at), default=until)
        span = _MICROS * (max(terms.first_increment, 1) if at == 0 else 0)
        following = _MICROS * max(terms.next_increment, 1)
        rest = min(edge, until) - at - span
        if rest > 0:
            span += -(-rest // following) * following
        last = segments[-1] if segments else None
        if last is not None and last.prefix == prefix and last.terms is terms:
            segments[-1] = Segment(prefix, terms, last.start, last.seconds + span // _MICROS)
        else:
            segments.append(Segment(prefix, terms, at // _MICROS, span // _MICROS))
        at += span
    return segments


def _chosen(found: list[tuple[str, list[Terms]]], time: datetime, local: datetime | None) -> tuple[str, Terms] | None:
    for prefix, lines in found:
        if len(lines) == 1 and lines[0].hours is None:  # nearly every prefix
            if lines[0].in_effect(time):
                return prefix, lines[0]
            continue
        assert local is not None or all(line.hours is None for line in lines)
        base: Terms | None = None
        for line in lines:
            if not line.in_effect(time):
                continue
            if line.hours is None:
                base = line
            elif local is not None and line.hours.hold(local.weekday(), local.hour * 60 + local.minute):
                return prefix, line
        if base is not None:
            return prefix, base
    return None


def _local(deck: Deck, time: datetime) -> datetime | None:
    return time.astimezone(ZoneInfo(deck.header.time_zone))


def _edges(deck: Deck, found: list[tuple[str, list[Terms]]], start: datetime, seconds: int) -> list[int]:
    """Microseconds from `start` at which another line may be the one in force, without those past the call."""
    lines = [line for _, each in found for line in each]
    end = start + timedelta(seconds=seconds)
    moments = {time for line in lines for time in (line.start_time, line.end_time) if time is not None}
    hours = [line.hours for line in lines if line.hours is not None]
    if hours:
        minutes = {0} | {each.start for each in hours} | {each.end for each in hours if each.end < 24 * 60}
        moments |= _local_moments(ZoneInfo(deck.header.time_zone), start, end, minutes)
    return sorted((each - start) // _MICROSECOND for each in moments if start < each < end)


def _local_moments(zone: ZoneInfo, start: datetime, end: datetime, minutes: set[int]) -> set[datetime]:
    """The instants of these local minutes on every day of [start, end), and those at which the clocks are changed."""
    moments: set[datetime] = set()
    day = start.astimezone(zone).date() - _DAY
    last = end.astimezone(zone).date()
    utc = start.tzinfo
    while day <= last:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        for minute in minutes:
            local = midnight.replace(hour=minute // 60, minute=minute % 60)
            moments |= {local.astimezone(utc), local.replace(fold=1).astimezone(utc)}
        since, until = midnight.astimezone(utc), (midnight + _DAY).astimezone(utc)
        if since.astimezone(zone).utcoffset() != until.astimezone(zone).utcoffset():
            moments.add(_change(zone, since, until))
        day += _DAY
    return moments


def _change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """The instant between both, to the second, from which on the zone has the offset it has at `until`."""
    after = until.astimezone(zone).utcoffset()
    while until - since > timedelta(seconds=1):
        middle = since + timedelta(seconds=((until - since) // timedelta(seconds=1)) // 2)
        if middle.astimezone(zone).utcoffset() == after:
            until = middle
        else:
            since = middle
    return until


def _rounded(amount: Fraction, rounding: Rounding, digits: int) -> Fraction:
    if rounding is Rounding.NONE:
        return amount
    scaled = amount * 10**digits
    whole = -(-scaled.numerator // scaled.denominator) if rounding is Rounding.UP else (scaled * 2 + 1) // 2
    return Fraction(int(whole), 10**digits)
