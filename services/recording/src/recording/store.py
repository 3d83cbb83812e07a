"""Tables of recording and the queries on them; rows to domain values and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Json, Time, Tx, standard_tables, tenant_table
from chassis.sqlerrors import TryAgain
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    LargeBinary,
    MetaData,
    RowMapping,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from recording.domain.recordings import Mailboxes, Recording, RecordingKind, RecordingState
from recording.domain.tracks import Gap
from recording.domain.voices import Voice
from recording.keys import RecordingKeys

SCHEMA = "recording"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

recordings = tenant_table(
    "recordings", metadata,
    Column("recording_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("caller_number", Text, nullable=False),
    Column("heard_time", Time),
    Column("heard_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("duration_micros", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("gaps", Json, nullable=False),
    Column("voices", Json, nullable=False),
    Column("expire_time", Time),
    Column("segment_counts", Json, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("file_version", BigInteger, nullable=False),
    Column("mux_due_time", Time),
    Column("purge_due_time", Time),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
)  # fmt: skip
segments = tenant_table(
    "segments", metadata,
    Column("recording_id", Text, primary_key=True),
    Column("track", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip
joined_agents = tenant_table(
    "joined_agents", metadata,
    Column("recording_id", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("create_time", Time, nullable=False),
)  # fmt: skip
"""Agents on a recording besides the one it began with; `create_time` is the recording's."""
tenant_keys = tenant_table(
    "tenant_keys", metadata,
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip
recording_keys = tenant_table(
    "recording_keys", metadata,
    Column("recording_id", Text, primary_key=True),
    Column("wrapped_segments_key", LargeBinary, nullable=False),
    Column("wrapped_file_key", LargeBinary, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip
retention = tenant_table(
    "retention", metadata,
    Column("effective_time", Time, primary_key=True),
    Column("fact_time", Time, primary_key=True),
    Column("retention_days", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Segment:
    """One line of a recording's manifest."""

    track: str
    sequence: int
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Due:
    """A recording a sweep has work on."""

    tenant_id: str
    recording_id: str


async def recording(tx: Tx, recording_id: str) -> Recording | None:
    """One recording of the tenant."""
    return (await recordings_by_id(tx, [recording_id])).get(recording_id)


async def recordings_by_id(tx: Tx, recording_ids: Collection[str]) -> dict[str, Recording]:
    """Those of the tenant among these."""
    rows = await tx.all(
        select(recordings).where(
            recordings.c.tenant_id == tx.tenant_id, recordings.c.recording_id.in_(sorted(recording_ids))
        )
    )
    return {row["recording_id"]: _recording(row) for row in rows}


async def recording_of_request(tx: Tx, call_id: str, request_id: str) -> tuple[Recording, bytes] | None:
    """The recording this request began, and the fingerprint of the request."""
    row = await tx.one_or_none(
        select(recordings).where(
            recordings.c.tenant_id == tx.tenant_id,
            recordings.c.call_id == call_id,
            recordings.c.request_id == request_id,
        )
    )
    return (_recording(row), bytes(row["fingerprint"])) if row is not None else None


async def unfinished_of_call(tx: Tx, call_id: str) -> list[Recording]:
    """Recordings of a call that nobody has finished."""
    rows = await tx.all(
        select(recordings).where(
            recordings.c.tenant_id == tx.tenant_id,
            recordings.c.call_id == call_id,
            recordings.c.state == RecordingState.RECORDING,
            recordings.c.mux_due_time.is_(None),
        )
    )
    return [_recording(row) for row in rows]


async def list_recordings(
    tx: Tx, *, call_id: str, agent_id: str, kind: RecordingKind | None, token: str, size: int
) -> tuple[list[Recording], bool]:
    """A page, newest first, and whether another follows. Empty filters match all; an agent's are those they are on."""
    size = page_size(size)
    every = select(recordings).where(recordings.c.tenant_id == tx.tenant_id)
    for column, value in ((recordings.c.call_id, call_id), (recordings.c.kind, kind)):
        if value:
            every = every.where(column == value)
    # Two statements, since each then reads no more of its index than a page.
    wanted, by_time = [every], (joined_agents.c.create_time, joined_agents.c.recording_id)
    if agent_id:
        joined = (joined_agents.c.tenant_id == tx.tenant_id, joined_agents.c.agent_id == agent_id)
        of_both = joined_agents.c.recording_id == recordings.c.recording_id
        wanted = [every.where(recordings.c.agent_id == agent_id), every.join(joined_agents, of_both).where(*joined)]
    found: list[Recording] = []
    for index, statement in enumerate(wanted):
        order = by_time if index else (recordings.c.create_time, recordings.c.recording_id)
        found += [_recording(row) for row in await tx.all(keyset(statement, *order, token, size))]
    found.sort(key=lambda value: (value.create_time, value.recording_id), reverse=True)
    return found[:size], len(found) > size


async def list_voicemails(
    tx: Tx, boxes: Mailboxes, *, unheard_only: bool, token: str, size: int
) -> tuple[list[Recording], bool]:
    """A page of the messages in these mailboxes, newest first, without erased ones; and whether another follows."""
    size = page_size(size)
    statement = select(recordings).where(*_in_mailboxes(tx, boxes))
    if unheard_only:
        statement = statement.where(recordings.c.heard_time.is_(None))
    rows = await tx.all(keyset(statement, recordings.c.create_time, recordings.c.recording_id, token, size))
    return [_recording(row) for row in rows[:size]], len(rows) > size


async def count_unheard(tx: Tx, boxes: Mailboxes) -> int:
    """How many messages in these mailboxes nobody has heard."""
    row = await tx.one_or_none(
        select(func.count().label("unheard"))
        .select_from(recordings)
        .where(*_in_mailboxes(tx, boxes), recordings.c.heard_time.is_(None))
    )
    return int(row["unheard"]) if row is not None else 0


def _in_mailboxes(tx: Tx, boxes: Mailboxes) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        recordings.c.tenant_id == tx.tenant_id,
        recordings.c.kind == RecordingKind.VOICEMAIL,
        recordings.c.state != RecordingState.ERASED,
    ]
    if not boxes.everything:
        of_queues = and_(recordings.c.agent_id == "", recordings.c.queue_id.in_(sorted(boxes.queue_ids)))
        found.append(or_(recordings.c.agent_id == boxes.agent_id, of_queues))
    return found


async def insert_recording(tx: Tx, value: Recording, request_id: str, fingerprint: bytes) -> None:
    """A new recording. Runs the transaction again when a twin of the request was faster."""
    row = _row(tx, value) | {"request_id": request_id, "fingerprint": fingerprint, "create_time": value.create_time}
    row |= {"update_time": value.create_time}
    if not (await tx.execute(insert(recordings).values(row).on_conflict_do_nothing())).rowcount:
        raise TryAgain


async def save_recording(tx: Tx, value: Recording, now: datetime) -> None:
    """The recording as it is now; the caller has read it in this transaction and raised its version."""
    row = _row(tx, value) | {"update_time": now}
    await tx.execute(
        update(recordings)
        .where(recordings.c.tenant_id == tx.tenant_id, recordings.c.recording_id == value.recording_id)
        .values({key: item for key, item in row.items() if key not in ("tenant_id", "recording_id")})
    )


async def note_agents(tx: Tx, value: Recording) -> None:
    """Have the recording found by every agent who is on it."""
    for agent_id in {voice.agent_id for voice in value.voices} - {"", value.agent_id}:
        row = {
            "tenant_id": tx.tenant_id, "recording_id": value.recording_id, "agent_id": agent_id,
            "create_time": value.create_time,
        }  # fmt: skip
        await tx.execute(insert(joined_agents).values(row).on_conflict_do_nothing())


async def digests_at(tx: Tx, places: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str, int], str]:
    """What lies at these places (recording, track, sequence) of the manifests; empty places are left out."""
    place = (segments.c.recording_id, segments.c.track, segments.c.sequence)
    rows = await tx.all(
        select(*place, segments.c.digest).where(
            segments.c.tenant_id == tx.tenant_id, tuple_(*place).in_(sorted(set(places)))
        )
    )
    return {(row["recording_id"], row["track"], int(row["sequence"])): row["digest"] for row in rows}


async def insert_segments(tx: Tx, values: Sequence[tuple[str, Segment]], now: datetime) -> None:
    """New lines of manifests, by recording. Runs the transaction again when a twin was faster."""
    rows = [
        {
            "tenant_id": tx.tenant_id, "recording_id": recording_id, "track": value.track, "sequence": value.sequence,
            "digest": value.digest, "size_bytes": value.size_bytes, "create_time": now,
        }
        for recording_id, value in values
    ]  # fmt: skip
    if not rows:
        return
    try:
        await tx.execute(insert(segments), rows)
    except IntegrityError as error:
        raise TryAgain from error


async def list_segments(tx: Tx, recording_id: str) -> list[Segment]:
    """The manifest, in order."""
    rows = await tx.all(
        select(segments)
        .where(segments.c.tenant_id == tx.tenant_id, segments.c.recording_id == recording_id)
        .order_by(segments.c.track, segments.c.sequence)
    )
    return [_segment(row) for row in rows]


async def delete_segments(tx: Tx, recording_id: str) -> None:
    """The whole manifest."""
    await tx.execute(
        delete(segments).where(segments.c.tenant_id == tx.tenant_id, segments.c.recording_id == recording_id)
    )


async def tenant_key(tx: Tx) -> bytes | None:
    """The tenant's wrapped key."""
    row = await tx.one_or_none(select(tenant_keys.c.wrapped_key).where(tenant_keys.c.tenant_id == tx.tenant_id))
    return bytes(row["wrapped_key"]) if row is not None else None


async def keep_tenant_key(tx: Tx, wrapped: bytes, now: datetime) -> bytes:
    """Keep the key unless the tenant has one; the one that holds."""
    values = {"tenant_id": tx.tenant_id, "wrapped_key": wrapped, "create_time": now}
    await tx.execute(insert(tenant_keys).values(values).on_conflict_do_nothing())
    return await tenant_key(tx) or wrapped


async def keys(tx: Tx, recording_id: str) -> RecordingKeys | None:
    """The recording's wrapped keys; None once they are destroyed."""
    row = await tx.one_or_none(
        select(recording_keys).where(
            recording_keys.c.tenant_id == tx.tenant_id, recording_keys.c.recording_id == recording_id
        )
    )
    if row is None:
        return None
    return RecordingKeys(bytes(row["wrapped_segments_key"]), bytes(row["wrapped_file_key"]))


async def insert_keys(tx: Tx, recording_id: str, value: RecordingKeys, now: datetime) -> None:
    """The wrapped keys of a new recording."""
    await tx.execute(
        insert(recording_keys).values(
            tenant_id=tx.tenant_id, recording_id=recording_id, wrapped_segments_key=value.segments,
            wrapped_file_key=value.file, create_time=now,
        )
    )  # fmt: skip


async def delete_keys(tx: Tx, recording_id: str) -> None:
    """Destroy the recording's keys: from here on nothing opens it."""
    await tx.execute(
        delete(recording_keys).where(
            recording_keys.c.tenant_id == tx.tenant_id, recording_keys.c.recording_id == recording_id
        )
    )


async def save_retention(tx: Tx, effective_time: datetime, fact_time: datetime, days: int, now: datetime) -> None:
    """Days recordings are kept from a moment on."""
    values = {
        "tenant_id": tx.tenant_id, "effective_time": effective_time, "fact_time": fact_time,
        "retention_days": days, "create_time": now,
    }  # fmt: skip
    await tx.execute(insert(retention).values(values).on_conflict_do_nothing())


async def retention_days(tx: Tx, at: datetime) -> int | None:
    """Days in force at a moment; None when no plan is known."""
    row = await tx.one_or_none(
        select(retention.c.retention_days)
        .where(retention.c.tenant_id == tx.tenant_id, retention.c.effective_time <= at)
        .order_by(retention.c.effective_time.desc(), retention.c.fact_time.desc())
        .limit(1)
    )
    return int(row["retention_days"]) if row is not None else None


async def due(tx: Tx, column: str, now: datetime, limit: int) -> list[Due]:
    """Recordings of all tenants whose deadline in `column` has passed. For system transactions."""
    deadline = recordings.c[column]
    rows = await tx.all(
        select(recordings.c.tenant_id, recordings.c.recording_id)
        .where(deadline.is_not(None), deadline <= now)
        .order_by(deadline)
        .limit(limit)
    )
    return [Due(row["tenant_id"], row["recording_id"]) for row in rows]


def _row(tx: Tx, value: Recording) -> dict[str, Any]:
    return {
        "tenant_id": tx.tenant_id,
        "recording_id": value.recording_id,
        "call_id": value.call_id,
        "contact_id": value.contact_id,
        "brand_id": value.brand_id,
        "queue_id": value.queue_id,
        "agent_id": value.agent_id,
        "customer_id": value.customer_id,
        "kind": value.kind.value,
        "caller_number": value.caller_number,
        "heard_time": value.heard_time,
        "heard_by": value.heard_by,
        "state": value.state.value,
        "start_time": value.start_time,
        "duration_micros": value.duration // _MICROSECOND,
        "size_bytes": value.size_bytes,
        "gaps": [[gap.track, gap.start, gap.samples] for gap in value.gaps],
        "voices": [_voice_row(voice) for voice in value.voices],
        "expire_time": value.expire_time,
        "segment_counts": dict(value.segment_counts),
        "complete": value.complete,
        "file_version": value.file_version,
        "mux_due_time": value.mux_due_time,
        "purge_due_time": value.purge_due_time,
        "version": value.version,
    }


def _recording(row: RowMapping) -> Recording:
    return Recording(
        recording_id=row["recording_id"],
        call_id=row["call_id"],
        contact_id=row["contact_id"],
        brand_id=row["brand_id"],
        queue_id=row["queue_id"],
        agent_id=row["agent_id"],
        customer_id=row["customer_id"],
        kind=RecordingKind(row["kind"]),
        caller_number=row["caller_number"],
        heard_time=row["heard_time"],
        heard_by=row["heard_by"],
        start_time=row["start_time"],
        create_time=row["create_time"],
        state=RecordingState(row["state"]),
        duration=timedelta(microseconds=row["duration_micros"]),
        size_bytes=row["size_bytes"],
        gaps=_gaps(row["gaps"]),
        voices=_voices(row["voices"]),
        expire_time=row["expire_time"],
        segment_counts=row["segment_counts"],
        complete=row["complete"],
        file_version=row["file_version"],
        mux_due_time=row["mux_due_time"],
        purge_due_time=row["purge_due_time"],
        version=row["version"],
    )


def _gaps(listed: Sequence[tuple[str, int, int]]) -> tuple[Gap, ...]:
    return tuple(Gap(track, start, samples) for track, start, samples in listed)


def _voice_row(value: Voice) -> dict[str, Any]:
    return dataclasses.asdict(value) | {"activity": value.activity.hex()}


def _voices(listed: Sequence[dict[str, Any]]) -> tuple[Voice, ...]:
    return tuple(Voice(**{**item, "activity": bytes.fromhex(item["activity"])}) for item in listed)


def _segment(row: RowMapping) -> Segment:
    return Segment(row["track"], row["sequence"], row["digest"], row["size_bytes"])
