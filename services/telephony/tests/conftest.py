"""Telephony with real media, database and RPCs in this process, and neighbours made for the test."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from chassis.auth import acting_as, acting_for
from chassis.grpc import Server
from chassis.lifecycle import Process
from kernel.clock import SystemClock
from merkez.telephony.v1 import (
    call_service_pb2,
    call_service_pb2_grpc,
    find_me_service_pb2_grpc,
    media_service_pb2_grpc,
    node_service_pb2_grpc,
)
from numpy.typing import NDArray
from telephony.clients import Flows, Recordings, Routing, Tenancy
from telephony.domain.calls import Contact
from telephony.handlers import CallHandlers, FindMeHandlers, MediaHandlers, NodeHandlers, StationHandlers
from telephony.live.dialing import Dialing
from telephony.live.finding import Finder
from telephony.live.handover import Handover
from telephony.live.house import House
from telephony.live.nodes import Nodes
from telephony.live.sip.edge import SipEdge
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from telephony.media.clips import Clip, ClipStore
from telephony.media.codecs import OpusDecoder
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.spool import Spool
from telephony.settings import TelephonySettings
from testkit.rpc import RpcHouse, someone
from testkit.told import told
from testkit.webrtc import Peer

from .neighbours import FakeFlows, FakeRecording, FakeRouting, FakeTenancy, an_id, neighbours
from .outside_peers import OutsidePeers
from .untold import watched

MUSIC_HZ = 300.0
SPOKEN_HZ = 1200.0


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


@dataclass
class Exchange:
    """Telephony as a test sees it."""

    house: House
    switchboard: Switchboard
    nodes: Nodes
    handover: Handover
    watch: Watch
    finder: Finder
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
    find_me: find_me_service_pb2_grpc.FindMeServiceAsyncStub
    edge: SipEdge | None = None
    tenant_id: str = field(default_factory=lambda: an_id("ten"))
    peers: list[Peer] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def peer(self, tone: float | None = 440.0, **more: Any) -> Peer:
        made = Peer(tone, **more)
        self.peers.append(made)
        return made

    async def call(
        self, customer: Peer, *, widget: str = "", caller_name: str = "Ada", **fields: Any
    ) -> call_service_pb2.StartWebCallResponse:
        """The customer calls and is connected."""
        request = call_service_pb2.StartWebCallRequest(
            widget_key=widget or self.tenancy.widget(self.tenant_id),
            sdp_offer=await customer.offer(),
            caller_name=caller_name,
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
        return [fact.DESCRIPTOR.name for fact in await self.told()]

    async def told(self) -> list[Any]:
        """The facts in the outbox, in order."""
        return await told(self.house.db, self.tenant_id)


@pytest.fixture(autouse=True)
def every_change_is_told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does: each change of state of a call or a leg has its fact."""
    if request.node.get_closest_marker("rows"):
        yield
        return
    with watched(monkeypatch) as watcher:
        yield
    assert not watcher.untold, "\n".join(watcher.untold)


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
    around = beside or await neighbours(rpc)
    settings = dataclasses.replace(
        TelephonySettings(
            node_id=f"node-{secrets.token_hex(4)}",
            data_dir=str(tmp_path),
            internal_key=rpc.internal_key,
            sip_private_networks="127.0.0.0/8",
        ),
        **overrides,
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
        quiet=Clip.silence(1),
    )  # fmt: skip
    process.closing(house.clips)
    outside.plane = plane
    switchboard = process.closing(Switchboard(house))
    nodes = Nodes(house, switchboard, peers)
    handover = Handover(house, switchboard, nodes, peers)
    watch = Watch(house, switchboard, nodes)
    process.tasks.every(0.05, watch.look, "look")
    catching_up = process.tasks.every(0.2, watch.catch_up, "catch up")
    dialing = Dialing(house, switchboard)
    finder = process.closing(Finder(house, switchboard, dialing))
    process.tasks.every(0.2, finder.look, "seek agents")
    call_handlers = CallHandlers(house, switchboard, dialing, nodes)
    node_handlers = NodeHandlers(db, nodes, handover, timedelta(seconds=settings.operator_drain_seconds))
    server = await rpc.serve(
        "telephony",
        [
            (call_service_pb2_grpc.add_CallServiceServicer_to_server, call_handlers),
            (call_service_pb2_grpc.add_StationServiceServicer_to_server, StationHandlers(db, switchboard, nodes)),
            (media_service_pb2_grpc.add_MediaServiceServicer_to_server, MediaHandlers(settings, SystemClock())),
            (node_service_pb2_grpc.add_NodeServiceServicer_to_server, node_handlers),
            (find_me_service_pb2_grpc.add_FindMeServiceServicer_to_server, FindMeHandlers(house)),
        ],
    )
    edge = None
    if settings.sip_listen:
        edge = process.closing(SipEdge(house, switchboard, dialing, nodes))
        house.outside = edge.outside
        await edge.open(process)
    await nodes.begin(server.address, edge.address if edge is not None else "")
    made = Exchange(
        house, switchboard, nodes, handover, watch, finder, catching_up, process, server, around.tenancy, around.flows,
        around.recording, around.routing, outside, rpc,
        rpc.stub(call_service_pb2_grpc.CallServiceStub, "telephony"),  # type: ignore[arg-type]
        rpc.stub(call_service_pb2_grpc.StationServiceStub, "telephony"),  # type: ignore[arg-type]
        rpc.stub(find_me_service_pb2_grpc.FindMeServiceStub, "telephony"),  # type: ignore[arg-type]
        edge,
    )  # fmt: skip
    return made if beside is None else dataclasses.replace(made, tenant_id=beside.tenant_id, _numbers=beside._numbers)


@pytest_asyncio.fixture
async def said(tmp_path: Path) -> AsyncIterator[Any]:
    """`await said(text)`: it spoken, as samples at 8 kHz."""
    store = ClipStore(tmp_path / "said")

    async def said(text: str) -> NDArray[np.float64]:
        decoder = OpusDecoder(8_000)
        packets = (await store.speech(text, "en")).packets
        return np.concatenate([decoder.decode(packet).copy() for packet in packets]).astype(np.float64) / 32_768

    yield said
    await store.close()
