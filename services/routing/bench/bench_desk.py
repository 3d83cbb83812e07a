"""`make bench-routing`, second half: offers committed through PostgreSQL and NATS, and a tenant's board made anew from
rows, as JSON lines.

PostgreSQL is as durable as `make run` has it (fsync), NATS keeps its streams on disk. One process decides and writes,
as one replica would. An assignment is a caller who begins to wait, an offer that commits, and the caller's leaving,
which sets the agent free again: three transactions; timed is from the beginning of the first to the second's commit.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

from chassis.bus import Bus
from chassis.lifecycle import Process
from chassis.turns import TurnTaking
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez_local.nats import start_nats
from merkez_local.postgres import start_postgres
from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.facts import Fact, OfferMade
from routing.domain.queues import DIRECT, Queue
from routing.ledger import Ledger
from routing.main import Routing
from routing.ops import contacts as contact_ops
from routing.ops import queues as queue_ops
from routing.settings import Settings
from routing.store import agents as agent_store
from routing.store import contacts as contact_store
from testkit.databases import Databases

_TENANTS, _AGENTS_EACH = 16, 30
_SECONDS = 10.0
_GOAL_RATE, _GOAL_P95_MS, _GOAL_REBUILD = 500.0, 50.0, 3.0
_AGENTS, _CONTACTS, _AT_ONCE = 10_000, 20_000, 500


def _line(metric: str, value: float, unit: str, goal: float | None, better: str, **more: object) -> None:
    meets = None if goal is None else (value >= goal if better == "higher" else value <= goal)
    shown = {"metric": metric, "value": round(value, 2), "unit": unit, "goal": goal, "better": better, "meets": meets}
    print(json.dumps(shown | more), flush=True)


@asynccontextmanager
async def _routing(folder: Path) -> AsyncIterator[tuple[Routing, dict[str, asyncio.Future[float]]]]:
    """A routing process in this one; offers that commit resolve the future of their contact."""
    committed: dict[str, asyncio.Future[float]] = {}
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres", durable=True)
        stack.callback(postgres.stop)
        nats = await asyncio.to_thread(start_nats, folder / "nats", durable=True)
        stack.callback(nats.stop)
        databases = Databases(postgres, folder)
        plain = await databases.settings("routing")
        settings = Settings(
            database_url=plain.database_url, system_database_url=plain.system_database_url, nats_url=nats.url
        )  # fmt: skip
        process = Process()
        await stack.enter_async_context(process.stack)
        db = process.closing(await TurnTaking.connect(settings, "routing", pool_size=settings.offers_at_once + 8))
        bus = process.closing(await Bus.connect(settings))
        routing = Routing(db, bus, settings, process, "bench")
        hear = routing.desk.hear

        def heard(tenant_id: str, told: Sequence[Fact]) -> None:
            hear(tenant_id, told)
            for fact in told:
                if isinstance(fact, OfferMade) and (waited := committed.get(fact.contact.contact_id)) is not None:
                    waited.set_result(time.perf_counter())

        routing.desk.hear = heard  # type: ignore[method-assign]
        await routing.start()
        yield routing, committed


def _agent(name: int, queue_ids: tuple[str, ...]) -> Agent:
    now = SystemClock().now()
    return Agent(
        new_id("usr", now), f"Agent {name}", AgentState.AVAILABLE, now, now, idle_since=now, queue_ids=queue_ids,
        station_id=new_id("stn", now), station_time=now,
    )  # fmt: skip


def _queue(name: str, *, open_to_all: bool) -> Queue:
    return replace(DIRECT, display_name=name, open_to_all=open_to_all)


async def _assignments(
    routing: Routing, committed: dict[str, asyncio.Future[float]], callers: int, pause: float
) -> tuple[float, list[float]]:
    """Assignments a second, and from the first sign of each caller to the committed offer, in ms; `callers` of each
    tenant come again and again, `pause` seconds after they left."""
    clock, loop = SystemClock(), asyncio.get_running_loop()
    taken: list[float] = []
    until = loop.time() + _SECONDS

    async def caller(tenant_id: str, queue_id: str) -> None:
        while loop.time() < until:
            began = time.perf_counter()
            draft = Contact(
                "", Channel.VOICE, ContactState.QUEUED, queue_id, clock.now(), clock.now(),
                call_id=new_id("call", clock.now()),
            )  # fmt: skip

            async def enqueue(tx: Ledger, draft: Contact = draft) -> Contact:
                made = await contact_ops.enqueue_contact(tx, draft, clock.now())
                committed.setdefault(made.contact_id, loop.create_future())
                return made

            contact = await routing.desk.run(tenant_id, enqueue)
            taken.append((await committed[contact.contact_id] - began) * 1000)
            del committed[contact.contact_id]

            async def leave(tx: Ledger, call_id: str = contact.call_id) -> None:
                await contact_ops.end_call(tx, call_id, clock.now(), clock.now())

            await routing.desk.run(tenant_id, leave)
            await asyncio.sleep(pause)

    people = []
    for _ in range(_TENANTS):
        tenant_id = new_id("ten", clock.now())
        queue = await routing.desk.run(
            tenant_id, lambda tx: queue_ops.create_queue(tx, _queue("Sales", open_to_all=True), clock.now())
        )

        async def staff(tx: Ledger) -> None:
            for name in range(_AGENTS_EACH):
                await agent_store.add_agent(tx, _agent(name, ()))

        await routing.desk.run(tenant_id, staff)
        people += [(tenant_id, queue.queue_id)] * callers
    until = loop.time() + _SECONDS
    await asyncio.gather(*(caller(*each) for each in people))
    return len(taken) / _SECONDS, taken


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
        async with _routing(Path(folder)) as (routing, committed):
            rate, _ = await _assignments(routing, committed, 8, 0.0)
            _line("assignments_per_s", rate, "1/s", _GOAL_RATE, "higher", tenants=_TENANTS)
            # Half of it: as many callers, who pause as long as they were busy.
            pause = 8 * _TENANTS / max(1.0, rate)
            half, taken = await _assignments(routing, committed, 8, pause)
            p95 = quantiles(taken, n=20)[-1] if len(taken) > 20 else float("nan")
            _line("assignment_p95_at_half_load", p95, "ms", _GOAL_P95_MS, "lower", per_s=round(half, 1))
            seconds, size = await _rebuilt(routing)
            _line("rebuild_10k_agents_20k_waiting", seconds, "s", _GOAL_REBUILD, "lower", peak_mb=round(size, 1))


if __name__ == "__main__":
    asyncio.run(_measure())
