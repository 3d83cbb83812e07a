"""What legs are heard with comes out of the segments as it went in."""

from __future__ import annotations

import asyncio

import pytest
import tink
from hypothesis import given
from hypothesis import strategies as st
from merkez.recording.v1 import segment_pb2
from telephony.media.recorder import Recording, associated_data
from telephony.media.rtp import SILENCE
from telephony.media.runs import Run
from telephony.media.tracks import Source, Track
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
    return [packet.timestamp for piece in pieces_of(track) for packet in piece]


def pieces_of(track: Track) -> list[list[segment_pb2.OpusPacket]]:
    """What a track would have sealed by now, as recording would read it."""
    track.cut()
    found: list[list[segment_pb2.OpusPacket]] = []
    while track.waiting:
        payload = segment_pb2.SegmentPayload()
        track.waiting.popleft().fill(payload)
        found.append(packets_of(payload))
    return found


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


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-(2**20), 2**20), st.floats(0.0, 0.9)), max_size=60))
def test_a_track_has_the_same_places_whether_packets_come_one_by_one_or_kept(
    told: list[tuple[int, int, float]],
) -> None:
    """(Stream, step of its timestamp, seconds since the packet before) of each packet."""
    one_by_one, kept = Track("customer", 0.0), Track("customer", 0.0)
    clocks, now, runs = [0xFFFFF000, 5, 77_000], 0.0, list[tuple[int, Run]]()
    for stream, step, pause in told:
        clocks[stream] = (clocks[stream] + step) & 0xFFFFFFFF
        now += pause
        one_by_one.take(stream, clocks[stream], b"x", now)
        if not runs or runs[-1][0] != stream:
            runs.append((stream, Run.begun(clocks[stream], now)))
        runs[-1][1].add(clocks[stream], now, b"x")
    for stream, run in runs:
        kept.take_run(stream, run)
    assert positions_of(kept) == positions_of(one_by_one)


def test_after_a_standstill_no_segment_covers_more_than_a_second() -> None:
    track, run = Track("customer", 0.0), Run.begun(0, 10.0)
    for index in range(200):
        run.add(index * 960, 10.0 + index * 0.02, b"%d" % index)
    track.take("stream", 0xFFFFFFFF - 959, b"first", 9.9)
    track.take_run("stream", run)
    opened = pieces_of(track)
    assert [packet.payload for piece in opened for packet in piece] == [b"first", *(b"%d" % n for n in range(200))]
    assert max(piece[-1].arrival_micros - piece[0].arrival_micros for piece in opened) < 1_000_000


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
