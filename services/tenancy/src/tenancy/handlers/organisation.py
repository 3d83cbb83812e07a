"""Plans, the tenant, brands and notices."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id
from merkez.tenancy.v1 import (
    plan_pb2,
    plan_service_pb2,
    plan_service_pb2_grpc,
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)

from tenancy import catalogue, convert
from tenancy.domain import fields
from tenancy.domain.people import Brand, EmailTaken, Notice, Tenant
from tenancy.handlers.sessions import SessionDesk
from tenancy.ops import organisation, sessions
from tenancy.ops.organisation import Draft
from tenancy.store import lookups, rows, tables


class Plans(plan_service_pb2_grpc.PlanServiceServicer):
    """merkez.tenancy.v1.PlanService."""

    async def ListPlans(
        self, request: plan_service_pb2.ListPlansRequest, context: Any
    ) -> plan_service_pb2.ListPlansResponse:
        return plan_service_pb2.ListPlansResponse(plans=[convert.plan_out(plan) for plan in catalogue.on_sale()])

    async def GetPlan(self, request: plan_service_pb2.GetPlanRequest, context: Any) -> plan_pb2.Plan:
        return convert.plan_out(catalogue.find(request.plan_id, request.version))


class Tenants(tenant_service_pb2_grpc.TenantServiceServicer):
    """merkez.tenancy.v1.TenantService."""

    def __init__(self, db: Database, desk: SessionDesk) -> None:
        self._db = db
        self._desk = desk

    async def SignUp(
        self, request: tenant_service_pb2.SignUpRequest, context: Any
    ) -> tenant_service_pb2.SignUpResponse:
        now = self._db.clock.now()
        email, password = fields.email(request.email), fields.password(request.password)
        plan = catalogue.find(request.plan_id)
        company = fields.name(request.company_name, "company_name")
        owner = fields.name(request.owner_name, "owner_name")
        language, zone = fields.language(request.language), fields.time_zone(request.time_zone)
        repeated = await self._db.system(lambda tx: sessions.repeated_sign_up(tx, request.request_id, email))
        if repeated is not None:
            return await self._again(email, password)
        hashed = await self._desk.passwords.hash(password)
        command = sessions.SignUp(request.request_id, plan, company, owner, email, hashed, language, zone)
        tenant, opened = await self._db.system(lambda tx: sessions.sign_up(tx, command, now))
        return tenant_service_pb2.SignUpResponse(tenant=_tenant(tenant), session=self._desk.session_out(opened, now))

    async def _again(self, email: str, password: str) -> tenant_service_pb2.SignUpResponse:
        # The answer holds secrets and isn't stored: a repeat proves itself by the password and gets a session anew.
        now = self._db.clock.now()
        login = await self._db.system(lambda tx: sessions.login_of(tx, email))
        if login is None or not await self._desk.passwords.verify(login.password_hash, password):
            raise EmailTaken("Somebody signs in with this e-mail address already.")
        opened = await self._db.system(lambda tx: sessions.open_session(tx, login.tenant_id, login.user, now))
        tenant = await self._db.run(login.tenant_id, organisation.get_tenant)
        return tenant_service_pb2.SignUpResponse(tenant=_tenant(tenant), session=self._desk.session_out(opened, now))

    async def GetTenant(self, request: tenant_service_pb2.GetTenantRequest, context: Any) -> tenant_pb2.Tenant:
        return _tenant(await self._db.run(principal().tenant_id, organisation.get_tenant, read_only=True))

    async def UpdateTenant(self, request: tenant_service_pb2.UpdateTenantRequest, context: Any) -> tenant_pb2.Tenant:
        paths = fields.mask(request.update_mask.paths, ("display_name", "language", "time_zone"))
        draft = Draft(request.tenant.display_name, request.tenant.language, request.tenant.time_zone)
        changed = await self._db.run(
            principal().tenant_id, lambda tx: organisation.update_tenant(tx, draft, paths, request.version)
        )
        return _tenant(changed)

    async def ChangePlan(self, request: tenant_service_pb2.ChangePlanRequest, context: Any) -> tenant_pb2.Tenant:
        async def work(tx: Tx) -> tenant_pb2.Tenant:
            async def change() -> tenant_pb2.Tenant:
                return _tenant(await organisation.change_plan(tx, request.plan_id, self._db.clock.now()))

            return await tx.once(request.request_id, "ChangePlan", request, tenant_pb2.Tenant, change)

        return await self._db.run(principal().tenant_id, work)

    async def GetEntitlements(
        self, request: tenant_service_pb2.GetEntitlementsRequest, context: Any
    ) -> tenant_pb2.Entitlements:
        tenant = await self._db.run(principal().tenant_id, organisation.get_tenant, read_only=True)
        return convert.entitlements_out(catalogue.find(tenant.plan_id, tenant.plan_version))

    async def ListNotices(
        self, request: tenant_service_pb2.ListNoticesRequest, context: Any
    ) -> tenant_service_pb2.ListNoticesResponse:
        table = tables.notices
        wanted = () if request.include_dismissed else (table.c.dismissed.is_(False),)
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, table, Notice, ("create_time", "notice_id"), request.page_size, request.page_token, *wanted
            ),
            read_only=True,
        )
        return tenant_service_pb2.ListNoticesResponse(
            notices=[convert.notice_out(each) for each in found], next_page_token=encode_token(*after) if after else ""
        )

    async def DismissNotice(self, request: tenant_service_pb2.DismissNoticeRequest, context: Any) -> tenant_pb2.Notice:
        require_id("ntc", request.notice_id, "notice_id")
        return convert.notice_out(
            await self._db.run(principal().tenant_id, lambda tx: organisation.dismiss_notice(tx, request.notice_id))
        )


class Brands(tenant_service_pb2_grpc.BrandServiceServicer):
    """merkez.tenancy.v1.BrandService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateBrand(self, request: tenant_service_pb2.CreateBrandRequest, context: Any) -> tenant_pb2.Brand:
        tenant_id = principal().tenant_id

        async def work(tx: Tx) -> tenant_pb2.Brand:
            async def create() -> tenant_pb2.Brand:
                made = await organisation.create_brand(tx, _draft(request.brand), self._db.clock.now())
                return convert.brand_out(made)

            return await tx.once(request.request_id, "CreateBrand", request, tenant_pb2.Brand, create)

        made = await self._db.run(tenant_id, work)
        # Published apart, by the role that may: a repeat of the request heals a crash in between.
        brand = await self._db.run(tenant_id, lambda tx: organisation.get_brand(tx, made.brand_id))
        await self._db.system(lambda tx: organisation.publish_widget_key(tx, tenant_id, brand))
        return made

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
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, tables.brands, Brand, ("create_time", "brand_id"), request.page_size, request.page_token
            ),
            read_only=True,
        )
        return tenant_service_pb2.ListBrandsResponse(
            brands=[convert.brand_out(each) for each in found], next_page_token=encode_token(*after) if after else ""
        )

    async def UpdateBrand(self, request: tenant_service_pb2.UpdateBrandRequest, context: Any) -> tenant_pb2.Brand:
        require_id("brd", request.brand.brand_id, "brand.brand_id")
        allowed = ("display_name", "language", "time_zone", "widget_number", "service_level_threshold_seconds")
        paths = fields.mask(request.update_mask.paths, allowed)
        changed = await self._db.run(
            principal().tenant_id,
            lambda tx: organisation.update_brand(
                tx, request.brand.brand_id, _draft(request.brand), paths, request.version, self._db.clock.now()
            ),
        )
        return convert.brand_out(changed)

    async def DeleteBrand(self, request: tenant_service_pb2.DeleteBrandRequest, context: Any) -> Empty:
        require_id("brd", request.brand_id, "brand_id")
        gone = await self._db.run(principal().tenant_id, lambda tx: organisation.delete_brand(tx, request.brand_id))
        await self._db.system(lambda tx: lookups.remove(tx, lookups.WIDGET, gone.widget_key))
        return Empty()


def _draft(brand: tenant_pb2.Brand) -> Draft:
    return Draft(
        brand.display_name, brand.language, brand.time_zone, brand.widget_number, brand.service_level_threshold_seconds
    )


def _tenant(tenant: Tenant) -> tenant_pb2.Tenant:
    return convert.tenant_out(tenant, catalogue.find(tenant.plan_id, tenant.plan_version).currency)
