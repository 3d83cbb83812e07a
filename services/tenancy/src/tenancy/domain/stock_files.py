"""CSV files of numbers for the inventory: what every line says, or what is wrong with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from tenancy.domain.fields import FieldInvalid
from tenancy.domain.inventory import CAPABILITIES, NumberType, Stock, flags, price_class, type_of
from tenancy.domain.numbers import MAX_ENTRY, NOWHERE, country_of, numbers_of

MAX_TEXT = 900_000
MAX_LINES = 20_000
MAX_NUMBERS = 20_000
SHOWN_PROBLEMS = 200
COLUMNS = ("number", "country", "type", "capabilities", "emergency", "carrier", "price_class")
_COUNTRIES = frozenset(each for regions in COUNTRY_CODE_TO_REGION_CODE.values() for each in regions)
_YES, _NO = frozenset({"yes", "true", "1", "y"}), frozenset({"", "no", "false", "0", "n"})
_CARRIER = re.compile(r"[^\x00-\x1f\x7f]{0,100}")


@dataclass(frozen=True)
class LineProblem:
    """A line that can't be taken: its number from 1, what stands there, why not as a word."""

    line: int
    value: str
    reason: str


@dataclass
class StockFile:
    """What a file says."""

    numbers: dict[str, Stock] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Number -> the line that names it."""
    problems: list[LineProblem] = field(default_factory=list)


class _LineWrong(Exception):
    """One line is; the argument is the reason."""


def read_stock(text: str, country: str) -> StockFile:
    """Reads a file. FieldInvalid when it is none, or too long; bad lines are in the answer."""
    if len(text.encode()) > MAX_TEXT:
        raise FieldInvalid.of("text", f"must have at most {MAX_TEXT} bytes")
    found = StockFile()
    try:
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
        lines = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise FieldInvalid.of("text", f"is no CSV: {error}") from error
    if not lines:
        raise FieldInvalid.of("text", "has no lines")
    if len(lines) > MAX_LINES:
        raise FieldInvalid.of("text", f"must have at most {MAX_LINES} lines")
    heading = [each.strip().lower() for each in lines[0][1]]
    if "number" in heading:
        strange = [each for each in heading if each not in COLUMNS]
        if strange or len(set(heading)) < len(heading):
            found.problems.append(LineProblem(lines[0][0], ", ".join(strange)[:MAX_ENTRY], "COLUMN_UNKNOWN"))
            return found
        lines = lines[1:]
    else:
        heading = ["number"]
    for place, row in lines:
        _take(found, place, heading, row, country)
    return found


def _take(found: StockFile, place: int, heading: Sequence[str], row: Sequence[str], country: str) -> None:
    try:
        if len(row) > len(heading):
            raise _LineWrong("COLUMN_UNKNOWN" if len(heading) > 1 else "COLUMN_MISSING")
        said = dict(zip(heading, (each.strip() for each in row), strict=False))
        made = _stock(said, country)
        if len(found.numbers) + len(made) > MAX_NUMBERS:
            raise _LineWrong("TOO_MANY")
        if any(each.number in found.numbers for each in made):
            raise _LineWrong("TWICE")
    except _LineWrong as wrong:
        found.problems.append(LineProblem(place, ",".join(row)[:MAX_ENTRY], str(wrong)))
        return
    for each in made:
        found.numbers[each.number] = each
        found.lines[each.number] = place


def _stock(said: Mapping[str, str], country: str) -> list[Stock]:
    numbers = _numbers(said["number"], said.get("country", "").upper() or country)
    named = said.get("country", "").upper()
    if named and named not in _COUNTRIES and named != NOWHERE:
        raise _LineWrong("COUNTRY_UNKNOWN")
    kind = _type(said.get("type", ""))
    capabilities = [each.upper() for each in re.split(r"[\s;|]+", said.get("capabilities", "")) if each] or ["VOICE"]
    if set(capabilities) - set(CAPABILITIES):
        raise _LineWrong("CAPABILITY_UNKNOWN")
    carrier = said.get("carrier", "")
    if not _CARRIER.fullmatch(carrier):
        raise _LineWrong("CARRIER_WRONG")
    emergency = said.get("emergency", "").lower()
    if emergency not in _YES | _NO:
        raise _LineWrong("YES_OR_NO")
    priced = _price_class(said.get("price_class", ""))
    made: list[Stock] = []
    for number in numbers:
        own = kind or type_of(number)
        made.append(
            Stock(
                number, named or country_of(number), own.name, **flags(capabilities), emergency=emergency in _YES,
                carrier=carrier, price_class=priced or own.value,
            )
        )  # fmt: skip
    return made


def _numbers(text: str, country: str) -> list[str]:
    if not text or len(text) > MAX_ENTRY:
        raise _LineWrong("NUMBER_UNREADABLE")
    try:
        read = numbers_of(text, country if country in _COUNTRIES else "")
    except phonenumbers.NumberParseException as error:
        raise _LineWrong("NUMBER_UNREADABLE") from error
    if isinstance(read, str):
        words = {"ends before": "RANGE_WRONG", "has an end": "RANGE_WRONG", "has more": "RANGE_TOO_LONG"}
        raise _LineWrong(
            next((reason for begin, reason in words.items() if read.startswith(begin)), "NUMBER_UNREADABLE")
        )
    return read


def _type(text: str) -> NumberType | None:
    if not text:
        return None
    try:
        return NumberType[re.sub(r"[\s-]", "_", text).upper()]
    except KeyError as error:
        raise _LineWrong("TYPE_UNKNOWN") from error


def _price_class(text: str) -> str:
    try:
        return price_class(text) if text else ""
    except FieldInvalid as error:
        raise _LineWrong("PRICE_CLASS_WRONG") from error
