"""Recordings between the contract and the domain."""

from __future__ import annotations

from datetime import timedelta

from chassis.instants import duration_out, time_out
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from merkez.recording.v1 import recording_events_pb2, recording_pb2, segment_pb2

from recording.domain.opus import SAMPLE_RATE
from recording.domain.recordings import Recording, RecordingKind, SegmentNotOpened
from recording.domain.tracks import Packet

Opened = tuple[str, str, int, list[Packet]]
"""Recording, track, sequence, packets."""


def opened(content: bytes) -> Opened:
    """What an opened segment holds. Raises SegmentNotOpened."""
    try:
        payload = segment_pb2.SegmentPayload.FromString(content)
    except DecodeError as error:
        raise SegmentNotOpened("the segment holds no SegmentPayload") from error
    packets = [Packet(item.timestamp, item.arrival_micros, item.payload) for item in payload.packets]
    return payload.recording_id, payload.track, payload.sequence, packets


def recording_out(value: Recording) -> recording_pb2.Recording:
    """The recording as others see it."""
    return recording_pb2.Recording(
        recording_id=value.recording_id,
        call_id=value.call_id,
        contact_id=value.contact_id,
        brand_id=value.brand_id,
        queue_id=value.queue_id,
        agent_id=value.agent_id,
        customer_id=value.customer_id,
        state=recording_pb2.RecordingState.Value(f"RECORDING_STATE_{value.state.value}"),
        start_time=time_out(value.start_time),
        duration=duration_out(value.duration),
        size_bytes=value.size_bytes,
        gaps=[
            recording_pb2.Gap(track=gap.track, start_offset=_samples(gap.start), duration=_samples(gap.samples))
            for gap in value.gaps
        ],
        expire_time=time_out(value.expire_time),
        version=value.version,
        kind=recording_pb2.RecordingKind.Value(f"RECORDING_KIND_{value.kind.value}"),
        caller_number=value.caller_number,
        heard_time=time_out(value.heard_time),
        heard_by=value.heard_by,
    )


def kind_in(value: recording_pb2.RecordingKind.ValueType) -> RecordingKind | None:
    """The kind; None when it is unset."""
    kinds = {
        recording_pb2.RECORDING_KIND_CALL: RecordingKind.CALL,
        recording_pb2.RECORDING_KIND_VOICEMAIL: RecordingKind.VOICEMAIL,
    }
    return kinds.get(value)


def started(value: Recording) -> recording_events_pb2.RecordingStarted:
    """The fact that it began."""
    return recording_events_pb2.RecordingStarted(recording=recording_out(value))


def stored(value: Recording) -> recording_events_pb2.RecordingStored:
    """The fact that it is in the store."""
    return recording_events_pb2.RecordingStored(recording=recording_out(value))


def erased(value: Recording, reason: str) -> recording_events_pb2.RecordingErased:
    """The fact that nothing opens it any more."""
    return recording_events_pb2.RecordingErased(recording=recording_out(value), reason=reason)


def _samples(count: int) -> Duration:
    return duration_out(timedelta(microseconds=count * 1_000_000 // SAMPLE_RATE))
