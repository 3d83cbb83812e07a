"""A tenant at its desk: real PostgreSQL, time the test owns, short words for what happens in a contact centre."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.permissions import PERMISSIONS_BY_ROLE
from chassis.sql import Database
from kernel.errors import DomainError
from kernel.features import PlanFeatures
from kernel.ids import new_id
from kernel.tenant import Principal
from merkez.routing.v1 import callback_service_pb2_grpc as callbacks_grpc
from merkez.routing.v1 import capacity_service_pb2_grpc as capacity_grpc
from merkez.routing.v1 import contact_service_pb2_grpc as contacts_grpc
from merkez.routing.v1 import presence_service_pb2_grpc as presence_grpc
from merkez.routing.v1 import queue_service_pb2_grpc as queues_grpc
from merkez.routing.v1 import simulation_service_pb2_grpc as simulations_grpc
from merkez.routing.v1 import wrap_up_service_pb2_grpc as wrap_ups_grpc
from routing.domain.agents import Agent, AgentState
from routing.domain.board import Board
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.facts import Fact
from routing.domain.matches import Match
from routing.domain.offers import Offer
from routing.domain.queues import Queue, SkillLevel
from routing.domain.views import line_of, ready_of, waiting_of
from routing.handlers import servicers
from routing.ledger import Desk, Ledger
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import plans as plan_ops
from routing.ops import queues as queue_ops
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as contact_store
from routing.store import queues as queue_store
from testkit.clock import ManualClock
from testkit.rpc import RpcHouse

T = TypeVar("T")
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def draft_queue(name: str = "Sales", **changes: Any) -> Queue:
    """A queue everyone serves, 20 s ring, 30 s wrap-up."""
    return replace(
        Queue(
            "", name, (), timedelta(seconds=20), timedelta(seconds=30), False, timedelta(seconds=20),
            timedelta(seconds=5), (), True, NEVER, NEVER,
        ),
        **changes,
    )  # fmt: skip


def draft_contact(queue_id: str, now: datetime, **changes: Any) -> Contact:
    """A voice contact of a fresh call."""
    plain = Contact("", Channel.VOICE, ContactState.QUEUED, queue_id, NEVER, NEVER, call_id=new_id("call", now))
    return replace(plain, **changes)


@dataclass
class Floor:
    """One tenant's contact centre, driven verb by verb. `told` is every fact that was committed, in order."""

    desk: Desk
    tenant_id: str
    clock: ManualClock
    told: list[Fact] = field(default_factory=list)

    async def run(self, verb: Callable[..., Awaitable[T]], *args: Any) -> T:
        """One verb in one transaction, now."""
        return await self.desk.run(self.tenant_id, lambda tx: verb(tx, *args, self.clock.now()))

    async def read(self, fn: Callable[[Ledger], Awaitable[T]]) -> T:
        """One reading transaction."""
        return await self.desk.run(self.tenant_id, fn, read_only=True)

    async def hold_plan(self, plan_id: str, *features: str) -> None:
        """The tenant holds a plan with these features from now on."""
        plan = PlanFeatures(plan_id, frozenset(features), {})
        await self.run(plan_ops.hold_plan, plan)

    async def queue(self, name: str = "Sales", **changes: Any) -> Queue:
        """A new queue."""
        return await self.run(queue_ops.create_queue, draft_queue(name, **changes))

    async def agent(
        self, name: str = "Aysel", *, skills: Sequence[SkillLevel] = (), queues: Sequence[str] = ()
    ) -> str:  # fmt: skip
        """An agent with a station, AVAILABLE from now on."""
        agent_id = new_id("usr", self.clock.now())
        await self.run(agent_ops.change_user, agent_id, name, True, 1)
        if skills or queues:
            changes = {"skills": tuple(skills), "queue_ids": tuple(queues)}
            await self.run(agent_ops.update_agent, agent_id, changes, 0)
        await self.run(agent_ops.attach_station, agent_id, new_id("stn", self.clock.now()), self.clock.now())
        await self.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
        return agent_id

    async def contact(self, queue_id: str, **changes: Any) -> Contact:
        """A new caller in the queue."""
        return await self.run(contact_ops.enqueue_contact, draft_contact(queue_id, self.clock.now(), **changes))

    async def match(self) -> Offer | None:
        """What a freshly built matcher would offer next, made."""
        match = await self.proposal()
        return await self.run(offer_ops.make_offer, match) if match else None

    async def proposal(self) -> Match | None:
        """What a freshly built matcher would offer next."""
        board, now = Board(), self.clock.now().timestamp()

        async def fill(tx: Ledger) -> None:
            rules = await capacity_store.find_rules(tx)
            for queue in await queue_store.every_queue(tx):
                board.put_line(line_of(queue))
            for agent in await agent_store.ready_agents(tx):
                ready = ready_of(agent, rules)
                if ready is not None:
                    board.put_agent(ready)
            for contact in await contact_store.queued_contacts(tx):
                board.put_contact(waiting_of(contact), now)  # pyright: ignore[reportArgumentType]

        await self.read(fill)
        return board.decide(now)

    async def ringing(self, **queue: Any) -> tuple[Offer, str, Contact]:
        """A queue, an agent, a caller, and an offer that rings."""
        where = await self.queue(**queue)
        agent_id = await self.agent()
        contact = await self.contact(where.queue_id)
        offer = await self.match()
        assert offer is not None and offer.agent_id == agent_id
        return offer, agent_id, contact

    async def talking(self, **queue: Any) -> tuple[Offer, str, Contact]:
        """As `ringing`, and accepted."""
        offer, agent_id, contact = await self.ringing(**queue)
        await self.run(offer_ops.accept_offer, offer.offer_id, agent_id)
        return offer, agent_id, contact

    async def hang_up(self, contact: Contact) -> None:
        """The contact's call ends now."""
        await self.run(contact_ops.end_call, contact.call_id, self.clock.now())

    async def see(self, agent_id: str) -> Agent:
        """The agent as they are."""
        return await self.read(lambda tx: agent_ops.get_agent(tx, agent_id))

    async def look(self, contact: Contact) -> Contact:
        """The contact as it is."""
        return await self.read(lambda tx: contact_ops.get_contact(tx, contact.contact_id))

    def names_told(self) -> list[str]:
        """Names of the facts so far."""
        return [type(fact).__name__ for fact in self.told]

    def last(self, kind: type[T]) -> T:
        """The last fact of a kind."""
        return next(fact for fact in reversed(self.told) if isinstance(fact, kind))


