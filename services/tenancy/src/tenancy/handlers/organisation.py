"""The tenant, brands and notices."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sql import Database, RequestIdReused, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import new_tenant_id, require_id, require_request_id
from merkez.tenancy.v1 import (
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)

from tenancy import convert, plans_proto
from tenancy.desk import Desk, client_address
from tenancy.domain import fields
from tenancy.domain.people import EmailTaken, Tenant
from tenancy.domain.sessions import SignInRefused
from tenancy.ops import held, notices, organisation, sessions, subscriptions
from tenancy.ops.organisation import Draft
from tenancy.ops.sessions import SignUp


class Tenants(tenant_service_pb2_grpc.TenantServiceServicer):
    """merkez.tenancy.v1.TenantService."""

    def __init__(self, db: Database, desk: Desk) -> None:
        self._db = db
        self._desk = desk

    async def SignUp(
        self, request: tenant_service_pb2.SignUpRequest, context: Any
    ) -> tenant_service_pb2.SignUpResponse:
        now, password = self._db.clock.now(), fields.password(request.password)
        command = SignUp(
            request_id=require_request_id(request.request_id),
            plan=(await self._db.system(held.catalogue, read_only=True)).find(request.plan_id),
            company_name=fields.name(request.company_name, "company_name"),
            owner_name=fields.name(request.owner_name, "owner_name"),
            email=fields.email(request.email),
            language=fields.language(request.language),
            time_zone=fields.time_zone(request.time_zone),
        )
        repeated = await self._repeated(command, password, context)
        if repeated is not None:
            return repeated
        hashed = await self._desk.passwords.hash(password)
        try:
            tenant, opened = await self._db.run(
                new_tenant_id(now, self._desk.home_region), lambda tx: sessions.sign_up(tx, command, hashed, now)
            )
        except EmailTaken:
            repeated = await self._repeated(command, password, context)  # its twin may have been faster
            if repeated is None:
                raise
            return repeated
        shown = convert.tenant_out(tenant, command.plan.currency)
        return tenant_service_pb2.SignUpResponse(tenant=shown, session=self._desk.session_out(opened))

    async def _repeated(self, command: SignUp, password: str, context: Any) -> tenant_service_pb2.SignUpResponse | None:
        # The first answer held secrets and wasn't stored: a repeat proves itself by the password, counted like any
        # other guess, and gets a session anew.
        earlier = await self._db.system(lambda tx: sessions.earlier_sign_up(tx, command), read_only=True)
        if earlier is None:
            return None
        try:
            login = await self._desk.prove(command.email, password, client_address(context))
        except SignInRefused as error:
            raise EmailTaken("Somebody signs in with this e-mail address already: sign in instead.") from error
        if earlier.target != command.fingerprint:
            raise RequestIdReused("this request_id was used with another body")
        tenant = await self._db.run(login.tenant_id, _own_tenant, read_only=True)
        return tenant_service_pb2.SignUpResponse(tenant=tenant, session=await self._desk.open(login))

    async def GetTenant(self, request: tenant_service_pb2.GetTenantRequest, context: Any) -> tenant_pb2.Tenant:
        return await self._db.run(principal().tenant_id, _own_tenant, read_only=True)

    async def UpdateTenant(self, request: tenant_service_pb2.UpdateTenantRequest, context: Any) -> tenant_pb2.Tenant:
        paths = fields.mask(request.update_mask.paths, ("display_name", "language", "time_zone"))
        draft = Draft(request.tenant.display_name, request.tenant.language, request.tenant.time_zone)

        async def work(tx: Tx) -> tenant_pb2.Tenant:
            return await _tenant(tx, await organisation.update_tenant(tx, draft, paths, request.version))

        return await self._db.run(principal().tenant_id, work)

    async def ChangePlan(self, request: tenant_service_pb2.ChangePlanRequest, context: Any) -> tenant_pb2.Tenant:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()

        async def work(tx: Tx) -> tenant_pb2.Tenant:
            async def change() -> tenant_pb2.Tenant:
                found = await subscriptions.move(tx, request.plan_id, 0, now)
                return convert.tenant_out(found.tenant, found.plan.currency)

            return await tx.once(request_id, "ChangePlan", request, tenant_pb2.Tenant, change)

        return await self._db.run(principal().tenant_id, work)

    async def GetEntitlements(
        self, request: tenant_service_pb2.GetEntitlementsRequest, context: Any
    ) -> tenant_pb2.Entitlements:
        return plans_proto.entitlements_out(await self._db.run(principal().tenant_id, held.plan_of, read_only=True))

    async def ListNotices(
        self, request: tenant_service_pb2.ListNoticesRequest, context: Any
    ) -> tenant_service_pb2.ListNoticesResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id,
            lambda tx: notices.list_notices(tx, request.include_dismissed, page),
            read_only=True,
        )
        return tenant_service_pb2.ListNoticesResponse(
            notices=[convert.notice_out(each) for each in found], next_page_token=token
        )

    async def DismissNotice(self, request: tenant_service_pb2.DismissNoticeRequest, context: Any) -> tenant_pb2.Notice:
        require_id("ntc", request.notice_id, "notice_id")
        return convert.notice_out(
            await self._db.run(principal().tenant_id, lambda tx: notices.dismiss_notice(tx, request.notice_id))
        )


class Brands(tenant_service_pb2_grpc.BrandServiceServicer):
    """merkez.tenancy.v1.BrandService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateBrand(self, request: tenant_service_pb2.CreateBrandRequest, context: Any) -> tenant_pb2.Brand:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()

        async def work(tx: Tx) -> tenant_pb2.Brand:
            async def create() -> tenant_pb2.Brand:
                return convert.brand_out(await organisation.create_brand(tx, _draft(request.brand), now))

            return await tx.once(request_id, "CreateBrand", request, tenant_pb2.Brand, create)

        return await self._db.run(principal().tenant_id, work)

    async def GetBrand(self, request: tenant_service_pb2.GetBrandRequest, context: Any) -> tenant_pb2.Brand:
        require_id("brd", request.brand_id, "brand_id")
        return convert.brand_out(
            await self._db.run(
                principal().tenant_id, lambda tx: organisation.get_brand(tx, request.brand_id), read_only=True
            )
        )

    async def ListBrands(
        self, request: tenant_service_pb2.ListBrandsRequest, context: Any
    ) -> tenant_service_pb2.ListBrandsResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: organisation.list_brands(tx, page), read_only=True
        )
        return tenant_service_pb2.ListBrandsResponse(
            brands=[convert.brand_out(each) for each in found], next_page_token=token
        )

    async def UpdateBrand(self, request: tenant_service_pb2.UpdateBrandRequest, context: Any) -> tenant_pb2.Brand:
        require_id("brd", request.brand.brand_id, "brand.brand_id")
        allowed = (
            "display_name", "language", "time_zone", "widget_number", "service_level_threshold_seconds",
            "caller_number", "call_rules",
        )  # fmt: skip
        paths = fields.mask(request.update_mask.paths, allowed)
        asked, now = request.brand, self._db.clock.now()
        changed = await self._db.run(
            principal().tenant_id,
            lambda tx: organisation.update_brand(tx, asked.brand_id, _draft(asked), paths, request.version, now),
        )
        return convert.brand_out(changed)

    async def DeleteBrand(self, request: tenant_service_pb2.DeleteBrandRequest, context: Any) -> Empty:
        require_id("brd", request.brand_id, "brand_id")
        await self._db.run(principal().tenant_id, lambda tx: organisation.delete_brand(tx, request.brand_id))
        return Empty()


def _draft(brand: tenant_pb2.Brand) -> Draft:
    return Draft(
        brand.display_name,
        brand.language,
        brand.time_zone,
        brand.widget_number,
        brand.service_level_threshold_seconds,
        brand.caller_number,
        convert.call_rules_in(brand.call_rules),
    )


async def _own_tenant(tx: Tx) -> tenant_pb2.Tenant:
    return await _tenant(tx, await held.get_tenant(tx))


async def _tenant(tx: Tx, tenant: Tenant) -> tenant_pb2.Tenant:
    return convert.tenant_out(tenant, (await held.plan_version_of(tx, tenant)).currency)
