"""Telephony with real media, database and RPCs in this process, and neighbours made for the test."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import tink
from chassis.auth import acting_as, acting_for
from chassis.grpc import Server
from chassis.lifecycle import Process
from google.protobuf.empty_pb2 import Empty
from kernel.clock import SystemClock
from kernel.errors import DomainError, NotFound, Unavailable
from kernel.ids import new_id
from merkez.flows.v1 import flow_service_pb2, flow_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc
from merkez.recording.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc
from merkez.telephony.v1 import call_service_pb2, call_service_pb2_grpc, node_service_pb2_grpc
from merkez.tenancy.v1 import number_service_pb2, number_service_pb2_grpc, tenant_pb2
from telephony.clients import Flows, Recordings, Routing, Tenancy
from telephony.domain.calls import Contact
from telephony.handlers import CallHandlers, NodeHandlers, StationHandlers
from telephony.live.dialing import Dialing
from telephony.live.handover import Handover
from telephony.live.house import House
from telephony.live.nodes import Nodes
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from telephony.media.clips import Clip, ClipStore
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.spool import Spool
from telephony.settings import TelephonySettings
from testkit.rpc import RpcHouse, someone
from testkit.webrtc import Peer
from tink import aead, secret_key_access

from .outside_peers import OutsidePeers

MUSIC_HZ = 300.0
SPOKEN_HZ = 1200.0


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


class FakeTenancy(number_service_pb2_grpc.NumberServiceServicer):
    """Knows the widgets the test gave it."""

    def __init__(self) -> None:
        self.routes: dict[str, number_service_pb2.LookupRouteResponse] = {}
        self.down = False
        self.caller_numbers = number_service_pb2.GetCallerNumbersResponse(
            numbers=["+15550100"], default_number="+15550100", tenant_state=tenant_pb2.TENANT_STATE_ACTIVE
        )
        self.caller_numbers.entitlements.limits.max_concurrent_calls = 5
        self.caller_numbers.entitlements.features.append("recording")

    async def GetCallerNumbers(self, request: Any, context: Any) -> number_service_pb2.GetCallerNumbersResponse:
        return self.caller_numbers

    async def LookupRoute(self, request: Any, context: Any) -> number_service_pb2.LookupRouteResponse:
        if self.down:
            raise Unavailable("down")
        if request.widget_key not in self.routes:
            error = NotFound("no such widget")
            error.reason = "WIDGET_NOT_FOUND"
            raise error
        return self.routes[request.widget_key]

    def widget(self, tenant_id: str, *, limit: int = 5, language: str = "en", suspended: bool = False) -> str:
        key = secrets.token_hex(8)
        response = number_service_pb2.LookupRouteResponse(tenant_id=tenant_id)
        response.brand.brand_id, response.brand.display_name = an_id("brd"), "Nova"
        response.brand.language = language
        response.number.number, response.number.flow_id = "+15550100", an_id("flw")
        response.entitlements.limits.max_concurrent_calls = limit
        response.entitlements.features.append("recording")
        states = tenant_pb2.TENANT_STATE_SUSPENDED, tenant_pb2.TENANT_STATE_ACTIVE
        response.tenant_state = states[0] if suspended else states[1]
        self.routes[key] = response
        return key


Script = Callable[["FakeFlows", run_service_pb2.AdvanceRunRequest | None], run_service_pb2.Instruction]


class FakeFlows(run_service_pb2_grpc.RunServiceServicer, flow_service_pb2_grpc.PromptServiceServicer):
    """Gives out the instructions of `steps`, one per report, the last one again and again; keeps the reports."""

    def __init__(self) -> None:
        self.steps: list[run_service_pb2.Instruction] = [queue_instruction()]
        self.reports: list[run_service_pb2.AdvanceRunRequest] = []
        self.started: list[run_service_pb2.StartRunRequest] = []
        self.down = False
        self.prompts: dict[str, bytes] = {}
        self._newest: dict[tuple[str, int], run_service_pb2.Instruction] = {}
        """(call, turn) -> the instruction its run is at: who starts it again gets that one."""

    async def StartRun(self, request: Any, context: Any) -> run_service_pb2.Instruction:
        if self.down:
            raise Unavailable("down")
        self.started.append(request)
        begun = self._newest.get((request.call_id, request.turn))
        return begun if begun is not None else self._step(1, an_id("run"), (request.call_id, request.turn))

    async def AdvanceRun(self, request: Any, context: Any) -> run_service_pb2.Instruction:
        if self.down:
            raise Unavailable("down")
        self.reports.append(request)
        which = next((which for which, each in self._newest.items() if each.run_id == request.run_id), ("", 0))
        return self._step(request.sequence + 1, request.run_id, which)

    async def GetPromptAudio(self, request: Any, context: Any) -> flow_service_pb2.GetPromptAudioResponse:
        if request.prompt_id not in self.prompts:
            raise NotFound("no such prompt")
        return flow_service_pb2.GetPromptAudioResponse(audio=self.prompts[request.prompt_id])

    def events(self) -> list[tuple[str, str]]:
        kind = run_service_pb2.RunEventKind
        return [(kind.Name(r.event).removeprefix("RUN_EVENT_KIND_"), r.digits) for r in self.reports]

    def _step(self, sequence: int, run_id: str, which: tuple[str, int]) -> run_service_pb2.Instruction:
        instruction = run_service_pb2.Instruction()
        instruction.CopyFrom(self.steps[min(sequence, len(self.steps)) - 1])
        instruction.run_id, instruction.sequence, instruction.release_id = run_id, sequence, "rel_x"
        self._newest[which] = instruction
        return instruction


class FakeRouting(contact_service_pb2_grpc.ContactServiceServicer):
    """Gives contacts out and remembers what it was asked."""

    def __init__(self) -> None:
        self.started: list[contact_service_pb2.StartOutboundContactRequest] = []
        self.enqueued: list[contact_service_pb2.EnqueueContactRequest] = []
        self.dequeued: list[contact_service_pb2.DequeueContactRequest] = []
        self.refusal: DomainError | None = None

    async def StartOutboundContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        if self.refusal is not None:
            raise self.refusal
        self.started.append(request)
        return contact_pb2.Contact(contact_id=an_id("con"))

    async def EnqueueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        if self.refusal is not None:
            raise self.refusal
        self.enqueued.append(request)
        return contact_pb2.Contact(contact_id=an_id("con"))

    async def DequeueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        self.dequeued.append(request)
        return contact_pb2.Contact(contact_id=request.contact_id)


class FakeRecording(recording_service_pb2_grpc.RecordingServiceServicer):
    """Keeps the sealed segments it gets, and the keys to open them."""

    def __init__(self) -> None:
        self.down = False
        self.segments: dict[tuple[str, str, int], bytes] = {}
        self.keys: dict[str, Any] = {}
        self.by_call: dict[str, str] = {}
        self.begun: dict[str, recording_pb2.Recording] = {}
        self.finished: dict[str, recording_service_pb2.FinishRecordingRequest] = {}

    async def StartRecording(
        self, request: recording_service_pb2.StartRecordingRequest, context: Any
    ) -> recording_service_pb2.StartRecordingResponse:
        self._up()
        recording_id = an_id("rec")
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        self.keys[recording_id] = handle.primitive(aead.Aead)
        self.by_call[request.recording.call_id] = recording_id
        self.begun[recording_id] = request.recording
        keyset = tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
        recording = recording_pb2.Recording(recording_id=recording_id, call_id=request.recording.call_id)
        return recording_service_pb2.StartRecordingResponse(recording=recording, keyset=keyset)

    async def AppendSegment(self, request: recording_service_pb2.AppendSegmentRequest, context: Any) -> Empty:
        self._up()
        self.segments[request.recording_id, request.track, request.sequence] = request.sealed
        return Empty()

    async def FinishRecording(
        self, request: recording_service_pb2.FinishRecordingRequest, context: Any
    ) -> recording_pb2.Recording:
        self._up()
        self.finished[request.recording_id] = request
        return recording_pb2.Recording(recording_id=request.recording_id)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("down")


class ToneClips(ClipStore):
    """Speech as a tone at once, so that a test can tell speech from music by ear. Files are decoded for real."""

    def __init__(self, folder: Path, spoken: Clip) -> None:
        super().__init__(folder)
        self.spoken: list[str] = []
        self.personal: list[str] = []
        self._spoken = spoken

    async def speech(self, text: str, language: str, *, personal: bool = False) -> Clip:
        self.spoken.append(text)
        if personal:
            self.personal.append(text)
        return self._spoken


def queue_instruction(tick: float = 30.0) -> run_service_pb2.Instruction:
    instruction = run_service_pb2.Instruction(step_id="queue")
    instruction.queue.contact_id = an_id("con")
    instruction.queue.tick_interval.FromMilliseconds(int(tick * 1000))
    return instruction


@dataclass
class Exchange:
    """Telephony as a test sees it."""

    house: House
    switchboard: Switchboard
    nodes: Nodes
    handover: Handover
    watch: Watch
    catching_up: asyncio.Task[Any]
    process: Process
    server: Server
    tenancy: FakeTenancy
    flows: FakeFlows
    recording: FakeRecording
    routing: FakeRouting
    outside: OutsidePeers
    rpc: RpcHouse
    calls: call_service_pb2_grpc.CallServiceAsyncStub
    stations: call_service_pb2_grpc.StationServiceAsyncStub
    tenant_id: str = field(default_factory=lambda: an_id("ten"))
    peers: list[Peer] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def peer(self, tone: float | None = 440.0, **more: Any) -> Peer:
        made = Peer(tone, **more)
        self.peers.append(made)
        return made

    async def call(self, customer: Peer, *, widget: str = "", **fields: Any) -> call_service_pb2.StartWebCallResponse:
        """The customer calls and is connected."""
        request = call_service_pb2.StartWebCallRequest(
            widget_key=widget or self.tenancy.widget(self.tenant_id),
            sdp_offer=await customer.offer(),
            caller_name="Ada",
            request_id=f"req-{next(self._numbers)}",
            **fields,
        )
        with acting_for(""):
            response = await self.calls.StartWebCall(request)
        await customer.accept(response.sdp_answer)
        return response

    async def attach(self, agent: Peer, agent_id: str, *, client: str = "tab1", takeover: bool = False) -> Any:
        """The agent's browser attaches and is connected."""
        with acting_as(someone("agent", self.tenant_id, agent_id)):
            response = await self.stations.AttachStation(
                call_service_pb2.AttachStationRequest(
                    sdp_offer=await agent.offer(), client_id=client, takeover=takeover
                )
            )
        await agent.accept(response.sdp_answer)
        return response

    async def accept(self, call_id: str, agent_id: str, contact: Contact | None = None) -> None:
        """What follows from routing's OfferAccepted."""
        from telephony.ops import parties as ops

        contact = contact or Contact(an_id("con"))
        answered = await self.house.db.run(
            self.tenant_id,
            lambda tx: ops.answer_call(tx, call_id, agent_id, contact, self.house.now()),
        )
        assert answered is not None
        self.switchboard.settle(self.tenant_id, *answered)

    def as_agent(self, agent_id: str) -> Any:
        return acting_as(someone("agent", self.tenant_id, agent_id))

    def as_owner(self) -> Any:
        return acting_as(someone("owner", self.tenant_id))

    async def facts(self) -> list[str]:
        """Names of the facts in the outbox, in order."""
        from sqlalchemy import select

        outbox = self.house.db.standard.outbox
        rows = await self.house.db.run(
            self.tenant_id, lambda tx: tx.all(select(outbox).order_by(outbox.c.position)), read_only=True
        )
        return [row["fact"].rsplit(".", 1)[1] for row in rows if row["tenant_id"] == self.tenant_id]


