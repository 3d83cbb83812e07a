"""Who calls, between our own processes: a one-minute Ed25519 token per call, for one audience.

The gateway turns a person's access token or API key into a `Principal`; from there it travels in an internal token.
Within an rpc `principal()` is its caller, and calls made onward carry the same principal unless the code says
otherwise with `acting_for` (our own business, for a tenant) or `acting_as`.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from kernel.errors import Unauthenticated
from kernel.tenant import Principal

from chassis import keyring
from chassis.keyring import Keyring
from chassis.permissions import PERMISSIONS_BY_ROLE

LIFE_SECONDS = 60
_RENEW_SECONDS = 20
_CACHE_SIZE = 2048
_ISSUER = "merkez"
_ALGORITHM = "Ed25519"  # RFC 9864 names the curve; the older "EdDSA" left it open

_current: ContextVar[Principal | None] = ContextVar("merkez_principal", default=None)
_acting: ContextVar[Principal | None] = ContextVar("merkez_acting", default=None)


class TokenInvalid(Unauthenticated):
    """The internal token is missing, forged, expired or meant for another service."""

    reason = "INTERNAL_TOKEN_INVALID"


STRANGER = Principal("", "stranger", "stranger")
"""Someone who did not sign in; may call what is declared public."""


def principal() -> Principal:
    """The verified caller of the current rpc. LookupError outside of one."""
    found = _current.get()
    if found is None:
        raise LookupError("there is no rpc here: background work acts with acting_for(tenant_id)")
    return found


@contextmanager
def acting_for(tenant_id: str) -> Iterator[None]:
    """Calls made inside are the service's own, with role `service`, for this tenant (empty: for the platform)."""
    with acting_as(Principal(tenant_id, "", "service", PERMISSIONS_BY_ROLE["service"])):
        yield


@contextmanager
def acting_as(who: Principal) -> Iterator[None]:
    """Calls made inside carry this principal. For the gateway, which has verified it."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def serving(who: Principal) -> Iterator[None]:
    """The server edge: inside, `principal()` is `who` and calls onward carry it."""
    current, acting = _current.set(who), _acting.set(None)
    try:
        yield
    finally:
        _current.reset(current)
        _acting.reset(acting)


def outgoing() -> Principal:
    """Whom a call made here and now acts as; LookupError when nobody said."""
    found = _acting.get() or _current.get()
    if found is None:
        raise LookupError("nobody is acting: wrap the call in acting_for(tenant_id)")
    return found


def generate_key() -> str:
    """A fresh Ed25519 private key as JWK JSON, for the file of MERKEZ_INTERNAL_KEY."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": _ALGORITHM}, private=True, auto_kid=True)
    return json.dumps(key.as_dict(private=True))


class InternalTokens:
    """Signs and verifies internal tokens; both are remembered, since a signature costs more than a call. With several
    keys the first signs and all of them are believed; what was remembered is forgotten when they change."""

    def __init__(self, keys: Callable[[], Keyring], service: str):
        self._keys = keys
        self._service = service
        self._known: Keyring | None = None
        self._issued: OrderedDict[tuple[Principal, str], tuple[float, str]] = OrderedDict()
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    @classmethod
    def load(cls, path: str, service: str) -> InternalTokens:
        """By the file of MERKEZ_INTERNAL_KEY, as it is whenever a token is signed or looked at."""
        return cls(keyring.watched(path).current, service)

    @classmethod
    def from_json(cls, content: str, service: str) -> InternalTokens:
        """From the text of such a file."""
        ring = keyring.parse(content)
        return cls(lambda: ring, service)

    def issue(self, who: Principal, audience: str, *, now: float | None = None) -> str:
        """A token that lets the `audience` service know the caller is acting as `who`."""
        now = time.time() if now is None else now
        keys = self._current().signing
        if who.role == "service" and not who.subject:
            who = Principal(who.tenant_id, self._service, "service", who.permissions)
        cached = self._issued.get((who, audience))
        if cached is not None and cached[0] - now > _RENEW_SECONDS:
            return cached[1]
        expiry = int(now) + LIFE_SECONDS
        claims = {
            "iss": _ISSUER, "aud": audience, "azp": self._service, "sub": who.subject, "iat": int(now),
            "exp": expiry, "tenant": who.tenant_id, "role": who.role, "name": who.name,
        }  # fmt: skip
        if who.permissions != PERMISSIONS_BY_ROLE.get(who.role):
            claims["permissions"] = sorted(who.permissions)
        token = jwt.encode({"alg": _ALGORITHM, "typ": "JWT"}, claims, keys[0], algorithms=[_ALGORITHM])
        _remember(self._issued, (who, audience), (float(expiry), token))
        return token

    def verify(self, token: str) -> Principal:
        """The principal of a token for this service; TokenInvalid otherwise."""
        now = time.time()
        keys = self._current().signing
        cached = self._verified.get(token)
        if cached is not None and cached[0] > now:
            return cached[1]
        claims = _claims(token, keys)
        if claims.get("iss") != _ISSUER or claims.get("aud") != self._service:
            raise TokenInvalid("the internal token is meant for another service")
        expiry = claims.get("exp")
        # Machines' clocks differ a little; a token from the future by more than that is forged.
        if not isinstance(expiry, int) or not now < expiry <= now + LIFE_SECONDS + 30:
            raise TokenInvalid("the internal token has expired")
        role = str(claims.get("role", ""))
        listed = claims.get("permissions")
        permissions = frozenset(listed) if listed is not None else PERMISSIONS_BY_ROLE.get(role, frozenset())
        who = Principal(
            str(claims.get("tenant", "")), str(claims.get("sub", "")), role, permissions,
            str(claims.get("name", "")),
        )  # fmt: skip
        _remember(self._verified, token, (float(expiry), who))
        return who

    def _current(self) -> Keyring:
        found = self._keys()
        if found is not self._known:  # a token of a key that was taken out isn't believed a minute longer
            self._issued.clear()
            self._verified.clear()
            self._known = found
        return found


def _claims(token: str, keys: Sequence[OKPKey]) -> Mapping[str, Any]:
    refused: Exception | None = None
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            refused = error
    raise TokenInvalid("the internal token is not valid") from refused


def _remember(cache: OrderedDict, key: object, value: object) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > _CACHE_SIZE:
        cache.popitem(last=False)
