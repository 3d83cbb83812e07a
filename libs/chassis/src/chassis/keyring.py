"""The internal keys of an installation: one signs and seals, the others still verify and open what was made before.

The file of `MERKEZ_INTERNAL_KEY` holds one Ed25519 private key (a JWK, or PEM), or several as a JWK set (RFC 7517 5),
the one in use first. A key whose `use` is "enc" only opens what it sealed: no token of it is believed any more. The
file is taken up again when it changes. docs/runbooks/keys-and-certificates.md says how to go from one key to the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import OKPKey

from chassis.watched import Watched

_WHAT = "the file of internal keys"


@dataclass(frozen=True)
class Keyring:
    """`signing`: the first signs, all of them verify. `sealing`: secret bytes, the first seals, all of them open."""

    signing: tuple[OKPKey, ...]
    sealing: tuple[bytes, ...]


def watched(path: str) -> Watched[Keyring]:
    """The keys of a file as they are now. OSError, ValueError."""
    return Watched(path, lambda content: parse(content.decode()), _WHAT)


def parse(content: str) -> Keyring:
    """From the file's text. ValueError in words that show nothing of it."""
    if not content.lstrip().startswith("{"):
        return Keyring((_imported(content),), (content.strip().encode(),))
    try:
        told: dict[str, Any] = json.loads(content)
    except ValueError:
        raise ValueError("it isn't JSON") from None
    listed: list[dict[str, Any]] = told["keys"] if isinstance(told.get("keys"), list) else [told]
    if not listed or listed[0].get("use") == "enc":
        raise ValueError("its first key must be one that signs")
    signing = tuple(_imported(each) for each in listed if each.get("use") != "enc")
    for each in listed:
        _imported(each)
    return Keyring(signing, tuple(str(each["d"]).encode() for each in listed))


def _imported(given: Any) -> OKPKey:
    try:
        key = OKPKey.import_key(given)
    except Exception:  # of many kinds, and some repeat what they were given
        raise ValueError("it must hold Ed25519 private keys: JWK, JWK set or PEM") from None
    if not key.is_private or key.curve_name != "Ed25519":
        raise ValueError("it must hold Ed25519 private keys, each with its private part")
    return key
