"""A media plane on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from chassis.lifecycle import Tasks
from telephony.media import lanes, voice_leg
from telephony.media.leg import WebRtcLeg
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.rtp_leg import PeerSettings, RtpLeg
from telephony.media.sip_sdp import SdpPolicy
from testkit.rtp_peer import RtpPeer
from testkit.webrtc import Peer


def _entering(plane: MediaPlane) -> Callable[[], Awaitable[None]]:
    async def enter() -> None:
        plane.enter_lanes()

    return enter


class Studio:
    """Makes connected legs with a peer at the other end."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.peers: list[Peer | RtpPeer] = []

    def peer(self, tone: float | None = 440.0, *, loss: float = 0.0, seed: int = 1) -> Peer:
        """A browser that has not called yet, closed at the end."""
        made = Peer(tone, loss=loss, seed=seed)
        self.peers.append(made)
        return made

    async def connect(self, tone: float | None = 440.0, *, loss: float = 0.0, seed: int = 1) -> tuple[Peer, WebRtcLeg]:
        peer = self.peer(tone, loss=loss, seed=seed)
        leg, answer = await self.plane.answer(await peer.offer(), "ten_1", f"leg_{len(self.peers)}")
        await peer.accept(answer)
        assert await leg.connected
        return peer, leg

    async def carrier(self, tone: float | None = 440.0, **more: Any) -> RtpPeer:
        """A SIP peer that has not called yet, closed at the end."""
        made = await RtpPeer.start(tone, **more)
        self.peers.append(made)
        return made

    async def ring(
        self,
        tone: float | None = 440.0,
        *,
        policy: SdpPolicy | None = None,
        settings: PeerSettings | None = None,
        **more: Any,
    ) -> tuple[RtpPeer, RtpLeg]:
        """A SIP peer that called and was answered."""
        peer = await self.carrier(tone, **more)
        leg = self.plane.rtp(policy or SdpPolicy(), settings, toward="127.0.0.1")
        peer.accept(leg.answer(peer.describe()))
        return peer, leg


@pytest_asyncio.fixture(params=["lanes", "python"])
async def studio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    """Both ways of passing packets on; lanes are entered at every occasion, so that they are also left at every one."""
    tasks = Tasks("media")
    settings = MediaSettings(host_addresses("127.0.0.1"), setup_spacing=0.0, lanes=request.param == "lanes")
    plane = MediaPlane(settings, lambda work: tasks.spawn(work, "media"))
    made = Studio(plane)
    if settings.lanes:
        assert lanes.lib is not None, "telephony has no C part: install gcc and Python's headers, then make env-dev"
        monkeypatch.setattr(voice_leg, "_LANE_PAUSE", 0.0)
        tasks.every(0.005, _entering(plane), "lanes")
    yield made
    for peer in made.peers:
        await peer.close()
    await plane.close()
    await tasks.close()
