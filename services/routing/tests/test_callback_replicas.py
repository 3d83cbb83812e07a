"""Two routing processes for one company, killed, paused and cut off: each callback is moved once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import DomainError
from kernel.ids import new_id
from routing.domain.agents import AgentState
from routing.domain.callback_rules import CallbackRules, CallOrder
from routing.domain.callbacks import Callback, CallbackState, When
from routing.ops import agents as agent_ops
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from testkit.waiting import eventually

from .callers import end, wish
from .conftest import Floor
from .test_replicas import Replica, disturb, floor, pending_of, replicas  # noqa: F401  fixtures

ENDS = {CallbackState.COMPLETED: "CallbackCompleted", CallbackState.FAILED: "CallbackFailed",
        CallbackState.CANCELLED: "CallbackCancelled"}  # fmt: skip


class Facts:
    """What the bus was told of callbacks, each event once, whoever told it."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, str, int]] = {}

    async def hear(self, message: Any) -> None:
        callback = message.decode().callback
        name = type(message.decode()).__name__
        self.seen[message.event_id] = (callback.callback_id, name, callback.version)

    def of(self, callback: Callback) -> Counter[str]:
        return Counter(name for callback_id, name, _ in self.seen.values() if callback_id == callback.callback_id)

    def versions(self, callback: Callback) -> list[tuple[str, int]]:
        return [(name, version) for each, name, version in self.seen.values() if each == callback.callback_id]


class Hands:
    """Agents who accept, call, and are answered or not, as telephony would have it."""

    def __init__(self, floor: Floor, agents: list[str], seed: int) -> None:  # noqa: F811
        self.floor, self.agents, self.random, self.open = floor, agents, random.Random(seed), True

    async def agent(self, agent_id: str) -> None:
        while self.open:
            await asyncio.sleep(self.random.uniform(0.02, 0.1))
            with contextlib.suppress(DomainError):  # somebody was faster: the rows say who
                await self.work(agent_id)

    async def work(self, agent_id: str) -> None:
        run, clock = self.floor.run, self.floor.clock
        agent = await self.floor.see(agent_id)
        if agent.state is AgentState.OFFERED and (offer := await pending_of(self.floor, agent_id)) is not None:
            if offer.kept:
                await self.ring(offer.contact_id, agent_id)
                return
            verb = offer_ops.decline_offer if self.random.random() < 0.15 else offer_ops.accept_offer
            await run(verb, offer.offer_id, agent_id)
        elif agent.state is AgentState.NOT_READY:
            await run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
        elif agent.state is AgentState.ON_CONTACT and (call_id := await self.call_of(agent.contact_id)):
            await end(self.floor, call_id, answered=True)
        elif agent.state is AgentState.ON_CONTACT and self.random.random() < 0.2:
            await run(ops.fail_call, agent.contact_id, agent_id)
        elif agent.state is AgentState.ON_CONTACT:
            call_id, answered = new_id("call", clock.now()), self.random.random() < 0.6
            await run(ops.begin_call, agent.contact_id, agent_id, call_id)
            for _ in range(2):  # what is heard twice counts once
                await end(self.floor, call_id, "NORMAL" if answered else "BUSY", answered=answered)

    async def ring(self, contact_id: str, agent_id: str) -> None:
        """A customer is rung before their agent: they answer, are busy, or can't be called."""
        run, call_id = self.floor.run, new_id("call", self.floor.clock.now())
        if self.random.random() < 0.15:
            await run(ops.fail_call, contact_id, agent_id)
            return
        await run(ops.begin_call, contact_id, agent_id, call_id)
        answers = self.random.random() < 0.6
        for _ in range(2):
            await (run(ops.answer_call, contact_id, call_id) if answers else end(self.floor, call_id, "BUSY"))

    async def call_of(self, contact_id: str) -> str:
        """The call of a customer who waited on the line, empty for one who is still to be called."""
        found = await self.floor.read(lambda tx: contact_ops.get_contact(tx, contact_id))
        return found.call_id


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "order"), [(3, CallOrder.AGENT_FIRST), (5, CallOrder.CUSTOMER_FIRST)])
async def test_each_callback_is_moved_once_whatever_becomes_of_the_processes(
    floor: Floor,  # noqa: F811
    replicas: list[Replica],  # noqa: F811
    make_bus: Any,
    seed: int,
    order: CallOrder,
) -> None:
    facts, bus = Facts(), await make_bus("test")
    await bus.subscribe(f"merkez.{floor.tenant_id}.callback.v1.*", facts.hear)
    rules = CallbackRules(attempts=2, retry_after=timedelta(hours=12), order=order)
    queue = await floor.queue(callbacks=rules, wrap_up_duration=timedelta(0))
    agents = [await floor.agent(f"Agent {number}") for number in range(3)]
    hands, chance = Hands(floor, agents, seed), random.Random(seed)
    made: list[Callback] = []
    async with asyncio.TaskGroup() as tasks:
        for agent_id in agents:
            tasks.create_task(hands.agent(agent_id))
        for number in range(24):
            due = floor.clock.now() + timedelta(seconds=chance.uniform(0.1, 6))
            draft = wish(queue.queue_id, number=f"+9945012345{number:02}")
            made.append((await floor.run(ops.create_callback, draft, When(due)))[0])
        for _ in range(3):
            await disturb(replicas, chance)

        async def tried() -> bool:
            """Each was tried; whoever was not reached is not waited for a whole minute."""
            found = [await floor.read(lambda tx, each=each: ops.get_callback(tx, each.callback_id)) for each in made]
            for each in found:
                if each.state is CallbackState.SCHEDULED and each.attempts:
                    with contextlib.suppress(DomainError):
                        await floor.run(ops.cancel_callback, each.callback_id, "enough")
            return all(not each.open for each in found)

        await eventually(tried, deadline=120, every=0.2)
        hands.open = False
    for callback in made:
        found = await floor.read(lambda tx, callback=callback: ops.get_callback(tx, callback.callback_id))
        await eventually(lambda found=found: facts.of(found)[ENDS[found.state]] == 1)
        counted = facts.of(found)
        assert counted["CallbackRequested"] == counted["CallbackQueued"] == 1
        assert counted["CallbackReleased"] == counted["CallbackAttempted"] == len(found.attempts) == 1
        # One fact for a version: no two processes made the same move. The last attempt's comes with how it ended.
        ends = ("CallbackCompleted", "CallbackFailed")
        moves = [version for name, version in facts.versions(found) if name not in ends]
        assert len(set(moves)) == len(moves)
