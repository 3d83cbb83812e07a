"""A thread of C passes on what is merely passed on; nobody can tell but by the time it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import runpy
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import telephony.media.plane
from chassis.lifecycle import Tasks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pylibsrtp import Error
from telephony.media import lanes, voice_leg
from telephony.media.codecs import PCMU
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sip_sdp import SdpPolicy
from telephony.media.voice_socket import SocketPoll
from testkit import eventually

from .raw_trunk import RawTrunk
from .taken import Taken

pytestmark = pytest.mark.media
_SERVICE = Path(__file__).parents[2]
_VOICE = bytes(range(160))
SEEDS = (1, 2, 3, 5, 8, 13, 21, 34)
"""Kept, so that whatever they once found stays found."""


@pytest_asyncio.fixture
async def plane(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaPlane]:
    monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
    monkeypatch.setattr(telephony.media.plane, "_SIP_FILLS", 1 << 30)  # what is sent is counted here
    tasks = Tasks("media")
    made = MediaPlane(MediaSettings(host_addresses("127.0.0.1")), lambda work: tasks.spawn(work, "media"))
    yield made
    await made.close()
    await tasks.close()


def ring(plane: MediaPlane, trunk: RawTrunk) -> RtpLeg:
    policy = SdpPolicy(codecs=(PCMU,), srtp="require" if trunk._key else "never")
    leg = plane.rtp(policy, toward="127.0.0.1")
    trunk.call(leg)
    return leg


async def known(leg: RtpLeg, trunk: RawTrunk) -> None:
    """It sends a packet from where it said it is: nobody else can be heard there from then on."""
    before = leg.statistics().packets_received
    trunk.send(trunk.packet(60_000, _VOICE, ssrc=0x9999))
    await eventually(lambda: leg.statistics().packets_received > before)


async def joined(plane: MediaPlane, speaker: RawTrunk, listener: RawTrunk) -> tuple[RtpLeg, RtpLeg]:
    """Two legs in a lane: the speaker has sent packets 0 to 2."""
    leg, other = ring(plane, speaker), ring(plane, listener)
    await known(other, listener)
    leg.forward_to = other.outbound
    for sequence in range(3):
        speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda sequence=sequence: leg.statistics().packets_received > sequence)
        plane.enter_lanes()
    assert leg._lane is not None
    await eventually(lambda: other.statistics().packets_sent == 3)
    return leg, other


def heard_meanwhile(listener: RawTrunk, count: int) -> list[tuple[int, int, int, int, bytes]]:
    """What comes until so many have come; the event loop stands still until then."""
    heard, deadline = listener.heard(), time.monotonic() + 30
    while len(heard) < count and time.monotonic() < deadline:
        time.sleep(0.01)
        heard += listener.heard()
    return heard


@pytest.mark.parametrize("encrypted", [(False, False), (True, True), (True, False), (False, True)])
async def test_voice_goes_on_while_the_event_loop_stands_still(plane, encrypted) -> None:
    with RawTrunk(encrypted=encrypted[0]) as speaker, RawTrunk(encrypted=encrypted[1]) as listener:
        leg, other = await joined(plane, speaker, listener)
        listener.heard()
        packets = [speaker.packet(sequence, _VOICE) for sequence in range(3, 23)]
        talking = threading.Thread(target=lambda: [(speaker.send(packet), time.sleep(0.005)) for packet in packets])
        talking.start()
        talking.join()  # this thread is the event loop's
        heard = heard_meanwhile(listener, len(packets))
        assert [payload for *_, payload in heard] == [_VOICE] * len(packets)
        assert {b[1] - a[1] for a, b in pairwise(heard)} == {1}
        await eventually(lambda: leg.statistics().packets_received == 23 and other.statistics().packets_sent == 23)
        assert leg.statistics().silent_seconds < 5 and leg.statistics().packets_lost == 0


async def test_what_is_said_while_the_event_loop_stands_still_is_recorded_in_order(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        taken: list[tuple[int, bytes]] = []
        leg.tap = lambda _, timestamp, payload: taken.append((timestamp, payload))
        assert leg._lane is None
        plane.enter_lanes()
        assert leg._lane is not None
        for sequence in range(3, 103):
            speaker.send(speaker.packet(sequence, bytes([sequence]) * 160))
        await eventually(lambda: other.statistics().packets_sent == 103)
        leg.tap = None
        assert taken == [(sequence * 160, bytes([sequence]) * 160) for sequence in range(3, 103)]


async def test_what_is_said_while_the_event_loop_stands_still_is_put_on_the_tape_of_who_records(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        tap = leg.tap = Taken()
        plane.enter_lanes()
        assert leg._lane is not None
        began = time.monotonic()
        for sequence in range(3, 103):
            speaker.send(speaker.packet(sequence, bytes([sequence]) * 160))
        await eventually(lambda: other.statistics().packets_sent == 103)
        assert len(tap.payloads) == 100 and leg._lane is not None
        speaker.send(speaker.packet(103, bytes([103]) * 160))
        await eventually(lambda: other.statistics().packets_sent == 104)
        leg.tap = None
        assert tap.payloads == [bytes([sequence]) * 160 for sequence in range(3, 104)]
        assert set(tap.steps) <= {None, 160} and tap.steps.count(None) <= 3
        assert tap.arrivals == sorted(tap.arrivals)
        assert began - 0.001 <= tap.arrivals[0] <= tap.arrivals[-1] <= time.monotonic()


async def test_a_tape_takes_a_megabyte_and_tells_what_it_lost_beyond(plane, monkeypatch) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(lanes.log, "error", lambda event, **fields: said.append({"event": event, **fields}))
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        tap = leg.tap = Taken()
        plane.enter_lanes()
        voice = bytes(1200)
        for first in range(3, 1003, 50):
            for sequence in range(first, first + 50):
                speaker.send(speaker.packet(sequence, voice))
            await eventually(lambda first=first: other.statistics().packets_sent == first + 50)
            listener.heard()
        speaker.send(speaker.packet(1003, bytes([7, 10, 0, 160]), payload_type=101))
        await eventually(lambda: said)
        kept = len(tap.payloads)
        assert 0 <= (1 << 20) // 1210 - kept <= 5 and said[0]["for_recordings"] == 1000 - kept


async def test_a_recording_that_cannot_keep_up_says_what_it_lost_and_the_call_goes_on(plane, monkeypatch) -> None:
    monkeypatch.setattr(lanes, "_TAPPED_BYTES", 4096)
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(lanes.log, "error", lambda event, **fields: said.append({"event": event, **fields}))
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        taken: list[int] = []
        leg.tap = lambda _, timestamp, __: taken.append(timestamp)
        plane.enter_lanes()
        for sequence in range(3, 53):
            speaker.send(speaker.packet(sequence, _VOICE))
        assert len(heard_meanwhile(listener, 53)) == 53  # the three it was joined with are among them
        await eventually(lambda: said and taken)
        assert sum(each["for_recordings"] for each in said) + len(taken) == 50
        assert other.statistics().packets_sent == 53


async def test_who_floods_us_with_what_is_not_voice_leaves_room_for_others_digits(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener, RawTrunk() as flooding, RawTrunk() as flooded:
        leg, _ = await joined(plane, speaker, listener)
        flood, _ = await joined(plane, flooding, flooded)
        digits: list[str] = []
        leg.on_digit = digits.append
        for _ in range(600):  # the event loop stands still meanwhile
            flooding.send(b"\x80\xc8" + bytes(1200))
        time.sleep(0.05)  # noqa: ASYNC251
        speaker.send(speaker.packet(3, bytes([7, 10, 0, 160]), payload_type=101))
        await eventually(lambda: digits == ["7"])
        assert flood._lane is not None
        flooding.send(flooding.packet(3, _VOICE))
        await eventually(lambda: flood.statistics().packets_received == 4)


async def test_a_digit_is_read_and_leaves_no_gap(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        digits: list[str] = []
        leg.on_digit = digits.append
        event = bytes([5, 10, 0, 160])
        for sequence in range(3, 8):
            speaker.send(speaker.packet(sequence, event, payload_type=101, timestamp=480))
        for sequence in range(8, 12):
            speaker.send(speaker.packet(sequence, _VOICE))
        await eventually(lambda: other.statistics().packets_sent == 7)
        assert digits == ["5"]
        sequences = [sequence for _, sequence, *_ in listener.heard()]
        assert sequences == [sequences[0] + step for step in range(7)]


async def test_whatever_changes_for_a_leg_changes_with_its_next_packet(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener, RawTrunk() as third:
        leg, other = await joined(plane, speaker, listener)
        another = ring(plane, third)
        await known(another, third)

        async def said(sequence: int) -> None:
            speaker.send(speaker.packet(sequence, _VOICE))
            await eventually(lambda: leg.statistics().packets_received == sequence + 1)
            plane.enter_lanes()

        listener.heard()
        leg.muted = True
        await said(3)
        await said(4)
        assert leg._lane is not None
        await said(5)
        assert {payload for *_, payload in listener.heard()} == {PCMU.silence[:1] * 160}
        leg.muted = False
        leg.forward_to = another.outbound
        await said(6)
        assert [payload for *_, payload in third.heard()] == [_VOICE] and not listener.heard()
        leg.forward_to = None
        await said(7)
        assert not third.heard() and not listener.heard()
        leg.forward_to = other.outbound
        await said(8)
        await plane.close_leg(other)
        speaker.send(speaker.packet(9, _VOICE))
        await eventually(lambda: leg.statistics().packets_received == 10)
        assert len(listener.heard()) == 1


async def test_a_forged_packet_is_counted_and_neither_heard_nor_able_to_end_a_lane(plane) -> None:
    with RawTrunk(encrypted=True) as speaker, RawTrunk() as listener:
        leg, other = await joined(plane, speaker, listener)
        for sequence in range(3, 13):
            forged = bytearray(speaker.packet(sequence, _VOICE))
            forged[-1] ^= 1
            speaker.send(bytes(forged))
        await eventually(lambda: leg.statistics().forged == 10)
        assert leg._lane is not None
        speaker.send(speaker.packet(13, _VOICE))
        await eventually(lambda: other.statistics().packets_sent == 4)


async def test_lanes_of_closed_legs_leave_nothing_behind(plane) -> None:
    for _ in range(20):
        with RawTrunk(encrypted=True) as speaker, RawTrunk(encrypted=True) as listener:
            leg, other = await joined(plane, speaker, listener)
            await plane.close_leg(leg)
            await plane.close_leg(other)
    made = plane._lanes
    assert made is not None
    made.drain()
    made.drain()
    assert not made._by_id and not made._gone
    assert not made.idle(-1.0)


def test_without_a_compiler_media_is_forwarded_in_python_and_the_log_says_so(monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(lanes, "lib", None)
    monkeypatch.setattr(lanes.log, "warning", lambda event, **_: said.append(event))
    assert lanes.start_lanes(SocketPoll()) is None
    assert len(said) == 1 and "Python" in said[0]


_SCHEDULED = """
import asyncio, os, pathlib
from telephony.media.lanes import lib, start_lanes
from telephony.media.voice_socket import SocketPoll

