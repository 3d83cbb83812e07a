"""Signing in at a real OpenID provider on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from chassis.auth import STRANGER, acting_as
from chassis.sql import Database
from kernel.errors import FailedPrecondition, InvalidInput, Unauthenticated, Unavailable
from merkez.tenancy.v1 import session_pb2, session_service_pb2, tenant_service_pb2
from merkez.tenancy.v1.session_service_pb2_grpc import SessionServiceStub, UserServiceStub
from merkez.tenancy.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from merkez.tenancy.v1.tenant_service_pb2_grpc import TenantServiceStub
from tenancy.desk import Desk
from tenancy.main import servicers, sow_catalogue
from tenancy.oidc import OpenIdProvider as SignInByProvider
from tenancy.settings import Settings
from tenancy.tokens import AccessTokenSigner, Passwords
from testkit import ManualClock, someone
from testkit.openid_provider import OpenIdProvider, openid_provider

from .conftest import begin_anew, neighbours

PUBLIC = "http://merkez.example"
BACK = f"{PUBLIC}/sign-in/return"


@pytest_asyncio.fixture
async def provider(clock: ManualClock) -> AsyncIterator[OpenIdProvider]:
    async with openid_provider() as running:
        running.now = lambda: clock.now().timestamp()
        running.person = {"email": "olivia@example.com", "email_verified": True, "name": "Olivia"}
        yield running


@pytest_asyncio.fixture
async def house(
    service_db: Callable[..., Awaitable[Database]],
    clock: ManualClock,
    rpc: Any,
    tmp_path: Path,
    provider: OpenIdProvider,
) -> SimpleNamespace:
    """Tenancy that knows the provider, and a company whose owner is olivia@example.com."""
    db = await service_db("tenancy", clock=clock, fresh=True)
    await sow_catalogue(db)
    settings = Settings(
        service="tenancy", public_url=PUBLIC, oidc_issuer=provider.issuer, oidc_client_id=provider.client_id,
        oidc_client_secret=provider.client_secret,
    )  # fmt: skip
    desk = Desk(db, AccessTokenSigner.load(tmp_path / "signing.jwks"), Passwords())
    beside = await neighbours(rpc)
    await rpc.serve("tenancy", servicers(db, desk, beside.flows, beside.trunks, SignInByProvider(settings, clock), ""))
    made = SimpleNamespace(
        sessions=rpc.stub(SessionServiceStub, "tenancy"), users=rpc.stub(UserServiceStub, "tenancy"), clock=clock,
        subscriptions=rpc.stub(SubscriptionServiceStub, "tenancy"),
    )  # fmt: skip
    with acting_as(STRANGER):
        made.company = await rpc.stub(TenantServiceStub, "tenancy").SignUp(
            tenant_service_pb2.SignUpRequest(
                request_id="one",
                plan_id="growth",
                company_name="Harbour",
                owner_name="Olivia",
                email="olivia@example.com",
                password="correct horse battery",
            )
        )
    return made


async def begun(house: Any, invitation: str = "") -> dict[str, str]:
    """Goes to the provider as a browser would; what it sends back."""
    with acting_as(STRANGER):
        request = session_service_pb2.StartOidcSignInRequest(redirect_uri=BACK, invitation_secret=invitation)
        started = await house.sessions.StartOidcSignIn(request)
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(started.authorization_uri)
    assert answer.status_code == 307, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def finished(house: Any, back: dict[str, str]) -> session_pb2.Session:
    with acting_as(STRANGER):
        request = session_service_pb2.FinishOidcSignInRequest(code=back["code"], state=back["state"], redirect_uri=BACK)
        return await house.sessions.FinishOidcSignIn(request)


async def invited(house: Any, email: str) -> str:
    """The secret of a new invitation's link."""
    asked = session_pb2.Invitation(email=email, role=session_pb2.ROLE_AGENT)
    with acting_as(someone("owner", house.company.tenant.tenant_id)):
        request = session_service_pb2.CreateInvitationRequest(request_id=email, invitation=asked)
        return (await house.users.CreateInvitation(request)).link_path.rpartition("/")[2]


async def change_plan(house: Any, plan_id: str) -> None:
    with acting_as(someone("owner", house.company.tenant.tenant_id)):
        await begin_anew(house.subscriptions, plan_id)


async def test_owner_signs_in_at_the_provider(house: Any) -> None:
    session = await finished(house, await begun(house))
    assert session.tenant_id == house.company.tenant.tenant_id and session.access_token


