"""Numbers rung for a call: an agent's outbound calls, consults and transfers to a number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from chassis.sql import Tx
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.tenant import TenantSuspended
from merkez.telephony.v1 import call_pb2, call_service_pb2

from telephony import convert
from telephony.clients import CallerNumbers
from telephony.domain.calls import Actor, Call, CallState, Direction, EndCause, EndParty
from telephony.domain.legs import Q850, Leg, LegState, LegTrigger, Party
from telephony.live.call import LiveCall
from telephony.live.house import House, LeaseLost, unbroken
from telephony.live.outside import OutsideLeg, Planned
from telephony.live.switchboard import NodeDraining, Switchboard
from telephony.ops import calls as ops
from telephony.ops import parties as party_ops
from telephony.ops.parties import Found, cause_of

METHOD = "merkez.telephony.v1.CallService/DialCall"


class Dialing:
    """Rings numbers and brings what becomes of it into the rows."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        switchboard.outside_adopted = self.adopted

    async def dial(self, tenant_id: str, actor: Actor, request: call_service_pb2.DialCallRequest) -> call_pb2.Call:
        """An agent calls a number. See the rpc's comment for errors."""
        if self._switchboard.draining:
            raise NodeDraining("this node is about to stop", retry_after=timedelta(seconds=1))
        house = self._house
        numbers = await house.tenancy.caller_numbers(tenant_id, request.brand_id)
        if numbers.suspended:
            raise TenantSuspended("the company is suspended: it makes no calls")
        planned = await house.outside.plan(tenant_id, request.number, request.caller_number, numbers)
        now = house.now()
        call = self._new_call(request.brand_id, numbers, planned, actor.user_id)
        customer = Leg(new_id("leg", now), call.call_id, Party.CUSTOMER, LegState.RINGING, address=planned.number)
        fresh = False

        async def store(tx: Tx) -> call_pb2.Call:
            nonlocal fresh

            async def begin() -> call_pb2.Call:
                nonlocal fresh
                await party_ops.free_station(tx, actor.user_id)
                stored, legs = await ops.start_outbound(
                    tx, call, customer, actor.user_id, numbers.max_concurrent_calls, house.now()
                )
                fresh = True
                return convert.call_message(stored, legs)

            fresh = False
            return await tx.once(request.request_id, METHOD, request, call_pb2.Call, begin)

        answer = await house.db.run(tenant_id, store)
        if not fresh:
            return answer
        return await unbroken(self._begin(tenant_id, answer.call_id, actor, customer, planned))

    async def _begin(
        self, tenant_id: str, call_id: str, actor: Actor, customer: Leg, planned: Planned
    ) -> call_pb2.Call:
        """The call is stored: make the agent's contact and ring. What refuses ends the call, and says why."""
        house = self._house
        talk = await house.db.run(tenant_id, lambda tx: party_ops.conversation(tx, call_id), read_only=True)
        live = self._switchboard.begin(tenant_id, talk.call, [leg for leg in talk.legs if leg.party == Party.CUSTOMER])
        try:
            contact_id = await house.routing.start_contact(tenant_id, talk.call, actor.user_id, "OUTBOUND")
            found = await self._switchboard.carry_out(
                tenant_id, lambda tx: ops.contact_begun(tx, call_id, actor.user_id, contact_id, house.now())
            )
            await self._ring(live, customer, planned)
        except DomainError as error:
            await self._switchboard.end(live, EndParty.SYSTEM, error.reason)
            raise
        return convert.call_message(*found)

    async def plan(self, tenant_id: str, call: Call, number: str) -> Planned:
        """How a number may be rung as one more party of this call, shown the number the customer knows."""
        numbers = await self._house.tenancy.caller_numbers(tenant_id, call.brand_id)
        own = call.dialed_number if call.direction is Direction.INBOUND else call.caller_number
        shown = own if own in numbers.numbers else ""
        return await self._house.outside.plan(tenant_id, number, shown, numbers)

    async def ring(self, live: LiveCall, leg: Leg, planned: Planned, store: Callable[[Tx], Awaitable[Found]]) -> Found:
        """Ring a number as one more party of a live call; the rows say so first."""
        found = await self._switchboard.carry_out(live.tenant_id, store)
        try:
            await self._ring(live, leg, planned)
        except DomainError as error:
            log.info("a number can't be rung", call_id=live.call_id, reason=error.reason)
            await self._gone(live, leg.leg_id, Q850.NO_CIRCUIT, 0)
            raise
        return found

    async def _ring(self, live: LiveCall, leg: Leg, planned: Planned) -> None:
        outside = await self._house.outside.dial(live.call, leg.leg_id, live.tenant_id, planned)
        if live.ending or not any(other.leg_id == leg.leg_id and other.live for other in live.legs):
            await outside.hang_up()
            return
        self.hold_on_to(live, leg.leg_id, outside)

    def hold_on_to(self, live: LiveCall, leg_id: str, outside: OutsideLeg) -> None:
        """What comes from the other end becomes the leg's."""
        spawn = self._house.tasks.spawn
        live.outside[leg_id] = outside
        outside.on_media = lambda media: live.attach(leg_id, media)
        outside.on_codec = live.room.settle
        outside.on_answered = lambda: spawn(self._answered(live, leg_id), "outside answered")
        outside.on_gone = lambda q850, status: spawn(self._gone(live, leg_id, q850, status), "outside gone")
        if leg_id == live.customer_id:
            outside.on_digit_info = live.press
        if outside.media is not None:
            live.attach(leg_id, outside.media)

    def adopted(self, live: LiveCall) -> None:
        """A call of another node goes on here: so do its parties outside."""
        for leg in live.live_legs(Party.CUSTOMER, Party.PARTICIPANT):
            if leg.address:
                self._house.tasks.spawn(self._go_on(live, leg), "reach outside again")

    async def _go_on(self, live: LiveCall, leg: Leg) -> None:
        """Who rang is rung anew, who talked is taken over; who can't be is gone."""
        try:
            if leg.state is LegState.RINGING:
                await self._ring(live, leg, await self.plan(live.tenant_id, live.call, leg.address))
                return
            outside = await self._house.outside.take_over(live.call, leg.leg_id, live.tenant_id)
        except (DomainError, RemoteFailed) as error:
            log.warning("a party outside can't be reached from here", call_id=live.call_id, exc_info=error)
            lost = live.lost_since.get(leg.leg_id)
            if leg.party == Party.CUSTOMER and leg.answered:
                await self._switchboard.end(live, EndParty.SYSTEM, EndCause.NODE_LOST, last_heard=lost)
            else:
                await self._gone(live, leg.leg_id, Q850.TEMPORARY_FAILURE, 0)
            return
        if live.ending:
            await outside.hang_up()
            return
        self.hold_on_to(live, leg.leg_id, outside)
        self._switchboard.leg_media(live, leg.leg_id, LegTrigger.CONNECT)

    async def _gone(self, live: LiveCall, leg_id: str, q850: int, sip_status: int) -> None:
        live.outside.pop(leg_id, None)
        if leg_id == live.customer_id:
            rung = live.call.state is CallState.DIALING and live.call.answer_time is None
            cause = cause_of(q850) if rung else EndCause.NORMAL
            await self._switchboard.end(live, EndParty.CUSTOMER, cause, q850=q850, sip_status=sip_status)
            return
        await self._switchboard.party_gone(live, leg_id, q850, sip_status)

    async def _answered(self, live: LiveCall, leg_id: str) -> None:
        """What happened outside is true whatever the database does: written as soon as it can be."""
        try:
            found = await live.journal.write(
                lambda tx: party_ops.party_answered(tx, live.call_id, leg_id, self._house.now())
            )
        except LeaseLost:
            return
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)

    def _new_call(self, brand_id: str, numbers: CallerNumbers, planned: Planned, agent_id: str) -> Call:
        now = self._house.now()
        return Call(
            call_id=new_id("call", now),
            state=CallState.DIALING,
            direction=Direction.OUTBOUND,
            brand_id=brand_id,
            brand_name=numbers.brand_name,
            language="en",
            flow_id="",
            dialed_number=planned.number,
            caller_number=planned.caller_number,
            node_id=self._house.settings.node_id,
            start_time=now,
            state_time=now,
            agent_id=agent_id,
            recorded=numbers.recorded,
            trace_id=self._switchboard.trace_id(),
        )
