"""Calls out over trunks: attempts over gateways in their order, each on a line of the trunk, until one is answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Literal

from chassis.telemetry import log
from kernel.errors import DomainError

from telephony.clients import CallerNumbers
from telephony.domain import dialing
from telephony.domain.calls import Call
from telephony.domain.dialing import Attempt, Dialer, Plan, Wish
from telephony.domain.diversions import MOST_HOPS, hops_left
from telephony.domain.legs import Q850
from telephony.domain.lines import CallRateLimitReached, Line
from telephony.domain.trunks import CallerHeader, Digits, Srtp, Trunk
from telephony.live.house import House
from telephony.live.lines import Lines
from telephony.live.outcomes import rung
from telephony.live.outside import RING_SECONDS, OutsideLeg, Planned
from telephony.live.sip.calling_phone import BEHIND_NAT, PHONE_POLICY
from telephony.live.sip.edges import Way
from telephony.live.sip.gateways import address_of, uri_of
from telephony.live.sip.legs import SipLeg
from telephony.live.sip.phones import Phones
from telephony.live.sip.roster import Roster
from telephony.live.sip.statuses import MEDIA_REFUSED, cause_of_failure
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sdp import SdpInvalid
from telephony.media.sip_sdp import CODECS, SdpPolicy
from telephony.ops import outbound as ops
from telephony.sip import (
    DialogEnded,
    Failure,
    InviteWish,
    NameAddr,
    OutgoingInvite,
    SipAgent,
    SipDialog,
    SipRefused,
    TransportFailed,
)

_TRY_NEXT = frozenset({408, 477, 478, 500, 502, 503, 504})
"""What another gateway may do better (RFC 3261 21.5; 408 is ours when nothing came, 477 and 478 an edge's that found no
way). A redirection is never followed: where it leads, at what price, is for nobody to say but the trunk. What it says
besides is that this gateway doesn't take the call."""
_REDIRECTIONS = range(300, 400)
_SRTP: Mapping[Srtp, Literal["never", "prefer", "require"]] = {
    Srtp.NEVER: "never",
    Srtp.PREFER: "prefer",
    Srtp.REQUIRE: "require",
}
_FIRST_RESPONSE_SECONDS = 4.0
_PROGRESS_SECONDS = 12.0
"""How long a gateway that has taken a call (100) may say nothing more while there is another one. Ringing far away is
told of within a few seconds."""
_RING_SECONDS = 90.0
_RATE_TRIES = 5
"""How often the next gateway's line is asked for, once the first has refused: that attempt counts in its second too."""


@dataclass(frozen=True)
class _Way:
    """A plan and for whom it was made."""

    plan: Plan
    dialer: Dialer


