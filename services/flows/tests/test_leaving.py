"""Callers who hung up while they waited: routing says so, and what is left to do is done once, whatever dies."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_for
from flows import consumers
from flows.ops import departures
from flows.ops import runs as run_ops
from flows.sealing import MaskedValues
from kernel.errors import FailedPrecondition
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import run_service_pb2
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from testkit import eventually

from .conftest import flow_of

NUMBER = "+994501234567"


def waits(house: Any) -> pb.Definition:
    call = pb.CallbackOffer(queue_id=house.routing.queue_id, declined="done")
    return flow_of(
        pb.Step(step_id="q", queue=pb.Queue(queue_id=house.routing.queue_id, abandoned="call")),
        pb.Step(step_id="call", callback_offer=call), pb.Step(step_id="done", hang_up=pb.HangUpStep()),
    )  # fmt: skip


async def begun(house: Any, definition: pb.Definition | None = None) -> tuple[str, Any]:
    flow = await house.publish(definition or waits(house))
    call_id = house.fresh("call")
    return call_id, await house.start(flow.flow_id, call_id, caller_number=NUMBER)


async def run_of(house: Any, run_id: str) -> Any:
    with house.as_admin():
        return await house.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_id))


async def noted(house: Any, seal: MaskedValues, call_id: str, contact_id: str) -> Any:
    now = house.clock.now()
    return await house.db.run(house.tenant_id, lambda tx: departures.caller_left(tx, call_id, contact_id, seal, now))


@pytest.mark.parametrize("first", ["abandoned", "call ended"])
async def test_who_left_is_called_back_once_whichever_fact_comes_first(
    house: Any, make_bus: Any, seal: MaskedValues, first: str
) -> None:
    bus = await make_bus("flows")
    await bus.consume(house.db, "flows", consumers.handlers(seal, house.clock, house.leaving))
    call_id, order = await begun(house)
    contact = contact_pb2.Contact(contact_id=order.queue.contact_id, call_id=call_id)
    abandoned = ("merkez.routing.v1.ContactAbandoned", routing_events_pb2.ContactAbandoned(contact=contact))
    ended = (
        "merkez.telephony.v1.CallEnded", telephony_events_pb2.CallEnded(cdr=call_pb2.Cdr(call_id=call_id)),
    )  # fmt: skip
    facts = [abandoned, ended] if first == "abandoned" else [ended, abandoned]
    for place, (name, fact) in enumerate([*facts, *facts]):
        await bus.publish_fact(
            full_name=name, tenant_id=house.tenant_id, key=call_id, event_id=house.fresh("evt"),
            payload=fact.SerializeToString(), time=house.clock.now(), suffix=str(place),
        )  # fmt: skip
        if not place:
            await eventually(lambda: over(house, order.run_id))
    await eventually(lambda: len(house.routing.callbacks) == 1)
    (made,) = house.routing.callbacks.values()
    assert (made.number, made.previous_contact_id) == (NUMBER, order.queue.contact_id)

    async def written() -> bool:
        return [each.outcome for each in (await run_of(house, order.run_id)).steps][-2:] == [
            "left by the caller", "callback asked for",
        ]  # fmt: skip

    await eventually(written)
    assert house.routing.asked.count("CreateCallback") == 1


async def test_who_hangs_up_while_their_contact_is_still_being_made_is_called_back(
    house: Any, seal: MaskedValues
) -> None:
    flow = await house.publish(waits(house))
    call_id = house.fresh("call")

    async def hangs_up() -> None:
        await house.db.run(house.tenant_id, lambda tx: run_ops.end_runs(tx, call_id, seal, house.clock.now()))

    house.routing.on_enqueue = hangs_up
    with pytest.raises(FailedPrecondition, match="ended in the meantime"):
        await house.start(flow.flow_id, call_id, caller_number=NUMBER)
    house.routing.on_enqueue = None
    (contact,) = house.routing.contacts.values()
    assert len(await house.leaving.sweep()) == 1
    (made,) = house.routing.callbacks.values()
    assert (made.number, made.previous_contact_id) == (NUMBER, contact.contact_id)
    assert await house.leaving.sweep() == []


async def over(house: Any, run_id: str) -> bool:
    return (await run_of(house, run_id)).HasField("end_time")


async def test_a_queue_step_without_the_exit_and_another_contact_leave_nothing_to_do(
    house: Any, seal: MaskedValues
) -> None:
    plain = flow_of(pb.Step(step_id="q", queue=pb.Queue(queue_id=house.routing.queue_id)))
    call_id, order = await begun(house, plain)
    assert await noted(house, seal, call_id, order.queue.contact_id) is None
    call_id, _ = await begun(house)
    assert await noted(house, seal, call_id, house.fresh("con")) is None
    assert await noted(house, seal, house.fresh("call"), house.fresh("con")) is None


async def test_what_a_process_died_with_is_taken_over_after_its_lease_and_done_once(
    house: Any, seal: MaskedValues
) -> None:
    call_id, order = await begun(house)
    assert await noted(house, seal, call_id, order.queue.contact_id) is not None
    assert await noted(house, seal, call_id, order.queue.contact_id) is None, "it is noted once"
    assert order.run_id not in await house.leaving.sweep(), "whoever noted it is at it"
    house.clock.advance(departures.LEASE.total_seconds() + 1)
    house.routing.away = True
    assert order.run_id in await house.leaving.sweep()
    assert not house.routing.callbacks and not (await run_of(house, order.run_id)).HasField("end_time")
    house.routing.away = False
    assert order.run_id not in await house.leaving.sweep(), "it is tried again after another lease"
    house.clock.advance(departures.LEASE.total_seconds() + 1)
    assert order.run_id in await house.leaving.sweep()
    assert len(house.routing.callbacks) == 1 and (await run_of(house, order.run_id)).HasField("end_time")
    house.clock.advance(departures.LEASE.total_seconds() + 1)
    assert order.run_id not in await house.leaving.sweep()


async def test_what_could_not_be_done_for_an_hour_is_left(house: Any, seal: MaskedValues) -> None:
    call_id, order = await begun(house)
    await noted(house, seal, call_id, order.queue.contact_id)
    house.clock.advance((departures.PATIENCE + timedelta(minutes=1)).total_seconds())
    assert order.run_id not in await house.leaving.sweep()
    assert not house.routing.callbacks


async def test_a_report_that_was_on_its_way_does_not_undo_what_is_left(house: Any, seal: MaskedValues) -> None:
    call_id, order = await begun(house)
    run = await noted(house, seal, call_id, order.queue.contact_id)
    assert (await house.advance(order, "QUEUE_TICK")).WhichOneof("action") == "queue"
    with acting_for(house.tenant_id):
        await house.turns.leave(house.tenant_id, run)
    found = await run_of(house, order.run_id)
    assert found.HasField("end_time") and found.steps[-1].outcome == "callback asked for"
    assert len(house.routing.callbacks) == 1


async def test_a_tick_after_the_caller_left_does_what_is_left_by_itself(house: Any, seal: MaskedValues) -> None:
    call_id, order = await begun(house)
    house.routing.state = contact_pb2.CONTACT_STATE_ABANDONED
    end = await house.advance(order, "QUEUE_TICK")
    assert end.WhichOneof("action") == "hang_up" and not end.hang_up.audio
    assert len(house.routing.callbacks) == 1
    assert await noted(house, seal, call_id, order.queue.contact_id) is None


async def test_the_run_of_a_caller_who_left_tells_its_end_once(house: Any, seal: MaskedValues) -> None:
    call_id, order = await begun(house)
    run = await noted(house, seal, call_id, order.queue.contact_id)
    now = house.clock.now()
    await house.db.run(house.tenant_id, lambda tx: run_ops.end_runs(tx, call_id, seal, now))
    with acting_for(house.tenant_id):
        await house.turns.leave(house.tenant_id, run)
    with acting_for(house.tenant_id):
        await house.turns.leave(house.tenant_id, run)
    outcomes = [each.outcome for each in (await run_of(house, order.run_id)).steps]
    assert outcomes.count("left by the caller") == 1


async def test_a_run_that_can_not_be_taken_over_or_done_keeps_no_other_waiting(
    house: Any, seal: MaskedValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[Any] = []
    for _ in range(3):
        call_id, order = await begun(house)
        await noted(house, seal, call_id, order.queue.contact_id)
        orders.append(order)
    broken, stuck, other = (each.run_id for each in orders)
    house.clock.advance(departures.LEASE.total_seconds() + 1)
    take, leave = departures.take, house.turns.leave
    done = asyncio.Event()

    async def takes(tx: Any, run_id: str, *more: Any) -> Any:
        if run_id == broken:
            raise ValueError("its state can't be read")
        return await take(tx, run_id, *more)

    async def leaves(tenant_id: str, run: Any) -> None:
        if run.run_id == stuck:
            await asyncio.wait_for(done.wait(), 30)  # only what is done beside it sets it free
            raise ValueError("a neighbour answers nonsense")
        await leave(tenant_id, run)
        if run.run_id == other:
            done.set()

    monkeypatch.setattr(departures, "take", takes)
    monkeypatch.setattr(house.turns, "leave", leaves)
    assert {stuck, other} <= set(taken := await house.leaving.sweep()) and broken not in taken
    assert done.is_set() and (await run_of(house, other)).HasField("end_time")


async def test_the_lease_of_a_run_begins_when_its_work_does(
    house: Any, seal: MaskedValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        call_id, order = await begun(house)
        await noted(house, seal, call_id, order.queue.contact_id)
    house.clock.advance(departures.LEASE.total_seconds() + 1)
    times: list[Any] = []
    take = departures.take

    async def takes(tx: Any, run_id: str, seal: Any, now: Any) -> Any:
        house.clock.advance(60)
        times.append(now)
        return await take(tx, run_id, seal, now)

    monkeypatch.setattr(departures, "take", takes)
    assert len(await house.leaving.sweep()) >= 2
    assert len(set(times)) == len(times)
