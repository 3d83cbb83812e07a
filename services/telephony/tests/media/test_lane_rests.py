"""Where very many speak the lanes' thread rests between two looks; nobody can tell but by how often it is woken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import telephony.media.plane
from chassis.lifecycle import Tasks
from telephony.media import voice_leg
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from testkit import eventually

from .raw_trunk import RawTrunk
from .test_lanes import joined

pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def plane(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaPlane]:
    monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
    monkeypatch.setattr(telephony.media.plane, "_SIP_FILLS", 1 << 30)  # what is sent is compared here
    tasks = Tasks("media")
    made = MediaPlane(MediaSettings(host_addresses("127.0.0.1")), lambda work: tasks.spawn(work, "media"))
    yield made
    await made.close()
    await tasks.close()


def _rests() -> int:
    """How often the lanes' thread has given up its processor."""
    told = [(task / "status").read_text() for task in Path("/proc/self/task").iterdir()]
    (lanes,) = [status for status in told if "Name:\tlanes\n" in status]
    return int(lanes.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


async def test_where_very_many_speak_the_thread_is_woken_for_several_packets_at_once_and_loses_none(plane) -> None:
    with RawTrunk() as speaker, RawTrunk() as listener:
        await joined(plane, speaker, listener)
        listener.heard()
        heard: list[bytes] = []
        said = [number.to_bytes(4, "big") * 5 for number in range(6_000)]
        rests = 0
        for number, payload in enumerate(said):
            speaker.send(speaker.packet(3 + number, payload))
            if number == 2_000:  # it has noticed by now
                rests = _rests()
            if number % 50 == 0:  # its socket holds no more than some hundred
                heard += [payload for *_, payload in listener.heard()]
        rests = _rests() - rests
        await eventually(lambda: heard.extend(payload for *_, payload in listener.heard()) or len(heard) == len(said))
        assert heard == said
        assert rests < 2_000  # of 4,000 packets
