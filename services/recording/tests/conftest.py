"""A recording service in this process: real PostgreSQL, real keys, real object store, real segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from chassis.auth import acting_for, principal
from chassis.grpc import Server
from chassis.sql import Database
from google.protobuf.duration_pb2 import Duration
from kernel.ids import new_id
from merkez.recording.v1 import recording_pb2, recording_service_pb2
from merkez.recording.v1.recording_service_pb2_grpc import (
    RecordingServiceStub,
    add_RecordingServiceServicer_to_server,
)
from merkez.recording.v1.voicemail_service_pb2_grpc import add_VoicemailServiceServicer_to_server
from merkez.routing.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc
from recording.clients import Routing
from recording.handlers.recordings import Recordings
from recording.handlers.voicemails import Voicemails
from recording.keys import open_master
from recording.library import Library
from recording.objects import Objects
from recording.sweeps import Sweeps
from testkit import ManualClock, RpcHouse

from .sounds import Sealer, opus_tone, placed

GRACE = timedelta(minutes=10)
LATE = timedelta(days=2)


class Agents(contact_service_pb2_grpc.AgentServiceServicer):
    """Routing's part: ann serves sales, everybody else nothing."""

    async def GetMyDesktop(
        self, request: contact_service_pb2.GetMyDesktopRequest, context: Any
    ) -> contact_service_pb2.GetMyDesktopResponse:
        mine = principal().subject
        queues = ["que_sales"] if mine == "usr_ann" else []
        return contact_service_pb2.GetMyDesktopResponse(agent=contact_pb2.Agent(agent_id=mine, queue_ids=queues))


@dataclass
class House:
    """The service with everything a test wants to hold."""

    db: Database
    library: Library
    sweeps: Sweeps
    stub: Any
    clock: ManualClock
    folder: Path
    routing: Server

    def tenant(self) -> str:
        """An id nobody has."""
        return new_id("ten", self.clock.now())

    def request(self, **more: str) -> recording_service_pb2.StartRecordingRequest:
        """What telephony asks when a call is answered."""
        asked = recording_pb2.Recording(
            call_id=new_id("call", self.clock.now()), contact_id="con_1", queue_id="que_1", customer_id="cus_1",
            brand_id=more.get("brand_id", "brd_1"), agent_id=more.get("agent_id", "usr_1"),
        )  # fmt: skip
        if "caller_number" in more:
            asked.kind, asked.caller_number = recording_pb2.RECORDING_KIND_VOICEMAIL, more["caller_number"]
            asked.agent_id, asked.queue_id = more.get("agent_id", ""), more.get("queue_id", "")
        asked.start_time.FromDatetime(self.clock.now())
        return recording_service_pb2.StartRecordingRequest(request_id="start", recording=asked)

    async def begin(self, tenant: str, **more: str) -> tuple[recording_pb2.Recording, Sealer]:
        """Start a recording."""
        with acting_for(tenant):
            begun = await self.stub.StartRecording(self.request(**more))
        return begun.recording, Sealer(tenant, begun.recording.recording_id, begun.keyset)

    async def append(self, sealer: Sealer, track: str, sequence: int, sealed: bytes) -> None:
        """Send one segment."""
        with acting_for(sealer.tenant_id):
            await self.stub.AppendSegment(
                recording_service_pb2.AppendSegmentRequest(
                    recording_id=sealer.recording_id, track=track, sequence=sequence, sealed=sealed
                )
            )

    async def append_all(self, tenant: str, segments: Sequence[tuple[Sealer, str, int, bytes]]) -> list[str]:
        """Send segments of any recordings together; for each the reason why it wasn't stored, empty when it was."""
        ask = recording_service_pb2
        asked = [
            ask.AppendSegmentRequest(recording_id=sealer.recording_id, track=track, sequence=sequence, sealed=sealed)
            for sealer, track, sequence, sealed in segments
        ]
        with acting_for(tenant):
            response = await self.stub.AppendSegments(ask.AppendSegmentsRequest(segments=asked))
        assert all(bool(outcome.code) == bool(outcome.reason) for outcome in response.outcomes)
        return [outcome.reason for outcome in response.outcomes]

    async def finish(
        self, sealer: Sealer, seconds: float, told: Sequence[recording_pb2.Track] = (), **counts: int
    ) -> recording_pb2.Recording:
        """End a recording."""
        duration = Duration()
        duration.FromTimedelta(timedelta(seconds=seconds))
        with acting_for(sealer.tenant_id):
            return await self.stub.FinishRecording(
                recording_service_pb2.FinishRecordingRequest(
                    recording_id=sealer.recording_id, duration=duration, segment_counts=counts, tracks=told
                )
            )

    async def get(self, tenant: str, recording_id: str) -> recording_pb2.Recording:
        """Read a recording."""
        with acting_for(tenant):
            return await self.stub.GetRecording(recording_service_pb2.GetRecordingRequest(recording_id=recording_id))

    async def audio(
        self, tenant: str, recording_id: str, track: str = ""
    ) -> list[recording_service_pb2.RecordingAudioChunk]:
        """Play a recording, or one of its tracks."""
        with acting_for(tenant):
            request = recording_service_pb2.GetRecordingAudioRequest(recording_id=recording_id, track=track)
            return [chunk async for chunk in self.stub.GetRecordingAudio(request)]

    async def talk(self, tenant: str, *, seconds: int = 2, **more: str) -> recording_pb2.Recording:
        """A whole recording: the customer a 440 Hz tone, the agent one of 1000 Hz, made and stored."""
        begun, sealer = await self.begin(tenant, **more)
        counts = {}
        for track, hertz in (("customer", 440), ("agent", 1000)):
            sealed = sealer.seal_track(track, placed(opus_tone(hertz, seconds)))
            for sequence, segment in enumerate(sealed):
                await self.append(sealer, track, sequence, segment)
            counts[track] = len(sealed)
        await self.finish(sealer, seconds, **counts)
        await self.sweeps.make()
        return await self.get(tenant, begun.recording_id)

    def objects(self, tenant: str) -> list[str]:
        """Names of the tenant's objects."""
        home = self.folder / "objects" / tenant
        return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest_asyncio.fixture
async def house(
    service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse, tmp_path: Path
) -> House:
    """A running recording service."""
    db = await service_db("recording", clock=clock)
    library = Library(db, Objects("", tmp_path), open_master("", tmp_path), default_retention_days=90)
    sweeps = Sweeps(db, library, late_grace=LATE)
    servicer = Recordings(db, library, finish_grace=GRACE, wake=lambda: None)
    routing = await rpc.serve("routing", [(contact_service_pb2_grpc.add_AgentServiceServicer_to_server, Agents())])  # pyright: ignore[reportAbstractUsage]
    voicemails = Voicemails(db, library, Routing(rpc.peers("recording")))
    await rpc.serve(
        "recording",
        [
            (add_RecordingServiceServicer_to_server, servicer),
            (add_VoicemailServiceServicer_to_server, voicemails),
        ],
    )
    return House(db, library, sweeps, rpc.stub(RecordingServiceStub, "recording"), clock, tmp_path, routing)
