"""What stands around the telephony of `soak` and `bench_node`: its database, bus and neighbours, a carrier, a desk
phone, and people.

PostgreSQL, nats-server, the carrier's SIP and media and the phone (Debian's baresip) are real; flows, routing, tenancy
and recording are those of telephony's tests.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from chassis.auth import acting_as, acting_for, generate_key
from chassis.bus import Bus
from chassis.settings import ProcessSettings
from chassis.sql import Database
from kernel.clock import SystemClock
from merkez.routing.v1 import routing_events_pb2
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc
from merkez_local.nats import start_nats
from merkez_local.postgres import free_port, start_postgres
from telephony.domain.trunks import Limits
from telephony.ops import devices as device_ops
from telephony.ops import trunks as trunk_ops
from telephony.settings import TelephonySettings
from testkit.databases import Databases
from testkit.rpc import RpcHouse, someone
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import Baresip, VoicePeers
from testkit.webrtc import Peer
from tink import aead

from services.telephony.tests.carriers import Carrier, a_trunk
from services.telephony.tests.neighbours import Neighbours, an_id, neighbours

CUSTOMER_HZ, AGENT_HZ, COLLEAGUE_HZ, CARRIER_HZ, PHONE_HZ = 440.0, 880.0, 660.0, 1320.0, 1760
OURS, NUMBER = "+902125550100", "+905321234567"


class Telephony:
    """The measured process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, settings: TelephonySettings, log: Path) -> Telephony:
        script = Path(__file__).with_name("soak_server.py")
        pipe = asyncio.subprocess.PIPE
        with log.open("ab") as stderr:
            made = cls(
                await asyncio.create_subprocess_exec(
                    sys.executable, script, stdin=pipe, stdout=pipe, stderr=stderr, limit=1 << 20
                )
            )
        await made._write(json.dumps(dataclasses.asdict(settings)))
        await made.state()
        return made

    @property
    def pid(self) -> int:
        return self._process.pid

    async def state(self) -> dict[str, Any]:
        """What it holds. ConnectionError when it is gone."""
        assert self._process.stdout is not None
        async with self._turn:
            await self._write("state")
            line = await self._process.stdout.readline()
        if not line:
            raise ConnectionError("telephony is gone")
        return json.loads(line)

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()

    async def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")


@dataclasses.dataclass
class World:
    """Everything a call of the soak needs."""

    telephony: Telephony
    around: Neighbours
    bus: Bus
    calls: call_service_pb2_grpc.CallServiceAsyncStub
    stations: call_service_pb2_grpc.StationServiceAsyncStub
    carrier: Carrier
    phone: Baresip | None
    """None where baresip isn't installed, or nobody wants it."""
    phone_agent: str
    tenant_id: str
    sip_port: int
    _numbers: Any = dataclasses.field(default_factory=itertools.count)
    _agents: Any = dataclasses.field(default_factory=lambda: itertools.cycle([an_id("usr") for _ in range(16)]))
    """Always the same people: what is remembered of each must not look like something that calls leave behind."""

    async def call(self, customer: Peer) -> str:
        """A customer's browser calls and is connected; the call's id."""
        response = await self.offer(await customer.offer())
        await customer.accept(response.sdp_answer)
        return response.call_id

    async def offer(self, sdp: str) -> call_service_pb2.StartWebCallResponse:
        request = call_service_pb2.StartWebCallRequest(
            widget_key=self.around.tenancy.widget(self.tenant_id, limit=1_000), sdp_offer=sdp, caller_name="Ada",
            request_id=f"soak-{next(self._numbers)}",
        )  # fmt: skip
        with acting_for(""):
            return await self.calls.StartWebCall(request)

    async def sit_down(self, agent: Peer) -> str:
        """An agent's browser is attached and connected; the agent's id."""
        agent_id: str = next(self._agents)
        request = call_service_pb2.AttachStationRequest(sdp_offer=await agent.offer(), client_id="tab1")
        with acting_as(someone("agent", self.tenant_id, agent_id)):
            response = await self.stations.AttachStation(request)
        await agent.accept(response.sdp_answer)
        return agent_id

    async def accept(self, call_id: str, agent_id: str) -> None:
        """What routing tells when the agent has taken the offer."""
        fact, now = routing_events_pb2.OfferAccepted(), SystemClock().now()
        fact.offer.agent_id = agent_id
        fact.offer.contact.call_id, fact.offer.contact.contact_id = call_id, an_id("con")
        await self.bus.publish_fact(
            full_name=fact.DESCRIPTOR.full_name, tenant_id=self.tenant_id, key=an_id("ofr"), event_id=an_id("evt"),
            payload=fact.SerializeToString(), time=now,
        )  # fmt: skip

    async def do(self, verb: str, agent_id: str, call_id: str, **fields: Any) -> call_pb2.Call:
        """A verb of an agent."""
        request = getattr(call_service_pb2, f"{verb}Request")(call_id=call_id, **fields)
        with acting_as(someone("agent", self.tenant_id, agent_id)):
            return await getattr(self.calls, verb)(request)

    async def dial(self, agent_id: str, number: str) -> str:
        request = call_service_pb2.DialCallRequest(request_id=f"soak-{next(self._numbers)}", number=number)
        with acting_as(someone("agent", self.tenant_id, agent_id)):
            return (await self.calls.DialCall(request)).call_id

    async def answered(self, agent_id: str, call_id: str) -> None:
        """Wait until whoever outside was rung for the agent stands in the call."""
        async with asyncio.timeout(10):
            while True:
                legs = (await self.do("GetCall", agent_id, call_id)).legs
                if any(leg.party == "participant" and leg.state == call_pb2.LEG_STATE_CONNECTED for leg in legs):
                    return
                await asyncio.sleep(0.05)

    async def ended(self, call_id: str) -> None:
        """Wait for the call's CDR. TimeoutError when there is none after a while."""
        request = call_service_pb2.ListCdrsRequest(call_id=call_id)
        async with asyncio.timeout(20):
            while True:
                with acting_as(someone("owner", self.tenant_id)):
                    if (await self.calls.ListCdrs(request)).cdrs:
                        return
                await asyncio.sleep(0.1)

    def forget(self) -> None:
        """What the neighbours and the carrier keep for tests' sake would grow for ever."""
        around = self.around
        for kept in (around.flows.reports, around.flows.started, around.recording.segments, around.recording.finished):
            kept.clear()
        for kept in (self.carrier.invitations, self.carrier.dialogs, self.carrier.ended):
            kept.clear()


