"""History from a CSV file, line by line: what can be taken, and what is wrong with the rest."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

CHANNELS = ("VOICE", "VIDEO", "CHAT", "SMS", "EMAIL", "SOCIAL", "FAX")
REQUIRED = ("start", "queue", "offered")
COLUMNS = (*REQUIRED, "channel", "brand_id", "answered", "abandoned", "handled", "aht_seconds")
MOST_LINES = 50_000
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line; the header is line 1, `column` is empty for the whole line."""

    line: int
    column: str
    problem: str
    value: str = ""


@dataclass(frozen=True, order=True)
class Place:
    """Which interval a line is about."""

    queue_id: str
    channel: str
    brand_id: str
    start: datetime


@dataclass(frozen=True)
class Imported:
    """Counts of one interval."""

    place: Place
    offered: float
    answered: float
    abandoned: float
    handled: float
    handle_seconds: float


@dataclass(frozen=True)
class Read:
    """What a file holds."""

    lines: tuple[Imported, ...]
    problems: tuple[Problem, ...]


class _Wrong(Exception):
    def __init__(self, column: str, problem: str, value: str = "") -> None:
        super().__init__(problem)
        self.column, self.problem, self.value = column, problem, value


def read(text: str, queue_id_of: Callable[[str], str], minutes: int, zone: str, now: datetime) -> Read:
    """Every line of a file. `queue_id_of` gives the id of a name or id, empty when there is none. A local time that
    clocks show twice is the earlier where it first stands, the later where it stands again."""
    rows = _rows(text)
    _, first = next(rows, (1, None))
    header = [name.strip().lower() for name in first or ()]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        return Read((), tuple(Problem(1, name, "COLUMN_MISSING") for name in missing))
    lines: list[Imported] = []
    problems: list[Problem] = []
    seen: dict[Place, int] = {}
    line_of = _Lines(queue_id_of, minutes, ZoneInfo(zone), now)
    for number, row in rows:
        try:
            if row is None:
                raise _Wrong("", "NOT_CSV")
            if len(row) > len(header):
                raise _Wrong("", "TOO_MANY_COLUMNS", ",".join(row))
            said = {name: value.strip() for name, value in zip(header, row, strict=False)}
            made = line_of.read(said)
            if made.place in seen:
                made = line_of.read(said, fold=1)
            if made.place in seen:
                raise _Wrong("start", "DUPLICATE", str(seen[made.place]))
        except _Wrong as wrong:
            problems.append(Problem(number, wrong.column, wrong.problem, wrong.value[:_LONGEST_SHOWN]))
        else:
            seen[made.place] = number
            lines.append(made)
    if not lines and not problems:
        problems.append(Problem(1, "", "NO_LINES"))
    return Read(tuple(lines), tuple(problems))


def _rows(text: str) -> Iterator[tuple[int, Sequence[str] | None]]:
    """Lines with anything in them and their numbers, None for what is no CSV. Each is read for itself: a quote that
    isn't closed spoils its own alone."""
    lines = io.StringIO(text.lstrip("\ufeff"), newline=None)
    delimiter = ""
    for number, line in enumerate(lines, start=1):
        delimiter = delimiter or max(",;\t", key=line.count)
        try:
            row = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            yield number, None
        else:
            if number == 1 or any(value.strip() for value in row):
                yield number, row


class _Lines:
    """Reads lines; one for a file."""

    def __init__(self, queue_id_of: Callable[[str], str], minutes: int, zone: ZoneInfo, now: datetime) -> None:
        self._queue_id_of = queue_id_of
        self._minutes, self._zone, self._now = minutes, zone, now

    def read(self, row: Mapping[str, str], fold: int = 0) -> Imported:
        """One line; with `fold` 1 at the later of two times it may mean. Raises `_Wrong`."""
        queue = row.get("queue", "")
        queue_id = self._queue_id_of(queue)
        if not queue_id:
            raise _Wrong("queue", "QUEUE_UNKNOWN", queue)
        channel = (row.get("channel") or "VOICE").upper()
        if channel not in CHANNELS:
            raise _Wrong("channel", "CHANNEL_UNKNOWN", channel)
        place = Place(queue_id, channel, row.get("brand_id", ""), self._start(row.get("start", ""), fold))
        offered = _number(row, "offered", None)
        answered = _number(row, "answered", offered)
        if answered > offered:
            raise _Wrong("answered", "MORE_ANSWERED_THAN_OFFERED", row.get("answered", ""))
        handled = _number(row, "handled", answered)
        seconds = _number(row, "aht_seconds", 0.0)
        # Without a handle time nothing is known of handling, and a mean must not count it as none at all.
        handled = handled if seconds > 0 else 0.0
        return Imported(
            place, offered, answered, _number(row, "abandoned", offered - answered), handled, handled * seconds
        )

    def _start(self, text: str, fold: int) -> datetime:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise _Wrong("start", "NOT_A_TIME", text) from None
        if not 1990 <= found.year <= 9998:
            raise _Wrong("start", "NOT_A_TIME", text)
        if found.tzinfo is None:
            local = found.replace(tzinfo=self._zone, fold=fold)
            if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != found:
                raise _Wrong("start", "TIME_SKIPPED", text)  # the hour that the clock jumps over
            found = local
        instant = found.astimezone(UTC)
        local = instant.astimezone(self._zone)
        if local.minute % self._minutes or local.second or local.microsecond:
            raise _Wrong("start", "TIME_NOT_ON_INTERVAL", text)
        if instant + timedelta(minutes=self._minutes) > self._now:
            raise _Wrong("start", "TIME_IN_FUTURE", text)
        return instant


def _number(row: Mapping[str, str], column: str, usual: float | None) -> float:
    text = row.get(column, "")
    if not text and usual is not None:
        return usual
    try:
        value = float(text)
    except ValueError:
        raise _Wrong(column, "NOT_A_NUMBER", text) from None
    if not value < 1e9:
        raise _Wrong(column, "NOT_A_NUMBER", text)
    if value < 0:
        raise _Wrong(column, "NEGATIVE", text)
    return value
