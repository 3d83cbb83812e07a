"""Desk phones: signing in, and calling out from one. Being rung is `stations`' wish (`ring`)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from time import monotonic
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.errors import DomainError, Unavailable
from kernel.ids import new_id
from merkez.telephony.v1 import call_service_pb2

from telephony.domain.calls import Actor, CallEnded
from telephony.domain.conversation import ConsultUnderWay
from telephony.domain.devices import (
    REALM,
    Binding,
    Contact,
    Device,
    DeviceNotFound,
    Register,
    RegistrationOutOfOrder,
    RegistrationTooBrief,
    is_user_name,
    places,
)
from telephony.domain.legs import Q850, Leg, Party
from telephony.domain.trunks import Transport
from telephony.live.call import LiveCall
from telephony.live.conversations import Conversations
from telephony.live.dialing import Dialing
from telephony.live.house import House
from telephony.live.sip.calling_phone import BEHIND_NAT, RINGING_POLICY, CallingPhone
from telephony.live.sip.edges import Edges
from telephony.live.sip.legs import SipLeg
from telephony.live.sip.second_line import SecondLine
from telephony.live.sip.silences import Silences
from telephony.live.sip.statuses import (
    MEDIA_REFUSED,
    cause_of_failure,
    phrase_of_error,
    q850_of_error,
    status_of_error,
)
from telephony.live.switchboard import Switchboard
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sdp import SdpInvalid
from telephony.media.sip_sdp import SdpPolicy
from telephony.ops import devices as ops
from telephony.ops import stations as station_ops
from telephony.sip import Binding as Bound
from telephony.sip import (
    Destination,
    DialogEnded,
    Failure,
    Invitation,
    InviteWish,
    NameAddr,
    OutgoingInvite,
    RegisterWish,
    SipAgent,
    SipDialog,
    SipRefused,
    SipUri,
    parse_uri,
)

_SECURE_ONLY = SdpPolicy(srtp="require")
"""For a phone that insists on SRTP and so refuses an offer that leaves it open (RFC 4568 has no way to say that)."""
_DECLINED = frozenset({480, 486, 600, 603})
"""What a phone says when its user, or who set it to, doesn't take the call."""
_SIGN_OF_LIFE_SECONDS = 2.0
_REGISTER_AGAIN_SECONDS = 5


