"""Checks of single fields; each raises `FieldInvalid` naming the field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from zoneinfo import available_timezones

from kernel.errors import InvalidInput

LANGUAGES = ("en", "tr", "az", "fa")
_ZONES = available_timezones()
# RFC 5321 4.1.2 Dot-string: what is looser than this reads as something else in the header of an e-mail.
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Format characters (Cf) are let through: Persian is not written without its zero-width non-joiner.
_NOT_TEXT = ("Cc", "Cs", "Zl", "Zp")
PASSWORD_LENGTH = (10, 256)


class FieldInvalid(InvalidInput):
    """A field can't be taken; the violation says which and why."""

    reason = "FIELD_INVALID"


def name(value: str, field: str = "display_name", longest: int = 200) -> str:
    """A name without blanks around it, on one line."""
    stripped = value.strip()
    if not stripped or len(stripped) > longest:
        raise FieldInvalid.of(field, f"must have 1 to {longest} characters")
    if any(unicodedata.category(character) in _NOT_TEXT for character in stripped):
        raise FieldInvalid.of(field, "must not hold line breaks or control characters")
    return stripped


def text(value: str, field: str, longest: int) -> str:
    """Words on any number of lines, without blanks around them."""
    stripped = value.strip()
    if not stripped or len(stripped) > longest:
        raise FieldInvalid.of(field, f"must have 1 to {longest} characters")
    if any(unicodedata.category(each) in _NOT_TEXT and each not in "\n\t\r" for each in stripped):
        raise FieldInvalid.of(field, "must not hold control characters")
    return stripped


def email(value: str, field: str = "email") -> str:
    """An e-mail address as it is compared and sent to: lower case, the domain in ASCII (IDNA). Refuses others."""
    address = normal_email(value)
    if address is None:
        raise FieldInvalid.of(field, "must be an e-mail address")
    return address


def normal_email(value: str) -> str | None:
    """As `email`, but None for what is no address."""
    local, at, domain = value.strip().rpartition("@")
    local = local.lower()
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = domain.split(".")
    fits = at and len(local) <= 64 and len(local) + len(domain) < 254 and len(labels) > 1
    if not fits or not _LOCAL.fullmatch(local) or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return f"{local}@{domain}"


def password(value: str, field: str = "password") -> str:
    """A password long enough to be worth keeping."""
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(value) <= longest:
        raise FieldInvalid.of(field, f"must have {shortest} to {longest} characters")
    if len(set(value)) < 4:
        raise FieldInvalid.of(field, "must have at least four different characters")
    return value


def language(value: str, default: str = "en", field: str = "language") -> str:
    """One of the four languages; `default` when empty."""
    if not value:
        return default
    if value not in LANGUAGES:
        raise FieldInvalid.of(field, f"must be one of {', '.join(LANGUAGES)}")
    return value


def time_zone(value: str, default: str = "UTC", field: str = "time_zone") -> str:
    """An IANA time zone; `default` when empty."""
    if not value:
        return default
    if value not in _ZONES:
        raise FieldInvalid.of(field, "must be an IANA time zone, such as Europe/Istanbul")
    return value


def country(value: str, field: str = "country") -> str:
    """An ISO 3166 code of two letters, in upper case; empty for all."""
    code = value.strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise FieldInvalid.of(field, "must be an ISO 3166 code of two letters, such as TR")
    return code


def mask(paths: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """The fields of an update mask."""
    if not paths or set(paths) - set(allowed):
        raise FieldInvalid.of("update_mask", f"must name some of {', '.join(allowed)}")
    return tuple(paths)
