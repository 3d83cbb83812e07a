"""Access tokens (RFC 7519, EdDSA by RFC 8037) and password hashes (argon2id, RFC 9106)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from chassis.watched import Watched
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from kernel.errors import Unavailable

from tenancy.domain.fields import PASSWORD_LENGTH
from tenancy.domain.people import User
from tenancy.domain.sessions import ACCESS_LIFE

AUDIENCE = "merkez"
ISSUER = "merkez/tenancy"
_ALGORITHM = "Ed25519"
T = TypeVar("T")


class AccessTokenSigner:
    """Signs with the first key of a set and publishes all of them, so that a new key can be known before it signs. The
    file is taken up again when it changes."""

    def __init__(self, keys: Watched[KeySet]) -> None:
        self._keys = keys

    @classmethod
    def load(cls, path: Path) -> AccessTokenSigner:
        """The keys of a JWKS file, which is made when it isn't there."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": _ALGORITHM}, private=True, auto_kid=True)
            temporary = path.with_suffix(".new")
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"keys": [key.as_dict(private=True)]}, file)
            temporary.replace(path)
        return cls(Watched(str(path), _key_set, "the file of signing keys"))

    def sign(self, user: User, tenant_id: str, session_id: str, now: datetime) -> tuple[str, datetime]:
        """A token for a user and when it ends."""
        expires = now + ACCESS_LIFE
        key = self._keys.current().keys[0]
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": user.user_id, "tenant": tenant_id, "role": user.role.lower(),
            "name": user.display_name, "sid": session_id, "iat": int(now.timestamp()), "exp": int(expires.timestamp()),
        }  # fmt: skip
        header = {"alg": _ALGORITHM, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key, algorithms=[_ALGORITHM]), expires

    def public(self) -> str:
        """The public keys as JWKS (RFC 7517)."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self._keys.current().keys]})


def _key_set(content: bytes) -> KeySet:
    try:
        found = KeySet.import_key_set(json.loads(content))
    except Exception:  # of many kinds, and some repeat what they were given
        raise ValueError("it must be a JWK set of Ed25519 private keys") from None
    if not found.keys or not all(isinstance(key, OKPKey) and key.is_private and key.kid for key in found.keys):
        raise ValueError("it must be a JWK set of Ed25519 private keys, each with a kid")
    return found


PROFILES = {
    "rfc9106": RFC_9106_LOW_MEMORY,
    "owasp": replace(RFC_9106_LOW_MEMORY, time_cost=2, memory_cost=19 * 1024, parallelism=1),
}
"""argon2id as RFC 9106, section 4, recommends it second, and as OWASP's Password Storage Cheat Sheet does at least."""


class SignInBusy(Unavailable):
    """Too many people sign in at once."""

    reason = "SIGN_IN_BUSY"


class Passwords:
    """Hashes and verifies off the event loop, a few at a time: each takes 64 MiB and tens of milliseconds.

    Those that wait are bounded too: strangers may ask for a hash, and a queue longer than their patience helps nobody.
    """

    def __init__(self, hasher: PasswordHasher | None = None, at_once: int = 2, waiting: int = 100) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(PROFILES["rfc9106"])
        self._room = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._asked = 0
        # Somebody's hash to compare with where nobody's is stored, so that it takes as long.
        self._nobodys = self._hasher.hash(token_hex(16))

    async def hash(self, password: str) -> str:
        """The argon2id hash to store. Raises `SignInBusy`."""
        return await self._work(self._hasher.hash, password)

    async def verify(self, stored: str, password: str) -> bool:
        """Whether the password fits, in the same time with and without a stored hash. Raises `SignInBusy`."""
        fits = await self._work(self._fits, stored or self._nobodys, password[: PASSWORD_LENGTH[1] + 1])
        return fits and bool(stored)

    async def _work(self, work: Callable[..., T], *args: str) -> T:
        if self._asked >= self._most:
            raise SignInBusy("Too many people sign in at once: try again.", retry_after=timedelta(seconds=5))
        self._asked += 1
        try:
            async with self._room:
                return await asyncio.to_thread(work, *args)
        finally:
            self._asked -= 1

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