class Phones:
    """Registrar of desk phones and their way into calls."""

    agent: SipAgent

    def __init__(
        self, house: House, switchboard: Switchboard, dialing: Dialing, conversations: Conversations, edges: Edges,
        silences: Silences,
    ) -> None:  # fmt: skip
        self._house = house
        self._silences = silences
        self._edges = edges
        self._switchboard = switchboard
        self._dialing = dialing
        self._conversations = conversations

    # -- signing in --------------------------------------------------------------------------------------------

    async def ha1(self, user: str, realm: str, algorithm: str) -> str | None:
        """The digest stored of a user name's secret. An unknown one costs the same two looks at the database."""
        if realm != REALM:
            return None
        found = await self._house.db.system(lambda tx: ops.find_by_user_name(tx, user), read_only=True)
        device = await self._device(*(found or _NOBODY))
        if device is None or not device.enabled:
            return None
        return device.ha1_sha256 if algorithm == "SHA-256" else device.ha1_md5

    async def _device(self, tenant_id: str, device_id: str) -> Device | None:
        try:
            return await self._house.db.run(tenant_id, lambda tx: ops.get_device(tx, device_id), read_only=True)
        except DeviceNotFound:
            return None

    async def agent_of(self, user: str) -> tuple[str, str] | None:
        """(tenant id, agent id) of the phone with this user name; None when it is nobody's."""
        found = await self._house.db.system(lambda tx: ops.find_by_user_name(tx, user), read_only=True)
        device = await self._device(*(found or _NOBODY))
        return (found[0], device.agent_id) if found is not None and device is not None else None

    def named(self, user: str, host: str) -> Coroutine[Any, Any, bool] | None:
        """See `AgentSettings.phone`."""
        return self._signed_in(user, host) if is_user_name(user) else None

    async def _signed_in(self, user: str, host: str) -> bool:
        house = self._house
        found = await house.db.system(lambda tx: ops.find_by_user_name(tx, user), read_only=True)
        if found is None:
            return False
        return await house.db.run(
            found[0], lambda tx: ops.signed_in_from(tx, found[1], host, house.now()), read_only=True
        )

    async def register(self, wish: RegisterWish) -> list[Bound]:
        """An authenticated REGISTER. SipRefused; 503 while the database is away, which no phone gives up at."""
        try:
            return await self._register(wish)
        except Unavailable as error:
            raise SipRefused(503, "Service Unavailable", _REGISTER_AGAIN_SECONDS) from error

    async def _register(self, wish: RegisterWish) -> list[Bound]:
        house = self._house
        found = await house.db.system(lambda tx: ops.find_by_user_name(tx, wish.user), read_only=True)
        if found is None:
            raise SipRefused(403, "Forbidden")
        tenant_id, device_id = found
        request = Register(
            call_id=wish.call_id,
            cseq=wish.cseq,
            contacts=[Contact(each.uri, each.seconds) for each in wish.bindings],
            everything=wish.remove_all,
            expires=0 if wish.remove_all else None,
            source=f"{wish.reach.host}:{wish.reach.port}",
            transport=Transport(wish.reach.transport),
            node_id=house.settings.node_id,
            user_agent=wish.agent,
            path=wish.path if wish.by_edge else (),
        )

        async def kept(tx: Tx) -> Sequence[Binding]:
            now = house.now()
            bindings = await ops.register(tx, device_id, request, now)
            device = await ops.get_device(tx, device_id)
            await station_ops.follow_phones(tx, device.agent_id, house.settings.node_id, now)
            return bindings

        try:
            bindings = await house.db.run(tenant_id, kept)
        except RegistrationTooBrief as error:
            raise SipRefused(423, "Interval Too Brief") from error
        except RegistrationOutOfOrder as error:
            raise SipRefused(500, "Out of Order") from error
        except Unavailable:
            raise
        except DomainError as error:
            raise SipRefused(403, "Forbidden") from error
        now = house.now()
        log.info("desk phone registered", device_id=device_id, places=len(bindings))
        return [Bound(each.contact, max(1, int((each.expire_time - now).total_seconds()))) for each in bindings]

    # -- being rung --------------------------------------------------------------------------------------------

    async def ring(self, tenant_id: str, agent_id: str, shown: str, name: str, seconds: float) -> SipLeg | None:
        """Ring an agent's desk phones, all at once and wherever each may be, for so long at most; the first that
        answers is the leg. None when they have none."""
        house = self._house
        found = await house.db.run(tenant_id, lambda tx: ops.reachable(tx, agent_id, house.now()), read_only=True)
        rung = [(device, binding) for device, bindings in found for binding in places(bindings)]
        if not rung:
            return None
        leg = PhoneLeg(house, self.agent, self._edges, self._silences, tenant_id, len(rung), seconds)
        for device, binding in rung:
            # Side by side: to learn that one is gone takes seconds, in which another is answered.
            house.tasks.spawn(leg.try_at(device, binding, shown, name), "ring a phone")
        return leg

    # -- calling -----------------------------------------------------------------------------------------------

    async def dialed(self, invitation: Invitation) -> None:
        """A desk phone dials: its agent calls a number, and the phone is the agent's leg; asks somebody beside the call
        the phone has; or takes the place of another phone of theirs (Replaces)."""
        try:
            await self._dialed(invitation)
        except SdpInvalid:
            await invitation.refuse(488)
        except DialogEnded:
            log.info("a desk phone gave its call up")
        except DomainError as error:
            log.info("a desk phone's call was refused", reason=error.reason)
            status, phrase = status_of_error(error), phrase_of_error(error)
            q850, pause = q850_of_error(error), 2 if status == 503 else None
            await invitation.refuse(status, phrase, q850=q850, retry_after=pause)
        except Exception as error:
            log.error("a desk phone's call failed", exc_info=error)
            await invitation.refuse(500)

    async def _dialed(self, invitation: Invitation) -> None:
        house = self._house
        found = await house.db.system(lambda tx: ops.find_by_user_name(tx, invitation.user), read_only=True)
        device = await self._device(*(found or _NOBODY))
        if found is None or device is None:
            await invitation.refuse(403)
            return
        if invitation.replaced is not None:
            await self._take_place(invitation, found[0], device.agent_id, invitation.replaced)
            return
        first = self._talking(found[0], device.agent_id, invitation.user)
        if first is not None:
            await self._ask_beside(invitation, *first)
            return
        phone = CallingPhone(house, invitation)
        try:
            actor = Actor("agent", device.agent_id)
            key = new_id("req", house.now())
            request = call_service_pb2.DialCallRequest(
                request_id=key, number=invitation.called, brand_id=device.brand_id
            )
            call = await self._dialing.dial(found[0], actor, request, phone)
            live = self._switchboard.find(call.call_id)
            if live is None:
                raise CallEnded("the call is over already")
            await phone.ring(live, lambda: next(iter(live.live_legs(Party.CUSTOMER)), None))
        except BaseException:
            await phone.end()
            # Who gave up before it was the leg of its call is told of by nobody else.
            phone.on_gone(Q850.NORMAL, 0)
            raise

    def _talking(self, tenant_id: str, agent_id: str, user: str) -> tuple[LiveCall, Leg, SipLeg] | None:
        """The conversation an agent has by this phone, here; None when they have none."""
        for live in self._switchboard.calls:
            leg = live.leg_of(agent_id) if live.tenant_id == tenant_id and live.talking else None
            line = live.outside.get(leg.leg_id) if leg is not None else None
            if leg is not None and isinstance(line, SipLeg) and line.user == user and line.dialog and not line.over:
                return live, leg, line
        return None

    async def _ask_beside(self, invitation: Invitation, live: LiveCall, leg: Leg, first: SipLeg) -> None:
        """A second call of a phone that has one: a consult."""
        if first.second is not None:
            raise ConsultUnderWay("the phone has two calls already")
        hold = self._dialing.phone_hold(live, leg.leg_id)
        line = SecondLine(self._house, self._conversations, live, leg, first, hold, invitation)
        try:
            await line.ask(invitation.called)
        except BaseException:
            line.gone(Q850.NORMAL, 0)
            raise

    async def _take_place(self, invitation: Invitation, tenant_id: str, agent_id: str, replaced: SipDialog) -> None:
        """One phone of an agent takes what rings at, or is talked on, another of theirs. 403 for anybody else's: who
        may have a colleague's call is routing's to say."""
        house = self._house
        holder = next(
            (
                (live, leg, line)
                for live in self._switchboard.calls
                for leg in live.live_legs(Party.AGENT)
                if isinstance(line := live.outside.get(leg.leg_id), SipLeg) and line.speaks(replaced)
            ),
            None,
        )
        if holder is None or holder[0].tenant_id != tenant_id or holder[1].agent_id != agent_id:
            await invitation.refuse(403)
            return
        live, leg, before = holder
        if before.second is not None:
            raise ConsultUnderWay("the phone has two calls: end one of them first")
        # Told to go by its leg here, which knows a phone that still rings too.
        invitation.replaced = None
        phone = CallingPhone(house, invitation)
        try:
            await phone.answer()
        except BaseException:
            await phone.end()
            raise
        held = before.rtp is not None and before.rtp.remote_hold
        before.forget()
        self._dialing.hold_on_to(live, leg.leg_id, phone)
        phone.on_changed()
        house.tasks.spawn(before.hang_up(), "another phone took the call")
        if held:
            phone.on_hold(False)


