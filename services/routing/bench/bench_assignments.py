"""`make bench-routing`, last part: assignments of a real routing process, as JSON lines.

A contact comes by rpc, as from telephony; it is assigned once its offer is committed and its fact has passed on the
bus, where the agents' desktops listen. PostgreSQL and NATS are as durable as `make run` has them (fsync), and they,
the process and this load share the machine. First as fast as it goes, of several tenants and then of one of them, then
at half of the first rate (Poisson). CPU is of the process alone, and of all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from chassis.auth import acting_for, generate_key
from chassis.bus import Bus, LiveMessage
from chassis.grpc import Peers
from chassis.settings import ProcessSettings
from chassis.sql import Database
from kernel.clock import SystemClock
from kernel.ids import new_id
from lines import line
from merkez.routing.v1 import contact_pb2, contact_service_pb2
from merkez.routing.v1 import routing_events_pb2 as events
from merkez.routing.v1.contact_service_pb2_grpc import ContactServiceStub
from merkez_local.nats import start_nats
from merkez_local.postgres import free_port, start_postgres
from routing.domain.agents import Agent, AgentState
from routing.domain.queues import DIRECT
from routing.ledger import Desk, Ledger
from routing.ops import queues as queue_ops
from routing.store import agents as agent_store
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from testkit.databases import Databases

_GOAL_RATE, _GOAL_P95_MS = 500.0, 50.0
_TENANTS, _AGENTS_EACH, _AGENTS_OF_ONE, _AT_ONCE = 8, 2_000, 8_000, 500
"""So many that nobody waits for an agent while it lasts, at the goal's rate or somewhat above."""
_BEFORE_EACH, _SECONDS, _CALLERS = 150, 8.0, 48
_STARTED_SECONDS = 60
_PATIENCE_SECONDS = 60.0
"""For one answer: what is measured on a machine that does much else is still measured."""


@dataclass
class Floor:
    """The tenants of the bench, and the process that assigns for them. `offered` is when a contact's offer passed."""

    queues: list[tuple[str, str]]
    contacts: Any
    pid: int
    admin_url: URL
    offered: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    async def assigned(self, number: int) -> float:
        """One caller comes; ms until their offer has passed on the bus."""
        tenant_id, queue_id = self.queues[number % len(self.queues)]
        now = SystemClock().now()
        call_id = new_id("call", now)
        self.offered[call_id] = asyncio.get_running_loop().create_future()
        contact = contact_pb2.Contact(channel=contact_pb2.CHANNEL_VOICE, queue_id=queue_id, call_id=call_id)
        began = time.perf_counter()
        with acting_for(tenant_id):
            request = contact_service_pb2.EnqueueContactRequest(request_id=call_id, contact=contact)
            await self.contacts.EnqueueContact(request, timeout=_PATIENCE_SECONDS)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            took = (await self.offered[call_id] - began) * 1000
        del self.offered[call_id]
        return took

    @property
    def cpu_seconds(self) -> float:
        """What the process has used."""
        return _used(self.pid)

    @property
    def cpu_seconds_of_all(self) -> float:
        """What this load, the process, PostgreSQL and NATS have used."""
        return sum(map(_used, _family(os.getpid())))

    async def hear(self, message: LiveMessage) -> None:
        fact = message.decode()
        assert isinstance(fact, events.OfferMade)
        passed = self.offered.get(fact.offer.contact.call_id)
        if passed is not None and not passed.done():
            passed.set_result(time.perf_counter())


def _used(pid: int) -> float:
    """Seconds of CPU; 0 of a process that is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _family(pid: int) -> Iterator[int]:
    """A process and all that came of it."""
    yield pid
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


async def _staffed(desk: Desk, agents: int) -> tuple[str, str]:
    """A tenant with a queue and so many agents who are all AVAILABLE: its id and the queue's."""
    now = SystemClock().now()
    tenant_id = new_id("ten", now)
    # An offer rings on until the bench is over: nobody becomes free again.
    draft = replace(DIRECT, display_name="Sales", open_to_all=True, offer_timeout=timedelta(minutes=2))
    queue = await desk.run(tenant_id, lambda tx: queue_ops.create_queue(tx, draft, now))

    async def staff(tx: Ledger) -> None:
        for _ in range(_AT_ONCE):
            agent = Agent(
                new_id("usr", now), "Agent", AgentState.AVAILABLE, now, now, idle_since=now,
                station_id=new_id("stn", now), station_time=now,
            )  # fmt: skip
            await agent_store.add_agent(tx, agent)

    for _ in range(0, agents, _AT_ONCE):
        await desk.run(tenant_id, staff)
    return tenant_id, queue.queue_id


