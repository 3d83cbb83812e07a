"""`make bench-routing`, second half: a large tenant's board made anew from rows, as a JSON line.

PostgreSQL is as durable as `make run` has it (fsync).
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chassis.lifecycle import Process
from chassis.turns import ROUNDS_AT_ONCE, TurnTaking
from kernel.clock import SystemClock
from kernel.ids import new_id
from lines import line
from merkez_local.postgres import start_postgres
from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.queues import DIRECT, Queue
from routing.ledger import Ledger
from routing.main import Routing
from routing.ops import queues as queue_ops
from routing.settings import Settings
from routing.store import agents as agent_store
from routing.store import contacts as contact_store
from testkit.databases import Databases

_GOAL_REBUILD = 3.0
_AGENTS, _CONTACTS, _AT_ONCE = 10_000, 20_000, 500


@asynccontextmanager
async def _routing(folder: Path) -> AsyncIterator[Routing]:
    """A routing process in this one."""
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres", durable=True)
        stack.callback(postgres.stop)
        plain = await Databases(postgres, folder).settings("routing")
        settings = Settings(database_url=plain.database_url, system_database_url=plain.system_database_url)
        process = Process()
        await stack.enter_async_context(process.stack)
        db = process.closing(await TurnTaking.connect(settings, "routing", pool_size=ROUNDS_AT_ONCE + 8))
        yield Routing(db, None, settings, process, "bench")


def _agent(name: int, queue_ids: tuple[str, ...]) -> Agent:
    now = SystemClock().now()
    return Agent(
        new_id("usr", now), f"Agent {name}", AgentState.AVAILABLE, now, now, idle_since=now, queue_ids=queue_ids,
        station_id=new_id("stn", now), station_time=now,
    )  # fmt: skip


def _queue(name: str, *, open_to_all: bool) -> Queue:
    return replace(DIRECT, display_name=name, open_to_all=open_to_all)


async def _rebuilt(routing: Routing) -> tuple[float, float]:
    """Seconds until the board of a large tenant is true to its rows, and MB it takes."""
    clock = SystemClock()
    tenant_id = new_id("ten", clock.now())
    held, other = [
        await routing.desk.run(
            tenant_id, lambda tx, name=name: queue_ops.create_queue(tx, _queue(name, open_to_all=False), clock.now())
        )
        for name in ("Held", "Other")
    ]
    begin = clock.now() - timedelta(hours=1)

    async def agents(tx: Ledger) -> None:
        for number in range(_AT_ONCE):
            await agent_store.add_agent(tx, _agent(number, (other.queue_id,)))

    async def waiting(tx: Ledger, first: int) -> None:
        for number in range(first, first + _AT_ONCE):
            at = begin + timedelta(milliseconds=100 * number)
            contact = Contact(new_id("con", at), Channel.VOICE, ContactState.QUEUED, held.queue_id, at, at)
            await contact_store.add_contact(tx, replace(contact, call_id=new_id("call", at)))

    for _ in range(0, _AGENTS, _AT_ONCE):
        await routing.desk.run(tenant_id, agents)
    for first in range(0, _CONTACTS, _AT_ONCE):
        await routing.desk.run(tenant_id, lambda tx, first=first: waiting(tx, first))
    routing.matcher.boards.drop(tenant_id)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    tenant = await routing.matcher.boards.load(tenant_id)
    seconds = time.perf_counter() - began
    assert (len(tenant.board.ready), len(tenant.board.waiting)) == (_AGENTS, _CONTACTS)
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


async def _measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with _routing(Path(folder)) as routing:
            seconds, size = await _rebuilt(routing)
            line("rebuild_10k_agents_20k_waiting", seconds, "s", _GOAL_REBUILD, "lower", peak_mb=round(size, 1))


if __name__ == "__main__":
    asyncio.run(_measure())