@pytest.fixture(scope="session")
def tone_clips() -> tuple[Clip, Clip]:
    """(music, speech): two seconds of 300 Hz, 0.6 s of 1200 Hz."""
    from testkit.webrtc import tone_packets

    return Clip(tuple(tone_packets(MUSIC_HZ, 2.0))), Clip(tuple(tone_packets(SPOKEN_HZ, 0.6)))


@pytest_asyncio.fixture
async def make_exchange(
    service_db: Any, rpc: RpcHouse, tmp_path: Path, tone_clips: tuple[Clip, Clip]
) -> AsyncIterator[Callable[..., Awaitable[Exchange]]]:
    """`exchange = await make_exchange(customer_grace_seconds=1)`: telephony with these settings. `beside=exchange` is
    one more node of that one's installation; `fresh=True` gives it a database of its own."""
    processes: list[Process] = []
    made: list[Exchange] = []

    async def make(*, beside: Exchange | None = None, fresh: bool = False, **overrides: Any) -> Exchange:
        exchange = await _exchange(service_db, rpc, tmp_path, tone_clips, processes, overrides, beside, fresh)
        made.append(exchange)
        return exchange

    yield make
    for exchange in made:
        await asyncio.gather(*(peer.close() for peer in exchange.peers))
    for process in processes:
        await process.stack.aclose()


