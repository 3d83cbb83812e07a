"""SIP legs over real sockets: what they hear, what is heard of them, and what changes under a running call."""

from __future__ import annotations

import asyncio
import random
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA, PCMU, g711_encode
from telephony.media.plane import MediaPlane, MediaSettings, TooManySetups, host_addresses
from telephony.media.rtcp import Reports
from telephony.media.rtp_leg import PeerSettings
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually
from testkit.rtp_peer import g711_packets
from testkit.webrtc import tone_packets

pytestmark = pytest.mark.media
REQUIRE = SdpPolicy(srtp="require")
SUITES = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]


def _join(a, b) -> None:
    a.forward_to, b.forward_to = b.outbound, a.outbound


@pytest.mark.parametrize("codec", ["PCMA", "PCMU", "opus"])
async def test_two_carriers_hear_each_other_in_one_stream_each(studio, codec) -> None:
    caller, leg = await studio.ring(440, codec=codec)
    called, other = await studio.ring(880, codec=codec)
    assert leg.connected.result() and leg.codec.name == codec
    _join(leg, other)
    await caller.hears(880)
    await called.hears(440)
    for peer in (caller, called):
        assert len(peer.sources) == 1 and peer.sequence_gaps == 0
        steps = {(b[2] - a[2]) & 0xFFFFFFFF for a, b in pairwise(peer.headers)}
        assert steps == {peer.frame}


async def test_a_browser_and_a_carrier_with_opus_hear_each_other(studio) -> None:
    carrier, leg = await studio.ring(440, codec="opus")
    browser, other = await studio.connect(880)
    _join(leg, other)
    await carrier.hears(880)
    await browser.hears(440)


@pytest.mark.parametrize("codec", ["PCMA", "opus"])
async def test_clips_are_played_in_the_codec_of_the_leg(studio, codec) -> None:
    peer, leg = await studio.ring(None, codec=codec)
    playback = leg.play([Clip(tuple(tone_packets(1200.0, 0.6)))])
    await peer.hears(1200)
    assert await asyncio.wait_for(playback.finished, 5)


async def test_silence_is_heard_of_who_is_muted(studio) -> None:
    _, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    await listener.hears(440)
    leg.muted = True
    await listener.hears_nothing()
    assert listener.sequence_gaps == 0


async def test_early_media_is_heard_before_the_call_is_answered_and_goes_on_behind_the_answer(studio) -> None:
    leg = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    listener, other = await studio.ring(None)
    _join(leg, other)
    called = await studio.carrier(425)
    called.accept(leg.offer())
    before = leg.statistics().strangers
    await eventually(lambda: leg.statistics().strangers > before + 5)
    assert not leg.connected.done() and leg.statistics().packets_received == 0
    progress = called.describe()
    leg.apply(progress)
    await listener.hears(425)
    leg.apply(progress)
    called.payloads = g711_packets("PCMA", 900)
    await listener.hears(900)
    assert listener.sequence_gaps == 0 and leg.connected.result()


# -- SRTP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
async def test_srtp_of_every_suite_is_understood_both_ways(studio, suite) -> None:
    caller, leg = await studio.ring(440, policy=REQUIRE, suite=suite)
    called, other = await studio.ring(880, policy=REQUIRE, suite=suite, codec="PCMA")
    _join(leg, other)
    await caller.hears(880)
    await called.hears(440)
    assert caller.forged == called.forged == leg.statistics().forged == 0
    leg.report()
    await eventually(lambda: caller.reports)


async def test_srtp_with_a_wrong_key_is_not_heard(studio) -> None:
    caller = await studio.carrier(440, suite=SUITES[0])
    listener, other = await studio.ring(None)
    leg = studio.plane.rtp(REQUIRE, toward="127.0.0.1")
    leg.forward_to = other.outbound
    answer = leg.answer(caller.describe())
    caller.key = bytes(30)
    caller.accept(answer)
    await eventually(lambda: leg.statistics().forged > 10)
    assert leg.statistics().packets_received == 0 and listener.packets_heard == 0


async def test_srtp_goes_on_with_new_keys_when_the_peer_renews_its_own(studio) -> None:
    caller, leg = await studio.ring(440, policy=REQUIRE, suite=SUITES[0])
    listener, other = await studio.ring(880, policy=REQUIRE, suite=SUITES[2])
    _join(leg, other)
    await caller.hears(880)
    caller.key = bytes(range(30))
    caller.accept(leg.answer(caller.describe()))
    caller.forget()
    listener.forget()
    await caller.hears(880)
    await listener.hears(440)
    assert len(caller.sources) == 1


