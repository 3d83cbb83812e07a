"""Files of numbers: reading what was pasted or exported somewhere, and writing what can be read again.

One entry a line: the number, then a label and notes, separated by commas, semicolons or tabs. Nothing is guessed about
a number: a line that isn't clear is named, with what to do. A quoted cell ends on its line: else one stray quotation
mark would take the lines after it along.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flows.domain.number_lists import (
    MAX_LABEL,
    MAX_NOTES,
    Entry,
    LineProblem,
    PatternInvalid,
    can_be_shown,
    read_pattern,
)

MAX_BYTES = 4_000_000
HEADING = ("number", "label", "notes")
_SEPARATORS = ",;\t"
_KNOWN = {
    "number": 0, "phone": 0, "phone number": 0, "telephone": 0, "mobile": 0,
    "numara": 0, "telefon": 0, "nömrə": 0, "شماره": 0, "تلفن": 0,
    "label": 1, "name": 1, "etiket": 1, "ad": 1, "نام": 1,
    "notes": 2, "note": 2, "notlar": 2, "not": 2, "qeydlər": 2, "qeyd": 2, "یادداشت": 2, "یادداشت‌ها": 2,
}  # fmt: skip
"""What a heading may call the columns."""
# A spreadsheet works out a cell that begins with one of these signs. Many separate at semicolons and then don't mind
# quotation marks in the middle of a cell, so what begins behind a semicolon is a cell as well.
_BEGINNING = "(?:^|(?<=;))"
_FORMULA = """'*[ "]*[=@+-]"""
_TO_GUARD = re.compile(f"{_BEGINNING}(?={_FORMULA}|')")
_GUARDED = re.compile(f"{_BEGINNING}'(?={_FORMULA}|')")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]+")
_SHOWN = 64


@dataclass(frozen=True)
class Line:
    """One that can be taken. A label or notes that the line doesn't have are None: they stay as they were."""

    pattern: str
    label: str | None
    notes: str | None


@dataclass(frozen=True)
class Read:
    """What a file holds: by number, in its order, and what can't be taken."""

    lines: Mapping[str, Line]
    problems: Sequence[LineProblem]


@dataclass(frozen=True)
class Plan:
    """What an import comes to: entries that are new, those that change, how many stay, and numbers that go."""

    added: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    unchanged: int = 0
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What came of an import, and how many entries the list has afterwards."""

    plan: Plan
    entry_count: int


def read(text: str, country: str) -> Read:
    """Take a file apart. Of two lines with one number the first counts and the second is named."""
    lines: dict[str, Line] = {}
    first: dict[str, int] = {}
    problems: list[LineProblem] = []
    columns: Sequence[int] = (0, 1, 2)
    first_row = True
    for number, cells in _rows(text):
        quote_open = any("\n" in cell for cell in cells)
        if not quote_open and not any(cell.strip() for cell in cells):
            continue
        heading, first_row = first_row and _is_heading(cells), False
        if heading:
            columns = _columns(cells)
            continue
        value = (_cell(cells, columns[0]) or "").strip()
        try:
            if quote_open:
                raise PatternInvalid("QUOTE_OPEN", "A quotation mark is not closed: an entry has one line.")
            line = _line(cells, columns, country)
            if line.pattern in lines:
                message = f"This number is on line {first[line.pattern]} already."
                raise PatternInvalid("NUMBER_TWICE", message)
        except PatternInvalid as wrong:
            problems.append(LineProblem(number, value[:_SHOWN], wrong.reason, wrong.message))
            continue
        lines[line.pattern], first[line.pattern] = line, number
    return Read(lines, problems)


def plan(before: Mapping[str, Entry], lines: Iterable[Line], *, whole: bool) -> Plan:
    """What the lines change; `whole`: what isn't among them goes."""
    added: list[Entry] = []
    changed: list[Entry] = []
    unchanged = 0
    seen: set[str] = set()
    for line in lines:
        seen.add(line.pattern)
        known = before.get(line.pattern)
        if known is None:
            added.append(Entry(line.pattern, line.label or "", line.notes or ""))
            continue
        after = replace(
            known,
            label=known.label if line.label is None else line.label,
            notes=known.notes if line.notes is None else line.notes,
        )
        if after == known:
            unchanged += 1
        else:
            changed.append(after)
    removed = tuple(sorted(before.keys() - seen)) if whole else ()
    return Plan(tuple(added), tuple(changed), unchanged, removed)


def write(entries: Iterable[Entry], *, heading: bool) -> str:
    """Entries as CSV (RFC 4180)."""
    file = io.StringIO()
    writer = csv.writer(file)
    if heading:
        writer.writerow(HEADING)
    writer.writerows((each.pattern, _guarded(each.label), _guarded(each.notes)) for each in entries)
    return file.getvalue()


def _guarded(text: str) -> str:
    # The apostrophe in front is taken off again when it is read. Tabs and line breaks, which older entries may hold,
    # would begin other cells.
    return _TO_GUARD.sub("'", _CONTROLS.sub(" ", text))


def _unguarded(text: str) -> str:
    return _GUARDED.sub("", text) if "'" in text else text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number, from 1. Only in a cell whose quotation mark is not closed there is a line break."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    separator = _separator(plain)
    for number, line in enumerate(plain.split("\n"), 1):
        try:
            yield number, next(csv.reader([f"{line}\n"], delimiter=separator)) or [""]
        except csv.Error:
            yield number, line.split(separator)  # a cell longer than the reader takes; it will be named as too long


def _separator(text: str) -> str:
    """What separates cells: of the three the one that is most on the first line that has any."""
    for line in text.split("\n", 50)[:50]:
        most = max(_SEPARATORS, key=line.count)
        if most in line:
            return most
    return ","


def _is_heading(cells: Sequence[str]) -> bool:
    """Whether the first line says what the columns are; what says nothing known is an entry, good or bad."""
    return not any(each.isdigit() for each in cells[0]) and any(each in _KNOWN for each in _words(cells))


def _words(cells: Sequence[str]) -> list[str]:
    return [cell.strip().casefold() for cell in cells]


def _columns(cells: Sequence[str]) -> Sequence[int]:
    """Where the heading says that number, label and notes are; in their order when it doesn't say where numbers are."""
    known = [_KNOWN.get(word) for word in _words(cells)]
    if 0 not in known:
        return (0, 1, 2)
    return [known.index(column) if column in known else len(cells) for column in range(len(HEADING))]


def _line(cells: Sequence[str], columns: Sequence[int], country: str) -> Line:
    label, notes = _cell(cells, columns[1]), _cell(cells, columns[2])
    if not can_be_shown(f"{label or ''}{notes or ''}"):
        raise PatternInvalid("TEXT_INVALID", "The label or the notes hold characters that can't be shown.")
    if label is not None and len(label) > MAX_LABEL:
        raise PatternInvalid("LABEL_TOO_LONG", f"The label is longer than {MAX_LABEL} characters.")
    if notes is not None and len(notes) > MAX_NOTES:
        raise PatternInvalid("NOTES_TOO_LONG", f"The notes are longer than {MAX_NOTES} characters.")
    return Line(read_pattern(_cell(cells, columns[0]) or "", country), label, notes)


def _cell(cells: Sequence[str], column: int) -> str | None:
    return _unguarded(cells[column].strip()) if column < len(cells) else None
