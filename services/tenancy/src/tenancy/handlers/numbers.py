"""Numbers: choosing, pointing, releasing, looking up."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id
from kernel.phone import require_e164
from merkez.tenancy.v1 import number_pb2, number_service_pb2, number_service_pb2_grpc

from tenancy import convert
from tenancy.domain import fields
from tenancy.domain.numbers import Number
from tenancy.ops import numbers
from tenancy.store import lookups, rows, tables


class Numbers(number_service_pb2_grpc.NumberServiceServicer):
    """merkez.tenancy.v1.NumberService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListAvailableNumbers(
        self, request: number_service_pb2.ListAvailableNumbersRequest, context: Any
    ) -> number_service_pb2.ListAvailableNumbersResponse:
        # The token is the last number seen: numbers are public, there is nothing to hide in it.
        wanted = page_size(request.page_size)
        found = await self._db.system(
            lambda tx: lookups.list_free(tx, request.country.upper(), request.page_token, wanted + 1),
            read_only=True,
        )
        more = len(found) > wanted
        return number_service_pb2.ListAvailableNumbersResponse(
            numbers=[number_pb2.Number(number=n, country=country, test=test) for n, country, test in found[:wanted]],
            next_page_token=found[wanted - 1][0] if more else "",
        )

    async def AssignNumber(self, request: number_service_pb2.AssignNumberRequest, context: Any) -> number_pb2.Number:
        require_e164(request.number, "number")
        require_id("brd", request.brand_id, "brand_id")
        if request.flow_id:
            require_id("flw", request.flow_id, "flow_id")
        tenant_id = principal().tenant_id
        made = await self._db.system(
            lambda tx: numbers.assign(
                tx, tenant_id, request.number, request.brand_id, request.flow_id, self._db.clock.now()
            )
        )
        return convert.number_out(made)

    async def ListNumbers(
        self, request: number_service_pb2.ListNumbersRequest, context: Any
    ) -> number_service_pb2.ListNumbersResponse:
        found, after = await self._db.run(
            principal().tenant_id,
            lambda tx: rows.page(
                tx, tables.numbers, Number, ("assign_time", "number"), request.page_size, request.page_token
            ),
            read_only=True,
        )
        return number_service_pb2.ListNumbersResponse(
            numbers=[convert.number_out(each) for each in found], next_page_token=encode_token(*after) if after else ""
        )

    async def UpdateNumber(self, request: number_service_pb2.UpdateNumberRequest, context: Any) -> number_pb2.Number:
        asked = request.number
        require_e164(asked.number, "number.number")
        paths = fields.mask(request.update_mask.paths, ("brand_id", "flow_id"))
        if "brand_id" in paths:
            require_id("brd", asked.brand_id, "number.brand_id")
        if "flow_id" in paths and asked.flow_id:
            require_id("flw", asked.flow_id, "number.flow_id")
        changed = await self._db.run(
            principal().tenant_id,
            lambda tx: numbers.update(tx, asked.number, asked.brand_id, asked.flow_id, paths, request.version),
        )
        return convert.number_out(changed)

    async def ReleaseNumber(self, request: number_service_pb2.ReleaseNumberRequest, context: Any) -> Empty:
        require_e164(request.number, "number")
        tenant_id = principal().tenant_id
        await self._db.system(lambda tx: numbers.release(tx, tenant_id, request.number, self._db.clock.now()))
        return Empty()

    async def LookupRoute(
        self, request: number_service_pb2.LookupRouteRequest, context: Any
    ) -> number_service_pb2.LookupRouteResponse:
        route = await self._db.system(
            lambda tx: numbers.look_up(tx, request.number, request.widget_key), read_only=True
        )
        return convert.route_out(route.tenant_id, route.brand, route.number, route.plan)
