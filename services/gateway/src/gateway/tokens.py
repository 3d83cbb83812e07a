"""Access tokens: EdDSA JWTs that tenancy signs, verified here with its published keys.

The keys are remembered: while tenancy is away, tokens it has signed before keep working. A token with an unknown key
id makes us ask again, at most once in a few seconds, so that forged ids can't be used to flood tenancy.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.permissions import PERMISSIONS_BY_ROLE
from chassis.telemetry import log
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from kernel.clock import Clock
from kernel.errors import DomainError, Unauthenticated
from kernel.tenant import PLATFORM, Principal

ROLES = frozenset({"owner", "admin", "supervisor", "agent", "payer", "operator"})
_MAX_TOKEN = 4096
_CACHE_SIZE = 4096
_ASK_AGAIN_SECONDS = 5.0
_REFRESH_SECONDS = 300.0
_LEEWAY = 5


class TokenInvalid(Unauthenticated):
    """The access token is forged, malformed or meant for somebody else."""

    reason = "TOKEN_INVALID"


class TokenExpired(Unauthenticated):
    """The access token's time is over; a new one comes with the refresh token."""

    reason = "TOKEN_EXPIRED"


class TokenStale(Unauthenticated):
    """The user's role or state has changed since the token was issued."""

    reason = "TOKEN_STALE"


@dataclass(frozen=True)
class Access:
    """Who is asking, and until when that is known. `expires` is Unix seconds, 0 for keys, which have none."""

    principal: Principal
    expires: float = 0.0
    issued: float = 0.0
    requests_per_minute: int = 0
    """What the plan of a key's company allows all its keys together; 0: the plan has no limit, or it is no key."""
    limit_is_hard: bool = True
    """Whether what is over the limit is refused, or the owner only told."""


class SigningKeys:
    """Tenancy's public keys, fetched by `fetch` (JWKS JSON) and remembered."""

    def __init__(self, fetch: Callable[[], Awaitable[str]], clock: Clock):
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def known(self) -> bool:
        """Whether there is any key to verify with."""
        return bool(self._keys)

    async def find(self, key_id: str) -> Any:
        """The key of this id, or None when tenancy does not know it either."""
        age = self._clock.monotonic() - self._asked
        if key_id not in self._keys or age > _REFRESH_SECONDS:
            await self.refresh(_ASK_AGAIN_SECONDS if key_id not in self._keys else _REFRESH_SECONDS)
        return self._keys.get(key_id)

    async def keep_fresh(self) -> None:
        """Ask tenancy now and then, so that a new key is known before it signs; being refused only means later."""
        try:
            await self.refresh()
        except DomainError as error:
            log.warning("the signing keys are not known yet", reason=error.reason)

    async def refresh(self, at_most_every: float = 0.0) -> None:
        """Ask tenancy. When it can't be reached and nothing is known its error is raised; else the old keys stay."""
        async with self._lock:
            if self._clock.monotonic() - self._asked < at_most_every:
                return
            try:
                published = KeySet.import_key_set(json.loads(await self._fetch()))
                self._keys = {str(key.kid): key for key in published.keys if key.kid}
                self._asked = self._clock.monotonic()
            except DomainError as error:
                if not self._keys:
                    raise
                self._asked = self._clock.monotonic()
                log.warning("signing keys can't be refreshed; the old ones stay", reason=error.reason)


class AccessTokens:
    """Turns an access token into who is asking."""

    def __init__(self, keys: SigningKeys, audience: str, clock: Clock):
        self._keys = keys
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[str, Access] = OrderedDict()

    async def verify(self, token: str) -> Access:
        """Who the token speaks for; TokenInvalid or TokenExpired otherwise."""
        now = self._clock.now().timestamp()
        access = self._verified.get(token)
        if access is None:
            access = _access(await self._claims(token), self._audience, now)
            self._verified[token] = access
            while len(self._verified) > _CACHE_SIZE:
                self._verified.popitem(last=False)
        if now >= access.expires + _LEEWAY:
            self._verified.pop(token, None)
            raise TokenExpired("the access token has expired")
        return access

    async def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > _MAX_TOKEN or token.count(".") != 2:
            raise TokenInvalid("this is not an access token")
        key = await self._keys.find(_key_id(token))
        if key is None:
            raise TokenInvalid("the access token is signed by a key that is not known")
        try:
            return jwt.decode(token, key, algorithms=["EdDSA", "Ed25519"]).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            raise TokenInvalid("the access token is not valid") from None


def _key_id(token: str) -> str:
    try:
        head = token.split(".", 1)[0]
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        return str(header["kid"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TokenInvalid("this is not an access token") from None


def _access(claims: Mapping[str, Any], audience: str, now: float) -> Access:
    audiences = claims.get("aud")
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise TokenInvalid("the access token is meant for somebody else")
    expires, issued = claims.get("exp"), claims.get("iat", 0)
    if not isinstance(expires, int | float) or not isinstance(issued, int | float):
        raise TokenInvalid("the access token does not say how long it is valid")
    if float(claims.get("nbf", 0) or 0) > now + 60:
        raise TokenInvalid("the access token is not valid yet")
    role, tenant, subject = str(claims.get("role", "")), str(claims.get("tenant", "")), str(claims.get("sub", ""))
    # An operator's token of a company, or anybody else's of the platform, was never signed by us.
    if role not in ROLES or not subject or not tenant or (role == "operator") != (tenant == PLATFORM):
        raise TokenInvalid("the access token does not say who is asking")
    principal = Principal(tenant, subject, role, PERMISSIONS_BY_ROLE[role], str(claims.get("name", "")))
    return Access(principal, float(expires), float(issued))
