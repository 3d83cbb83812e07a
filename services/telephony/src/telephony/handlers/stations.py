"""StationService: always the caller's own station."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from kernel.ids import require_id
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

from telephony.convert import station_message
from telephony.domain.stations import check_client_id
from telephony.live.nodes import Nodes
from telephony.live.switchboard import Switchboard
from telephony.ops import stations as station_ops


class StationHandlers(call_service_pb2_grpc.StationServiceServicer):
    """StationService."""

    def __init__(self, db: Database, switchboard: Switchboard, nodes: Nodes) -> None:
        self._db = db
        self._switchboard = switchboard
        self._nodes = nodes

    async def AttachStation(
        self, request: call_service_pb2.AttachStationRequest, context: Any
    ) -> call_service_pb2.AttachStationResponse:
        client_id = check_client_id(request.client_id)
        if not request.sdp_offer:
            raise InvalidInput.of("sdp_offer", "is required")
        who = principal()
        agent_id = require_id("usr", who.subject, "agent_id")
        there = await self._nodes.station_node(who.tenant_id, agent_id, request.node_id)
        if there is not None:
            return await there.AttachStation(request, timeout=5)
        station, answer = await self._switchboard.stations.attach(
            who.tenant_id,
            agent_id,
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
