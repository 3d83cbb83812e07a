"""SIP legs whose peer is not where it said, or moves, holds, changes its codec or the node that serves it."""

from __future__ import annotations

import asyncio
import random
import struct
from itertools import pairwise

import pytest
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA
from telephony.media.plane import MediaPlane, MediaSettings, _host_toward, host_addresses
from telephony.media.rtp_leg import PeerSettings
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually
from testkit.webrtc import tone_packets

pytestmark = pytest.mark.media
REQUIRE = SdpPolicy(srtp="require")
SUITES = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]


def _join(a, b) -> None:
    a.forward_to, b.forward_to = b.outbound, a.outbound


async def _attack(target, kinds: int, stop: asyncio.Event, stranger) -> None:
    """Loud noise in G.711, by many streams, as fast as a stranger can guess."""
    rng = random.Random(3)
    while not stop.is_set():
        for kind in range(kinds):
            packet = struct.pack("!BBHII", 0x80, 8, rng.randrange(65536), rng.randrange(1 << 32), kind)
            stranger._rtp.sendto(packet + rng.randbytes(160), target)
        await asyncio.sleep(0.002)


async def test_what_strangers_sent_before_the_peer_was_found_is_not_heard_behind_it(studio) -> None:
    peer, stranger = await studio.carrier(440), await studio.carrier(None, host="127.0.0.9")
    peer.talking = stranger.talking = False
    leg = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    peer.accept(leg.answer(peer.describe()))
    stranger.target = peer.target
    # All of it waits in the socket at once.
    for sender, count in ((stranger, 20), (peer, 1), (stranger, 20), (peer, 1)):
        for _ in range(count):
            sender.send(bytes(160))
    await eventually(lambda: leg.statistics().packets_received == 2)
    assert leg.statistics().strangers == 40 and leg._sockets.connected == peer.address


def _gaps(peer) -> list[float]:
    """Seconds between two packets that the peer heard, by their timestamps."""
    stamps = [timestamp for _, _, timestamp, _ in peer.headers]
    return [((after - before) & 0xFFFFFFFF) / peer.clock for before, after in pairwise(stamps)]


async def test_a_sip_peer_for_whom_there_is_nothing_hears_a_live_line_every_second(studio) -> None:
    await asyncio.gather(*(_hears_a_live_line(studio, codec) for codec in ("PCMA", "opus")))


async def _hears_a_live_line(studio, codec) -> None:
    peer, leg = await studio.ring(None, codec=codec)
    await eventually(lambda: peer.packets_heard >= 4)
    assert min(_gaps(peer)) > 0.8, "each frame stands where it is in time"
    assert min(_gaps(peer)) < 1.6, "a busy machine may be late with one"
    assert peer.frequencies(seconds=0.04) == [] and peer.sequence_gaps == 0
    playing = leg.play([Clip(tuple(tone_packets(880, 0.6)))])
    await peer.hears(880)
    assert await playing.finished
    before = peer.packets_heard
    await eventually(lambda: peer.packets_heard >= before + 2)
    assert len(peer.sources) == 1 and peer.sequence_gaps == 0


async def test_a_sip_peer_hears_silence_of_ours_when_the_other_side_saves_packets(studio) -> None:
    peer, leg = await studio.ring(440)
    saver, other = await studio.ring(880)
    _join(leg, other)
    await peer.hears(880)
    saver.talking = False
    before = peer.packets_heard
    await eventually(lambda: peer.packets_heard >= before + 3)
    saver.talking = True
    peer.forget()
    await peer.hears(880)
    assert peer.sequence_gaps == 0


async def test_a_sip_peer_that_holds_us_hears_nothing_at_all(studio) -> None:
    peer, leg = await studio.ring(None)
    await eventually(lambda: peer.packets_heard)
    leg.answer(peer.describe("sendonly"))
    before, there = peer.packets_heard, await studio.carrier(None)
    other = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    there.accept(other.answer(there.describe()))
    await eventually(lambda: there.packets_heard >= 2)  # as long as a beat of silence takes
    assert peer.packets_heard - before <= 1
    leg.answer(peer.describe())
    await eventually(lambda: peer.packets_heard >= before + 2)


async def test_an_answer_to_a_leg_that_is_closed_already_is_harmless(studio) -> None:
    peer, leg = await studio.ring(440)
    await leg.close()
    await leg.close()
    leg.answer(peer.describe())
    assert leg.closed and leg not in {other for other in studio.plane.legs if not other.closed}


def test_our_address_is_of_the_peers_family_and_loopback_only_for_loopback() -> None:
    hosts = host_addresses("10.0.0.5=203.0.113.7,127.0.0.1,2001:db8::5")
    chosen = [_host_toward(hosts, peer).bind for peer in ("198.51.100.9", "127.0.0.3", "2001:db8::9", "")]
    assert chosen == ["10.0.0.5", "127.0.0.1", "2001:db8::5", "10.0.0.5"]


