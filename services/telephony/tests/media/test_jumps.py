"""A sender whose numbers leap: two packets in a row are a beginning, one alone is nobody's (RFC 3550 A.1)."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from telephony.media.rtp import Inbound
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lane_rests import plane
from .test_lanes import joined

__all__ = ["plane"]
_VOICE = bytes(range(160))


class Heard:
    """What is made of packets that come 20 ms apart."""

    def __init__(self, *sequences: int) -> None:
        self.inbound = Inbound(7, sequences[0], 8_000)
        self.beginnings: list[int] = []
        self._at = 0.0
        for sequence in sequences:
            self.comes(sequence)

    def comes(self, sequence: int) -> None:
        self._at += 0.02
        added = self.inbound.add(sequence & 0xFFFF, sequence * 160, self._at)
        if not added and self.inbound.begins_anew(sequence & 0xFFFF):
            self.beginnings.append(sequence)


@pytest.mark.parametrize("leap", [3_001, 5_000, 32_767, 32_768, 60_000])
def test_a_packet_that_leaps_alone_is_neither_taken_nor_missed(leap: int) -> None:
    heard = Heard(10, 11, 12, 12 + leap, 13, 14)
    assert (heard.inbound.packets, heard.inbound.lost, heard.inbound.late, heard.beginnings) == (5, 0, 0, [])
    assert heard.inbound.extended_highest == 14


def test_what_is_lost_in_a_long_gap_counts_as_lost_still() -> None:
    heard = Heard(10, 11, 3_011)
    assert (heard.inbound.packets, heard.inbound.lost, heard.beginnings) == (3, 2_999, [])


def test_only_two_packets_in_a_row_are_a_beginning() -> None:
    assert Heard(10, 11, 9_000, 9_000, 8_999, 9_002).beginnings == []
    assert Heard(10, 11, 9_000, 12, 9_001).beginnings == [9_001]
    assert Heard(30_000, 30_001, 29_990, 500, 501).beginnings == [501]


def test_a_stream_that_loses_and_leaps_at_random_never_counts_what_was_not_sent() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        sequence = chance.randrange(1 << 16)
        heard = Heard(sequence)
        for sent in range(2, 302):
            sequence += 1
            if chance.random() < 0.9:
                heard.comes(sequence)
            if chance.random() < 0.02:
                heard.comes(sequence + chance.randrange(3_200, 60_000))
            assert heard.inbound.expected <= sent and heard.inbound.packets <= sent
        assert heard.beginnings == []


@pytest.mark.media
@pytest.mark.parametrize("leap", [3_500, 20_000, 50_000])
async def test_a_sender_that_begins_anew_elsewhere_has_lost_nothing_and_is_heard_on(plane, leap: int) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        listener.heard()
        for sequence in range(leap, leap + 10):
            speaker.send(speaker.packet(sequence, _VOICE, timestamp=sequence * 160))
        await eventually(lambda: other.statistics().packets_sent == 3 + 9)
        counted = leg.statistics()
        assert (counted.packets_received, counted.packets_lost) == (3 + 9, 0)
        assert {b[1] - a[1] for a, b in pairwise(listener.heard())} == {1}


@pytest.mark.media
async def test_a_packet_of_somewhere_else_keeps_nobody_from_being_heard(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        for sequence in (3, 4, 9_000, *range(5, 15)):
            speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda: other.statistics().packets_sent == 15)
        counted = leg.statistics()
        assert (counted.packets_received, counted.packets_lost) == (15, 0)
        assert len(listener.heard()) == 15
