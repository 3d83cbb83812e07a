"""The live calls of this node and everything that is done to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic

from chassis.instants import time_out
from chassis.sql import Tx
from chassis.telemetry import log, tracer
from kernel.errors import Unavailable
from kernel.ids import new_id
from merkez.telephony.v1 import call_service_pb2
from opentelemetry import context as otel
from opentelemetry import trace

from telephony.clients import Route
from telephony.convert import call_state_message
from telephony.domain import legs as leg_rules
from telephony.domain.calls import (
    TALK_STATES,
    Actor,
    Call,
    CallEnded,
    CallNotTalking,
    CallState,
    EndCause,
    EndParty,
    WebCall,
    may_control,
    understood_number,
)
from telephony.domain.cdrs import Ending
from telephony.domain.legs import Leg, LegState, LegTrigger
from telephony.live.call import LiveCall
from telephony.live.flow import FlowDriver
from telephony.live.house import House, unbroken
from telephony.live.recording import finish, record
from telephony.live.stations import Stations
from telephony.media.leg import WebRtcLeg
from telephony.ops import calls as ops

_PHRASE_OF = {EndCause.LIMIT: "busy", EndCause.SUSPENDED: "closed"}
METHOD = "merkez.telephony.v1.CallService/StartWebCall"


class NodeDraining(Unavailable):
    """This node takes no new calls: it is about to stop."""

    reason = "NODE_DRAINING"


class CallElsewhere(Unavailable):
    """The call's media is on another node, or this one is still coming up."""

    reason = "CALL_ON_OTHER_NODE"


