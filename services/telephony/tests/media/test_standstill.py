"""A process that stood still is silent until it knows whose its calls are."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from telephony.media import lanes, standstill
from telephony.media.codecs import PCMU
from telephony.media.sip_sdp import SdpPolicy
from telephony.media.standstill import STANDSTILL, Standstill
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lanes import joined, plane  # noqa: F401  a fixture

pytestmark = pytest.mark.media


def test_who_stood_still_is_silent_until_its_calls_were_looked_at_or_nobody_could_say(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(standstill, "monotonic", lambda: now[0])
    made = Standstill()

    def later(seconds: float) -> bool:
        now[0] += seconds
        made.runs()
        return made.silent

    assert not later(0.1) and not later(1.0), "a slow machine is none that stood still"
    assert later(30.0) and later(0.1)
    made.over()
    assert not later(0.1)
    assert later(2.0) and later(1.0) and later(1.0)
    assert not later(1.1), "the database is away: the calls are ours"
    now[0] += 600
    made.begin()
    assert not later(0.1), "nothing was to be done meanwhile"


def spoken(speaker: RawTrunk, listener: RawTrunk, numbers: Iterator[int]) -> Any:
    """What is heard when the calls are still ours and somebody speaks; asked again, for a busy machine may stand still
    once more."""
    STANDSTILL.over()
    speaker.send(speaker.packet(sequence := next(numbers), bytes([sequence]) * 160))
    return listener.heard()


@pytest.mark.parametrize("studio", ["python"], indirect=True)
async def test_on_waking_nothing_is_said_in_calls_that_may_be_anothers(studio) -> None:
    numbers = itertools.count(4)
    with RawTrunk() as speaker, RawTrunk() as listener:
        legs = [studio.plane.rtp(SdpPolicy(codecs=(PCMU,)), toward="127.0.0.1") for _ in range(2)]
        speaker.call(legs[0])
        listener.call(legs[1])
        legs[0].forward_to = legs[1].outbound
        speaker.send(speaker.packet(1, bytes(160)))
        await eventually(listener.heard)
        speaker.send(speaker.packet(2, bytes(160)))
        time.sleep(standstill.STOOD_SECONDS + 0.2)  # noqa: ASYNC251  the process stands still
        await eventually(lambda: legs[0].statistics().packets_received == 2)
        speaker.send(speaker.packet(3, bytes(160)))
        await eventually(lambda: legs[0].statistics().packets_received == 3)
        assert not listener.heard()
        assert await eventually(lambda: spoken(speaker, listener, numbers))


@pytest.fixture
def freezing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The thread stands still for as long as is put in here, with the next packet of an encrypted leg in hand."""
    seconds: list[float] = []
    real = lanes.protect_address()

    @lanes.ffi.callback("int(void *, void *, int *)")
    def protect(context: Any, packet: Any, length: Any) -> int:
        if seconds:
            time.sleep(seconds.pop())
        return real(context, packet, length)

    monkeypatch.setattr(lanes, "protect_address", lambda: protect)
    return seconds


async def test_a_thread_that_stood_still_drops_what_it_had_in_hand_and_asks_python_about_the_rest(
    freezing,
    plane,  # noqa: F811
) -> None:
    with RawTrunk() as speaker, RawTrunk(encrypted=True) as listener:
        leg, _ = await joined(plane, speaker, listener)
        listener.heard()
        freezing.append(standstill.STOOD_SECONDS + 0.1)
        for sequence in (3, 4):
            speaker.send(speaker.packet(sequence, bytes([sequence]) * 160))
        await eventually(lambda: leg.statistics().packets_received == 5)
        await eventually(lambda: leg._lane is None)
        assert not listener.heard()
        numbers = itertools.count(5)
        # The event loop waited for the thread.
        (first, *_) = await eventually(lambda: spoken(speaker, listener, numbers))
        assert first[-1][0] >= 5, "what was in hand, and what came meanwhile, is never heard"
