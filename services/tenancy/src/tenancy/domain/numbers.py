"""Numbers of the inventory and of tenants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from kernel.errors import FailedPrecondition, FieldViolation, NotFound
from kernel.phone import is_e164
from phonenumbers import PhoneNumberFormat

from tenancy.domain.fields import FieldInvalid

MAX_BROUGHT = 500
MAX_ENTRY = 64
NOWHERE = "001"
"""The country of numbers no country has, such as satellites' (UN M.49: world)."""
_SHORT_RANGE = re.compile(r"(\+?[0-9]{8,15})-([0-9]{1,4})")
_LONG_RANGE = re.compile(r"(.+?)(?:\s+-\s+|\s*(?:\.\.|…|–|—)\s*)(.+)")
_SHOWN_WRONG = 20


class NumberNotFound(NotFound):
    """Nobody answers this number, or it isn't the tenant's."""

    reason = "NUMBER_NOT_FOUND"


class NumberInQuarantine(NotFound):
    """It was given back lately: whoever still calls it is told that nobody answers."""

    reason = "NUMBER_IN_QUARANTINE"


class WidgetNotFound(NotFound):
    """No brand has this widget key."""

    reason = "WIDGET_NOT_FOUND"


class NumberTaken(FailedPrecondition):
    """Somebody was faster."""

    reason = "NUMBER_TAKEN"


class NumbersTaken(FailedPrecondition):
    """Some of the numbers are somebody's already; `metadata["numbers"]` names the first of them."""

    reason = "NUMBERS_TAKEN"


class NumberNotBrought(FailedPrecondition):
    """Only a number the company brought is bound to a trunk of its own, or approved."""

    reason = "NUMBER_NOT_BROUGHT"


@dataclass(frozen=True)
class Number:
    """A number and where it leads."""

    number: str
    country: str
    test: bool
    brand_id: str = ""
    flow_id: str = ""
    assign_time: datetime | None = None
    version: int = 1
    brought: bool = False
    """From the company's own carrier, not of the inventory."""
    trunk_id: str = ""
    """The company's trunk that alone shows it, of one that was brought; empty: nobody is shown it."""

    approve_time: datetime | None = None
    """When an operator took it for the company's own, of one that was brought."""
    type: str = ""
    voice: bool = False
    sms: bool = False
    fax: bool = False
    emergency: bool = False
    """Whether its carrier takes emergency calls from it."""
    price_class: str = ""
    ported: bool = False
    emergency_address_id: str = ""
    """Its own; empty: its brand's."""
    kept: str = ""
    """Of a free one: why it is kept for the asking company alone (`inventory.Kept`); empty: it isn't."""
    kept_until: datetime | None = None

    @property
    def shown(self) -> bool:
        """Whether calls out may show it: one that was brought only over its trunk, and once it was approved."""
        return not self.brought or bool(self.trunk_id and self.approve_time)


@dataclass(frozen=True)
class BroughtNumber:
    """A number with the company that brought it."""

    tenant_id: str
    tenant_name: str
    number: Number


def check_judged(numbers: Sequence[str]) -> None:
    """FieldInvalid unless they are 1 to MAX_BROUGHT, each E.164."""
    if not 0 < len(numbers) <= MAX_BROUGHT:
        raise FieldInvalid.of("numbers", f"must be 1 to {MAX_BROUGHT}")
    for index, each in enumerate(numbers):
        if not is_e164(each):
            raise FieldInvalid.of(f"numbers[{index}]", "must be E.164, such as +902125550100")


def read_entries(entries: Sequence[str], country: str) -> list[str]:
    """Numbers as people paste them, as E.164 in order, each once: single ones as they are written in `country` (or with
    a plus sign), and ranges, `+994125551200-99` or `+994125551200 - +994125551299`.

    FieldInvalid naming each entry that can't be read, or more than `MAX_BROUGHT` numbers.
    """
    wrong: list[FieldViolation] = []
    found: dict[str, None] = {}
    for index, entry in enumerate(entries[: MAX_BROUGHT + 1]):
        text = entry.strip()
        try:
            read = numbers_of(text, country) if len(text) <= MAX_ENTRY else f"is longer than {MAX_ENTRY} characters"
        except phonenumbers.NumberParseException:
            read = "is no telephone number" + ("" if country else ": write it with its country code, as +994125551234")
        if isinstance(read, str):
            wrong.append(FieldViolation(f"entries[{index}]", f"{text[:MAX_ENTRY]!r} {read}"))
        else:
            found.update(dict.fromkeys(read))
    if wrong:
        raise FieldInvalid(
            "; ".join(f"{each.field} {each.description}" for each in wrong[:3]), fields=wrong[:_SHOWN_WRONG]
        )
    if not 0 < len(found) <= MAX_BROUGHT:
        raise FieldInvalid.of("entries", f"must be 1 to {MAX_BROUGHT} numbers, ranges counted out")
    return list(found)


def country_of(number: str) -> str:
    """The country of an E.164 number; of one that no plan gives to anybody, the first with its calling code."""
    parsed = phonenumbers.parse(number)
    code = parsed.country_code or 0
    found = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(code)
    return NOWHERE if found == "ZZ" else found


def numbers_of(text: str, country: str) -> list[str] | str:
    """The numbers of one entry, or what is wrong with it. NumberParseException."""
    if short := _SHORT_RANGE.fullmatch(text):
        first = _number(short[1], country)
        return _range(first, first[: -len(short[2])] + short[2]) if first else "is no possible number"
    if long := _LONG_RANGE.fullmatch(text):
        first, last = _number(long[1], country), _number(long[2], country)
        return _range(first, last) if first and last else "has an end that is no possible number"
    number = _number(text, country)
    return [number] if number else "is no possible number"


def _range(first: str, last: str) -> list[str] | str:
    count = int(last[1:]) - int(first[1:]) + 1
    if len(first) != len(last) or count < 1:
        return "ends before it begins"
    if count > MAX_BROUGHT:
        return f"has more than {MAX_BROUGHT} numbers"
    return [f"+{int(first[1:]) + step}" for step in range(count)]


def _number(text: str, country: str) -> str:
    """E.164, "" when it can't be one."""
    parsed = phonenumbers.parse(text.strip(), country or None)
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    possible = phonenumbers.is_possible_number(parsed) and not parsed.extension
    return number if possible and is_e164(number) else ""


def fictitious_numbers() -> list[Number]:
    """Numbers for web calls of this installation. No carrier reaches them.

    +1 555 0100 to 0199 are reserved for fiction in each North American area code; the rest are as long as numbers of
    their country and lie in ranges its numbering plan gives to nobody.
    """
    american = [Number(f"+1{area}55501{n:02d}", "US", True) for area in (202, 212, 415, 646) for n in range(100)]
    others = [
        Number(f"{prefix}{n:04d}", country, True)
        for country, prefix in (("TR", "+90599000"), ("AZ", "+99490000"), ("IR", "+98970000"))
        for n in range(100)
    ]
    return american + others