@pytest.mark.parametrize("nat", [False, True])
async def test_strangers_are_not_heard_and_disturb_nobody_while_a_call_is_set_up_and_later(studio, nat) -> None:
    peer = await studio.carrier(440)
    stranger = await studio.carrier(None, host="127.0.0.9")
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(nat=nat), toward="127.0.0.1")
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    target = ("127.0.0.1", leg._sockets.port)
    stop = asyncio.Event()
    attacking = asyncio.get_running_loop().create_task(_attack(target, 3, stop, stranger))
    await eventually(lambda: leg.statistics().strangers > 20)
    peer.accept(leg.answer(peer.describe()))
    await listener.hears(440)
    listener.forget()
    await listener.hears(440)
    stop.set()
    await attacking
    assert listener.sequence_gaps == 0
    statistics = leg.statistics()
    assert statistics.packets_lost == 0 and statistics.packets_received <= peer.sent
    assert leg._sockets.connected == peer.address


async def test_another_port_of_the_same_host_is_heard_within_the_window_only(studio) -> None:
    listener, other = await studio.ring(None)
    for window, heard in ((5.0, True), (0.0, False)):
        peer = await studio.carrier(440)
        leg = studio.plane.rtp(SdpPolicy(), PeerSettings(window_seconds=window), toward="127.0.0.1")
        leg.forward_to = other.outbound
        answer = leg.answer(peer.describe(port=30_000))
        await eventually(lambda leg=leg, window=window: window > 0 or leg._sockets.connected is not None)
        peer.accept(answer)
        listener.forget()
        if heard:
            await listener.hears(440)
        else:
            before = peer.sequence
            await eventually(lambda peer=peer, before=before: peer.sequence > before + 25)
            assert leg.statistics().packets_received == 0
        await leg.close()


async def test_a_phone_behind_nat_is_heard_and_hears_where_it_really_is(studio) -> None:
    phone = await studio.carrier(440)
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(nat=True, window_seconds=0.5), toward="127.0.0.1")
    phone.accept(leg.answer(phone.describe(address="10.9.9.9", port=4000)))
    other_phone, other = await studio.ring(880)
    _join(leg, other)
    await other_phone.hears(440)
    await phone.hears(880)
    await eventually(lambda: leg._sockets.connected == phone.address)


async def test_a_phone_behind_nat_that_was_on_hold_comes_back_by_another_mapping(studio) -> None:
    """Nothing went either way while it held: its router has forgotten it, and gives it another port."""
    phone = await studio.carrier(440)
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(nat=True, window_seconds=0.3), toward="127.0.0.1")
    phone.accept(leg.answer(phone.describe(address="10.9.9.9", port=4000)))
    other_phone, other = await studio.ring(880)
    _join(leg, other)
    await other_phone.hears(440)
    phone.talking = False
    phone.accept(leg.answer(phone.describe("inactive", address="10.9.9.9", port=4000)))
    await eventually(lambda: leg._window is None)
    quiet = leg.last_voice
    await eventually(lambda: asyncio.get_running_loop().time() - quiet > 1.2)
    leg.report()  # as the plane lets it every few seconds
    phone.move()
    phone.accept(leg.answer(phone.describe(address="10.9.9.9", port=4000)))
    phone.talking = True
    other_phone.forget()
    await other_phone.hears(440)
    phone.forget()
    await phone.hears(880)


async def test_a_peer_that_is_not_known_to_be_behind_nat_is_heard_from_its_host_only(studio) -> None:
    peer = await studio.carrier(440, host="127.0.0.2")
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(window_seconds=0.3), toward="127.0.0.1")
    peer.accept(leg.answer(peer.describe(address="127.0.0.3")))
    await eventually(lambda: leg.statistics().strangers > 10)
    await eventually(lambda: leg._sockets.connected is not None)
    assert leg.statistics().packets_received == 0


# -- under a running call ----------------------------------------------------------------------------------------------


async def test_a_peer_that_moves_is_heard_from_the_old_place_until_it_speaks_from_the_new(studio) -> None:
    peer, leg = await studio.ring(440)
    listener, other = await studio.ring(880)
    _join(leg, other)
    await listener.hears(440)
    await peer.hears(880)
    mover = await studio.carrier(600)
    answer = leg.answer(mover.describe())
    before = leg.statistics().packets_received
    await eventually(lambda: leg.statistics().packets_received > before + 5)
    await mover.hears(880)
    peer.talking = False
    mover.accept(answer)
    await listener.hears(600)
    assert listener.sequence_gaps == 0 and len(listener.sources) == 1
    last, first = peer.headers[-1], mover.headers[0]
    assert first[3] == last[3] and 0 < (first[1] - last[1]) & 0xFFFF < 5
    assert 0 < (first[2] - last[2]) & 0xFFFFFFFF < 8000


