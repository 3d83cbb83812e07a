"""Two routing processes for one company, killed, paused and cut off: everybody is offered exactly once.

The processes are real (`python -m routing`), with PostgreSQL and NATS between them; the test's own hands only let
callers come and agents answer. I1: no contact is held by two agents, or offered to two at once but where its queue
rings several, no agent above capacity. I2: every
contact reaches exactly one end. I10: order after a takeover is priority, then age.

The randomized test pauses for up to 3 s, less than a lease lives; a pause of 30 s, after which a process comes back
long after its lease, is in the test of takeovers alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from kernel.clock import SystemClock
from kernel.errors import DomainError
from merkez_local.nats import Nats
from routing.domain.agents import AgentState
from routing.domain.contacts import Contact, ContactState
from routing.domain.offers import OfferState
from routing.domain.rules import Rules
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops.contacts import WrapUp
from routing.store import offers as offer_store
from routing.store.tables import offers as offers_table
from sqlalchemy import select
from testkit.waiting import eventually

from .conftest import Floor, open_floor

TAKEOVER_SECONDS = 4.0
"""What a lease lives on at the least when its holder is gone, 6 s and renewed every 2 s: whoever waited for its end
would take longer, each time."""
TAKEOVERS = 5
"""More than half of these must be faster: so their median is. One may meet a busy machine."""
MOST_CALLERS = 150
"""So that a busy machine, which is longer at each disturbance, isn't left with a queue of any length."""
PAUSE_SECONDS = 30.0


class Wire:
    """A TCP way to a server that can be cut: what is on it hangs up, what comes is refused."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            self._open |= {writer, far_writer}
            try:
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            finally:
                self._open -= {writer, far_writer}
                writer.transport.abort()
                far_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


class Replica:
    """One routing process, with its own wires to database and bus."""

    def __init__(self, settings: dict[str, str], database: Wire, bus: Wire, log: Path) -> None:
        self._settings, self.database, self.bus, self._log = settings, database, bus, log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        before = self._said("started")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "routing", env=os.environ | self._settings, stdout=log, stderr=log
            )
        await eventually(lambda: self._said("started") > before, deadline=120)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)

    async def cut_off(self) -> None:
        await self.database.cut()
        await self.bus.cut()

    async def reconnect(self) -> None:
        before = self._said("nats is back")
        await self.database.mend()
        await self.bus.mend()
        await eventually(lambda: self._said("nats is back") > before)

    def _said(self, event: str) -> int:
        return self._log.read_text().count(f'"event": "{event}"') if self._log.exists() else 0


@pytest_asyncio.fixture
async def replicas(
    databases: Any, nats_server: Nats, internal_key: str, tmp_path: Path
) -> AsyncIterator[list[Replica]]:
    """Two, started, with the database of this module."""
    plain = await databases.settings("routing")
    made: list[Replica] = []
    async with AsyncExitStack() as stack:
        for name in ("a", "b"):
            database = Wire("127.0.0.1", _port_of(plain.database_url))
            bus = Wire("127.0.0.1", _port_of(nats_server.url))
            for wire in (database, bus):
                await wire.mend()
                stack.push_async_callback(wire.cut)
            settings = {
                "MERKEZ_DATABASE_URL": _through(plain.database_url, database),
                "MERKEZ_SYSTEM_DATABASE_URL": _through(plain.system_database_url, database),
                "MERKEZ_NATS_URL": _through(nats_server.url, bus), "MERKEZ_INTERNAL_KEY": internal_key,
                "MERKEZ_DATA_DIR": str(tmp_path / name), "MERKEZ_RESYNC_SECONDS": "2",
                "MERKEZ_FLOWS_ADDRESS": "127.0.0.1:1",  # nobody is asked
            }  # fmt: skip
            replica = Replica(settings, database, bus, tmp_path / f"{name}.log")
            await replica.start()
            stack.push_async_callback(replica.kill)
            stack.callback(replica.resume)
            made.append(replica)
        yield made


@pytest_asyncio.fixture
async def floor(service_db: Any) -> Floor:
    """A tenant whose hands are the test's: it matches nothing itself."""
    return open_floor(await service_db("routing", clock=SystemClock()), SystemClock())  # type: ignore[arg-type]


def _port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


def _through(url: str, wire: Wire) -> str:
    return url.replace(f":{_port_of(url)}", f":{wire.port}")