# -- whose packets -----------------------------------------------------------------------------------------------


async def _attack(target, kinds: int, stop: asyncio.Event, stranger) -> None:
    """Loud noise in G.711, by many streams, as fast as a stranger can guess."""
    rng = random.Random(3)
    while not stop.is_set():
        for kind in range(kinds):
            packet = struct.pack("!BBHII", 0x80, 8, rng.randrange(65536), rng.randrange(1 << 32), kind)
            stranger._rtp.sendto(packet + rng.randbytes(160), target)
        await asyncio.sleep(0.002)


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


async def test_a_peer_that_is_not_known_to_be_behind_nat_is_heard_from_its_host_only(studio) -> None:
    peer = await studio.carrier(440, host="127.0.0.2")
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(window_seconds=0.3), toward="127.0.0.1")
    peer.accept(leg.answer(peer.describe(address="127.0.0.3")))
    await eventually(lambda: leg.statistics().strangers > 10)
    await eventually(lambda: leg._sockets.connected is not None)
    assert leg.statistics().packets_received == 0


# -- under a running call ----------------------------------------------------------------------------------------


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
    modern.accept(leg.answer(modern.describe()))
    await modern.hears(500)
    assert called == ["opus"] and leg.codec is OPUS
    first = modern.headers[0]
    assert first[0] == modern.number and 0 < (first[1] - last[1]) & 0xFFFF < 50
    assert first[3] != last[3]  # RFC 7160: another clock, another SSRC
    playback.stop()
    await eventually(lambda: leg.statistics().packets_received > 10)
    assert leg.statistics().jitter_seconds < 0.1


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
    assert leg.expects_media is (how != "inactive")
    await asyncio.sleep(0)
    before = other.statistics().packets_received
    count = len(peer.headers)
    leg.send_digits("7")
    await eventually(lambda: other.statistics().packets_received > before + 20)
    assert len(peer.headers) - count <= 1
    leg.answer(peer.describe())
    assert not leg.remote_hold and held == [True, False]
    peer.forget()
    await peer.hears(880)
    await eventually(lambda: peer.digits == "7")
    assert peer.sequence_gaps == 0


async def test_who_is_not_expected_to_speak_is_never_silent(studio) -> None:
    peer, leg = await studio.ring(440)
    await eventually(lambda: leg.statistics().packets_received > 3)
    peer.talking = False
    await eventually(lambda: leg.statistics().silent_seconds > 0.2)
    leg.answer(peer.describe("inactive"))
    began = asyncio.get_running_loop().time()
    await eventually(lambda: asyncio.get_running_loop().time() > began + 0.3)
    assert leg.statistics().silent_seconds < 0.1


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


# -- digits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_digits_arrive_through_loss_and_are_not_heard_by_the_other_side(studio, codec) -> None:
    caller, leg = await studio.ring(440, codec=codec, loss=0.05, seed=7)
    called, other = await studio.ring(880, codec=codec)
    heard: list[str] = []
    leg.on_digit = heard.append
    _join(leg, other)
    await caller.press("0123456789*#")
    await eventually(lambda: "".join(heard) == "0123456789*#")
    assert called.digits == ""


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_digits_we_send_are_understood_and_the_voice_goes_on_behind_them(studio, codec) -> None:
    peer, leg = await studio.ring(440, codec=codec)
    _, other = await studio.ring(880, codec=codec)
    _join(leg, other)
    await peer.hears(880)
    assert leg.sends_digits
    leg.send_digits("19#")
    leg.send_digits("A")
    await eventually(lambda: peer.digits == "19#A")
    peer.forget()
    await peer.hears(880)
    assert peer.sequence_gaps == 0


async def test_digits_for_a_peer_without_events_go_by_signalling(studio) -> None:
    _, leg = await studio.ring(440, events=False)
    assert not leg.sends_digits
    sent: list[str] = []
    leg.send_by_signalling = sent.append
    leg.send_digits("42")
    assert sent == ["42"] and leg.sends_digits


