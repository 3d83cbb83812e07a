"""Lists of telephone numbers that rules ask about, and how a number is found in one: as itself, or by how it begins."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import phonenumbers
from kernel.errors import AlreadyExists, FailedPrecondition, FieldViolation, InvalidInput, NotFound
from kernel.phone import is_e164

MAX_LISTS = 200
MAX_ENTRIES = 100_000
"""Of one list."""
MAX_LABEL = 100
MAX_NOTES = 500
MAX_DESCRIPTION = 500
KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""What expressions call a list."""
_CONTROLS = ("Cc", "Cs")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*")
_SEPARATORS = re.compile(r"[\s().\-/\u200e\u200f\u202a-\u202e\u00a0]+")
_PLAIN = re.compile(r"\+?[0-9]{6,20}")
_HEAD = 8
"""Signs that decide how a number is read: country code, national prefix, area code."""
_LONGEST = 64

Asked = tuple[str, str]
"""A number and the key of the list it may be in."""


class NumberListNotFound(NotFound):
    """No such list."""

    reason = "NUMBER_LIST_NOT_FOUND"


class NumberListEntryNotFound(NotFound):
    """The list has no such entry."""

    reason = "NUMBER_LIST_ENTRY_NOT_FOUND"


class NumberListKeyTaken(AlreadyExists):
    """Another list has this key."""

    reason = "NUMBER_LIST_KEY_TAKEN"


class TooManyNumberLists(FailedPrecondition):
    """The tenant has as many lists as one can have."""

    reason = "TOO_MANY_NUMBER_LISTS"


class NumberListFull(FailedPrecondition):
    """The list would have more entries than one can have."""

    reason = "NUMBER_LIST_FULL"


class NumberListInUse(FailedPrecondition):
    """Flows name the list."""

    reason = "NUMBER_LIST_IN_USE"

    def __init__(self, uses: Sequence[Use]):
        named = ", ".join(f"{each.flow_name!r} (step {', '.join(each.step_ids)})" for each in uses[:5])
        more = f" and {len(uses) - 5} more" if len(uses) > 5 else ""
        super().__init__(
            f"flows name this list: {named}{more}. Take it out of them first",
            metadata={
                "flow_ids": ",".join(each.flow_id for each in uses[:20]),
                "flows": ", ".join(each.flow_name for each in uses[:20]),
            },
        )


class NumberListLinesInvalid(InvalidInput):
    """Some lines of an import can't be taken."""

    reason = "NUMBER_LIST_LINES_INVALID"

    def __init__(self, problems: Sequence[LineProblem], bad_lines: int):
        first = problems[0]
        more = f" ({bad_lines - 1} more lines can't be taken)" if bad_lines > 1 else ""
        super().__init__(
            f"line {first.line}: {first.message}{more}",
            metadata={"bad_lines": str(bad_lines)},
            fields=[FieldViolation(f"text[{each.line}]", each.message) for each in problems[:50]],
        )


class PatternInvalid(ValueError):
    """What is written is no number and no beginning of one: a stable reason, and what to do."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True)
class NumberList:
    """A named set of numbers. `key` is what expressions call it; it never changes."""

    number_list_id: str
    key: str
    display_name: str
    description: str
    entry_count: int
    create_time: datetime
    update_time: datetime
    version: int = 1


@dataclass(frozen=True)
class Entry:
    """A number, or a beginning of numbers that ends with a star."""

    pattern: str = field(repr=False)
    label: str = field(default="", repr=False)
    notes: str = field(default="", repr=False)
    create_time: datetime | None = None


@dataclass(frozen=True)
class Use:
    """A flow that names a list, and the steps that do."""

    flow_id: str
    flow_name: str
    step_ids: tuple[str, ...]
    draft: bool = False
    released: bool = False


@dataclass(frozen=True)
class LineProblem:
    """A line of an import that can't be taken. `line` is from 1."""

    line: int
    value: str = field(repr=False)
    reason: str
    message: str


@dataclass(frozen=True)
class Match:
    """An entry that a number is in a list by."""

    number_list: NumberList
    entry: Entry


def require_key(key: str, place: str) -> str:
    """The key when expressions can say it, else InvalidInput."""
    if KEY.fullmatch(key):
        return key
    raise InvalidInput.of(place, "must be 1 to 40 of a-z, 0-9, _ and -, a letter first")


