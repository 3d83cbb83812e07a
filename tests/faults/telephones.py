"""Telephones outside: rung by us, calling us, or an agent's desk phone; moved by our re-INVITEs as real ones are."""

from __future__ import annotations

import asyncio
from typing import Self

from telephony.sip import (
    AgentSettings,
    Credentials,
    Destination,
    Failure,
    Invitation,
    InviteWish,
    ListenPoint,
    NameAddr,
    Registration,
    SipAgent,
    SipDialog,
)
from testkit.company import Company, request_id
from testkit.rtp_peer import RtpPeer
from testkit.waiting import eventually

PHONES = "127.0.0.5"
"""Where desk phones are: an address that is no trunk's."""


class Telephone:
    """Answers whoever rings it, and may call. In an office it is a party like others; coming back is done to it."""

    def __init__(self, peer: RtpPeer, host: str = "127.0.0.1") -> None:
        self.peer = peer
        self.dialogs: list[SipDialog] = []
        self.moves = 0
        """How often it was told to send elsewhere."""
        self.ended: list[str] = []
        self.rung_from = 0
        """The SIP port of the node that rang it last."""
        point = ListenPoint("UDP", host, 0)
        self.agent = SipAgent(AgentSettings(points=[point], name="telephone", trusted=lambda _flow: True))
        self.agent.on_invite = lambda invitation: self.agent.stack.spawn(self._answer(invitation), "answer")

    @classmethod
    async def at(cls, tone: float, host: str = "127.0.0.1") -> Self:
        """A telephone at an address."""
        made = cls(await RtpPeer.start(tone, host=host), host)
        await made.agent.start()
        return made

    @classmethod
    async def of(cls, company: Company, tone: float) -> Self:
        """A telephone, and the company's trunk to it."""
        made = await cls.at(tone)
        gateway = {
            "host": "127.0.0.1", "port": made.agent.points[0].port, "transport": "SIP_TRANSPORT_UDP", "weight": 1,
        }  # fmt: skip
        trunk = {"displayName": "Carrier", "gateways": [gateway], "enabled": True}
        await company.owner.post("/v1/trunks", {"requestId": request_id(), "trunk": trunk})
        return made

    @classmethod
    async def on_the_desk_of(cls, company: Company, agent_id: str, tone: float, port: int) -> Self:
        """An agent's desk phone, signed in at a node's SIP port."""
        device = {"agentId": agent_id, "displayName": "Desk", "enabled": True}
        made = await company.owner.post("/v1/devices", {"requestId": request_id(), "device": device})
        phone, user = await cls.at(tone, PHONES), made["device"]["userName"]
        wish = Registration(
            f"sip:127.0.0.1:{port}", f"sip:{user}@127.0.0.1", Credentials(user, made["secret"]),
            hop=Destination("UDP", "127.0.0.1", port),
        )  # fmt: skip
        registrant = phone.agent.register(wish, lambda *_: None)
        await eventually(lambda: registrant.registered)
        return phone

    async def call(self, number: str, port: int) -> bool:
        """Call a number over a node's SIP port. True when it is answered, False when it is refused."""
        outcome: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        wish = InviteWish(
            target=f"sip:{number}@127.0.0.1:{port}", caller=NameAddr("sip:+15550100199@127.0.0.1"),
            sdp=self.peer.describe(), hop=Destination("UDP", "127.0.0.1", port),
        )  # fmt: skip
        attempt = await self.agent.invite(wish)

        def answered(dialog: SipDialog, sdp: str) -> None:
            self.peer.accept(sdp)
            self._keep(dialog)
            outcome.set_result(None)

        attempt.on_answered, attempt.on_failed = answered, outcome.set_result
        return await outcome is None

    async def come_back(self, tone: float) -> None:
        """What it heard before doesn't count."""
        del tone
        self.peer.forget()

    async def leave(self) -> None:
        await self.agent.close()
        await self.peer.close()

    async def _answer(self, invitation: Invitation) -> None:
        self.rung_from = invitation.source[1]
        self.peer.accept(invitation.sdp_offer or "")
        self._keep(await invitation.answer(self.peer.describe()))

    def _keep(self, dialog: SipDialog) -> None:
        dialog.on_offer = self._moved
        dialog.on_bye = lambda ended: self.ended.append(ended.why)
        self.dialogs.append(dialog)

    async def _moved(self, offer: str | None) -> str:
        self.moves += 1
        self.peer.accept(offer or "")
        return self.peer.describe()
