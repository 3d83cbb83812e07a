"""What legs are heard with comes out of the segments as it went in."""

from __future__ import annotations

import asyncio

import pytest
import tink
from hypothesis import given
from hypothesis import strategies as st
from merkez.recording.v1 import segment_pb2
from telephony.media.recorder import Recording
from telephony.media.rtp import SILENCE
from telephony.media.runs import Runs
from telephony.media.sealing import RecordingKey
from telephony.media.segment_files import Segment
from telephony.media.tape import Tape
from telephony.media.tracks import Source
from testkit.segments import FRAMED, opened, packets_of
from tink import TinkError, aead, secret_key_access

TENANT, RECORDING = "ten_a", "rec_a"
CUSTOMER, ANN = "leg_01jd3v9k8r5x7m2p4q6s8t0w1y", "leg_01jd3v9k8r5x7m2p4q6s8t0w2z"


def _key() -> tuple[aead.Aead, bytes]:
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return handle.primitive(aead.Aead), tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)


@pytest.mark.parametrize("frames", [True, False])
async def test_segments_open_with_their_key_in_their_place_only_and_hold_every_packet(frames: bool) -> None:
    cipher, keyset = _key()
    kept: list[Segment] = []
    recording = Recording(TENANT, asyncio.get_running_loop())
    stream = object()
    for index in range(60):
        recording.tap(CUSTOMER, Source("customer"))(stream, 1000 + index * 960, bytes([index]))
    recording.open(
        RecordingKey(RECORDING, keyset, frames),
        lambda entries: kept.extend(Segment.of(TENANT, each) for each in entries),
    )
    recording.tap(ANN, Source("agent", "usr_ann"))(object(), 5, b"x")
    recording.tap(CUSTOMER, Source("customer"))(stream, 1000 + 60 * 960, bytes([60]))
    seconds, counts = recording.finish()
    assert counts == {CUSTOMER: len([each for each in kept if each.track == CUSTOMER]), ANN: 1}
    assert seconds >= 0
    packets = []
    for segment in kept:
        track, sequence = segment.track, segment.sequence
        # What came before the key is sealed at once, and all where recording doesn't open frames.
        assert (segment.sealed[0] == FRAMED) == (frames and (sequence > 0 or track == ANN))
        payload = opened(cipher, f"{TENANT}/{RECORDING}/{track}/{sequence}", segment.sealed)
        assert (payload.track, payload.sequence, payload.recording_id) == (track, sequence, RECORDING)
        assert 0 <= segment.seconds <= 1
        assert (payload.source.track, payload.source.party) == (track, "customer" if track == CUSTOMER else "agent")
        packets += packets_of(payload) if track == CUSTOMER else []
        with pytest.raises(TinkError):
            opened(cipher, f"{TENANT}/{RECORDING}/{track}/{sequence + 1}", segment.sealed)
    assert [packet.payload for packet in packets] == [bytes([index]) for index in range(61)]
    assert [packet.timestamp for packet in packets] == [index * 960 for index in range(61)]


def positions_of(tape: Tape | Runs) -> list[int]:
    """Of all packets that it has taken since it was asked last."""
    return [packet.timestamp for piece in pieces_of(tape) for packet in piece]


def pieces_of(tape: Tape | Runs) -> list[list[segment_pb2.OpusPacket]]:
    """What would have been sealed by now, as recording would read it."""
    return [packets_of(segment_pb2.SegmentPayload.FromString(piece.content)) for piece in tape.cut()]


@pytest.mark.parametrize("kind", [Tape, Runs])
def test_timestamps_unwrap_keep_gaps_and_go_on_behind_a_new_stream(kind: type[Tape | Runs]) -> None:
    tape, first, second = kind(0.0), object(), object()
    for timestamp in (0xFFFFFFFF - 959, 0, 960, 960 + 48_000):
        tape.put(first, timestamp, SILENCE, 1.0)
    tape.put(first, 960 + 47_040, SILENCE, 1.1)
    tape.put(second, 123, SILENCE, 1.2)
    tape.put(second, 123 + 960, SILENCE, 1.2)
    positions = positions_of(tape)
    assert positions[:5] == [0, 960, 1920, 49_920, 48_960]
    assert positions[5] == pytest.approx(49_920 + 4800, abs=2)
    assert positions[6] - positions[5] == 960


