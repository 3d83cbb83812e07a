"""The one stream a browser hears never breaks, whatever feeds it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telephony.media import rtp
from telephony.media.codecs import PCMA, PCMU
from telephony.media.rtp import HEADER, HEADER_SIZE, PACKET, SILENCE, VIEW, Inbound, Outbound, payload_bounds


class Wire:
    """Collects what is sent: (sequence, timestamp, marker, payload type)."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, bool, int]] = []
        self.outbound = Outbound(111, self._take)

    def _take(self, length: int) -> None:
        _, second, sequence, timestamp, _ = HEADER.unpack_from(PACKET)
        self.sent.append((sequence, timestamp, bool(second & 0x80), second & 0x7F))

    def forward(self, source: object, sequence: int, timestamp: int) -> None:
        PACKET[HEADER_SIZE : HEADER_SIZE + 3] = SILENCE
        self.outbound.forward(source, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, HEADER_SIZE + 3)


def test_a_stream_that_begins_at_sequence_number_0_has_lost_nothing() -> None:
    inbound = Inbound(1, 0)
    for sequence in range(3):
        inbound.add(sequence, sequence * 960, sequence * 0.02)
    assert (inbound.packets, inbound.expected, inbound.lost, inbound.extended_highest) == (3, 3, 0, 2)


def test_each_packet_of_a_new_source_follows_the_last_one() -> None:
    wire, music, peer = Wire(), object(), object()
    wire.outbound.send(music, SILENCE)
    wire.outbound.send(music, SILENCE)
    wire.forward(peer, 65535, 4294967000)
    wire.forward(peer, 65536, 4294967000 + 960)
    wire.outbound.send(music, SILENCE)
    sequences = [sequence for sequence, *_ in wire.sent]
    assert [(b - a) & 0xFFFF for a, b in pairwise(sequences)] == [1, 1, 1, 1]
    steps = [(b[1] - a[1]) & 0xFFFFFFFF for a, b in pairwise(wire.sent)]
    assert all(step >= 960 for step in steps)
    assert [marker for _, _, marker, _ in wire.sent] == [True, False, True, False, True]


def test_a_gap_in_the_source_stays_a_gap() -> None:
    wire, peer = Wire(), object()
    wire.forward(peer, 100, 0)
    wire.forward(peer, 103, 2880)
    assert (wire.sent[1][0] - wire.sent[0][0]) & 0xFFFF == 3
    assert (wire.sent[1][1] - wire.sent[0][1]) & 0xFFFFFFFF == 2880


def test_a_digit_that_is_not_passed_on_leaves_no_gap() -> None:
    wire, peer = Wire(), object()
    wire.forward(peer, 100, 0)
    wire.outbound.skip(peer, 101)
    wire.outbound.skip(peer, 102)
    wire.forward(peer, 103, 2880)
    assert (wire.sent[1][0] - wire.sent[0][0]) & 0xFFFF == 1


def test_silence_of_dtx_is_kept_as_time() -> None:
    wire, peer = Wire(), object()
    wire.forward(peer, 1, 0)
    wire.forward(peer, 2, 19_200)
    assert (wire.sent[1][1] - wire.sent[0][1]) & 0xFFFFFFFF == 19_200


@pytest.mark.parametrize("leap", [3_600 * 48_000, 5 * 48_000, -5 * 48_000, -3_600 * 48_000])
def test_where_a_sources_clock_leaps_the_listeners_goes_on(leap: int) -> None:
    wire, peer, start = Wire(), object(), 1 << 31
    for index in range(6):
        wire.forward(peer, index, start + index * 960 + (leap if index > 2 else 0))
    assert [(b[0] - a[0]) & 0xFFFF for a, b in pairwise(wire.sent)] == [1] * 5
    steps = [(b[1] - a[1]) & 0xFFFFFFFF for a, b in pairwise(wire.sent)]
    assert all(960 <= step < 48_000 for step in steps), steps
    assert [marker for _, _, marker, _ in wire.sent] == [True, False, False, True, False, False]


def test_a_pause_of_any_length_in_which_a_sources_clock_ran_is_kept_as_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, peer, now = Wire(), object(), [100.0]
    monkeypatch.setattr(rtp, "monotonic", lambda: now[0])
    wire.forward(peer, 1, 0)
    now[0] += 30.0
    wire.forward(peer, 2, 30 * 48_000)
    assert (wire.sent[1][1] - wire.sent[0][1]) & 0xFFFFFFFF == 30 * 48_000
    assert not wire.sent[1][2]


