"""Rate decks: what a call to a number costs, by the longest prefix that is in force.

A deck is immutable. 200,000 prefixes take a few megabytes: the prefixes of one length are one sorted array of numbers,
and lines that say the same share their terms. What a call of n seconds comes to is `rating`'s, how a deck is read from
a file `deck_files`'.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

MINUTES_A_DAY = 24 * 60
WHOLE_WEEK = frozenset(range(7))
LONGEST_PREFIX = 15
"""Digits of the longest number (ITU-T E.164)."""


class Direction(StrEnum):
    """Who pays for whom: outbound by the number called, inbound by the number of ours that was called."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class AfterMaximum(StrEnum):
    """What follows when a call has cost its maximum."""

    FREE = "free"
    """It goes on and costs nothing more."""
    DISCONNECT = "disconnect"
    """It ends."""


class Rounding(StrEnum):
    """How the cost of one call is rounded, if at all."""

    NONE = "none"
    HALF_UP = "half_up"
    UP = "up"


@dataclass(frozen=True)
class Hours:
    """Hours of some days of the week (0 is Monday), [start, end) in minutes of the local day; end is at most 1440."""

    days: frozenset[int] = WHOLE_WEEK
    start: int = 0
    end: int = MINUTES_A_DAY

    def hold(self, weekday: int, minute: int) -> bool:
        """Whether a local minute of a weekday is within."""
        return weekday in self.days and self.start <= minute < self.end

    def meet(self, other: Hours) -> bool:
        """Whether some minute of the week is in both."""
        return bool(self.days & other.days) and self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Terms:
    """What a line of a deck says beside its prefix. Amounts are in major units of the deck's currency."""

    price: Decimal
    """Of a minute; what is billed is seconds, by the increments."""
    first_increment: int = 60
    next_increment: int = 60
    connect_fee: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    """Least an answered call costs, connect fee included."""
    maximum: Decimal | None = None
    """Most a call costs, connect fee included."""
    after_maximum: AfterMaximum = AfterMaximum.FREE
    blocked: bool = False
    hours: Hours | None = None
    """None: whenever no line of the prefix with hours is in force."""
    start_time: datetime | None = None
    end_time: datetime | None = None
    name: str = ""
    """Of the destination."""

    def in_effect(self, time: datetime) -> bool:
        """Whether `time` is within the effective range, whatever the hour."""
        return (self.start_time is None or self.start_time <= time) and (self.end_time is None or time < self.end_time)

    def effective_with(self, other: Terms) -> bool:
        """Whether the effective ranges of both share a moment."""
        starts_late = self.start_time is not None and other.end_time is not None and other.end_time <= self.start_time
        ends_early = self.end_time is not None and other.start_time is not None and self.end_time <= other.start_time
        return not starts_late and not ends_early

    def clash(self, other: Terms) -> bool:
        """Whether two lines of one prefix would both be the one in force at some moment."""
        if (self.hours is None) != (other.hours is None) or not self.effective_with(other):
            return False
        return self.hours is None or other.hours is None or self.hours.meet(other.hours)


@dataclass(frozen=True)
class DeckLine:
    """One line: a prefix (digits of E.164 without plus; empty matches every number) with its terms."""

    prefix: str
    terms: Terms
    direction: Direction = Direction.OUTBOUND


@dataclass(frozen=True)
class DeckHeader:
    """What holds for every line of a deck."""

    currency: str
    time_zone: str = "UTC"
    """IANA name; hours are in it."""
    rounding: Rounding = Rounding.NONE
    digits: int = 4
    """After the point, where a call's cost is rounded."""


@dataclass(frozen=True)
class Markup:
    """What a derived deck adds to each price and fee of another: a share, then an amount to the minute's price."""

    percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)

    def price(self, price: Decimal) -> Decimal:
        """A minute's price, never below nothing."""
        return max(Decimal(0), self.fee(price) + self.amount)

    def fee(self, fee: Decimal) -> Decimal:
        """A connect fee, a least or a most."""
        return fee + fee * self.percent / 100


