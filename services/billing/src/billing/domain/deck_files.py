"""Rate decks as CSV: reading with every bad line named, and writing what was read.

The columns, in any order, by the header's names; only `prefix` and `price_per_minute` are needed:

| column | says |
| --- | --- |
| prefix | digits of E.164, a plus before them is left out; `*` matches every number |
| direction | `outbound` (default) or `inbound` |
| destination | name people know it by |
| price_per_minute | decimal point, of the deck's currency |
| currency | when given, the deck's |
| increments | first/next seconds, such as 60/60, 30/6, 1/1; default 60/60 |
| connect_fee, minimum, maximum | of a call; empty: none |
| after_maximum | `free` (default) or `disconnect` |
| state | `open` (default) or `blocked` |
| days | such as `mon-fri`, `sat,sun` |
| from, to | local hours HH:MM of the deck's zone, `24:00` is the day's end; to before from goes over midnight |
| effective_from, effective_to | instants or dates (midnight of the deck's zone); empty: open |
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from billing.domain.decks import (
    LONGEST_PREFIX,
    MINUTES_A_DAY,
    WHOLE_WEEK,
    AfterMaximum,
    DeckHeader,
    DeckLine,
    Direction,
    Hours,
    Terms,
)

COLUMNS = (
    "prefix", "direction", "destination", "price_per_minute", "currency", "increments", "connect_fee", "minimum",
    "maximum", "after_maximum", "state", "days", "from", "to", "effective_from", "effective_to",
)  # fmt: skip
NEEDED = ("prefix", "price_per_minute")
MOST_LINES = 1_000_000
MOST_KEPT = 1000
"""Problems that are kept one by one; more are counted."""
LONGEST_INCREMENT = 3600
_ABSURD_FACTOR = 100
_MOST_PRICE, _MOST_DIGITS = Decimal(1_000_000), 8
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?")
_INCREMENTS = re.compile(r"(\d{1,4})/(\d{1,4})")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class DeckProblem:
    """What is wrong with a line of a file. `reason` is a stable key, `column` the one to look at."""

    line: int
    reason: str
    column: str = ""
    value: str = ""
    other_line: int = 0
    """The line it clashes with; 0: none."""
    warning: bool = False
    """Unlikely rather than wrong: it can be accepted."""


@dataclass
class DeckFile:
    """What a file says, and what is wrong with it."""

    lines: list[DeckLine] = field(default_factory=list[DeckLine])
    numbers: list[int] = field(default_factory=list[int])
    """Line number in the file of each of `lines`."""
    problems: list[DeckProblem] = field(default_factory=list[DeckProblem])
    error_count: int = 0
    warning_count: int = 0
    line_count: int = 0

    def note(self, problem: DeckProblem) -> None:
        """Keep a problem, or count it where there are too many to keep."""
        if problem.warning:
            self.warning_count += 1
        else:
            self.error_count += 1
        if len(self.problems) < MOST_KEPT:
            self.problems.append(problem)


class _Bad(Exception):
    def __init__(self, reason: str, column: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.column, self.value = reason, column, value


def read_deck(text: Iterable[str], header: DeckHeader) -> DeckFile:
    """Reads lines of CSV text. Never raises for what is in them: everything wrong is a problem with its line number."""
    made = DeckFile()
    reader = csv.reader(text, strict=True)
    try:
        named = [name.strip().lower().lstrip("\ufeff") for name in next(reader, [])]
    except csv.Error:
        named = []
    unknown = [name for name in named if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in named]
    for reason, names in (("COLUMN_UNKNOWN", unknown), ("COLUMN_MISSING", missing)):
        for name in names:
            made.note(DeckProblem(1, reason, name[:40]))
    if len(set(named)) < len(named):
        made.note(DeckProblem(1, "COLUMN_TWICE"))
    if made.error_count:
        return made
    parse = _Parser(header)
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            made.note(DeckProblem(reader.line_num, "NOT_CSV"))
            break  # a quote that isn't closed has eaten the rest
        if row is None:
            break
        if row:
            _take(made, parse, named, row, reader.line_num)
        if made.line_count > MOST_LINES:
            made.note(DeckProblem(reader.line_num, "TOO_MANY_LINES"))
            break
    if not made.line_count:
        made.note(DeckProblem(1, "NO_LINES"))
    _check_together(made)
    return made


def _take(made: DeckFile, parse: _Parser, named: Sequence[str], row: Sequence[str], number: int) -> None:
    made.line_count += 1
    if len(row) != len(named):
        made.note(DeckProblem(number, "FIELD_COUNT", value=str(len(row))))
        return
    try:
        lines = parse(dict(zip(named, (each.strip() for each in row), strict=True)))
    except _Bad as bad:
        made.note(DeckProblem(number, bad.reason, bad.column, bad.value[:40]))
        return
    made.lines += lines
    made.numbers += [number] * len(lines)


class _Parser:
    """Reads rows; what lines have in common is parsed once and shared."""

    def __init__(self, header: DeckHeader) -> None:
        self._header = header
        self._zone = ZoneInfo(header.time_zone)
        self._terms: dict[tuple[str, ...], list[Terms]] = {}

    def __call__(self, row: Mapping[str, str]) -> list[DeckLine]:
        prefix = row["prefix"].removeprefix("+")
        if prefix == "*":
            prefix = ""
        elif not prefix or not prefix.isascii() or not prefix.isdigit() or len(prefix) > LONGEST_PREFIX:
            raise _Bad("PREFIX_INVALID", "prefix", row["prefix"])
        key = tuple(row.get(name, "") for name in COLUMNS[1:])
        known = self._terms.get(key)
        if known is None:
            known = self._terms[key] = self._read(row)
        try:
            direction = Direction(row.get("direction", "") or "outbound")
        except ValueError:
            raise _Bad("DIRECTION_UNKNOWN", "direction", row["direction"]) from None
        return [DeckLine(prefix, terms, direction) for terms in known]

    def _read(self, row: Mapping[str, str]) -> list[Terms]:
        currency = row.get("currency", "")
        if currency and currency != self._header.currency:
            raise _Bad("CURRENCY_OTHER", "currency", currency)
        price = _amount(row, "price_per_minute")
        if price is None:
            raise _Bad("PRICE_MISSING", "price_per_minute")
        first, following = _increments(row.get("increments", ""))
        maximum, minimum = _amount(row, "maximum"), _amount(row, "minimum") or Decimal(0)
        connect = _amount(row, "connect_fee") or Decimal(0)
        if maximum is not None and maximum < max(minimum, connect):
            raise _Bad("MAXIMUM_TOO_LOW", "maximum", str(maximum))
        start, end = self._time(row, "effective_from"), self._time(row, "effective_to")
        if start is not None and end is not None and end <= start:
            raise _Bad("EFFECTIVE_RANGE_EMPTY", "effective_to", row["effective_to"])
        base = Terms(
            price, first, following, connect, minimum, maximum,
            (_chosen(row, "after_maximum", ("free", "disconnect"), "free") == "disconnect"
            and AfterMaximum.DISCONNECT) or AfterMaximum.FREE,
            _chosen(row, "state", ("open", "blocked"), "open") == "blocked",
            None, start, end, row.get("destination", "")[:200],
        )  # fmt: skip
        return [replace(base, hours=each) for each in _hours(row)] or [base]

    def _time(self, row: Mapping[str, str], column: str) -> datetime | None:
        text = row.get(column, "")
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Bad("TIME_INVALID", column, text) from None


def _amount(row: Mapping[str, str], column: str) -> Decimal | None:
    text = row.get(column, "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise _Bad("AMOUNT_INVALID", column, text)
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise _Bad("AMOUNT_INVALID", column, text) from None
    if found < 0:
        raise _Bad("AMOUNT_NEGATIVE", column, text)
    exponent = found.as_tuple().exponent
    if found > _MOST_PRICE or not isinstance(exponent, int) or -exponent > _MOST_DIGITS:
        raise _Bad("AMOUNT_ABSURD", column, text)
    return found


def _increments(text: str) -> tuple[int, int]:
    if not text:
        return 60, 60
    match = _INCREMENTS.fullmatch(text)
    if match is None or not all(1 <= int(each) <= LONGEST_INCREMENT for each in match.groups()):
        raise _Bad("INCREMENTS_INVALID", "increments", text)
    return int(match[1]), int(match[2])


def _chosen(row: Mapping[str, str], column: str, allowed: Sequence[str], default: str) -> str:
    found = row.get(column, "").lower() or default
    if found not in allowed:
        raise _Bad("VALUE_UNKNOWN", column, row[column])
    return found


def _hours(row: Mapping[str, str]) -> list[Hours]:
    days, since, until = _days(row.get("days", "")), _clock(row, "from"), _clock(row, "to")
    if days is None and since is None and until is None:
        return []
    held, start, end = days or WHOLE_WEEK, since or 0, MINUTES_A_DAY if until is None else until
    if start in (end, MINUTES_A_DAY):
        raise _Bad("HOURS_EMPTY", "to", row.get("to", ""))
    if start < end:
        return [Hours(held, start, end)]
    morning = frozenset((day + 1) % 7 for day in held)  # goes over midnight, and ends on the day after
    return [Hours(held, start, MINUTES_A_DAY), *([Hours(morning, 0, end)] if end else [])]


def _days(text: str) -> frozenset[int] | None:
    if not text:
        return None
    found: set[int] = set()
    for part in re.split(r"[,; ]+", text.lower().strip()):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise _Bad("DAYS_INVALID", "days", text)
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        found |= {day % 7 for day in range(start, (end if end >= start else end + 7) + 1)}
    return frozenset(found)


def _clock(row: Mapping[str, str], column: str) -> int | None:
    text = row.get(column, "")
    if not text:
        return None
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minute <= MINUTES_A_DAY:
        raise _Bad("CLOCK_INVALID", column, text)
    return minute


def _check_together(made: DeckFile) -> None:
    """Lines that are fine each by itself and not together; prices that stand out."""
    places: dict[tuple[Direction, str], list[int]] = {}
    for place, line in enumerate(made.lines):
        places.setdefault((line.direction, line.prefix), []).append(place)
    for several in places.values():
        if len(several) > 1:
            _check_clashes(made, several)
        if any(made.lines[place].terms.hours is not None for place in several):
            _check_hours(made, several)
    prices = sorted(line.terms.price for line in made.lines if line.terms.price and not line.terms.blocked)
    if prices:
        bound = prices[len(prices) // 2] * _ABSURD_FACTOR
        told: set[int] = set()
        for place, line in enumerate(made.lines):
            number = made.numbers[place]
            if line.terms.price > bound and number not in told:
                told.add(number)
                made.note(
                    DeckProblem(number, "PRICE_STANDS_OUT", "price_per_minute", str(line.terms.price), warning=True)
                )


def _check_clashes(made: DeckFile, several: Sequence[int]) -> None:
    told: set[tuple[int, int]] = set()
    for index, place in enumerate(several):
        terms = made.lines[place].terms
        for earlier in several[:index]:
            pair = made.numbers[earlier], made.numbers[place]
            if pair in told or pair[0] == pair[1] or not terms.clash(made.lines[earlier].terms):
                continue
            told.add(pair)
            other = made.lines[earlier].terms
            same = (terms.hours, terms.start_time, terms.end_time) == (other.hours, other.start_time, other.end_time)
            reason = "DUPLICATE" if same else "OVERLAP"
            made.note(DeckProblem(pair[1], reason, "prefix", made.lines[place].prefix or "*", other_line=pair[0]))


def _check_hours(made: DeckFile, several: Sequence[int]) -> None:
    """Hours that are nobody's: a call in them would silently be charged by a shorter prefix. What is in effect changes
    where a line begins and where one ends."""
    lines = [made.lines[place].terms for place in several]
    bounds = [time for line in lines for time in (line.start_time, line.end_time) if time is not None]
    for place in several:
        terms = made.lines[place].terms
        if terms.hours is None:
            continue
        for moment in [each for each in bounds if terms.in_effect(each)] or [_before(terms.end_time)]:
            held = [line for line in lines if line.in_effect(moment)]
            if any(line.hours is None for line in held):
                continue
            covered = sum(
                len(line.hours.days) * (line.hours.end - line.hours.start) for line in held if line.hours is not None
            )
            if covered < 7 * MINUTES_A_DAY:  # they don't overlap: that is another problem
                prefix = made.lines[place].prefix or "*"
                made.note(DeckProblem(made.numbers[place], "HOURS_NOT_COVERED", "from", prefix))
                return


def _before(end: datetime | None) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) if end is None else end - timedelta(seconds=1)


def write_deck(lines: Iterable[DeckLine], header: DeckHeader) -> Iterator[list[str]]:
    """The rows of a file that reads as these lines, header first."""
    yield list(COLUMNS)
    for line in lines:
        terms, hours = line.terms, line.terms.hours
        yield [
            line.prefix or "*", line.direction.value, terms.name, f"{terms.price:f}", header.currency,
            f"{terms.first_increment}/{terms.next_increment}", _shown(terms.connect_fee), _shown(terms.minimum),
            "" if terms.maximum is None else f"{terms.maximum:f}", terms.after_maximum.value,
            "blocked" if terms.blocked else "open",
            "" if hours is None else ",".join(_DAYS[day] for day in sorted(hours.days)),
            "" if hours is None else _clock_out(hours.start), "" if hours is None else _clock_out(hours.end),
            _time_out(terms.start_time), _time_out(terms.end_time),
        ]  # fmt: skip


def _shown(amount: Decimal) -> str:
    return f"{amount:f}" if amount else ""


def _clock_out(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _time_out(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat()