async def told():
    poll = SocketPoll()
    lanes = start_lanes(poll)
    (task,) = [each for each in pathlib.Path("/proc/self/task").iterdir() if (each / "comm").read_text() == "lanes\\n"]
    thread = int(task.name)
    print(lib.lanes_priority(lanes.all), os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread),
          os.getpriority(os.PRIO_PROCESS, 0))
    lanes.close()
    poll.close()

asyncio.run(told())
if not os.geteuid():
    os.setuid(65534)
    asyncio.run(told())
"""


def test_the_thread_goes_before_others_where_the_system_lets_it_and_works_where_it_does_not() -> None:
    command = [sys.executable, "-c", _SCHEDULED]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = [line for line in run.stdout.splitlines() if not line.startswith("{")]
    assert run.returncode == 0 and len(lines) == (1 if os.geteuid() else 2), run.stderr
    for priority, policy, niceness, own in (map(int, line.split()) for line in lines):
        assert policy == (os.SCHED_RR if priority == 2 else os.SCHED_OTHER)
        assert own == os.getpriority(os.PRIO_PROCESS, 0)
        assert priority == 2 or niceness == (-10 if priority else own)


# -- nothing is touched that isn't there -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the C part compiled to check every access to memory as it happens."""
    folder = tmp_path_factory.mktemp("lanes")
    build = runpy.run_path(str(_SERVICE / "lanes_build.py"))
    build["ffi"].emit_c_code(str(folder / "_lanes.c"))
    media = _SERVICE / "src/telephony/media"
    include = f"-I{sysconfig.get_path('include')}", f"-I{media}"
    subprocess.run(
        ["gcc", "-std=gnu11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover", "-fPIC", "-shared",
         *include, "-o", folder / "_lanes.abi3.so", folder / "_lanes.c",
         *(media / f"{part}.c" for part in build["PARTS"])],
        check=True,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_no_memory_is_touched_that_is_not_there_whatever_comes_and_whoever_goes(checked, seed) -> None:
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ, "LD_PRELOAD": asan.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
        "PYTHONMALLOC": "malloc",
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("lanes_storm.py")), str(checked), str(seed), "3"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr[-4000:]
    entered, packets = map(int, run.stdout.split())
    assert entered and packets, run.stdout


