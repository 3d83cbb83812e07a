"""A sender whose clock leaps under the same SSRC is heard on: its leap is nobody else's."""

from __future__ import annotations

from itertools import pairwise

import pytest
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lane_rests import plane
from .test_lanes import joined

__all__ = ["plane"]
pytestmark = pytest.mark.media
_VOICE = bytes(range(160))


@pytest.mark.parametrize("leap", [-30 * 8_000, 3_600 * 8_000])
async def test_where_a_speakers_clock_leaps_the_listeners_goes_on(plane, leap: int) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        for sequence in range(3, 9):
            speaker.send(speaker.packet(sequence, _VOICE, timestamp=(1 << 30) + leap + sequence * 160))
            await eventually(lambda sequence=sequence: other.statistics().packets_sent == sequence + 1)
            plane.enter_lanes()
        heard = [(sequence, timestamp) for _, sequence, timestamp, *_ in listener.heard()]
        steps = [(b[0] - a[0] & 0xFFFF, b[1] - a[1] & 0xFFFFFFFF) for a, b in pairwise(heard)]
        assert [sequence for sequence, _ in steps] == [1] * 8
        assert all(160 <= timestamp < 30 * 8_000 for _, timestamp in steps), steps
        assert [timestamp for _, timestamp in steps].count(160) >= 7, "but for the leap time goes on evenly"
        assert leg.statistics().packets_received == 9