async def pending_of(floor: Floor, agent_id: str) -> Any:
    return await floor.read(lambda tx: offer_store.pending_offer(tx, agent_id=agent_id))


async def rings(floor: Floor, agents: list[str]) -> Any:
    """The offer that rings at one of them."""
    for agent_id in agents:
        if (offer := await pending_of(floor, agent_id)) is not None:
            return offer
    return None


class Centre:
    """Callers come, agents answer, talk and wrap up, while whoever matches them comes and goes."""

    def __init__(self, floor: Floor, queue_id: str, agents: list[str], seed: int, pause: float = 1.0) -> None:
        self.floor, self.queue_id, self.agents = floor, queue_id, agents
        self.random = random.Random(seed)
        self.contacts: list[Contact] = []
        self.pause = pause
        self.open = True

    async def callers(self) -> None:
        while self.open and len(self.contacts) < MOST_CALLERS:
            await asyncio.sleep(self.random.uniform(0.05, 0.3) * self.pause)
            self.contacts.append(await self._done(contact_of, self.queue_id, self.random.choice((0, 0, 0, 5))))

    async def hang_ups(self) -> None:
        while self.open:
            await asyncio.sleep(self.random.uniform(0.3, 0.9))
            if self.contacts and self.random.random() < 0.4:
                await self.floor.hang_up(self.random.choice(self.contacts[-20:]))

    async def agent(self, agent_id: str) -> None:
        while self.open:
            await asyncio.sleep(self.random.uniform(0.02, 0.1))
            with contextlib.suppress(DomainError):  # somebody was faster: the rows say who
                await self._work(agent_id)

    async def _work(self, agent_id: str) -> None:
        run, now = self.floor.run, self.floor.clock.now
        agent = await self.floor.see(agent_id)
        if agent.state is AgentState.OFFERED and (offer := await pending_of(self.floor, agent_id)) is not None:
            verb = offer_ops.decline_offer if self.random.random() < 0.15 else offer_ops.accept_offer
            await run(verb, offer.offer_id, agent_id)
        elif agent.state is AgentState.NOT_READY:
            await run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
        elif agent.state is AgentState.ON_CONTACT:
            await run(contact_ops.leave_call, agent.contact_id, agent_id, now())
        elif agent.state is AgentState.WRAP_UP:
            await run(contact_ops.end_wrap_up, WrapUp(agent.contact_id, "", "", agent_id))

    async def _done(self, verb: Any, *args: Any) -> Any:
        while True:
            with contextlib.suppress(DomainError):
                return await verb(self.floor, *args)
            await asyncio.sleep(0.05)

    async def closes(self) -> None:
        """Nobody comes any more, and who is there is served."""
        self.open = False

        left = list(self.contacts)

        async def one_more_over() -> bool:
            before = len(left)
            for agent_id in self.agents:
                with contextlib.suppress(DomainError):
                    await self._work(agent_id)
            while left and (await self.floor.look(left[0])).state in (ContactState.ENDED, ContactState.ABANDONED):
                left.pop(0)
            return len(left) < before or not left

        while left:
            await eventually(one_more_over, deadline=60, every=0.05)


async def contact_of(floor: Floor, queue_id: str, priority: int) -> Contact:
    return await floor.contact(queue_id, priority=priority)


async def disturb(replicas: list[Replica], chance: random.Random) -> None:
    """One of the two is killed, paused or cut off for a while."""
    victim = chance.choice(replicas)
    kind = chance.choice(("kill", "pause", "cut"))
    if kind == "kill":
        await victim.kill()
        await asyncio.sleep(chance.uniform(0.1, 1.5))
        await victim.start()
    elif kind == "pause":
        victim.pause()
        await asyncio.sleep(chance.uniform(0.5, 3.0))
        victim.resume()
    else:
        await victim.cut_off()
        await asyncio.sleep(chance.uniform(0.5, 3.0))
        await victim.reconnect()
    await asyncio.sleep(chance.uniform(0.5, 2.0))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "most"), [(1, 1), (7, 1), (3, 3)])
