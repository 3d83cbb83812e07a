"""A town with a tenancy office: real PostgreSQL and real rpcs, time the test owns, short words for who does what."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest_asyncio
from argon2 import PasswordHasher
from chassis.auth import STRANGER, acting_as, acting_for, principal
from chassis.sealing import Seal
from chassis.sql import Database
from kernel.errors import NotFound, Unavailable
from kernel.ids import new_id
from kernel.tenant import PLATFORM, Principal
from merkez.flows.v1 import flow_pb2, flow_service_pb2_grpc
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2_grpc
from merkez.tenancy.v1 import (
    emergency_service_pb2_grpc,
    inventory_service_pb2_grpc,
    limit_service_pb2_grpc,
    number_service_pb2_grpc,
    operator_plan_service_pb2_grpc,
    operator_service_pb2_grpc,
    plan_service_pb2_grpc,
    porting_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
    subscription_service_pb2,
    subscription_service_pb2_grpc,
    tenant_pb2,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)
from tenancy.carriers.simulated import SimulatedCarrier
from tenancy.clients import Flows, Trunks
from tenancy.desk import CLIENT_ADDRESS, Desk
from tenancy.main import servicers, sow_catalogue, stock_inventory
from tenancy.oidc import OpenIdProvider
from tenancy.ops.porting import PURPOSE
from tenancy.porter import Carriage, Porter
from tenancy.tokens import AccessTokenSigner, Passwords
from testkit import ManualClock, someone
from testkit.rpc import RpcHouse

T = TypeVar("T")
WEBHOOK_KEY = b"0123456789abcdef"
PASSWORD = "correct horse battery"
ROLES = {
    "owner": session_pb2.ROLE_OWNER,
    "admin": session_pb2.ROLE_ADMIN,
    "supervisor": session_pb2.ROLE_SUPERVISOR,
    "agent": session_pb2.ROLE_AGENT,
}
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""argon2 as weak as it goes: these tests sign in hundreds of times."""
_numbers = itertools.count()


class Stubs:
    """Every service of tenancy as a caller has it."""

    def __init__(self, rpc: RpcHouse) -> None:
        def stub(kind: Any) -> Any:
            return rpc.stub(kind, "tenancy")

        self.plans = stub(plan_service_pb2_grpc.PlanServiceStub)
        self.tenants = stub(tenant_service_pb2_grpc.TenantServiceStub)
        self.brands = stub(tenant_service_pb2_grpc.BrandServiceStub)
        self.sessions = stub(session_service_pb2_grpc.SessionServiceStub)
        self.users = stub(session_service_pb2_grpc.UserServiceStub)
        self.api_keys = stub(session_service_pb2_grpc.ApiKeyServiceStub)
        self.audit = stub(session_service_pb2_grpc.AuditServiceStub)
        self.numbers = stub(number_service_pb2_grpc.NumberServiceStub)
        self.operators = stub(operator_service_pb2_grpc.OperatorServiceStub)
        self.catalogue = stub(operator_plan_service_pb2_grpc.OperatorPlanServiceStub)
        self.subscriptions = stub(subscription_service_pb2_grpc.SubscriptionServiceStub)
        self.inventory = stub(inventory_service_pb2_grpc.InventoryServiceStub)
        self.emergency = stub(emergency_service_pb2_grpc.EmergencyAddressServiceStub)
        self.porting = stub(porting_service_pb2_grpc.PortingServiceStub)
        self.limits = stub(limit_service_pb2_grpc.LimitServiceStub)
        self.carriers = stub(porting_service_pb2_grpc.CarrierServiceStub)


