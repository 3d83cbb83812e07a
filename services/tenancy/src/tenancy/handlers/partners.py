"""API keys and the audit log."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.tenancy.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc

from tenancy import convert
from tenancy.ops import api_keys, audit, held


class ApiKeys(session_service_pb2_grpc.ApiKeyServiceServicer):
    """merkez.tenancy.v1.ApiKeyService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateApiKey(
        self, request: session_service_pb2.CreateApiKeyRequest, context: Any
    ) -> session_service_pb2.CreateApiKeyResponse:
        who, asked, now = principal(), request.api_key, self._db.clock.now()
        request_id = require_request_id(request.request_id)

        async def work(tx: Tx) -> session_service_pb2.CreateApiKeyResponse:
            secret = ""

            async def create() -> session_service_pb2.CreateApiKeyResponse:
                nonlocal secret
                key, secret = await api_keys.create(tx, asked.display_name, set(asked.scopes), who.permissions, now)
                return session_service_pb2.CreateApiKeyResponse(api_key=convert.api_key_out(key))

            response = session_service_pb2.CreateApiKeyResponse
            answer = await tx.once(request_id, "CreateApiKey", request, response, create)
            answer.secret = secret  # told once: what is kept for a repeat has none
            return answer

        return await self._db.run(who.tenant_id, work)

    async def ListApiKeys(
        self, request: session_service_pb2.ListApiKeysRequest, context: Any
    ) -> session_service_pb2.ListApiKeysResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: api_keys.list_keys(tx, page), read_only=True
        )
        return session_service_pb2.ListApiKeysResponse(
            api_keys=[convert.api_key_out(each) for each in found], next_page_token=token
        )

    async def RevokeApiKey(self, request: session_service_pb2.RevokeApiKeyRequest, context: Any) -> session_pb2.ApiKey:
        require_id("key", request.api_key_id, "api_key_id")
        now = self._db.clock.now()
        return convert.api_key_out(
            await self._db.run(principal().tenant_id, lambda tx: api_keys.revoke(tx, request.api_key_id, now))
        )

    async def VerifyApiKey(
        self, request: session_service_pb2.VerifyApiKeyRequest, context: Any
    ) -> session_service_pb2.VerifyApiKeyResponse:
        now = self._db.clock.now()
        found = await self._db.system(lambda tx: api_keys.find_key(tx, request.secret), read_only=True)

        async def work(tx: Tx) -> session_service_pb2.VerifyApiKeyResponse:
            key, plan = await api_keys.use(tx, found.target, now), await held.plan_of(tx)
            return session_service_pb2.VerifyApiKeyResponse(
                tenant_id=found.tenant_id,
                api_key=convert.api_key_out(key),
                max_requests_per_minute=plan.limits.max_api_requests_per_minute,
                limit_is_soft="max_api_requests_per_minute" in plan.soft_limits,
            )

        return await self._db.run(found.tenant_id, work)


class Audit(session_service_pb2_grpc.AuditServiceServicer):
    """merkez.tenancy.v1.AuditService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListAuditEntries(
        self, request: session_service_pb2.ListAuditEntriesRequest, context: Any
    ) -> session_service_pb2.ListAuditEntriesResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: audit.list_entries(tx, request.target, page), read_only=True
        )
        return session_service_pb2.ListAuditEntriesResponse(
            entries=[convert.audit_out(each) for each in found], next_page_token=token
        )