class PhoneLeg(SipLeg):
    """An agent's desk phones, rung as one: who answers first has the call, the others stop ringing."""

    def __init__(
        self, house: House, agent: SipAgent, edges: Edges, silences: Silences, tenant_id: str, places: int,
        seconds: float,
    ) -> None:  # fmt: skip
        super().__init__(house.plane, house.tasks.spawn)
        self._silences = silences
        self._tenant_id = tenant_id
        self._house = house
        self._edges = edges
        self._agent = agent
        self._seconds = seconds
        self._ringing = places
        self._attempts: list[OutgoingInvite] = []
        self._rings: set[OutgoingInvite] = set()
        """Those of which a phone has said that it rings."""

    def speaks(self, dialog: SipDialog) -> bool:
        return super().speaks(dialog) or any(attempt.call_id == dialog.call_id for attempt in self._attempts)

    async def try_at(
        self, device: Device, binding: Binding, shown: str, name: str, policy: SdpPolicy = RINGING_POLICY
    ) -> None:
        """Ring one phone; once more when it accepts none of what was offered."""
        try:
            if not self.over and self.dialog is None:
                await self._ring_at(device, binding, shown, name, policy)
        except Exception as error:
            log.warning("a desk phone can't be rung", device_id=device.device_id, exc_info=error)
            self._one_less(Failure(503, "no way", Q850.NO_CIRCUIT, local=True))

    async def _ring_at(self, device: Device, binding: Binding, shown: str, name: str, policy: SdpPolicy) -> None:
        host, _, port = binding.source.rpartition(":")
        # What registered through an edge is reached by its path alone; else where it was heard from.
        hop = self._edges.hop_of(binding.path[0]) if binding.path else None
        caller = NameAddr(str(SipUri.of(shown or "anonymous", parse_uri(binding.contact).host)), name)
        media = self._house.plane.rtp(policy, BEHIND_NAT, toward=host)
        attempt = await self._agent.invite(
            InviteWish(
                target=binding.contact, caller=caller, sdp=media.offer(), routes=binding.path,
                hop=hop or Destination(binding.transport.value, host, int(port)), keep_hop=hop is None,
                ring_seconds=self._seconds,
            )
        )  # fmt: skip
        self._attempts.append(attempt)
        began = monotonic()

        def rings() -> None:
            self._rings.add(attempt)
            self._silences.heard(self._tenant_id, device, binding)

        def answered(dialog: SipDialog, sdp: str) -> None:
            self._silences.heard(self._tenant_id, device, binding)
            self._first(attempt, media, dialog, sdp, device, host)

        attempt.on_early_dialog = lambda dialog: self.changes_early(dialog, media, rings)
        attempt.on_answered = answered
        attempt.on_ringing = rings
        attempt.on_progress = lambda _sdp: rings()

        def failed(failure: Failure) -> None:
            if attempt not in self._rings:
                self._silences.failed(self._tenant_id, device, binding, failure, monotonic() - began)
            self._rings.discard(attempt)
            refused = failure.status in MEDIA_REFUSED and not failure.answered
            if refused and policy is RINGING_POLICY and not self.over and self.dialog is None:
                self._house.tasks.spawn(self._house.plane.close_leg(media), "close media nobody agreed on")
                again = self.try_at(device, binding, shown, name, _SECURE_ONLY)
                self._house.tasks.spawn(again, "ring a phone with SRTP alone")
            else:
                self._one_failed(media, failure)

        attempt.on_failed = failed
        if self.over or self.dialog is not None:  # hung up, or answered elsewhere, while this one was connected to
            await attempt.cancel(answered_elsewhere=self.dialog is not None)

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        await self._stop_others(None)
        await super().hang_up(q850)

    def _first(
        self, attempt: OutgoingInvite, media: RtpLeg, dialog: SipDialog, sdp: str, device: Device, toward: str
    ) -> None:
        spawn = self._house.tasks.spawn
        if self.over or self.dialog is not None:
            spawn(dialog.bye(), "answered elsewhere")
            spawn(self._house.plane.close_leg(media), "close media of who came second")
            return
        self.user, self.toward = device.user_name, toward
        self.follow(dialog)
        try:
            if sdp:
                media.apply(sdp)
        except SdpInvalid as error:
            log.warning("a desk phone's answer can't be used", exc_info=error)
            spawn(dialog.bye(Q850.UNSPECIFIED), "unusable answer")
            spawn(self._stop_others(None), "stop other phones")
            spawn(self._house.plane.close_leg(media), "close media nobody agreed on")
            self.gone(Q850.UNSPECIFIED, 488)
            return
        self.take(media)
        spawn(self._stop_others(attempt), "stop other phones")
        self.on_answered()
        self.on_changed()

    def _one_failed(self, media: RtpLeg, failure: Failure) -> None:
        self._house.tasks.spawn(self._house.plane.close_leg(media), "close unanswered media")
        self._one_less(failure)

    def _one_less(self, failure: Failure) -> None:
        self._ringing -= 1
        if self.dialog is None and not self._ringing:
            self.gone(cause_of_failure(failure), failure.status)
        elif self.dialog is None and failure.status in _DECLINED and not failure.local:
            self._house.tasks.spawn(self._declined(failure), "a phone declined")

    async def _declined(self, failure: Failure) -> None:
        """Somebody has said no: places of which nothing is heard, a phone's old ones, aren't waited for."""
        await asyncio.sleep(_SIGN_OF_LIFE_SECONDS)
        if self.dialog is None and not self.over and not self._rings:
            self.gone(failure.q850, failure.status)
            await self._stop_others(None)

    async def _stop_others(self, taken: OutgoingInvite | None) -> None:
        for attempt in self._attempts:
            if attempt is not taken:
                await attempt.cancel(answered_elsewhere=taken is not None)


_NOBODY = ("ten_00000000000000000000000000", "dev_00000000000000000000000000")
