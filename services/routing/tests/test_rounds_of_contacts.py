"""Rounds of contacts that meet other replicas and conflicts: each caller has one place, one fact, their own trace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from chassis.sql import Database
from chassis.telemetry import context_from
from kernel.ids import new_id
from opentelemetry import context as otel
from routing.domain.contacts import Contact
from routing.domain.facts import ContactQueued
from routing.ledger import Desk, Ledger, Together
from routing.ops import overflow
from routing.ops.newcomers import Newcomer
from routing.store.tables import contacts

from .conftest import Floor, draft_contact

CONFLICT = sa.text("do $$ begin raise exception using errcode = '40001'; end $$")


def coming(floor: Floor, queue_id: str, traceparent: str = "") -> Newcomer:
    context = copy_context()
    context.run(otel.attach, context_from(traceparent))
    return Newcomer(draft_contact(queue_id, floor.clock.now()), floor.clock.now(), context)


async def test_a_round_that_conflicts_runs_again_and_each_of_it_is_written_and_told_once(
    floor: Floor, db: Database
) -> None:
    queue, sizes = await floor.queue(), list[int]()
    floor.told.clear()

    async def at_odds(tx: Ledger, newcomers: Sequence[Newcomer], now: datetime) -> Sequence[Any]:
        sizes.append(len(newcomers))
        outcomes = await overflow.enqueue_contacts(tx, newcomers, now)
        if len(sizes) in (1, 2, 4):
            await tx.execute(CONFLICT)
        return outcomes

    together = Together(floor.desk, at_odds, "contacts that come", 8)
    traces = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 13)]
    newcomers = [coming(floor, queue.queue_id, trace) for trace in traces]
    outcomes = await asyncio.gather(*(together.put(floor.tenant_id, each) for each in newcomers))
    assert sizes == [12, 6, 3, 9, 4, 5]
    assert [each.call_id for each in outcomes] == [each.draft.call_id for each in newcomers]
    told = Counter(fact.contact.call_id for fact in floor.told if isinstance(fact, ContactQueued))
    assert told == Counter(each.draft.call_id for each in newcomers)
    box = db.standard.outbox
    mine = sa.select(box.c.traceparent).where(box.c.tenant_id == floor.tenant_id, box.c.fact.like("%ContactQueued"))
    rows = await floor.read(lambda tx: tx.all(mine))
    assert sorted(row["traceparent"][:35] for row in rows) == [trace[:35] for trace in traces]


async def test_replicas_that_write_the_same_tenants_contacts_at_once_lose_none(
    floor: Floor, service_db: Callable[..., Awaitable[Database]]
) -> None:
    queue = await floor.queue()
    replicas = [Desk(await service_db("routing", clock=floor.clock)) for _ in range(3)]
    writing = [Together(desk, overflow.enqueue_contacts, "contacts that come", 8) for desk in replicas]
    newcomers = [coming(floor, queue.queue_id) for _ in range(60)]
    puts = [writing[number % 3].put(floor.tenant_id, each) for number, each in enumerate(newcomers)]
    outcomes = await asyncio.gather(*puts)
    assert all(isinstance(each, Contact) for each in outcomes)
    mine = sa.select(contacts.c.call_id).where(contacts.c.queue_id == queue.queue_id)
    rows = await floor.read(lambda tx: tx.all(mine))
    assert Counter(row["call_id"] for row in rows) == Counter(each.draft.call_id for each in newcomers)


async def test_rounds_of_more_tenants_than_there_are_connections_all_end(db: Database, floor: Floor) -> None:
    together = Together(Desk(db), overflow.enqueue_contacts, "contacts that come", 30)  # of ten connections
    tenants = [Floor(Desk(db), new_id("ten", floor.clock.now()), floor.clock, []) for _ in range(25)]
    queues = [await each.queue() for each in tenants]
    outcomes = await asyncio.gather(
        *(
            together.put(tenant.tenant_id, coming(tenant, queue.queue_id))
            for _ in range(4)
            for tenant, queue in zip(tenants, queues, strict=True)
        )
    )
    assert all(isinstance(each, Contact) for each in outcomes) and len(outcomes) == 100