@asynccontextmanager
async def _process(settings: dict[str, str], log: Path) -> AsyncIterator[int]:
    """The pid of a routing process, from its start to its end."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "routing", env=os.environ | settings, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(_STARTED_SECONDS):
            while '"event": "started"' not in (said := await asyncio.to_thread(log.read_text)):
                if process.returncode is not None:
                    raise RuntimeError(f"routing did not start: {said[-2000:]}")
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _floor(folder: Path) -> AsyncIterator[Floor]:
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(start_postgres, folder / "postgres", durable=True)
        stack.callback(postgres.stop)
        nats = await asyncio.to_thread(start_nats, folder / "nats", durable=True)
        stack.callback(nats.stop)
        key, port = folder / "key.json", free_port()
        key.write_text(generate_key())
        plain = await Databases(postgres, folder).settings("routing")
        db = await Database.connect(plain, "routing")
        desk = Desk(db)
        queues = [await _staffed(desk, _AGENTS_EACH if number else _AGENTS_OF_ONE) for number in range(_TENANTS)]
        await db.close()
        environment = {
            "MERKEZ_DATABASE_URL": plain.database_url, "MERKEZ_SYSTEM_DATABASE_URL": plain.system_database_url,
            "MERKEZ_NATS_URL": nats.url, "MERKEZ_INTERNAL_KEY": str(key), "MERKEZ_DATA_DIR": str(folder / "data"),
            "MERKEZ_GRPC_PORT": str(port), "MERKEZ_FLOWS_ADDRESS": f"127.0.0.1:{free_port()}",
        }  # fmt: skip
        pid = await stack.enter_async_context(_process(environment, folder / "routing.log"))
        ours = ProcessSettings(
            service="telephony", internal_key=str(key), nats_url=nats.url, peers={"routing": f"127.0.0.1:{port}"}
        )  # fmt: skip
        bus, peers = await Bus.connect(ours), Peers(ours)
        stack.push_async_callback(bus.close)
        stack.push_async_callback(peers.close)
        admin = make_url(postgres.url()).set(database=make_url(plain.database_url).database)
        floor = Floor(queues, peers.stub(ContactServiceStub, "routing"), pid, admin)
        await bus.subscribe("merkez.*.offer.v1.offer_made", floor.hear)
        yield floor


async def _as_fast_as_it_goes(floor: Floor, metric: str, tenants: int) -> float:
    """Assignments a second with so many callers at once that it has always something to do."""
    took: list[float] = []
    process, everything = floor.cpu_seconds, floor.cpu_seconds_of_all
    until = time.perf_counter() + _SECONDS

    async def come(number: int) -> None:
        while time.perf_counter() < until:
            took.append(await floor.assigned(number % tenants))

    await asyncio.gather(*map(come, range(_CALLERS)))
    rate, each = len(took) / _SECONDS, 1000 / len(took)
    more = {
        "tenants": tenants, "p50_ms": round(median(took)), "p95_ms": round(quantiles(took, n=20)[-1]),
        "cpu_ms_each": round((floor.cpu_seconds - process) * each, 2),
        "cpu_ms_each_of_all": round((floor.cpu_seconds_of_all - everything) * each, 2),
    }  # fmt: skip
    line(metric, rate, "1/s", _GOAL_RATE, "higher", **more)
    return rate


async def _at(floor: Floor, rate: float) -> list[float]:
    """How long each of the assignments took while callers came at random, so many a second."""
    chance, coming = random.Random(1), list[asyncio.Task[float]]()
    due = time.perf_counter()
    end = due + _SECONDS
    async with asyncio.TaskGroup() as callers:
        while (due := due + chance.expovariate(rate)) < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            coming.append(callers.create_task(floor.assigned(len(coming))))
    return [each.result() for each in coming]


async def _worked_before(floor: Floor) -> None:
    """As of companies that are here for a minute: in tables of a page or two strangers share pages, and before
    autovacuum has looked at a table its rows are found by indexes that lead past many; both make transactions meet."""
    for first in range(0, _BEFORE_EACH * _TENANTS, _CALLERS):
        await asyncio.gather(*map(floor.assigned, range(first, first + _CALLERS)))
    engine = create_async_engine(floor.admin_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


async def _measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with _floor(Path(folder)) as floor:
            await _worked_before(floor)
            rate = await _as_fast_as_it_goes(floor, "assignments_per_s", _TENANTS)
            await _as_fast_as_it_goes(floor, "assignments_per_s_of_one_tenant", 1)
            half = await _at(floor, rate / 2)
            p95 = quantiles(half, n=20)[-1]
            more = {"per_s": round(len(half) / _SECONDS, 1), "p50_ms": round(median(half), 1)}
            line("assignment_p95_at_half_load", p95, "ms", _GOAL_P95_MS, "lower", **more)


if __name__ == "__main__":
    asyncio.run(_measure())
