"""Who presses a button twice, or whose browser asks again, has what the first press gave them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import DomainError
from merkez.routing.v1 import contact_pb2, contact_service_pb2
from merkez.telephony.v1 import call_service_pb2
from testkit.rpc import someone

from .lost_answers import over_a_wire
from .neighbours import FakeRouting
from .scene import BEN_HZ, CUSTOMER_HZ, EVE_HZ, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.media


@pytest.fixture(autouse=True)
def routing_answers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As routing does: asked again with the same request_id, it answers as before."""
    known: dict[str, contact_pb2.Contact] = {}
    begin = FakeRouting.StartOutboundContact

    async def once(
        self: FakeRouting, request: contact_service_pb2.StartOutboundContactRequest, context: Any
    ) -> contact_pb2.Contact:
        if request.request_id not in known:
            known[request.request_id] = await begin(self, request, context)
        return known[request.request_id]

    monkeypatch.setattr(FakeRouting, "StartOutboundContact", once)


async def ended_contacts(scene: Scene) -> list[str]:
    """Contacts that routing was told are over, of agents in a call that goes on."""
    return [fact.contact_id for fact in await scene.exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]


async def test_a_call_that_is_taken_over_by_pressing_twice_is_not_told_to_be_over_for_who_has_it(scene: Scene) -> None:
    _, eve_id = await scene.agent(EVE_HZ)
    presses = [scene.do("TakeOverCall", eve_id, role="supervisor") for _ in range(2)]
    answers = await asyncio.gather(*presses, return_exceptions=True)
    assert all(not isinstance(each, BaseException) or isinstance(each, DomainError) for each in answers)
    await scene.customer.hears(EVE_HZ)
    live = scene.exchange.switchboard.find(scene.call_id)
    assert live is not None
    hers = next(leg for leg in live.live_legs("agent") if leg.agent_id == eve_id)
    assert hers.contact_id not in await ended_contacts(scene)


async def test_a_parked_call_that_is_fetched_by_pressing_twice_is_not_told_to_be_over_for_who_has_it(
    scene: Scene,
) -> None:
    _, eve_id = await scene.agent(EVE_HZ)
    await scene.do("ParkCall")
    asked = call_service_pb2.RetrieveCallRequest(park_code="701")

    async def fetch() -> Any:
        with acting_as(someone("agent", scene.exchange.tenant_id, eve_id)):
            return await scene.exchange.calls.RetrieveCall(asked)

    await asyncio.gather(fetch(), fetch(), return_exceptions=True)
    await scene.customer.hears(EVE_HZ)
    live = scene.exchange.switchboard.find(scene.call_id)
    assert live is not None
    hers = next(leg for leg in live.live_legs("agent") if leg.agent_id == eve_id)
    assert hers.contact_id not in await ended_contacts(scene)


async def test_of_two_who_fetch_a_parked_call_at_once_the_slower_one_was_never_in_it(scene: Scene) -> None:
    _, eve_id = await scene.agent(EVE_HZ)
    _, ben_id = await scene.agent(BEN_HZ)
    await scene.do("ParkCall")

    async def fetch(agent_id: str) -> Any:
        with acting_as(someone("agent", scene.exchange.tenant_id, agent_id)):
            return await scene.exchange.calls.RetrieveCall(call_service_pb2.RetrieveCallRequest(park_code="701"))

    await asyncio.gather(fetch(eve_id), fetch(ben_id), return_exceptions=True)
    live = scene.exchange.switchboard.find(scene.call_id)
    assert live is not None
    (has_it,) = [leg.agent_id for leg in live.live_legs("agent") if leg.agent_id in (eve_id, ben_id)]
    left = [fact for fact in await scene.exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]
    assert {fact.agent_id: fact.reason for fact in left}.get(has_it) is None
    assert [fact.reason for fact in left if fact.agent_id in {eve_id, ben_id}] in ([], ["NEVER_JOINED"])


async def test_a_take_over_whose_commit_is_never_answered_leaves_the_call_to_who_has_it(
    scene: Scene, databases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    exchange = scene.exchange
    async with over_a_wire(await databases.settings("telephony")) as (db, wire):
        carry_out = exchange.switchboard.carry_out

        async def losing(tenant_id: str, verb: Any) -> Any:
            before = exchange.house.db
            exchange.house.db, wire.losing = db, True
            try:
                return await carry_out(tenant_id, verb)
            finally:
                exchange.house.db = before

        monkeypatch.setattr(exchange.switchboard, "carry_out", losing)
        with contextlib.suppress(DomainError):
            await scene.do("TakeOverCall", eve_id, role="supervisor")
        assert wire.lost == 1
    await eve.hears(CUSTOMER_HZ)
    live = exchange.switchboard.find(scene.call_id)
    assert live is not None
    hers = next(leg for leg in live.live_legs("agent") if leg.agent_id == eve_id)
    assert hers.contact_id not in await ended_contacts(scene)
