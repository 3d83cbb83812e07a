"""Telephone numbers that contacts are sent to, or customers called back at."""

from __future__ import annotations

import phonenumbers
from kernel.errors import InvalidInput
from kernel.phone import require_e164
from phonenumbers import shortnumberinfo


def require_dialable(number: str, field: str) -> str:
    """E.164 that may lead to somebody: by its country's numbering plan, and no help in an emergency, which is never
    called through a contact center (telephony refuses it too, but then a caller waits for it). InvalidInput."""
    require_e164(number, field)
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        raise InvalidInput.of(field, "begins with no country's code") from error
    shared = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ())
    spoken = (str(parsed.national_number), number.removeprefix("+"))
    if any(shortnumberinfo.is_emergency_number(each, country) for each in spoken for country in shared):
        raise InvalidInput.of(field, "is an emergency number: those can't be called from here")
    if not phonenumbers.is_possible_number(parsed):
        raise InvalidInput.of(field, "is too short or too long for a telephone number of its country")
    return number