@pytest_asyncio.fixture
async def db(service_db: Callable[..., Awaitable[Database]], clock: ManualClock) -> AsyncIterator[Database]:
    """Routing's database on the test's clock."""
    yield await service_db("routing", clock=clock)


@pytest.fixture
def floor(db: Database, clock: ManualClock) -> Floor:
    """A tenant of this test alone."""
    return open_floor(db, clock)


@pytest.fixture
def other_floor(db: Database, clock: ManualClock) -> Floor:
    """Another tenant in the same database."""
    return open_floor(db, clock)


def open_floor(db: Database, clock: ManualClock) -> Floor:
    """A new tenant whose facts are kept."""
    told: list[Fact] = []
    return Floor(Desk(db, lambda _tenant, facts: told.extend(facts)), new_id("ten", clock.now()), clock, told)


@dataclass
class Edge:
    """Routing's rpcs as its callers see them. `as_(role, floor)` says who calls."""

    desk: Desk
    queues: Any
    skills: Any
    hours: Any
    dispositions: Any
    contacts: Any
    offers: Any
    agents: Any
    simulations: Any
    callbacks: Any
    reasons: Any
    wrap_ups: Any
    capacity: Any


@pytest_asyncio.fixture
async def edge(rpc: RpcHouse, db: Database) -> AsyncIterator[Edge]:
    """A served desk."""
    desk = Desk(db)
    await rpc.serve("routing", servicers(desk))
    peers = rpc.peers()
    stubs: list[Callable[[Any], Any]] = [
        queues_grpc.QueueServiceStub, queues_grpc.SkillServiceStub, queues_grpc.BusinessHoursServiceStub,
        queues_grpc.DispositionServiceStub, contacts_grpc.ContactServiceStub, contacts_grpc.OfferServiceStub,
        contacts_grpc.AgentServiceStub, simulations_grpc.SimulationServiceStub,
        callbacks_grpc.CallbackServiceStub,
        presence_grpc.NotReadyReasonServiceStub, wrap_ups_grpc.WrapUpServiceStub,
        capacity_grpc.CapacityServiceStub,
    ]  # fmt: skip
    yield Edge(desk, *(peers.stub(stub, "routing") for stub in stubs))


def as_(role: str, floor: Floor, subject: str = "", name: str = "") -> Any:
    """Calls inside are made by this person of the floor's tenant."""
    who = subject or new_id("usr", floor.clock.now())
    return acting_as(Principal(floor.tenant_id, who, role, PERMISSIONS_BY_ROLE[role], name))


async def refused(call: Any, kind: type[DomainError], reason: str = "", field: str = "") -> None:
    """The call is refused this way."""
    with pytest.raises(kind) as error:
        await call
    assert not reason or error.value.reason == reason
    assert not field or field in [each.field for each in error.value.fields]
