"""Telephony's trunks, desk phones and rules of calling out, served, and people of a company who ask for them."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.auth import acting_as
from chassis.sealing import Seal
from kernel.clock import SystemClock
from kernel.errors import DomainError
from kernel.ids import new_id
from merkez.telephony.v1 import trunk_pb2
from merkez.telephony.v1 import trunk_service_pb2 as pb
from merkez.telephony.v1.trunk_service_pb2_grpc import (
    DeviceServiceStub,
    OutboundServiceStub,
    TrunkServiceStub,
    add_DeviceServiceServicer_to_server,
    add_OutboundServiceServicer_to_server,
    add_TrunkServiceServicer_to_server,
)
from merkez.tenancy.v1.number_service_pb2_grpc import add_NumberServiceServicer_to_server
from telephony.clients import Tenancy
from telephony.domain.devices import Contact, Register
from telephony.handlers import DeviceHandlers, OutboundHandlers, TrunkHandlers
from telephony.main import TRUNK_PASSWORDS
from telephony.ops import devices as device_ops
from testkit import someone

from .neighbours import FakeTenancy

AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


class Office:
    """Telephony's trunks served, and people of a tenant to ask for them."""

    def __init__(self, db, rpc, clock, seal) -> None:
        self.db, self.clock, self.seal = db, clock, seal
        self.tenant = an_id("ten")
        self.trunks: Any = rpc.stub(TrunkServiceStub, "telephony")
        self.devices: Any = rpc.stub(DeviceServiceStub, "telephony")
        self.outbound: Any = rpc.stub(OutboundServiceStub, "telephony")
        self.numbers: Any = None

    def as_(self, role: str = "admin", tenant: str = ""):
        return acting_as(someone(role, tenant or self.tenant))

    async def trunk(self, request_id: str = "", password: str = "", **fields) -> trunk_pb2.Trunk:
        given = {"display_name": "Carrier", "gateways": [trunk_pb2.Gateway(host="sip.example")], "enabled": True}
        request = pb.CreateTrunkRequest(
            request_id=request_id or an_id("req"), trunk=trunk_pb2.Trunk(**{**given, **fields}), password=password
        )
        with self.as_():
            return await self.trunks.CreateTrunk(request)

    async def update(self, trunk_id: str, paths: list[str], version: int = 0, **fields) -> trunk_pb2.Trunk:
        request = pb.UpdateTrunkRequest(trunk=trunk_pb2.Trunk(trunk_id=trunk_id, **fields), version=version)
        request.update_mask.paths.extend(paths)
        with self.as_():
            return await self.trunks.UpdateTrunk(request)

    async def device(self, request_id: str = "", *, agent_id: str = AGENT, name: str = "Desk 7", **fields) -> Any:
        device = trunk_pb2.Device(agent_id=agent_id, display_name=name, **fields)
        with self.as_():
            return await self.devices.CreateDevice(
                pb.CreateDeviceRequest(request_id=request_id or an_id("req"), device=device)
            )

    async def listed(self, **asked) -> pb.ListDevicesResponse:
        with self.as_():
            return await self.devices.ListDevices(pb.ListDevicesRequest(**asked))

    async def sign_in(self, device_id: str, cseq: int = 1, **more):
        request = Register("call", cseq, [Contact("sip:x@192.0.2.7")], source="192.0.2.7", node_id="node-a", **more)
        now = self.clock.now()
        return await self.db.run(self.tenant, lambda tx: device_ops.register(tx, device_id, request, now))

    async def rules(self) -> dict[str, trunk_pb2.CountryRule]:
        with self.as_():
            found = await self.outbound.ListCountryRules(pb.ListCountryRulesRequest())
        return {each.country: each for each in found.rules}

    async def choose(self, **choices: str) -> None:
        rules = [
            trunk_pb2.CountryRule(country=country, choice=trunk_pb2.CountryChoice.Value(f"COUNTRY_CHOICE_{choice}"))
            for country, choice in choices.items()
        ]
        with self.as_():
            await self.outbound.UpdateCountryRules(pb.UpdateCountryRulesRequest(rules=rules))

    async def limit(self, version: int = 0, **fields) -> trunk_pb2.OutboundSettings:
        request = pb.UpdateOutboundSettingsRequest(settings=trunk_pb2.OutboundSettings(**fields), version=version)
        request.update_mask.paths.extend(fields)
        with self.as_():
            return await self.outbound.UpdateOutboundSettings(request)


@pytest.fixture
async def office(service_db, rpc, clock) -> Office:
    db = await service_db("telephony", clock=clock)
    seal = Seal.load(rpc.internal_key, TRUNK_PASSWORDS)
    numbers: Any = FakeTenancy()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("tenancy", [(add_NumberServiceServicer_to_server, numbers)])
    tenancy = Tenancy(rpc.peers("telephony"))
    await rpc.serve(
        "telephony",
        [
            (add_TrunkServiceServicer_to_server, TrunkHandlers(db, seal, tenancy)),
            (add_DeviceServiceServicer_to_server, DeviceHandlers(db, tenancy, "sip.merkez.example")),
            (add_OutboundServiceServicer_to_server, OutboundHandlers(db)),
        ],
    )
    made = Office(db, rpc, clock, seal)
    made.numbers = numbers
    return made


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason
