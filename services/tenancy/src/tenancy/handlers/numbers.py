"""Numbers: choosing, pointing, releasing, looking up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chassis.auth import principal
from chassis.paging import Page, decode_token, encode_token, page_size
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id, require_request_id
from kernel.phone import require_e164
from merkez.tenancy.v1 import number_pb2, number_service_pb2, number_service_pb2_grpc

from tenancy import convert, numbers_proto
from tenancy.clients import Flows, Trunks
from tenancy.domain import fields
from tenancy.domain.inventory import Wanted, wanted_digits, wanted_prefix
from tenancy.domain.numbers import Number, read_entries
from tenancy.ops import inventory, numbers
from tenancy.ops.numbers import Route

# The inventory is listed by number alone; tokens of lists carry a time as well.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Numbers(number_service_pb2_grpc.NumberServiceServicer):
    """merkez.tenancy.v1.NumberService."""

    def __init__(self, db: Database, flows: Flows, trunks: Trunks, quarantine_days: int) -> None:
        self._db = db
        self._flows = flows
        self._trunks = trunks
        self._quarantine_days = quarantine_days

    async def ListAvailableNumbers(
        self, request: number_service_pb2.ListAvailableNumbersRequest, context: Any
    ) -> number_service_pb2.ListAvailableNumbersResponse:
        wanted = page_size(request.page_size)
        _, last = decode_token(request.page_token) or (_BEGINNING, "")
        looked_for = Wanted(
            fields.country(request.country), wanted_prefix(request.prefix), wanted_digits(request.contains),
            numbers_proto.type_in(request.type, "type"),
            numbers_proto.capabilities_in(request.capabilities, "capabilities"),
        )  # fmt: skip
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: numbers.list_available(tx, looked_for, request.kept, last, wanted + 1),
            read_only=True,
        )
        more = len(found) > wanted
        return number_service_pb2.ListAvailableNumbersResponse(
            numbers=[convert.number_out(each) for each in found[:wanted]],
            next_page_token=encode_token(_BEGINNING, found[wanted - 1].number) if more else "",
        )

    async def HoldNumber(self, request: number_service_pb2.HoldNumberRequest, context: Any) -> number_pb2.Number:
        number, now = require_e164(request.number, "number"), self._db.clock.now()
        await self._db.system(lambda tx: numbers.exists(tx, number), read_only=True)
        held = await self._db.run(principal().tenant_id, lambda tx: inventory.hold(tx, number, now))
        return convert.number_out(held)

    async def DropHold(self, request: number_service_pb2.DropHoldRequest, context: Any) -> Empty:
        number = require_e164(request.number, "number")
        await self._db.run(principal().tenant_id, lambda tx: inventory.drop(tx, number))
        return Empty()

    async def AssignNumber(self, request: number_service_pb2.AssignNumberRequest, context: Any) -> number_pb2.Number:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        number = require_e164(request.number, "number")
        require_id("brd", request.brand_id, "brand_id")
        if request.flow_id:
            await self._flows.require(principal().tenant_id, require_id("flw", request.flow_id, "flow_id"))
        await self._db.system(lambda tx: numbers.exists(tx, number), read_only=True)

        async def work(tx: Tx) -> number_pb2.Number:
            async def assign() -> number_pb2.Number:
                made = await numbers.assign(tx, number, request.brand_id, request.flow_id, now)
                return convert.number_out(made)

            return await tx.once(request_id, "AssignNumber", request, number_pb2.Number, assign)

        return await self._db.run(principal().tenant_id, work)

    async def BringNumbers(
        self, request: number_service_pb2.BringNumbersRequest, context: Any
    ) -> number_service_pb2.BringNumbersResponse:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        entries = read_entries(request.entries, fields.country(request.country))
        require_id("brd", request.brand_id, "brand_id")
        await self._trunks.require(principal().tenant_id, require_id("trk", request.trunk_id, "trunk_id"))
        if request.flow_id:
            await self._flows.require(principal().tenant_id, require_id("flw", request.flow_id, "flow_id"))
        tenant_id = principal().tenant_id
        await self._db.system(lambda tx: numbers.free_to_bring(tx, tenant_id, entries), read_only=True)
        draft = Number("", "", False, request.brand_id, request.flow_id, brought=True, trunk_id=request.trunk_id)

        async def work(tx: Tx) -> number_service_pb2.BringNumbersResponse:
            async def bring() -> number_service_pb2.BringNumbersResponse:
                made = await numbers.bring(tx, draft, entries, now)
                return number_service_pb2.BringNumbersResponse(numbers=[convert.number_out(each) for each in made])

            return await tx.once(request_id, "BringNumbers", request, number_service_pb2.BringNumbersResponse, bring)

        return await self._db.run(principal().tenant_id, work)

    async def ListNumbers(
        self, request: number_service_pb2.ListNumbersRequest, context: Any
    ) -> number_service_pb2.ListNumbersResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: numbers.list_numbers(tx, page), read_only=True
        )
        return number_service_pb2.ListNumbersResponse(
            numbers=[convert.number_out(each) for each in found], next_page_token=token
        )

    async def UpdateNumber(self, request: number_service_pb2.UpdateNumberRequest, context: Any) -> number_pb2.Number:
        asked = request.number
        require_e164(asked.number, "number.number")
        paths = fields.mask(request.update_mask.paths, ("brand_id", "flow_id", "trunk_id"))
        if "brand_id" in paths:
            require_id("brd", asked.brand_id, "number.brand_id")
        if "flow_id" in paths and asked.flow_id:
            await self._flows.require(principal().tenant_id, require_id("flw", asked.flow_id, "number.flow_id"))
        if "trunk_id" in paths and asked.trunk_id:
            await self._trunks.require(principal().tenant_id, require_id("trk", asked.trunk_id, "number.trunk_id"))
        now = self._db.clock.now()
        news = {"brand_id": asked.brand_id, "flow_id": asked.flow_id, "trunk_id": asked.trunk_id}
        changed = await self._db.run(
            principal().tenant_id,
            lambda tx: numbers.update(tx, asked.number, news, paths, request.version, now),
        )
        return convert.number_out(changed)

    async def ReleaseNumber(self, request: number_service_pb2.ReleaseNumberRequest, context: Any) -> Empty:
        require_e164(request.number, "number")
        now = self._db.clock.now()
        days = self._quarantine_days
        await self._db.run(principal().tenant_id, lambda tx: numbers.release(tx, request.number, now, days))
        return Empty()

    async def LookupRoute(
        self, request: number_service_pb2.LookupRouteRequest, context: Any
    ) -> number_service_pb2.LookupRouteResponse:
        route = await (self._of_widget(request.widget_key) if request.widget_key else self._of_number(request.number))
        return convert.route_out(route.tenant, route.brand, route.number, route.plan)

    async def GetCallerNumbers(
        self, request: number_service_pb2.GetCallerNumbersRequest, context: Any
    ) -> number_service_pb2.GetCallerNumbersResponse:
        brand_id = require_id("brd", request.brand_id, "brand_id") if request.brand_id else ""
        found = await self._db.run(
            principal().tenant_id, lambda tx: numbers.caller_numbers(tx, brand_id), read_only=True
        )
        return convert.caller_numbers_out(found.tenant, found.brand, found.numbers, found.plan, found.emergency)

    async def _of_widget(self, widget_key: str) -> Route:
        found = await self._db.system(lambda tx: numbers.find_widget(tx, widget_key), read_only=True)
        return await self._db.run(found.tenant_id, lambda tx: numbers.route_of_widget(tx, found.target), read_only=True)

    async def _of_number(self, number: str) -> Route:
        found = await self._db.system(lambda tx: numbers.find_number(tx, number), read_only=True)
        return await self._db.run(found.tenant_id, lambda tx: numbers.route_of_number(tx, number), read_only=True)
