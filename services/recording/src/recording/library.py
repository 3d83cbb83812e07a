"""The verbs that need keys and objects besides SQL: begin, append, play, make, purge.

The order keeps every promise across a crash: an object is stored before its row says so, a row says erased before the
object goes, and what an interrupted step leaves behind is found again by a deadline column.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from chassis.sql import Database, Tx
from kernel.errors import DomainError
from kernel.ids import new_id
from tink import TinkError, aead, streaming_aead

from recording import convert, keys, muxing, ops, store
from recording.domain import frames
from recording.domain import recordings as rules
from recording.domain.recordings import Recording, RecordingState
from recording.domain.tracks import Packet
from recording.objects import Objects, ObjectStoreUnavailable

_CHUNK = 256 * 1024
_REMEMBERED = 4096


@dataclass(frozen=True)
class Sent:
    """One sealed segment as it came."""

    recording_id: str
    track: str
    sequence: int
    sealed: bytes


class Library:
    """All recordings of the installation."""

    def __init__(self, db: Database, objects: Objects, master: aead.Aead, *, default_retention_days: int):
        self.db, self.objects = db, objects
        self._master = master
        self._default_days = default_retention_days
        self._tenant_keys: OrderedDict[str, aead.Aead] = OrderedDict()
        self._segment_keys: OrderedDict[str, aead.Aead] = OrderedDict()

    async def start(
        self, tenant_id: str, asked: Recording, request_id: str, fingerprint: bytes
    ) -> tuple[Recording, bytes]:
        """Begin a recording; it and the keyset its segments are sealed with, in the clear."""
        now = self.db.clock.now()
        value = replace(asked, recording_id=new_id("rec", now), create_time=now)
        tenant_key = await self._tenant_key(tenant_id)
        fresh = keys.new_recording_keys(tenant_key, tenant_id, value.recording_id)
        value, held = await self.db.run(
            tenant_id, lambda tx: ops.start_recording(tx, value, fresh, request_id, fingerprint, now)
        )
        return value, keys.clear(keys.segment_handle(tenant_key, tenant_id, value.recording_id, held))

    async def append(self, tenant_id: str, sent: Sequence[Sent]) -> list[Recording | Exception]:
        """Store sealed segments, of any of the tenant's recordings. Each is durable and in the manifest when its
        recording is in the answer.

        Otherwise it is SegmentNotOpened, SegmentExists, RecordingErased, RecordingComplete or RecordingNotFound; or
        it is to be sent again: ObjectStoreUnavailable, DatabaseUnavailable, or anything, which is a bug. None depends
        on what becomes of another.
        """
        keyed = await self._keys_for(tenant_id, {item.recording_id for item in sent})
        outcomes: dict[int, Recording | Exception] = {}
        arrived: dict[int, ops.Arrived] = {}
        for number, item in enumerate(sent):
            try:
                arrived[number] = _arrived(keyed[item.recording_id], tenant_id, item)
            except Exception as error:
                outcomes[number] = error
        names = {number: segment_name(tenant_id, item.recording_id, item.segment) for number, item in arrived.items()}
        failed = await self.objects.put_all({names[number]: sent[number].sealed for number in arrived})
        for number in [number for number in arrived if names[number] in failed]:
            outcomes[number] = failed[names[number]]
            del arrived[number]
        outcomes |= await self._note(tenant_id, arrived)
        return [outcomes[number] for number in range(len(sent))]

    async def _keys_for(self, tenant_id: str, recording_ids: Set[str]) -> dict[str, aead.Aead | Exception]:
        """The recordings' keys for segments, or why there is none."""
        found: dict[str, aead.Aead | Exception] = {}
        for recording_id in recording_ids:
            try:
                found[recording_id] = await self._segment_key(tenant_id, recording_id)
            except Exception as error:
                found[recording_id] = error
        return found

    async def _note(self, tenant_id: str, arrived: Mapping[int, ops.Arrived]) -> dict[int, Recording | Exception]:
        """Put them into the manifests, all in one transaction; where that meets a bug, each recording in its own."""
        if not arrived:
            return {}
        now = self.db.clock.now()
        try:
            noted = await self.db.run(tenant_id, lambda tx: ops.note_segments(tx, list(arrived.values()), now))
            return dict(zip(arrived, noted, strict=True))
        except Exception as error:
            recordings = {item.recording_id for item in arrived.values()}
            if isinstance(error, DomainError) or len(recordings) == 1:
                return dict.fromkeys(arrived, error)
        found: dict[int, Recording | Exception] = {}
        for recording_id in recordings:
            own = {number: item for number, item in arrived.items() if item.recording_id == recording_id}
            found |= await self._note(tenant_id, own)
        return found

    async def audio(self, tenant_id: str, value: Recording, track: str = "") -> tuple[int, AsyncIterator[bytes]]:
        """Length and pieces of a stored recording, or of one of its tracks.

        Raises RecordingErased, RecordingNotStored, TrackNotFound.
        """
        if value.state is RecordingState.ERASED:
            raise rules.RecordingErased("the recording was erased")
        if value.state is not RecordingState.STORED:
            raise rules.RecordingNotStored("the recording is still being made")
        voice = value.voice(track) if track else None
        held = await self.db.run(tenant_id, lambda tx: ops.keys_of(tx, value.recording_id), read_only=True)
        primitive = keys.file_primitive(await self._tenant_key(tenant_id), tenant_id, value.recording_id, held)
        own = voice.track if voice is not None and voice.size_bytes else ""
        data = rules.file_associated_data(tenant_id, value.recording_id, value.file_version, own)
        name = file_name(tenant_id, value.recording_id, value.file_version, own)

        def opened() -> BinaryIO:
            return primitive.new_decrypting_stream(self.objects.reader(name), data)

        stream = await asyncio.to_thread(opened)
        if voice is None or own:
            return value.stereo_bytes if voice is None else voice.size_bytes, _pieces(stream)
        whole = b"".join([piece async for piece in _pieces(stream)])
        alone = await asyncio.to_thread(muxing.track_of, whole, value, left=voice.left)
        return len(alone), _cut(alone)

    async def make(self, tenant_id: str, recording_id: str, *, late_grace: timedelta) -> Recording | None:
        """Mux and seal a due recording; None when it isn't due any more."""
        now = self.db.clock.now()
        try:
            value, held, listed = await self.db.run(tenant_id, lambda tx: ops.claim_mux(tx, recording_id, now))
        except rules.RecordingNotFound:
            return None
        tenant_key = await self._tenant_key(tenant_id)
        key = keys.segment_handle(tenant_key, tenant_id, recording_id, held).primitive(aead.Aead)
        packets: dict[str, list[Packet]] = {}
        for begin in range(0, len(listed), 32):
            part = listed[begin : begin + 32]
            names = [segment_name(tenant_id, recording_id, segment) for segment in part]
            for segment, sealed in zip(part, await asyncio.gather(*map(self.objects.get, names)), strict=True):
                opened = open_segment(key, tenant_id, recording_id, segment.track, segment.sequence, sealed)
                packets.setdefault(segment.track, []).extend(opened.packets)
        version = value.file_version + 1
        primitive = keys.file_primitive(tenant_key, tenant_id, recording_id, held)
        muxed = await asyncio.to_thread(muxing.mux, value, packets)
        for track, content in (*muxed.alone.items(), ("", muxed.content)):
            data = rules.file_associated_data(tenant_id, recording_id, version, track)
            sealed_file = await asyncio.to_thread(_seal, primitive, content, data)
            await self.objects.put(file_name(tenant_id, recording_id, version, track), sealed_file)
        voices = tuple(replace(voice, size_bytes=len(muxed.alone.get(voice.track, b""))) for voice in muxed.voices)
        size = len(muxed.content) + sum(voice.size_bytes for voice in voices)
        made = ops.Made(len(listed), size, muxed.samples, muxed.gaps, voices)
        return await self._stored(tenant_id, value, made, late_grace)

    async def _stored(
        self, tenant_id: str, value: Recording, made: ops.Made, late_grace: timedelta
    ) -> Recording | None:
        now = self.db.clock.now()
        try:
            return await self.db.run(
                tenant_id, lambda tx: ops.stored(tx, value, made, self._default_days, late_grace, now)
            )
        except rules.RecordingErased:
            return None

    async def purge(self, tenant_id: str, recording_id: str) -> None:
        """Delete the objects nobody needs: all of an erased recording, the segments of a stored one."""
        now = self.db.clock.now()
        value = await self.db.run(tenant_id, lambda tx: ops.due_purge(tx, recording_id, now))
        if value is None:
            return
        folder = f"{tenant_id}/{recording_id}"
        if value.state is RecordingState.ERASED:
            self._segment_keys.pop(recording_id, None)
            await self.objects.delete_all(folder)
        else:
            await self.objects.delete_all(f"{folder}/segments")
        await self.db.run(tenant_id, lambda tx: ops.purged(tx, recording_id, now))

    async def due(self, column: str, now: datetime, limit: int = 50) -> list[store.Due]:
        """What of all tenants is past its deadline in `column`."""
        return await self.db.system(lambda tx: store.due(tx, column, now, limit), read_only=True)

    async def _tenant_key(self, tenant_id: str) -> aead.Aead:
        key = self._tenant_keys.get(tenant_id)
        if key is None:
            wrapped = await self.db.run(tenant_id, store.tenant_key, read_only=True)
            if wrapped is None:
                # With a KMS this is a call over the network: never inside a transaction.
                fresh = await asyncio.to_thread(keys.new_tenant_key, self._master, tenant_id)
                now = self.db.clock.now()
                wrapped = await self.db.run(tenant_id, lambda tx: store.keep_tenant_key(tx, fresh, now))
            key = await asyncio.to_thread(keys.open_tenant_key, self._master, tenant_id, wrapped)
            _remember(self._tenant_keys, tenant_id, key)
        return key

    async def _segment_key(self, tenant_id: str, recording_id: str) -> aead.Aead:
        # Only spares the look-up and the unwrapping: whether the recording is the tenant's and not erased is checked
        # in the transaction that notes the segment. The associated data binds the tenant, too.
        key = self._segment_keys.get(f"{tenant_id}/{recording_id}")
        if key is None:

            async def held(tx: Tx) -> keys.RecordingKeys:
                return await ops.keys_of(tx, recording_id)

            wrapped = await self.db.run(tenant_id, held, read_only=True)
            handle = keys.segment_handle(await self._tenant_key(tenant_id), tenant_id, recording_id, wrapped)
            key = handle.primitive(aead.Aead)
            _remember(self._segment_keys, f"{tenant_id}/{recording_id}", key)
        return key