async def test_a_change_of_codec_keeps_the_sequence_and_says_so(studio) -> None:
    peer, leg = await studio.ring(440, codec="PCMA")
    called: list[str] = []
    leg.on_codec = lambda: called.append(leg.codec.name)
    playback = leg.play([Clip(tuple(tone_packets(500.0, 1.0)))], loop=True)
    await peer.hears(500)
    last = peer.headers[-1]
    modern = await studio.carrier(440, codec="opus")
    modern.ssrc, modern.sequence = peer.ssrc, peer.sequence
    peer.talking = False
    modern.accept(leg.answer(modern.describe()))
    await modern.hears(500)
    assert called == ["opus"] and leg.codec is OPUS
    first = modern.headers[0]
    assert first[0] == modern.number and 0 < (first[1] - last[1]) & 0xFFFF < 50
    assert first[3] != last[3]  # RFC 7160: another clock, another SSRC
    playback.stop()
    before = leg.statistics().packets_received
    await eventually(lambda: leg.statistics().packets_received > before + 60)
    # By the clock of the codec before, 20 ms would count as 120 ms, always; a busy machine shakes it for a moment.
    await eventually(lambda: leg.statistics().jitter_seconds < 0.06)


@pytest.mark.parametrize("how", ["sendonly", "inactive", "zero"])
async def test_a_peer_on_hold_is_sent_nothing_and_loses_nothing_of_the_stream(studio, how) -> None:
    peer, leg = await studio.ring(440)
    _, other = await studio.ring(880)
    _join(leg, other)
    held: list[bool] = []
    leg.on_hold = held.append
    await peer.hears(880)
    hold = peer.describe(address="0.0.0.0") if how == "zero" else peer.describe(how)
    leg.answer(hold)
    assert leg.remote_hold and held == [True]
    assert not leg.expects_media, "who holds us need not send anything"
    await asyncio.sleep(0)
    before = other.statistics().packets_received
    count = len(peer.headers)
    leg.send_digits("7")
    await eventually(lambda: other.statistics().packets_received > before + 20)
    assert len(peer.headers) - count <= 1
    leg.answer(peer.describe())
    assert not leg.remote_hold and held == [True, False]
    assert leg.expects_media
    peer.forget()
    await peer.hears(880)
    await eventually(lambda: peer.digits == "7")
    assert peer.sequence_gaps == 0


async def test_a_digit_that_a_hold_cuts_off_is_ended_and_those_behind_it_are_kept(studio) -> None:
    peer, leg = await studio.ring(440)
    leg.send_digits("58")
    await eventually(lambda: peer.digits == "5")
    leg.answer(peer.describe("sendonly"))
    await eventually(lambda: peer.ended == "5")
    leg.answer(peer.describe())
    await eventually(lambda: peer.ended == "58")


@pytest.mark.parametrize("how", ["sendonly", "inactive", "zero"])
async def test_who_is_not_expected_to_speak_is_never_silent(studio, how) -> None:
    peer, leg = await studio.ring(440)
    await eventually(lambda: leg.statistics().packets_received > 3)
    peer.talking = False
    await eventually(lambda: leg.statistics().silent_seconds > 0.2)
    leg.answer(peer.describe(address="0.0.0.0") if how == "zero" else peer.describe(how))
    began = asyncio.get_running_loop().time()
    await eventually(lambda: asyncio.get_running_loop().time() > began + 0.3)
    assert leg.statistics().silent_seconds < 0.3


async def test_a_refused_offer_of_ours_changes_nothing(studio) -> None:
    peer, leg = await studio.ring(440)
    _, other = await studio.ring(880)
    _join(leg, other)
    await peer.hears(880)
    assert "a=sendonly" in leg.offer("sendonly")
    leg.withdraw()
    peer.forget()
    await peer.hears(880)
    assert "a=sendrecv" in leg.offer()


async def test_another_process_takes_the_leg_over_by_an_offer_of_its_own(studio) -> None:
    peer, leg = await studio.ring(440, policy=REQUIRE, suite=SUITES[0])
    await eventually(lambda: leg.statistics().packets_received > 3)
    state = leg.state()
    await leg.close()
    plane = MediaPlane(MediaSettings(host_addresses("127.0.0.1")), lambda work: work.close())
    taken = plane.rtp(REQUIRE, toward="127.0.0.1", state=state)
    peer.accept(taken.offer())
    taken.apply(peer.describe())
    taken.play([Clip(tuple(tone_packets(700.0, 1.0)))], loop=True)
    await peer.hears(700)
    await eventually(lambda: taken.statistics().packets_received > 5)
    assert taken.codec is PCMA
    await plane.close()
