"""Signing up, signing in, inviting, keys and numbers, as callers see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import STRANGER, acting_as, acting_for
from chassis.sql import Database
from google.protobuf.field_mask_pb2 import FieldMask
from joserfc import jwt
from joserfc.jwk import KeySet
from kernel.errors import (
    AlreadyExists,
    DomainError,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
)
from kernel.ids import new_id
from merkez.tenancy.v1 import (
    number_service_pb2,
    number_service_pb2_grpc,
    plan_service_pb2,
    plan_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)
from tenancy.desk import Desk
from tenancy.main import servicers, sow_catalogue, stock_inventory
from tenancy.tokens import AccessTokenSigner, Passwords
from testkit import ManualClock, someone

from .conftest import neighbours

PASSWORD = "correct horse battery"


@pytest_asyncio.fixture
async def house(
    service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: Any, tmp_path: Path
) -> SimpleNamespace:
    """Tenancy behind real gRPC, with its stubs."""
    db = await service_db("tenancy", clock=clock, fresh=True)
    await stock_inventory(db)
    await sow_catalogue(db)
    desk = Desk(db, AccessTokenSigner.load(tmp_path / "signing.jwks"), Passwords())
    beside = await neighbours(rpc)
    await rpc.serve("tenancy", servicers(db, desk, beside.flows, beside.trunks, None, ""))
    stub = rpc.stub
    return SimpleNamespace(
        clock=clock,
        db=db,
        plans=stub(plan_service_pb2_grpc.PlanServiceStub, "tenancy"),
        tenants=stub(tenant_service_pb2_grpc.TenantServiceStub, "tenancy"),
        brands=stub(tenant_service_pb2_grpc.BrandServiceStub, "tenancy"),
        sessions=stub(session_service_pb2_grpc.SessionServiceStub, "tenancy"),
        users=stub(session_service_pb2_grpc.UserServiceStub, "tenancy"),
        keys=stub(session_service_pb2_grpc.ApiKeyServiceStub, "tenancy"),
        numbers=stub(number_service_pb2_grpc.NumberServiceStub, "tenancy"),
    )


def form(**changes: str) -> tenant_service_pb2.SignUpRequest:
    values = {
        "request_id": "one", "plan_id": "starter", "company_name": "Harbour BPO", "owner_name": "Olivia",
        "email": "Olivia@Example.com", "password": PASSWORD, "language": "tr", "time_zone": "Europe/Istanbul",
    }  # fmt: skip
    return tenant_service_pb2.SignUpRequest(**(values | changes))


async def signed_up(house: Any, **changes: str) -> tenant_service_pb2.SignUpResponse:
    with acting_as(STRANGER):
        return await house.tenants.SignUp(form(**changes))


def as_owner(made: tenant_service_pb2.SignUpResponse) -> Any:
    return acting_as(someone("owner", made.tenant.tenant_id, subject=made.session.user.user_id))


async def refresh(house: Any, token: str) -> session_pb2.Session:
    with acting_as(STRANGER):
        return await house.sessions.RefreshSession(session_service_pb2.RefreshSessionRequest(refresh_token=token))


async def sign_in(house: Any, email: str, password: str) -> session_pb2.Session:
    with acting_as(STRANGER):
        return await house.sessions.SignIn(session_service_pb2.SignInRequest(email=email, password=password))


async def new_brand(house: Any, made: Any) -> tenant_pb2.Brand:
    with as_owner(made):
        brand = tenant_pb2.Brand(display_name="Acme")
        return await house.brands.CreateBrand(tenant_service_pb2.CreateBrandRequest(request_id="b", brand=brand))


async def invited(house: Any, made: Any, email: str = "alex@example.com", request_id: str = "i") -> Any:
    invitation = session_pb2.Invitation(email=email, role=session_pb2.ROLE_AGENT)
    with as_owner(made):
        return await house.users.CreateInvitation(
            session_service_pb2.CreateInvitationRequest(request_id=request_id, invitation=invitation)
        )


async def accepted(house: Any, invitation: session_pb2.Invitation) -> session_pb2.Session:
    request = session_service_pb2.AcceptInvitationRequest(
        secret=invitation.link_path.rsplit("/", 1)[1], display_name="Alex", password=PASSWORD
    )
    with acting_as(STRANGER):
        return await house.users.AcceptInvitation(request)


async def test_three_tiers_are_on_sale_with_prices_and_limits(house: Any) -> None:
    with acting_as(STRANGER):
        plans = (await house.plans.ListPlans(plan_service_pb2.ListPlansRequest())).plans
    assert len(plans) >= 3 and [plan.tier for plan in plans] == sorted(plan.tier for plan in plans)
    assert all(plan.rates and plan.limits.max_users and set(plan.names) == {"en", "tr", "az", "fa"} for plan in plans)


async def test_owner_is_signed_in_by_signing_up_and_the_token_verifies(house: Any) -> None:
    made = await signed_up(house)
    with acting_as(STRANGER):
        keys = await house.sessions.GetSigningKeys(session_service_pb2.GetSigningKeysRequest())
    claims = jwt.decode(
        made.session.access_token, KeySet.import_key_set(json.loads(keys.jwks_json)), algorithms=["Ed25519"]
    ).claims
    assert (claims["tenant"], claims["role"], claims["aud"]) == (made.tenant.tenant_id, "owner", "merkez")
    assert made.tenant.time_zone == "Europe/Istanbul" and made.session.user.email == "olivia@example.com"


async def test_repeated_sign_up_is_one_company_if_the_password_is_right(house: Any) -> None:
    first, again = await signed_up(house), await signed_up(house)
    assert again.tenant.tenant_id == first.tenant.tenant_id
    with pytest.raises(AlreadyExists):
        await signed_up(house, password="another long one")
    with pytest.raises(AlreadyExists) as refused:
        await signed_up(house, request_id="two")
    assert refused.value.reason == "EMAIL_TAKEN"


@pytest.mark.parametrize(
    ("field", "value"),
    [("password", "short"), ("email", "nobody"), ("language", "xx"), ("time_zone", "Mars/Base"), ("company_name", " ")],
)
async def test_bad_field_of_a_sign_up_is_named(house: Any, field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await signed_up(house, **{field: value})
    assert refused.value.fields[0].field == field


async def test_unknown_address_and_wrong_password_get_the_same_answer(house: Any) -> None:
    await signed_up(house)
    answers: list[DomainError] = []
    for email in ("olivia@example.com", "nobody@example.com"):
        with pytest.raises(Unauthenticated) as refused:
            await sign_in(house, email, "not the password")
        answers.append(refused.value)
    assert {(answer.reason, str(answer)) for answer in answers} == {("SIGN_IN_REFUSED", str(answers[0]))}


async def test_guessing_is_stopped_and_told_when_to_come_back(house: Any) -> None:
    await signed_up(house)
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await sign_in(house, "olivia@example.com", "not the password")
    with pytest.raises(QuotaExceeded) as refused:
        await sign_in(house, "olivia@example.com", PASSWORD)
    assert refused.value.retry_after
    house.clock.advance(timedelta(minutes=16))
    assert (await sign_in(house, "olivia@example.com", PASSWORD)).access_token


async def test_two_tabs_may_refresh_at_once_but_a_stolen_token_ends_the_session(house: Any) -> None:
    token = (await signed_up(house)).session.refresh_token
    first = await refresh(house, token)
    second = await refresh(house, token)
    assert first.refresh_token != second.refresh_token
    house.clock.advance(30)
    assert (await refresh(house, first.refresh_token)).access_token
    with pytest.raises(Unauthenticated):
        await refresh(house, token)
    with pytest.raises(Unauthenticated) as refused:
        await refresh(house, second.refresh_token)
    assert refused.value.reason == "SESSION_ENDED"


async def test_signing_out_ends_the_session_and_time_does_too(house: Any) -> None:
    made = await signed_up(house)
    other = await sign_in(house, "olivia@example.com", PASSWORD)
    with acting_as(STRANGER):
        request = session_service_pb2.SignOutRequest(refresh_token=made.session.refresh_token)
        await house.sessions.SignOut(request)
    with pytest.raises(Unauthenticated):
        await refresh(house, made.session.refresh_token)
    house.clock.advance(timedelta(days=31))
    with pytest.raises(Unauthenticated):
        await refresh(house, other.refresh_token)


async def test_invitation_shows_its_link_once_and_works_once(house: Any) -> None:
    made = await signed_up(house)
    invitation = await invited(house, made)
    assert (await invited(house, made)).link_path == ""
    session = await accepted(house, invitation)
    assert session.tenant_id == made.tenant.tenant_id and session.user.role == session_pb2.ROLE_AGENT
    with pytest.raises(NotFound):
        await accepted(house, invitation)


async def test_invitation_expires(house: Any) -> None:
    invitation = await invited(house, await signed_up(house))
    house.clock.advance(timedelta(days=8))
    with pytest.raises(NotFound):
        await accepted(house, invitation)


async def test_disabled_user_is_out_at_the_next_refresh_and_the_last_owner_stays(house: Any) -> None:
    made = await signed_up(house)
    agent = await accepted(house, await invited(house, made))
    mask = FieldMask(paths=["state"])

    async def disable(user_id: str) -> None:
        user = session_pb2.User(user_id=user_id, state=session_pb2.USER_STATE_DISABLED)
        await house.users.UpdateUser(session_service_pb2.UpdateUserRequest(user=user, update_mask=mask))

    with as_owner(made):
        await disable(agent.user.user_id)
        with pytest.raises(FailedPrecondition) as refused:
            await disable(made.session.user.user_id)
    assert refused.value.reason == "LAST_OWNER"
    with pytest.raises(Unauthenticated):
        await refresh(house, agent.refresh_token)


async def test_plan_limits_brands_and_says_which_limit(house: Any) -> None:
    made = await signed_up(house)
    await new_brand(house, made)
    with as_owner(made), pytest.raises(QuotaExceeded) as refused:
        brand = tenant_pb2.Brand(display_name="Second")
        await house.brands.CreateBrand(tenant_service_pb2.CreateBrandRequest(request_id="c", brand=brand))
    assert refused.value.reason == "PLAN_LIMIT_REACHED"


async def test_number_two_companies_want_goes_to_exactly_one(house: Any) -> None:
    first, second = await signed_up(house), await signed_up(house, request_id="two", email="other@example.com")
    brands = [await new_brand(house, first), await new_brand(house, second)]
    with as_owner(first):
        free = await house.numbers.ListAvailableNumbers(number_service_pb2.ListAvailableNumbersRequest())
    number = free.numbers[0].number

    async def take(made: Any, brand: Any) -> str:
        with as_owner(made):
            request = number_service_pb2.AssignNumberRequest(request_id="n", number=number, brand_id=brand.brand_id)
            try:
                await house.numbers.AssignNumber(request)
            except FailedPrecondition as refused:
                return refused.reason
            return "taken"

    assert sorted(await asyncio.gather(take(first, brands[0]), take(second, brands[1]))) == ["NUMBER_TAKEN", "taken"]


async def test_call_is_led_by_number_and_by_widget_to_the_same_brand(house: Any) -> None:
    made = await signed_up(house)
    brand = await new_brand(house, made)
    with as_owner(made):
        free = await house.numbers.ListAvailableNumbers(number_service_pb2.ListAvailableNumbersRequest())
        number = free.numbers[0].number
        await house.numbers.AssignNumber(
            number_service_pb2.AssignNumberRequest(request_id="n", number=number, brand_id=brand.brand_id)
        )
    with acting_for(made.tenant.tenant_id):
        by_number = await house.numbers.LookupRoute(number_service_pb2.LookupRouteRequest(number=number))
        request = number_service_pb2.LookupRouteRequest(widget_key=brand.widget_key)
        by_widget = await house.numbers.LookupRoute(request)
    assert by_number.brand.brand_id == by_widget.brand.brand_id == brand.brand_id
    assert by_widget.entitlements.limits.max_concurrent_calls == 3
    with as_owner(made):
        await house.numbers.ReleaseNumber(number_service_pb2.ReleaseNumberRequest(number=number))
    with acting_for(made.tenant.tenant_id), pytest.raises(NotFound):
        await house.numbers.LookupRoute(number_service_pb2.LookupRouteRequest(number=number))


async def test_key_is_shown_once_verifies_and_is_refused_after_revocation(house: Any) -> None:
    made = await signed_up(house)
    with as_owner(made):
        key = session_pb2.ApiKey(display_name="CRM", scopes=["queues.read"])
        request = session_service_pb2.CreateApiKeyRequest(request_id="k", api_key=key)
        first, again = await house.keys.CreateApiKey(request), await house.keys.CreateApiKey(request)
    assert first.secret.startswith("mrk_") and again.secret == ""
    verify = session_service_pb2.VerifyApiKeyRequest(secret=first.secret)
    with acting_for(""):
        assert (await house.keys.VerifyApiKey(verify)).tenant_id == made.tenant.tenant_id
    with as_owner(made):
        await house.keys.RevokeApiKey(session_service_pb2.RevokeApiKeyRequest(api_key_id=first.api_key.api_key_id))
    with acting_for(""), pytest.raises(Unauthenticated):
        await house.keys.VerifyApiKey(verify)


async def test_nothing_of_another_company_is_found(house: Any) -> None:
    made = await signed_up(house)
    brand = await new_brand(house, made)
    foreign = new_id("ten", house.clock.now())
    with acting_as(someone("owner", foreign)):
        for call in (
            house.brands.GetBrand(tenant_service_pb2.GetBrandRequest(brand_id=brand.brand_id)),
            house.brands.DeleteBrand(tenant_service_pb2.DeleteBrandRequest(brand_id=brand.brand_id)),
            house.tenants.GetTenant(tenant_service_pb2.GetTenantRequest()),
        ):
            with pytest.raises(NotFound):
                await call
        assert not (await house.users.ListUsers(session_service_pb2.ListUsersRequest())).users


async def test_agents_neither_invite_nor_make_keys(house: Any) -> None:
    made = await signed_up(house)
    invitation = session_pb2.Invitation(email="x@example.com", role=session_pb2.ROLE_AGENT)
    with acting_as(someone("agent", made.tenant.tenant_id)):
        with pytest.raises(Forbidden):
            await house.users.CreateInvitation(
                session_service_pb2.CreateInvitationRequest(request_id="i", invitation=invitation)
            )
        with pytest.raises(Forbidden):
            await house.keys.ListApiKeys(session_service_pb2.ListApiKeysRequest())