@pytest.mark.parametrize(
    "person",
    [
        {"email": "nobody@example.com", "email_verified": True},
        {"email": "olivia@example.com", "email_verified": False},
        {"email": "olivia@example.com", "email_verified": True, "aud": "another client"},
        {"email": "olivia@example.com", "email_verified": True, "iss": "http://elsewhere"},
        {"email": "olivia@example.com", "email_verified": True, "exp": 1},
    ],
    ids=["unknown", "unverified", "foreign audience", "foreign issuer", "expired"],
)
async def test_answer_that_does_not_hold_signs_nobody_in(
    house: Any, provider: OpenIdProvider, person: dict[str, Any]
) -> None:
    provider.person = person
    with pytest.raises(Unauthenticated) as refused:
        await finished(house, await begun(house))
    assert refused.value.reason == "OIDC_SIGN_IN_REFUSED"


async def test_answer_to_another_sign_in_is_refused(house: Any, provider: OpenIdProvider) -> None:
    provider.nonce = "somebody else's"
    with pytest.raises(Unauthenticated):
        await finished(house, await begun(house))


async def test_sign_in_ends_once_and_in_time(house: Any) -> None:
    back = await begun(house)
    await finished(house, back)
    with pytest.raises(Unauthenticated):
        await finished(house, back)
    late = await begun(house)
    house.clock.advance(3600)
    with pytest.raises(Unauthenticated):
        await finished(house, late)


async def test_browser_is_never_sent_to_a_foreign_site(house: Any) -> None:
    with acting_as(STRANGER), pytest.raises(InvalidInput):
        request = session_service_pb2.StartOidcSignInRequest(redirect_uri="http://evil.example/return")
        await house.sessions.StartOidcSignIn(request)


async def test_provider_that_is_down_is_named_as_the_reason(house: Any, provider: OpenIdProvider) -> None:
    back = await begun(house)
    provider.codes.clear()
    with pytest.raises((Unauthenticated, Unavailable)):
        await finished(house, back)


async def test_plan_without_single_sign_on_sends_those_with_a_password_back_to_it(house: Any) -> None:
    await change_plan(house, "starter")
    with pytest.raises(FailedPrecondition) as refused:
        await finished(house, await begun(house))
    assert refused.value.reason == "FEATURE_NOT_IN_PLAN"
    assert refused.value.metadata == {"feature": "oidc", "plan_id": "starter", "lowest_plan_id": "growth"}
    with acting_as(STRANGER):
        request = session_service_pb2.SignInRequest(email="olivia@example.com", password="correct horse battery")
        assert (await house.sessions.SignIn(request)).access_token


async def test_who_joined_at_the_provider_is_not_locked_out_by_a_smaller_plan(
    house: Any, provider: OpenIdProvider
) -> None:
    provider.person = {"email": "nadia@example.com", "email_verified": True, "name": "Nadia"}
    secret = await invited(house, "nadia@example.com")
    await finished(house, await begun(house, secret))
    await change_plan(house, "starter")
    assert (await finished(house, await begun(house))).user.display_name == "Nadia"


async def test_nobody_joins_at_the_provider_when_the_plan_has_no_single_sign_on(
    house: Any, provider: OpenIdProvider
) -> None:
    provider.person = {"email": "nadia@example.com", "email_verified": True, "name": "Nadia"}
    secret = await invited(house, "nadia@example.com")
    shown = session_service_pb2.GetInvitationRequest(secret=secret)
    with acting_as(STRANGER):
        assert (await house.users.GetInvitation(shown)).oidc_allowed
    under_way = await begun(house, secret)
    await change_plan(house, "starter")
    for attempt in (finished(house, under_way), begun(house, secret)):
        with pytest.raises(FailedPrecondition) as refused:
            await attempt
        assert refused.value.reason == "FEATURE_NOT_IN_PLAN"
    with acting_as(STRANGER):
        assert not (await house.users.GetInvitation(shown)).oidc_allowed
        accepted = session_service_pb2.AcceptInvitationRequest(
            secret=secret, display_name="Nadia", password="correct horse battery"
        )
        assert (await house.users.AcceptInvitation(accepted)).access_token


def test_starting_tenancy_says_nothing_of_libraries_to_come() -> None:
    loaded = subprocess.run([sys.executable, "-c", "import tenancy.main"], capture_output=True, text=True, check=True)
    assert loaded.stderr == ""
