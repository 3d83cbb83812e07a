"""Parked calls that nobody retrieves: they ring who parked them, and go on from there as their brand says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import Forbidden, NotFound
from merkez.telephony.v1 import call_pb2, call_service_pb2
from sqlalchemy import update
from telephony.domain.call_rules import CallRules, ParkEnd
from telephony.live.call import LiveCall
from telephony.ops import calls as call_ops
from telephony.ops import parking
from telephony.store import calls as call_store
from telephony.store.tables import park_codes
from testkit import eventually, someone

from .conftest import MUSIC_HZ, Exchange, an_id
from .neighbours import queue_instruction
from .test_call_control import ANN_HZ, BEN_HZ, CUSTOMER_HZ
from .test_flow_dials import hang_up
from .two_nodes import adopted, back, cdrs, kill

pytestmark = pytest.mark.media


async def parked(exchange: Exchange, rules: CallRules | None = None, queue_id: str = "") -> tuple[LiveCall, Any, str]:
    """(call, its answer, the agent) of a call that an agent has parked."""
    customer, ann, ann_id = exchange.peer(CUSTOMER_HZ), exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, ann_id)
    await customer.hears(ANN_HZ)
    live = exchange.switchboard.find(response.call_id)
    assert live is not None
    await _give(exchange, live, rules or CallRules(), queue_id)
    with exchange.as_agent(ann_id):
        await exchange.calls.ParkCall(call_service_pb2.ParkCallRequest(call_id=live.call_id))
    await customer.hears(MUSIC_HZ)
    return live, response, ann_id


async def _give(exchange: Exchange, live: LiveCall, rules: CallRules, queue_id: str) -> None:
    async def give(tx: Any) -> Any:
        call = await call_store.get_call(tx, live.call_id)
        call = replace(call, rules=rules, queue_id=queue_id, version=call.version + 1)
        await call_store.save_call(tx, call, exchange.house.now())
        return await call_ops.get_call(tx, live.call_id)

    exchange.switchboard.settle(exchange.tenant_id, *await exchange.house.db.run(exchange.tenant_id, give))


async def time_is_up(exchange: Exchange, call_id: str) -> Any:
    """A sweep comes that late."""
    now = exchange.house.now() + timedelta(hours=1)
    found = await exchange.house.db.run(exchange.tenant_id, lambda tx: parking.expire(tx, call_id, now))
    if found is not None:
        exchange.switchboard.settle(exchange.tenant_id, *found)
    return found


async def listed(exchange: Exchange) -> list[str]:
    """The calls that wait under a code, as colleagues see them."""
    with exchange.as_agent(an_id("usr")):
        answer = await exchange.calls.ListCalls(call_service_pb2.ListCallsRequest(parked=True))
    return [call.call_id for call in answer.calls]


async def overdue(exchange: Exchange, after: timedelta) -> list[str]:
    now = exchange.house.now() + after
    due = await exchange.house.db.system(lambda tx: call_store.parked_too_long(tx, now), read_only=True)
    return [call_id for tenant_id, call_id in due if tenant_id == exchange.tenant_id]


async def test_a_parked_call_that_nobody_retrieves_rings_who_parked_it(exchange: Exchange) -> None:
    live, _, ann_id = await parked(exchange, CallRules(park_seconds=60))
    assert await overdue(exchange, timedelta(seconds=50)) == []
    assert await overdue(exchange, timedelta(seconds=61)) == [live.call_id]
    assert await listed(exchange) == [live.call_id]
    exchange.flows.steps = [queue_instruction()]
    assert await time_is_up(exchange, live.call_id)
    await eventually(lambda: len(exchange.flows.started) == 2)
    request = exchange.flows.started[1]
    assert (request.turn, request.agent_id, request.return_agent_id) == (1, ann_id, "")
    assert request.WhichOneof("otherwise") is None  # then the agent's voicemail
    assert live.call.park_code == "" and await overdue(exchange, timedelta(days=1)) == []
    assert (await exchange.facts()).count("ParkExpired") == 1
    assert await listed(exchange) == []
    await exchange.accept(live.call_id, ann_id)
    with exchange.as_agent(ann_id):
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=live.call_id))
    assert (call.state, call.agent_id) == (call_pb2.CALL_STATE_TALKING, ann_id)


async def test_what_happened_in_a_call_is_still_told_when_it_is_over(exchange: Exchange) -> None:
    live, _, ann_id = await parked(exchange)
    ben, ben_id, queue_id = exchange.peer(BEN_HZ), an_id("usr"), an_id("que")
    await exchange.attach(ben, ben_id)
    held = call_service_pb2.HoldCallRequest(call_id=live.call_id)
    with exchange.as_agent(ben_id):
        await exchange.calls.RetrieveCall(call_service_pb2.RetrieveCallRequest(park_code="701"))
        await exchange.calls.HoldCall(held)
        await exchange.calls.ResumeCall(call_service_pb2.ResumeCallRequest(call_id=live.call_id))
        exchange.flows.steps = [hang_up()]
        on = call_service_pb2.TransferCallRequest(call_id=live.call_id, queue_id=queue_id)
        await exchange.calls.TransferCall(on)
    await eventually(lambda: exchange.switchboard.find(live.call_id) is None)
    asked = call_service_pb2.ListCallMomentsRequest(call_id=live.call_id)
    with acting_as(someone("supervisor", exchange.tenant_id)):
        found = (await exchange.calls.ListCallMoments(asked)).moments
        assert [
            (call_pb2.Happening.Name(each.happening)[10:], each.agent_id, each.target_kind, each.target)
            for each in found
        ] == [
            ("PARKED", ann_id, "park", "701"),
            ("HELD", "", "", ""),
            ("RESUMED", "", "", ""),
            ("TRANSFERRED", ben_id, "queue", queue_id),
        ]
        assert all(each.HasField("happen_time") for each in found)
    with exchange.as_agent(ben_id), pytest.raises(Forbidden):
        await exchange.calls.ListCallMoments(asked)
    with acting_as(someone("supervisor", an_id("ten"))), pytest.raises(NotFound):
        await exchange.calls.ListCallMoments(asked)


async def test_the_sweep_finds_what_was_parked_too_long(exchange: Exchange) -> None:
    live, _, ann_id = await parked(exchange, CallRules(park_seconds=0))
    exchange.flows.steps = [queue_instruction()]
    await exchange.watch.sweep()
    await eventually(lambda: len(exchange.flows.started) == 2)
    assert exchange.flows.started[1].agent_id == ann_id and live.call.park_code == ""


@pytest.mark.parametrize(
    ("end", "otherwise"), [(ParkEnd.QUEUE, "otherwise_queue_id"), (ParkEnd.HANG_UP, "otherwise_end")]
)
async def test_what_follows_when_who_parked_it_does_not_take_it_is_the_brands_choice(exchange, end, otherwise) -> None:
    queue_id = an_id("que")
    live, _, _ = await parked(exchange, CallRules(park_end=end), queue_id)
    exchange.flows.steps = [queue_instruction()]
    await time_is_up(exchange, live.call_id)
    await eventually(lambda: len(exchange.flows.started) == 2)
    request = exchange.flows.started[1]
    assert request.WhichOneof("otherwise") == otherwise
    assert getattr(request, otherwise) == (queue_id if end is ParkEnd.QUEUE else True)


async def test_a_call_that_was_to_end_after_its_parking_ends_with_that_cause(exchange: Exchange) -> None:
    live, _, _ = await parked(exchange, CallRules(park_end=ParkEnd.HANG_UP))
    exchange.flows.steps = [hang_up()]
    await time_is_up(exchange, live.call_id)
    await eventually(lambda: exchange.switchboard.find(live.call_id) is None)
    (cdr,) = await cdrs(exchange, live.call_id)
    assert (cdr.end_cause, cdr.end_party) == ("PARK_TIMEOUT", call_pb2.END_PARTY_FLOW)


@pytest.mark.parametrize("queue_id", ["", "que_01jd3v9k8r5x7m2p4q6s8t0w1y"])
async def test_a_call_of_whose_parker_nothing_is_known_waits_in_its_queue_or_ends(exchange, queue_id) -> None:
    live, _, _ = await parked(exchange, queue_id=queue_id)

    async def forget(tx: Any) -> None:
        mine = (park_codes.c.tenant_id == tx.tenant_id) & (park_codes.c.call_id == live.call_id)
        await tx.execute(update(park_codes).where(mine).values(agent_id=""))

    await exchange.house.db.run(exchange.tenant_id, forget)
    exchange.flows.steps = [queue_instruction()]
    await time_is_up(exchange, live.call_id)
    if queue_id:
        await eventually(lambda: len(exchange.flows.started) == 2)
        assert exchange.flows.started[1].queue_id == queue_id
        return
    await eventually(lambda: exchange.switchboard.find(live.call_id) is None)
    (cdr,) = await cdrs(exchange, live.call_id)
    assert (cdr.end_cause, cdr.end_party) == ("PARK_TIMEOUT", call_pb2.END_PARTY_SYSTEM)


async def test_who_retrieves_it_in_the_last_moment_has_it_and_it_rings_nobody(exchange: Exchange) -> None:
    live, _, _ = await parked(exchange)
    ben, ben_id = exchange.peer(BEN_HZ), an_id("usr")
    await exchange.attach(ben, ben_id)
    with exchange.as_agent(ben_id):
        await exchange.calls.RetrieveCall(call_service_pb2.RetrieveCallRequest(park_code="701"))
    assert await time_is_up(exchange, live.call_id) is None
    await ben.hears(CUSTOMER_HZ)
    assert "ParkExpired" not in await exchange.facts() and len(exchange.flows.started) == 1


async def test_a_call_that_was_parked_on_a_node_that_died_still_rings_who_parked_it(pair: Any) -> None:
    first, second = pair.first, pair.second
    live, response, ann_id = await parked(first, CallRules(park_seconds=60))
    await kill(first)
    await adopted(second, live.call_id)
    customer, _ = await back(second, response, CUSTOMER_HZ)
    await customer.hears(MUSIC_HZ)
    second.flows.steps = [queue_instruction()]
    assert await overdue(second, timedelta(seconds=61)) == [live.call_id]
    assert await time_is_up(second, live.call_id)
    await eventually(lambda: len(second.flows.started) == 2)
    assert second.flows.started[1].agent_id == ann_id
    assert (await second.facts()).count("ParkExpired") == 1
