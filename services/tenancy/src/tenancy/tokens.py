"""Access tokens (RFC 7519, EdDSA by RFC 8037) and password hashes (argon2id, RFC 9106)."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from tenancy.domain.people import User
from tenancy.domain.secrets import ACCESS_LIFE

AUDIENCE = "merkez"
ISSUER = "merkez/tenancy"
_ALGORITHM = "Ed25519"


class AccessTokenSigner:
    """Signs with the first key of a set and publishes all of them, so that a new key can be known before it signs."""

    def __init__(self, keys: KeySet) -> None:
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
        return cls(KeySet.import_key_set(json.loads(path.read_text())))

    def sign(self, user: User, tenant_id: str, session_id: str, now: datetime) -> tuple[str, datetime]:
        """A token for a user and when it ends."""
        expires = now + ACCESS_LIFE
        key = self._keys.keys[0]
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": user.user_id, "tenant": tenant_id, "role": user.role.lower(),
            "name": user.display_name, "sid": session_id, "iat": int(now.timestamp()), "exp": int(expires.timestamp()),
        }  # fmt: skip
        header = {"alg": _ALGORITHM, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key, algorithms=[_ALGORITHM]), expires

    def public(self) -> str:
        """The public keys as JWKS (RFC 7517)."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self._keys.keys]})


class Passwords:
    """Hashes and verifies off the event loop, a few at a time: each takes 64 MiB and tens of milliseconds."""

    def __init__(self, at_once: int = 2) -> None:
        self._hasher = PasswordHasher()
        self._room = asyncio.Semaphore(at_once)
        self._dummy = ""

    async def hash(self, password: str) -> str:
        """The argon2id hash to store."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str, password: str) -> bool:
        """Whether the password fits. Without a stored hash it takes as long, so that timing tells nothing."""
        if not self._dummy:
            self._dummy = await self.hash("nobody's password")
        async with self._room:
            fits = await asyncio.to_thread(self._verify, stored or self._dummy, password)
        return fits and bool(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
