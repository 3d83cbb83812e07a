"""The one way in, whatever the protocol: limits, permission, the call onward, the audit entry.

REST, sockets and public gRPC translate to and from this; a rule of the edge is written here and nowhere else. The
service behind checks the permission again by the internal token.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from chassis.auth import STRANGER, acting_as
from chassis.permissions import PUBLIC, allows
from chassis.rpc_server import PermissionDenied
from chassis.statuses import RemoteFailed
from chassis.telemetry import current_tenant
from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.errors import DomainError, Forbidden, Unauthenticated
from kernel.tenant import Principal
from merkez.tenancy.v1.session_pb2 import Session

from gateway.audit import AuditLog, action_of, target_of
from gateway.budgets import RequestBudgets
from gateway.contracts import Method
from gateway.identity import Identity
from gateway.limits import Limit
from gateway.neighbours import Neighbours
from gateway.rules import Route
from gateway.settings import GatewaySettings
from gateway.tokens import Access

_REVOKE_API_KEY = "merkez.tenancy.v1.ApiKeyService.RevokeApiKey"


@dataclass(frozen=True)
class Asker:
    """Where a request comes from and whom it speaks for."""

    address: str
    access: Access | None = None

    @property
    def principal(self) -> Principal:
        """Who it is; the stranger without credentials."""
        return self.access.principal if self.access is not None else STRANGER


class Edge:
    """What every public rpc goes through."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        neighbours: Neighbours,
        identity: Identity,
        audit: AuditLog,
        budgets: RequestBudgets,
        settings: GatewaySettings,
        clock: Clock,
    ):
        self.routes = routes
        self.neighbours = neighbours
        self.identity = identity
        self._audit = audit
        self._budgets = budgets
        sustained, strangers = settings.requests_per_second, settings.stranger_requests_per_second
        sign_ins = settings.sign_ins_per_minute
        self._principals = Limit(sustained, sustained * 4, clock)
        self._strangers = Limit(strangers, strangers * 8, clock)
        self._special = {"sign_in": Limit(sign_ins / 60, sign_ins / 2, clock)}

    async def identify(self, authorization: str, api_key: str, address: str) -> Asker:
        """Who is asking. Wrong credentials count against the address, so that guessing is slow; a key's requests count
        against its company's plan, RequestLimitReached."""
        try:
            access = await self.identity.of_headers(authorization, api_key)
        except (Unauthenticated, Forbidden):
            self._strangers.take(network_of(address))
            raise
        if access is not None:
            await self._budgets.take(access)
        return Asker(address, access)

    def admit(self, route: Route, asker: Asker) -> Principal:
        """Whom the rpc is called as; RateLimited, Unauthenticated or PermissionDenied otherwise."""
        method = route.method
        if route.limit:
            self._special[route.limit].take(network_of(asker.address))
        if method.permission == PUBLIC:
            self._strangers.take(network_of(asker.address))
            return STRANGER
        if asker.access is None:
            self._strangers.take(network_of(asker.address))
            raise Unauthenticated("sign in first, or send an API key")
        who = asker.principal
        self._principals.take(f"{who.tenant_id}/{who.subject}")
        if not allows(method.permission, who.role, who.permissions):
            error = PermissionDenied("your role or key does not allow this", metadata={"permission": method.permission})
            if route.audit:  # nothing has changed, so nobody waits for it
                self._audit.note(who, method.action, "", error.reason, asker.address)
            raise error
        return who

    async def call(self, route: Route, request: Message, who: Principal, address: str) -> Message:
        """Call the rpc as `who`, whom `admit` gave, and keep it for the audit log before it is answered."""
        tenant = current_tenant.set(who.tenant_id)
        try:
            with acting_as(who):
                # Only who has not signed in is told apart by address, so only then it is passed on.
                known_as = network_of(address) if route.method.permission == PUBLIC else ""
                response = await self.neighbours.call(route.method, request, client_address=known_as)
        except DomainError as error:
            await self._keep(route, request, who, target_of(route.method, request, None), error.reason, address)
            raise
        except RemoteFailed:
            await self._keep(route, request, who, target_of(route.method, request, None), "INTERNAL", address)
            raise
        finally:
            current_tenant.reset(tenant)
        target = target_of(route.method, request, response)
        await self._keep(route, request, _subject(who, response), target, "OK", address)
        if route.method.full_name == _REVOKE_API_KEY:
            self.identity.keys.forget(target_of(route.method, request, None))
        return response

    async def stream(self, method: Method, request: Message, who: Principal) -> AsyncGenerator[Message, None]:
        """As `call`, for an rpc that streams. Streams only read, so there is nothing to note."""
        with acting_as(who):
            answers = self.neighbours.stream(method, request)
        # The token is made when the stream begins, which is at the first step: that step must run as `who`.
        async with aclosing(answers):
            while True:
                with acting_as(who):
                    try:
                        item = await anext(answers)
                    except StopAsyncIteration:
                        return
                yield item

    async def _keep(
        self, route: Route, request: Message, who: Principal, target: str, outcome: str, address: str
    ) -> None:
        if route.audit:
            action = action_of(route.method, request, route.audit_field)
            await self._audit.keep(who, action, target, outcome, address)


def network_of(address: str) -> str:
    """What an address is limited by: an IPv6 customer holds a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return address


def _subject(who: Principal, response: Message) -> Principal:
    # Somebody who has just signed in or up was a stranger when asking; the answer says who it is.
    session = response if isinstance(response, Session) else getattr(response, "session", None)
    if who.tenant_id or not isinstance(session, Session):
        return who
    return Principal(session.tenant_id, session.user.user_id, "", name=session.user.display_name)