class PrefixTable:
    """Prefix -> the terms of its lines, without a Python object for each prefix."""

    def __init__(self, lines: Iterable[tuple[str, int]]) -> None:
        """`lines` are (prefix, number of the terms); terms of one prefix keep their order."""
        by_length: dict[int, list[tuple[int, int]]] = {}
        for prefix, terms in lines:
            by_length.setdefault(len(prefix), []).append((int(prefix or "0"), terms))
        self._lengths: list[tuple[int, array[int], array[int], array[int]]] = []
        for length in sorted(by_length, reverse=True):
            pairs = sorted(by_length[length], key=lambda pair: pair[0])
            keys, firsts, terms_of = array("Q"), array("I"), array("I")
            for key, terms in pairs:
                if not keys or keys[-1] != key:
                    keys.append(key)
                    firsts.append(len(terms_of))
                terms_of.append(terms)
            firsts.append(len(terms_of))
            self._lengths.append((length, keys, firsts, terms_of))

    def matches(self, number: str) -> Iterator[tuple[int, array[int]]]:
        """The prefixes of `number` (digits), longest first: their length and the numbers of their terms."""
        size = len(number)
        for length, keys, firsts, terms_of in self._lengths:
            if length <= size:
                key = int(number[:length] or "0")
                place = bisect_left(keys, key)
                if place < len(keys) and keys[place] == key:
                    yield length, terms_of[firsts[place] : firsts[place + 1]]

    def walk(self) -> Iterator[tuple[str, int]]:
        """Every (prefix, number of the terms), by length and then by number."""
        for length, keys, firsts, terms_of in reversed(self._lengths):
            for place, key in enumerate(keys):
                prefix = str(key).zfill(length) if length else ""
                for terms in terms_of[firsts[place] : firsts[place + 1]]:
                    yield prefix, terms

    def __len__(self) -> int:
        return sum(len(terms_of) for _, _, _, terms_of in self._lengths)

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return sum(len(each) * each.itemsize for entry in self._lengths for each in entry[1:])


class Deck:
    """An immutable deck that calls are rated by. `deck_id` and `version` say which."""

    def __init__(
        self,
        header: DeckHeader,
        lines: Iterable[DeckLine],
        *,
        deck_id: str = "",
        version: int = 0,
        markup: Markup | None = None,
    ) -> None:
        self.header, self.deck_id, self.version, self.markup = header, deck_id, version, markup
        known: dict[Terms, int] = {}
        rows: dict[Direction, list[tuple[str, int]]] = {each: [] for each in Direction}
        for line in lines:
            rows[line.direction].append((line.prefix, known.setdefault(line.terms, len(known))))
        self.terms: Sequence[Terms] = [self._marked(each) for each in known]
        self._tables = {direction: PrefixTable(pairs) for direction, pairs in rows.items()}

    def derived(self, markup: Markup, *, deck_id: str = "", version: int = 0, header: DeckHeader | None = None) -> Deck:
        """The same prefixes at prices with a markup; they share their arrays."""
        made = Deck(header or self.header, (), deck_id=deck_id, version=version, markup=markup)
        made.terms, made._tables = [made._marked(each) for each in self.terms], self._tables
        return made

    def lines(self) -> Iterator[DeckLine]:
        """Every line, by direction, length of the prefix and prefix."""
        for direction, table in self._tables.items():
            for prefix, terms in table.walk():
                yield DeckLine(prefix, self.terms[terms], direction)

    def prefixes_of(self, number: str, direction: Direction = Direction.OUTBOUND) -> list[tuple[str, list[Terms]]]:
        """The prefixes of `number` (E.164, plus or not), longest first, with the terms of their lines. What is no
        number, as of a call from a web page, has none but that of every number."""
        digits = _digits(number)
        found = self._tables[direction].matches(digits)
        return [(digits[:length], [self.terms[each] for each in terms]) for length, terms in found]

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    @property
    def size_bytes(self) -> int:
        """Memory of the prefixes, without the terms they share."""
        return sum(table.size_bytes for table in self._tables.values())

    def _marked(self, terms: Terms) -> Terms:
        if self.markup is None:
            return terms
        mark = self.markup
        return Terms(
            mark.price(terms.price), terms.first_increment, terms.next_increment, mark.fee(terms.connect_fee),
            mark.fee(terms.minimum), None if terms.maximum is None else mark.fee(terms.maximum), terms.after_maximum,
            terms.blocked, terms.hours, terms.start_time, terms.end_time, terms.name,
        )  # fmt: skip


def _digits(number: str) -> str:
    digits = number.removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else ""
