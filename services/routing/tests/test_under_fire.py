"""Contacts that come while callers give up and the database's connections are cut: none hangs or comes twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import sqlalchemy as sa
from chassis.sql import Database
from kernel.errors import Unavailable
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez_local.postgres import Postgres
from routing.store.tables import contacts
from sqlalchemy.ext.asyncio import create_async_engine

from .conftest import Edge, Floor, as_

MANY = int(os.environ.get("MERKEZ_TEST_CALLERS", "60"))
SECONDS = 240


@asynccontextmanager
async def cutting(postgres: Postgres, db: Database, chance: random.Random) -> AsyncIterator[None]:
    """Every few milliseconds connections of the service are cut by the server: one, or all of them."""
    cut = sa.text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name and usename like 'merkez%'"
        " and random() < :share"
    )
    admin = create_async_engine(postgres.url(), isolation_level="AUTOCOMMIT")

    async def cut_on() -> None:
        async with admin.connect() as connection:
            while True:
                await asyncio.sleep(chance.uniform(0.005, 0.06))
                await connection.execute(cut, {"name": db.engine.url.database, "share": chance.choice([0.2, 1.0])})

    cutter = asyncio.get_running_loop().create_task(cut_on())
    try:
        yield
    finally:
        cutter.cancel()
        await asyncio.wait([cutter])
        await admin.dispose()


async def waiting(floor: Floor, db: Database) -> Counter[str]:
    """How many contacts each call has."""
    mine = sa.select(contacts.c.call_id).where(contacts.c.tenant_id == floor.tenant_id)
    return Counter(row["call_id"] for row in await db.run(floor.tenant_id, lambda tx: tx.all(mine), read_only=True))


async def answered(edge: Edge, request: cs.EnqueueContactRequest) -> c.Contact:
    """The contact, however late a busy machine is: a call ends by itself after some seconds."""
    while True:
        with suppress(Unavailable):
            return await edge.contacts.EnqueueContact(request)


@pytest.mark.parametrize("seed", range(2))
async def test_every_caller_gets_an_answer_and_one_place_whatever_is_cut(
    edge: Edge, floor: Floor, other_floor: Floor, db: Database, postgres: Postgres, seed: int
) -> None:
    chance = random.Random(seed)
    floors = [floor, other_floor]
    queues = [await each.queue() for each in floors]
    requests = [
        cs.EnqueueContactRequest(
            request_id=f"run:{number}",
            contact=c.Contact(
                channel=c.CHANNEL_VOICE, queue_id=queues[number % 2].queue_id,
                call_id=new_id("call", floor.clock.now()),
            ),
        )
        for number in range(MANY)
    ]  # fmt: skip
    outcomes: Counter[str] = Counter()

    async def come(number: int) -> None:
        await asyncio.sleep(chance.uniform(0, 1.5))
        with as_("service", floors[number % 2]):
            call = edge.contacts.EnqueueContact(requests[number])
            try:
                async with asyncio.timeout(chance.choice([0.001, 0.01, 0.05, SECONDS])):
                    await call
                outcomes["answered"] += 1
            except Unavailable:
                outcomes["unavailable"] += 1
            except TimeoutError:
                outcomes["gave up"] += 1

    async with asyncio.timeout(SECONDS):
        async with cutting(postgres, db, chance):
            await asyncio.gather(*map(come, range(MANY)))
        contact_ids: set[str] = set()
        for number, request in enumerate(requests):  # who asks again gets the place they have, or one now
            with as_("service", floors[number % 2]):
                contact_ids.add((await answered(edge, request)).contact_id)
    assert len(contact_ids) == MANY and outcomes.total() == MANY
    for place, each in enumerate(floors):
        calls = [request.contact.call_id for request in requests[place::2]]
        assert await waiting(each, db) == Counter(calls)
