"""Checks of single fields; each raises `FieldInvalid` naming the field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import available_timezones

from kernel.errors import FieldViolation, InvalidInput

LANGUAGES = ("en", "tr", "az", "fa")
_ZONES = available_timezones()
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
PASSWORD_LENGTH = (10, 256)


class FieldInvalid(InvalidInput):
    """A field can't be taken; the violation says which and why."""

    reason = "FIELD_INVALID"


def invalid(field: str, what: str) -> FieldInvalid:
    """The error that `field` is wrong because it `what`."""
    return FieldInvalid(f"{field} {what}.", fields=(FieldViolation(field, what),))


def name(value: str, field: str = "display_name", longest: int = 200) -> str:
    """A name without blanks around it."""
    stripped = value.strip()
    if not stripped or len(stripped) > longest:
        raise invalid(field, f"must have 1 to {longest} characters")
    return stripped


def email(value: str, field: str = "email") -> str:
    """An e-mail address in lower case."""
    address = value.strip().lower()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise invalid(field, "must be an e-mail address")
    return address


def password(value: str, field: str = "password") -> str:
    """A password long enough to be worth keeping."""
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(value) <= longest:
        raise invalid(field, f"must have {shortest} to {longest} characters")
    if len(set(value)) < 4:
        raise invalid(field, "must have at least four different characters")
    return value


def language(value: str, default: str = "en", field: str = "language") -> str:
    """One of the four languages; `default` when empty."""
    if not value:
        return default
    if value not in LANGUAGES:
        raise invalid(field, f"must be one of {', '.join(LANGUAGES)}")
    return value


def time_zone(value: str, default: str = "UTC", field: str = "time_zone") -> str:
    """An IANA time zone; `default` when empty."""
    if not value:
        return default
    if value not in _ZONES:
        raise invalid(field, "must be an IANA time zone, such as Europe/Istanbul")
    return value


def mask(paths: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """The fields of an update mask."""
    if not paths or set(paths) - set(allowed):
        raise invalid("update_mask", f"must name some of {', '.join(allowed)}")
    return tuple(paths)
