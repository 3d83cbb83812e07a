"""Packets that are decoded are read once a slot; nobody can tell but by the processor time it takes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from chassis.lifecycle import Tasks
from pylibsrtp import Error
from telephony.media import voice_leg
from telephony.media.codecs import PCMU
from telephony.media.decoding import Decoding
from telephony.media.gathering import Gathered
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.rtp import HEADER_SIZE, VIEW
from telephony.media.rtp_leg import RtpLeg
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lanes import SEEDS, known, ring, story

pytestmark = pytest.mark.media
_VOICE = bytes(range(160))


class Ear:
    """A sink that a tick would take from: what it was given, in its order."""

    patient = True

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, bytes]] = []
        self.skipped: list[int] = []

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        self.heard.append((sequence, timestamp, bytes(VIEW[HEADER_SIZE:length])))

    def skip(self, source: object, sequence: int) -> None:
        self.skipped.append(sequence)

    def restart(self) -> None: ...


@contextlib.asynccontextmanager
async def _plane(*, gathers: bool) -> AsyncIterator[MediaPlane]:
    tasks = Tasks("media")
    made = MediaPlane(
        MediaSettings(host_addresses("127.0.0.1"), lanes=gathers), lambda work: tasks.spawn(work, "media")
    )
    yield made
    await made.close()
    await tasks.close()


@pytest_asyncio.fixture
async def plane(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaPlane]:
    monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
    async with _plane(gathers=True) as made:
        yield made


async def _gathered(plane: MediaPlane, speaker: RawTrunk) -> tuple[RtpLeg, Ear]:
    """A leg whose packets are gathered: the speaker has sent packets 0 to 2."""
    leg, ear = ring(plane, speaker), Ear()
    await known(leg, speaker)
    leg.forward_to = ear
    for sequence in range(3):
        speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda sequence=sequence: len(ear.heard) > sequence)
        plane.enter_lanes()
    assert isinstance(leg._lane, Gathered)
    return leg, ear


async def _told(plane: MediaPlane, seed: int, *, encrypted: bool) -> Any:
    """What an ear hears of a story, and how it is counted."""
    with RawTrunk(encrypted=encrypted) as speaker:
        leg, ear, gathered = ring(plane, speaker), Ear(), 0
        await known(leg, speaker)
        digits: list[str] = []
        leg.forward_to, leg.on_digit = ear, digits.append
        taped: list[bytes] = []
        leg.tap = lambda _, __, payload: taped.append(payload)
        for number, (sequence, payload, payload_type, first, ssrc) in enumerate(story(seed)):
            if encrypted and first != 0x80:
                continue  # libsrtp won't encrypt what isn't RTP
            with contextlib.suppress(Error):  # too far behind to be encrypted at all
                speaker.send(speaker.packet(sequence, payload, payload_type=payload_type, first=first, ssrc=ssrc))
            if number % 4 == 0:
                await asyncio.sleep(0.001)
                plane.enter_lanes()
                gathered += leg._lane is not None
        speaker.send(speaker.packet(7, b"end", ssrc=0xE0D))
        await eventually(lambda: ear.heard[-1:] and ear.heard[-1][-1] == b"end")
        statistics, inbound = leg.statistics(), leg._inbound
        assert inbound is not None and (gathered > 0) == plane.settings.lanes
        counted = (
            statistics.packets_received, statistics.packets_lost, statistics.forged,
            inbound.extended_highest, inbound.expected, inbound.late, inbound.ssrc,
        )  # fmt: skip
        await plane.close_leg(leg)
        return ear.heard, ear.skipped, taped, counted, digits


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("seed", SEEDS[:4])
async def test_gathered_and_one_by_one_the_same_is_heard_and_counted(monkeypatch, seed, encrypted) -> None:
    monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
    async with _plane(gathers=True) as one, _plane(gathers=False) as other:
        assert await _told(one, seed, encrypted=encrypted) == await _told(other, seed, encrypted=encrypted)


async def test_jitter_is_that_of_the_way_here_and_not_of_when_packets_are_read(plane) -> None:
    with RawTrunk() as speaker:
        leg, ear = await _gathered(plane, speaker)
        began, at_once, sent = time.monotonic(), 20, 0
        jitter: list[float] = []

        def talk(already: int) -> None:
            first = time.monotonic()
            for number in range(at_once):
                time.sleep(max(0.0, first + number * 0.02 - time.monotonic()))
                # Its clock shows when it really sends, however late this machine lets it.
                spoken = 480 + int((time.monotonic() - began) * 8_000)
                speaker.send(speaker.packet(3 + already + number, _VOICE, timestamp=spoken))

        while not jitter or (jitter[-1] >= 0.008 and len(jitter) < 10):  # it may be held up between clock and sending
            talking = threading.Thread(target=talk, args=(sent,))
            talking.start()
            talking.join()  # this thread is the event loop's: all of them are read together
            sent += at_once
            await eventually(lambda sent=sent: len(ear.heard) == 3 + sent)
            jitter.append(leg.statistics().jitter_seconds)
        assert jitter[-1] < 0.008, jitter  # 14 ms when all had come at once


async def test_a_digit_is_read_and_not_taken_for_a_lost_packet(plane) -> None:
    with RawTrunk() as speaker:
        leg, ear = await _gathered(plane, speaker)
        digits: list[str] = []
        leg.on_digit = digits.append
        for sequence in range(3, 6):
            speaker.send(speaker.packet(sequence, bytes([5, 10, 0, 160]), payload_type=101, timestamp=480))
        for sequence in range(6, 9):
            speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda: len(ear.heard) == 6)
        assert digits == ["5"] and ear.skipped == [3, 4, 5] and leg.statistics().packets_lost == 0


async def test_whoever_is_muted_or_heard_elsewhere_is_so_from_the_next_packet_on(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, ear = await _gathered(plane, speaker)
        other = ring(plane, listener)
        await known(other, listener)

        async def said(sequence: int) -> None:
            speaker.send(speaker.packet(sequence, _VOICE))
            await eventually(lambda: leg.statistics().packets_received == 2 + sequence)
            plane.enter_lanes()

        leg.muted = True
        await said(3)
        await said(4)
        assert isinstance(leg._lane, Gathered)
        assert {payload for *_, payload in ear.heard[3:]} == {PCMU.silence[:1] * 160}
        leg.muted, leg.forward_to = False, other.outbound
        await said(5)
        assert len(ear.heard) == 5 and [payload for *_, payload in listener.heard()] == [_VOICE]


async def test_who_floods_us_keeps_nobody_elses_sound_waiting_and_loses_only_its_own(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as flooding:
        _, ear = await _gathered(plane, speaker)
        flood, _ = await _gathered(plane, flooding)
        for _ in range(600):  # the event loop stands still meanwhile
            flooding.send(b"\x80\xc8" + bytes(1200))
        for sequence in range(3, 6):
            speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda: len(ear.heard) == 6)
        assert isinstance(flood._lane, Gathered)


async def test_a_sink_that_fails_costs_the_others_nothing(plane) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    with RawTrunk() as speaker, RawTrunk() as unlucky:
        _, ear = await _gathered(plane, speaker)
        failing, broken = await _gathered(plane, unlucky)
        broken.heard = None  # type: ignore[assignment]
        for sequence in range(3, 6):
            unlucky.send(unlucky.packet(sequence, _VOICE))
            speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda: len(ear.heard) == 6 and len(reported) == 3)
        assert failing.statistics().packets_received == 7


async def test_gathered_legs_that_are_closed_leave_nothing_behind(plane) -> None:
    for _ in range(10):
        with RawTrunk(encrypted=True) as speaker:
            leg, _ = await _gathered(plane, speaker)
            leg.forward_to = Decoding(PCMU, 8_000)
            plane.enter_lanes()
            assert isinstance(leg._lane, Gathered)
            await plane.close_leg(leg)
    assert not plane._gathering._by_address and not plane.ticker._readers