async def test_digits_in_the_sound_are_read_when_the_trunk_says_so_and_there_are_no_events(studio) -> None:
    times = np.arange(8000) / 8000
    wave = 6000 * (np.sin(2 * np.pi * 770 * times) + np.sin(2 * np.pi * 1336 * times))
    wave[800:] = 0
    whole = g711_encode(PCMA, wave.astype(np.int16))
    for tones, events, expected in ((True, False, "5"), (False, False, ""), (True, True, "")):
        peer, leg = await studio.ring(None, settings=PeerSettings(tones=tones), events=events)
        heard: list[str] = []
        leg.on_digit = heard.append
        peer.talking = False
        for start in range(0, 8000, 160):
            peer.send(whole[start : start + 160])
            peer.timestamp += 160
        await eventually(lambda leg=leg: leg.statistics().packets_received >= 50)
        assert "".join(heard) == expected


# -- RTCP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mux", [False, True])
async def test_reports_go_both_ways_and_give_loss_and_round_trip(studio, mux) -> None:
    peer = await studio.carrier(440)
    peer.mux = mux
    leg = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    peer.accept(leg.answer(peer.describe()))
    leg.play([Clip.silence(1)], loop=True)
    await eventually(lambda: leg.outbound.packets > 2 and leg.statistics().packets_received > 2)
    leg.report()
    leg.report()
    await eventually(lambda: len(peer.reports) >= 2)
    report = peer.reports[0]
    assert report[1] == 200 and struct.unpack_from("!I", report, 4)[0] == leg.outbound.ssrc
    middle = struct.unpack_from("!I", report, 10)[0]
    block = struct.pack("!IIIIII", leg.outbound.ssrc, 64 << 24, 0, 80, middle, 1)
    peer.send_rtcp(struct.pack("!BBHI", 0x81, 201, 7, peer.ssrc) + block)
    await eventually(lambda: leg.statistics().remote_fraction_lost == 0.25)
    assert leg.reports.remote.jitter_seconds == 0.01
    assert leg.statistics().round_trip_seconds is not None


async def test_a_leg_that_sends_nothing_reports_as_a_receiver(studio) -> None:
    peer, leg = await studio.ring(440)
    await eventually(lambda: leg.statistics().packets_received > 2)
    leg.report()
    await eventually(lambda: peer.reports)
    assert peer.reports[0][1] == 201 and peer.reports[0][0] & 0x1F == 1


async def test_a_strangers_report_counts_for_nothing(studio) -> None:
    peer, leg = await studio.ring(440)
    leg.play([Clip.silence(1)], loop=True)
    await eventually(lambda: leg.outbound.packets > 2)
    stranger = await studio.carrier(None, host="127.0.0.9")
    stranger.rtcp_target = peer.rtcp_target
    block = struct.pack("!IIIIII", leg.outbound.ssrc, 255 << 24, 0, 0, 0, 0)
    before = leg.statistics().strangers
    stranger.send_rtcp(struct.pack("!BBHI", 0x81, 201, 7, 1) + block)
    await eventually(lambda: leg.statistics().strangers > before)
    assert leg.statistics().remote_fraction_lost == 0.0


# -- what peers do -----------------------------------------------------------------------------------------------


async def test_comfort_noise_and_unknown_payloads_are_passed_over_without_a_gap(studio) -> None:
    peer, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    for _ in range(3):
        await listener.hears(440)
        peer.send(b"\x40", 13)
        peer.send(b"?" * 20, 77)
        listener.forget()
    await listener.hears(440)
    assert listener.sequence_gaps == 0 and {number for number, *_ in listener.headers} == {8}


async def test_a_peer_that_begins_anew_is_heard_at_once(studio) -> None:
    peer, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    await listener.hears(440)
    peer.ssrc ^= 1
    peer.sequence, peer.timestamp = 9, 77
    listener.forget()
    await listener.hears(440)
    peer.sequence = (peer.sequence - 20_000) & 0xFFFF  # the same SSRC, which shouldn't happen and does
    listener.forget()
    await listener.hears(440)
    assert len(listener.sources) == 1 and listener.sequence_gaps == 0


@pytest.mark.parametrize("frame_ms", [10, 30, 60])
async def test_packets_of_other_lengths_are_passed_on_as_they_are(studio, frame_ms) -> None:
    peer, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    peer.payloads, peer.frame = g711_packets("PCMA", 500, 3.0, frame_ms), 8 * frame_ms
    await listener.hears(500)
    await eventually(lambda: len(listener.headers) > 12)
    assert {(b[2] - a[2]) & 0xFFFFFFFF for a, b in list(pairwise(listener.headers))[5:]} == {8 * frame_ms}


