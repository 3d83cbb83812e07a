"""RTCP both ways, and packets that are no packets at all."""

from __future__ import annotations

import asyncio
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telephony.media.clips import Clip
from telephony.media.rtcp import Reports
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually

pytestmark = pytest.mark.media
REQUIRE = SdpPolicy(srtp="require")
SUITES = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]


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


# -- anything at all ---------------------------------------------------------------------------------------------------

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
