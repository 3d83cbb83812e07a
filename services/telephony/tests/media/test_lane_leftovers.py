"""What the lanes' thread has put down for Python when a lane closes is taken before the leg's next lane opens."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from telephony.media.lanes import Lane, Lanes, lib
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lane_rests import plane
from .test_lanes import joined

__all__ = ["plane"]
pytestmark = pytest.mark.media
_VOICE = bytes(range(160))


def _put_down(lanes: Lanes, before: int) -> None:
    """Wait for the thread, while the event loop stands still."""
    deadline = time.monotonic() + 30
    while lib.lanes_written(lanes.all, 0) == before:
        assert time.monotonic() < deadline


async def test_what_a_lane_left_is_heard_and_counted_before_the_next_one_opens(plane, monkeypatch) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        lanes, taken = plane._lanes, Lanes._guard
        listener.heard()

        def meanwhile(self: Lanes, lane: Lane, length: int, rtp: bool) -> None:
            """The thread puts down another packet while the one that ends the lane is taken."""
            monkeypatch.setattr(Lanes, "_guard", taken)
            before = lib.lanes_written(lanes.all, 0)
            speaker.send(speaker.packet(4, _VOICE))
            _put_down(lanes, before)
            taken(self, lane, length, rtp)

        monkeypatch.setattr(Lanes, "_guard", meanwhile)
        before = lib.lanes_written(lanes.all, 0)
        speaker.send(speaker.packet(3, bytes([7, 10, 0, 160]), payload_type=101))  # a digit is Python's
        _put_down(lanes, before)
        lanes.drain()
        plane.enter_lanes()
        assert leg._lane is not None
        speaker.send(speaker.packet(5, _VOICE))
        await eventually(lambda: other.statistics().packets_sent == 5)
        assert leg.statistics().packets_received == 6
        assert {later[1] - earlier[1] for earlier, later in pairwise(listener.heard())} == {1}
