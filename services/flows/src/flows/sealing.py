"""Keeps what callers typed in secret unreadable at rest: masked values are sealed before they reach the database.

AES-256-GCM under a key that is derived (RFC 5869) from the process's internal key, so a stolen database alone
tells nothing. The run's id is authenticated along: one run's values can't be put into another's.
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


class MaskedValues:
    """Seals the masked values of a run."""

    def __init__(self, key_material: bytes):
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"merkez flows masked values")
        self._cipher = AESGCM(derive.derive(key_material))

    @classmethod
    def load(cls, path: str) -> MaskedValues:
        """By the private part of the key file of MERKEZ_INTERNAL_KEY (a JWK, or PEM)."""
        content = Path(path).read_text()
        private = json.loads(content)["d"] if content.lstrip().startswith("{") else content.strip()
        return cls(private.encode())

    def close(self, secrets: dict[str, str], run_id: str) -> bytes | None:
        """Ciphertext with its nonce in front; None when there is nothing to keep."""
        if not secrets:
            return None
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, json.dumps(secrets).encode(), run_id.encode())

    def open(self, sealed: bytes | None, run_id: str) -> dict[str, str]:
        """What was sealed; nothing when the key has changed since: the values are lost, the call is not."""
        if not sealed:
            return {}
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], run_id.encode())
        except InvalidTag:
            return {}
        return json.loads(plain)