def _arrived(key: aead.Aead | Exception, tenant_id: str, sent: Sent) -> ops.Arrived:
    if isinstance(key, Exception):
        raise key
    opened = open_segment(key, tenant_id, sent.recording_id, sent.track, sent.sequence, sent.sealed)
    digest = hashlib.sha256(sent.sealed).hexdigest()
    return ops.Arrived(
        sent.recording_id, store.Segment(sent.track, sent.sequence, digest, len(sent.sealed)), opened.voice
    )


def open_segment(
    key: aead.Aead, tenant_id: str, recording_id: str, track: str, sequence: int, sealed: bytes
) -> convert.Opened:
    """What is in a sealed segment. Raises SegmentNotOpened."""
    try:
        parts = frames.parts_of(sealed, rules.associated_data(tenant_id, recording_id, track, sequence))
        # One behind the other they are the serialized payload.
        content = b"".join(key.decrypt(part, bound) for part, bound in parts)
    except (TinkError, ValueError) as error:
        raise rules.SegmentNotOpened("the segment does not open with this recording's key at this place") from error
    opened = convert.opened(content)
    said = opened.voice.track if opened.voice is not None else track
    if (opened.recording_id, opened.track, opened.sequence, said) != (recording_id, track, sequence, track):
        raise rules.SegmentNotOpened("the segment says it lies elsewhere")
    return opened


