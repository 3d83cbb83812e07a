"""Segments of many recordings that come in one call: each has a fate of its own."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from chassis.auth import acting_for
from kernel.errors import InvalidInput
from merkez.recording.v1 import recording_pb2, recording_service_pb2, segment_pb2
from recording import convert, ops, store
from recording.domain.recordings import SegmentNotOpened

from .conftest import House
from .sounds import Sealer, heard, opus_tone, pitch, placed

STORED = recording_pb2.RECORDING_STATE_STORED


def segments_of(sealer: Sealer, *, seconds: int = 2) -> list[tuple[Sealer, str, int, bytes]]:
    """Both sides of a conversation, as telephony sends them: second by second."""
    said = {"customer": 440, "agent": 1000}
    sealed = {track: sealer.seal_track(track, placed(opus_tone(hertz, seconds))) for track, hertz in said.items()}
    return [(sealer, track, number, sealed[track][number]) for number in range(seconds) for track in said]


async def test_one_call_fills_several_recordings_and_each_plays(house: House) -> None:
    tenant = house.tenant()
    sealers = [(await house.begin(tenant))[1] for _ in range(2)]
    both = [segment for sealer in sealers for segment in segments_of(sealer)]
    assert await house.append_all(tenant, both) == [""] * 8
    for sealer in sealers:
        await house.finish(sealer, 2, customer=2, agent=2)
    await house.sweeps.make()
    for sealer in sealers:
        file = b"".join([chunk.data for chunk in await house.audio(tenant, sealer.recording_id)])
        assert (pitch(heard(file)[0], 1), pitch(heard(file)[1], 1)) == (440, 1000)


async def test_the_segment_of_a_call_that_completes_a_finished_recording_has_it_made(house: House) -> None:
    tenant = house.tenant()
    (_, first), (_, second) = [await house.begin(tenant) for _ in range(2)]
    await house.finish(first, 2, customer=2, agent=2)
    assert await house.append_all(tenant, [*segments_of(second), *segments_of(first)]) == [""] * 8
    await house.sweeps.make()
    assert (await house.get(tenant, first.recording_id)).state == STORED
    assert (await house.get(tenant, second.recording_id)).state == recording_pb2.RECORDING_STATE_RECORDING


async def test_what_is_refused_keeps_no_other_segment_out(house: House) -> None:
    tenant = house.tenant()
    (_, good), (_, erased), (_, strangers) = [
        await house.begin(who) for who in (tenant, tenant, house.tenant())
    ]  # fmt: skip
    with acting_for(tenant):
        erase = recording_service_pb2.EraseRecordingRequest(recording_id=erased.recording_id)
        await house.stub.EraseRecording(erase)
    first, second, *_ = segments_of(good)
    packets = placed(opus_tone(440, 1))
    unknown = Sealer(tenant, good.recording_id[:-4] + "0000", house_key())
    sent = [
        (erased, "customer", 0, erased.seal("customer", 0, packets)),
        first,
        (strangers, "customer", 0, strangers.seal("customer", 0, packets)),
        (unknown, "customer", 0, unknown.seal("customer", 0, packets)),
        (good, "customer", 7, first[3]),
        (good, "left", 0, first[3]),
        first,
        (good, "customer", 0, good.seal("customer", 0, packets[1:])),
        second,
    ]
    assert await house.append_all(tenant, sent) == [
        "RECORDING_ERASED", "", "RECORDING_NOT_FOUND", "RECORDING_NOT_FOUND", "SEGMENT_NOT_OPENED", "INVALID_INPUT",
        "", "SEGMENT_EXISTS", "",
    ]  # fmt: skip
    listed = await house.db.run(tenant, lambda tx: store.list_segments(tx, good.recording_id))
    assert [(segment.track, segment.sequence) for segment in listed] == [("agent", 0), ("customer", 0)]


def house_key() -> bytes:
    """A key no recording has."""
    import tink
    from tink import aead, secret_key_access

    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)


async def test_the_same_call_twice_and_two_at_once_store_each_segment_once(house: House) -> None:
    tenant = house.tenant()
    _, sealer = await house.begin(tenant)
    sent = segments_of(sealer)
    both = await asyncio.gather(house.append_all(tenant, sent), house.append_all(tenant, sent[::-1]))
    assert both == [[""] * 4] * 2 and await house.append_all(tenant, sent) == [""] * 4
    assert len(await house.db.run(tenant, lambda tx: store.list_segments(tx, sealer.recording_id))) == 4
    await house.finish(sealer, 2, customer=2, agent=2)
    await house.sweeps.make()
    assert await house.append_all(tenant, sent) == [""] * 4


async def test_of_a_disk_that_fills_up_in_the_middle_the_rest_is_to_be_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = house.tenant()
    _, sealer = await house.begin(tenant)
    sent, whole, calls = segments_of(sealer), os.fsync, 0

    def full(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(file)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        outcomes = await house.append_all(tenant, sent)
    assert sorted(outcomes) == ["", "", "", "OBJECT_STORE_UNAVAILABLE"]
    assert await house.append_all(tenant, sent) == [""] * 4
    assert (await house.finish(sealer, 2, customer=2, agent=2)).recording_id == sealer.recording_id


async def test_a_bug_with_one_recording_leaves_the_others_of_the_call_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = house.tenant()
    (_, cursed), (_, good) = [await house.begin(tenant) for _ in range(2)]
    note = ops.note_segments

    async def stumbling(tx: Any, arrived: Sequence[ops.Arrived], now: Any) -> Any:
        if any(item.recording_id == cursed.recording_id for item in arrived):
            raise ZeroDivisionError("the cursed one")
        return await note(tx, arrived, now)

    with monkeypatch.context() as patch:
        patch.setattr(ops, "note_segments", stumbling)
        sent = [*segments_of(cursed, seconds=1), *segments_of(good, seconds=1)]
        assert await house.append_all(tenant, sent) == ["INTERNAL", "INTERNAL", "", ""]
    assert await house.append_all(tenant, sent) == [""] * 4


async def test_an_empty_call_and_one_that_is_too_long_are_refused(house: House) -> None:
    tenant = house.tenant()
    _, sealer = await house.begin(tenant)
    for count in (0, 513):
        with pytest.raises(InvalidInput) as refused:
            await house.append_all(tenant, [(sealer, "customer", 0, b"x")] * count)
        assert [item.field for item in refused.value.fields] == ["segments"]


async def test_packets_of_nodes_of_before_and_of_now_make_one_recording(house: House) -> None:
    tenant = house.tenant()
    _, sealer = await house.begin(tenant)
    packets = placed(opus_tone(440, 2))
    sealer.of_before = True
    old = sealer.seal("customer", 0, packets[:50])
    sealer.of_before = False
    await house.append_all(tenant, [(sealer, "customer", 1, sealer.seal("customer", 1, packets[50:]))])
    await house.append(sealer, "customer", 0, old)
    await house.finish(sealer, 2, customer=2, agent=0)
    await house.sweeps.make()
    made = await house.get(tenant, sealer.recording_id)
    assert [gap.track for gap in made.gaps] == ["agent"] and made.duration.seconds == 2
    file = b"".join([chunk.data for chunk in await house.audio(tenant, sealer.recording_id)])
    assert (pitch(heard(file)[0], 0.4), pitch(heard(file)[0], 1.4)) == (440, 440)


def test_a_late_packet_of_a_run_stands_before_its_first_and_never_before_the_track() -> None:
    numbers = [(0, 0, b"a"), (-960, 500, b"b"), (-96_000, 700, b"c")]
    content = b"".join(struct.pack("<iIH", *item[:2], len(item[2])) + item[2] for item in numbers)
    run = segment_pb2.PacketRun(timestamp=4800, arrival_micros=100_000, packets=content)
    opened = convert.opened(segment_pb2.SegmentPayload(runs=[run]).SerializeToString())
    found = [(packet.timestamp, packet.arrival_micros, packet.payload) for packet in opened.packets]
    assert found == [(4800, 100_000, b"a"), (3840, 100_500, b"b"), (0, 100_700, b"c")]


@pytest.mark.parametrize("cut", [1, 9, 11])
def test_a_run_that_ends_within_a_packet_is_no_segment(cut: int) -> None:
    content = (struct.pack("<iIH", 0, 0, 3) + b"abc")[:-cut]
    run = segment_pb2.PacketRun(packets=content)
    with pytest.raises(SegmentNotOpened):
        convert.opened(segment_pb2.SegmentPayload(runs=[run]).SerializeToString())


async def test_frames_that_are_missing_out_of_order_or_torn_are_refused(house: House) -> None:
    tenant = house.tenant()
    _, sealer = await house.begin(tenant)
    sealed = sealer.seal("customer", 0, placed(opus_tone(440, 1)))
    frames = frames_of(sealed)
    assert len(frames) > 3
    wrong = [
        [*frames[:1], *frames[2:]], [frames[1], frames[0], *frames[2:]], frames[1:], [*frames, frames[-1]],
        [frames[0][:-1] + bytes([frames[0][-1] ^ 1]), *frames[1:]],
    ]  # fmt: skip
    torn = [sealed[:-1], sealed[:1], sealed + b"\0\0\0\0"]
    bodies = [*(b"\x02" + b"".join(each) for each in wrong), *torn]
    assert await house.append_all(tenant, [(sealer, "customer", 0, body) for body in bodies]) == [
        SegmentNotOpened.reason
    ] * len(bodies)
    assert await house.append_all(tenant, [(sealer, "customer", 0, sealed)]) == [""]


def frames_of(sealed: bytes) -> list[bytes]:
    """With the length before each."""
    found, at = list[bytes](), 1
    while at < len(sealed):
        end = at + 4 + int.from_bytes(sealed[at : at + 4], "little")
        found.append(sealed[at:end])
        at = end
    return found