@dataclass
class Firm:
    """A company that has signed up; `as_` makes the calls within those of one of its people."""

    town: Town
    tenant: tenant_pb2.Tenant
    session: session_pb2.Session
    email: str

    @property
    def tenant_id(self) -> str:
        return self.tenant.tenant_id

    def as_(self, role: str = "owner", subject: str = "") -> AbstractContextManager[None]:
        return acting_as(self.someone(role, subject))

    def someone(self, role: str, subject: str = "") -> Principal:
        own = self.session.user.user_id if role == "owner" else ""
        return someone(role, self.tenant_id, subject=subject or own or f"usr_{role}")

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        return await self.town.db.run(self.tenant_id, work)

    def flow(self) -> str:
        """Id of a flow the company has made."""
        flow_id = new_id("flw", self.town.clock.now())
        self.town.flows.known.add((self.tenant_id, flow_id))
        return flow_id

    def trunk(self) -> str:
        """Id of a trunk the company has."""
        trunk_id = new_id("trk", self.town.clock.now())
        self.town.trunks.known.add((self.tenant_id, trunk_id))
        return trunk_id

    async def brand(self, name: str = "Umbrella", **more: Any) -> tenant_pb2.Brand:
        request = tenant_service_pb2.CreateBrandRequest(
            request_id=fresh("brand"), brand=tenant_pb2.Brand(display_name=name, **more)
        )
        with self.as_():
            return await self.town.stubs.brands.CreateBrand(request)

    async def invite(self, email: str = "", role: str = "agent", by: str = "owner") -> session_pb2.Invitation:
        asked = session_pb2.Invitation(email=email or f"{fresh('mail')}@firm.example", role=ROLES[role])
        request = session_service_pb2.CreateInvitationRequest(request_id=fresh("invite"), invitation=asked)
        with self.as_(by):
            return await self.town.stubs.users.CreateInvitation(request)

    async def begin_anew(self, plan_id: str) -> None:
        """Ends the subscription now and begins one to another plan: a smaller one too is held at once."""
        with self.as_():
            await begin_anew(self.town.stubs.subscriptions, plan_id)

    async def join(self, role: str = "agent", email: str = "") -> session_pb2.Session:
        """Somebody new, invited and joined."""
        made = await self.invite(email, role)
        return await self.town.accept(secret_of(made))


class FakeFlows(flow_service_pb2_grpc.FlowServiceServicer):
    """Flows as tenancy sees it: who has which, and away when told."""

    def __init__(self) -> None:
        self.known: set[tuple[str, str]] = set()
        self.away = False

    async def GetFlow(self, request: Any, context: Any) -> flow_pb2.Flow:
        if self.away:
            raise Unavailable("flows is away")
        if (principal().tenant_id, request.flow_id) not in self.known:
            raise FlowNotFound("no such flow")
        return flow_pb2.Flow(flow_id=request.flow_id)


class FlowNotFound(NotFound):
    reason = "FLOW_NOT_FOUND"


class FakeTrunks(trunk_service_pb2_grpc.TrunkServiceServicer):
    """Telephony as tenancy sees it: who has which trunk, and away when told."""

    def __init__(self) -> None:
        self.known: set[tuple[str, str]] = set()
        self.away = False

    async def GetTrunk(self, request: Any, context: Any) -> trunk_pb2.Trunk:
        if self.away:
            raise Unavailable("telephony is away")
        if (principal().tenant_id, request.trunk_id) not in self.known:
            raise TrunkNotFound("no such trunk")
        return trunk_pb2.Trunk(trunk_id=request.trunk_id)


class TrunkNotFound(NotFound):
    reason = "TRUNK_NOT_FOUND"


@dataclass
class Neighbours:
    """Flows and telephony next door, and tenancy's clients of them."""

    fake_flows: FakeFlows
    fake_trunks: FakeTrunks
    flows: Flows
    trunks: Trunks


async def neighbours(rpc: RpcHouse) -> Neighbours:
    """Flows and telephony, served."""
    flows: Any = FakeFlows()  # pyright: ignore[reportAbstractUsage]
    trunks: Any = FakeTrunks()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("flows", [(flow_service_pb2_grpc.add_FlowServiceServicer_to_server, flows)])
    await rpc.serve("telephony", [(trunk_service_pb2_grpc.add_TrunkServiceServicer_to_server, trunks)])
    peers = rpc.peers("tenancy")
    return Neighbours(flows, trunks, Flows(peers), Trunks(peers))


