"""DeviceService. A phone's secret is in one answer and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.paging import encode_token, page_size
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_id, require_request_id
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2, trunk_service_pb2_grpc

from telephony.clients import Tenancy
from telephony.domain.devices import Binding, Device, check_name
from telephony.handlers.masks import masked
from telephony.handlers.trunk_messages import transport_out
from telephony.ops import devices as ops

_CHANGEABLE = ("display_name", "enabled", "brand_id")


class DeviceHandlers(trunk_service_pb2_grpc.DeviceServiceServicer):
    """DeviceService. Asks tenancy for a brand before it writes one."""

    def __init__(self, db: Database, tenancy: Tenancy, sip_domain: str) -> None:
        self._db = db
        self._tenancy = tenancy
        self._sip_domain = sip_domain

    async def CreateDevice(
        self, request: trunk_service_pb2.CreateDeviceRequest, context: Any
    ) -> trunk_service_pb2.CreateDeviceResponse:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        agent_id = require_id("usr", request.device.agent_id, "device.agent_id")
        name = check_name(request.device.display_name)
        brand_id = await self._brand(request.device.brand_id)

        async def work(tx: Tx) -> trunk_service_pb2.CreateDeviceResponse:
            secret = ""

            async def create() -> trunk_service_pb2.CreateDeviceResponse:
                nonlocal secret
                device, secret = await ops.create_device(tx, agent_id, name, now, brand_id)
                return trunk_service_pb2.CreateDeviceResponse(device=device_out(device), domain=self._sip_domain)

            response = trunk_service_pb2.CreateDeviceResponse
            answer = await tx.once(request_id, "CreateDevice", request, response, create)
            answer.secret = secret  # told once: what is kept for a repeat has none
            return answer

        return await self._db.run(principal().tenant_id, work)

    async def ListDevices(
        self, request: trunk_service_pb2.ListDevicesRequest, context: Any
    ) -> trunk_service_pb2.ListDevicesResponse:
        size, now = page_size(request.page_size), self._db.clock.now()
        agent_id = require_id("usr", request.agent_id, "agent_id") if request.agent_id else ""
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_devices(tx, agent_id, request.page_token, size, now),
            read_only=True,
        )
        last = found[size - 1][0] if len(found) > size else None
        return trunk_service_pb2.ListDevicesResponse(
            devices=[device_out(*each) for each in found[:size]],
            next_page_token=encode_token(last.create_time, last.device_id) if last else "",
        )

    async def UpdateDevice(self, request: trunk_service_pb2.UpdateDeviceRequest, context: Any) -> trunk_pb2.Device:
        device_id = require_id("dev", request.device.device_id, "device.device_id")
        fields = masked(request.update_mask, request.device, _CHANGEABLE)
        changes = {name: getattr(request.device, name) for name in fields}
        if "brand_id" in changes:
            changes["brand_id"] = await self._brand(request.device.brand_id)
        now = self._db.clock.now()
        return device_out(
            *await self._db.run(
                principal().tenant_id, lambda tx: ops.update_device(tx, device_id, changes, request.version, now)
            )
        )

    async def DeleteDevice(self, request: trunk_service_pb2.DeleteDeviceRequest, context: Any) -> Empty:
        device_id = require_id("dev", request.device_id, "device_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_device(tx, device_id))
        return Empty()

    async def _brand(self, brand_id: str) -> str:
        """A brand of the company's, or none. BRAND_NOT_FOUND, Unavailable."""
        if brand_id:
            await self._tenancy.caller_numbers(principal().tenant_id, require_id("brd", brand_id, "device.brand_id"))
        return brand_id


def device_out(device: Device, bindings: Sequence[Binding] = ()) -> trunk_pb2.Device:
    """A desk phone as others see it, without its digests."""
    return trunk_pb2.Device(
        device_id=device.device_id,
        agent_id=device.agent_id,
        display_name=device.display_name,
        user_name=device.user_name,
        bindings=[_binding_out(each) for each in bindings],
        enabled=device.enabled,
        create_time=time_out(device.create_time),
        version=device.version,
        brand_id=device.brand_id,
    )


def _binding_out(binding: Binding) -> trunk_pb2.DeviceBinding:
    return trunk_pb2.DeviceBinding(
        contact=binding.contact,
        expire_time=time_out(binding.expire_time),
        source=binding.source,
        transport=transport_out(binding.transport),
        user_agent=binding.user_agent,
        unreachable=binding.unreachable,
    )
