"""What legs are heard with comes out of the segments as it went in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import grpc
import pytest
import tink
from chassis.lifecycle import Tasks
from chassis.statuses import RemoteFailed
from kernel.errors import InvalidInput, Unavailable
from merkez.recording.v1 import segment_pb2
from telephony.media.recorder import Presence, Recording, associated_data
from telephony.media.rtp import SILENCE
from telephony.media.spool import Finish, Segment, Spool
from telephony.media.tracks import Source, Track
from testkit import eventually
from testkit.segments import packets_of
from tink import TinkError, aead, secret_key_access

TENANT, RECORDING = "ten_a", "rec_a"
CUSTOMER, ANN = "leg_01jd3v9k8r5x7m2p4q6s8t0w1y", "leg_01jd3v9k8r5x7m2p4q6s8t0w2z"


def _key() -> tuple[aead.Aead, bytes]:
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return handle.primitive(aead.Aead), tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)


async def test_segments_open_with_their_key_in_their_place_only_and_hold_every_packet() -> None:
    cipher, keyset = _key()
    kept: list[tuple[str, int, bytes, float]] = []
    recording = Recording(TENANT, asyncio.get_running_loop())
    stream = object()
    for index in range(60):
        recording.tap(CUSTOMER, Source("customer"))(stream, 1000 + index * 960, bytes([index]))
    recording.open(RECORDING, keyset, lambda *segment: kept.append(segment))
    recording.tap(ANN, Source("agent", "usr_ann"))(object(), 5, b"x")
    seconds, counts = recording.finish()
    assert counts == {CUSTOMER: len([k for k in kept if k[0] == CUSTOMER]), ANN: 1}
    assert seconds >= 0
    packets = []
    for track, sequence, sealed, covered in kept:
        plain = cipher.decrypt(sealed, f"{TENANT}/{RECORDING}/{track}/{sequence}".encode())
        payload = segment_pb2.SegmentPayload.FromString(plain)
        assert (payload.track, payload.sequence, payload.recording_id) == (track, sequence, RECORDING)
        assert 0 <= covered <= 1
        assert (payload.source.track, payload.source.party) == (track, "customer" if track == CUSTOMER else "agent")
        packets += packets_of(payload) if track == CUSTOMER else []
        with pytest.raises(TinkError):
            cipher.decrypt(sealed, associated_data(TENANT, RECORDING, track, sequence + 1))
    assert [packet.payload for packet in packets] == [bytes([index]) for index in range(60)]
    assert [packet.timestamp for packet in packets] == [index * 960 for index in range(60)]


def positions_of(track: Track) -> list[int]:
    """Of all packets that a track has taken since it was asked last."""
    track.cut()
    pieces = [segment_pb2.SegmentPayload(runs=piece.runs) for piece in track.waiting]
    track.waiting.clear()
    return [packet.timestamp for piece in pieces for packet in packets_of(piece)]


def test_timestamps_unwrap_keep_gaps_and_go_on_behind_a_new_stream() -> None:
    track, first, second = Track("customer", 0.0), object(), object()
    for timestamp in (0xFFFFFFFF - 959, 0, 960, 960 + 48_000):
        track(first, timestamp, SILENCE)
    track(first, 960 + 47_040, SILENCE)
    track(second, 123, SILENCE)
    track(second, 123 + 960, SILENCE)
    positions = positions_of(track)
    assert positions[:5] == [0, 960, 1920, 49_920, 48_960]
    assert positions[5] >= 49_920
    assert positions[6] - positions[5] == 960


class Store:
    """Recording's end: takes segments unless it is down or refuses."""

    def __init__(self) -> None:
        self.down = False
        self.failing: list[Exception] = []
        self.refuse = False
        self.segments: list[tuple[str, int, bytes]] = []
        self.finished: list[Finish] = []

    async def append(self, segment: Segment) -> None:
        self._up()
        if self.refuse:
            raise InvalidInput("never")
        self.segments.append((segment.track, segment.sequence, segment.sealed))

    async def finish(self, finish: Finish) -> None:
        self._up()
        self.finished.append(finish)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("down")
        if self.failing:
            raise self.failing.pop(0)


async def test_who_left_and_came_back_was_there_until_they_left_for_good() -> None:
    recording = Recording(TENANT, asyncio.get_running_loop(), started=0.0)
    recording.tap(ANN, Source("agent", "usr_ann", "+15550199"))
    recording.stop_clock(at=5.0)
    recording.leave(CUSTOMER)
    recording.leave(ANN)
    recording.tap(ANN, Source("agent", "usr_ann"))
    recording.stop_clock(at=1e9)
    recording.leave(ANN)
    recording.stop_clock(at=2e9)
    recording.leave(ANN)
    recording.finish()
    [presence] = recording.presences
    assert (presence.track, presence.party, presence.agent_id, presence.end) == (ANN, "agent", "usr_ann", 1e9)


