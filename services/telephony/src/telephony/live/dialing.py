"""Numbers rung for a call: an agent's outbound calls, consults and transfers to a number."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.errors import DomainError
from kernel.ids import new_id
from merkez.telephony.v1 import call_pb2, call_service_pb2

from telephony import convert
from telephony.clients import CallerNumbers
from telephony.domain import callbacks
from telephony.domain.answers import Detection, OnMachine, rung_for_nobody
from telephony.domain.calls import Actor, Call, CallState, Direction, EndCause, EndParty
from telephony.domain.cdrs import Q850_OF
from telephony.domain.devices import DeviceWithoutBrand
from telephony.domain.dialing import require_calls
from telephony.domain.find_me import FindMeOwnNumber
from telephony.domain.flow_dials import goes_round, passed_back, talked
from telephony.domain.legs import Q850, Leg, LegState, LegTrigger, Party
from telephony.live import new_calls
from telephony.live.answers import Answers
from telephony.live.call import LiveCall
from telephony.live.house import House, unbroken
from telephony.live.instructions import Dialled, DialOrder
from telephony.live.ledger import LeaseLost
from telephony.live.outside import RING_SECONDS, OutsideLeg, Planned, TransferWish
from telephony.live.phone_holds import PhoneHold
from telephony.live.switchboard import NodeDraining, Switchboard
from telephony.ops import calls as ops
from telephony.ops import outbound as outbound_ops
from telephony.ops import parties as party_ops
from telephony.ops.find_me import never_came
from telephony.ops.parties import Found, cause_of

_SOONER_SECONDS = 3.0
"""A phone is done with ringing before the watch takes its agent's media for lost."""
ContactOf = Callable[[Call], Awaitable[str]]


@dataclass(frozen=True)
class CalledFirst:
    """A customer who is called before any agent: the contact they wait as once they have answered, and how long it
    rings at most."""

    contact_id: str
    ring_seconds: float


METHOD = "merkez.telephony.v1.CallService/DialCall"


