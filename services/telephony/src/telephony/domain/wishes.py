"""What a caller may send, checked: who they are, the number they typed, the keys they press."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers
from kernel.errors import FieldViolation, InvalidInput
from kernel.phone import is_e164

from telephony.domain.names import shown_name

MAX_NAME = 120
MAX_NUMBER = 40
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTE = 500
MAX_REQUEST_ID = 128
_WIDGET_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_DIGITS = re.compile(r"[0-9*#A-Da-d]{1,32}")


@dataclass(frozen=True)
class WebCall:
    """A customer's wish to call, checked."""

    widget_key: str
    sdp_offer: str
    caller_name: str
    caller_number: str
    attributes: Mapping[str, str]
    request_id: str


def check_web_call(call: WebCall) -> WebCall:
    """The same, cleaned; InvalidInput naming every field that is wrong."""
    wrong: list[FieldViolation] = []
    if not _WIDGET_KEY.fullmatch(call.widget_key):
        wrong.append(FieldViolation("widget_key", "is required: letters, digits, _ and -, at most 128"))
    if not call.sdp_offer:
        wrong.append(FieldViolation("sdp_offer", "is required"))
    if len(call.caller_name) > MAX_NAME:
        wrong.append(FieldViolation("caller_name", f"is longer than {MAX_NAME} characters"))
    if not 0 < len(call.request_id) <= MAX_REQUEST_ID:
        wrong.append(FieldViolation("request_id", f"is required, at most {MAX_REQUEST_ID} characters"))
    if len(call.attributes) > MAX_ATTRIBUTES or any(
        not name or len(name) > 64 or len(value) > MAX_ATTRIBUTE for name, value in call.attributes.items()
    ):
        wrong.append(FieldViolation("attributes", f"at most {MAX_ATTRIBUTES}, values up to {MAX_ATTRIBUTE} characters"))
    if wrong:
        raise InvalidInput("the call can't be started as asked", fields=wrong)
    return dataclasses.replace(call, caller_name=shown_name(call.caller_name))


def understood_number(given: str, dialed_number: str, field: str = "caller_number") -> str:
    """E.164 of the number somebody typed, read as it is dialled in the country of the brand's number; "" stays "".

    InvalidInput naming `field` when no number can be read out of it.
    """
    if not given.strip():
        return ""
    parsed = _read_number(given, _region(dialed_number))
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if parsed else ""
    # With its country code a number may be one that our tables don't know yet.
    known = parsed is not None and (given.strip()[0] in "+＋" or phonenumbers.is_possible_number(parsed))
    if not known or not is_e164(e164) or len(given) > MAX_NUMBER:
        raise InvalidInput.of(field, "must be a telephone number; with its country code it is always clear")
    return e164


def _region(number: str) -> str | None:
    parsed = _read_number(number, None)
    return phonenumbers.region_code_for_country_code(parsed.country_code or 0) if parsed else None


def _read_number(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def check_digits(digits: str) -> str:
    """Digits to send, upper case; InvalidInput for anything that isn't on a keypad."""
    if not _DIGITS.fullmatch(digits):
        raise InvalidInput.of("digits", "takes 1 to 32 of 0-9 * # A-D")
    return digits.upper()
