"""A desk phone for tests: our SIP agent on the far side, signed in as one of an agent's devices."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from telephony.ops import devices as device_ops
from telephony.sip import (
    Credentials,
    Destination,
    Failure,
    InviteWish,
    NameAddr,
    OutgoingInvite,
    Registrant,
    Registration,
    Replaces,
    SipDialog,
)
from telephony.sip.bodies import SDP, typed
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import Exchange

PHONES = "127.0.0.5"
"""Where phones are in tests: an address that is no trunk's."""


class DeskPhone(Carrier):
    """Signs in, rings and dials. What comes in is answered at once unless `behave` says otherwise."""

    def __init__(self, exchange: Exchange, peer: RtpPeer, user: str, secret: str, transport: str = "UDP") -> None:
        super().__init__(peer, transport, host=PHONES)
        assert exchange.edge is not None
        self.user = user
        self._exchange = exchange
        self._port = exchange.edge.agent.points[0].port
        self._credentials = Credentials(user, secret)
        self._registrant: Registrant | None = None

    @classmethod
    async def signed_in(
        cls, exchange: Exchange, agent_id: str, tone: float | None = None, *, transport: str = "UDP"
    ) -> DeskPhone:
        """A new device of the agent, registered."""
        house = exchange.house
        device, secret = await house.db.run(
            exchange.tenant_id, lambda tx: device_ops.create_device(tx, agent_id, "Desk", house.now())
        )
        phone = cls(exchange, await RtpPeer.start(tone, host=PHONES), device.user_name, secret, transport)
        await phone.start()
        wish = Registration(
            f"sip:127.0.0.1:{phone._port}", f"sip:{phone.user}@127.0.0.1", phone._credentials, hop=phone._hop
        )
        phone._registrant = phone.agent.register(wish, lambda *_: None)
        await eventually(lambda: phone._registrant is not None and phone._registrant.registered)
        return phone

    async def belongs_to(self, brand_id: str) -> None:
        """An admin gives it a brand to call for."""
        house = self._exchange.house
        found = await house.db.system(lambda tx: device_ops.find_by_user_name(tx, self.user), read_only=True)
        assert found is not None
        change = {"brand_id": brand_id}
        await house.db.run(found[0], lambda tx: device_ops.update_device(tx, found[1], change, 0, house.now()))

    @property
    def _hop(self) -> Destination:
        return Destination(self.transport, "127.0.0.1", self._port)

    def uri(self, dialed: str) -> str:
        """What it says when somebody dials this on it."""
        return f"sip:{dialed}@127.0.0.1:{self._port}"

    def wish(self, dialed: str, line: RtpPeer, replaces: Replaces | None = None) -> InviteWish:
        """Its INVITE."""
        return InviteWish(
            target=self.uri(dialed), caller=NameAddr(f"sip:{self.user}@127.0.0.1"), sdp=line.describe(), hop=self._hop,
            credentials=self._credentials, replaces=replaces,
        )  # fmt: skip

    async def dial(
        self, dialed: str, peer: RtpPeer | None = None, replaces: Replaces | None = None, *, offers: bool = True,
        acknowledges: str | None = None,
    ) -> SipDialog | Failure:  # fmt: skip
        """Dial, to the answer or the refusal. `peer` is the media of a second line. A phone that doesn't offer answers
        our offer with its ACK, by what it `acknowledges` or as it is."""
        return await (await self.begins(dialed, peer, replaces, offers=offers, acknowledges=acknowledges)).outcome

    async def begins(
        self, dialed: str, peer: RtpPeer | None = None, replaces: Replaces | None = None, *, offers: bool = True,
        acknowledges: str | None = None,
    ) -> Dialled:  # fmt: skip
        """Dial; what comes of it is told by what is returned."""
        line = peer or self.peer
        wish = self.wish(dialed, line, replaces)
        attempt = await self.agent.invite(wish if offers else dataclasses.replace(wish, sdp=""))
        dialled = Dialled(attempt)

        def begun(dialog: SipDialog) -> None:
            dialled.early = dialog
            if not offers:
                _answers_by_ack(dialog, line.describe() if acknowledges is None else acknowledges)

        def rings() -> None:
            dialled.rang += 1

        def progressed(sdp: str) -> None:
            dialled.progressed += 1
            line.accept(sdp)

        def answered(dialog: SipDialog, sdp: str) -> None:
            if sdp:
                line.accept(sdp)
            self._keep(dialog)
            dialled.outcome.set_result(dialog)

        attempt.on_early_dialog = begun
        attempt.on_ringing, attempt.on_progress = rings, progressed
        attempt.on_answered = answered
        attempt.on_failed = dialled.outcome.set_result
        return dialled


@dataclasses.dataclass
class Dialled:
    """What a phone that dials is told."""

    attempt: OutgoingInvite
    early: SipDialog | None = None
    rang: int = 0
    """How often it was told that it rings."""
    progressed: int = 0
    """How often it was told what is heard before the answer."""
    outcome: asyncio.Future[Any] = dataclasses.field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )  # fmt: skip
    """The dialog, or the refusal."""


def _answers_by_ack(dialog: SipDialog, answer: str) -> None:
    """Our agent always offers: this is what else a phone may do (RFC 3261 13.2.1)."""
    offers = dialog.offers

    def acknowledge(cseq: int) -> None:
        request = offers._state.request("ACK", cseq=cseq)
        typed(request, SDP)
        request.body = answer.encode()
        offers._last_ack = (cseq, request)
        offers._post_ack(request)

    offers.acknowledge = acknowledge
