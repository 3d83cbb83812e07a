"""Keeps what callers typed in secret unreadable at rest: masked values are sealed to their run (chassis.sealing)."""

from __future__ import annotations

import json

from chassis.sealing import Seal

_PURPOSE = "merkez flows masked values"


class MaskedValues:
    """Seals the masked values of a run."""

    def __init__(self, key_material: bytes):
        self._seal = Seal(key_material, _PURPOSE)

    @classmethod
    def load(cls, path: str) -> MaskedValues:
        """By the key file of MERKEZ_INTERNAL_KEY."""
        masked = cls.__new__(cls)
        masked._seal = Seal.load(path, _PURPOSE)
        return masked

    def close(self, secrets: dict[str, str], run_id: str) -> bytes | None:
        """Ciphertext; None when there is nothing to keep."""
        return self._seal.close(json.dumps(secrets).encode(), run_id) if secrets else None

    def open(self, sealed: bytes | None, run_id: str) -> dict[str, str]:
        """What was sealed; nothing when the key has changed since: the values are lost, the call is not."""
        plain = self._seal.open(sealed, run_id) if sealed else None
        return json.loads(plain) if plain is not None else {}
