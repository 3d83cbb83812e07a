"""Telephone numbers are E.164 text (`+994125551234`), at most 15 digits (ITU-T E.164 6.2.1)."""

from __future__ import annotations

import re

from kernel.errors import InvalidInput

_E164 = re.compile(r"\+[1-9][0-9]{2,14}")


def is_e164(value: str) -> bool:
    """Whether `value` is a plus sign and 3 to 15 ASCII digits that don't start with 0."""
    return _E164.fullmatch(value) is not None


def require_e164(value: str, field: str) -> str:
    """`value` when it is E.164, else InvalidInput naming the proto `field`. Never echoes the number."""
    if is_e164(value):
        return value
    raise InvalidInput.of(field, "must be an E.164 number such as +994125551234")
