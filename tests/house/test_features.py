"""Every feature of every plan is what its card says: there on the plans that list it, refused on the others.

The probes use the services' real rules on real PostgreSQL. A feature in the catalogue without a probe fails here, and
so does one whose probe succeeds on a plan that doesn't have it: nothing enforces it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from chassis.auth import STRANGER, acting_as
from chassis.bus import FactMeta
from chassis.sql import Database
from kernel.errors import FailedPrecondition
from kernel.features import Feature
from kernel.ids import new_id
from merkez.flows.v1 import flow_pb2, flow_service_pb2_grpc
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc
from merkez.tenancy.v1 import (
    number_service_pb2,
    number_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
    tenancy_events_pb2,
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)
from routing.consumers import Consumers
from routing.handlers import servicers as routing_servicers
from routing.ledger import Desk as RoutingDesk
from telephony.clients import Tenancy
from tenancy import catalogue
from tenancy.clients import Flows
from tenancy.desk import Desk
from tenancy.domain.plans import Plan
from tenancy.main import servicers, sow_catalogue, stock_inventory
from tenancy.oidc import OpenIdProvider as SignInByProvider
from tenancy.settings import Settings
from tenancy.tokens import AccessTokenSigner, Passwords
from testkit import ManualClock, someone
from testkit.openid_provider import OpenIdProvider, openid_provider
from testkit.rpc import RpcHouse
from testkit.told import told

ROOT = Path(__file__).resolve().parents[2]
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PUBLIC = "http://merkez.example"


class EveryFlow(flow_service_pb2_grpc.FlowServiceServicer):
    """Flows next door, where every flow there might be is."""

    async def GetFlow(self, request: Any, context: Any) -> flow_pb2.Flow:
        return flow_pb2.Flow(flow_id=request.flow_id)


BARE: Plan = replace(catalogue.seed().find("starter"), plan_id="bare", tier=0, features=())
"""A plan below those on sale that has nothing: what they all have must be refused somewhere too."""
PLANS = [BARE, *catalogue.seed().on_sale()]


@dataclass
class House:
    """tenancy and routing, served; one company on one plan."""

    rpc: RpcHouse
    provider: OpenIdProvider
    clock: ManualClock
    company: tenant_service_pb2.SignUpResponse

    @property
    def tenant_id(self) -> str:
        return self.company.tenant.tenant_id

    def owner(self) -> Any:
        return acting_as(someone("owner", self.tenant_id))

    def tenancy(self, stub: Any) -> Any:
        return self.rpc.stub(stub, "tenancy")


async def records_calls(house: House) -> bool:
    numbers = house.tenancy(number_service_pb2_grpc.NumberServiceStub)
    with house.owner():
        brand = await house.tenancy(tenant_service_pb2_grpc.BrandServiceStub).CreateBrand(
            tenant_service_pb2.CreateBrandRequest(request_id="b", brand=tenant_pb2.Brand(display_name="Umbrella"))
        )
        free = await numbers.ListAvailableNumbers(number_service_pb2.ListAvailableNumbersRequest(page_size=1))
        flow_id = new_id("flw", house.clock.now())
        await numbers.AssignNumber(
            number_service_pb2.AssignNumberRequest(
                request_id="n", number=free.numbers[0].number, brand_id=brand.brand_id, flow_id=flow_id
            )
        )
    return (await Tenancy(house.rpc.peers("telephony")).widget_route(brand.widget_key)).recorded


async def uses_a_key(house: House) -> bool:
    asked = session_pb2.ApiKey(display_name="CRM", scopes=["queues.read"])
    with house.owner():
        await house.tenancy(session_service_pb2_grpc.ApiKeyServiceStub).CreateApiKey(
            session_service_pb2.CreateApiKeyRequest(request_id="k", api_key=asked)
        )
    return True


async def makes_a_skill(house: House) -> bool:
    with house.owner():
        await house.rpc.stub(queue_service_pb2_grpc.SkillServiceStub, "routing").CreateSkill(
            queue_service_pb2.CreateSkillRequest(request_id="s", skill=queue_pb2.Skill(display_name="Turkish"))
        )
    return True


async def signs_in_at_the_provider(house: House) -> bool:
    sessions, back = house.tenancy(session_service_pb2_grpc.SessionServiceStub), f"{PUBLIC}/sign-in/return"
    house.provider.person = {"email": house.company.session.user.email, "email_verified": True}
    with acting_as(STRANGER):
        started = await sessions.StartOidcSignIn(session_service_pb2.StartOidcSignInRequest(redirect_uri=back))
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(started.authorization_uri)
        said = parse_qs(urlsplit(answer.headers["location"]).query)
        await sessions.FinishOidcSignIn(
            session_service_pb2.FinishOidcSignInRequest(code=said["code"][0], state=said["state"][0], redirect_uri=back)
        )
    return True


async def reads_the_audit_log(house: House) -> bool:
    with house.owner():
        await house.tenancy(session_service_pb2_grpc.AuditServiceStub).ListAuditEntries(
            session_service_pb2.ListAuditEntriesRequest()
        )
    return True


PROBES: Mapping[Feature, Callable[[House], Awaitable[bool]]] = {
    Feature.RECORDING: records_calls,
    Feature.API: uses_a_key,
    Feature.SKILLS: makes_a_skill,
    Feature.OIDC: signs_in_at_the_provider,
    Feature.AUDIT: reads_the_audit_log,
}


Open = Callable[[Plan], Awaitable[House]]


@pytest_asyncio.fixture
async def provider(clock: ManualClock) -> AsyncIterator[OpenIdProvider]:
    async with openid_provider() as running:
        running.now = lambda: clock.now().timestamp()
        yield running


@pytest_asyncio.fixture
async def open_house(
    service_db: Callable[..., Awaitable[Database]],
    rpc: RpcHouse,
    clock: ManualClock,
    tmp_path: Path,
    provider: OpenIdProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> Open:
    """A company that has just signed up to a plan, with the news of it heard by routing."""
    monkeypatch.setattr(catalogue, "PLANS", (BARE, *catalogue.PLANS))

    async def make(plan: Plan) -> House:
        db, routing_db = await service_db("tenancy", clock=clock), await service_db("routing", clock=clock)
        await stock_inventory(db)
        await sow_catalogue(db)
        settings = Settings(
            service="tenancy", public_url=PUBLIC, oidc_issuer=provider.issuer, oidc_client_id=provider.client_id,
            oidc_client_secret=provider.client_secret,
        )  # fmt: skip
        desk = Desk(db, AccessTokenSigner.load(tmp_path / "signing.jwks"), Passwords(QUICK))
        every: Any = EveryFlow()  # pyright: ignore[reportAbstractUsage]
        await rpc.serve("flows", [(flow_service_pb2_grpc.add_FlowServiceServicer_to_server, every)])
        flows = Flows(rpc.peers("tenancy"))
        nobodys: Any = None  # No number is brought here.
        await rpc.serve("tenancy", servicers(db, desk, flows, nobodys, SignInByProvider(settings, clock), ""))
        routing = RoutingDesk(routing_db)
        await rpc.serve("routing", routing_servicers(routing))
        with acting_as(STRANGER):
            company = await rpc.stub(tenant_service_pb2_grpc.TenantServiceStub, "tenancy").SignUp(
                tenant_service_pb2.SignUpRequest(
                    request_id="one", plan_id=plan.plan_id, company_name="Harbour", owner_name="Olivia",
                    email=f"{new_id('usr', clock.now())}@example.com", password="correct horse battery",
                )
            )  # fmt: skip
        house = House(rpc, provider, clock, company)
        (fact,) = await told(db, house.tenant_id, "PlanSubscribed")
        meta = FactMeta("evt_1", house.tenant_id, house.tenant_id, clock.now(), "tenancy", "PlanSubscribed", "")
        hear = Consumers(routing).handlers[tenancy_events_pb2.PlanSubscribed]
        await routing_db.run(house.tenant_id, lambda tx: hear(tx, fact, meta))
        return house

    return make


def test_every_feature_on_sale_is_enforced_somewhere() -> None:
    sold = {feature for plan in catalogue.PLANS for feature in plan.features}
    assert sold == set(Feature) == set(PROBES)


def test_every_feature_has_a_name_in_the_web_app() -> None:
    messages = json.loads((ROOT / "services/web/src/messages/start.json").read_text())
    assert {key.removeprefix("feature.") for key in messages if key.startswith("feature.")} == set(Feature)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.plan_id)
async def test_plan_has_what_its_card_says_and_nothing_else(open_house: Open, plan: Plan) -> None:
    house, had = await open_house(plan), set[Feature]()
    for feature, probe in PROBES.items():
        try:
            if await probe(house):
                had.add(feature)
        except FailedPrecondition as refused:
            assert refused.reason == "FEATURE_NOT_IN_PLAN"
            lowest = next(each.plan_id for each in catalogue.seed().on_sale() if feature in each.features)
            assert refused.metadata == {"feature": feature, "plan_id": plan.plan_id, "lowest_plan_id": lowest}
    assert had == set(plan.features)
