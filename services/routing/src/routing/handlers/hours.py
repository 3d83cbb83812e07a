"""BusinessHoursService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import encode_token, page_size
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id
from merkez.routing.v1 import hours_pb2, queue_pb2, queue_service_pb2
from merkez.routing.v1.queue_service_pb2_grpc import BusinessHoursServiceServicer

from routing import convert
from routing.domain.holidays import countries
from routing.domain.hours import check_years
from routing.handlers.asking import Asked, page
from routing.hours_proto import day_to_proto, hours_from_proto, hours_to_proto
from routing.ledger import Ledger
from routing.ops import hours as ops

_CHANGEABLE = ("display_name", "time_zone", "intervals", "holidays", "calendar")


class BusinessHoursServicer(Asked, BusinessHoursServiceServicer):
    """Business hours."""

    async def CreateBusinessHours(
        self, request: queue_service_pb2.CreateBusinessHoursRequest, context: Any
    ) -> queue_pb2.BusinessHours:
        draft = hours_from_proto(request.business_hours)

        async def create(tx: Ledger) -> queue_pb2.BusinessHours:
            now = self._desk.clock.now()
            return hours_to_proto(await ops.create_hours(tx, draft, now), now)

        return await self._once("CreateBusinessHours", request, queue_pb2.BusinessHours, create)

    async def ListBusinessHours(
        self, request: queue_service_pb2.ListBusinessHoursRequest, context: Any
    ) -> queue_service_pb2.ListBusinessHoursResponse:
        size, years = page_size(request.page_size), check_years(request.calendar_years, "calendar_years")
        rows = await self._run(lambda tx: ops.list_hours(tx, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.business_hours_id))
        now = self._desk.clock.now()
        return queue_service_pb2.ListBusinessHoursResponse(
            business_hours=[hours_to_proto(each, now, years) for each in listed], next_page_token=token
        )

    async def UpdateBusinessHours(
        self, request: queue_service_pb2.UpdateBusinessHoursRequest, context: Any
    ) -> queue_pb2.BusinessHours:
        hours = request.business_hours
        hours_id = require_id("hrs", hours.business_hours_id, "business_hours.business_hours_id")
        fields = convert.masked(request.update_mask, hours, _CHANGEABLE)
        draft = hours_from_proto(hours)
        changes = {name: getattr(draft, name) for name in fields}
        now = self._desk.clock.now()
        return hours_to_proto(
            await self._run(lambda tx: ops.update_hours(tx, hours_id, changes, request.version, now)), now
        )

    async def DeleteBusinessHours(self, request: queue_service_pb2.DeleteBusinessHoursRequest, context: Any) -> Empty:
        hours_id = require_id("hrs", request.business_hours_id, "business_hours_id")
        if self._desk.flows is not None:
            await self._desk.flows.require_hours_unused(principal().tenant_id, hours_id)
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

    async def PreviewBusinessHours(
        self, request: queue_service_pb2.PreviewBusinessHoursRequest, context: Any
    ) -> queue_service_pb2.PreviewBusinessHoursResponse:
        at = time_in(request, "time") or self._desk.clock.now()
        found = ops.preview(hours_from_proto(request.business_hours), at, request.language)
        return queue_service_pb2.PreviewBusinessHoursResponse(
            open=found.opening.open, holiday=found.opening.holiday, change_time=time_out(found.opening.change_time),
            days=map(day_to_proto, found.days),
        )  # fmt: skip

    async def ListHolidayCountries(
        self, request: queue_service_pb2.ListHolidayCountriesRequest, context: Any
    ) -> queue_service_pb2.ListHolidayCountriesResponse:
        return queue_service_pb2.ListHolidayCountriesResponse(
            countries=[
                hours_pb2.HolidayCountry(country=code, subdivisions=parts) for code, parts in countries().items()
            ]
        )
