"""A flows service in this process, with real PostgreSQL, and neighbours that remember what they were asked."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from chassis.auth import acting_as, acting_for
from chassis.sql import Database
from flows.clients import Engagement, Routing
from flows.fetching import Fetcher
from flows.handlers.code import FlowCodeServicer
from flows.handlers.flow_tests import FlowTestServicer
from flows.handlers.flows import FlowServicer
from flows.handlers.number_lists import NumberListServicer
from flows.handlers.prompts import PromptServicer
from flows.handlers.runs import RunServicer
from flows.handlers.surveys import SurveyServicer
from flows.handlers.worlds import Worlds
from flows.leaving import Leaving
from flows.number_clients import Numbers
from flows.sealing import MaskedValues
from flows.turns import Turns
from google.protobuf.duration_pb2 import Duration
from kernel.errors import AlreadyExists, FailedPrecondition, NotFound, Unavailable
from kernel.ids import new_id
from merkez.engagement.v1 import customer_pb2, customer_service_pb2, customer_service_pb2_grpc
from merkez.flows.v1 import (
    flow_code_service_pb2_grpc,
    flow_pb2,
    flow_service_pb2,
    flow_service_pb2_grpc,
    flow_test_service_pb2_grpc,
    number_list_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
    survey_service_pb2_grpc,
)
from merkez.routing.v1 import (
    callback_pb2,
    callback_rules_pb2,
    callback_service_pb2,
    callback_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    queue_pb2,
    queue_service_pb2,
    queue_service_pb2_grpc,
)  # fmt: skip
from merkez.tenancy.v1 import number_service_pb2_grpc, porting_service_pb2_grpc
from testkit import ManualClock, RpcHouse, someone

from .companies import FakeTenancy

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

DEADLINE = 15.0
"""Seconds that telephony waits for an instruction: thrice as long as it does, on a machine that has much to do."""


def fresh(prefix: str) -> str:
    """An id nobody has."""
    return new_id(prefix, NOW)


@pytest.fixture
def make_wav() -> Callable[..., bytes]:
    """Makes WAV files of a tone."""
    return _wav


def _wav(seconds: float = 0.5, rate: int = 8000, level: float = 0.2) -> bytes:
    """A WAV file of a tone with this peak."""
    wave_form = np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((level * 32_767 * wave_form).astype(np.int16).tobytes())
    return file.getvalue()


def said(text: str) -> flow_pb2.Utterance:
    """English words."""
    return flow_pb2.Utterance(text={"en": text})


def flow_of(*steps: flow_pb2.Step) -> flow_pb2.Definition:
    """A flow that begins with the first step."""
    return flow_pb2.Definition(start=steps[0].step_id, steps=steps, language="en")


def say(step_id: str, text: str, following: str = "") -> flow_pb2.Step:
    """A step that says something."""
    return flow_pb2.Step(step_id=step_id, say=flow_pb2.Say(utterance=said(text), next=following))


class QueueNotFound(NotFound):
    reason = "QUEUE_NOT_FOUND"


class Reused(AlreadyExists):
    reason = "REQUEST_ID_REUSED"


class AgentNotAvailable(FailedPrecondition):
    reason = "AGENT_NOT_AVAILABLE"


class FakeRouting(
    contact_service_pb2_grpc.ContactServiceServicer,
    contact_service_pb2_grpc.AgentServiceServicer,
    queue_service_pb2_grpc.QueueServiceServicer,
    queue_service_pb2_grpc.SkillServiceServicer,
    queue_service_pb2_grpc.BusinessHoursServiceServicer,
    callback_service_pb2_grpc.CallbackServiceServicer,
):
    """Routing as flows sees it: idempotent by request_id, and away when told."""

    def __init__(self) -> None:
        self.queue_id, self.hours_id, self.skill_id = fresh("que"), fresh("hrs"), fresh("skl")
        self.agent_id, self.offline_agent_id = fresh("usr"), fresh("usr")
        self.queue_names = {self.queue_id: "Support"}
        self.played: dict[str, str] = {}
        self.open = True
        self.away = False
        self.state = contact_pb2.CONTACT_STATE_QUEUED
        self.contacts: dict[str, contact_pb2.Contact] = {}
        self.asked: list[str] = []
        self.dequeued: list[tuple[str, str]] = []
        self.state_after_dequeue = contact_pb2.CONTACT_STATE_ENDED
        self.expected: int | None = 150
        self.offer_count = 0
        self.told: dict[str, str] = {}
        self.standing = queue_service_pb2.QueueStanding(waiting=4, agents=2, free=0, expected_wait=Duration(seconds=90))
        self.on_enqueue: Callable[[], Any] | None = None
        self.offered, self.called_before = True, False
        self.callbacks: dict[str, callback_pb2.Callback] = {}

    def _note(self, name: str) -> None:
        self.asked.append(name)
        if self.away:
            raise Unavailable("routing is away")

    async def EnqueueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        self._note("EnqueueContact")
        if self.on_enqueue is not None:
            await self.on_enqueue()
        if request.contact.target_agent_id == self.offline_agent_id:
            raise AgentNotAvailable("the agent is not at work")
        if request.contact.queue_id != self.queue_id and request.contact.target_agent_id != self.agent_id:
            raise QueueNotFound("no such queue")
        made = contact_pb2.Contact()
        made.CopyFrom(request.contact)
        known = self.contacts.get(request.request_id)
        made.contact_id = known.contact_id if known else fresh("con")
        if known is not None and known != made:
            raise Reused("another body")
        self.contacts[request.request_id] = made
        return made

    async def GetCallbackOffer(self, request: Any, context: Any) -> callback_pb2.CallbackOffer:
        self._note("GetCallbackOffer")
        return callback_pb2.CallbackOffer(offered=self.offered)

    async def CreateCallback(self, request: Any, context: Any) -> callback_service_pb2.CreateCallbackResponse:
        self._note("CreateCallback")
        if request.callback.queue_id != self.queue_id:
            raise QueueNotFound("no such queue")
        made = self.callbacks.setdefault(request.request_id, callback_pb2.Callback())
        made.CopyFrom(request.callback)
        made.callback_id = fresh("cbk")
        return callback_service_pb2.CreateCallbackResponse(callback=made, already_open=self.called_before)

    async def DequeueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        self._note("DequeueContact")
        self.dequeued.append((request.contact_id, request.reason))
        return contact_pb2.Contact(contact_id=request.contact_id, state=self.state_after_dequeue)

    async def GetContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        self._note("GetContact")
        return contact_pb2.Contact(
            contact_id=request.contact_id, state=self.state, offer_count=self.offer_count, attributes=self.told
        )  # fmt: skip

    async def ListColleagues(self, request: Any, context: Any) -> contact_service_pb2.ListColleaguesResponse:
        self._note("ListColleagues")
        known = [
            contact_pb2.Colleague(agent_id=self.agent_id, display_name="Leyla"),
            contact_pb2.Colleague(agent_id=self.offline_agent_id, display_name="Omid"),
        ]
        if not request.page_token:
            return contact_service_pb2.ListColleaguesResponse(colleagues=known[:1], next_page_token="2")
        return contact_service_pb2.ListColleaguesResponse(colleagues=known[1:])

    async def GetWaitEstimate(self, request: Any, context: Any) -> contact_pb2.WaitEstimate:
        self._note("GetWaitEstimate")
        if self.expected is None:
            return contact_pb2.WaitEstimate(position=2)
        wait = Duration(seconds=self.expected)
        return contact_pb2.WaitEstimate(position=2, expected_wait=wait, expected_wait_low=wait, expected_wait_high=wait)

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self._note("GetQueue")
        if request.queue_id != self.queue_id:
            raise QueueNotFound("no such queue")
        return queue_pb2.Queue(queue_id=self.queue_id)

    async def GetQueueStanding(self, request: Any, context: Any) -> queue_service_pb2.QueueStanding:
        self._note("GetQueueStanding")
        if request.queue_id != self.queue_id:
            raise QueueNotFound("no such queue")
        return self.standing

    async def ListSkills(self, request: Any, context: Any) -> queue_service_pb2.ListSkillsResponse:
        self._note("ListSkills")
        return queue_service_pb2.ListSkillsResponse(
            skills=[queue_pb2.Skill(skill_id=self.skill_id, display_name="Turkish")]
        )

    async def ListQueues(self, request: Any, context: Any) -> queue_service_pb2.ListQueuesResponse:
        self._note("ListQueues")
        return queue_service_pb2.ListQueuesResponse(
            queues=[
                queue_pb2.Queue(
                    queue_id=each,
                    display_name=name,
                    callbacks=callback_rules_pb2.CallbackRules(message_prompt_id=self.played.get(each, "")),
                )
                for each, name in self.queue_names.items()
            ]
        )

    async def ListBusinessHours(self, request: Any, context: Any) -> queue_service_pb2.ListBusinessHoursResponse:
        self._note("ListBusinessHours")
        weekdays = [queue_pb2.OpenInterval(weekday=day, start_minute=540, end_minute=1080) for day in range(1, 6)]
        hours = queue_pb2.BusinessHours(
            business_hours_id=self.hours_id, display_name="Weekdays", time_zone="Asia/Baku", intervals=weekdays,
            # As routing does: of the years that are asked for.
            calendar_days=[queue_pb2.Holiday(date=f"{year}-01-01") for year in request.calendar_years],
        )  # fmt: skip
        return queue_service_pb2.ListBusinessHoursResponse(business_hours=[hours])

    async def CheckBusinessHours(self, request: Any, context: Any) -> queue_service_pb2.CheckBusinessHoursResponse:
        self._note("CheckBusinessHours")
        if request.business_hours_id != self.hours_id:
            raise NotFound("no such hours")
        return queue_service_pb2.CheckBusinessHoursResponse(open=self.open)


class FakeEngagement(customer_service_pb2_grpc.CustomerServiceServicer):
    """Engagement as flows sees it."""

    def __init__(self) -> None:
        self.away = False
        self.requests: list[Any] = []
        self.customer_id = fresh("cus")
        self.found: list[customer_service_pb2.FoundCustomer] = []
        self.pop = customer_pb2.ScreenPop()

    async def FindCustomers(self, request: Any, context: Any) -> customer_service_pb2.FindCustomersResponse:
        self.requests.append(request)
        if self.away:
            raise Unavailable("engagement is away")
        return customer_service_pb2.FindCustomersResponse(found=self.found)

    async def GetScreenPop(self, request: Any, context: Any) -> customer_pb2.ScreenPop:
        self.requests.append(request)
        if self.away:
            raise Unavailable("engagement is away")
        return self.pop

    async def IdentifyCustomer(self, request: Any, context: Any) -> customer_pb2.Customer:
        self.requests.append(request)
        if self.away:
            raise Unavailable("engagement is away")
        return customer_pb2.Customer(customer_id=self.customer_id)


@dataclass
class House:
    """The service under test with its neighbours."""

    rpc: RpcHouse
    db: Database
    routing: FakeRouting
    engagement: FakeEngagement
    tenancy: FakeTenancy
    clock: ManualClock
    turns: Turns
    leaving: Leaving
    tenant_id: str = field(default_factory=lambda: fresh("ten"))

    def __post_init__(self) -> None:
        self.flows: Any = self.rpc.stub(flow_service_pb2_grpc.FlowServiceStub, "flows")
        self.code: Any = self.rpc.stub(flow_code_service_pb2_grpc.FlowCodeServiceStub, "flows")
        self.tests: Any = self.rpc.stub(flow_test_service_pb2_grpc.FlowTestServiceStub, "flows")
        self.prompts: Any = self.rpc.stub(flow_service_pb2_grpc.PromptServiceStub, "flows")
        self.surveys: Any = self.rpc.stub(survey_service_pb2_grpc.SurveyServiceStub, "flows")
        self.lists: Any = self.rpc.stub(number_list_service_pb2_grpc.NumberListServiceStub, "flows")
        self.runs: Any = self.rpc.stub(run_service_pb2_grpc.RunServiceStub, "flows", caller="telephony")

    def fresh(self, prefix: str) -> str:
        """An id nobody has."""
        return fresh(prefix)

    async def publish(self, draft: flow_pb2.Definition, **more: Any) -> flow_pb2.Flow:
        """A flow whose first release is this definition."""
        with self.as_admin():
            flow = await self.flows.CreateFlow(
                flow_service_pb2.CreateFlowRequest(
                    request_id=fresh("req"), flow=flow_pb2.Flow(display_name="Main", draft=draft), publish=True, **more
                )
            )
        assert flow.release_id, "the definition is not valid"
        return flow

    def as_admin(self, tenant_id: str = "") -> Any:
        """Calls inside are those of an admin."""
        return acting_as(someone("admin", tenant_id or self.tenant_id))

    async def start(self, flow_id: str, call_id: str = "", timeout: float = DEADLINE, **more: Any) -> Any:
        """Begin a run as telephony does."""
        request = run_service_pb2.StartRunRequest(
            call_id=call_id or fresh("call"), flow_id=flow_id, brand_name="Acme", language="en", **more
        )
        with acting_for(self.tenant_id):
            return await self.runs.StartRun(request, timeout=timeout)

    async def hand_on(self, call_id: str, turn: int = 1, **more: Any) -> Any:
        """Begin another run of a call, as telephony does when an agent hands it on."""
        request = run_service_pb2.StartRunRequest(call_id=call_id, brand_name="Acme", language="tr", turn=turn, **more)
        with acting_for(self.tenant_id):
            return await self.runs.StartRun(request, timeout=DEADLINE)

    async def advance(
        self, instruction: Any, event: str, digits: str = "", timeout: float = DEADLINE, **more: Any
    ) -> Any:
        """Report on an instruction as telephony does."""
        request = run_service_pb2.AdvanceRunRequest(
            run_id=instruction.run_id,
            sequence=instruction.sequence,
            event=run_service_pb2.RunEventKind.Value(f"RUN_EVENT_KIND_{event}"),
            digits=digits,
            **more,
        )
        with acting_for(self.tenant_id):
            return await self.runs.AdvanceRun(request, timeout=timeout)


@pytest.fixture
def seal() -> MaskedValues:
    """Seals masked values with a key of this test."""
    return MaskedValues(b"a key")


@pytest_asyncio.fixture
async def house(
    rpc: RpcHouse, service_db: Callable[..., Any], clock: ManualClock, seal: MaskedValues
) -> AsyncIterator[House]:
    """Everything but the bus, over real sockets and a real database."""
    db = await service_db("flows", clock=clock)
    routing = FakeRouting()  # pyright: ignore[reportAbstractUsage]
    engagement = FakeEngagement()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve(
        "routing",
        [
            (contact_service_pb2_grpc.add_ContactServiceServicer_to_server, routing),
            (contact_service_pb2_grpc.add_AgentServiceServicer_to_server, routing),
            (queue_service_pb2_grpc.add_QueueServiceServicer_to_server, routing),
            (queue_service_pb2_grpc.add_SkillServiceServicer_to_server, routing),
            (queue_service_pb2_grpc.add_BusinessHoursServiceServicer_to_server, routing),
            (callback_service_pb2_grpc.add_CallbackServiceServicer_to_server, routing),
        ],
    )
    await rpc.serve("engagement", [(customer_service_pb2_grpc.add_CustomerServiceServicer_to_server, engagement)])
    tenancy = FakeTenancy()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve(
        "tenancy",
        [
            (number_service_pb2_grpc.add_NumberServiceServicer_to_server, tenancy),
            (porting_service_pb2_grpc.add_PortingServiceServicer_to_server, tenancy),
        ],
    )
    peers = rpc.peers("flows")
    identity = Engagement(peers)
    client = Routing(peers, identity)
    fetcher = Fetcher(allow_loopback=True)
    turns = Turns(db, client, identity, fetcher, seal, clock)
    await rpc.serve(
        "flows",
        [
            (
                flow_service_pb2_grpc.add_FlowServiceServicer_to_server,
                FlowServicer(db, client, Numbers(peers), clock, allow_loopback=True),
            ),
            (
                flow_code_service_pb2_grpc.add_FlowCodeServiceServicer_to_server,
                FlowCodeServicer(db, client, clock, allow_loopback=True),
            ),
            (
                flow_test_service_pb2_grpc.add_FlowTestServiceServicer_to_server,
                FlowTestServicer(db, Worlds(db, client), clock),
            ),
            (flow_service_pb2_grpc.add_PromptServiceServicer_to_server, PromptServicer(db, client, clock)),
            (number_list_service_pb2_grpc.add_NumberListServiceServicer_to_server, NumberListServicer(db, clock)),
            (survey_service_pb2_grpc.add_SurveyServiceServicer_to_server, SurveyServicer(db)),
            (
                run_service_pb2_grpc.add_RunServiceServicer_to_server,
                RunServicer(db, turns, identity, seal, clock),
            ),
        ],
    )
    leaving = Leaving(db, turns, seal, clock)
    yield House(rpc, db, routing, engagement, tenancy, clock, turns, leaving)
    await leaving.close()
    await turns.close()
    await fetcher.close()