async def test_everybody_is_offered_once_whatever_becomes_of_the_processes(
    floor: Floor, replicas: list[Replica], seed: int, most: int
) -> None:
    queue = await floor.queue(rules=Rules(ring_agents=most))
    agents = [await floor.agent(f"Agent {number}") for number in range(4)]
    # Nothing rings at several while somebody waits for each.
    centre = Centre(floor, queue.queue_id, agents, seed, pause=1.0 if most == 1 else 3.0)
    chance = random.Random(seed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(centre.callers())
        tasks.create_task(centre.hang_ups())
        for agent_id in agents:
            tasks.create_task(centre.agent(agent_id))
        for _ in range(4):
            await disturb(replicas, chance)
        centre.open = False
    await centre.closes()
    assert len(centre.contacts) > (20 if most == 1 else 7)
    offers = await assert_books_are_whole(floor, centre)
    assert any(row["companion"] for row in offers) == (most > 1)


async def assert_books_are_whole(floor: Floor, centre: Centre) -> Any:
    """What rows and facts say of all that happened; the offers there were."""

    async def read(tx: Any) -> Any:
        return await tx.all(select(offers_table).where(offers_table.c.tenant_id == tx.tenant_id))

    offers = await floor.read(read)
    accepted = Counter(row["contact_id"] for row in offers if row["state"] == OfferState.ACCEPTED)
    assert not [contact_id for contact_id, count in accepted.items() if count > 1]
    for key in ("contact_id", "agent_id"):
        # Offers that ring together begin in the same moment, and are over when the last of them is.
        by_key: dict[str, dict[Any, Any]] = {}
        for row in offers:
            spans = by_key.setdefault(row[key], {})
            spans[row["create_time"]] = max(row["answer_time"], spans.get(row["create_time"], row["answer_time"]))
        for spans in by_key.values():
            ordered = sorted(spans.items())
            assert all(before[1] <= later[0] for before, later in itertools.pairwise(ordered)), key
    assert not [row for row in offers if row["state"] == OfferState.PENDING]
    for contact in centre.contacts:
        found = await floor.look(contact)
        assert (found.answer_time is not None) == (accepted[contact.contact_id] == 1)
    return offers


async def test_queue_outlives_its_process_and_is_served_in_order_by_the_next(
    floor: Floor, replicas: list[Replica]
) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    await floor.contact(queue.queue_id)
    offer = await eventually(lambda: pending_of(floor, agent_id))
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    waiting = [await floor.contact(queue.queue_id, priority=priority) for priority in (0, 5, 0, 5, 0)]
    await replicas[0].kill()
    await replicas[1].kill()
    await replicas[1].start()
    served: list[str] = []
    for _ in waiting:
        talking = (await floor.see(agent_id)).contact_id
        await floor.run(contact_ops.leave_call, talking, agent_id, floor.clock.now())
        await floor.run(contact_ops.end_wrap_up, WrapUp(talking, "", "", agent_id))
        offer = await eventually(lambda: pending_of(floor, agent_id))
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
        served.append(offer.contact_id)
    assert served == [waiting[index].contact_id for index in (1, 3, 0, 2, 4)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["kill", "pause", "cut"])
async def test_other_process_takes_over_at_once_and_who_comes_back_does_no_harm(
    floor: Floor, replicas: list[Replica], how: str
) -> None:
    queue = await floor.queue()
    agents = [await floor.agent(f"Agent {number}") for number in range(16)]
    await floor.contact(queue.queue_id)
    await eventually(lambda: rings(floor, agents))
    took: list[float] = []
    for number in range(TAKEOVERS):  # by turns: who comes back isn't whose tenant it is
        victim = replicas[number % 2]
        if how == "kill":
            await victim.kill()
        elif how == "pause":
            victim.pause()
        else:
            await victim.cut_off()
        contact = await floor.contact(queue.queue_id)
        began = asyncio.get_running_loop().time()

        async def offered(contact: Contact = contact) -> bool:
            return (await floor.look(contact)).state is ContactState.OFFERED

        await eventually(offered)
        took.append(asyncio.get_running_loop().time() - began)
        if how == "pause" and number == 0:
            await asyncio.sleep(max(0.0, PAUSE_SECONDS - (asyncio.get_running_loop().time() - began)))
        if how == "kill":
            await victim.start()
        elif how == "pause":
            victim.resume()
        else:
            await victim.reconnect()
        if sum(each < TAKEOVER_SECONDS for each in took) > TAKEOVERS // 2:
            return
        await asyncio.sleep(1)
    raise AssertionError(f"half of the takeovers waited for the lease to end: {took}")
