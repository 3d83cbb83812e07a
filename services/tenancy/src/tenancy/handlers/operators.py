"""What platform operators ask. The tenant is named in the request, here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.paging import Page
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.tenancy.v1 import number_pb2, operator_service_pb2, operator_service_pb2_grpc, tenant_pb2

from tenancy import convert
from tenancy.domain import fields
from tenancy.domain.numbers import check_judged
from tenancy.domain.standing import LONGEST_REASON
from tenancy.ops import operators


class Operators(operator_service_pb2_grpc.OperatorServiceServicer):
    """merkez.tenancy.v1.OperatorService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListTenants(
        self, request: operator_service_pb2.ListTenantsRequest, context: Any
    ) -> operator_service_pb2.ListTenantsResponse:
        page, state = Page(request.page_size, request.page_token), convert.tenant_state_in(request.state, "state")

        async def read(tx: Tx) -> operator_service_pb2.ListTenantsResponse:
            found, token = await operators.list_tenants(tx, request.query.strip(), state, page)
            return operator_service_pb2.ListTenantsResponse(
                tenants=[
                    tenant_pb2.TenantOverview(
                        tenant=convert.tenant_out(each.tenant, await operators.currency_of(tx, each.tenant)),
                        user_count=each.user_count,
                        owner_email=each.owner_email,
                    )
                    for each in found
                ],
                next_page_token=token,
            )

        return await self._db.system(read, read_only=True)

    async def SuspendTenant(
        self, request: operator_service_pb2.SuspendTenantRequest, context: Any
    ) -> tenant_pb2.Tenant:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        tenant_id = require_id("ten", request.tenant_id, "tenant_id")
        reason = fields.name(request.reason, "reason", LONGEST_REASON)

        async def work(tx: Tx) -> tenant_pb2.Tenant:
            async def suspend() -> tenant_pb2.Tenant:
                changed = await operators.suspend(tx, reason, request.version, now)
                return convert.tenant_out(changed, await operators.currency_of(tx, changed))

            return await tx.once(request_id, "SuspendTenant", request, tenant_pb2.Tenant, suspend)

        return await self._db.run(tenant_id, work)

    async def ResumeTenant(self, request: operator_service_pb2.ResumeTenantRequest, context: Any) -> tenant_pb2.Tenant:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        tenant_id = require_id("ten", request.tenant_id, "tenant_id")

        async def work(tx: Tx) -> tenant_pb2.Tenant:
            async def resume() -> tenant_pb2.Tenant:
                changed = await operators.resume(tx, request.version, now)
                return convert.tenant_out(changed, await operators.currency_of(tx, changed))

            return await tx.once(request_id, "ResumeTenant", request, tenant_pb2.Tenant, resume)

        return await self._db.run(tenant_id, work)

    async def ListBroughtNumbers(
        self, request: operator_service_pb2.ListBroughtNumbersRequest, context: Any
    ) -> operator_service_pb2.ListBroughtNumbersResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.system(
            lambda tx: operators.list_brought(tx, request.waiting, page), read_only=True
        )
        return operator_service_pb2.ListBroughtNumbersResponse(
            numbers=[
                number_pb2.BroughtNumber(
                    tenant_id=each.tenant_id, tenant_name=each.tenant_name, number=convert.number_out(each.number)
                )
                for each in found
            ],
            next_page_token=token,
        )

    async def ApproveNumbers(
        self, request: operator_service_pb2.ApproveNumbersRequest, context: Any
    ) -> operator_service_pb2.ApproveNumbersResponse:
        changed = await self._judge(request.tenant_id, request.numbers, True)
        return operator_service_pb2.ApproveNumbersResponse(numbers=changed)

    async def RevokeNumbers(
        self, request: operator_service_pb2.RevokeNumbersRequest, context: Any
    ) -> operator_service_pb2.RevokeNumbersResponse:
        changed = await self._judge(request.tenant_id, request.numbers, False)
        return operator_service_pb2.RevokeNumbersResponse(numbers=changed)

    async def _judge(self, asked_of: str, wanted: Sequence[str], approved: bool) -> list[number_pb2.Number]:
        tenant_id, now = require_id("ten", asked_of, "tenant_id"), self._db.clock.now()
        check_judged(wanted)
        changed = await self._db.run(tenant_id, lambda tx: operators.approve_numbers(tx, wanted, approved, now))
        return [convert.number_out(each) for each in changed]
