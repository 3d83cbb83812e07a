"""Telephone numbers that contacts are sent to, or customers called back at."""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers
from kernel.errors import InvalidInput
from kernel.phone import is_e164
from phonenumbers import shortnumberinfo


class Undialable(NamedTuple):
    """Why a number leads to nobody: a code that never changes, and what is wrong."""

    code: str
    wrong: str


def undialable(number: str) -> Undialable | None:
    """Why it isn't E.164 that may lead to somebody, by its country's numbering plan: emergency numbers are never called
    through a contact center (telephony refuses them too, but then a caller waits for it)."""
    if not is_e164(number):
        return Undialable("PHONE", "must be an E.164 number such as +994125551234")
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return Undialable("PHONE", "begins with no country's code")
    shared = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ())
    spoken = (str(parsed.national_number), number.removeprefix("+"))
    if any(shortnumberinfo.is_emergency_number(each, country) for each in spoken for country in shared):
        return Undialable("EMERGENCY_NUMBER", "is an emergency number: those can't be called from here")
    if not phonenumbers.is_possible_number(parsed):
        return Undialable("PHONE", "is too short or too long for a telephone number of its country")
    return None


def require_dialable(number: str, field: str) -> str:
    """The number, when it may lead to somebody; InvalidInput."""
    found = undialable(number)
    if found is not None:
        raise InvalidInput.of(field, found.wrong)
    return number
