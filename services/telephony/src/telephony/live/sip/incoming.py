"""Calls in from trunks: an INVITE becomes a call with its customer leg, and flows leads it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chassis.telemetry import log
from kernel.errors import DomainError, NotFound, QuotaExceeded, Unavailable
from kernel.ids import new_id

from telephony.clients import NoFlow, Route
from telephony.domain import trunks as rules
from telephony.domain.calls import Call, EndCause, EndParty
from telephony.domain.cdrs import Ending
from telephony.domain.countries import Tier
from telephony.domain.dialing import read_dialed
from telephony.domain.diversions import Diversion, goes_in_a_circle
from telephony.domain.legs import Leg, LegState, Party
from telephony.domain.lines import Line
from telephony.domain.trunks import Digits, Trunk
from telephony.live import new_calls
from telephony.live.dialing import Dialing
from telephony.live.house import House
from telephony.live.lines import Lines
from telephony.live.outcomes import set_up
from telephony.live.sip.legs import SipLeg
from telephony.live.sip.outgoing import policy_of
from telephony.live.sip.roster import Roster
from telephony.live.sip.statuses import q850_of_error, status_of_error
from telephony.live.switchboard import Switchboard
from telephony.media.plane import TooManySetups
from telephony.media.sdp import SdpInvalid
from telephony.ops import calls as ops
from telephony.sip import DialogEnded, Ended, Invitation, SipParseError

MAX_NAME = 120
_SCHEMES = ("sip:", "sips:", "tel:")
_COUNT = re.compile(r"[0-9]{1,3}")


class Refused(Exception):
    """The invitation is answered by this status."""

    def __init__(
        self, status: int, *, q850: int | None = None, retry_after: int | None = None, failed: bool = False
    ) -> None:
        """`failed`: nothing is wrong with the call, but with us."""
        super().__init__(str(status))
        self.failed = failed
        self.status = status
        self.q850 = q850
        self.retry_after = retry_after


class Incoming:
    """Takes invitations of trunks."""

    def __init__(self, house: House, switchboard: Switchboard, dialing: Dialing, roster: Roster, lines: Lines) -> None:
        self._house = house
        self._switchboard = switchboard
        self._dialing = dialing
        self._roster = roster
        self._lines = lines

    async def take(self, invitation: Invitation) -> None:
        """Answer a call for one of the numbers, or refuse it: a number nobody has here is 404, to anyone."""
        gone: list[Ended] = []
        invitation.on_cancelled = gone.append
        draining = self._switchboard.draining
        try:
            await self._take(invitation, gone)
            set_up("trunk", "done")
        except Refused as refusal:
            if not draining:  # its carrier goes on to the next node
                set_up("trunk", "failed" if refusal.failed else "refused")
            log.info("a call in was refused", source=invitation.source[0], status=refusal.status)
            await invitation.refuse(refusal.status, q850=refusal.q850, retry_after=refusal.retry_after)
        except Unavailable as error:
            set_up("trunk", "failed")
            log.warning("a call in can't be taken now", source=invitation.source[0], exc_info=error)
            await invitation.refuse(503, retry_after=2)
        except Exception as error:
            set_up("trunk", "failed")
            log.error("a call in could not be taken", source=invitation.source[0], exc_info=error)
            await invitation.refuse(500)

    async def _take(self, invitation: Invitation, gone: Sequence[Ended]) -> None:
        if self._switchboard.draining:
            raise Refused(503, retry_after=5)
        if invitation.replaced is not None:
            # Whoever is at the far end of a trunk takes nobody's place in a call of ours.
            raise Refused(403)
        trunk, route, dialed = await self._look_up(invitation)
        house, now = self._house, self._house.now()
        call = self._new_call(invitation, trunk, route, dialed)
        leg_id = new_id("leg", now)
        if goes_in_a_circle(dialed, _diversions(invitation, trunk)):
            await self._refuse_circle(route.tenant_id, call, leg_id)
        sip = SipLeg(house.plane, house.tasks.spawn)
        sip.trunk_id, sip.digits_by_info = trunk.trunk_id, trunk.digits is Digits.INFO
        sip.toward, sip.hops = invitation.source[0], invitation.hops
        line = await self._line(trunk, route, call)
        sip.holds(line, self._lines)
        try:
            sdp = self._describe(invitation, trunk, sip)
            await invitation.ring()
            begun = ops.NewCall(call, leg_id, route.max_concurrent_calls, route.suspended, route.calls_are_soft)
            started = await house.ledger.begin(route.tenant_id, call.call_id, ops.start_calls, begun)
        except BaseException:
            await sip.end()
            raise
        customer = Leg(leg_id, call.call_id, Party.CUSTOMER, LegState.CONNECTING, address=call.caller_number)
        live = self._switchboard.begin(route.tenant_id, call, [customer])
        self._dialing.hold_on_to(live, leg_id, sip)
        sip.follow(invitation.dialog)
        await self._roster.introduce(invitation.dialog, trunk, invitation.source[0])
        try:
            if gone:
                raise DialogEnded("the caller has gone")
            await invitation.answer(sdp)
        except DialogEnded:
            ended = gone[0] if gone else Ended("cancelled")
            sip.gone(ended.q850, ended.status)
            return
        live.driver = house.tasks.spawn(self._switchboard.lead(live, started.refusal), "drive call")
        sip.on_changed()

    async def _refuse_circle(self, tenant_id: str, call: Call, leg_id: str) -> None:
        """Whoever sends it on hears that, and can find nobody else to send it to. Refused."""
        now = self._house.now()
        ending = Ending(EndParty.SYSTEM, EndCause.LOOPED, call.start_time, sip_status=482)
        try:
            await self._house.ledger.begin_by(
                tenant_id, call.call_id, lambda tx: ops.refuse_call(tx, call, leg_id, ending, now)
            )
        except Unavailable:
            log.info("a call that goes in a circle isn't written down: the database is away", call_id=call.call_id)
        raise Refused(482)

    async def _look_up(self, invitation: Invitation) -> tuple[Trunk, Route, str]:
        """The trunk it came on, where its number leads, and that number. Refused.

        Of several trunks of one carrier it is the one the number was brought with.
        """
        found: tuple[Trunk, Route, str] | None = None
        for trunk in self._roster.of_source(invitation.source[0]):
            for dialed in _numbers_called(invitation, trunk):
                try:
                    route = await self._house.tenancy.number_route(dialed)
                except (NotFound, NoFlow):
                    continue
                except Unavailable:
                    raise Refused(503, retry_after=2, failed=True) from None
                if rules.may_deliver(trunk.tenant_id, route.tenant_id):
                    found = found or (trunk, route, dialed)
                    if route.trunk_id in ("", trunk.trunk_id):
                        return trunk, route, dialed
        if found is None:
            raise Refused(404)
        return found

    async def _line(self, trunk: Trunk, route: Route, call: Call) -> Line:
        now = self._house.now()
        line = Line(
            line_id=new_id("lin", now), tenant_id=trunk.tenant_id, caller_tenant_id=route.tenant_id,
            trunk_id=trunk.trunk_id, gateway_id="", call_id=call.call_id, node_id=self._house.settings.node_id,
            inbound=True, country="", tier=Tier.STANDARD, price=rules.price_of(trunk, "", Tier.STANDARD), take_time=now,
        )  # fmt: skip
        try:
            return await self._lines.take(line)
        except QuotaExceeded as error:
            # No busy number: its carrier may try the next of our addresses, and says so where there is none.
            raise Refused(status_of_error(error), q850=q850_of_error(error)) from None
        except Unavailable:
            raise Refused(503, retry_after=2, failed=True) from None
        except DomainError:
            raise Refused(404) from None

    def _describe(self, invitation: Invitation, trunk: Trunk, sip: SipLeg) -> str:
        """Media for the caller; what we say of it: the answer to their offer, or our offer when they made none."""
        try:
            media = self._house.plane.rtp(policy_of(trunk), toward=invitation.source[0])
        except TooManySetups:
            raise Refused(503, retry_after=2, failed=True) from None
        sip.take(media)
        if invitation.sdp_offer is None:
            return media.offer()
        try:
            return media.answer(invitation.sdp_offer)
        except SdpInvalid:
            raise Refused(488) from None

    def _new_call(self, invitation: Invitation, trunk: Trunk, route: Route, dialed: str) -> Call:
        asserted = invitation.asserted
        shown = asserted[0] if asserted else invitation.caller
        readable = shown.uri.startswith(_SCHEMES) and not invitation.private
        number = read_dialed(shown.sip.number, trunk) if readable else ""
        name = "" if invitation.private else shown.display[:MAX_NAME]
        return new_calls.inbound(
            self._house, route, dialed, caller_number=number, caller_name=name, trunk_id=trunk.trunk_id
        )


def _diversions(invitation: Invitation, trunk: Trunk) -> Sequence[Diversion]:
    """Who has passed the call on, in order; what can't be read is nobody."""
    try:
        addresses = invitation.diverted[::-1]
        numbers = [
            read_dialed(each.sip.number, trunk) if each.uri.lower().startswith(_SCHEMES) else "" for each in addresses
        ]
    except SipParseError:
        return ()
    found: list[Diversion] = []
    for address, number in zip(addresses, numbers, strict=True):
        counted = address.parameters.get("counter") or ""
        # Of History-Info: a number whose servers pass the call among themselves has diverted it once (RFC 7044 9.3).
        again = "index" in address.parameters and bool(found) and number == found[-1].number
        found.append(Diversion(number, 0 if again else int(counted) if _COUNT.fullmatch(counted) else 1))
    return found


def _numbers_called(invitation: Invitation, trunk: Trunk) -> Sequence[str]:
    """Which numbers may be meant, the likeliest first: the Request-URI's; behind it those of other fields, where it
    is what the trunk registered, by which its carrier calls whatever number is dialled."""
    said = [invitation.called]
    if trunk.registers and invitation.called == trunk.user_name:
        said += invitation.called_besides
    return list(dict.fromkeys(dialed for each in said if (dialed := read_dialed(each, trunk))))
