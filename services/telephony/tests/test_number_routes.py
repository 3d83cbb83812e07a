"""Where a dialed number leads and what a call out may show, asked of tenancy over a real wire."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.auth import principal
from kernel.clock import SystemClock
from kernel.errors import NotFound, Unavailable
from kernel.ids import new_id
from merkez.tenancy.v1 import number_service_pb2, number_service_pb2_grpc, tenant_pb2
from telephony.clients import CallerNumbers, NoFlow, Tenancy

from .trunk_world import BAKU, ISTANBUL


class Numbers(number_service_pb2_grpc.NumberServiceServicer):
    """Knows one number; remembers for whom it was asked."""

    def __init__(self) -> None:
        self.down = False
        self.flow_id = "flw_1"
        self.asked: list[str] = []

    async def LookupRoute(self, request: Any, context: Any) -> number_service_pb2.LookupRouteResponse:
        if self.down:
            raise Unavailable("down")
        if request.number != BAKU:
            error = NotFound("nobody answers it")
            error.reason = "NUMBER_NOT_FOUND"
            raise error
        self.asked.append(request.number)
        answer = number_service_pb2.LookupRouteResponse(tenant_id="ten_1", caller_number=ISTANBUL)
        answer.number.number, answer.number.flow_id = BAKU, self.flow_id
        answer.brand.brand_id, answer.brand.language = "brd_1", "az"
        return answer

    async def GetCallerNumbers(self, request: Any, context: Any) -> number_service_pb2.GetCallerNumbersResponse:
        self.asked.append(principal().tenant_id)
        answer = number_service_pb2.GetCallerNumbersResponse(
            numbers=[BAKU, ISTANBUL], default_number=BAKU, brand_name="Nova", language="az", brand_id="brd_1"
        )
        answer.tenant_state = tenant_pb2.TENANT_STATE_SUSPENDED
        answer.entitlements.limits.max_concurrent_calls = 7
        answer.entitlements.features.append("recording")
        return answer


@pytest.fixture
async def numbers(rpc) -> Numbers:
    served: Any = Numbers()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("tenancy", [(number_service_pb2_grpc.add_NumberServiceServicer_to_server, served)])
    return served


async def test_a_dialed_number_leads_to_its_tenant_and_the_number_its_brand_shows(rpc, numbers) -> None:
    tenancy = Tenancy(rpc.peers("telephony"))
    route = await tenancy.number_route(BAKU)
    assert (route.tenant_id, route.number, route.caller_number, route.language) == ("ten_1", BAKU, ISTANBUL, "az")
    numbers.down = True  # calls keep coming in
    assert await tenancy.number_route(BAKU) == route
    tenancy.forget("ten_1")
    with pytest.raises(Unavailable):
        await tenancy.number_route(BAKU)
    assert numbers.asked == [BAKU]


async def test_a_number_nobody_holds_is_not_found_and_one_without_a_flow_says_so(rpc, numbers) -> None:
    tenancy = Tenancy(rpc.peers("telephony"))
    with pytest.raises(NotFound) as refused:
        await tenancy.number_route(ISTANBUL)
    assert refused.value.reason == "NUMBER_NOT_FOUND"
    numbers.flow_id = ""
    with pytest.raises(NoFlow):
        await tenancy.number_route(BAKU)


async def test_what_a_call_out_may_show_is_asked_for_the_tenant_each_time(rpc, numbers) -> None:
    tenancy, tenant = Tenancy(rpc.peers("telephony")), new_id("ten", SystemClock().now())
    for _ in range(2):
        found = await tenancy.caller_numbers(tenant, "brd_1")
        assert found == CallerNumbers(
            frozenset({BAKU, ISTANBUL}), BAKU, "Nova", "az", 7, recorded=True, suspended=True, brand_id="brd_1"
        )
    assert numbers.asked == [tenant, tenant]