@pytest.mark.parametrize("kind", [Tape, Runs])
@pytest.mark.parametrize("leap", [3_600 * 48_000, 5 * 48_000, -5 * 48_000, -3_600 * 48_000])
def test_where_a_senders_clock_leaps_its_voice_goes_on_where_time_is(kind: type[Tape | Runs], leap: int) -> None:
    tape, stream, start = kind(0.0), object(), 1 << 31
    for index in range(100):
        tape.put(stream, start + index * 960, SILENCE, 1.0 + index * 0.02)
    for index in range(100, 200):
        tape.put(stream, (start + leap + index * 960) & 0xFFFFFFFF, SILENCE, 1.0 + index * 0.02)
    assert positions_of(tape) == pytest.approx([index * 960 for index in range(200)], abs=2)


@pytest.mark.parametrize("kind", [Tape, Runs])
def test_a_senders_clock_that_stood_still_while_it_sent_nothing_takes_nobodys_time_away(
    kind: type[Tape | Runs],
) -> None:
    tape, stream = kind(0.0), object()
    arrivals = [index * 0.02 for index in range(50)] + [60.0 + index * 0.02 for index in range(50)]
    for index, arrival in enumerate(arrivals):
        tape.put(stream, index * 960, SILENCE, arrival)
    assert positions_of(tape)[50:] == pytest.approx([(60.0 + index * 0.02) * 48_000 for index in range(50)], abs=2)


@pytest.mark.parametrize("kind", [Tape, Runs])
@pytest.mark.parametrize("lost", [range(0), range(140, 300)])
def test_what_a_network_kept_back_for_seconds_stays_where_it_was_said(kind: type[Tape | Runs], lost: range) -> None:
    tape, stream = kind(0.0), object()
    sent = [index for index in range(400) if index not in lost]
    for index in sent:
        tape.put(stream, index * 960, SILENCE, max(index * 0.02, 6.0 if index >= 100 else 0.0))
    assert positions_of(tape) == [index * 960 for index in sent]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(-(2**20), 2**20), st.floats(0.0, 0.9), st.binary(max_size=90), st.booleans()
        ),
        max_size=60,
    )
)
def test_a_recording_is_the_same_whether_c_or_python_puts_its_packets_down(
    told: list[tuple[int, int, float, bytes, bool]],
) -> None:
    """(Stream, step of its timestamp, seconds since the packet before, payload, is it cut here) of each packet."""
    in_c, in_python = Tape(0.0), Runs(0.0)
    clocks, now = [0xFFFFF000, 5, 77_000], 0.0
    pieces: list[tuple[object, object]] = []
    for stream, step, pause, payload, cut in told:
        clocks[stream] = (clocks[stream] + step) & 0xFFFFFFFF
        now += pause
        for tape in (in_c, in_python):
            tape.put(stream, clocks[stream], payload, now)
        assert in_c.last_arrival == in_python.last_arrival == now
        if cut:
            pieces += zip(read(in_c), read(in_python), strict=True)
    pieces += zip(read(in_c), read(in_python), strict=True)
    assert all(one == other for one, other in pieces)


def read(tape: Tape | Runs) -> list[tuple[list[segment_pb2.OpusPacket], float]]:
    """What is in its pieces by now, and what each covers."""
    return [(packets_of(segment_pb2.SegmentPayload.FromString(piece.content)), piece.seconds) for piece in tape.cut()]


@pytest.mark.parametrize("kind", [Tape, Runs])
def test_after_a_standstill_no_segment_covers_more_than_a_second(kind: type[Tape | Runs]) -> None:
    tape = kind(0.0)
    tape.put("stream", 0xFFFFFFFF - 959, b"first", 9.9)
    for index in range(200):
        tape.put("stream", index * 960, b"%d" % index, 10.0 + index * 0.02)
    opened = pieces_of(tape)
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


async def test_nothing_was_recorded_of_a_call_to_which_nobody_came_back_before_its_node_stood_still() -> None:
    recording = Recording(TENANT, asyncio.get_running_loop())
    recording.stop_clock_at_last_packet()
    assert recording.finish() == (0.0, {})
