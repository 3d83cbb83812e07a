"""A desk phone that dials: it is told how it goes until who it dialled answers, and then is its agent's leg.

Ringing is 180 without a description, so that the phone makes its own tone: one behind a router hears nothing of ours
before it has sent something itself. What the other end says before it answers comes as early media (183). Where nobody
is reached the refusal says why (RFC 3261 13.3.1, RFC 3398 8.2.6.1).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from chassis.telemetry import log

from telephony.domain.legs import Q850, Leg, LegState
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.sip.legs import SipLeg
from telephony.live.sip.transfers import PhoneTransfer
from telephony.media.rtp_leg import PeerSettings
from telephony.media.sip_sdp import SdpPolicy
from telephony.sip import DialogEnded, Invitation
from telephony.sip.causes import status_of

PHONE_POLICY = SdpPolicy(srtp="prefer")
RINGING_POLICY = replace(PHONE_POLICY, suites=("AES_CM_128_HMAC_SHA1_80",))
"""What rings a phone: the suite that all of them know. With a key for each of ours an INVITE over UDP is larger than a
packet, and routers and mobile networks lose the pieces (RFC 3261 18.1.1)."""
BEHIND_NAT = PeerSettings(nat=True, tones=True)
_AGAIN_SECONDS = 50.0
"""A proxy gives up a call of which it has heard nothing for a minute (RFC 3261 13.3.1.1)."""


class CallingPhone(SipLeg):
    """The leg of a phone that dials, by the INVITE it dials with. SdpInvalid when it describes nothing of use."""

    def __init__(self, house: House, invitation: Invitation) -> None:
        super().__init__(house.plane, house.tasks.spawn)
        self.user, self.toward = invitation.user, invitation.source[0]
        self._tasks = house.tasks
        self._invitation = invitation
        self._ringing: asyncio.Task[None] | None = None
        self._cause = Q850.NORMAL
        media = house.plane.rtp(PHONE_POLICY, BEHIND_NAT, toward=self.toward)
        try:
            offer = invitation.sdp_offer
            # A phone that made no offer gets ours with the 200: its answer comes with the ACK.
            self._sdp = media.offer() if offer is None else media.answer(offer)
        except BaseException:
            self._spawn(house.plane.close_leg(media), "close media nobody agreed on")
            raise
        media.silent_by_right = True
        invitation.on_cancelled = lambda ended: self.gone(ended.q850, ended.status)
        self.take(media)
        self.follow(invitation.dialog)

    async def answer(self) -> None:
        """200. DialogEnded when the phone has given up."""
        await self._invitation.answer(self._sdp)
        if self.rtp is not None:
            self.rtp.told()
            self.rtp.silent_by_right, self.rtp.last_heard = False, monotonic()
        self.on_changed()

    async def ring(self, live: LiveCall, party: Callable[[], Leg | None]) -> None:
        """Tell the phone how it goes with the `party` it dialled, a leg of `live`, to the answer. From now on whoever
        ends this leg refuses the phone's call by the same. DialogEnded when one of the two has ended it already."""
        if self.over:
            await self._invitation.refuse(status_of(self._cause), q850=self._cause)
            raise DialogEnded("it is over before it rang")
        self._ringing = self._tasks.spawn(self._ring(live, party), "ringing told to a phone")

    async def end(self) -> None:
        ringing, self._ringing = self._ringing, None
        if ringing is not None and ringing is not asyncio.current_task():
            ringing.cancel()
        await super().end()

    async def _ring(self, live: LiveCall, party: Callable[[], Leg | None]) -> None:
        def answered() -> bool:
            leg = party()
            return leg is None or leg.state is not LegState.RINGING

        def heard() -> bool:
            leg = party()
            if leg is None or self._invitation.sdp_offer is None or _picked_up(live, leg):
                return False
            return live.room.member(leg.leg_id).leg is not None

        def news(early: bool) -> Callable[[], bool]:
            return lambda: answered() or heard() is not early

        while not answered():
            early = heard()
            if early and self.rtp is not None:
                self.rtp.told()
            await (self._invitation.progress(self._sdp) if early else self._invitation.ring())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_SECONDS):
                    await live.until(news(early))
        if party() is None:
            return  # who was dialled is gone: what ends this leg says why
        try:
            await self.answer()
        except DialogEnded:
            log.info("a desk phone gave its call up", call_id=live.call_id)

    async def _say_goodbye(self, q850: int, wishes: Sequence[PhoneTransfer | None]) -> None:
        self._cause = q850
        if self._ringing is not None and self._invitation.is_open:
            await self._invitation.refuse(status_of(q850), q850=q850)
        await super()._say_goodbye(q850, wishes)


def _picked_up(live: LiveCall, leg: Leg) -> bool:
    """Whether its media are an answer's, which the rows are about to say."""
    outside = live.outside.get(leg.leg_id)
    return isinstance(outside, SipLeg) and outside.dialog is not None and outside.dialog.confirmed
