"""An answer may name several codecs, and whoever wrote it may send by any of them (RFC 3264 6.1)."""

from __future__ import annotations

import pytest
from telephony.media.codecs import OPUS, PCMA
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually

pytestmark = pytest.mark.media


def _leaves_open(peer, formats: str, *more: str) -> str:
    """The peer's answer, with `formats` in place of its own."""
    own = f"AVP {peer.number} {peer.event_number}\r\n"
    return peer.describe(more=more).replace(own, f"AVP {formats}\r\n")


async def test_a_peer_is_heard_by_whichever_codec_of_its_answer_it_sends(studio) -> None:
    """It names Opus first and talks by G.711, as one does whose own other side speaks that."""
    peer = await studio.carrier(440, codec="PCMA")
    leg = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    changes: list[object] = []
    leg.on_codec = lambda: changes.append(leg.codec)
    peer.accept(leg.offer())
    leg.apply(_leaves_open(peer, f"96 8 {peer.event_number}", "a=rtpmap:96 opus/48000/2"))
    assert leg.codec is OPUS
    await eventually(lambda: leg.codec is PCMA)
    assert changes == [PCMA]
    # And it hears that codec from then on, in one stream of its clock.
    listener, another = await studio.ring(None)
    leg.forward_to = another.outbound
    await listener.hears(440)
    _, speaker = await studio.ring(1200)
    speaker.forward_to = leg.outbound
    await peer.hears(1200)


async def test_it_may_change_among_them_and_back_in_the_middle(studio) -> None:
    peer = await studio.carrier(440, codec="PCMA")
    leg = studio.plane.rtp(SdpPolicy(), toward="127.0.0.1")
    peer.accept(leg.offer())
    leg.apply(_leaves_open(peer, f"8 96 {peer.event_number}", "a=rtpmap:96 opus/48000/2"))
    listener, other = await studio.ring(None)
    leg.forward_to = other.outbound
    await listener.hears(440)
    assert leg.codec is PCMA
    leg.on_codec = lambda: setattr(leg, "forward_to", None)  # as whoever arranges who hears whom does
    peer.payloads, peer.number, peer.frame = [OPUS.silence], 96, 960
    await eventually(lambda: leg.codec is OPUS)
    peer.payloads, peer.number, peer.frame = [PCMA.silence], 8, 160
    await eventually(lambda: leg.codec is PCMA)
    pressed: list[str] = []
    leg.on_digit = pressed.append
    await peer.press("5")
    await eventually(lambda: pressed == ["5"])


async def test_a_codec_that_was_not_agreed_changes_nothing(studio) -> None:
    peer = await studio.carrier(440, codec="PCMA")
    leg = studio.plane.rtp(SdpPolicy(codecs=(PCMA,)), toward="127.0.0.1")
    peer.accept(leg.offer())
    leg.apply(_leaves_open(peer, f"8 96 {peer.event_number}", "a=rtpmap:96 opus/48000/2"))
    peer.payloads, peer.number, peer.frame = [OPUS.silence], 96, 960
    await eventually(lambda: leg.statistics().packets_received > 20)
    assert leg.codec is PCMA
