"""What a plan allows partners' programs a minute: exact however many gateways there are, and alive without NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from chassis.bus import Bus
from gateway.budgets import ALONE, RequestBudgets, RequestLimitReached
from gateway.tokens import Access
from kernel.ids import new_id
from kernel.tenant import Principal
from merkez.gateway.v1.gateway_events_pb2 import ApiRequestLimitReached
from merkez.gateway.v1.limit_events_pb2 import ApiRequestsOverLimit
from merkez.tenancy.v1.tenancy_events_pb2 import PlanSubscribed
from testkit import eventually
from testkit.clock import ManualClock

Buses = Callable[..., Awaitable[Bus]]


def partner(clock: ManualClock, limit: int, *, hard: bool = True) -> Access:
    tenant_id = new_id("ten", clock.now())
    return Access(Principal(tenant_id, "key_1", "api_client"), requests_per_minute=limit, limit_is_hard=hard)


async def admitted(gateways: list[RequestBudgets], access: Access, knocks: int) -> int:
    """How many of `knocks` requests at each gateway, all at once, are let in."""

    async def knock(budgets: RequestBudgets) -> bool:
        try:
            await budgets.take(access)
        except RequestLimitReached:
            return False
        return True

    return sum(await asyncio.gather(*(knock(each) for each in gateways for _ in range(knocks))))


async def test_three_gateways_together_admit_what_the_plan_allows_and_not_one_more(make_bus: Buses) -> None:
    clock = ManualClock()
    gateways = [RequestBudgets(await make_bus("gateway"), clock) for _ in range(3)]
    for limit in (1, 7, 60, 600):
        access = partner(clock, limit)
        assert await admitted(gateways, access, limit) == limit
        clock.advance(60)
        assert await admitted(gateways, access, limit) == limit, "the next minute has its own"
    for each in gateways:
        await each.close()


async def test_who_is_refused_is_told_when_the_next_minute_begins(make_bus: Buses) -> None:
    clock = ManualClock()
    clock.advance(18)
    budgets, access = RequestBudgets(await make_bus("gateway"), clock), partner(clock, 2)
    for _ in range(2):
        await budgets.take(access)
    with pytest.raises(RequestLimitReached) as caught:
        await budgets.take(access)
    assert caught.value.retry_after == timedelta(seconds=42)
    assert caught.value.metadata["limit"] == "2"
    await budgets.close()


async def test_larger_plan_within_the_minute_lets_more_in_at_once(make_bus: Buses) -> None:
    clock = ManualClock()
    gateways = [RequestBudgets(await make_bus("gateway"), clock) for _ in range(2)]
    small = partner(clock, 10)
    large = Access(small.principal, requests_per_minute=25)
    assert await admitted(gateways, small, 10) == 10
    assert await admitted(gateways, large, 25) == 15
    for each in gateways:
        await each.close()


async def test_soft_limit_refuses_nobody_and_tells_the_owner_once_a_minute(make_bus: Buses) -> None:
    clock = ManualClock()
    ears, heard = await make_bus("tenancy"), list[ApiRequestLimitReached]()

    async def hear(message: Any) -> None:
        heard.append(ApiRequestLimitReached.FromString(message.data))

    access = partner(clock, 5, hard=False)
    await ears.subscribe(f"merkez.{access.principal.tenant_id}.budget.v1.*", hear)
    budgets = RequestBudgets(await make_bus("gateway"), clock)
    assert await admitted([budgets], access, 50) == 50
    await eventually(lambda: [each.limit for each in heard] == [5])
    await budgets.close()


async def test_what_a_soft_limit_lets_pass_is_told_once_when_its_minute_is_over(make_bus: Buses) -> None:
    clock = ManualClock()
    ears, heard = await make_bus("billing"), list[ApiRequestsOverLimit]()

    async def hear(message: Any) -> None:
        if message.subject.endswith("api_requests_over_limit"):
            heard.append(ApiRequestsOverLimit.FromString(message.data))

    access = partner(clock, 5, hard=False)
    await ears.subscribe(f"merkez.{access.principal.tenant_id}.budget.v1.*", hear)
    gateways = [RequestBudgets(await make_bus("gateway"), clock) for _ in range(2)]
    assert await admitted(gateways, access, 25) == 50
    for each in gateways:
        await each.tell_over()
    assert not heard, "the minute isn't over"
    clock.advance(60)
    for each in gateways:
        await each.tell_over()
        await each.tell_over()
    await eventually(lambda: len(heard) == 2)
    assert sum(each.count for each in heard) == 45 and len({each.gateway_id for each in heard}) == 2
    for each in gateways:
        await each.close()


class Patchy:
    """A bus that can't reach NATS until it is `connected`."""

    def __init__(self) -> None:
        self.connected = False
        self.told: list[bytes] = []

    async def publish_fact(self, *, payload: bytes, **_: Any) -> None:
        if not self.connected:
            raise OSError("nats is away")
        self.told.append(payload)


async def test_what_went_over_while_nats_was_away_is_told_when_it_is_back() -> None:
    clock, bus = ManualClock(), Patchy()
    budgets = RequestBudgets(cast(Bus, bus), clock)
    assert await admitted([budgets], partner(clock, 4, hard=False), 10) == 10
    clock.advance(60)
    await budgets.tell_over()
    assert not bus.told
    bus.connected = True
    for _ in range(2):
        await budgets.tell_over()
    assert [ApiRequestsOverLimit.FromString(each).count for each in bus.told] == [10 - 4 // ALONE]
    await budgets.close()


async def test_without_nats_a_gateway_goes_on_with_its_share(make_bus: Buses) -> None:
    clock = ManualClock()
    bus = await make_bus("gateway")
    budgets, access = RequestBudgets(bus, clock), partner(clock, 40)
    await bus.close()
    assert await admitted([budgets], access, 40) == 40 // ALONE
    await budgets.close()


async def test_plan_without_a_limit_asks_nobody(make_bus: Buses) -> None:
    clock = ManualClock()
    bus = await make_bus("gateway")
    budgets = RequestBudgets(bus, clock)
    await bus.close()
    assert await admitted([budgets], partner(clock, 0), 1000) == 1000
    await budgets.close()


async def test_programs_are_refused_over_rest_and_a_changed_plan_is_heard_of(house: Any) -> None:
    house.world.add_key("mrk_abc", "queues.read")
    house.world.keys["mrk_abc"].max_requests_per_minute = 3
    headers = {"x-api-key": "mrk_abc"}

    async def until_refused() -> Any:
        while (answer := await house.http.get("/v1/queues", headers=headers)).status_code == 200:
            pass
        return answer

    refused = await until_refused()
    assert refused.status_code == 429 and refused.json()["reason"] == "API_REQUEST_LIMIT_REACHED"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    house.world.keys["mrk_abc"].max_requests_per_minute = 100_000
    await house.publish(PlanSubscribed())

    async def in_again() -> bool:
        return (await house.http.get("/v1/queues", headers=headers)).status_code == 200

    await eventually(in_again)