def segment_name(tenant_id: str, recording_id: str, segment: store.Segment) -> str:
    """Object name; the digest keeps two bodies for one place apart until the manifest decides."""
    return f"{tenant_id}/{recording_id}/segments/{segment.track}-{segment.sequence:08d}-{segment.digest[:16]}"


def file_name(tenant_id: str, recording_id: str, version: int, track: str = "") -> str:
    """Object name of a stored file, the whole or one track's."""
    return f"{tenant_id}/{recording_id}/{track or 'audio'}-{version}.ogg.sealed"


def _seal(primitive: streaming_aead.StreamingAead, content: bytes, data: bytes) -> bytes:
    out = _Kept()
    with primitive.new_encrypting_stream(out, data) as stream:
        stream.write(content)
    return out.content


class _Kept(io.BytesIO):
    # Tink closes what it wrote to; the bytes are wanted afterwards.
    content = b""

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


async def _pieces(stream: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(stream.read, _CHUNK):
            yield piece
    except (TinkError, OSError) as error:
        raise ObjectStoreUnavailable("the recording's file could not be opened") from error
    finally:
        stream.close()


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _CHUNK):
        yield content[begin : begin + _CHUNK]


def _remember(cache: OrderedDict[str, aead.Aead], name: str, key: aead.Aead) -> None:
    cache[name] = key
    cache.move_to_end(name)
    while len(cache) > _REMEMBERED:
        cache.popitem(last=False)