async def test_what_lies_on_the_disk_of_a_finished_recording_names_no_number(tmp_path: Path) -> None:
    store = Store()
    store.down = True
    presence = Presence(ANN, "participant", "", 1.5, 2.0)
    async with Tasks("first life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        spool.finish(Finish(TENANT, RECORDING, 2.4, {ANN: 0}, (presence,)))
        await spool.close()
    store.down = False
    async with Tasks("second life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        spool.resume()
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.finished == [Finish(TENANT, RECORDING, 2.4, {ANN: 0}, (presence,))]


async def test_segments_of_a_version_that_knew_two_tracks_are_sent_on(tmp_path: Path) -> None:
    store, folder = Store(), tmp_path / TENANT / RECORDING
    folder.mkdir(parents=True)
    for track in ("agent", "customer"):
        (folder / f"{track}-000000-800.seg").write_bytes(b"sealed")
    (folder / "finish.json").write_text('{"seconds": 0.8, "segment_counts": {"customer": 1, "agent": 1}}')
    async with Tasks("next version") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
        await spool.close()
    assert [track for track, *_ in store.segments] == ["agent", "customer"]
    assert store.finished == [Finish(TENANT, RECORDING, 0.8, {"customer": 1, "agent": 1})]


async def test_segments_wait_on_disk_while_recording_is_away_and_go_out_in_order(tmp_path: Path) -> None:
    store, reports = Store(), []
    store.down = True
    async with Tasks("spool") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *what: reports.append(what))
        for sequence in range(3):
            spool.keep(Segment(TENANT, RECORDING, "agent", sequence, 0.8, b"%d" % sequence))
        spool.finish(Finish(TENANT, RECORDING, 2.4, {"agent": 3}))
        await eventually(lambda: reports and len(list(tmp_path.glob("*/*/*.seg"))) == 3)
        store.down = False
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.segments == [("agent", n, b"%d" % n) for n in range(3)]
    assert store.finished[0].segment_counts == {"agent": 3}
    assert os.listdir(tmp_path) == []


async def test_what_is_written_before_during_and_after_an_outage_goes_out_once_and_in_order(tmp_path: Path) -> None:
    store, reports = Store(), []
    async with Tasks("spool") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *what: reports.append(what))

        def keep(*sequences: int) -> None:
            for sequence in sequences:
                spool.keep(Segment(TENANT, RECORDING, "agent", sequence, 0.8, b"%d" % sequence))

        keep(0, 1)
        await eventually(lambda: len(store.segments) == 2)
        store.down = True
        # More than are kept in memory.
        keep(*range(2, 80))
        await eventually(lambda: reports and len(list(tmp_path.glob("*/*/*.seg"))) == 78)
        store.down = False
        keep(*range(80, 100))
        await eventually(lambda: len(store.segments) == 100)
        keep(100)
        spool.finish(Finish(TENANT, RECORDING, 80.8, {"agent": 101}))
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.segments == [("agent", n, b"%d" % n) for n in range(101)]
    assert spool.pending == 0 and os.listdir(tmp_path) == []


async def test_a_recording_that_takes_slowly_gets_all_there_is_in_order(tmp_path: Path) -> None:
    store, slow = Store(), asyncio.Event()

    async def append(segment: Segment) -> None:
        await slow.wait()
        await store.append(segment)

    async with Tasks("spool") as tasks:
        spool = Spool(tmp_path, append, store.finish, tasks.spawn, lambda *_: None)
        for sequence in range(50):
            spool.keep(Segment(TENANT, RECORDING, "agent", sequence, 0.8, b"%d" % sequence))
        spool.finish(Finish(TENANT, RECORDING, 40.0, {"agent": 50}))
        await eventually(lambda: (tmp_path / TENANT / RECORDING / "finish.json").exists())
        slow.set()
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.segments == [("agent", n, b"%d" % n) for n in range(50)]


async def test_a_bug_at_recordings_end_holds_a_recording_up_and_loses_nothing_of_it(tmp_path: Path) -> None:
    store, reports = Store(), []
    bug = RemoteFailed(grpc.StatusCode.INTERNAL, "AppendSegment", "internal error")
    async with Tasks("spool") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *what: reports.append(what))
        store.failing = [bug, OSError("the connection was cut")]
        for sequence in range(2):
            spool.keep(Segment(TENANT, RECORDING, "agent", sequence, 0.8, b"%d" % sequence))
        await eventually(lambda: len(store.segments) == 2)
        store.failing = [bug]
        spool.finish(Finish(TENANT, RECORDING, 1.6, {"agent": 2}))
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.segments == [("agent", n, b"%d" % n) for n in range(2)]
    assert reports[0] == ("a recording can't be sent on; trying again", RECORDING, bug)
    assert os.listdir(tmp_path) == []


async def test_what_a_killed_process_left_is_sent_by_the_next_one(tmp_path: Path) -> None:
    store = Store()
    store.down = True
    async with Tasks("first life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        for sequence in range(2):
            spool.keep(Segment(TENANT, RECORDING, CUSTOMER, sequence, 0.8, b"sealed"))
        await spool.close()
    (tmp_path / TENANT / RECORDING / f"{CUSTOMER}-000002-800.seg.tmp").write_bytes(b"half a segment")
    store.down = False
    async with Tasks("second life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
        await spool.close()
    assert [sequence for _, sequence, _ in store.segments] == [0, 1]
    assert store.finished[0].segment_counts[CUSTOMER] == 2


async def test_a_recording_of_which_nothing_was_written_before_the_crash_is_still_finished(tmp_path: Path) -> None:
    store = Store()
    async with Tasks("first life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        spool.begin(TENANT, RECORDING)
        await spool.close()
    async with Tasks("second life") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *_: None)
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
        await spool.close()
    assert store.finished == [Finish(TENANT, RECORDING, 0.0, {})]


async def test_a_refused_segment_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    store, reports = Store(), []
    store.refuse = True
    async with Tasks("spool") as tasks:
        spool = Spool(tmp_path, store.append, store.finish, tasks.spawn, lambda *what: reports.append(what))
        spool.keep(Segment(TENANT, RECORDING, "agent", 0, 0.8, b"x"))
        spool.finish(Finish(TENANT, RECORDING, 0.8, {"agent": 1}))
        await eventually(lambda: store.finished)
        await spool.close()
    assert [what for what, *_ in reports] == ["recording refused a segment for good"]