# -- both ways give the same ------------------------------------------------------------------------------------


def story(seed: int, length: int = 150) -> list[tuple[int, bytes, int, int, int]]:
    """(sequence, payload, type, first byte, SSRC) of what a bad network and a worse peer deliver."""
    rng = random.Random(seed)
    told: list[tuple[int, bytes, int, int, int]] = []
    sequence, ssrc = rng.choice([3, 65_500, 32_700]), 0x1234
    for _ in range(length):
        kind = rng.random()
        sequence += 1
        payload = bytes([len(told) & 0xFF]) * rng.choice([160, 160, 160, 80, 1])
        if kind < 0.05:
            sequence += rng.choice([1, 2, 5, 40])  # lost
        elif kind < 0.07:
            sequence += rng.choice([2_990, 3_500, 20_000, 40_000])
        elif kind < 0.09:
            sequence -= rng.choice([127, 128, 129, 200, 5_000])
        elif kind < 0.11:
            ssrc = rng.getrandbits(32)
        first, payload_type = 0x80, rng.choice([0, 0, 0, 0, 0, 0, 0, 0, 0x80, 13, 101, 8])
        if kind > 0.97:
            first = rng.getrandbits(8)
        told.append((sequence, payload, payload_type, first, ssrc))
        if kind > 0.9:
            told.append(told[-1])  # twice
        if 0.8 < kind < 0.85 and len(told) > 3:
            at = len(told) - rng.randint(1, 3)
            told[at], told[-1] = told[-1], told[at]
    return told


