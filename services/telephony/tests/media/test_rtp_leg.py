"""SIP legs over real sockets: what they hear, what is heard of them, and what changes under a running call."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, PCMA, PCMU, g711_encode
from telephony.media.plane import MediaPlane, MediaSettings, TooManySetups, host_addresses
from telephony.media.rtp_leg import PeerSettings
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually
from testkit.rtp_peer import RtpPeer, g711_packets
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
    assert await asyncio.wait_for(playback.finished, 30)


async def test_silence_is_heard_of_who_is_muted(studio) -> None:
    _, leg = await studio.ring(440)
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    await listener.hears(440)
    leg.muted = True
    await listener.hears_nothing()
    assert listener.sequence_gaps == 0
    assert other.outbound.octets == 160 * other.outbound.packets


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


# -- SRTP --------------------------------------------------------------------------------------------------------------


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
    assert len(caller.sources) == 2, "one stream for each of our keys"


# -- digits ------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("rung", [False, True])
async def test_digits_in_the_sound_are_read_where_they_are_listened_for_and_there_are_no_events(studio, rung) -> None:
    """Whoever offers: a phone that is rung answers an offer that has events in it."""
    times = np.arange(8000) / 8000
    wave = 6000 * (np.sin(2 * np.pi * 770 * times) + np.sin(2 * np.pi * 1336 * times))
    wave[800:] = 0
    whole = g711_encode(PCMA, wave.astype(np.int16))
    for tones, events, expected in ((True, False, "5"), (False, False, ""), (True, True, "")):
        peer = await studio.carrier(None, events=events)
        leg = studio.plane.rtp(SdpPolicy(), PeerSettings(tones=tones), toward="127.0.0.1")
        if rung:
            peer.accept(leg.offer())
            leg.apply(peer.describe())
        else:
            peer.accept(leg.answer(peer.describe()))
        heard: list[str] = []
        leg.on_digit = heard.append
        peer.talking = False
        for start in range(0, 8000, 160):
            peer.send(whole[start : start + 160])
            peer.timestamp += 160
        await eventually(lambda leg=leg: leg.statistics().packets_received >= 50)
        assert "".join(heard) == expected


# -- what peers do -----------------------------------------------------------------------------------------------------


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
    plane = MediaPlane(MediaSettings(host_addresses("127.0.0.1"), ports=(32_500, 32_503)), lambda work: work.close())
    legs = [plane.rtp(SdpPolicy(), toward="127.0.0.1") for _ in range(2)]
    assert sorted(leg._sockets.port for leg in legs) == [32_500, 32_502]
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


async def test_a_phone_behind_nat_is_heard_and_sent_to_though_a_stranger_kept_up_a_stream_before_it(studio) -> None:
    leg = studio.plane.rtp(SdpPolicy(), PeerSettings(nat=True, window_seconds=0.3), toward="127.0.0.7")
    _, other = await studio.ring(1320)
    _join(leg, other)
    phone, thief = await RtpPeer.start(440, host="127.0.0.7"), await RtpPeer.start(880, host="127.0.0.66")
    studio.peers += [phone, thief]
    phone.talking = False
    leg.offer()
    # What a phone knows of itself: an address of its own network.
    leg.apply(phone.describe().replace("127.0.0.7", "127.0.0.99"))
    offer = leg.offer()
    thief.accept(offer)
    await thief.hears(1320)
    await eventually(lambda: leg._window is None)
    phone.talking = True
    phone.accept(offer)
    await phone.hears(1320)
    thief.forget()
    await thief.hears_nothing()
