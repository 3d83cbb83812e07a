"""gRPC servicer of recordings."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.instants import duration_in, time_in
from chassis.paging import encode_token
from chassis.sql import Database
from chassis.telemetry import log
from google.protobuf.empty_pb2 import Empty
from kernel.errors import DomainError, InvalidInput
from kernel.ids import require_id, require_request_id
from kernel.phone import is_e164
from merkez.recording.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc

from recording import convert, ops
from recording.domain import recordings as rules
from recording.domain.voices import require_track, require_voice
from recording.library import Library, Sent

_LONGEST = timedelta(days=2)
_MOST_SEGMENTS = 1_000_000
_MOST_AT_ONCE = 512
_MOST_TRACKS = 256


class Recordings(recording_service_pb2_grpc.RecordingServiceServicer):
    """merkez.recording.v1.RecordingService."""

    def __init__(self, db: Database, library: Library, *, finish_grace: timedelta, wake: Callable[[], None]):
        self._db, self._library = db, library
        self._finish_grace, self._wake = finish_grace, wake

    async def StartRecording(
        self, request: recording_service_pb2.StartRecordingRequest, context: Any
    ) -> recording_service_pb2.StartRecordingResponse:
        require_request_id(request.request_id)
        asked = request.recording
        require_id("call", asked.call_id, "recording.call_id")
        start = time_in(asked, "start_time")
        if start is None:
            raise InvalidInput.of("recording.start_time", "is required")
        _require(not asked.caller_number or is_e164(asked.caller_number), "recording.caller_number", "must be E.164")
        value = rules.Recording(
            recording_id="", call_id=asked.call_id, contact_id=asked.contact_id, brand_id=asked.brand_id,
            queue_id=asked.queue_id, agent_id=asked.agent_id, customer_id=asked.customer_id, start_time=start,
            kind=convert.kind_in(asked.kind) or rules.RecordingKind.CALL, caller_number=asked.caller_number,
            create_time=start,
        )  # fmt: skip
        rules.require_mailbox(value)
        fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        made, keyset = await self._library.start(principal().tenant_id, value, request.request_id, fingerprint)
        return recording_service_pb2.StartRecordingResponse(
            recording=convert.recording_out(made), keyset=keyset, takes_frames=True
        )

    async def AppendSegment(self, request: recording_service_pb2.AppendSegmentRequest, context: Any) -> Empty:
        [outcome] = await self._append([request])
        if isinstance(outcome, Exception):
            raise outcome
        return Empty()

    async def AppendSegments(
        self, request: recording_service_pb2.AppendSegmentsRequest, context: Any
    ) -> recording_service_pb2.AppendSegmentsResponse:
        _require(0 < len(request.segments) <= _MOST_AT_ONCE, "segments", f"must be 1 to {_MOST_AT_ONCE}")
        outcomes = await self._append(request.segments)
        for bug in {
            str(each): each for each in outcomes if not isinstance(each, rules.Recording | DomainError)
        }.values():
            log.error("segments could not be stored", exc_info=bug)
        return recording_service_pb2.AppendSegmentsResponse(outcomes=[convert.outcome_out(each) for each in outcomes])

    async def _append(
        self, asked: Sequence[recording_service_pb2.AppendSegmentRequest]
    ) -> list[rules.Recording | Exception]:
        """What becomes of each: the recording it is in, or why it isn't."""
        outcomes: dict[int, rules.Recording | Exception] = {}
        sent: dict[int, Sent] = {}
        for number, request in enumerate(asked):
            try:
                sent[number] = _sent(request)
            except InvalidInput as error:
                outcomes[number] = error
        stored = await self._library.append(principal().tenant_id, list(sent.values()))
        outcomes |= dict(zip(sent, stored, strict=True))
        if any(isinstance(each, rules.Recording) and each.mux_due_time is not None for each in stored):
            self._wake()
        return [outcomes[number] for number in range(len(asked))]

    async def FinishRecording(
        self, request: recording_service_pb2.FinishRecordingRequest, context: Any
    ) -> recording_pb2.Recording:
        require_id("rec", request.recording_id, "recording_id")
        duration = duration_in(request, "duration") or timedelta(0)
        _require(timedelta(0) <= duration <= _LONGEST, "duration", "must be 0 to 48 hours")
        counts = {require_track(track): count for track, count in request.segment_counts.items()}
        _require(
            all(0 <= count <= _MOST_SEGMENTS for count in counts.values()), "segment_counts", "must be 0 to 1000000"
        )
        _require(len(request.tracks) <= _MOST_TRACKS, "tracks", "must be at most 256")
        told = [require_voice(convert.voice_in(track)) for track in request.tracks]
        now = self._db.clock.now()
        value = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.finish_recording(tx, request.recording_id, duration, counts, told, self._finish_grace, now),
        )
        self._wake()
        return convert.recording_out(value)

    async def GetRecording(
        self, request: recording_service_pb2.GetRecordingRequest, context: Any
    ) -> recording_pb2.Recording:
        return convert.recording_out(await self._visible(request.recording_id))

    async def ListRecordings(
        self, request: recording_service_pb2.ListRecordingsRequest, context: Any
    ) -> recording_service_pb2.ListRecordingsResponse:
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_recordings(
                tx,
                call_id=request.call_id,
                agent_id=request.agent_id,
                kind=convert.kind_in(request.kind),
                token=request.page_token,
                size=request.page_size,
            ),
            read_only=True,
        )
        return recording_service_pb2.ListRecordingsResponse(
            recordings=[convert.recording_out(value) for value in found],
            next_page_token=encode_token(found[-1].create_time, found[-1].recording_id) if more else "",
        )

    async def GetRecordingAudio(
        self, request: recording_service_pb2.GetRecordingAudioRequest, context: Any
    ) -> AsyncIterator[recording_service_pb2.RecordingAudioChunk]:
        if request.track:
            require_track(request.track)
        value = await self._visible(request.recording_id)
        async for chunk in audio_chunks(self._library, value, request.track):
            yield chunk

    async def EraseRecording(
        self, request: recording_service_pb2.EraseRecordingRequest, context: Any
    ) -> recording_pb2.Recording:
        value = await self._visible(request.recording_id)
        _require(len(request.reason) <= 500, "reason", "must be at most 500 characters")
        now = self._db.clock.now()
        reason = request.reason or "REQUESTED"
        erased = await self._db.run(
            principal().tenant_id, lambda tx: ops.erase_recording(tx, value.recording_id, reason, now)
        )
        await self._library.purge(principal().tenant_id, value.recording_id)
        return convert.recording_out(erased)

    async def _visible(self, recording_id: str) -> rules.Recording:
        require_id("rec", recording_id, "recording_id")
        tenant_id = principal().tenant_id
        return await self._db.run(tenant_id, lambda tx: ops.get_recording(tx, recording_id), read_only=True)


async def audio_chunks(
    library: Library, value: rules.Recording, track: str = ""
) -> AsyncIterator[recording_service_pb2.RecordingAudioChunk]:
    """A stored recording's file, piece by piece; the first says how long it is."""
    total, pieces = await library.audio(principal().tenant_id, value, track)
    first = True
    async for data in pieces:
        chunk = recording_service_pb2.RecordingAudioChunk(data=data)
        if first:
            chunk.total_bytes, chunk.content_type, first = total, rules.CONTENT_TYPE, False
        yield chunk


def _sent(request: recording_service_pb2.AppendSegmentRequest) -> Sent:
    """A segment as it may come. Raises InvalidInput."""
    require_id("rec", request.recording_id, "recording_id")
    require_track(request.track)
    _require(0 <= request.sequence < _MOST_SEGMENTS, "sequence", "must be 0 to 999999")
    _require(0 < len(request.sealed) <= rules.LARGEST_SEGMENT, "sealed", "must be 1 byte to 512 KB")
    return Sent(request.recording_id, request.track, request.sequence, request.sealed)


def _require(holds: bool, field: str, wrong: str) -> None:
    if not holds:
        raise InvalidInput.of(field, wrong)