class Town:
    """The office and everybody who comes to it."""

    def __init__(
        self,
        db: Database,
        rpc: RpcHouse,
        clock: ManualClock,
        beside: Neighbours,
        carrier: SimulatedCarrier,
        porter: Porter,
    ) -> None:
        self.db = db
        self.carrier = carrier
        self.porter = porter
        self.flows = beside.fake_flows
        self.trunks = beside.fake_trunks
        self.rpc = rpc
        self.clock = clock
        self.stubs = Stubs(rpc)

    def sign_up_request(self, email: str = "", **more: Any) -> tenant_service_pb2.SignUpRequest:
        said = {
            "request_id": fresh("sign-up"), "plan_id": "growth", "company_name": "Acme Contact", "owner_name": "Olga",
            "email": email or f"{fresh('owner')}@acme.example", "password": PASSWORD, "language": "tr",
            "time_zone": "Europe/Istanbul",
        }  # fmt: skip
        return tenant_service_pb2.SignUpRequest(**(said | more))

    async def sign_up(self, email: str = "", **more: Any) -> Firm:
        request = self.sign_up_request(email, **more)
        with acting_as(STRANGER):
            answer = await self.stubs.tenants.SignUp(request)
        return Firm(self, answer.tenant, answer.session, request.email)

    async def sign_in(self, email: str, password: str = PASSWORD, address: str = "198.51.100.7") -> session_pb2.Session:
        request = session_service_pb2.SignInRequest(email=email, password=password)
        with acting_as(STRANGER):
            return await self.stubs.sessions.SignIn(request, metadata=((CLIENT_ADDRESS, address),))

    async def refresh(self, token: str) -> session_pb2.Session:
        with acting_as(STRANGER):
            return await self.stubs.sessions.RefreshSession(
                session_service_pb2.RefreshSessionRequest(refresh_token=token)
            )

    async def sign_out(self, token: str) -> None:
        with acting_as(STRANGER):
            await self.stubs.sessions.SignOut(session_service_pb2.SignOutRequest(refresh_token=token))

    async def show(self, secret: str) -> session_service_pb2.GetInvitationResponse:
        with acting_as(STRANGER):
            return await self.stubs.users.GetInvitation(session_service_pb2.GetInvitationRequest(secret=secret))

    async def accept(self, secret: str, **more: Any) -> session_pb2.Session:
        said = {"secret": secret, "display_name": "Aysel", "password": PASSWORD}
        with acting_as(STRANGER):
            return await self.stubs.users.AcceptInvitation(session_service_pb2.AcceptInvitationRequest(**(said | more)))

    def as_operator(self, subject: str = "") -> AbstractContextManager[None]:
        return acting_as(someone("operator", PLATFORM, subject=subject))

    def as_service(self, tenant_id: str = "") -> AbstractContextManager[None]:
        return acting_for(tenant_id)

    def other_tenant(self) -> str:
        """Somebody else's tenant id, of whom nothing is stored."""
        return new_id("ten", self.clock.now())


def fresh(word: str) -> str:
    """A word nobody has used yet."""
    return f"{word}-{next(_numbers)}"


def secret_of(invitation: session_pb2.Invitation) -> str:
    """The secret of a link that has just been made."""
    return invitation.link_path.rpartition("/")[2]


async def begin_anew(subscriptions: Any, plan_id: str) -> None:
    """As `Firm.begin_anew`, for whoever acts now."""
    end = subscription_service_pb2.CancelSubscriptionRequest(request_id=fresh("end"), now=True)
    begin = subscription_service_pb2.ReactivateSubscriptionRequest(request_id=fresh("begin"), plan_id=plan_id)
    await subscriptions.CancelSubscription(end)
    await subscriptions.ReactivateSubscription(begin)


Open = Callable[..., Awaitable[Town]]


@pytest_asyncio.fixture
async def open_town(
    service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse, tmp_path: Any
) -> Open:
    """`await open_town(provider=..., mailed_links=...)`; `fresh=True` for a database of its own."""

    async def make(*, provider: OpenIdProvider | None = None, mailed_links: str = "", fresh: bool = False) -> Town:
        db = await service_db("tenancy", clock=clock, fresh=fresh)
        await stock_inventory(db)
        await sow_catalogue(db)
        desk = Desk(db, AccessTokenSigner.load(tmp_path / "signing.jwks"), Passwords(QUICK))
        beside = await neighbours(rpc)
        carrier = SimulatedCarrier(clock)
        carriage = Carriage(Seal(b"a key", PURPOSE), carrier, lambda: WEBHOOK_KEY)
        await rpc.serve("tenancy", servicers(db, desk, beside.flows, beside.trunks, provider, mailed_links, carriage))
        return Town(db, rpc, clock, beside, carrier, Porter(db, carrier, carriage.seal))

    return make


@pytest_asyncio.fixture
async def town(open_town: Open) -> Town:
    return await open_town()


@pytest_asyncio.fixture
async def firm(town: Town) -> Firm:
    return await town.sign_up()
