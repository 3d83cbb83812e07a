"""Telephones outside, which a carrier leads to: rung by us, and moved by our re-INVITEs as a real one is."""

from __future__ import annotations

from typing import Self

from telephony.sip import AgentSettings, Invitation, ListenPoint, SipAgent, SipDialog
from testkit.company import Company, request_id
from testkit.rtp_peer import RtpPeer


class Telephone:
    """Answers whoever rings it. In an office it is a party like others; coming back is done to it."""

    def __init__(self, peer: RtpPeer) -> None:
        self.peer = peer
        self.dialogs: list[SipDialog] = []
        self.moves = 0
        """How often it was told to send elsewhere."""
        self.ended: list[str] = []
        point = ListenPoint("UDP", "127.0.0.1", 0)
        self.agent = SipAgent(AgentSettings(points=[point], name="carrier", trusted=lambda _flow: True))
        self.agent.on_invite = lambda invitation: self.agent.stack.spawn(self._answer(invitation), "answer")

    @classmethod
    async def of(cls, company: Company, tone: float) -> Self:
        """A telephone, and the company's trunk to it."""
        made = cls(await RtpPeer.start(tone))
        await made.agent.start()
        gateway = {
            "host": "127.0.0.1", "port": made.agent.points[0].port, "transport": "SIP_TRANSPORT_UDP", "weight": 1,
        }  # fmt: skip
        trunk = {"displayName": "Carrier", "gateways": [gateway], "enabled": True}
        await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
        return made

    async def come_back(self, tone: float) -> None:
        """What it heard before doesn't count."""
        del tone
        self.peer.forget()

    async def leave(self) -> None:
        await self.agent.close()
        await self.peer.close()

    async def _answer(self, invitation: Invitation) -> None:
        self.peer.accept(invitation.sdp_offer or "")
        dialog = await invitation.answer(self.peer.describe())
        dialog.on_offer = self._moved
        dialog.on_bye = lambda ended: self.ended.append(ended.why)
        self.dialogs.append(dialog)

    async def _moved(self, offer: str | None) -> str:
        self.moves += 1
        self.peer.accept(offer or "")
        return self.peer.describe()