async def _told(plane: MediaPlane, story: list[tuple[int, bytes, int, int, int]], *, encrypted: bool) -> Any:
    """What a listener hears of it, and how it is counted."""
    with RawTrunk(encrypted=encrypted) as speaker, RawTrunk() as listener:
        leg, other = ring(plane, speaker), ring(plane, listener)
        await known(other, listener)
        leg.forward_to = other.outbound
        digits: list[str] = []
        leg.on_digit = digits.append
        tap = leg.tap = Taken()
        heard: list[tuple[int, int, int, int, bytes]] = []
        entered = 0
        for number, (sequence, payload, payload_type, first, ssrc) in enumerate(story):
            if encrypted and first != 0x80:
                continue  # libsrtp won't encrypt what isn't RTP
            with contextlib.suppress(Error):  # too far behind to be encrypted at all
                speaker.send(speaker.packet(sequence, payload, payload_type=payload_type, first=first, ssrc=ssrc))
            if number % 4 == 0:
                await asyncio.sleep(0)
                plane.enter_lanes()
                entered += leg._lane is not None
            if number % 16 == 0:
                await asyncio.sleep(0.001)
                heard += listener.heard()
        speaker.send(speaker.packet(7, b"end", ssrc=0xE0D))
        while not heard or heard[-1][-1] != b"end":
            await asyncio.sleep(0.001)
            heard += listener.heard()
        statistics, base = leg.statistics(), heard[0][1] if heard else 0
        inbound = leg._inbound
        assert inbound is not None
        counted = (
            statistics.packets_received, statistics.packets_lost, statistics.packets_sent, statistics.forged,
            inbound.extended_highest, inbound.expected, inbound.late, inbound.ssrc, other.outbound.octets,
        )  # fmt: skip
        sound = [(second, sequence - base & 0xFFFF, payload) for second, sequence, *_, payload in heard]
        await plane.close_leg(leg)
        await plane.close_leg(other)
        assert (entered > 0) == plane.settings.lanes
        return (sound, counted, digits, tap.payloads), tap.steps


def _both(seed: int, *, encrypted: bool) -> None:
    async def one(*, by_lanes: bool) -> Any:
        tasks = Tasks("media")
        made = MediaPlane(
            MediaSettings(host_addresses("127.0.0.1"), lanes=by_lanes), lambda work: tasks.spawn(work, "media")
        )
        try:
            return await _told(made, story(seed), encrypted=encrypted)
        finally:
            await made.close()
            await tasks.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
        patch.setattr(telephony.media.plane, "_SIP_FILLS", 1 << 30)
        (by_lane, its_steps), (by_python, steps) = (asyncio.run(one(by_lanes=lanes)) for lanes in (True, False))
    assert by_lane == by_python
    assert all(None in pair or pair[0] == pair[1] for pair in zip(its_steps, steps, strict=True))


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_lane_and_python_pass_on_and_count_the_same(seed, encrypted) -> None:
    _both(seed, encrypted=encrypted)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_a_lane_and_python_pass_on_and_count_the_same_whatever_comes(seed) -> None:
    _both(seed, encrypted=False)
