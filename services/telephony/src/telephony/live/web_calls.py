"""Customers' browsers: calling, and coming back after a reload, a network change or the death of a node."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from chassis.instants import time_out
from chassis.sql import Tx
from kernel.ids import new_id
from merkez.telephony.v1 import call_service_pb2

from telephony.convert import call_state_message
from telephony.domain import legs as leg_rules
from telephony.domain.legs import Leg, LegState, LegTrigger, Party
from telephony.domain.wishes import WebCall, understood_number
from telephony.live import new_calls
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.outcomes import setting_up
from telephony.live.switchboard import CallElsewhere, NodeDraining, Switchboard
from telephony.media.media_leg import MediaLeg
from telephony.ops import calls as ops

METHOD = "merkez.telephony.v1.CallService/StartWebCall"


class WebCalls:
    """What a customer's page asks for."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard

    async def start(
        self, request: call_service_pb2.StartWebCallRequest, wish: WebCall
    ) -> call_service_pb2.StartWebCallResponse:
        """Answer a customer's browser and let flows take over. See the rpc's comment for errors."""
        if self._switchboard.draining:
            raise NodeDraining("this node is about to stop", retry_after=timedelta(seconds=1))
        with setting_up("web"):
            return await self._start(request, wish)

    async def _start(
        self, request: call_service_pb2.StartWebCallRequest, wish: WebCall
    ) -> call_service_pb2.StartWebCallResponse:
        house = self._house
        route = await house.tenancy.widget_route(wish.widget_key)
        wish = replace(wish, caller_number=understood_number(wish.caller_number, route.number))
        now = house.now()
        call = new_calls.inbound(
            house, route, route.number, caller_number=wish.caller_number, caller_name=wish.caller_name,
            attributes=dict(wish.attributes),
        )  # fmt: skip
        # Under this new call: a repeat of the request must not end the set-up that the first one began.
        leg, answer = await house.plane.answer(wish.sdp_offer, route.tenant_id, call.call_id)
        leg_id = new_id("leg", now)
        refusal = ""

        async def store(tx: Tx) -> call_service_pb2.StartWebCallResponse:
            async def begin() -> call_service_pb2.StartWebCallResponse:
                nonlocal refusal
                started = await ops.start_call(
                    tx,
                    call,
                    leg_id,
                    route.max_concurrent_calls,
                    house.now(),
                    suspended=route.suspended,
                    soft=route.calls_are_soft,
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
            response = await house.ledger.begin_by(route.tenant_id, call.call_id, store)
        except BaseException:
            await house.plane.close_leg(leg)
            raise
        if response.call_id != call.call_id:
            # A repeat: the first call's answer stands and its connection is the one that counts.
            await house.plane.close_leg(leg)
            return response
        customer = Leg(leg_id, call.call_id, Party.CUSTOMER, LegState.CONNECTING, join_time=now)
        live = self._switchboard.begin(route.tenant_id, call, [customer])
        live.attach(leg_id, leg)
        live.driver = house.tasks.spawn(self._switchboard.lead(live, refusal), "drive call")
        return response

    async def reattach(self, token: str, sdp_offer: str) -> call_service_pb2.ReattachLegResponse:
        """New media for a customer's leg; without an offer only how the call stands. LegTokenInvalid, SdpInvalid,
        CallElsewhere."""
        tenant_id, leg_id, token_hash = leg_rules.read_token(token)
        house = self._house
        call = await house.db.run(tenant_id, lambda tx: ops.find_reattachable(tx, leg_id, token_hash), read_only=True)
        live = self._switchboard.find(call.call_id)
        if live is None or live.ending:
            raise CallElsewhere(tenant_id, call.call_id, call.node_id)
        answer = ""
        if sdp_offer:
            leg, answer = await house.plane.answer(sdp_offer, tenant_id, leg_id, returns=True)
            coming = ops.LegChange(call.call_id, leg_id, LegTrigger.REATTACH)
            live.journal.note(ops.change_legs, coming, "leg re-attaches")
            live.returning = house.tasks.spawn(self._replace_customer(live, leg), "customer re-attaches")
        return call_service_pb2.ReattachLegResponse(
            call_id=call.call_id,
            leg_id=leg_id,
            sdp_answer=answer,
            state=call_state_message(call.state),
            tenant_id=tenant_id,
            answer_time=time_out(call.answer_time),
            contact_id=call.contact_id,
        )

    # -- inside ------------------------------------------------------------------------------------------------

    async def _replace_customer(self, live: LiveCall, media: MediaLeg) -> None:
        if not await media.connected or live.ending:
            await self._house.plane.close_leg(media)
            if not live.ending:
                # The leg is what it was before: heard by its media of then, or lost.
                gone = live.customer is None or live.customer_id in live.lost_since
                trigger = LegTrigger.LOSE if gone else LegTrigger.CONNECT
                self._switchboard.leg_media(live, live.customer_id, trigger)
            return
        old = live.attach(live.customer_id, media)
        self._switchboard.leg_media(live, live.customer_id, LegTrigger.CONNECT)
        if old is not None:
            await self._house.plane.close_leg(old)
