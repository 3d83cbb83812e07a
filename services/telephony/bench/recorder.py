"""Recording as telephony does it: taps on every leg, segments sealed and spooled on a disk, and sent on over gRPC.

`RecordingSink` is who takes them, in the load's process: it gives keys and acknowledges, and stores nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tink
from chassis.auth import generate_key
from chassis.grpc import Peers
from chassis.lifecycle import Tasks
from chassis.settings import ProcessSettings
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez.recording.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc
from telephony.clients import Recordings
from telephony.media.recorder import Recording
from telephony.media.room import Room
from telephony.media.segment_files import Finish
from telephony.media.spool import Spool
from telephony.media.tracks import Entry, Source
from testkit.rpc import RpcHouse
from tink import aead, secret_key_access

_TENANT = "ten_bench"


class RecordingSink(recording_service_pb2_grpc.RecordingServiceServicer):
    """Recording's end of the bench."""

    def __init__(self, house: RpcHouse) -> None:
        self._house = house
        self.segments = 0
        self.octets = 0
        self.finished = 0

    @classmethod
    async def start(cls, folder: Path) -> RecordingSink:
        key = folder / "internal.jwk"
        key.write_text(generate_key())
        made = cls(RpcHouse(str(key)))  # pyright: ignore[reportAbstractUsage]
        add = recording_service_pb2_grpc.add_RecordingServiceServicer_to_server
        await made._house.serve("recording", [(add, made)])
        return made

    @property
    def told(self) -> dict[str, str]:
        """What `Recorder.open` needs to reach it."""
        return {"address": self._house.addresses["recording"], "key": self._house.internal_key}

    async def stop(self) -> None:
        await self._house.close()

    async def StartRecording(self, request: Any, context: Any) -> recording_service_pb2.StartRecordingResponse:
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        return recording_service_pb2.StartRecordingResponse(
            recording=recording_pb2.Recording(recording_id=_an_id("rec")),
            keyset=tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN),
            takes_frames=True,
        )

    async def AppendSegments(self, request: Any, context: Any) -> recording_service_pb2.AppendSegmentsResponse:
        self.segments += len(request.segments)
        self.octets += sum(len(segment.sealed) for segment in request.segments)
        outcomes = [recording_service_pb2.SegmentOutcome() for _ in request.segments]
        return recording_service_pb2.AppendSegmentsResponse(outcomes=outcomes)

    async def FinishRecording(self, request: Any, context: Any) -> recording_pb2.Recording:
        self.finished += 1
        return recording_pb2.Recording(recording_id=request.recording_id)


class Recorder:
    """Records rooms in the measured process."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self._folder = folder
        self._tasks = tasks
        self._peers: Peers | None = None
        self._recordings: Recordings | None = None
        self._spool: Spool | None = None
        self._running: dict[int, Recording] = {}

    def open(self, address: str, key: str) -> None:
        """Find the sink. Nothing can be recorded before."""
        settings = ProcessSettings(service="telephony", internal_key=key, peers={"recording": address})
        self._peers = Peers(settings, "telephony")
        self._recordings = Recordings(self._peers)
        self._spool = Spool(
            self._folder, self._recordings.append, self._recordings.finish, self._tasks.spawn, lambda *_: None
        )

    async def begin(self, rooms: dict[int, Room]) -> None:
        """Record these."""
        for number, room in rooms.items():
            recording = self._running[number] = Recording(_TENANT, asyncio.get_running_loop())
            await self._key(number, recording)
            for name, member in room.members.items():
                member.tap = recording.tap(f"leg_{name}", Source("agent"))

    async def _key(self, number: int, recording: Recording) -> None:
        assert self._recordings is not None and self._spool is not None
        spool, wish = self._spool, recording_pb2.Recording(call_id=f"call_{number}")
        key = await self._recordings.start(_TENANT, wish, "", SystemClock().now())
        recording_id = key.recording_id

        def keep(segments: Sequence[Entry]) -> None:
            spool.keep(_TENANT, recording_id, segments)

        spool.begin(_TENANT, recording_id)
        recording.open(key, keep, spool.tails)

    def end(self, rooms: dict[int, Room]) -> None:
        """Stop recording them, and say so."""
        for number, room in rooms.items():
            recording = self._running.pop(number, None)
            if recording is None or self._spool is None:
                continue
            for member in room.members.values():
                member.tap = None
            seconds, counts = recording.finish()
            self._spool.finish(Finish(_TENANT, recording.recording_id, seconds, counts, recording.presences))

    async def close(self) -> None:
        if self._spool is not None:
            await self._spool.close()
        if self._peers is not None:
            await self._peers.close()


def _an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())
