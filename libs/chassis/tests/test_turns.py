"""Writers of one tenant take turns; readers, other tenants and those who go ahead don't wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
import sqlalchemy as sa
from chassis.sql import Database, Tx
from chassis.statements import at, inserting, selecting, updating
from chassis.telemetry import context_from
from chassis.turns import ROUNDS_AT_ONCE, TurnTaking
from kernel.errors import QuotaExceeded
from kernel.ids import new_id
from merkez.routing.v1 import queue_pb2
from merkez.routing.v1.routing_events_pb2 import OfferMade
from opentelemetry import context as otel
from sqlalchemy.exc import DBAPIError
from testkit import ManualClock

from .conftest import QUEUES

ServiceDb = Callable[..., Awaitable[Database]]


async def test_writers_of_a_tenant_take_turns_and_nobody_else_waits(service_db: ServiceDb, clock: ManualClock) -> None:
    made = await service_db("trial", clock=clock)
    db = TurnTaking(made.engine, made.system_engine, made.schema, clock)
    mine, other = new_id("ten", clock.now()), new_id("ten", clock.now())
    inside, leave, order = asyncio.Event(), asyncio.Event(), []

    async def first(tx: Tx) -> None:
        inside.set()
        await leave.wait()
        order.append("first")

    async def note(tx: Tx, name: str) -> None:
        order.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(mine, first))
        await inside.wait()
        second = group.create_task(db.run(mine, lambda tx: note(tx, "second")))
        await db.run(other, lambda tx: note(tx, "other tenant"))
        await db.run(mine, lambda tx: note(tx, "reader"), read_only=True)
        await db.ahead(mine, lambda tx: note(tx, "ahead"))
        assert not second.done()
        leave.set()
    assert order == ["other tenant", "reader", "ahead", "first", "second"]


async def test_tenants_whose_rounds_wait_for_somebody_keep_no_other_waiting(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db = taking_turns(await service_db("trial", clock=clock))
    begun, leave = asyncio.Semaphore(0), asyncio.Event()

    async def hold(tx: Tx) -> None:
        begun.release()
        await leave.wait()

    async def served(tx: Tx) -> str:
        return "served"

    async with asyncio.TaskGroup() as tasks:
        for _ in range(ROUNDS_AT_ONCE - 1):
            tasks.create_task(db.together(new_id("ten", clock.now()), hold))
        for _ in range(ROUNDS_AT_ONCE - 1):
            await begun.acquire()
        assert await db.together(new_id("ten", clock.now()), served) == "served"
        leave.set()


async def test_the_more_there_is_to_do_the_fewer_rounds_of_tenants_go_on_at_once(
    service_db: ServiceDb, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.turns._LASTING_SECONDS", 600)
    db, tenants = taking_turns(await service_db("trial", clock=clock)), [new_id("ten", clock.now()) for _ in range(3)]
    all_there, at_once, seen = asyncio.Barrier(3), set[str](), list[int]()

    async def meet(tx: Tx) -> None:
        await all_there.wait()

    async def work(tx: Tx) -> None:
        at_once.add(tx.tenant_id)
        seen.append(len(at_once))
        await tx.execute(sa.text("select pg_sleep(0.02)"))
        at_once.discard(tx.tenant_id)

    await asyncio.gather(*(db.together(tenant, meet) for tenant in tenants))
    await asyncio.gather(*(db.together(tenant, work) for tenant in tenants * 8))
    assert len(seen) == 24 and max(seen) <= 2


async def line_up(db: TurnTaking, tenant: str, *verbs: Callable[[Tx], Awaitable[object]]) -> list[object]:
    """What comes of verbs that all came while a writer had its turn: exceptions as they are."""
    leave, inside = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        inside.set()
        await leave.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(tenant, hold))
        await inside.wait()
        waiting = asyncio.gather(*(db.together(tenant, each) for each in verbs), return_exceptions=True)
        await asyncio.sleep(0)
        leave.set()
        return await waiting


def taking_turns(made: Database) -> TurnTaking:
    return TurnTaking(made.engine, made.system_engine, made.schema, made.clock)


async def test_verbs_that_come_together_share_a_transaction_and_see_what_those_before_wrote(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db, tenant = taking_turns(await service_db("trial", clock=clock)), new_id("ten", clock.now())
    connections: list[object] = []

    async def add(tx: Tx, queue_id: str) -> list[str]:
        connections.append(tx.connection)
        row = {"tenant_id": tx.tenant_id, "queue_id": queue_id, "waiting": 0}
        await tx.execute(inserting(QUEUES), row)
        return sorted(row["queue_id"] for row in await tx.all(sa.select(QUEUES)))

    found = await line_up(db, tenant, lambda tx: add(tx, "a"), lambda tx: add(tx, "b"), lambda tx: add(tx, "c"))
    assert found == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert len(connections) == 3 and len(set(map(id, connections))) == 1
    assert await db.together(tenant, lambda tx: add(tx, "d")) == ["a", "b", "c", "d"]


async def add(tx: Tx, queue_id: str) -> str:
    await tx.execute(inserting(QUEUES), {"tenant_id": tx.tenant_id, "queue_id": queue_id, "waiting": 0})
    tx.emit(OfferMade(), key=queue_id)
    return queue_id


async def queue_ids(tx: Tx) -> list[str]:
    return sorted(row["queue_id"] for row in await tx.all(sa.select(QUEUES)))


async def test_one_that_fails_takes_nobody_with_it_and_leaves_nothing(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db, tenant = taking_turns(await service_db("trial", clock=clock)), new_id("ten", clock.now())
    hooks: list[str] = []

    async def told(tx: Tx, queue_id: str) -> str:
        tx.after_commit(lambda: hooks.append(queue_id))
        return await add(tx, queue_id)

    async def refused(tx: Tx) -> None:
        await told(tx, "never")
        raise QuotaExceeded("full")

    found = await line_up(
        db, tenant, lambda tx: told(tx, "a"), refused, lambda tx: told(tx, "a"), lambda tx: told(tx, "b")
    )
    assert found[0] == "a" and isinstance(found[1], QuotaExceeded) and isinstance(found[2], DBAPIError)
    assert found[3] == "b" and hooks == ["a", "b"]
    assert await db.run(tenant, queue_ids, read_only=True) == ["a", "b"]
    outbox = await db.run(tenant, lambda tx: tx.all(sa.select(db.standard.outbox.c.key)), read_only=True)
    assert sorted(row["key"] for row in outbox) == ["a", "b"]


async def test_verbs_whose_transaction_meets_another_process_run_again_and_are_done_once(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    made, tenant = await service_db("trial", clock=clock), new_id("ten", clock.now())
    one, other = taking_turns(made), taking_turns(made)
    await one.run(tenant, lambda tx: add(tx, "a"))

    async def count_up(tx: Tx) -> int:
        there = at({"tenant_id": tx.tenant_id, "queue_id": "a"})
        row = await tx.one_or_none(selecting(QUEUES, "tenant_id", "queue_id"), there)
        assert row is not None
        await tx.execute(updating(QUEUES, "tenant_id", "queue_id"), {"waiting": row["waiting"] + 1} | there)
        return row["waiting"] + 1

    both = await asyncio.gather(*(line_up(each, tenant, *[count_up] * 6) for each in (one, other)))
    assert sorted(cast(list[int], [*both[0], *both[1]])) == list(range(1, 13))


async def test_whoever_stops_waiting_is_not_begun_and_a_repeated_request_is_answered_once(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db, tenant = taking_turns(await service_db("trial", clock=clock)), new_id("ten", clock.now())
    leave, inside, ran = asyncio.Event(), asyncio.Event(), []
    request = queue_pb2.Queue(display_name="Sales")

    async def hold(tx: Tx) -> None:
        inside.set()
        await leave.wait()

    async def made(tx: Tx, name: str) -> queue_pb2.Queue:
        ran.append(name)
        return queue_pb2.Queue(queue_id=name)

    def once(name: str) -> Callable[[Tx], Awaitable[queue_pb2.Queue]]:
        return lambda tx: tx.once("same", "CreateQueue", request, queue_pb2.Queue, lambda: made(tx, name))

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(tenant, hold))
        await inside.wait()
        gone = group.create_task(db.together(tenant, lambda tx: made(tx, "gone")))
        first, again = (group.create_task(db.together(tenant, once(each))) for each in ("first", "again"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        leave.set()
    assert (await first).queue_id == (await again).queue_id == "first" and ran == ["first"]


async def test_facts_of_each_go_on_with_the_trace_of_whoever_meant_it_or_the_one_it_continues(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    db, tenant = taking_turns(await service_db("trial", clock=clock)), new_id("ten", clock.now())
    call = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    mine = "00-11111111111111111111111111111111-2222222222222222-01"

    async def continues(tx: Tx) -> None:
        tx.continue_trace(call)
        await add(tx, "call")

    async def in_trace(tx: Tx) -> None:
        await add(tx, "mine")

    async def meant(fn: Callable[[Tx], Awaitable[object]]) -> None:
        token = otel.attach(context_from(mine))
        try:
            await db.together(tenant, fn)
        finally:
            otel.detach(token)

    leave, inside = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        inside.set()
        await leave.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(tenant, hold))
        await inside.wait()
        for each in (continues, in_trace):
            group.create_task(meant(each))
        await asyncio.sleep(0)
        leave.set()
    outbox = db.standard.outbox
    rows = await db.run(tenant, lambda tx: tx.all(sa.select(outbox.c.key, outbox.c.traceparent)), read_only=True)
    traces = {row["key"]: row["traceparent"].split("-")[1] for row in rows}
    assert traces == {"call": call.split("-")[1], "mine": mine.split("-")[1]}
