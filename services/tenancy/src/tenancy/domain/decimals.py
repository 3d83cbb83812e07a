"""Decimals as operators write them: text, exact, bounded."""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_MOST = Fraction(10**9)
"""Nobody means a price of a milliard: a key stood still."""
UNIT_DIGITS = 9
"""Digits after the point of what is multiplied before it is rounded."""


def decimal(text: str, at: str, digits: int = UNIT_DIGITS, *, positive: bool = False) -> list[tuple[str, str]]:
    """(path, key) of what is wrong with a decimal that isn't negative, with `digits` after the point at most."""
    if not _DECIMAL.fullmatch(text):
        return [(at, "NOT_A_NUMBER")]
    value = Fraction(text)
    if value < 0:
        return [(at, "NEGATIVE")]
    if positive and value == 0:
        return [(at, "NOT_POSITIVE")]
    if value >= _MOST:
        return [(at, "TOO_LARGE")]
    if len(text.partition(".")[2].rstrip("0")) > digits:
        return [(at, "TOO_MANY_DIGITS")]
    return []
