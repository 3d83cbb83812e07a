"""The verbs of recording, each within one transaction. What touches the object store lies around them, in
`recording.library`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.sql import RequestIdReused, Tx
from kernel.errors import DomainError

from recording import convert, store
from recording.domain import recordings as rules
from recording.domain.recordings import Recording, RecordingState, Trigger
from recording.domain.tracks import Gap
from recording.domain.voices import CUSTOMER, Voice, joined
from recording.keys import RecordingKeys

MUX_LEASE = timedelta(minutes=5)
"""A muxer that died with a recording in hand is taken over after this."""


@dataclass(frozen=True)
class Made:
    """A muxed and sealed file."""

    segments: int
    """Segments of the manifest that are in it."""
    size_bytes: int
    heard_samples: int
    gaps: tuple[Gap, ...]
    voices: tuple[Voice, ...]


async def start_recording(
    tx: Tx, value: Recording, keys: RecordingKeys, request_id: str, fingerprint: bytes, now: datetime
) -> tuple[Recording, RecordingKeys]:
    """Begin a recording, or find the one this request began. Raises RequestIdReused, RecordingErased.

    `tx.once` would keep the answer, and with it the key in the clear: the request is remembered by the row instead.
    """
    known = await store.recording_of_request(tx, value.call_id, request_id)
    if known is not None:
        if known[1] != fingerprint:
            raise RequestIdReused("this request_id was used with another body")
        return known[0], await keys_of(tx, known[0].recording_id)
    await store.insert_recording(tx, value, request_id, fingerprint)
    await store.insert_keys(tx, value.recording_id, keys, now)
    tx.emit(convert.started(value), key=value.recording_id)
    return value, keys


async def keys_of(tx: Tx, recording_id: str) -> RecordingKeys:
    """The wrapped keys. Raises RecordingNotFound, RecordingErased."""
    found = await store.keys(tx, recording_id)
    if found is None:
        await get_recording(tx, recording_id)
        raise rules.RecordingErased("the recording was erased")
    return found


async def get_recording(tx: Tx, recording_id: str) -> Recording:
    """One recording. Raises RecordingNotFound."""
    found = await store.recording(tx, recording_id)
    if found is None:
        raise rules.RecordingNotFound("there is no such recording")
    return found


@dataclass(frozen=True)
class Arrived:
    """A stored segment, and who it is of when it says so."""

    recording_id: str
    segment: store.Segment
    voice: Voice | None


async def note_segments(tx: Tx, arrived: Sequence[Arrived], now: datetime) -> list[Recording | DomainError]:
    """Put stored segments into the manifest; the one that makes a recording whole makes it due.

    For each in turn its recording, or RecordingNotFound, RecordingErased, RecordingComplete, SegmentExists: what is
    refused keeps no other one out.
    """
    values = await store.recordings_by_id(tx, {item.recording_id for item in arrived})
    places = [(item.recording_id, item.segment.track, item.segment.sequence) for item in arrived]
    known = await store.digests_at(tx, places)
    refused: dict[int, DomainError] = {}
    fresh: dict[tuple[str, str, int], Arrived] = {}
    for number, (item, place) in enumerate(zip(arrived, places, strict=True)):
        try:
            if _is_new(item, values.get(item.recording_id), known.get(place)):
                known[place], fresh[place] = item.segment.digest, item
        except DomainError as error:
            refused[number] = error
    await store.insert_segments(tx, [(item.recording_id, item.segment) for item in fresh.values()], now)
    for recording_id in {item.recording_id for item in fresh.values()}:
        told = [item.voice for item in fresh.values() if item.recording_id == recording_id and item.voice is not None]
        values[recording_id] = await _grown(tx, values[recording_id], told, now)
    return [refused.get(number) or values[item.recording_id] for number, item in enumerate(arrived)]


def _is_new(item: Arrived, value: Recording | None, known: str | None) -> bool:
    """Whether the segment, whose place holds `known`, is to be put into the manifest of `value`."""
    if value is None:
        raise rules.RecordingNotFound("there is no such recording")
    if value.state is RecordingState.ERASED:
        raise rules.RecordingErased("the recording was erased")
    if known is not None:
        if known != item.segment.digest:
            raise rules.SegmentExists("another segment lies at this place")
        return False
    if value.complete:
        if item.segment.sequence < value.segment_counts.get(item.segment.track, 0):
            return False  # its acknowledgement was lost; it is in the file already
        raise rules.RecordingComplete("the recording has all its segments")
    return True


async def _grown(tx: Tx, value: Recording, told: Sequence[Voice], now: datetime) -> Recording:
    """The recording with segments that were added just now."""
    value = await _with_voices(tx, value, told, now)
    if value.state is RecordingState.STORED or await _is_whole(tx, value):
        return await _due(tx, value, now, now)
    return value


async def finish_recording(
    tx: Tx,
    recording_id: str,
    duration: timedelta,
    counts: Mapping[str, int],
    told: Sequence[Voice],
    grace: timedelta,
    now: datetime,
) -> Recording:
    """Take how long it was, who was there when and how many segments each track has.

    It is made at once when they are there, else when the last one comes, or after `grace` of what is there. Raises
    RecordingNotFound, RecordingErased.
    """
    value = await get_recording(tx, recording_id)
    value.after(Trigger.MUXED)
    if value.complete:
        return value
    listed = await store.list_segments(tx, recording_id)
    # A telephony node that was killed counts what is left on its disk; what was acknowledged before is only here.
    counts = {
        track: max([counts.get(track, 0), *(item.sequence + 1 for item in listed if item.track == track)])
        for track in {*counts, *(item.track for item in listed)} or {CUSTOMER}
    }
    value = await _with_voices(tx, value, told, now)
    if value.segment_counts == counts and value.duration >= duration:
        return value
    value = replace(value, duration=max(duration, value.duration), segment_counts=counts)
    whole = _whole(value, listed)
    return await _due(tx, value, now if whole else now + grace, now)


async def call_ended(tx: Tx, call_id: str, grace: timedelta, now: datetime) -> None:
    """The call is over: if nobody says how its recording ended, it is made after `grace` of what is there."""
    for value in await store.unfinished_of_call(tx, call_id):
        await _due(tx, value, now + grace, now)


async def claim_mux(tx: Tx, recording_id: str, now: datetime) -> tuple[Recording, RecordingKeys, list[store.Segment]]:
    """Take a due recording for muxing: nobody else will for the length of the lease.

    Raises RecordingNotFound when it isn't due any more.
    """
    value = await get_recording(tx, recording_id)
    if value.mux_due_time is None or value.mux_due_time > now or value.state is RecordingState.ERASED:
        raise rules.RecordingNotFound("the recording is not due")
    value = await _due(tx, value, now + MUX_LEASE, now)
    return value, await keys_of(tx, recording_id), await store.list_segments(tx, recording_id)


async def stored(
    tx: Tx, claimed: Recording, made: Made, default_days: int, late_grace: timedelta, now: datetime
) -> Recording:
    """The file of a claimed recording is in the store. Raises RecordingErased.

    When segments came in meanwhile it stays due, and a fuller version follows.
    """
    value = await get_recording(tx, claimed.recording_id)
    state = value.after(Trigger.MUXED)
    listed = await store.list_segments(tx, value.recording_id)
    fresh = len(listed) == made.segments
    complete = fresh and _whole(value, listed)
    days = await store.retention_days(tx, now)
    value = replace(
        value,
        state=state,
        duration=rules.length_of(value.duration, made.heard_samples),
        size_bytes=made.size_bytes,
        gaps=made.gaps,
        voices=made.voices,
        expire_time=value.expire_time or rules.expiry(value.start_time, default_days if days is None else days),
        complete=complete,
        file_version=value.file_version + 1,
        mux_due_time=None if fresh else now,
        purge_due_time=now if complete else now + late_grace,
        version=value.version + 1,
    )
    if complete:
        await store.delete_segments(tx, value.recording_id)
    await store.save_recording(tx, value, now)
    await store.note_agents(tx, value)
    tx.emit(convert.stored(value), key=value.recording_id)
    return value


async def erase_recording(tx: Tx, recording_id: str, reason: str, now: datetime) -> Recording:
    """Destroy the keys; the objects follow. A repeat answers as before. Raises RecordingNotFound."""
    value = await get_recording(tx, recording_id)
    if value.state is RecordingState.ERASED:
        return value
    value = replace(
        value, state=value.after(Trigger.ERASED), size_bytes=0, gaps=(), voices=(), expire_time=None, mux_due_time=None,
        purge_due_time=now, version=value.version + 1,
    )  # fmt: skip
    await store.delete_keys(tx, recording_id)
    await store.delete_segments(tx, recording_id)
    await store.save_recording(tx, value, now)
    tx.emit(convert.erased(value, reason), key=recording_id)
    return value


async def due_purge(tx: Tx, recording_id: str, now: datetime) -> Recording | None:
    """The recording when its superfluous objects are due to go; its manifest goes first, so nothing late is added."""
    value = await get_recording(tx, recording_id)
    if value.purge_due_time is None or value.purge_due_time > now:
        return None
    if value.state is RecordingState.STORED and not value.complete:
        # No count: whatever still comes is refused, not taken for one that is in the file.
        value = replace(value, complete=True, segment_counts={}, version=value.version + 1)
        await store.delete_segments(tx, recording_id)
        await store.save_recording(tx, value, now)
    return value


async def purged(tx: Tx, recording_id: str, now: datetime) -> None:
    """The superfluous objects are gone."""
    value = await get_recording(tx, recording_id)
    await store.save_recording(tx, replace(value, purge_due_time=None), now)


async def list_recordings(
    tx: Tx, *, call_id: str, agent_id: str, kind: rules.RecordingKind | None, token: str, size: int
) -> tuple[Sequence[Recording], bool]:
    """A page, newest first, and whether another follows."""
    return await store.list_recordings(tx, call_id=call_id, agent_id=agent_id, kind=kind, token=token, size=size)


async def get_voicemail(tx: Tx, recording_id: str, boxes: rules.Mailboxes) -> Recording:
    """One message in these mailboxes. Raises RecordingNotFound, also for a message of others."""
    value = await get_recording(tx, recording_id)
    if not boxes.hold(value):
        raise rules.RecordingNotFound("there is no such message")
    return value


async def list_voicemails(
    tx: Tx, boxes: rules.Mailboxes, *, unheard_only: bool, token: str, size: int
) -> tuple[Sequence[Recording], bool, int]:
    """A page of messages, newest first; whether another follows; how many of all nobody has heard."""
    found, more = await store.list_voicemails(tx, boxes, unheard_only=unheard_only, token=token, size=size)
    return found, more, await store.count_unheard(tx, boxes)


async def mark_heard(
    tx: Tx, recording_id: str, boxes: rules.Mailboxes, heard: bool, user_id: str, now: datetime
) -> Recording:
    """Mark a message as heard or not. Raises RecordingNotFound, RecordingErased. A repeat answers as before."""
    before = await get_voicemail(tx, recording_id, boxes)
    value = rules.marked(before, heard, user_id, now)
    if value is not before:
        await store.save_recording(tx, value, now)
    return value


async def keep_retention(tx: Tx, effective_time: datetime, fact_time: datetime, days: int, now: datetime) -> None:
    """The plan's retention from a moment on. A plan without a limit (0) leaves the installation's own."""
    if days > 0:
        await store.save_retention(tx, effective_time, fact_time, days, now)


async def _due(tx: Tx, value: Recording, at: datetime, now: datetime) -> Recording:
    value = replace(value, mux_due_time=at, version=value.version + 1)
    await store.save_recording(tx, value, now)
    return value


async def _with_voices(tx: Tx, value: Recording, told: Sequence[Voice], now: datetime) -> Recording:
    """The recording with what is told of its voices, and found by their agents."""
    voices = joined(value.voices, told)
    if voices == value.voices:
        return value
    value = replace(value, voices=voices, version=value.version + 1)
    await store.save_recording(tx, value, now)
    await store.note_agents(tx, value)
    return value


async def _is_whole(tx: Tx, value: Recording) -> bool:
    return bool(value.segment_counts) and _whole(value, await store.list_segments(tx, value.recording_id))


def _whole(value: Recording, listed: Sequence[store.Segment]) -> bool:
    present = {track: [item.sequence for item in listed if item.track == track] for track in value.segment_counts}
    return rules.whole(value.segment_counts, present)
