"""BusinessHoursService."""

from __future__ import annotations

from typing import Any

from chassis.instants import time_in, time_out
from chassis.paging import encode_token, page_size
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id
from merkez.routing.v1 import queue_pb2, queue_service_pb2
from merkez.routing.v1.queue_service_pb2_grpc import BusinessHoursServiceServicer

from routing import convert
from routing.handlers.asking import Asked, page
from routing.ledger import Ledger
from routing.ops import hours as ops

_CHANGEABLE = ("display_name", "time_zone", "intervals", "holidays")


class BusinessHoursServicer(Asked, BusinessHoursServiceServicer):
    """Business hours."""

    async def CreateBusinessHours(
        self, request: queue_service_pb2.CreateBusinessHoursRequest, context: Any
    ) -> queue_pb2.BusinessHours:
        draft = convert.hours_from_proto(request.business_hours)

        async def create(tx: Ledger) -> queue_pb2.BusinessHours:
            return convert.hours_to_proto(await ops.create_hours(tx, draft, self._desk.clock.now()))

        return await self._once("CreateBusinessHours", request, queue_pb2.BusinessHours, create)

    async def ListBusinessHours(
        self, request: queue_service_pb2.ListBusinessHoursRequest, context: Any
    ) -> queue_service_pb2.ListBusinessHoursResponse:
        size = page_size(request.page_size)
        rows = await self._run(lambda tx: ops.list_hours(tx, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.business_hours_id))
        return queue_service_pb2.ListBusinessHoursResponse(
            business_hours=map(convert.hours_to_proto, listed), next_page_token=token
        )

    async def UpdateBusinessHours(
        self, request: queue_service_pb2.UpdateBusinessHoursRequest, context: Any
    ) -> queue_pb2.BusinessHours:
        hours = request.business_hours
        hours_id = require_id("hrs", hours.business_hours_id, "business_hours.business_hours_id")
        fields = convert.masked(request.update_mask, hours, _CHANGEABLE)
        draft = convert.hours_from_proto(hours)
        changes = {name: getattr(draft, name) for name in fields}
        now = self._desk.clock.now()
        return convert.hours_to_proto(
            await self._run(lambda tx: ops.update_hours(tx, hours_id, changes, request.version, now))
        )

    async def DeleteBusinessHours(self, request: queue_service_pb2.DeleteBusinessHoursRequest, context: Any) -> Empty:
        hours_id = require_id("hrs", request.business_hours_id, "business_hours_id")
        await self._run(lambda tx: ops.delete_hours(tx, hours_id))
        return Empty()

    async def CheckBusinessHours(
        self, request: queue_service_pb2.CheckBusinessHoursRequest, context: Any
    ) -> queue_service_pb2.CheckBusinessHoursResponse:
        hours_id = require_id("hrs", request.business_hours_id, "business_hours_id")
        at = time_in(request, "time") or self._desk.clock.now()
        found = await self._run(lambda tx: ops.check_opening(tx, hours_id, at), read_only=True)
        return queue_service_pb2.CheckBusinessHoursResponse(
            open=found.open, holiday=found.holiday, change_time=time_out(found.change_time)
        )