def require_country(country: str, place: str) -> str:
    """An ISO 3166-1 code in capitals, or nothing."""
    code = country.strip().upper()
    if code and code not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidInput.of(place, "is not the code of a country, such as AZ")
    return code


def can_be_shown(text: str) -> bool:
    """Whether a label or notes hold no control characters, line breaks among them: an entry is one line of a file."""
    return not any(unicodedata.category(each) in _CONTROLS for each in text)


def require_shown(text: str, place: str) -> str:
    """The label or the notes when they can be shown and exported, else InvalidInput."""
    if can_be_shown(text):
        return text
    raise InvalidInput.of(place, "holds a line break or another character that can't be shown")


def read_pattern(text: str, country: str = "") -> str:
    """The number as E.164, or the beginning with its star, of what somebody wrote. Raises PatternInvalid."""
    written = _SEPARATORS.sub("", text)
    if written.endswith("*"):
        return _prefix(written)
    return read_number(text, country)


def read_number(text: str, country: str = "") -> str:
    """E.164 of a number as it is written or, in its `country`, dialled. Raises PatternInvalid."""
    number = _international(text.strip())
    plain = _SEPARATORS.sub("", number)
    if _PLAIN.fullmatch(plain) and (country or plain[0] == "+"):
        read = _reading(plain[:_HEAD], len(plain), country)
        if read is not None:
            lead, cut = read
            return lead + plain[cut:]
    begun = number[:1] in ("+", "＋")
    spelled = not begun and not country and any(each.isalpha() for each in number)
    if len(number) > _LONGEST or spelled or not any(each.isdigit() for each in number):
        raise PatternInvalid("NUMBER_INVALID", "This is no telephone number.")
    if not country and not begun:
        message = "Write it with + and country code (+994501234567), or say which country such numbers are of."
        raise PatternInvalid("NUMBER_WITHOUT_COUNTRY", message)
    try:
        parsed = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException as error:
        message = "This is no telephone number: write it with + and country code, such as +994501234567."
        raise PatternInvalid("NUMBER_INVALID", message) from error
    made = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if parsed.extension or not is_e164(made) or not phonenumbers.is_possible_number(parsed):
        raise PatternInvalid("NUMBER_INVALID", "A number of this country has another length: look it over.")
    return made


@functools.lru_cache(maxsize=50_000)
def _reading(head: str, length: int, country: str) -> tuple[str, int] | None:
    """How numbers that begin so and are so long are read: what goes in front of what is left after so many signs. None
    where that takes the whole number. The library takes a tenth of a millisecond for each, and lists are long; how it
    reads depends on the first digits and the length."""
    sample = head + "5" * (length - len(head))
    try:
        parsed = phonenumbers.parse(sample, country or None)
    except phonenumbers.NumberParseException:
        return None
    made = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not is_e164(made) or not phonenumbers.is_possible_number(parsed):
        return None
    national = str(phonenumbers.national_significant_number(parsed))
    cut = length - len(national)
    return (made.removesuffix(national), cut) if sample[cut:] == national else None


def _international(text: str) -> str:
    """Two zeros begin a number with country code in most of the world."""
    digits = phonenumbers.normalize_digits_only(text[:2])
    return f"+{text[2:]}" if digits == "00" else text


def _prefix(written: str) -> str:
    sign, digits = written[:1], phonenumbers.normalize_digits_only(written[:-1])
    if sign not in ("+", "＋"):
        digits = digits[2:] if digits.startswith("00") else ""
    made = f"+{digits}*"
    if not _PREFIX.fullmatch(made) or written.count("*") > 1:
        message = "A beginning is + and country code, up to 14 digits, and one star at the end: +99450*."
        raise PatternInvalid("PREFIX_INVALID", message)
    return made


def patterns_of(number: str) -> list[str]:
    """Every entry that a number is in a list by, the closest first: itself, then its beginnings, the longest first.
    None for what is no number: who hides theirs is in no list."""
    known = number.strip()
    if known.startswith("00"):
        known = f"+{known[2:]}"
    if not is_e164(known):
        return []
    return [known, *(f"{known[:end]}*" for end in range(len(known) - 1, 1, -1))]


def held(asked: Collection[Asked], entries: Mapping[str, Collection[str]]) -> tuple[Asked, ...]:
    """Which of the numbers are in which of the lists, by the entries that were found of each list, by key."""
    found = {key: set(patterns) for key, patterns in entries.items()}
    return tuple(
        (number, key) for number, key in sorted(asked) if found.get(key, set[str]()) & set(patterns_of(number))
    )
