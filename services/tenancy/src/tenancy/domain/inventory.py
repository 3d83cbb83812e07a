"""The inventory: what is said of a number, how it is searched, and for how long it is kept for one company alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import phonenumbers
from kernel.errors import FailedPrecondition, QuotaExceeded
from phonenumbers import PhoneNumberType

from tenancy.domain.fields import FieldInvalid

HOLD = timedelta(minutes=15)
MAX_HELD = 20
"""More than anybody chooses from at once; without a bound one company could hold everything."""
LONGEST_QUARANTINE = timedelta(days=731)
CAPABILITIES = ("VOICE", "SMS", "FAX")
_PRICE_CLASS = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_PREFIX = re.compile(r"\+?[0-9 ().-]{1,24}")
_PATTERN = re.compile(r"[0-9?]{1,15}")


class NumberType(Enum):
    """What kind of number; the value is the price class unless whoever runs the platform names another."""

    LOCAL = "local"
    MOBILE = "mobile"
    NATIONAL = "national"
    TOLL_FREE = "toll-free"
    SHARED_COST = "shared-cost"
    PREMIUM = "premium"


class Kept(Enum):
    """Why a free number is offered to one company alone."""

    HOLD = "HOLD"
    QUARANTINE = "QUARANTINE"


class NumberEvent(Enum):
    """What happens to a number."""

    ADDED = "ADDED"
    ASSIGNED = "ASSIGNED"
    RELEASED = "RELEASED"
    QUARANTINE_CHANGED = "QUARANTINE_CHANGED"
    QUARANTINE_ENDED = "QUARANTINE_ENDED"
    REMOVED = "REMOVED"
    BROUGHT = "BROUGHT"
    PORTED_IN = "PORTED_IN"
    PORTED_OUT = "PORTED_OUT"


@dataclass(frozen=True)
class HistoryEntry:
    """One thing that happened."""

    event_time: datetime
    event: str
    tenant_id: str
    tenant_name: str
    note: str


class NumberHeld(FailedPrecondition):
    """A company holds the number, or it is kept for one."""

    reason = "NUMBER_HELD"


class NumberNotInQuarantine(FailedPrecondition):
    """There is no quarantine to change."""

    reason = "NUMBER_NOT_IN_QUARANTINE"


class TooManyNumbersHeld(QuotaExceeded):
    """The company holds as many numbers as anybody may at once."""

    reason = "TOO_MANY_NUMBERS_HELD"


_TYPES = {
    PhoneNumberType.FIXED_LINE: NumberType.LOCAL,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberType.LOCAL,
    PhoneNumberType.MOBILE: NumberType.MOBILE,
    PhoneNumberType.TOLL_FREE: NumberType.TOLL_FREE,
    PhoneNumberType.SHARED_COST: NumberType.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: NumberType.PREMIUM,
    PhoneNumberType.UAN: NumberType.NATIONAL,
    PhoneNumberType.VOIP: NumberType.NATIONAL,
    PhoneNumberType.PERSONAL_NUMBER: NumberType.NATIONAL,
}


def type_of(number: str) -> NumberType:
    """What kind an E.164 number is by its country's numbering plan; what that doesn't know is local."""
    return _TYPES.get(phonenumbers.number_type(phonenumbers.parse(number)), NumberType.LOCAL)


@dataclass(frozen=True)
class Stock:
    """A number of the inventory, as whoever runs the platform knows it."""

    number: str
    country: str
    type: str = NumberType.LOCAL.name
    voice: bool = True
    sms: bool = False
    fax: bool = False
    emergency: bool = False
    """Whether the carrier takes emergency calls from it."""
    carrier: str = ""
    price_class: str = NumberType.LOCAL.value
    test: bool = False
    holder: str = ""
    """Company that holds it; empty: nobody."""
    kept_for: str = ""
    """Company for which alone a free one is kept; empty: anybody may take it."""
    kept: str = ""
    """`Kept`, empty when it isn't."""
    kept_until: datetime | None = None
    version: int = 1

    @property
    def state(self) -> str:
        """FREE, HELD, ASSIGNED or QUARANTINE."""
        if self.holder:
            return "ASSIGNED"
        return {"": "FREE", "HOLD": "HELD"}.get(self.kept, self.kept)


@dataclass(frozen=True)
class Wanted:
    """What numbers are looked for; an empty field asks for nothing."""

    country: str = ""
    prefix: str = ""
    """Begins so, with its plus sign."""
    contains: str = ""
    """Digits, and a question mark for any digit."""
    type: str = ""
    capabilities: tuple[str, ...] = ()
    state: str = ""


def wanted_prefix(text: str, field: str = "prefix") -> str:
    """The beginning of E.164 numbers as somebody types it; empty for all. Raises `FieldInvalid`."""
    if not text.strip():
        return ""
    if not _PREFIX.fullmatch(text.strip()):
        raise FieldInvalid.of(field, "must be the digits numbers begin with, such as +44 20")
    digits = "".join(each for each in text if each.isascii() and each.isdigit())
    if not digits:
        raise FieldInvalid.of(field, "must be the digits numbers begin with, such as +44 20")
    return f"+{digits[:15]}"


def wanted_digits(text: str, field: str = "contains") -> str:
    """Digits that numbers hold, with question marks for any; empty for all. Raises `FieldInvalid`."""
    pattern = re.sub(r"[\s-]", "", text)
    if pattern and not _PATTERN.fullmatch(pattern):
        raise FieldInvalid.of(field, "must be up to 15 digits, with ? for any digit, such as 4?4?")
    return pattern


def price_class(text: str, field: str = "price_class") -> str:
    """The word a monthly price goes by. Raises `FieldInvalid`."""
    if not _PRICE_CLASS.fullmatch(text):
        raise FieldInvalid.of(field, "must be 1 to 40 lower case letters, digits and hyphens, such as toll-free")
    return text


def check_hold(held: int) -> None:
    """Raises `TooManyNumbersHeld` when there is no room for one more."""
    if held >= MAX_HELD:
        raise TooManyNumbersHeld(
            f"You hold {MAX_HELD} numbers already: take one, or let some go.", metadata={"limit": str(MAX_HELD)}
        )


def quarantine_end(test: bool, days: int, now: datetime) -> datetime | None:
    """Until when a number rests that is given back; None: not at all. No caller knows a test number."""
    return None if test or not days else now + timedelta(days=days)


def check_quarantine(until: datetime, now: datetime) -> None:
    """FieldInvalid for one that would never end."""
    if until > now + LONGEST_QUARANTINE:
        raise FieldInvalid.of("until_time", "must be within two years from now")


def flags(capabilities: Sequence[str]) -> dict[str, Any]:
    """Columns of capabilities, each true or false."""
    return {each.lower(): each in capabilities for each in CAPABILITIES}