class SipOutside:
    """`live.outside.Outside` over SIP trunks."""

    def __init__(self, house: House, agent: SipAgent, roster: Roster, lines: Lines, phones: Phones) -> None:
        self._house = house
        self._phones = phones
        self._agent = agent
        self._roster = roster
        self._lines = lines
        self._on_lines: set[SipLeg] = set()
        """Numbers that were reached, here or on the nodes their calls were adopted from."""

    async def plan(self, tenant_id: str, number: str, caller_number: str, numbers: CallerNumbers) -> Planned:
        """See `live.outside.Outside`."""
        house = self._house
        dialer, sights = await house.db.system(
            lambda tx: ops.situation(tx, tenant_id, numbers.to_show, house.now()), read_only=True
        )
        plan = dialing.decide(Wish(number, caller_number), dialer, sights, house.now(), random.Random())
        return Planned(plan.destination.number, plan.caller_number, _Way(plan, dialer))

    async def dial(
        self, call: Call, leg_id: str, tenant_id: str, planned: Planned, on_behalf: OutsideLeg | None = None
    ) -> SipLeg:
        """See `live.outside.Outside`. The first line is taken before it returns, so that a limit that is met now is
        told at once."""
        assert isinstance(planned.plan, _Way)
        leg = TrunkLeg(self._house, self._agent, self._roster, self._lines, call, planned.plan.plan)
        leg.hops = hops_left(on_behalf.hops) if isinstance(on_behalf, SipLeg) else MOST_HOPS
        await leg.begin(planned.plan.dialer)
        self._on_lines.add(leg)
        return leg

    async def ring_agent(
        self, tenant_id: str, call: Call, agent_id: str, seconds: float = RING_SECONDS
    ) -> SipLeg | None:
        """See `live.outside.Outside`."""
        return await self._phones.ring(tenant_id, agent_id, call.customers_number, call.caller_name, seconds)

    async def resume(self, kept: Mapping[str, Any]) -> SipLeg | None:
        """See `live.outside.Outside`: a re-INVITE from here tells the peer where the call is now."""
        house = self._house
        owner = kept["line"][0] if kept.get("line") else ""
        trunk = await self._roster.trunk_of_call(owner, kept["trunk_id"])
        leg = SipLeg(house.plane, house.tasks.spawn)
        leg.trunk_id, leg.toward, leg.digits_by_info = kept["trunk_id"], kept["toward"], kept["by_info"]
        leg.user, leg.hops = kept.get("user", ""), kept.get("hops", MOST_HOPS)
        policy, settings = (policy_of(trunk), None) if trunk is not None else (PHONE_POLICY, BEHIND_NAT)
        media = house.plane.rtp(policy, settings, toward=leg.toward, state=kept["media"])
        dialog = self._agent.take_over(dict(kept["dialog"]))
        if trunk is not None and (credentials := self._roster.credentials(trunk)) is not None:
            dialog.authenticate(credentials)
        if kept.get("line") and (line := await self._lines.find(*kept["line"])) is not None:
            leg.holds(line, self._lines)
            self._on_lines.add(leg)
        leg.follow(dialog)
        try:
            media.apply(await dialog.reinvite(media.offer()))
        except (SipRefused, DialogEnded, SdpInvalid, TransportFailed) as error:
            log.info("a SIP peer does not go on here", trunk_id=leg.trunk_id, exc_info=error)
            await house.plane.close_leg(media)
            # Who refused is in the call still, and would wait there, at somebody's cost, for whom nobody speaks.
            house.tasks.spawn(leg.hang_up(Q850.TEMPORARY_FAILURE), "hang up who doesn't go on here")
            return None
        finally:
            if kept.get("second") is not None:
                house.tasks.spawn(self._end_second(kept["second"]), "end a phone's second line")
        leg.take(media)
        return leg

    async def _end_second(self, state: Mapping[str, Any]) -> None:
        """A phone's second line died with its node: the phone is told, or it would show a call that is none."""
        with contextlib.suppress(DialogEnded):
            await self._agent.take_over(dict(state)).bye(Q850.TEMPORARY_FAILURE)

    async def cut_overspent(self) -> None:
        """Hang up what has spoken a limit away. A loop of main."""
        cut = {line.line_id for line in await self._lines.overspent()}
        self._on_lines = {leg for leg in self._on_lines if not leg.over}
        for leg in list(self._on_lines):
            if leg.line is not None and leg.line.line_id in cut:
                log.warning("a call is cut: its limit of spending is reached", call_id=leg.line.call_id)
                self._house.tasks.spawn(leg.hang_up(Q850.REJECTED), "cut overspent call")
                leg.on_cut()


