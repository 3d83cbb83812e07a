"""Keeps small secrets unreadable at rest: they are sealed before they reach the database.

AES-256-GCM under a key that is derived (RFC 5869) from the process's internal key, one for each purpose, so a stolen
database alone tells nothing, and what one service sealed no other purpose opens. What a secret belongs to is
authenticated along: it can't be put elsewhere. With another internal key nothing opens any more.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


def derived(key_material: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF, RFC 5869); who has it learns nothing of the others."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key_material)


class Seal:
    """Closes and opens secrets of one purpose, such as "merkez flows masked values"."""

    def __init__(self, key_material: bytes, purpose: str):
        self._cipher = AESGCM(derived(key_material, purpose))

    @classmethod
    def load(cls, path: str, purpose: str) -> Seal:
        """By the private part of the key file of MERKEZ_INTERNAL_KEY (a JWK, or PEM)."""
        content = Path(path).read_text()
        private = json.loads(content)["d"] if content.lstrip().startswith("{") else content.strip()
        return cls(private.encode(), purpose)

    def close(self, secret: bytes, owner: str) -> bytes:
        """Ciphertext with its nonce in front; `owner` is the id of what it belongs to."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes | None:
        """The secret; None when the key has changed since, or it belongs to something else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError):
            return None
