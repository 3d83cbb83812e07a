"""SRTP over a long call: sequence numbers that begin anew, keys and sources that change, packets that come twice."""

from __future__ import annotations

import base64
import random
import re
import secrets
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from chassis.lifecycle import Tasks
from pylibsrtp import Error, Policy, Session
from telephony.media import plane as plane_module
from telephony.media import voice_leg
from telephony.media.codecs import PCMU
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually

from .raw_trunk import SUITE, RawTrunk

pytestmark = pytest.mark.media
_REQUIRE = SdpPolicy(codecs=(PCMU,), srtp="require", suites=(SUITE,))
_VOICE = bytes(range(160))
_LATE = 0x1_0000 - 6


@pytest_asyncio.fixture(params=["lanes", "python"])
async def plane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaPlane]:
    monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
    monkeypatch.setattr(plane_module, "_SIP_FILLS", 1 << 30)  # packets are counted here
    tasks = Tasks("media")
    settings = MediaSettings(host_addresses("127.0.0.1"), lanes=request.param == "lanes")
    made = MediaPlane(settings, lambda work: tasks.spawn(work, "media"))
    yield made
    await made.close()
    await tasks.close()


class Line:
    """A trunk that speaks to a listener, both by SRTP, in a lane when the plane has them."""

    def __init__(self, plane: MediaPlane, speaker: RawTrunk, listener: RawTrunk) -> None:
        self.plane, self.speaker, self.listener = plane, speaker, listener
        self.leg, self.other = (plane.rtp(_REQUIRE, toward="127.0.0.1") for _ in range(2))
        speaker.call(self.leg)
        listener.call(self.other)
        self.leg.forward_to = self.other.outbound
        self.sent: dict[int, bytes] = {}

    async def meet(self, first: int = 0) -> None:
        """The listener is known by a packet of its own, and the speaker's first two are heard."""
        self.listener.send(self.listener.packet(1, _VOICE))
        await eventually(lambda: self.other.statistics().packets_received)
        await self.say([first])
        await self.say([first + 1])
        assert (self.leg._lane is not None) == self.plane.settings.lanes

    async def say(self, sequences: Sequence[int], *, heard: int | None = None) -> list[int]:
        """Send these packets in this order; the sequence numbers in which they are heard, `heard` of them or all."""
        for each in sorted(set(sequences)):
            datagram = self.speaker.packet(each, _VOICE)
            self.sent[each & 0xFFFF] = datagram
        self.listener.heard()
        for each in sequences:
            self.speaker.send(self.sent[each & 0xFFFF])
        found: list[int] = []

        def all_heard() -> bool:
            found.extend(sequence for _, sequence, *_, payload in self.listener.heard() if payload == _VOICE)
            return len(found) >= (len(sequences) if heard is None else heard)

        await eventually(all_heard, every=0.001)
        self.plane.enter_lanes()
        return found


@pytest_asyncio.fixture
async def line(plane: MediaPlane) -> AsyncIterator[Line]:
    with RawTrunk(encrypted=True) as speaker, RawTrunk(encrypted=True) as listener:
        yield Line(plane, speaker, listener)


def _steps(heard: Sequence[int]) -> list[int]:
    return [(each - heard[0]) & 0xFFFF for each in heard]


# -- sequence numbers that begin anew --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "story",
    [
        list(range(2, 12)),
        [2, 3, 5, 4, 7, 6, 9, 8, 11, 10],  # 65535 comes after 0
        [2, 3, 4, 10, 11],  # those around the wrap are lost
        [2, 3, 8, 9, 4, 5, 6, 7],  # late ones from before it
    ],
    ids=["in order", "in disorder", "with a gap", "late"],
)
@pytest.mark.parametrize("ours", [False, True], ids=["their numbers", "ours too"])
async def test_voice_goes_on_when_sequence_numbers_begin_anew(line, story, ours) -> None:
    if ours:
        line.other.outbound._sequence = _LATE
    await line.meet(_LATE)
    heard = await line.say([_LATE + each for each in story])
    assert _steps(heard) == [each - story[0] for each in story]
    assert line.leg.statistics().forged == 0
    assert line.leg.statistics().packets_lost == 12 - len(story) - 2 if story[-1] == 11 else True


async def test_voice_goes_on_over_many_rounds_of_sequence_numbers(line) -> None:
    rng = random.Random(7)
    await line.meet()
    sequence, rounds = 2, 3
    while sequence < rounds << 16:
        jump = sequence + rng.randrange(2_000, 2_990)
        pair = [jump + 1, jump] if rng.random() < 0.3 else [jump, jump + 1]
        assert len(await line.say(pair)) == 2
        sequence = jump + 1
    assert line.leg.statistics().forged == 0
    assert line.leg._inbound.extended_highest >> 16 == rounds


# -- packets that come twice -----------------------------------------------------------------------------------------


async def test_a_packet_that_comes_twice_is_heard_once_whoever_had_the_first_one(line) -> None:
    await line.meet()
    assert len(await line.say([2, 3, 4, 5, 3, 2], heard=4)) == 4
    line.leg.leave_lanes()  # the rest is Python's, by the same counters
    for each in (2, 3, 4, 5):
        line.speaker.send(line.sent[each])
    await eventually(lambda: line.leg.statistics().forged == 6)
    assert len(await line.say([6])) == 1
    assert line.leg.statistics().packets_received == 7


# -- keys that change ------------------------------------------------------------------------------------------------


