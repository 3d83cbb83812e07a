"""A carrier for tests: our SIP agent on the far side, with media that is none of ours."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from telephony.domain.trunks import Gateway, Trunk
from telephony.sip import (
    AgentSettings,
    Destination,
    Ended,
    Failure,
    Invitation,
    InviteWish,
    ListenPoint,
    NameAddr,
    Replaces,
    SipAgent,
    SipDialog,
)
from testkit.rtp_peer import RtpPeer


class Carrier:
    """Calls Merkez and is called by it. `behave` takes each invitation; by default it is answered at once."""

    def __init__(
        self, peer: RtpPeer, transport: str = "UDP", host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.peer = peer
        self.host = host
        self.transport = transport
        self.invitations: list[Invitation] = []
        self.dialogs: list[SipDialog] = []
        self.ended: list[Ended] = []
        self.behave = self.answer
        self.agent = SipAgent(
            AgentSettings(points=[ListenPoint(transport, host, 0, tls=tls)], name="carrier", trusted=lambda _flow: True)
        )
        self.agent.on_invite = self._invited

    async def start(self) -> None:
        await self.agent.start()

    async def close(self) -> None:
        await self.agent.close()
        await self.peer.close()

    @property
    def port(self) -> int:
        return self.agent.points[0].port

    def gateway(self, **fields: Any) -> Gateway:
        return Gateway("", self.host, self.port, **fields)

    def _invited(self, invitation: Invitation) -> None:
        self.invitations.append(invitation)
        self.agent.stack.spawn(self.behave(invitation), "behave")

    async def answer(self, invitation: Invitation) -> None:
        await invitation.ring()
        self._keep(await invitation.answer(self._described(invitation)))

    def _described(self, invitation: Invitation) -> str:
        self.peer.accept(invitation.sdp_offer or "")
        return self.peer.describe()

    def _keep(self, dialog: SipDialog) -> None:
        dialog.on_bye = self.ended.append
        self.dialogs.append(dialog)

    async def call(
        self,
        port: int,
        number: str,
        caller: str = "+15550100199",
        replaces: Replaces | None = None,
        **more: Any,
    ) -> SipDialog | Failure:
        """Call a number over Merkez's SIP port, to the answer or the refusal."""
        outcome: asyncio.Future[SipDialog | Failure] = asyncio.get_running_loop().create_future()
        wish = InviteWish(
            target=f"sip:{number}@127.0.0.1:{port}", caller=NameAddr(f"sip:{caller}@127.0.0.1", "Zoe Zimmer"),
            sdp=self.peer.describe(), hop=Destination(self.transport, "127.0.0.1", port), replaces=replaces,
            **more,
        )  # fmt: skip
        attempt = await self.agent.invite(wish)

        def answered(dialog: SipDialog, sdp: str) -> None:
            self.peer.accept(sdp)
            self._keep(dialog)
            outcome.set_result(dialog)

        attempt.on_answered = answered
        attempt.on_failed = outcome.set_result
        return await outcome

    async def give_up(self, port: int, number: str, after: float) -> None:
        """Call and cancel so many seconds later; an answer that comes first is hung up."""
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wish = InviteWish(
            target=f"sip:{number}@127.0.0.1:{port}", caller=NameAddr(f"sip:+15550100199@{self.host}"),
            sdp=self.peer.describe(), hop=Destination("UDP", "127.0.0.1", port),
        )  # fmt: skip
        attempt = await self.agent.invite(wish)
        attempt.on_answered = lambda *_: outcome.set_result(None)
        attempt.on_failed = lambda _: outcome.set_result(None)
        await asyncio.sleep(after)
        await attempt.cancel()
        await outcome
        if attempt.dialog is not None:
            await attempt.dialog.bye()


def a_trunk(*gateways: Gateway, **fields: Any) -> Trunk:
    """A draft of a trunk for `ops.trunks.create_trunk`."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)  # noqa: TID251 - replaced when it is stored
    return Trunk("", "", "Carrier", gateways, now, now, **fields)
