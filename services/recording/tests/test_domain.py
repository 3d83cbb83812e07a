"""Two mono streams become one stereo file without a sample being decoded."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording.domain import ogg, opus, tracks
from recording.domain.recordings import whole

from .sounds import heard, muxed, opus_tone, pitch, placed


@pytest.mark.parametrize(("left_ms", "right_ms"), [(20, 20), (60, 20), (10, 40), (20, 60), (40, 60), (10, 10)])
def test_customer_is_heard_left_and_agent_right_whatever_their_frames(left_ms: int, right_ms: int) -> None:
    left = placed(opus_tone(440, 2, frame_ms=left_ms), frame_ms=left_ms)
    right = placed(opus_tone(1000, 2, frame_ms=right_ms), frame_ms=right_ms)
    file, customer, agent = muxed(left, right)
    sound = heard(file)
    assert sound.shape == (2, 96_000)
    assert (pitch(sound[0], 1), pitch(sound[1], 1)) == (440, 1000)
    assert customer.lost_samples + agent.lost_samples <= 960


def test_stereo_sender_is_kept_on_its_side() -> None:
    file, *_ = muxed(placed(opus_tone(440, 1, layout="stereo")), placed(opus_tone(1000, 1)))
    sound = heard(file)
    assert (pitch(sound[0], 0.3), pitch(sound[1], 0.3)) == (440, 1000)


def test_agent_who_joins_late_is_heard_when_they_spoke_and_the_gap_is_told() -> None:
    file, customer, agent = muxed(placed(opus_tone(440, 3)), placed(opus_tone(1000, 1), start_ms=1500))
    sound = heard(file)
    assert pitch(sound[1], 0.5) == 0 and pitch(sound[1], 1.7) == 1000 and pitch(sound[0], 0.5) == 440
    assert tracks.gaps(customer, 150) == []
    assert tracks.gaps(agent, 150) == [tracks.Gap("agent", 0, 72_000), tracks.Gap("agent", 120_000, 24_000)]


def test_hold_is_silence_of_its_own_length() -> None:
    packets = opus_tone(440, 3)
    file, customer, _ = muxed(placed(packets, skip=range(50, 100)), placed(opus_tone(1000, 3)))
    sound = heard(file)
    assert [pitch(sound[0], at) for at in (0.3, 1.3, 2.3)] == [440, 0, 440]
    assert tracks.gaps(customer, 150) == [tracks.Gap("customer", 48_000, 48_000)]


def test_lost_packet_is_concealed_and_no_gap() -> None:
    file, customer, agent = muxed(placed(opus_tone(440, 1), skip=[20]), placed(opus_tone(1000, 1)))
    assert tracks.gaps(customer, 50) == tracks.gaps(agent, 50) == []
    assert customer.units[20].concealed
    assert heard(file).shape == (2, 48_000)


def test_packets_late_and_double_change_nothing() -> None:
    packets = placed(opus_tone(440, 1))
    mixed = [packets[0], *reversed(packets[1:]), *packets[10:20]]
    right = placed(opus_tone(1000, 1))
    assert muxed(mixed, right)[0] == muxed(packets, right)[0]


def test_rest_of_an_encoder_is_not_missing_time() -> None:
    packets = placed(opus_tone(440, 2), skip=range(31, 50))
    packets = [packet if packet.timestamp != 30 * 960 else resting(packet) for packet in packets]
    _, customer, _ = muxed(packets, placed(opus_tone(1000, 2)))
    assert tracks.gaps(customer, 100) == []


def resting(packet: tracks.Packet) -> tracks.Packet:
    """A DTX packet in its place: the TOC byte alone."""
    return tracks.Packet(packet.timestamp, packet.arrival_micros, packet.payload[:1])


def test_unreadable_packet_is_left_out_and_counted() -> None:
    packets = placed(opus_tone(440, 1))
    packets[5] = tracks.Packet(packets[5].timestamp, packets[5].arrival_micros, b"\x03")
    file, customer, _ = muxed(packets, placed(opus_tone(1000, 1)))
    assert customer.malformed == 1 and heard(file).shape == (2, 48_000)


def test_recording_of_nothing_is_a_file_that_says_so() -> None:
    file, *_ = muxed([], [])
    assert file.startswith(b"OggS") and b"OpusHead" in file


def test_page_checksum_is_that_of_rfc_3533() -> None:
    # Bit by bit, as the RFC words it, against the mirrored zlib.
    page = next(iter(ogg.write([], serial=7)))
    blank, value = page[:22] + b"\0\0\0\0" + page[26:], 0
    for byte in blank:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    assert int.from_bytes(page[22:26], "little") == value != zlib.crc32(blank)


def test_silence_packet_is_silence() -> None:
    file, *_ = muxed(placed([opus.build(opus.SILENCE)] * 50), placed(opus_tone(1000, 1)))
    assert abs(heard(file)[0]).max() == 0


@given(st.sampled_from([0xF8, 0x78, 0x08, 0xE0, 0xC4]), st.lists(st.binary(max_size=400), min_size=1, max_size=6))
def test_packet_taken_apart_and_put_together_is_the_same(toc: int, frames: list[bytes]) -> None:
    content = opus.Frames(toc, tuple(frames[: max(1, 5760 // opus.frame_samples(toc))]))
    assert opus.parse(opus.build(content)) == content


@given(st.binary(max_size=300))
def test_any_bytes_are_a_packet_or_refused(packet: bytes) -> None:
    try:
        content = opus.parse(packet)
    except opus.PacketMalformed:
        return
    assert opus.parse(opus.build(content)) == content and 120 <= content.samples <= 5760


_FRAME_MS = st.sampled_from([(0xE0, 120), (0xE8, 240), (0x60, 480), (0x78, 960), (0x10, 1920), (0x18, 2880)])


@given(
    st.lists(st.tuples(_FRAME_MS, st.integers(1, 3), st.integers(0, 30)), max_size=30),
    st.lists(st.tuples(_FRAME_MS, st.integers(1, 3), st.integers(0, 30)), max_size=30),
)
def test_any_two_tracks_pair_into_equal_packets_that_fill_the_time(left: list, right: list) -> None:
    laid = []
    for name, items in (("customer", left), ("agent", right)):
        at, packets = 0, []
        for (toc, samples), count, pause in items:
            at += pause * 960
            packets.append(tracks.Packet(at, 0, opus.build(opus.Frames(toc, (b"abc",) * min(count, 5760 // samples)))))
            at += samples * min(count, 5760 // samples)
        laid.append(tracks.lay(name, packets))
    slots = max(track.end_slot for track in laid)
    pairs = list(tracks.pair(laid[0], laid[1], slots))
    assert all(a.samples == b.samples <= 5760 for a, b in pairs)
    assert slots * 960 <= sum(a.samples for a, _ in pairs) <= (slots + 6) * 960
    for track in laid:
        covered = sum(gap.samples for gap in tracks.gaps(track, slots))
        assert 0 <= covered <= slots * 960


def test_recording_is_whole_when_every_segment_told_of_is_there() -> None:
    assert whole({"customer": 2, "agent": 0}, {"customer": [1, 0]})
    assert not whole({"customer": 2}, {"customer": [0, 2]})
    assert not whole({}, {})