@asynccontextmanager
async def a_world(folder: Path, *, phone: bool = True, lines: int = 100, **more: Any) -> AsyncIterator[World]:
    """Start everything, the desk phone where it is wanted, and a trunk of so many lines; all of it ends with the
    block. `more` are settings of telephony that differ from the soak's."""
    aead.register()
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres", durable=False)
        stack.callback(postgres.stop)
        nats = await asyncio.to_thread(start_nats, folder / "nats", durable=False)
        stack.callback(nats.stop)
        key = folder / "internal.jwk"
        key.write_text(generate_key())
        rpc = RpcHouse(str(key))
        stack.push_async_callback(rpc.close)
        around = await neighbours(rpc)
        found = await Databases(postgres, folder).settings("telephony")
        grpc_port, sip_port = free_port(), free_port()
        settings = TelephonySettings(
            database_url=found.database_url, system_database_url=found.system_database_url, nats_url=nats.url,
            internal_key=str(key), peers=dict(rpc.addresses), grpc_port=grpc_port, data_dir=str(folder),
            media_addresses="127.0.0.1", sip_listen=f"udp:127.0.0.1:{sip_port}", sip_digests="MD5",
            sip_private_networks="127.0.0.1/32",
            log_level="warning", customer_grace_seconds=1.0,
            station_grace_seconds=1.0, talking_grace_seconds=2.0, media_silent_seconds=2.0,
        )  # fmt: skip
        settings = dataclasses.replace(settings, **more)
        carrier = Carrier(await RtpPeer.start(CARRIER_HZ))
        await carrier.start()
        stack.push_async_callback(carrier.close)
        tenant_id, agent_id = an_id("ten"), an_id("usr")
        user, secret = await _furnish(settings, tenant_id, agent_id, carrier, around, lines)
        telephony = await Telephony.start(settings, folder / "telephony.log")
        stack.push_async_callback(telephony.stop)
        rpc.addresses["telephony"] = f"127.0.0.1:{grpc_port}"
        bus = await Bus.connect(ProcessSettings(service="routing", nats_url=nats.url))
        stack.push_async_callback(bus.close)
        peers = VoicePeers(folder / "peers")
        stack.push_async_callback(peers.close)
        desk = None
        if phone and shutil.which("baresip") is not None:
            desk = await peers.start(
                Baresip, "desk", user=user, password=secret, registrar=f"127.0.0.1:{sip_port}", answers="manual",
                tone=PHONE_HZ,
            )  # fmt: skip
            await desk.registered()
        yield World(
            telephony, around, bus, rpc.stub(call_service_pb2_grpc.CallServiceStub, "telephony"),  # type: ignore[arg-type]
            rpc.stub(call_service_pb2_grpc.StationServiceStub, "telephony"),  # type: ignore[arg-type]
            carrier, desk, agent_id, tenant_id, sip_port,
        )  # fmt: skip


async def _furnish(
    settings: TelephonySettings, tenant_id: str, agent_id: str, carrier: Carrier, around: Neighbours, lines: int
) -> tuple[str, str]:
    """A tenant with a trunk, a number and a desk phone, whose user name and secret this gives."""
    numbers = around.tenancy.caller_numbers
    numbers.numbers[:], numbers.default_number = [OURS], OURS
    numbers.entitlements.limits.max_concurrent_calls = 1_000
    around.tenancy.number(tenant_id, OURS, limit=1_000)
    db, now = await Database.connect(settings, "telephony"), SystemClock().now()
    try:
        draft = a_trunk(carrier.gateway(), limits=Limits(calls=lines, calls_per_second=200))
        await db.run(tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, now))
        device, secret = await db.run(tenant_id, lambda tx: device_ops.create_device(tx, agent_id, "Desk", now))
    finally:
        await db.close()
    return device.user_name, secret
