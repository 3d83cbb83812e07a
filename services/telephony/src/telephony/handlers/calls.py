"""CallService and StationService: requests to verbs, results to messages. No rule, no SQL."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_in
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

from telephony.convert import call_message, cdr_message, station_message
from telephony.domain.calls import Actor, WebCall, check_digits, check_web_call
from telephony.domain.stations import check_client_id
from telephony.live.switchboard import Switchboard
from telephony.ops import calls as ops
from telephony.ops import stations as station_ops

MAX_TOKEN = 400


def _actor() -> Actor:
    who = principal()
    return Actor(who.role, who.subject)


class CallHandlers(call_service_pb2_grpc.CallServiceServicer):
    """CallService."""

    def __init__(self, db: Database, switchboard: Switchboard) -> None:
        self._db = db
        self._switchboard = switchboard

    async def StartWebCall(
        self, request: call_service_pb2.StartWebCallRequest, context: Any
    ) -> call_service_pb2.StartWebCallResponse:
        wish = check_web_call(
            WebCall(
                widget_key=request.widget_key,
                sdp_offer=request.sdp_offer,
                caller_name=request.caller_name,
                caller_number=request.caller_number,
                attributes=dict(request.attributes),
                request_id=request.request_id,
            )
        )
        return await self._switchboard.start_web_call(request, wish)

    async def ReattachLeg(
        self, request: call_service_pb2.ReattachLegRequest, context: Any
    ) -> call_service_pb2.ReattachLegResponse:
        if len(request.leg_token) > MAX_TOKEN:
            raise InvalidInput.of("leg_token", f"is longer than {MAX_TOKEN} characters")
        return await self._switchboard.reattach_leg(request.leg_token, request.sdp_offer)

    async def HangUp(self, request: call_service_pb2.HangUpRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return call_message(*await self._switchboard.hang_up(principal().tenant_id, call_id, _actor()))

    async def HoldCall(self, request: call_service_pb2.HoldCallRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return call_message(*await self._switchboard.hold(principal().tenant_id, call_id, _actor()))

    async def ResumeCall(self, request: call_service_pb2.ResumeCallRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return call_message(*await self._switchboard.resume(principal().tenant_id, call_id, _actor()))

    async def SetMute(self, request: call_service_pb2.SetMuteRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        tenant_id = principal().tenant_id
        return call_message(*await self._switchboard.set_mute(tenant_id, call_id, _actor(), request.muted))

    async def SendDigits(self, request: call_service_pb2.SendDigitsRequest, context: Any) -> Empty:
        call_id = require_id("call", request.call_id, "call_id")
        digits = check_digits(request.digits)
        await self._switchboard.send_digits(principal().tenant_id, call_id, _actor(), digits)
        return Empty()

    async def GetCall(self, request: call_service_pb2.GetCallRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        found = await self._db.run(principal().tenant_id, lambda tx: ops.get_call(tx, call_id), read_only=True)
        return call_message(*found)

    async def ListCalls(
        self, request: call_service_pb2.ListCallsRequest, context: Any
    ) -> call_service_pb2.ListCallsResponse:
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_calls(tx, token=request.page_token, size=size, live=request.live),
            read_only=True,
        )
        last = found[size - 1][0] if len(found) > size else None
        return call_service_pb2.ListCallsResponse(
            calls=[call_message(call, legs) for call, legs in found[:size]],
            next_page_token=encode_token(last.start_time, last.call_id) if last else "",
        )

    async def ListCdrs(
        self, request: call_service_pb2.ListCdrsRequest, context: Any
    ) -> call_service_pb2.ListCdrsResponse:
        size = page_size(request.page_size)
        call_id = require_id("call", request.call_id, "call_id") if request.call_id else ""
        start = time_in(request, "start_time")
        end = time_in(request, "end_time")
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_cdrs(tx, token=request.page_token, size=size, call_id=call_id, start=start, end=end),
            read_only=True,
        )
        last = found[size - 1] if len(found) > size else None
        return call_service_pb2.ListCdrsResponse(
            cdrs=[cdr_message(cdr) for cdr in found[:size]],
            next_page_token=encode_token(last.start_time, last.cdr_id) if last else "",
        )


class StationHandlers(call_service_pb2_grpc.StationServiceServicer):
    """StationService: always the caller's own station."""

    def __init__(self, db: Database, switchboard: Switchboard) -> None:
        self._db = db
        self._switchboard = switchboard

    async def AttachStation(
        self, request: call_service_pb2.AttachStationRequest, context: Any
    ) -> call_service_pb2.AttachStationResponse:
        client_id = check_client_id(request.client_id)
        if not request.sdp_offer:
            raise InvalidInput.of("sdp_offer", "is required")
        who = principal()
        station, answer = await self._switchboard.stations.attach(
            who.tenant_id,
            require_id("usr", who.subject, "agent_id"),
            client_id,
            request.sdp_offer,
            request.takeover,
        )
        return call_service_pb2.AttachStationResponse(station=station_message(station), sdp_answer=answer)

    async def DetachStation(self, request: call_service_pb2.DetachStationRequest, context: Any) -> Empty:
        who = principal()
        await self._switchboard.stations.detach(who.tenant_id, who.subject, check_client_id(request.client_id))
        return Empty()

    async def GetStation(self, request: call_service_pb2.GetStationRequest, context: Any) -> call_pb2.Station:
        who = principal()
        station = await self._db.run(who.tenant_id, lambda tx: station_ops.get_station(tx, who.subject), read_only=True)
        return station_message(station)
