"""Parties outside who are WebRTC peers of the test: real media, and signalling that the test plays itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telephony.clients import CallerNumbers
from telephony.domain.calls import Call
from telephony.domain.legs import Q850
from telephony.domain.wishes import understood_number
from telephony.live.outside import Planned
from telephony.media.media_leg import MediaLeg
from telephony.media.plane import MediaPlane
from testkit.webrtc import Peer


class OutsidePeer:
    """One party outside. The test rings, answers and hangs up for it."""

    trunk_id = "trk_test"
    stays = False

    def __init__(self, tenant_id: str, leg_id: str, planned: Planned, plane: MediaPlane) -> None:
        self.planned = planned
        self._tenant_id, self._leg_id = tenant_id, leg_id
        self.media: MediaLeg | None = None
        self.hung_up: int | None = None
        self.left = False
        self.keeps = False
        self.on_media: Callable[[MediaLeg | None], object] = lambda leg: None
        self.on_codec: Callable[[], object] = lambda: None
        self.on_answered: Callable[[], object] = lambda: None
        self.on_gone: Callable[[int, int], object] = lambda q850, status: None
        self.on_cut: Callable[[], object] = lambda: None
        self.on_changed: Callable[[], object] = lambda: None
        self.on_digit_info: Callable[[str], object] = lambda digit: None
        self.on_hold: Callable[[bool], object] = lambda held: None
        self.on_transfer: Callable[[Any], object] = lambda wish: None
        self._plane = plane

    async def early_media(self, peer: Peer) -> None:
        """The party's sound comes before it answers."""
        leg, answer = await self._plane.answer(await peer.offer(), self._tenant_id, self._leg_id)
        await peer.accept(answer)
        assert await leg.connected
        self.media = leg
        self.on_media(leg)

    async def answer(self, peer: Peer) -> None:
        if self.media is None:
            await self.early_media(peer)
        self.on_answered()

    def go(self, q850: int = Q850.NORMAL, sip_status: int = 0) -> None:
        """The party hangs up, or can't be reached."""
        self.on_gone(q850, sip_status)

    def kept(self) -> dict[str, str] | None:
        """What `OutsidePeers.resume` takes; None for a party whose node had no time to keep it."""
        return {"leg_id": self._leg_id, "tenant_id": self._tenant_id} if self.keeps else None

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        if self.hung_up is None:
            self.hung_up = q850
            if self.media is not None:
                await self._plane.close_leg(self.media)  # type: ignore[arg-type]

    async def leave(self) -> None:
        self.left = True
        if self.media is not None:
            await self._plane.close_leg(self.media)  # type: ignore[arg-type]


class OutsidePeers:
    """Keeps the lines that were begun, newest last."""

    def __init__(self) -> None:
        self.plane: Any = None
        self.begun: list[OutsidePeer] = []
        self.resumed: list[OutsidePeer] = []
        self.refusal: Exception | None = None

    async def plan(self, tenant_id: str, number: str, caller_number: str, numbers: CallerNumbers) -> Planned:
        if self.refusal is not None:
            raise self.refusal
        shown = caller_number or numbers.default
        return Planned(understood_number(number, shown, "number"), shown)

    async def dial(
        self, call: Call, leg_id: str, tenant_id: str, planned: Planned, on_behalf: object = None
    ) -> OutsidePeer:
        leg = OutsidePeer(tenant_id, leg_id, planned, self.plane)
        self.begun.append(leg)
        return leg

    async def ring_agent(self, tenant_id: str, call: Call, agent_id: str, seconds: float = 30) -> OutsidePeer | None:
        return None

    async def resume(self, kept: Any) -> OutsidePeer | None:
        leg = OutsidePeer(kept["tenant_id"], kept["leg_id"], self.begun[-1].planned, self.plane)
        self.resumed.append(leg)
        return leg
