"""Writers of one tenant take turns; readers, other tenants and those who go ahead don't wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chassis.sql import Database, Tx
from chassis.turns import TurnTaking
from kernel.ids import new_id
from testkit import ManualClock

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
