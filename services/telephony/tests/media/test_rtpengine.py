"""SIP legs whose peer is rtpengine, as at carriers and edges that relay media: its RTP, its SRTP, its digits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telephony.media.sip_sdp import SdpPolicy
from testkit import eventually
from testkit.voice_peers import Rtpengine, VoicePeers

pytestmark = [pytest.mark.media, pytest.mark.parametrize("studio", ["lanes"], indirect=True)]
OFFER = {"command": "offer", "call-id": "c", "from-tag": "a", "replace": ["origin"], "ICE": "remove"}


async def relayed(relay: Rtpengine, sdp: str, **more: Any) -> str:
    """The description as rtpengine passes it on."""
    answer = await relay.ask({**OFFER, "sdp": sdp, **more})
    assert answer["result"] == "ok", answer
    return answer["sdp"]


@pytest.mark.parametrize("codec", ["PCMA", "opus"])
@pytest.mark.parametrize("policy", [SdpPolicy(), SdpPolicy(srtp="require")], ids=["plain", "encrypted"])
async def test_a_call_over_rtpengine_is_heard_both_ways_and_its_digits_arrive(
    studio: Any, voice_peers: VoicePeers, codec: str, policy: SdpPolicy
) -> None:
    relay = await voice_peers.start(Rtpengine, "relay")
    far, listener = await studio.carrier(440, codec=codec), await studio.ring(880, codec=codec)
    leg = studio.plane.rtp(policy, toward="127.0.0.1")
    far.talking = False  # who speaks before the answer has reached us is a stranger
    heard: list[str] = []
    leg.on_digit = heard.append
    leg.forward_to, listener[1].forward_to = listener[1].outbound, leg.outbound

    far.accept(await relayed(relay, leg.offer(), **{"transport-protocol": "RTP/AVP"}))
    leg.apply(await relayed(relay, far.describe(), command="answer", **{"to-tag": "b"}))
    far.talking = True

    await asyncio.gather(far.hears(880), listener[0].hears(440))
    await far.press("42#")
    leg.send_digits("9")
    await eventually(lambda: "".join(heard) == "42#" and far.digits == "9")
    statistics = leg.statistics()
    assert statistics.forged == statistics.strangers == 0 and leg.codec.name == codec
