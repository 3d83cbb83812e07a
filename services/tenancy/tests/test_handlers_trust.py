"""Who may call what, and that nothing of another company is found by anybody."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from chassis.auth import STRANGER, acting_as
from kernel.errors import DomainError, Forbidden, NotFound
from kernel.tenant import PLATFORM, Principal
from merkez.tenancy.v1 import (
    emergency_service_pb2,
    inventory_service_pb2,
    number_pb2,
    number_service_pb2,
    operator_plan_service_pb2,
    operator_service_pb2,
    plan_service_pb2,
    porting_service_pb2,
    session_pb2,
    session_service_pb2,
    subscription_service_pb2,
    tenant_pb2,
    tenant_service_pb2,
)
from testkit import someone

MODULES = (
    plan_service_pb2, tenant_service_pb2, session_service_pb2, number_service_pb2, operator_service_pb2,
    operator_plan_service_pb2, subscription_service_pb2,
    emergency_service_pb2, inventory_service_pb2, porting_service_pb2,
)  # fmt: skip
EVERYBODY = {"owner", "admin", "supervisor", "agent", "operator", "api_client", "customer", "stranger", "service"}
SIGNED_IN = EVERYBODY - {"customer", "stranger"}
MEMBERS = SIGNED_IN - {"operator"}
OPERATORS = {"operator", "service"}
LEADERS = {"owner", "admin", "supervisor", "service"}
ADMINS = {"owner", "admin", "service"}
OWNER = {"owner", "service"}
MAY = {
    "PlanService": dict.fromkeys(("ListPlans", "GetPlan"), EVERYBODY),
    "TenantService": {
        "SignUp": EVERYBODY, "GetTenant": MEMBERS, "UpdateTenant": OWNER, "ChangePlan": OWNER,
        "GetEntitlements": MEMBERS, "ListNotices": ADMINS, "DismissNotice": ADMINS,
    },
    "BrandService": {
        "CreateBrand": ADMINS, "UpdateBrand": ADMINS, "DeleteBrand": ADMINS,
        "GetBrand": LEADERS | {"agent"}, "ListBrands": LEADERS | {"agent"},
    },
    "SessionService": dict.fromkeys(
        ("SignIn", "RefreshSession", "SignOut", "GetSignInOptions", "StartOidcSignIn", "FinishOidcSignIn",
         "GetSigningKeys"), EVERYBODY,
    ),
    "UserService": {
        "GetMe": SIGNED_IN, "ListUsers": LEADERS, "UpdateUser": ADMINS, "CreateInvitation": ADMINS,
        "ListInvitations": LEADERS, "RevokeInvitation": ADMINS, "GetInvitation": EVERYBODY,
        "AcceptInvitation": EVERYBODY,
    },
    "ApiKeyService": {
        "CreateApiKey": ADMINS, "ListApiKeys": ADMINS, "RevokeApiKey": ADMINS, "VerifyApiKey": {"service"},
    },
    "OperatorPlanService": dict.fromkeys(
        ("ListAllPlans", "CheckPlan", "CreatePlan", "CreatePlanVersion", "UpdatePlanDraft", "PublishPlan", "RetirePlan",
         "ListAllAddOns", "CreateAddOn", "CreateAddOnVersion", "UpdateAddOnDraft", "PublishAddOn", "RetireAddOn"),
        OPERATORS,
    ),
    "SubscriptionService": dict.fromkeys(("GetSubscription", "ListOffers", "PreviewPlanChange"), OWNER)
    | dict.fromkeys(
        ("MovePlan", "UndoPendingChange", "SetAddOn", "PauseSubscription", "ResumeSubscription", "CancelSubscription",
         "ReactivateSubscription"), OWNER,
    ),
    "AuditService": {"ListAuditEntries": ADMINS | {"operator"}},
    "OperatorService": dict.fromkeys(
        ("ListTenants", "SuspendTenant", "ResumeTenant", "ListBroughtNumbers", "ApproveNumbers", "RevokeNumbers"),
        OPERATORS,
    ),
    "NumberService": {
        "ListAvailableNumbers": LEADERS, "ListNumbers": LEADERS, "AssignNumber": ADMINS, "UpdateNumber": ADMINS,
        "ReleaseNumber": ADMINS, "BringNumbers": ADMINS, "LookupRoute": {"service"}, "GetCallerNumbers": {"service"},
        "HoldNumber": ADMINS, "DropHold": ADMINS,
    },
    "EmergencyAddressService": {
        "CreateEmergencyAddress": ADMINS, "ListEmergencyAddresses": LEADERS, "UpdateEmergencyAddress": ADMINS,
        "DeleteEmergencyAddress": ADMINS, "SetEmergencyAddress": ADMINS,
    },
    "InventoryService": dict.fromkeys(
        ("ListInventory", "ImportInventory", "UpdateInventoryNumber", "RemoveInventoryNumber", "SetQuarantine",
         "ListNumberHistory"), OPERATORS,
    ),
    "PortingService": {
        "CreatePortOrder": ADMINS, "GetPortOrder": LEADERS, "ListPortOrders": LEADERS, "UpdatePortOrder": ADMINS,
        "UploadPortDocument": ADMINS, "DeletePortDocument": ADMINS, "GetPortDocument": ADMINS,
        "SubmitPortOrder": ADMINS, "CancelPortOrder": ADMINS, "CommentPortOrder": ADMINS, "ListPortEvents": LEADERS,
        "ListPortOuts": LEADERS, "ConfirmPortOut": ADMINS, "RefusePortOut": ADMINS, "SetPortOutPin": OWNER,
    },
    "CarrierService": {"ReceiveCarrierEvent": EVERYBODY},
}  # fmt: skip


def methods() -> list[Any]:
    return [
        method
        for module in MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


def call(town: Any, method: Any, request: Any) -> Any:
    stubs = {
        "PlanService": town.stubs.plans, "TenantService": town.stubs.tenants, "BrandService": town.stubs.brands,
        "SessionService": town.stubs.sessions, "UserService": town.stubs.users, "AuditService": town.stubs.audit,
        "ApiKeyService": town.stubs.api_keys, "NumberService": town.stubs.numbers,
        "EmergencyAddressService": town.stubs.emergency, "InventoryService": town.stubs.inventory,
        "PortingService": town.stubs.porting, "CarrierService": town.stubs.carriers,
        "OperatorService": town.stubs.operators, "OperatorPlanService": town.stubs.catalogue,
        "SubscriptionService": town.stubs.subscriptions,
    }  # fmt: skip
    return getattr(stubs[method.containing_service.name], method.name)(request)


def request_of(method: Any) -> Any:
    module = next(module for module in MODULES if hasattr(module, method.input_type.name))
    return getattr(module, method.input_type.name)()


async def test_each_rpc_is_open_to_its_roles_and_to_no_other(town: Any, firm: Any) -> None:
    listed = {(service, name) for service, rpcs in MAY.items() for name in rpcs}
    assert {(method.containing_service.name, method.name) for method in methods()} == listed
    for method in methods():
        allowed = MAY[method.containing_service.name][method.name]
        for role in sorted(EVERYBODY):
            home = PLATFORM if role == "operator" else firm.tenant_id
            who = STRANGER if role == "stranger" else someone(role, home)
            with acting_as(who):
                try:
                    await call(town, method, request_of(method))
                except Forbidden as refused:
                    assert refused.reason == "PERMISSION_DENIED" and role not in allowed, (method.full_name, role)
                except DomainError:
                    assert role in allowed, (method.full_name, role)
                else:
                    assert role in allowed, (method.full_name, role)


async def test_partners_key_may_what_its_scopes_say(town: Any, firm: Any) -> None:
    request = tenant_service_pb2.ListBrandsRequest()
    with acting_as(Principal(firm.tenant_id, "key_1", "api_client", frozenset({"brands.read"}))):
        await town.stubs.brands.ListBrands(request)
        with pytest.raises(Forbidden):
            await town.stubs.users.ListUsers(session_service_pb2.ListUsersRequest())


async def everything_of(firm: Any) -> dict[str, str]:
    """Something of each kind."""
    town = firm.town
    brand, invitation = await firm.brand(), await firm.invite()
    with firm.as_():
        key = await town.stubs.api_keys.CreateApiKey(
            session_service_pb2.CreateApiKeyRequest(
                request_id="key", api_key=session_pb2.ApiKey(display_name="CRM", scopes=["queues.read"])
            )
        )
        number = (await town.stubs.numbers.ListAvailableNumbers(
            number_service_pb2.ListAvailableNumbersRequest(page_size=1)
        )).numbers[0].number  # fmt: skip
        await town.stubs.numbers.AssignNumber(
            number_service_pb2.AssignNumberRequest(request_id="n", number=number, brand_id=brand.brand_id)
        )
    from tenancy.ops.notices import raise_notice

    notice = await firm.run(lambda tx: raise_notice(tx, "LIMIT", "x", {}, town.clock.now()))
    return {
        "brand": brand.brand_id, "invitation": invitation.invitation_id, "key": key.api_key.api_key_id,
        "number": number, "notice": notice.notice_id, "user": firm.session.user.user_id,
    }  # fmt: skip


async def test_nothing_of_another_company_is_found_or_changed(town: Any, firm: Any) -> None:
    theirs, rival = await everything_of(firm), await town.sign_up()
    own = await rival.brand()
    stubs = town.stubs

    def masked(request: Any, *paths: str) -> Any:
        request.update_mask.paths.extend(paths)
        return request

    brand = tenant_pb2.Brand(brand_id=theirs["brand"], display_name="Mine")
    user = session_pb2.User(user_id=theirs["user"], display_name="Mine")
    foreign = number_pb2.Number(number=theirs["number"], flow_id="")
    free = theirs["number"][:-1] + "9"
    with rival.as_():
        for wanted in (
            lambda: stubs.brands.GetBrand(tenant_service_pb2.GetBrandRequest(brand_id=theirs["brand"])),
            lambda: stubs.brands.DeleteBrand(tenant_service_pb2.DeleteBrandRequest(brand_id=theirs["brand"])),
            lambda: stubs.brands.UpdateBrand(
                masked(tenant_service_pb2.UpdateBrandRequest(brand=brand), "display_name")
            ),
            lambda: stubs.users.UpdateUser(masked(session_service_pb2.UpdateUserRequest(user=user), "display_name")),
            lambda: stubs.users.RevokeInvitation(
                session_service_pb2.RevokeInvitationRequest(invitation_id=theirs["invitation"])
            ),
            lambda: stubs.api_keys.RevokeApiKey(session_service_pb2.RevokeApiKeyRequest(api_key_id=theirs["key"])),
            lambda: stubs.tenants.DismissNotice(tenant_service_pb2.DismissNoticeRequest(notice_id=theirs["notice"])),
            lambda: stubs.numbers.UpdateNumber(
                masked(number_service_pb2.UpdateNumberRequest(number=foreign), "flow_id")
            ),
            lambda: stubs.numbers.ReleaseNumber(number_service_pb2.ReleaseNumberRequest(number=theirs["number"])),
            lambda: stubs.numbers.AssignNumber(
                number_service_pb2.AssignNumberRequest(request_id="x", number=free, brand_id=theirs["brand"])
            ),
        ):
            with pytest.raises(NotFound):
                await wanted()
        taken = number_service_pb2.AssignNumberRequest(request_id="y", number=theirs["number"], brand_id=own.brand_id)
        with pytest.raises(DomainError) as refused:
            await stubs.numbers.AssignNumber(taken)
        assert refused.value.reason == "NUMBER_TAKEN"


async def test_lists_show_a_companys_own_things_only(town: Any, firm: Any) -> None:
    await everything_of(firm)
    rival = await town.sign_up(plan_id="scale")
    stubs = town.stubs
    with rival.as_():
        found = [
            (await stubs.brands.ListBrands(tenant_service_pb2.ListBrandsRequest())).brands,
            (await stubs.users.ListInvitations(session_service_pb2.ListInvitationsRequest())).invitations,
            (await stubs.api_keys.ListApiKeys(session_service_pb2.ListApiKeysRequest())).api_keys,
            (await stubs.tenants.ListNotices(tenant_service_pb2.ListNoticesRequest())).notices,
            (await stubs.numbers.ListNumbers(number_service_pb2.ListNumbersRequest())).numbers,
            (await stubs.audit.ListAuditEntries(session_service_pb2.ListAuditEntriesRequest())).entries,
        ]
        users = (await stubs.users.ListUsers(session_service_pb2.ListUsersRequest())).users
    assert [list(each) for each in found] == [[]] * 6 and [user.email for user in users] == [rival.email]


async def test_nothing_secret_or_personal_is_logged(town: Any, caplog: Any, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    firm = await town.sign_up("olga.secret@acme.example", owner_name="Olga Geheim")
    made = await firm.invite("guest.secret@acme.example")
    joined = await town.accept(made.link_path.rpartition("/")[2])
    for attempt in (town.sign_in("olga.secret@acme.example", "not my password"), town.refresh("stolen token")):
        with pytest.raises(DomainError):
            await attempt
    out, err = capfd.readouterr()
    said = json.dumps([record.getMessage() for record in caplog.records]) + out + err
    for secret in ("olga.secret", "Geheim", "guest.secret", "not my password", "stolen token", made.link_path,
                   joined.refresh_token, joined.access_token):  # fmt: skip
        assert secret not in said