def test_a_late_packet_is_passed_on_once_and_none_that_came_or_is_too_late() -> None:
    wire, peer = Wire(), object()

    def passed(*sequences: int) -> list[int]:
        before = len(wire.sent)
        for each in sequences:
            wire.forward(peer, each & 0xFFFF, each * 960)
        return [(sequence - wire.sent[0][0]) & 0xFFFF for sequence, *_ in wire.sent[before:]]

    start = 65_500
    assert passed(start, start + 1, start, start + 1, start + 4) == [0, 1, 4]
    assert passed(start + 3, start + 3, start + 2, start + 2, start + 4) == [3, 2]
    assert passed(start + 200, start + 71, start + 72, start + 72, start + 199) == [200, 72, 199]
    assert passed(start + 201, start + 71, start + 198) == [201, 198]


_source = st.tuples(st.integers(0, 3), st.integers(-3, 40), st.booleans())


@settings(max_examples=300, deadline=None)
@example([(0, 0, False), (0, 1, False), (0, -1, False), (0, 2, False), (0, -1, False), (0, 0, False)], 0)
@given(st.lists(_source, max_size=120), st.integers(0, 65535))
def test_no_sequence_number_is_ever_used_twice(steps: list[tuple[int, int, bool]], start: int) -> None:
    # A sequence number sent twice with other content would reuse SRTP key stream.
    wire = Wire()
    sources = [object() for _ in range(4)]
    positions = [start, start + 1000, start + 60_000, 7]
    for which, step, digit in steps:
        if which == 3:
            wire.outbound.send(sources[3], SILENCE)
            continue
        positions[which] = max(0, positions[which] + step)
        if digit:
            wire.outbound.skip(sources[which], positions[which] & 0xFFFF)
        else:
            wire.forward(sources[which], positions[which], positions[which] * 960)
    sequences = [sequence for sequence, *_ in wire.sent]
    assert len(sequences) == len(set(sequences)) or len(sequences) > 60_000


def test_while_digits_go_out_nothing_else_does() -> None:
    wire, music, digits = Wire(), object(), object()
    wire.outbound.send(music, SILENCE)
    wire.outbound.exclusive = digits
    wire.outbound.send(music, SILENCE)
    wire.forward(object(), 5, 5)
    assert len(wire.sent) == 1
    wire.outbound.exclusive = None
    wire.outbound.send(music, SILENCE)
    assert (wire.sent[1][0] - wire.sent[0][0]) & 0xFFFF == 1


def test_extensions_sources_and_padding_are_cut_from_the_payload() -> None:
    head = bytes([0x80 | 0x20 | 0x10 | 1, 111]) + bytes(10) + bytes(4)
    packet = head + b"\xbe\xde\x00\x01" + bytes(4) + b"voice" + b"\0\0\3"
    PACKET[: len(packet)] = packet
    bounds = payload_bounds(len(packet))
    assert bounds is not None
    assert bytes(VIEW[bounds[0] : bounds[1]]) == b"voice"


@given(st.binary(min_size=12, max_size=80))
def test_a_header_that_lies_is_refused_or_stays_inside_the_packet(packet: bytes) -> None:
    PACKET[: len(packet)] = packet
    bounds = payload_bounds(len(packet))
    assert bounds is None or 12 <= bounds[0] <= bounds[1] <= len(packet)


def test_jitter_counts_packets_that_come_early_or_late_and_neither_pauses_nor_the_wrap() -> None:
    inbound = Inbound(1, 0)
    timestamp = (1 << 32) - 5 * 960
    for number in range(10):
        inbound.add(number, (timestamp + number * 960) & 0xFFFFFFFF, 100 + number * 0.02)
    assert inbound.jitter_samples < 0.01
    inbound.add(10, 60 * 48_000, 105.0)
    assert inbound.jitter_samples < 0.01
    inbound.add(11, 60 * 48_000 + 960, 105.03)
    assert abs(inbound.jitter_samples - 480 / 16) < 0.01


def test_loss_is_counted_over_the_wrap() -> None:
    inbound = Inbound(1, 65_530)
    for sequence in [*range(65_530, 65_536), *range(3, 10)]:
        inbound.add(sequence & 0xFFFF, sequence * 960, 0.0)
    assert inbound.expected == 16
    assert inbound.lost == 3


def test_another_codec_goes_on_in_the_sequence_and_another_clock_under_another_source() -> None:
    wire, peer = Wire(), object()
    wire.forward(peer, 100, 0)
    first = wire.outbound.ssrc
    wire.outbound.retune(8, PCMA)
    assert wire.outbound.ssrc != first
    second = wire.outbound.ssrc
    wire.forward(peer, 200, 1_000_000)
    wire.outbound.retune(0, PCMU)
    wire.forward(peer, 201, 1_000_160)
    assert wire.outbound.ssrc == second
    assert [payload_type for *_, payload_type in wire.sent] == [111, 8, 0]
    assert [(b[0] - a[0]) & 0xFFFF for a, b in pairwise(wire.sent)] == [1, 1]
    assert 160 <= (wire.sent[2][1] - wire.sent[1][1]) & 0xFFFFFFFF < 8_000