class Switchboard:
    """Verbs on live calls. `stations` are the agents' side."""

    def __init__(self, house: House) -> None:
        self.stations = Stations(house, self._station_moved)
        self.draining = False
        self.elsewhere: Callable[[str, str], object] = lambda _tenant_id, _call_id: None
        """Told (tenant id, call id) of a call whose rows changed here and whose media is on another node."""
        self._house = house
        self._live: dict[str, LiveCall] = {}

    @property
    def calls(self) -> Sequence[LiveCall]:
        return list(self._live.values())

    def find(self, call_id: str) -> LiveCall | None:
        return self._live.get(call_id)

    # -- begin -------------------------------------------------------------------------------------------------

    async def start_web_call(
        self, request: call_service_pb2.StartWebCallRequest, wish: WebCall
    ) -> call_service_pb2.StartWebCallResponse:
        """Answer a customer's browser and let flows take over. See the rpc's comment for errors."""
        if self.draining:
            raise NodeDraining("this node is about to stop", retry_after=timedelta(seconds=1))
        house = self._house
        route = await house.tenancy.widget_route(wish.widget_key)
        wish = replace(wish, caller_number=understood_number(wish.caller_number, route.number))
        now = house.now()
        call = self._new_call(wish, route, now)
        # Under this new call: a repeat of the request must not end the set-up that the first one began.
        leg, answer = await house.plane.answer(wish.sdp_offer, route.tenant_id, call.call_id)
        leg_id = new_id("leg", now)
        refusal = ""

        async def store(tx: Tx) -> call_service_pb2.StartWebCallResponse:
            async def begin() -> call_service_pb2.StartWebCallResponse:
                nonlocal refusal
                started = await ops.start_call(
                    tx, call, leg_id, route.max_concurrent_calls, house.now(), suspended=route.suspended
                )
                refusal = started.refusal
                return call_service_pb2.StartWebCallResponse(
                    call_id=call.call_id,
                    leg_id=leg_id,
                    sdp_answer=answer,
                    leg_token=started.token,
                    tenant_id=tx.tenant_id,
                    caller_number=call.caller_number,
                )

            return await tx.once(wish.request_id, METHOD, request, call_service_pb2.StartWebCallResponse, begin)

        try:
            response = await house.db.run(route.tenant_id, store)
        except BaseException:
            await house.plane.close_leg(leg)
            raise
        if response.call_id != call.call_id:
            # A repeat: the first call's answer stands and its connection is the one that counts.
            await house.plane.close_leg(leg)
            return response
        live = LiveCall(house, route.tenant_id, call, leg_id, otel.get_current())
        self._live[call.call_id] = live
        live.attach_customer(leg)
        live.driver = house.tasks.spawn(self._drive(live, refusal), "drive call")
        return response

    async def reattach_leg(self, token: str, sdp_offer: str) -> call_service_pb2.ReattachLegResponse:
        """New media for a customer's leg; without an offer only how the call stands. LegTokenInvalid, SdpInvalid,
        CallElsewhere."""
        tenant_id, leg_id, token_hash = leg_rules.read_token(token)
        house = self._house
        call = await house.db.run(tenant_id, lambda tx: ops.find_reattachable(tx, leg_id, token_hash), read_only=True)
        live = self._live.get(call.call_id)
        if live is None or live.ending:
            raise CallElsewhere("the call's media is not on this node")
        answer = ""
        if sdp_offer:
            leg, answer = await house.plane.answer(sdp_offer, tenant_id, leg_id)
            live.journal.later(
                lambda tx: ops.change_leg(tx, call.call_id, "customer", LegTrigger.REATTACH, house.now()),
                "leg re-attaches",
            )
            house.tasks.spawn(self._replace_customer(live, leg), "customer re-attaches")
        return call_service_pb2.ReattachLegResponse(
            call_id=call.call_id,
            leg_id=leg_id,
            sdp_answer=answer,
            state=call_state_message(call.state),
            tenant_id=tenant_id,
            answer_time=time_out(call.answer_time),
            contact_id=call.contact_id,
        )

    # -- in conversation ---------------------------------------------------------------------------------------

    def settle(self, tenant_id: str, call: Call, legs: Sequence[Leg]) -> None:
        """Bring a call's media to what its rows say: joined, held, muted, ended. Rows older than those it follows
        already change nothing; another node's call is left to that one, which is told."""
        live = self._live.get(call.call_id)
        if live is None:
            self.elsewhere(tenant_id, call.call_id)
            return
        if live.ending or call.version <= live.version:
            return
        live.version = call.version
        if not call.live:
            self._house.tasks.spawn(self.end(live, EndParty.SYSTEM, EndCause.NORMAL), "end call that ended elsewhere")
        elif call.state in TALK_STATES:
            if not live.talking:
                self._join(live, call)
            live.follow(
                held=call.state is CallState.HELD,
                muted=any(leg.muted and leg.state is not LegState.ENDED for leg in legs if leg.party == "agent"),
            )

    def _join(self, live: LiveCall, call: Call) -> None:
        """Let customer and agent hear each other now."""
        if live.driver is not None:
            live.driver.cancel()
        with tracer.start_as_current_span("join", context=live.trace):
            if call.recorded:
                record(self._house, live, call)
            station = self.stations.find(live.tenant_id, call.agent_id)
            leg = station.leg if station is not None and not station.lost else None
            if station is not None:
                station.on_call = True
            live.join(call.agent_id, call.contact_id, leg)
            if leg is None:
                log.warning("the accepting agent has no media yet", call_id=call.call_id)
                self._house.tasks.spawn(self._comfort(live), "comfort")

    async def hold(self, tenant_id: str, call_id: str, actor: Actor) -> tuple[Call, Sequence[Leg]]:
        """CallNotTalking, CallEnded, CallNotFound, CallOfOtherAgent."""
        await self._here(tenant_id, call_id, actor)
        return await self._carry_out(tenant_id, lambda tx: ops.hold_call(tx, call_id, actor, self._house.now()))

    async def resume(self, tenant_id: str, call_id: str, actor: Actor) -> tuple[Call, Sequence[Leg]]:
        """CallNotHeld, CallEnded, CallNotFound, CallOfOtherAgent."""
        await self._here(tenant_id, call_id, actor)
        return await self._carry_out(tenant_id, lambda tx: ops.resume_call(tx, call_id, actor, self._house.now()))

    async def set_mute(self, tenant_id: str, call_id: str, actor: Actor, muted: bool) -> tuple[Call, Sequence[Leg]]:
        """The agent's microphone. CallNotTalking, CallEnded, CallNotFound, CallOfOtherAgent."""
        live = await self._here(tenant_id, call_id, actor)
        if live.talking:
            may_control(replace(live.call, agent_id=live.agent_id), actor)
            live.wish_mute(muted)
        return await self._carry_out(tenant_id, lambda tx: ops.set_mute(tx, call_id, actor, muted, self._house.now()))

    async def send_digits(self, tenant_id: str, call_id: str, actor: Actor, digits: str) -> None:
        """An agent's digits are tones to the customer's side: CallNotTalking when held or when the browser takes no
        events. Those the customer's own edge sends are what the customer pressed."""
        live = await self._here(tenant_id, call_id, actor)
        if actor.party is EndParty.CUSTOMER:
            for digit in digits:
                live.press(digit)
            return
        await self._house.db.run(tenant_id, lambda tx: ops.in_conversation(tx, call_id, actor), read_only=True)
        customer = live.customer
        if not live.talking or live.bridge.held or customer is None or not customer.sends_digits:
            raise CallNotTalking("digits can be sent in conversation only")
        customer.send_digits(digits)

    # -- end ---------------------------------------------------------------------------------------------------

    async def hang_up(self, tenant_id: str, call_id: str, actor: Actor) -> tuple[Call, Sequence[Leg]]:
        """End a call for everybody; an ended one stays as it is. CallNotFound, CallOfOtherAgent."""
        db = self._house.db
        await db.run(tenant_id, lambda tx: ops.controlled(tx, call_id, actor), read_only=True)
        live = self._live.get(call_id)
        if live is not None:
            await self.end(live, actor.party, EndCause.NORMAL)
            return await live.journal.write(lambda tx: ops.get_call(tx, call_id))
        ending = Ending(actor.party, EndCause.NORMAL, self._house.now())
        await db.run(tenant_id, lambda tx: ops.end_call(tx, call_id, ending, self._house.now()))
        found = await db.run(tenant_id, lambda tx: ops.get_call(tx, call_id), read_only=True)
        self.settle(tenant_id, *found)
        return found

    async def end(self, live: LiveCall, party: EndParty, cause: str, *, last_heard: float | None = None) -> None:
        """Silence at once, then the rows, however long the database takes; who comes second waits for the same rows.
        `last_heard` is when media was lost."""
        if live.ending is None:
            live.ending = self._house.tasks.spawn(
                self._write_end(live, self._release(live, party, cause, last_heard)), "end call"
            )
        # Whoever asked may be gone by then: rows and media must not part.
        await asyncio.shield(live.ending)

    def _release(self, live: LiveCall, party: EndParty, cause: str, last_heard: float | None) -> Ending:
        """Part the media; how the call ended."""
        talk, hold = live.measured(last_heard)
        customer_mos, agent_mos = live.opinions()
        leg = live.release()
        finish(self._house, live)
        if live.driver is not None and live.driver is not asyncio.current_task():
            live.driver.cancel()
        station = self.stations.find(live.tenant_id, live.agent_id)
        if station is not None:
            station.on_call = False
        silent = monotonic() - last_heard if last_heard is not None else 0.0
        if leg is not None:
            self._house.tasks.spawn(self._house.plane.close_leg(leg), "close customer leg")
        return Ending(party, cause, self._house.now() - timedelta(seconds=silent), talk, hold, customer_mos, agent_mos)

    async def _write_end(self, live: LiveCall, ending: Ending) -> None:
        try:
            with tracer.start_as_current_span("end call", context=live.trace):
                await live.journal.write(lambda tx: ops.end_call(tx, live.call_id, ending, self._house.now()))
        finally:
            self._live.pop(live.call_id, None)

    async def drain(self) -> None:
        """Take no new calls and wait for the live ones."""
        self.draining = True
        while self._live:
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End what still lives: the node goes away."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(
                    *(self.end(live, EndParty.SYSTEM, EndCause.NODE_LOST) for live in self.calls),
                    return_exceptions=True,
                )
        await self.stations.close()

    # -- inside ------------------------------------------------------------------------------------------------

    async def _carry_out(
        self, tenant_id: str, verb: Callable[[Tx], Awaitable[tuple[Call, Sequence[Leg]]]]
    ) -> tuple[Call, Sequence[Leg]]:
        """Commit, then move the media, also when whoever asked is gone by then."""

        async def carried_out() -> tuple[Call, Sequence[Leg]]:
            result = await self._house.db.run(tenant_id, verb)
            self.settle(tenant_id, *result)
            return result

        return await unbroken(carried_out())

    async def _here(self, tenant_id: str, call_id: str, actor: Actor) -> LiveCall:
        """The live call. What the rows say is wrong with the wish comes first; then CallElsewhere."""
        live = self._live.get(call_id)
        if live is not None and live.tenant_id == tenant_id and not live.ending:
            return live
        call = await self._house.db.run(tenant_id, lambda tx: ops.controlled(tx, call_id, actor), read_only=True)
        if not call.live or live is not None:
            raise CallEnded("the call has ended")
        raise CallElsewhere("the call's media is not on this node", retry_after=timedelta(seconds=1))

    def _new_call(self, wish: WebCall, route: Route, now: datetime) -> Call:
        span = trace.get_current_span().get_span_context()
        return Call(
            call_id=new_id("call", now),
            state=CallState.SETUP,
            brand_id=route.brand_id,
            brand_name=route.brand_name,
            language=route.language,
            flow_id=route.flow_id,
            dialed_number=route.number,
            node_id=self._house.settings.node_id,
            start_time=now,
            state_time=now,
            caller_number=wish.caller_number,
            caller_name=wish.caller_name,
            trace_id=f"{span.trace_id:032x}" if span.is_valid else "",
            attributes=dict(wish.attributes),
            recorded=route.recorded,
        )

    async def _drive(self, live: LiveCall, refusal: str) -> None:
        """From the first connection to the end of the flow. Whatever breaks on the way: the call ends and isn't left
        silent."""
        try:
            party, cause = await (self._refuse(live, refusal) if refusal else self._lead(live))
        except Exception as error:
            log.error("a call could not be led", call_id=live.call_id, exc_info=error)
            party, cause = EndParty.SYSTEM, EndCause.FLOW_FAILED
        await self.end(live, party, cause)

    async def _refuse(self, live: LiveCall, refusal: str) -> tuple[EndParty, str]:
        """Say why nobody answers."""
        if live.customer is not None:
            await asyncio.shield(live.customer.connected)
        await live.say(await self._house.phrase(_PHRASE_OF[refusal], live.call.language))
        return EndParty.SYSTEM, refusal

    async def _lead(self, live: LiveCall) -> tuple[EndParty, str]:
        """Carry out the flow; who ended the call, and why."""
        driving = self._house.tasks.spawn(FlowDriver(self._house, live).drive(), "flow")
        try:
            if live.customer is not None and not await asyncio.shield(live.customer.connected):
                return EndParty.SYSTEM, EndCause.MEDIA_FAILED
            live.journal.later(
                lambda tx: ops.change_leg(tx, live.call_id, "customer", LegTrigger.CONNECT, self._house.now()),
                "customer connected",
            )
            return EndParty.FLOW, await driving
        finally:
            driving.cancel()

    async def _replace_customer(self, live: LiveCall, leg: WebRtcLeg) -> None:
        if not await leg.connected or live.ending:
            await self._house.plane.close_leg(leg)
            return
        old = live.attach_customer(leg)
        live.journal.later(
            lambda tx: ops.change_leg(tx, live.call_id, "customer", LegTrigger.CONNECT, self._house.now()),
            "customer re-attached",
        )
        if old is not None:
            await self._house.plane.close_leg(old)

    def _station_moved(self, tenant_id: str, agent_id: str, leg: WebRtcLeg) -> None:
        """The agent's new connection stands: a joined call goes on with it after a short gap at most."""
        for live in self.calls:
            if live.tenant_id == tenant_id and live.agent_id == agent_id and live.talking and not live.ending:
                was_lost = live.agent_lost_since is not None
                live.attach_agent(leg)
                if was_lost:
                    self.agent_leg(live, LegTrigger.CONNECT)

    def agent_lost(self, live: LiveCall) -> None:
        """The agent's media is gone: the customer hears it will be a moment."""
        live.lose_agent()
        self.agent_leg(live, LegTrigger.LOSE)
        self._house.tasks.spawn(self._comfort(live), "comfort")

    def agent_leg(self, live: LiveCall, trigger: LegTrigger) -> None:
        """Store that the agent's media went or came back."""
        live.journal.later(
            lambda tx: ops.change_leg(tx, live.call_id, "agent", trigger, self._house.now()), "agent leg changed"
        )

    async def _comfort(self, live: LiveCall) -> None:
        """Say "one moment" over the music that plays already."""
        spoken = await self._house.phrase("moment", live.call.language)
        if spoken and live.agent_lost_since is not None and not live.ending:
            live.bridge.soothe([*spoken, self._house.music])