class Dialing:
    """Rings numbers and brings what becomes of it into the rows."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self.transfer: Callable[[LiveCall, str, TransferWish], Coroutine[Any, Any, None]] | None = None
        """Carries out what a leg's phone wishes; who has the verbs sets it. Until then a leg refuses by itself."""
        self.check_payment: Callable[[str, str], Awaitable[None]] | None = None
        """Refuses numbers (tenant, E.164) that a prepaid company can't pay for; None: nobody pays beforehand."""
        self._answers = Answers(house, switchboard, self._answered)
        switchboard.ring_agent = self.ring_agent
        switchboard.take_along = self._take_along
        switchboard.resume_outside = self.resume_outside
        switchboard.dial_in_flow = self.in_flow

    async def dial(
        self,
        tenant_id: str,
        actor: Actor,
        request: call_service_pb2.DialCallRequest,
        phone: OutsideLeg | None = None,
        contact_of: ContactOf | None = None,
        first: CalledFirst | None = None,
    ) -> call_pb2.Call:
        """An agent calls a number, from their station or from the desk phone that is given. `contact_of` gives the
        contact they are on; without it routing begins one. Nobody is on it who is called `first`: then the actor is
        nobody. Errors as the rpc says."""
        if self._switchboard.draining:
            raise NodeDraining("this node is about to stop", retry_after=timedelta(seconds=1))
        house = self._house
        numbers = await house.tenancy.caller_numbers(tenant_id, request.brand_id)
        if phone is not None and not numbers.brand_id and not numbers.suspended:
            raise DeviceWithoutBrand("no brand is set for this phone: an admin sets one under Desk phones")
        planned = await self._planned(tenant_id, request.number, request.caller_number, numbers)
        wish = await self._answers.wish(tenant_id, request)
        now = house.now()
        call = new_calls.outbound(house, numbers, planned, actor.user_id)
        if first is not None:
            call = replace(call, sent_to=callbacks.sent_to(first.contact_id))
        customer = Leg(new_id("leg", now), call.call_id, Party.CUSTOMER, LegState.RINGING, address=planned.number)
        fresh = False

        async def store(tx: Tx) -> call_pb2.Call:
            nonlocal fresh

            async def begin() -> call_pb2.Call:
                nonlocal fresh
                if phone is not None:
                    await party_ops.on_no_call(tx, actor.user_id)
                elif first is None:
                    await party_ops.free_station(tx, actor.user_id, house.now())
                stored, legs = await ops.start_outbound(
                    tx,
                    call,
                    customer,
                    actor.user_id,
                    numbers.max_concurrent_calls,
                    house.now(),
                    soft=numbers.calls_are_soft,
                )
                fresh = True
                return convert.call_message(stored, legs)

            fresh = False
            return await tx.once(request.request_id, METHOD, request, call_pb2.Call, begin)

        answer = await house.ledger.begin_by(tenant_id, call.call_id, store)
        if not fresh:
            return answer
        begun = await unbroken(
            self._begin(tenant_id, answer.call_id, actor, customer, planned, phone, wish, contact_of)
        )  # fmt: skip
        if first is not None:
            house.tasks.spawn(self._give_up(answer.call_id, customer.leg_id, first.ring_seconds), "give up ringing")
        return begun

    async def _begin(
        self,
        tenant_id: str,
        call_id: str,
        actor: Actor,
        customer: Leg,
        planned: Planned,
        phone: OutsideLeg | None,
        wish: Detection | None,
        contact_of: ContactOf | None,
    ) -> call_pb2.Call:
        """The call is stored: make the agent's contact and ring. What refuses ends the call, and says why."""
        house = self._house
        talk = await house.db.run(tenant_id, lambda tx: party_ops.conversation(tx, call_id), read_only=True)
        live = self._switchboard.begin(tenant_id, talk.call, [leg for leg in talk.legs if leg.party == Party.CUSTOMER])
        if wish is not None:
            live.wishes[customer.leg_id] = wish
        own = talk.of_agent(actor.user_id) if actor.user_id else None
        if phone is not None and own is not None:
            self.hold_on_to(live, own.leg_id, phone)
        try:
            if contact_of is not None:
                contact_id = await contact_of(talk.call)
            else:
                contact_id = await house.routing.start_contact(tenant_id, talk.call, actor.user_id, "OUTBOUND")
            found = await self._switchboard.carry_out(
                tenant_id, lambda tx: ops.contact_begun(tx, call_id, actor.user_id, contact_id, house.now())
            )
            await self._ring(live, customer, planned)
        except Exception as error:
            cause = error.reason if isinstance(error, DomainError) else EndCause.UNREACHABLE
            # What refuses for a reason that isn't the number's, such as routing, may do so no more in a moment.
            q850 = Q850_OF.get(cause, Q850.TEMPORARY_FAILURE)
            await self._switchboard.end(live, EndParty.SYSTEM, cause, q850=q850)
            raise
        return convert.call_message(*found)

    async def _give_up(self, call_id: str, leg_id: str, ring_seconds: float) -> None:
        """Nobody is kept for a customer longer than it may ring. Who has answered by then is told within seconds."""
        live = self._switchboard.find(call_id)
        if live is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ring_seconds):
                await live.until(lambda: live.call.state is not CallState.DIALING)
        if not live.ending and live.call.state is CallState.DIALING and leg_id not in live.screens:
            await self._switchboard.end(live, EndParty.SYSTEM, EndCause.NO_ANSWER, q850=Q850.NO_ANSWER)

    async def ring_agent(self, live: LiveCall, leg: Leg) -> None:
        """An agent without a softphone is in the call: their desk phone rings, and not until they are given up."""
        longest = min(RING_SECONDS, max(1.0, self._house.settings.talking_grace_seconds - _SOONER_SECONDS))
        outside = await self._house.outside.ring_agent(live.tenant_id, live.call, leg.agent_id, longest)
        if outside is None:
            return
        await self._hold_if_wanted(live, leg, outside)
        self._wait_for(live, leg, outside)

    def _wait_for(self, live: LiveCall, leg: Leg, outside: OutsideLeg) -> None:
        """The desk phone of somebody who is in the call already rings: it may be that they never come."""
        spawn, answered, gone = self._house.tasks.spawn, outside.on_answered, outside.on_gone

        def came() -> None:
            outside.on_gone = gone
            answered()

        outside.on_answered = came
        outside.on_gone = lambda q850, status: spawn(self._never_came(live, leg.leg_id, q850, status), "never came")

    def _take_along(self, live: LiveCall, leg: Leg, telephone: OutsideLeg) -> None:
        """See `Switchboard.take_along`."""
        self.hold_on_to(live, leg.leg_id, telephone)
        if telephone.kept() is None:
            self._wait_for(live, leg, telephone)
        else:
            self.keep(live, leg.leg_id, telephone)

    async def _never_came(self, live: LiveCall, leg_id: str, q850: int, sip_status: int) -> None:
        live.outside.pop(leg_id, None)
        now = self._house.now
        try:
            found = await live.journal.write(lambda tx: never_came(tx, live.call_id, leg_id, now(), q850, sip_status))
        except LeaseLost:
            return
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)

    async def plan(self, tenant_id: str, call: Call, number: str, caller_number: str = "") -> Planned:
        """How a number may be rung as one more party of this call, shown the number the customer knows when none is
        given. TenantSuspended, and what `Outside.plan` refuses."""
        numbers = await self._house.tenancy.caller_numbers(tenant_id, call.brand_id)
        return await self._planned(tenant_id, number, caller_number or _known(call, numbers), numbers)

    async def plan_to_find(self, tenant_id: str, call: Call, number: str) -> Planned:
        """How an agent's telephone may be rung for this call. FindMeOwnNumber where that would come back in: the number
        is the company's own, or the call is one that was sent out and has come back; TenantSuspended."""
        numbers = await self._house.tenancy.caller_numbers(tenant_id, call.brand_id)
        back = call.direction is Direction.INBOUND and call.caller_number in numbers.numbers
        if back or number in numbers.numbers:
            raise FindMeOwnNumber("a call to this telephone would come back in", metadata={"call_id": call.call_id})
        # A part of a call that came in: who owes is called, and works, as before, and a wallet pays for the call alone.
        require_calls(suspended=numbers.suspended)
        return await self._house.outside.plan(tenant_id, number, _known(call, numbers), numbers)

    async def _planned(self, tenant_id: str, number: str, shown: str, numbers: CallerNumbers) -> Planned:
        """The one way to a plan for whoever rings somebody new: what a company may not do, it may by none."""
        require_calls(suspended=numbers.suspended, restricted=numbers.restricted)
        planned = await self._house.outside.plan(tenant_id, number, shown, numbers)
        if self.check_payment is not None:
            await self.check_payment(tenant_id, planned.number)
        return planned

    async def ring(self, live: LiveCall, leg: Leg, planned: Planned, store: Callable[[Tx], Awaitable[Found]]) -> Found:
        """Ring a number as one more party of a live call; the rows say so first."""
        found = await self._switchboard.carry_out(live.tenant_id, store)
        await self._ring_or_forget(live, leg, planned)
        return found

    async def in_flow(self, live: LiveCall, order: DialOrder) -> Dialled:
        """Ring a number for a customer whom flows leads; done when its party has left, or isn't reached."""
        leg = next((leg for leg in reversed(live.legs) if leg.invited_by == order.instruction), None)
        live.instead_of_ringing = tuple(order.sound)
        if order.people_only and not order.sound:
            # Not what the machine says, which is early media as long as nobody is joined.
            live.instead_of_ringing = (self._house.ringback,)
        try:
            if leg is not None:
                leg = await self._until_over(live, leg.leg_id, order.ring_seconds)
            if leg is None or _rung_in_vain(leg):
                leg = await self._begin_in_flow(live, order)
                if leg is None:
                    return Dialled(EndCause.UNREACHABLE)
                leg = await self._until_over(live, leg.leg_id, order.ring_seconds)
        finally:
            live.instead_of_ringing = ()
        if leg.join_time is not None:
            return Dialled(talk=talked(leg))
        return Dialled(rung_for_nobody(leg) or cause_of(leg.q850_cause))

    async def _begin_in_flow(self, live: LiveCall, order: DialOrder) -> Leg | None:
        """None where the call would come in again, and again be sent there."""
        numbers = await self._house.tenancy.caller_numbers(live.tenant_id, live.call.brand_id)
        shown = order.caller_number or _known(live.call, numbers)
        planned = await self._planned(live.tenant_id, order.number, shown, numbers)
        store, own = partial(outbound_ops.sent_by_flows, number=planned.number, but=live.call_id), numbers.numbers
        sent = await self._house.db.run(live.tenant_id, store, read_only=True)
        if goes_round(live.call, planned.number, own) or passed_back(live.call, own, sent):
            log.warning("a flow dials a number in a circle", call_id=live.call_id)
            return None
        leg = Leg(
            new_id("leg", self._house.now()), live.call_id, Party.PARTICIPANT, LegState.RINGING,
            address=planned.number, invited_by=order.instruction,
        )  # fmt: skip
        if order.people_only:
            live.wishes[leg.leg_id] = Detection(OnMachine.HANG_UP, before_joining=True)
        # The driver is cancelled when the customer hangs up: what is being rung then must be hung up too.
        await unbroken(self._ring_in_flow(live, leg, planned))
        return leg

    async def _ring_in_flow(self, live: LiveCall, leg: Leg, planned: Planned) -> None:
        # By the journal: after what the driver has told so far, and however long the database is away.
        found = await live.journal.write(lambda tx: party_ops.dial_in_flow(tx, live.call_id, leg, self._house.now()))
        self._switchboard.settle(live.tenant_id, *found)
        await self._ring_or_forget(live, leg, planned)

    async def _until_over(self, live: LiveCall, leg_id: str, ring_seconds: float) -> Leg:
        """The leg once its party has left, or wasn't there in time."""

        def leg() -> Leg:
            return next(leg for leg in live.legs if leg.leg_id == leg_id)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ring_seconds):
                await live.until(lambda: leg().state is not LegState.RINGING)
        if leg_id in live.screens:
            # They have answered in time: who they are is told within seconds.
            await live.until(lambda: leg().state is not LegState.RINGING)
        if leg().state is LegState.RINGING:
            await self._switchboard.party_gone(live, leg_id, Q850.NO_ANSWER)
        await live.until(lambda: not leg().live)
        return leg()

    async def _ring_or_forget(self, live: LiveCall, leg: Leg, planned: Planned) -> None:
        """Ring a leg that the rows have already; it is over when it can't be rung."""
        try:
            await self._ring(live, leg, planned)
        except Exception as error:
            log.info("a number can't be rung", call_id=live.call_id, exc_info=error)
            await self._gone(live, leg.leg_id, Q850.NO_CIRCUIT, 0)
            raise

    async def _ring(self, live: LiveCall, leg: Leg, planned: Planned) -> None:
        wish = live.call, leg.leg_id, live.tenant_id, planned, live.outside.get(live.customer_id)
        await self._hold_if_wanted(live, leg, await self._house.outside.dial(*wish))

    async def _hold_if_wanted(self, live: LiveCall, leg: Leg, outside: OutsideLeg) -> None:
        """What was rung is the leg's, unless the call or the leg ended meanwhile."""
        if live.ending or not any(other.leg_id == leg.leg_id and other.live for other in live.legs):
            await outside.hang_up()
            return
        self.hold_on_to(live, leg.leg_id, outside)

    def hold_on_to(self, live: LiveCall, leg_id: str, outside: OutsideLeg) -> None:
        """What comes from the other end becomes the leg's."""
        spawn = self._house.tasks.spawn
        live.outside[leg_id] = outside
        outside.on_media = partial(live.outside_media, leg_id)
        outside.on_codec = live.room.settle
        outside.on_answered = lambda: self._answers.begin(live, leg_id)
        outside.on_gone = lambda q850, status: spawn(self._gone(live, leg_id, q850, status), "outside gone")
        outside.on_cut = lambda: spawn(self._gone(live, leg_id, Q850.REJECTED, 0, cut=True), "outside cut")
        outside.on_changed = lambda: self.keep(live, leg_id, outside)
        if leg_id == live.customer_id:
            outside.on_digit_info = live.press
        else:
            outside.on_digit_info = lambda digit: self._pressed(live, leg_id, digit)
            outside.on_hold = self.phone_hold(live, leg_id).key
            if (transfer := self.transfer) is not None:
                outside.on_transfer = lambda wish: spawn(transfer(live, leg_id, wish), "transfer by a phone")
        if outside.media is not None:
            live.attach(leg_id, outside.media)

    @staticmethod
    def _pressed(live: LiveCall, leg_id: str, digit: str) -> None:
        """An agent's digits go to the customer's side, however their phone sends them."""
        if any(leg.leg_id == leg_id and leg.party == Party.AGENT for leg in live.legs):
            live.pass_digit(leg_id, digit)

    def keep(self, live: LiveCall, leg_id: str, outside: OutsideLeg) -> None:
        """Store what another node needs to go on with the leg."""
        kept = outside.kept()
        if kept is not None and not live.ending:
            live.journal.note(ops.keep_dialogs, ops.KeptDialog(live.call_id, leg_id, kept), "dialog kept")

    def phone_hold(self, live: LiveCall, leg_id: str) -> PhoneHold:
        """Where the hold keys of a leg's phone are told."""
        holds = live.phone_holds
        if leg_id not in holds:
            holds[leg_id] = PhoneHold(self._house, self._switchboard, live, leg_id)
        return holds[leg_id]

    async def resume_outside(self, live: LiveCall) -> None:
        """The call was adopted: its parties outside are told where it is now. Who was still rung isn't any more, nor is
        one who answered too late to be kept; but the desk phone of an agent who is to be in the call is rung anew."""
        house = self._house
        kept = await house.db.run(live.tenant_id, lambda tx: ops.kept_dialogs(tx, live.call_id), read_only=True)
        # Side by side: who doesn't answer keeps nobody else in silence, nor from hearing that the call is over.
        taken = [(leg, kept[leg.leg_id]) for leg in live.legs if leg.live and leg.leg_id in kept]
        resuming = [house.tasks.spawn(self._resume(live, *each), "resume a party outside") for each in taken]
        for leg in _live_besides(live, kept):
            if leg.party == Party.SOUGHT or (
                leg.address and (leg.state is LegState.RINGING or leg.party == Party.PARTICIPANT)
            ):
                await self._gone(live, leg.leg_id, Q850.TEMPORARY_FAILURE, 0)
        # Only then: the call may be over with who was rung, and a phone that dialled isn't rung for that.
        for leg in _live_besides(live, kept):
            if leg.party == Party.AGENT and leg.answered and live.room.member(leg.leg_id).leg is None:
                await self.ring_agent(live, leg)
        await asyncio.gather(*resuming)

    async def _resume(self, live: LiveCall, leg: Leg, kept: Mapping[str, Any]) -> None:
        try:
            outside = await self._house.outside.resume(kept)
        except Exception as error:
            log.error("a party outside can't be taken over", call_id=live.call_id, leg_id=leg.leg_id, exc_info=error)
            outside = None
        if outside is None:
            await self._gone(live, leg.leg_id, Q850.NORMAL, 0)
        elif live.ending:
            await outside.hang_up()
        else:
            self.hold_on_to(live, leg.leg_id, outside)
            self.keep(live, leg.leg_id, outside)
            self._switchboard.leg_media(live, leg.leg_id, LegTrigger.CONNECT)
            if leg.state is LegState.RINGING and leg.party != Party.SOUGHT:
                # They had answered and were still listened to. Who pressed a key waits for routing, as before.
                await self._answered(live, leg.leg_id)

    async def _gone(self, live: LiveCall, leg_id: str, q850: int, sip_status: int, *, cut: bool = False) -> None:
        live.outside.pop(leg_id, None)
        if leg_id == live.customer_id:
            # Whoever is listened to has answered.
            rung = live.call.state is CallState.DIALING and live.call.answer_time is None and leg_id not in live.screens
            by_them = EndParty.CUSTOMER, cause_of(q850) if rung else EndCause.NORMAL
            party, cause = (EndParty.SYSTEM, EndCause.SPENT) if cut else by_them
            await self._switchboard.end(live, party, cause, q850=q850, sip_status=sip_status)
            return
        await self._switchboard.party_gone(live, leg_id, q850, sip_status, cut=cut)

    async def _answered(self, live: LiveCall, leg_id: str) -> None:
        """What happened outside is true whatever the database does: written as soon as it can be, and heard by then."""
        at, found = self._house.now(), None
        with contextlib.suppress(LeaseLost), self._switchboard.answered_ahead(live, leg_id, at):
            found = await live.journal.write(
                lambda tx: party_ops.party_answered(tx, live.call_id, leg_id, at, self._house.now())
            )
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)


def _live_besides(live: LiveCall, kept: Mapping[str, Any]) -> list[Leg]:
    """Legs of a call that goes on, of which nothing was kept."""
    return [] if live.ending else [leg for leg in live.legs if leg.live and leg.leg_id not in kept]


def _known(call: Call, numbers: CallerNumbers) -> str:
    """The number the customer knows, if it is the company's still."""
    return call.companys_number if call.companys_number in numbers.numbers else ""


def _rung_in_vain(leg: Leg) -> bool:
    """Whether the node that rang it died before it answered."""
    return leg.join_time is None and leg.q850_cause == Q850.TEMPORARY_FAILURE
