"""Where companies' trunks may lead: nowhere into the operator's network (docs/decisions/0011)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from kernel.errors import InvalidInput
from kernel.networks import networks_of
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import trunk_pb2, trunk_service_pb2
from merkez.telephony.v1.trunk_service_pb2_grpc import TrunkServiceStub, add_TrunkServiceServicer_to_server
from telephony.domain.trunk_tests import Kind
from telephony.domain.trunks import GatewayForbidden
from telephony.handlers import TrunkHandlers
from telephony.live.sip.reach import Reach
from telephony.ops import trunks as trunk_ops
from testkit import someone

from .carriers import Carrier, a_trunk
from .conftest import Exchange
from .test_trunk_tests import NUMBER, a_kept_trunk, carrier, tried

pytestmark = pytest.mark.media

__all__ = ["carrier"]


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0,tcp:127.0.0.1:0", sip_private_networks="")


async def refused_fields(asking: Any) -> Sequence[str]:
    with pytest.raises(InvalidInput, match="ask the operator") as refused:
        await asking
    return [each.field for each in refused.value.fields]


async def test_a_company_saves_no_address_of_the_operators_network_and_the_operator_does(exchange: Exchange) -> None:
    assert exchange.edge is not None
    handlers = TrunkHandlers(exchange.house.db, exchange.edge.roster._seal, exchange.house.tenancy)
    await exchange.rpc.serve("trunks", [(add_TrunkServiceServicer_to_server, handlers)])
    stub: Any = exchange.rpc.stub(TrunkServiceStub, "trunks")

    def wish(*hosts: str) -> trunk_service_pb2.CreateTrunkRequest:
        gateways = [trunk_pb2.Gateway(host=each) for each in hosts]
        return trunk_service_pb2.CreateTrunkRequest(
            request_id=" ".join(hosts), trunk=trunk_pb2.Trunk(display_name="Delta", gateways=gateways)
        )

    inside = wish("sip.carrier.example", "10.0.0.5", "[::ffff:127.0.0.1]")
    named = ["trunk.gateways[1].host", "trunk.gateways[2].host"]
    with acting_as(someone("admin", exchange.tenant_id)):
        assert await refused_fields(stub.CreateTrunk(inside)) == named
        kept = await stub.CreateTrunk(wish("sip.carrier.example"))
        change = trunk_service_pb2.UpdateTrunkRequest(trunk=inside.trunk)
        change.trunk.trunk_id = kept.trunk_id
        change.update_mask.paths.append("gateways")
        assert await refused_fields(stub.UpdateTrunk(change)) == named
    with acting_as(someone("operator", PLATFORM)):
        assert (await stub.CreateTrunk(wish("10.0.0.5"))).gateways[0].host == "10.0.0.5"
        assert await refused_fields(stub.CreateTrunk(wish("169.254.169.254"))) == ["trunk.gateways[0].host"]


async def test_nobody_looks_through_the_operators_network_by_a_trunk(exchange: Exchange, carrier: Carrier) -> None:
    knocks: list[object] = []
    carrier.agent.on_options = lambda request: knocks.append(request) or 200
    there = carrier.gateway()
    by_name = replace(there, host="localhost")
    trunk = await a_kept_trunk(exchange, there, by_name, registers=True, user_name="merkez")
    steps = await tried(exchange, trunk, NUMBER)
    assert {(step.kind, step.finding) for step in steps} == {
        (Kind.NAME, "GATEWAY_ADDRESS_FORBIDDEN"),
        (Kind.REGISTRATION, "GATEWAY_ADDRESS_FORBIDDEN"),
        (Kind.CALL, "GATEWAY_ADDRESS_FORBIDDEN"),
    }

    assert exchange.edge is not None
    roster = exchange.edge.roster
    await exchange.edge._refresh()
    await exchange.edge._ping()
    house = exchange.house
    _, health = await house.db.run(
        exchange.tenant_id, lambda tx: trunk_ops.health_of(tx, trunk.trunk_id, house.now()), read_only=True
    )
    assert {each.problem for each in health.gateways} == {"GATEWAY_ADDRESS_FORBIDDEN"}
    assert not roster.trusts("127.0.0.1"), "and what is inside isn't taken for its carrier"
    assert not knocks and not carrier.invitations
    # The operator's own trunks lead where the operator says.
    shared = replace(trunk, tenant_id=PLATFORM)
    assert (await roster.reach.way_to(shared, there)).address == "127.0.0.1"


async def test_a_name_that_leads_elsewhere_a_moment_later_is_gone_to_where_it_was_judged(
    exchange: Exchange, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["10.0.0.5"], ["10.0.0.5", "127.0.0.1"]]
    asked: list[str] = []

    def looked_up(host: str, _: object) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (each, 0)) for each in (answers.pop() if answers else ["169.254.169.254"])]

    monkeypatch.setattr("telephony.live.sip.reach.socket.getaddrinfo", looked_up)
    assert exchange.edge is not None
    reach = Reach(exchange.edge.edges, networks_of("127.0.0.0/8"), {4})
    gateway = replace(carrier.gateway(), host="sip.carrier.test")
    trunk = a_trunk(gateway)
    try:
        way = await reach.way_to(trunk, gateway)
        assert (way.hop.host, way.hop.tls_name) == ("127.0.0.1", "sip.carrier.test")
        assert await reach.way_to(trunk, gateway) == way and len(asked) == 1
        for _ in range(2):
            found = await reach.look_up(trunk, gateway.host, anew=True)
            assert not found.allowed
        with pytest.raises(GatewayForbidden, match=r"169\.254\.169\.254"):
            await reach.way_to(trunk, gateway)
    finally:
        reach.close()
