"""Keeps small secrets unreadable at rest: they are sealed before they reach the database.

AES-256-GCM under a key that is derived (RFC 5869) from the process's internal key, one for each purpose, so a stolen
database alone tells nothing, and what one service sealed no other purpose opens. What a secret belongs to is
authenticated along: it can't be put elsewhere. Of several internal keys (`chassis.keyring`) the first seals and all of
them open; when a key is gone nothing opens that it has sealed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis import keyring

_NONCE_BYTES = 12


def derived(key_material: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF, RFC 5869); who has it learns nothing of the others."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key_material)


class Seal:
    """Closes and opens secrets of one purpose, such as "merkez flows masked values"."""

    def __init__(self, key_material: bytes, purpose: str):
        materials = (key_material,)
        self._materials: Callable[[], tuple[bytes, ...]] = lambda: materials
        self._purpose = purpose
        self._known: tuple[bytes, ...] = ()
        self._ciphers: tuple[AESGCM, ...] = ()

    @classmethod
    def load(cls, path: str, purpose: str) -> Seal:
        """By the private parts of the keys in the file of MERKEZ_INTERNAL_KEY, as it is whenever it is used."""
        ring = keyring.watched(path)
        seal = cls(b"", purpose)
        seal._materials = lambda: ring.current().sealing
        return seal

    def close(self, secret: bytes, owner: str) -> bytes:
        """Ciphertext with its nonce in front; `owner` is the id of what it belongs to."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._current()[0].encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes | None:
        """The secret; None when its key is gone, or it belongs to something else."""
        for cipher in self._current():
            with suppress(InvalidTag, ValueError):
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        return None

    def _current(self) -> tuple[AESGCM, ...]:
        if (materials := self._materials()) is not self._known:
            self._ciphers = tuple(AESGCM(derived(each, self._purpose)) for each in materials)
            self._known = materials
        return self._ciphers