def _renew(trunk: RawTrunk, leg: RtpLeg, *, begin_anew: bool, at: int = 0) -> None:
    """The peer's re-INVITE with another key, answered. `begin_anew`: its counter of rounds does, as with Microsoft
    Teams; else it goes on from `at`, as RFC 3711 has it.
    """
    key = trunk._key = secrets.token_bytes(30)
    answer = leg.answer(trunk._describe())
    theirs = re.search(r"inline:(\S+)", answer)
    assert theirs is not None
    trunk._tx = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    trunk._rx = Session(Policy(key=base64.b64decode(theirs[1]), ssrc_type=Policy.SSRC_ANY_INBOUND))
    if not begin_anew:
        _count_to(trunk, at)


def _count_to(trunk: RawTrunk, at: int) -> None:
    """Let the peer have sent so many packets."""
    for step in range(0x2000, at, 0x4000):
        trunk.packet(step, b"")


@pytest.mark.parametrize("begin_anew", [True, False], ids=["counting anew", "counting on"])
async def test_a_new_key_in_a_long_call_is_taken_up_whether_the_peer_counts_on_or_anew(line, begin_anew) -> None:
    await line.meet()
    for sequence in range(2_990, 0x1_8000, 2_990):
        await line.say([sequence])
    _renew(line.speaker, line.leg, begin_anew=begin_anew, at=0x1_8000)
    heard = await line.say([0x1_8000, 0x1_8001])
    assert len(heard) == 2
    await line.say([0x1_8002])
    assert (line.leg._lane is not None) == line.plane.settings.lanes
    assert line.leg.statistics().forged == 0


async def test_what_was_on_its_way_when_the_key_changed_is_heard_still_and_later_nothing_of_the_old_one(line) -> None:
    await line.meet()
    on_its_way = [line.speaker.packet(each, _VOICE) for each in (2, 3, 4)]
    _renew(line.speaker, line.leg, begin_anew=True)
    line.listener.heard()
    before = line.other.statistics().packets_sent
    for datagram in on_its_way[:2]:
        line.speaker.send(datagram)
    await eventually(lambda: line.other.statistics().packets_sent == before + 2)
    assert len(line.listener.heard()) == 2 and line.leg._lane is None
    await line.say([5])
    line.speaker.send(on_its_way[2])
    await eventually(lambda: line.leg.statistics().forged == 1)
    await line.say([6])
    assert line.leg.statistics().packets_received == 6


async def test_a_new_key_of_ours_begins_with_a_stream_of_its_own(line) -> None:
    line.other.outbound._sequence = _LATE
    await line.meet()
    await line.say(range(2, 20))
    stream = {ssrc for *_, ssrc, _ in line.listener.heard()} | {line.other.outbound.ssrc}
    _renew(line.listener, line.other, begin_anew=True)
    line.speaker.send(line.speaker.packet(20, _VOICE))
    heard = []
    await eventually(lambda: heard.extend(line.listener.heard()) or heard)
    _, sequence, _, ssrc, payload = heard[0]
    assert payload == _VOICE and ssrc not in stream
    assert sequence < 0x8000, "a receiver that misses the first packets must not have missed a round"


async def test_a_call_taken_over_hears_a_peer_that_keeps_its_key_and_its_count(plane) -> None:
    with RawTrunk(encrypted=True) as trunk:
        dead = plane.rtp(_REQUIRE, toward="127.0.0.1")
        trunk.call(dead)
        _count_to(trunk, 3 << 16)
        heir = plane.rtp(_REQUIRE, toward="127.0.0.1", state=dead.state())
        port = re.search(r"m=audio (\d+)", heir.offer())
        heir.apply(trunk._describe())
        assert port is not None
        trunk.socket.connect(("127.0.0.1", int(port[1])))
        for sequence in range((3 << 16) + 7, (3 << 16) + 17):
            trunk.send(trunk.packet(sequence, _VOICE))
        await eventually(lambda: heir.statistics().packets_received == 10)
        assert heir.statistics().forged == 0


async def test_who_sends_with_no_key_of_ours_costs_a_search_or_two_and_then_nothing(plane) -> None:
    with RawTrunk(encrypted=True) as trunk:
        leg = plane.rtp(_REQUIRE, toward="127.0.0.1")
        trunk.call(leg)
        right, trunk._tx = trunk._tx, Session(Policy(key=bytes(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        walked: list[int] = []
        take_up = leg._rx._now.take_up
        leg._rx._now.take_up = lambda packet: walked.append(1) or take_up(packet)
        for sequence in range(50):
            trunk.send(trunk.packet(sequence, _VOICE))
        await eventually(lambda: leg.statistics().forged == 50)
        assert len(walked) <= 4
        trunk._tx = right
        trunk.send(trunk.packet(50, _VOICE))
        await eventually(lambda: leg.statistics().packets_received == 1)


# -- sources that change ---------------------------------------------------------------------------------------------


async def test_a_peer_may_change_its_source_as_often_as_it_likes_and_nothing_grows(line) -> None:
    await line.meet()
    line.listener.heard()
    first = line.speaker.packet(2, _VOICE)
    for ssrc in range(1, 200):
        line.speaker.ssrc = ssrc
        line.speaker.send(line.speaker.packet(ssrc * 331, _VOICE))
    await eventually(lambda: line.leg.statistics().packets_received == 201)
    assert len(line.listener.heard()) == 199
    assert len(line.leg._sources) <= 32
    session = line.leg._rx._now._session
    kept = [ssrc for ssrc in range(1, 200) if not _raises(session, ssrc)]
    assert len(kept) <= 32, "libsrtp goes through all of them for each packet"
    line.speaker.send(first)
    await line.say([90_000])
    assert line.leg.statistics().forged == 0


def _raises(session: Session, ssrc: int) -> bool:
    try:
        session.remove_stream(ssrc)
    except Error:
        return True
    return False
