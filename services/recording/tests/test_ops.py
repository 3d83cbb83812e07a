"""Deadlines, graces and crashes: what becomes of a recording when nobody finishes it in order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kernel.errors import FailedPrecondition
from merkez.recording.v1 import recording_pb2
from recording import ops, store
from recording.domain.recordings import RecordingState
from recording.library import Library
from recording.objects import Objects, ObjectStoreUnavailable

from .conftest import GRACE, LATE, House
from .sounds import Sealer, opus_tone, placed


async def part_of(house: House, tenant: str, sent: range) -> tuple[recording_pb2.Recording, Sealer, list[bytes]]:
    """A recording of three seconds of which only some segments came."""
    begun, sealer = await house.begin(tenant)
    sealed = sealer.seal_track("customer", placed(opus_tone(440, 3)))
    for sequence in sent:
        await house.append(sealer, "customer", sequence, sealed[sequence])
    return begun, sealer, sealed


async def test_call_that_ended_without_a_word_is_made_after_the_grace_of_what_is_there(house: House) -> None:
    tenant = house.tenant()
    begun, *_ = await part_of(house, tenant, range(2))
    await house.db.run(tenant, lambda tx: ops.call_ended(tx, begun.call_id, GRACE, house.clock.now()))
    await house.sweeps.make()
    assert (await house.get(tenant, begun.recording_id)).state == recording_pb2.RECORDING_STATE_RECORDING
    house.clock.advance(GRACE)
    await house.sweeps.make()
    made = await house.get(tenant, begun.recording_id)
    assert made.state == recording_pb2.RECORDING_STATE_STORED and made.duration.seconds == 2


async def test_late_segment_makes_a_fuller_version_and_lost_time_is_in_the_gap_map(house: House) -> None:
    tenant = house.tenant()
    begun, sealer, sealed = await part_of(house, tenant, range(0, 3, 2))
    await house.finish(sealer, 3, customer=3)
    house.clock.advance(GRACE)
    await house.sweeps.make()
    thin = await house.get(tenant, begun.recording_id)
    lost = [(gap.track, gap.start_offset.seconds, gap.duration.seconds) for gap in thin.gaps]
    assert lost == [("customer", 1, 1), ("agent", 0, 3)]
    await house.append(sealer, "customer", 1, sealed[1])
    await house.sweeps.make()
    full = await house.get(tenant, begun.recording_id)
    assert [gap.track for gap in full.gaps] == ["agent"] and full.version > thin.version
    assert full.size_bytes > thin.size_bytes


async def test_segments_are_deleted_once_the_file_is_whole_and_no_earlier(house: House) -> None:
    tenant = house.tenant()
    begun, sealer, sealed = await part_of(house, tenant, range(2))
    await house.finish(sealer, 3, customer=3)
    house.clock.advance(GRACE)
    await house.sweeps.make()
    await house.sweeps.purge()
    folder = begun.recording_id
    assert sum(name.startswith(f"{folder}/segments/") for name in house.objects(tenant)) == 2
    await house.append(sealer, "customer", 2, sealed[2])
    await house.sweeps.make()
    await house.sweeps.purge()
    assert not any("segments" in name for name in house.objects(tenant))
    assert len(await house.audio(tenant, begun.recording_id)) >= 1


async def test_segment_that_comes_after_the_late_grace_is_refused(house: House) -> None:
    tenant = house.tenant()
    _, sealer, sealed = await part_of(house, tenant, range(2))
    await house.finish(sealer, 3, customer=3)
    house.clock.advance(GRACE)
    await house.sweeps.make()
    house.clock.advance(LATE)
    await house.sweeps.purge()
    with pytest.raises(FailedPrecondition) as refused:
        await house.append(sealer, "customer", 2, sealed[2])
    assert refused.value.reason == "RECORDING_COMPLETE"


async def test_recording_whose_muxer_died_is_made_by_another_after_the_lease(house: House) -> None:
    tenant = house.tenant()
    begun, sealer, _ = await part_of(house, tenant, range(3))
    await house.finish(sealer, 3, customer=3)
    await house.db.run(tenant, lambda tx: ops.claim_mux(tx, begun.recording_id, house.clock.now()))
    assert await house.sweeps.make() == 0
    house.clock.advance(ops.MUX_LEASE)
    await house.sweeps.make()
    assert (await house.get(tenant, begun.recording_id)).state == recording_pb2.RECORDING_STATE_STORED


async def test_count_of_a_killed_node_does_not_lose_what_was_acknowledged_before(house: House) -> None:
    tenant = house.tenant()
    begun, sealer, _ = await part_of(house, tenant, range(3))
    await house.finish(sealer, 0.5, customer=1)
    await house.sweeps.make()
    made = await house.get(tenant, begun.recording_id)
    assert made.duration.seconds == 3


async def test_key_of_a_recording_is_gone_with_its_erasure_also_while_it_is_made(house: House) -> None:
    tenant = house.tenant()
    begun, sealer, _ = await part_of(house, tenant, range(3))
    await house.finish(sealer, 3, customer=3)
    now = house.clock.now()
    claimed, *_ = await house.db.run(tenant, lambda tx: ops.claim_mux(tx, begun.recording_id, now))
    await house.db.run(tenant, lambda tx: ops.erase_recording(tx, begun.recording_id, "asked", now))
    assert await house.db.run(tenant, lambda tx: store.keys(tx, begun.recording_id)) is None
    made = ops.Made(3, 10, 0, (), ())
    with pytest.raises(FailedPrecondition):
        await house.db.run(tenant, lambda tx: ops.stored(tx, claimed, made, 90, LATE, now))
    await house.sweeps.purge()
    assert house.objects(tenant) == []


async def test_retention_of_the_plan_held_when_it_was_stored_ends_a_recording(house: House) -> None:
    tenant, now = house.tenant(), house.clock.now()
    for effective, days in ((now, 30), (now + timedelta(days=10), 60)):
        await house.db.run(tenant, lambda tx, e=effective, d=days: ops.keep_retention(tx, e, now, d, now))
    made = await house.talk(tenant)
    assert made.expire_time.ToDatetime() - made.start_time.ToDatetime() == timedelta(days=30)
    house.clock.advance(timedelta(days=29, hours=23))
    await house.sweeps.expire()
    assert (await house.get(tenant, made.recording_id)).state == recording_pb2.RECORDING_STATE_STORED
    house.clock.advance(timedelta(hours=1))
    await house.sweeps.expire()
    await house.sweeps.purge()
    assert (await house.get(tenant, made.recording_id)).state == recording_pb2.RECORDING_STATE_ERASED
    assert house.objects(tenant) == []


async def test_nothing_stored_is_readable_without_the_keys(house: House) -> None:
    tenant = house.tenant()
    await house.talk(tenant)
    for path in (house.folder / "objects" / tenant).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"OggS" not in content and b"customer" not in content
    row = await house.db.run(tenant, store.tenant_key)
    assert row and b"AesGcmKey" not in row


async def test_file_of_another_version_or_tenant_does_not_open(house: House) -> None:
    tenant = house.tenant()
    made = await house.talk(tenant)
    first = house.folder / "objects" / tenant / made.recording_id / "audio-1.ogg.sealed"
    other = await house.talk(tenant)
    first.write_bytes((first.parent.parent / other.recording_id / "audio-1.ogg.sealed").read_bytes())
    value = await house.db.run(tenant, lambda tx: ops.get_recording(tx, made.recording_id))
    assert value.state is RecordingState.STORED
    _, pieces = await house.library.audio(tenant, value)
    with pytest.raises(ObjectStoreUnavailable):
        [piece async for piece in pieces]


async def test_restarted_process_opens_what_its_predecessor_sealed(house: House) -> None:
    from recording.keys import open_master

    tenant = house.tenant()
    made = await house.talk(tenant)
    again = Library(house.db, Objects("", house.folder), open_master("", house.folder), default_retention_days=90)
    value = await house.db.run(tenant, lambda tx: ops.get_recording(tx, made.recording_id))
    total, pieces = await again.audio(tenant, value)
    assert sum([len(piece) async for piece in pieces]) == total == made.size_bytes
