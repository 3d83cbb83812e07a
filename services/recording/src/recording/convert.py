"""Recordings between the contract and the domain."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from datetime import timedelta

from chassis.instants import duration_in, duration_out, time_out
from chassis.statuses import plain_of
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from merkez.recording.v1 import recording_events_pb2, recording_pb2, recording_service_pb2, segment_pb2

from recording.domain.opus import SAMPLE_RATE
from recording.domain.recordings import Recording, RecordingKind, RecordingState, SegmentNotOpened
from recording.domain.tracks import Packet
from recording.domain.voices import Voice, heard_in

_MICROSECOND = timedelta(microseconds=1)
_NUMBERS = struct.Struct("<iIH")
"""Of a packet in a PacketRun: samples and microseconds after the first one, length of the payload."""


@dataclass(frozen=True)
class Opened:
    """What an opened segment holds."""

    recording_id: str
    track: str
    sequence: int
    packets: list[Packet]
    voice: Voice | None
    """Who it is of, when it says so."""


def opened(content: bytes) -> Opened:
    """What an opened segment holds. Raises SegmentNotOpened."""
    try:
        payload = segment_pb2.SegmentPayload.FromString(content)
    except DecodeError as error:
        raise SegmentNotOpened("the segment holds no SegmentPayload") from error
    packets = [Packet(item.timestamp, item.arrival_micros, item.payload) for item in payload.packets]
    for run in payload.runs:
        packets += _packets_of(run)
    voice = voice_in(payload.source) if payload.HasField("source") else None
    return Opened(payload.recording_id, payload.track, payload.sequence, packets, voice)


def _packets_of(run: segment_pb2.PacketRun) -> list[Packet]:
    """The packets of a run. Raises SegmentNotOpened when it ends in the middle of one."""
    found: list[Packet] = []
    content, at = run.packets, 0
    while at < len(content):
        begin = at + _NUMBERS.size
        if begin > len(content):
            raise SegmentNotOpened("a run of the segment ends within a packet's numbers")
        offset, micros, length = _NUMBERS.unpack_from(content, at)
        at = begin + length
        if at > len(content):
            raise SegmentNotOpened("a run of the segment ends within a packet")
        # A packet from before the track's first one has no place of its own.
        found.append(Packet(max(0, run.timestamp + offset), run.arrival_micros + micros, content[begin:at]))
    return found


def voice_in(value: recording_pb2.Track) -> Voice:
    """A track as telephony tells of it."""
    end = duration_in(value, "end_offset")
    return Voice(
        track=value.track,
        party=value.party,
        agent_id=value.agent_id,
        address=value.address,
        start=(duration_in(value, "start_offset") or timedelta(0)) // _MICROSECOND,
        end=None if end is None else end // _MICROSECOND,
    )


def _voice_out(value: Voice) -> recording_pb2.Track:
    return recording_pb2.Track(
        track=value.track,
        party=value.party,
        agent_id=value.agent_id,
        address=value.address,
        start_offset=duration_out(timedelta(microseconds=value.start)),
        end_offset=None if value.end is None else duration_out(timedelta(microseconds=value.end)),
        activity=value.activity,
    )


def _voices(value: Recording) -> tuple[Voice, ...]:
    """Those it has; of a recording of before, the two that every one had."""
    if value.voices or value.state is not RecordingState.STORED:
        return value.voices
    made = heard_in((), (), value.agent_id, alone=value.kind is RecordingKind.VOICEMAIL)
    return tuple(replace(voice, end=value.duration // _MICROSECOND) for voice in made)


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
        tracks=[_voice_out(voice) for voice in _voices(value)],
    )


def outcome_out(value: Recording | Exception) -> recording_service_pb2.SegmentOutcome:
    """What became of a segment: it is in its recording, or why not. A bug's words stay in the log."""
    if isinstance(value, Recording):
        return recording_service_pb2.SegmentOutcome()
    code, reason, message = plain_of(value)
    return recording_service_pb2.SegmentOutcome(code=code, reason=reason, message=message)


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
