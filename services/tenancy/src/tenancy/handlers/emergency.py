"""Emergency addresses of brands and numbers."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id, require_request_id
from kernel.phone import require_e164
from merkez.tenancy.v1 import emergency_pb2, emergency_service_pb2, emergency_service_pb2_grpc, number_pb2

from tenancy import convert, numbers_proto
from tenancy.domain.emergency import checked
from tenancy.ops import emergency


class EmergencyAddresses(emergency_service_pb2_grpc.EmergencyAddressServiceServicer):
    """merkez.tenancy.v1.EmergencyAddressService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateEmergencyAddress(
        self, request: emergency_service_pb2.CreateEmergencyAddressRequest, context: Any
    ) -> emergency_pb2.EmergencyAddress:
        request_id, now, asked = require_request_id(request.request_id), self._db.clock.now(), request.emergency_address
        brand_id = require_id("brd", asked.brand_id, "emergency_address.brand_id")
        address = checked(numbers_proto.civic_in(asked.address), "emergency_address.address")

        async def work(tx: Tx) -> emergency_pb2.EmergencyAddress:
            async def create() -> emergency_pb2.EmergencyAddress:
                return numbers_proto.address_out(await emergency.create(tx, brand_id, address, now))

            return await tx.once(request_id, "CreateEmergencyAddress", request, emergency_pb2.EmergencyAddress, create)

        return await self._db.run(principal().tenant_id, work)

    async def ListEmergencyAddresses(
        self, request: emergency_service_pb2.ListEmergencyAddressesRequest, context: Any
    ) -> emergency_service_pb2.ListEmergencyAddressesResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: emergency.list_addresses(tx, page), read_only=True
        )
        return emergency_service_pb2.ListEmergencyAddressesResponse(
            emergency_addresses=[numbers_proto.address_out(each) for each in found], next_page_token=token
        )

    async def UpdateEmergencyAddress(
        self, request: emergency_service_pb2.UpdateEmergencyAddressRequest, context: Any
    ) -> emergency_pb2.EmergencyAddress:
        address_id, now = _address_id(request.emergency_address_id), self._db.clock.now()
        address = checked(numbers_proto.civic_in(request.address), "address")
        changed = await self._db.run(
            principal().tenant_id, lambda tx: emergency.update(tx, address_id, address, request.version, now)
        )
        return numbers_proto.address_out(changed)

    async def DeleteEmergencyAddress(
        self, request: emergency_service_pb2.DeleteEmergencyAddressRequest, context: Any
    ) -> Empty:
        address_id = _address_id(request.emergency_address_id)
        await self._db.run(principal().tenant_id, lambda tx: emergency.delete(tx, address_id))
        return Empty()

    async def SetEmergencyAddress(
        self, request: emergency_service_pb2.SetEmergencyAddressRequest, context: Any
    ) -> number_pb2.Number:
        number = require_e164(request.number, "number")
        address_id = _address_id(request.emergency_address_id) if request.emergency_address_id else ""
        changed = await self._db.run(principal().tenant_id, lambda tx: emergency.give(tx, number, address_id))
        return convert.number_out(changed)


def _address_id(value: str) -> str:
    return require_id("ead", value, "emergency_address_id")