@pytest_asyncio.fixture
async def exchange(make_exchange: Callable[..., Awaitable[Exchange]]) -> Exchange:
    return await make_exchange()


@pytest_asyncio.fixture
async def pair(make_exchange: Callable[..., Awaitable[Exchange]]) -> Any:
    """A node and another one of the same installation, in a database of their own."""
    from .two_nodes import Pair, known_to_each_other

    first = await make_exchange(fresh=True)
    second = await make_exchange(beside=first)
    await known_to_each_other(first, second)
    return Pair(first, second)


async def _exchange(
    service_db: Any,
    rpc: RpcHouse,
    tmp_path: Path,
    tones: tuple[Clip, Clip],
    processes: list[Process],
    overrides: dict[str, Any],
    beside: Exchange | None,
    fresh: bool,
) -> Exchange:
    process = Process(1.0)
    processes.append(process)
    await process.stack.__aenter__()
    around = beside or await _neighbours(rpc)
    settings = dataclasses.replace(
        TelephonySettings(node_id=f"node-{secrets.token_hex(4)}", data_dir=str(tmp_path)), **overrides
    )
    db = beside.house.db if beside is not None else await service_db("telephony", fresh=fresh)
    folder = tmp_path / settings.node_id
    peers = rpc.peers("telephony")
    recordings = Recordings(peers)
    outside = OutsidePeers()
    spool = process.closing(
        Spool(folder / "segments", recordings.append, recordings.finish, process.tasks.spawn, lambda *_: None)
    )
    plane = process.closing(
        MediaPlane(
            MediaSettings(host_addresses("127.0.0.1"), setup_spacing=0.0),
            lambda work: process.tasks.spawn(work, "media"),
        )
    )
    house = House(
        settings=settings, db=db, plane=plane, clips=ToneClips(tmp_path / "clips", tones[1]),
        tenancy=Tenancy(peers), flows=Flows(peers), recordings=recordings, routing=Routing(peers), spool=spool,
        tasks=process.tasks, outside=outside, music=tones[0], ringback=tones[0],
    )  # fmt: skip
    process.closing(house.clips)
    outside.plane = plane
    switchboard = process.closing(Switchboard(house))
    nodes = Nodes(house, switchboard, peers)
    handover = Handover(house, switchboard, nodes, peers)
    watch = Watch(house, switchboard, nodes)
    process.tasks.every(0.05, watch.look, "look")
    catching_up = process.tasks.every(0.2, watch.catch_up, "catch up")
    call_handlers = CallHandlers(house, switchboard, Dialing(house, switchboard), nodes)
    server = await rpc.serve(
        "telephony",
        [
            (call_service_pb2_grpc.add_CallServiceServicer_to_server, call_handlers),
            (call_service_pb2_grpc.add_StationServiceServicer_to_server, StationHandlers(db, switchboard, nodes)),
            (node_service_pb2_grpc.add_NodeServiceServicer_to_server, NodeHandlers(db, nodes, handover)),
        ],
    )
    await nodes.begin(server.address)
    made = Exchange(
        house, switchboard, nodes, handover, watch, catching_up, process, server, around.tenancy, around.flows,
        around.recording, around.routing, outside, rpc,
        rpc.stub(call_service_pb2_grpc.CallServiceStub, "telephony"),  # type: ignore[arg-type]
        rpc.stub(call_service_pb2_grpc.StationServiceStub, "telephony"),  # type: ignore[arg-type]
    )  # fmt: skip
    return made if beside is None else dataclasses.replace(made, tenant_id=beside.tenant_id, _numbers=beside._numbers)


@dataclass
class Neighbours:
    """Services around telephony, made for the test."""

    tenancy: FakeTenancy
    flows: FakeFlows
    recording: FakeRecording
    routing: FakeRouting


async def _neighbours(rpc: RpcHouse) -> Neighbours:
    tenancy = FakeTenancy()  # pyright: ignore[reportAbstractUsage]
    flows = FakeFlows()  # pyright: ignore[reportAbstractUsage]
    recording = FakeRecording()  # pyright: ignore[reportAbstractUsage]
    routing = FakeRouting()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("tenancy", [(number_service_pb2_grpc.add_NumberServiceServicer_to_server, tenancy)])
    await rpc.serve(
        "flows",
        [
            (run_service_pb2_grpc.add_RunServiceServicer_to_server, flows),
            (flow_service_pb2_grpc.add_PromptServiceServicer_to_server, flows),
        ],
    )
    await rpc.serve("recording", [(recording_service_pb2_grpc.add_RecordingServiceServicer_to_server, recording)])
    await rpc.serve("routing", [(contact_service_pb2_grpc.add_ContactServiceServicer_to_server, routing)])
    return Neighbours(tenancy, flows, recording, routing)
