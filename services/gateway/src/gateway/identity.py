"""Who is asking: the credentials of a request, a socket's hello or a gRPC call, turned into a principal."""

from __future__ import annotations

from collections import OrderedDict

from kernel.clock import Clock
from kernel.tenant import TenantSuspended
from merkez.tenancy.v1.session_pb2 import Role, User, UserState

from gateway.apikeys import PREFIX, ApiKeys
from gateway.tokens import Access, AccessTokens, TokenInvalid, TokenStale

_REMEMBERED = 20_000


class Identity:
    """Access tokens and API keys in one place, and what was heard about users and tenants since tokens were issued."""

    def __init__(self, tokens: AccessTokens, keys: ApiKeys, clock: Clock):
        self._tokens = tokens
        self.keys = keys
        self._clock = clock
        self._changed: OrderedDict[str, tuple[float, bool, str]] = OrderedDict()
        self._suspended: OrderedDict[str, float] = OrderedDict()

    async def of_headers(self, authorization: str, api_key: str) -> Access | None:
        """Who the headers speak for; None when there are no credentials."""
        if api_key:
            return await self.keys.verify(api_key.strip())
        if not authorization:
            return None
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip():
            raise TokenInvalid("the Authorization header must be Bearer and a token")
        return await self.of(credentials.strip())

    async def of(self, credentials: str) -> Access:
        """Who a token or an API key speaks for; Unauthenticated otherwise."""
        if credentials.startswith(PREFIX):
            return await self.keys.verify(credentials)
        access = await self._tokens.verify(credentials)
        self.check(access)
        return access

    def check(self, access: Access) -> None:
        """TokenStale when the user was disabled or given another role after the token was issued, TenantSuspended
        when that happened to the tenant. A token issued later says that the tenant was resumed, heard of or not."""
        suspended = self._suspended.get(access.principal.tenant_id)
        if suspended is not None and access.expires and access.issued <= suspended:
            raise TenantSuspended("your company is suspended: its owner may ask whoever runs this platform")
        changed = self._changed.get(access.principal.subject)
        # A token says its second, a fact its microsecond: within that second the token is given the benefit.
        if changed is None or access.issued > changed[0] - 1:
            return
        _, disabled, role = changed
        if disabled or role != access.principal.role:
            raise TokenStale("your role or state has changed: sign in or refresh the session")

    def note_user(self, user: User, time: float) -> None:
        """A user's role or state changed at this Unix time."""
        role = Role.Name(user.role).removeprefix("ROLE_").lower()
        disabled = user.state == UserState.USER_STATE_DISABLED
        self._changed[user.user_id] = (time, disabled, role)
        self._changed.move_to_end(user.user_id)
        while len(self._changed) > _REMEMBERED:
            self._changed.popitem(last=False)

    def note_tenant(self, tenant_id: str, suspended: bool, time: float) -> None:
        """A tenant was suspended, or resumed, at this Unix time: its keys are asked about anew."""
        self.keys.forget_tenant(tenant_id)
        self._suspended.pop(tenant_id, None)
        if suspended:
            self._suspended[tenant_id] = time
        while len(self._suspended) > _REMEMBERED:
            self._suspended.popitem(last=False)
