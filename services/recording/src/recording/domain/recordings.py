"""A recording from its first segment to its erasure: states, deadlines, what whole means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound

from recording.domain.opus import SAMPLE_RATE
from recording.domain.tracks import Gap

TRACKS = ("customer", "agent")
"""Left, right."""
LARGEST_SEGMENT = 512 * 1024
"""One second of Opus is at most 64 KB (510 kbit/s); the rest is room for several senders' changes of mind."""
CONTENT_TYPE = "audio/ogg"


class RecordingState(StrEnum):
    """Where a recording stands."""

    RECORDING = "RECORDING"
    STORED = "STORED"
    ERASED = "ERASED"


class RecordingKind(StrEnum):
    """What was recorded."""

    CALL = "CALL"
    VOICEMAIL = "VOICEMAIL"


class Trigger(StrEnum):
    """What moves a recording on."""

    MUXED = "MUXED"
    ERASED = "ERASED"


TRANSITIONS: Mapping[tuple[RecordingState, Trigger], RecordingState] = {
    (RecordingState.RECORDING, Trigger.MUXED): RecordingState.STORED,
    (RecordingState.STORED, Trigger.MUXED): RecordingState.STORED,  # late segments came: a fuller version
    (RecordingState.RECORDING, Trigger.ERASED): RecordingState.ERASED,
    (RecordingState.STORED, Trigger.ERASED): RecordingState.ERASED,
}


class RecordingNotFound(NotFound):
    """No such recording in this tenant."""

    reason = "RECORDING_NOT_FOUND"


class RecordingErased(FailedPrecondition):
    """The recording's key was destroyed."""

    reason = "RECORDING_ERASED"


class RecordingNotStored(FailedPrecondition):
    """The recording is still being made."""

    reason = "RECORDING_NOT_STORED"


class RecordingComplete(FailedPrecondition):
    """Every segment of it is there; another one can't belong to it."""

    reason = "RECORDING_COMPLETE"


class SegmentExists(AlreadyExists):
    """Another body lies at this place of the track."""

    reason = "SEGMENT_EXISTS"


class SegmentNotOpened(InvalidInput):
    """The segment does not open with the recording's key at this place, or isn't what it says."""

    reason = "SEGMENT_NOT_OPENED"


@dataclass(frozen=True)
class Recording:
    """One recording of one call: the conversation, or a message left for somebody."""

    recording_id: str
    call_id: str
    contact_id: str
    brand_id: str
    queue_id: str
    agent_id: str
    customer_id: str
    start_time: datetime
    create_time: datetime
    kind: RecordingKind = RecordingKind.CALL
    caller_number: str = ""
    """Who left a voicemail; empty when withheld."""
    heard_time: datetime | None = None
    """When a voicemail was first marked as heard."""
    heard_by: str = ""
    state: RecordingState = RecordingState.RECORDING
    duration: timedelta = timedelta(0)
    size_bytes: int = 0
    gaps: tuple[Gap, ...] = ()
    expire_time: datetime | None = None
    segment_counts: Mapping[str, int] = field(default_factory=dict)
    """Segments each track has, as FinishRecording said; empty before."""
    complete: bool = False
    """Every segment told of is in the file."""
    file_version: int = 0
    """Version of the stored file, part of its associated data; 0 before the first."""
    mux_due_time: datetime | None = None
    purge_due_time: datetime | None = None
    version: int = 1

    def after(self, trigger: Trigger) -> RecordingState:
        """The state that follows. Raises RecordingErased when nothing may follow."""
        following = TRANSITIONS.get((self.state, trigger))
        if following is None:
            raise RecordingErased("the recording was erased")
        return following


@dataclass(frozen=True)
class Mailboxes:
    """Whose voicemail somebody may hear: an agent's own and its queues', or with `everything` everybody's."""

    agent_id: str
    queue_ids: frozenset[str] = frozenset()
    everything: bool = False

    def hold(self, value: Recording) -> bool:
        """Whether this is a voicemail in one of them."""
        if value.kind is not RecordingKind.VOICEMAIL:
            return False
        if self.everything:
            return True
        return value.agent_id == self.agent_id if value.agent_id else value.queue_id in self.queue_ids


def require_mailbox(value: Recording) -> None:
    """A voicemail is an agent's or, without one, a queue's."""
    if value.kind is RecordingKind.VOICEMAIL and not (value.agent_id or value.queue_id):
        raise InvalidInput.of("recording.agent_id", "a voicemail is an agent's or a queue's: set agent_id or queue_id")


def marked(value: Recording, heard: bool, user_id: str, now: datetime) -> Recording:
    """The voicemail as heard or not; who heard it first stays. The same value when nothing changes."""
    if value.state is RecordingState.ERASED:
        raise RecordingErased("the recording was erased")
    if heard == (value.heard_time is not None):
        return value
    heard_time, heard_by = (now, user_id) if heard else (None, "")
    return replace(value, heard_time=heard_time, heard_by=heard_by, version=value.version + 1)


def require_track(value: str) -> str:
    """`customer` or `agent`."""
    if value not in TRACKS:
        raise InvalidInput.of("track", "must be customer or agent")
    return value


def associated_data(tenant_id: str, recording_id: str, track: str, sequence: int) -> bytes:
    """What binds a sealed segment to its place (docs/mechanisms/recording-segments.md)."""
    return f"{tenant_id}/{recording_id}/{track}/{sequence}".encode()


def file_associated_data(tenant_id: str, recording_id: str, version: int) -> bytes:
    """What binds a stored file to its recording and version."""
    return f"{tenant_id}/{recording_id}/{version}".encode()


def whole(counts: Mapping[str, int], present: Mapping[str, Sequence[int]]) -> bool:
    """Whether every segment of 0..count-1 of each track is present; false while the counts are unknown."""
    return bool(counts) and all(set(range(count)) <= set(present.get(track, ())) for track, count in counts.items())


def length_of(told: timedelta, heard_samples: int) -> timedelta:
    """How long the recording is: what the node's clock said, and never shorter than what is in it."""
    return max(told, timedelta(microseconds=heard_samples * 1_000_000 // SAMPLE_RATE))


def expiry(start_time: datetime, retention_days: int) -> datetime:
    """When retention ends."""
    return start_time + timedelta(days=retention_days)