async def test_the_other_law_of_a_peer_that_is_free_to_choose_is_made_ours(studio) -> None:
    peer = await studio.carrier(440, codec="PCMU")
    leg = studio.plane.rtp(SdpPolicy(codecs=(PCMA, PCMU)), toward="127.0.0.1")
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    peer.accept(leg.offer())
    leg.apply(peer.describe().replace(" 0 101", " 8 0 101"))
    assert leg.codec is PCMA and not leg.settled
    await listener.hears(440)
    assert {number for number, *_ in listener.headers} == {8}


async def test_loss_is_counted_and_heard_in_the_score_of_the_codec(studio) -> None:
    scores = {}
    for codec in ("PCMA", "opus"):
        _, leg = await studio.ring(440, codec=codec, loss=0.1, seed=3)
        await eventually(lambda leg=leg: leg.statistics().packets_received > 60)
        statistics = leg.statistics()
        assert 0.02 < statistics.loss < 0.25 and statistics.mos < 4.2
        scores[codec] = statistics
    assert scores["PCMA"].codec is PCMA and scores["opus"].codec is OPUS


async def test_the_first_port_of_a_leg_is_even_in_the_range_and_free_again_after_it(studio) -> None:
    plane = MediaPlane(MediaSettings(host_addresses("127.0.0.1"), ports=(31_000, 31_003)), lambda work: work.close())
    legs = [plane.rtp(SdpPolicy(), toward="127.0.0.1") for _ in range(2)]
    assert sorted(leg._sockets.port for leg in legs) == [31_000, 31_002]
    with pytest.raises(TooManySetups):
        plane.rtp(SdpPolicy(), toward="127.0.0.1")
    await plane.close_leg(legs[0])
    assert legs[0].closed and legs[0] not in plane.legs
    plane.rtp(SdpPolicy(), toward="127.0.0.1")
    await plane.close()


async def test_a_port_outlives_being_disconnected(studio) -> None:
    _, leg = await studio.ring(440)
    await eventually(lambda: leg._sockets.connected is not None)
    port = leg._sockets._rtp.getsockname()
    leg._sockets.disconnect()
    assert leg._sockets._rtp.getsockname() == port


# -- anything at all ---------------------------------------------------------------------------------------------

_KEPT = [
    b"\x80",
    b"\x80\x08" + bytes(10),  # a header alone
    b"\x90\x08" + bytes(10),  # an extension that isn't there
    b"\x90\x08" + bytes(12) + b"\xff\xff",  # one that is longer than the packet
    b"\xbf\x08" + bytes(10) + b"\xff" * 60,  # padding and sources longer than the packet
    b"\xa0\x08" + bytes(10) + b"\x00",  # padding of nothing
    b"\x80\x65" + bytes(10) + b"\x05",  # a digit cut short
    b"\x80\x65" + bytes(10) + b"\xff\xff\xff\xff",  # a digit that doesn't exist
    b"\x80\x08" + bytes(10) + b"\x55" * 1900,  # far too long for voice
    b"\x81\xc8" + bytes(6),  # a sender report cut short
    b"\x9f\xc9\xff\xff" + bytes(4),  # a report that lies about its length
    b"\x81\xca\x00\x01" + b"\x01\xff\xff\xff",  # a description that lies about its length
    b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # STUN
    b"\x16\xfe\xfd" + bytes(30),  # DTLS
]


async def test_malformed_packets_of_the_peer_itself_crash_nothing(studio) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    peer, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to, leg.tap = other.outbound, lambda *_: None
    await listener.hears(440)
    rng = random.Random(11)
    junk = _KEPT + [
        bytes([rng.choice((0x80, 0x81, 0x90, 0xA0, 0xBF)), rng.choice((8, 13, 101, 200, 201, 202, 205))])
        + rng.randbytes(rng.randrange(80))
        for _ in range(400)
    ]
    for index, packet in enumerate(junk):
        peer.send_raw(packet)
        peer._rtcp.sendto(packet, peer.rtcp_target)
        if index % 20 == 19:
            before = leg.statistics().packets_received
            await eventually(lambda before=before: leg.statistics().packets_received > before)
    listener.forget()
    await listener.hears(440)
    assert not failures and not leg.closed


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_a_report_of_any_bytes_is_read_or_ignored(data: bytes) -> None:
    reports = Reports()
    for head in (b"", b"\x81\xc8", b"\x81\xc9\x00\x07", b"\x81\xca", b"\x81\xcb"):
        reports.read(head + data, 1)
    assert 0.0 <= reports.remote.fraction_lost < 1.0