class TrunkLeg(SipLeg):
    """A number rung over a trunk."""

    def __init__(self, house: House, agent: SipAgent, roster: Roster, lines: Lines, call: Call, plan: Plan) -> None:
        super().__init__(house.plane, house.tasks.spawn)
        self.on_over = self._release
        self._house = house
        self._agent = agent
        self._roster = roster
        self._lines = lines
        self._call = call
        self._plan = plan
        self._left: list[Attempt] = list(plan.attempts)
        self._invite: OutgoingInvite | None = None
        self._early = False
        self._rang = False
        """A gateway has said that the number rings."""

    async def begin(self, dialer: Dialer, tries: int = 1) -> None:
        """Take a line and ring over the first gateway that has one. TrunkLimitReached and the like when none has;
        where as many calls began in this second as may, `tries` times."""
        refusal: DomainError | None = None
        while self._left:
            attempt = self._left.pop(0)
            try:
                await self._try(attempt, dialer, tries)
                return
            except DomainError as error:
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        invite, self._left = self._invite, []
        if self.dialog is None and invite is not None and not self.over:
            await invite.cancel(q850)
        await super().hang_up(q850)

    async def _try(self, attempt: Attempt, dialer: Dialer, tries: int) -> None:
        trunk = attempt.trunk
        way = await self._roster.reach.way_to(trunk, attempt.gateway)
        self.line = await self._take_line(attempt, dialer, tries)
        if self.over:  # hung up meanwhile
            await self._release()
            return
        self.trunk_id, self.toward = trunk.trunk_id, way.address
        self.digits_by_info = trunk.digits is Digits.INFO
        try:
            await self._invite_at(attempt, way, dialer, policy_of(trunk))
        except DomainError:
            await self._release()
            raise
        log.info(
            "number rung", call_id=self._call.call_id, trunk_id=trunk.trunk_id,
            gateway_id=attempt.gateway.gateway_id,
        )  # fmt: skip

    async def _invite_at(self, attempt: Attempt, way: Way, dialer: Dialer, policy: SdpPolicy) -> None:
        media = self._house.plane.rtp(policy, toward=self.toward)
        media.silent_by_right = True  # a gateway that describes itself while it rings may leave the tone to us
        patience, progress = (_FIRST_RESPONSE_SECONDS, _PROGRESS_SECONDS) if self._left else (32.0, _RING_SECONDS)
        wish = invite_wish(self._roster, attempt, way, media.offer(), response_seconds=patience)
        wish = replace(wish, progress_seconds=progress, hops=self.hops)
        invite = await self._agent.invite(wish)
        self._invite = invite
        invite.on_early_dialog = lambda dialog: self._changes_by(dialog, media)
        invite.on_ringing = self._rings
        invite.on_progress = lambda sdp: self._progressed(media, sdp)
        invite.on_answered = lambda dialog, sdp: self._was_answered(media, dialog, sdp)

        def failed(failure: Failure) -> None:
            rung(failure.status)
            refused = failure.status in MEDIA_REFUSED and not failure.answered and not self._early and not self.over
            if refused and policy.srtp == "prefer":
                again = self._secure_alone(media, attempt, way, dialer, failure)
                self._house.tasks.spawn(again, "ring with SRTP alone")
                return
            if refused:
                log.warning(
                    "a carrier takes none of our audio: look at its trunk's codecs and SRTP",
                    call_id=self._call.call_id, trunk_id=self.trunk_id, srtp=policy.srtp,
                )  # fmt: skip
            self._failed(media, failure, dialer)

        invite.on_failed = failed
        if self.over:  # hung up while the gateway's name was looked up, or it was connected to
            await invite.cancel()

    async def _secure_alone(self, media: RtpLeg, attempt: Attempt, way: Way, dialer: Dialer, failure: Failure) -> None:
        """Some refuse an offer that leaves SRTP open (RFC 8643), and there is no way to say in it that they may insist:
        once more, on the same line."""
        try:
            await self._house.plane.close_leg(media)
            if not self.over:
                await self._invite_at(attempt, way, dialer, replace(policy_of(attempt.trunk), srtp="require"))
        except Exception as error:  # whatever it is: somebody waits for what comes of the call
            log.info("a carrier can't be asked with SRTP alone", call_id=self._call.call_id, exc_info=error)
            self.gone(cause_of_failure(failure), failure.status)

    async def _take_line(self, attempt: Attempt, dialer: Dialer, tries: int) -> Line:
        house = self._house
        while True:
            line = self._plan.line(attempt, dialer, self._call.call_id, house.settings.node_id, house.now())
            try:
                return await self._lines.take(line)
            except CallRateLimitReached:
                tries -= 1
                if not tries or self.over:
                    raise
                await asyncio.sleep(random.uniform(0.4, 1.0))

    def _rings(self) -> None:
        self._rang = True

    def _progressed(self, media: RtpLeg, sdp: str) -> None:
        """Early media: tones and announcements of the carrier's own, from its first packet on. Until then the tone is
        ours, also where the carrier has described itself (RFC 3960 3.2)."""
        if not self.over and self._applied(media, sdp) and self.rtp is not media:
            self._early = True
            media.on_heard = lambda: self._hears(media)

    def _hears(self, media: RtpLeg) -> None:
        if not self.over and self.rtp is not media and not media.closed:
            self.take(media)

    def _changes_by(self, dialog: SipDialog, media: RtpLeg) -> None:
        """A carrier may say by UPDATE that another one of its machines speaks now (RFC 3311)."""
        self.changes_early(dialog, media, lambda: self._progressed(media, ""))

    def _was_answered(self, media: RtpLeg, dialog: SipDialog, sdp: str) -> None:
        rung(200)
        self.follow(dialog)
        if self.over:
            self._house.tasks.spawn(dialog.bye(), "answered too late")
            self._house.tasks.spawn(self._house.plane.close_leg(media), "close late media")
            return
        if not self._applied(media, sdp):
            self.gone(Q850.UNSPECIFIED, 488)
            self._house.tasks.spawn(dialog.bye(Q850.UNSPECIFIED), "unusable answer")
            self._house.tasks.spawn(self._house.plane.close_leg(media), "close unusable media")
            return
        media.silent_by_right, media.last_heard = False, monotonic()
        if self.rtp is not media:
            self.take(media)
        if self.line is not None:
            self._house.tasks.spawn(self._lines.answer(self.line), "line answered")
        self.on_answered()
        self.on_changed()

    def _applied(self, media: RtpLeg, sdp: str) -> bool:
        try:
            if sdp:
                media.apply(sdp)
        except SdpInvalid as error:
            log.warning("a carrier's answer can't be used", call_id=self._call.call_id, exc_info=error)
            return False
        return True

    def _failed(self, media: RtpLeg, failure: Failure, dialer: Dialer) -> None:
        log.info(
            "number not reached", call_id=self._call.call_id, trunk_id=self.trunk_id, status=failure.status,
            reason=failure.reason,
        )  # fmt: skip
        sent_on = failure.status in _REDIRECTIONS
        # A telephone that rang and wasn't answered, or is diverted then, would ring anew by every other gateway.
        unanswered = (self._rang or self._early) and (failure.status == 408 or sent_on)
        # Nor does one that was answered and said nothing that could be used: what went wrong goes wrong there too.
        again = bool(self._left) and not self.over and not unanswered and not failure.answered
        if again and (failure.status in _TRY_NEXT or sent_on or failure.local):
            self._house.tasks.spawn(self._next(media, dialer, failure), "next gateway")
            return
        self._house.tasks.spawn(self._house.plane.close_leg(media), "close unanswered media")
        self.gone(cause_of_failure(failure), failure.status)

    async def _next(self, media: RtpLeg, dialer: Dialer, failure: Failure) -> None:
        self._rang = self._early = False
        if self.rtp is media:
            self.rtp = None
            self.on_media(None)
        try:
            await self._house.plane.close_leg(media)
            await self._release()
            await self.begin(dialer, _RATE_TRIES)
        except Exception as error:  # whatever it is: somebody waits for what comes of the call
            log.info("no other gateway takes the call", call_id=self._call.call_id, exc_info=error)
            self.gone(failure.q850, failure.status)

    async def _release(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            await self._lines.release(line)


def invite_wish(roster: Roster, attempt: Attempt, way: Way, offer: str, *, response_seconds: float) -> InviteWish:
    """How a number is rung over a gateway. `response_seconds` is how long to wait for any response at all."""
    trunk, caller = attempt.trunk, address_of(attempt.caller, attempt.gateway)
    return InviteWish(
        target=uri_of(attempt.dialed, attempt.gateway),
        caller=NameAddr(caller),
        sdp=offer,
        hop=way.hop,
        routes=way.routes,
        credentials=roster.credentials(trunk),
        asserted=caller if trunk.caller_header is CallerHeader.ASSERTED_IDENTITY else "",
        response_seconds=response_seconds,
        ring_seconds=_RING_SECONDS,
    )


def policy_of(trunk: Trunk) -> SdpPolicy:
    """What may be spoken over a trunk."""
    return SdpPolicy(
        codecs=tuple(CODECS[name.lower()] for name in trunk.codecs),
        srtp=_SRTP[trunk.srtp],
        events=trunk.digits is Digits.RTP,
    )
