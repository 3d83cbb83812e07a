"""SRTP keys in the SDP: `a=crypto` lines read and written (RFC 4568; RFC 7714 for AES-GCM).

A line that asks for what we don't do (master key identifiers, several keys, key derivation rates, unencrypted or
unauthenticated streams, a key that wears out within a day) is no error of the whole description: it is passed over,
and the next one is looked at (RFC 4568 5.1.2).
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass

_LINE = re.compile(r"(\d{1,9}) ([A-Za-z0-9_]{1,64}) (inline:\S{1,512})((?: \S{1,128}){0,16})", re.ASCII)
_LIFETIME = re.compile(r"(?:2\^(\d{1,2})|(\d{1,15}))", re.ASCII)
_WINDOW = re.compile(r"WSH=\d{1,4}", re.ASCII)

KEY_BYTES = {
    "AEAD_AES_256_GCM": 44,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""Master key and salt together, by suite (RFC 4568 6.2, RFC 7714 14.2); the suites we speak, in the order we like."""
_LEAST_LIFETIME = 1 << 24
_MOST_LIFETIME = 1 << 48
"""A day of 10 ms packets is 2^23, so such a key is never worn out within a call; SRTP allows no more than 2^48."""


@dataclass(frozen=True)
class Crypto:
    """One direction's key: `key` is master key then salt, of the length its suite wants."""

    tag: int
    suite: str
    key: bytes

    def line(self) -> str:
        """The attribute's text without `a=`."""
        return f"crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"

    def __repr__(self) -> str:
        return f"Crypto(tag={self.tag}, suite={self.suite!r})"


def new_crypto(tag: int, suite: str) -> Crypto:
    """A fresh random key. KeyError for a suite we don't speak."""
    return Crypto(tag, suite, secrets.token_bytes(KEY_BYTES[suite]))


def parse_crypto(value: str) -> Crypto | None:
    """The key of an attribute's value (`1 AES_CM_128_HMAC_SHA1_80 inline:...`), None when it isn't for us."""
    found = _LINE.fullmatch(value)
    if found is None:
        return None
    tag, suite, method, parameters = int(found[1]), found[2].upper(), found[3], found[4].split()
    if suite not in KEY_BYTES or not all(map(_harmless, parameters)) or ";" in method:
        return None
    encoded, *rest = method.removeprefix("inline:").split("|")
    if len(rest) > 1 or (rest and not _lasts(rest[0])):
        return None
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(tag, suite, key) if len(key) == KEY_BYTES[suite] else None


def _harmless(parameter: str) -> bool:
    """Whether a session parameter may be passed over: optional by its dash, or a hint (RFC 4568 6.3.7, 6.3.6)."""
    return parameter.startswith("-") or _WINDOW.fullmatch(parameter) is not None


def _lasts(lifetime: str) -> bool:
    """Whether a key's lifetime in packets is one we never reach. `1:4` is a key identifier, not a lifetime."""
    found = _LIFETIME.fullmatch(lifetime)
    if found is None:
        return False
    packets = 1 << int(found[1]) if found[1] else int(found[2])
    return _LEAST_LIFETIME <= packets <= _MOST_LIFETIME
