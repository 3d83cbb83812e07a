"""Partners' API keys: asked of tenancy, remembered for 4 s under a digest, forgotten at once when revoked here.

A plan that loses or gains the keys, or allows more or fewer requests, is noticed at once by its fact, and within
those 4 s if that was missed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from chassis.permissions import API_CLIENT_SCOPES
from kernel.clock import Clock
from kernel.errors import DomainError, FailedPrecondition, Unauthenticated
from kernel.tenant import Principal
from merkez.tenancy.v1.session_service_pb2 import VerifyApiKeyResponse

from gateway.tokens import Access

PREFIX = "mrk_"
REMEMBERED_SECONDS = 4.0
_CACHE_SIZE = 4096

Verify = Callable[[str], Awaitable[VerifyApiKeyResponse]]


class ApiKeyRefused(Unauthenticated):
    """The key is unknown or revoked: which, is not said."""

    reason = "API_KEY_REFUSED"


class ApiKeys:
    """Turns a key's secret into who is asking. Refusals are remembered too: a wrong key in a loop costs one call."""

    def __init__(self, verify: Verify, clock: Clock):
        self._verify = verify
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Access | DomainError]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Lock] = {}

    async def verify(self, secret: str) -> Access:
        """Who the key stands for. ApiKeyRefused otherwise; what tenancy says of a suspended tenant's, and
        FEATURE_NOT_IN_PLAN while its company's plan has no keys."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        lock = self._asking.setdefault(digest, asyncio.Lock())
        try:
            async with lock:
                known = self._known.get(digest)
                if known is None or known[0] <= self._clock.monotonic():
                    known = await self._ask(digest, secret)
        finally:
            if not lock.locked():
                self._asking.pop(digest, None)
        if isinstance(known[1], DomainError):
            raise known[1].with_traceback(None)
        return known[1]

    def forget(self, api_key_id: str) -> None:
        """Its revocation passed through here: ask again at the next use."""
        for digest, (_, access) in list(self._known.items()):
            if isinstance(access, Access) and access.principal.subject == api_key_id:
                del self._known[digest]

    def forget_tenant(self, tenant_id: str) -> None:
        """The tenant's standing or plan has changed: ask again at the next use of each of its keys."""
        for digest, (_, access) in list(self._known.items()):
            if isinstance(access, Access) and access.principal.tenant_id == tenant_id:
                del self._known[digest]

    async def _ask(self, digest: bytes, secret: str) -> tuple[float, Access | DomainError]:
        access: Access | DomainError = ApiKeyRefused("the API key is not valid")
        if secret.startswith(PREFIX) and len(secret) <= 256:
            try:
                access = _access(await self._verify(secret))
            except Unauthenticated:
                pass  # unknown or revoked: which, is not said
            except FailedPrecondition as error:
                access = error
        known = self._known[digest] = (self._clock.monotonic() + REMEMBERED_SECONDS, access)
        while len(self._known) > _CACHE_SIZE:
            self._known.popitem(last=False)
        return known


def _access(answer: VerifyApiKeyResponse) -> Access:
    key = answer.api_key
    scopes = frozenset(key.scopes) & API_CLIENT_SCOPES
    return Access(
        Principal(answer.tenant_id, key.api_key_id, "api_client", scopes, key.display_name),
        requests_per_minute=answer.max_requests_per_minute,
        limit_is_hard=not answer.limit_is_soft,
    )
