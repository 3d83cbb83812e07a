"""I1 and I2 under random interleavings, against real PostgreSQL.

I1: no contact is held by two agents or offered to two at once but where its queue rings several, no agent is above
capacity. I2: every contact reaches exactly one
end; none is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from chassis.sql import Database
from kernel.errors import Conflict, DomainError, FailedPrecondition, NotFound
from routing.domain.agents import AgentState
from routing.domain.board import Match
from routing.domain.contacts import Contact, ContactKind, ContactState
from routing.domain.facts import ContactAbandoned, ContactDequeued, ContactEnded, OfferAccepted, OfferMade
from routing.domain.queues import Queue
from routing.domain.rules import Rules
from routing.domain.views import line_of, ready_of, waiting_of
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops.contacts import WrapUp
from routing.store import agents as agent_store
from routing.store import contacts as contact_store
from routing.store import offers as offer_store
from routing.store.tables import offers as offers_table
from sqlalchemy import select
from testkit.clock import ManualClock

from .conftest import Floor, draft_contact, open_floor

HELD = {AgentState.OFFERED, AgentState.ON_CONTACT, AgentState.WRAP_UP}


class Chaos:
    """Several hands on one floor at once, none knowing of the others."""

    def __init__(self, floor: Floor, queue: Queue, agents: list[str], seed: int):
        self.floor, self.queue, self.agents = floor, queue, agents
        self.random = random.Random(seed)
        self.contacts: list[Contact] = []

    async def act(self) -> None:
        """One random thing; being refused is fine, being wrong is not."""
        verbs = [
            self.call,
            self.match,
            self.match,
            self.answer,
            self.answer,
            self.leave,
            self.time,
            self.wish,
            self.wrap,
            self.hand_on,
            self.dial,
            self.pick_up,
            self.depart,
        ]
        with contextlib.suppress(FailedPrecondition, NotFound, Conflict):
            await self.random.choice(verbs)()

    async def call(self) -> None:
        self.contacts.append(await self.floor.contact(self.queue.queue_id, priority=self.random.randrange(3)))

    async def match(self) -> None:
        """Any contact to any agent, as a matcher that believes in anything would propose."""
        agent = await self.floor.see(self.random.choice(self.agents))
        queued = [each for each in [await self.floor.look(c) for c in self.contacts] if waiting_of(each)]
        ready = ready_of(agent)
        if queued and ready:
            waiting = waiting_of(self.random.choice(queued))
            assert waiting is not None
            seen = [ready_of(await self.floor.see(each)) for each in self.agents if each != agent.agent_id]
            companions = [each for each in seen if each][: self.queue.rules.ring_agents - 1]
            await asyncio.sleep(self.random.random() * 0.01)
            match = Match(waiting, ready, "longest_idle", companions=tuple(companions))
            await self.floor.run(offer_ops.make_offer, match)

    async def answer(self) -> None:
        agent_id = self.random.choice(self.agents)
        offer = await self.floor.read(lambda tx: offer_store.pending_offer(tx, agent_id=agent_id))
        if offer is not None:
            verb = self.random.choice([offer_ops.accept_offer, offer_ops.accept_offer, offer_ops.decline_offer])
            await self.floor.run(verb, offer.offer_id, agent_id)

    async def leave(self) -> None:
        if self.contacts:
            contact = self.random.choice(self.contacts)
            if self.random.random() < 0.2:
                await self.floor.run(contact_ops.dequeue_contact, contact.contact_id, "max_wait")
            else:
                await self.floor.hang_up(contact)

    async def time(self) -> None:
        self.floor.clock.advance(self.random.choice([1, 5, 21]))
        await self.floor.run(offer_ops.expire_offers)
        await self.floor.run(contact_ops.expire_wrap_ups)

    async def wish(self) -> None:
        state = self.random.choice([AgentState.AVAILABLE, AgentState.AVAILABLE, AgentState.NOT_READY])
        await self.floor.run(agent_ops.set_state, self.random.choice(self.agents), state, "")

    async def wrap(self) -> None:
        if self.contacts:
            contact = self.random.choice(self.contacts)
            await self.floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", ""))

    async def hand_on(self) -> None:
        """A contact beside one that is there: to one agent, or a question to a queue."""
        if not self.contacts:
            return
        known, asking, other = self.random.choice(self.contacts), *self.random.sample(self.agents, 2)
        target = self.random.choice([other, ""])
        kind = self.random.choice([ContactKind.TRANSFER, ContactKind.CONSULT])
        changes = {
            "call_id": known.call_id, "kind": kind, "previous_contact_id": known.contact_id, "target_agent_id": target,
            "consulting_agent_id": asking if kind is ContactKind.CONSULT else "",
        }  # fmt: skip
        self.contacts.append(await self.floor.contact("" if target else self.queue.queue_id, **changes))

    async def dial(self) -> None:
        draft = draft_contact("", self.floor.clock.now(), kind=ContactKind.OUTBOUND)
        agent_id = self.random.choice(self.agents)
        self.contacts.append(await self.floor.run(contact_ops.start_contact, draft, agent_id))

    async def pick_up(self) -> None:
        if self.contacts:
            contact = self.random.choice(self.contacts)
            await self.floor.run(offer_ops.pick_up, contact.contact_id, self.random.choice(self.agents))

    async def depart(self) -> None:
        if self.contacts:
            contact = await self.floor.look(self.random.choice(self.contacts))
            now = self.floor.clock.now()
            await self.floor.run(contact_ops.leave_call, contact.contact_id, contact.agent_id, now)

    async def finish(self) -> None:
        """Every call ends and every deadline passes."""
        for contact in self.contacts:
            await self.floor.hang_up(contact)
        self.floor.clock.advance(1000)
        await self.floor.run(contact_ops.expire_wrap_ups)


async def check_i1(floor: Floor, agents: list[str], contacts: list[Contact]) -> None:
    """One snapshot in which nobody is held twice, and what rings at several is held by those it rings at."""

    async def snapshot(tx: Any) -> tuple[list[Any], list[Any], list[Any]]:
        pending = await tx.all(
            select(offers_table).where(offers_table.c.tenant_id == tx.tenant_id, offers_table.c.state == "PENDING")
        )
        people = await agent_store.find_agents(tx, agents)
        return people, await contact_store.find_contacts(tx, [each.contact_id for each in contacts]), list(pending)

    people, found, pending = await floor.read(snapshot)
    held = Counter(each.contact_id for each in people if each.contact_id)
    by_id = {each.contact_id: each for each in found}
    assert all(count == (by_id[contact_id].ringing or 1) for contact_id, count in held.items())
    assert all(bool(each.contact_id) == (each.state in HELD) for each in people)
    assert all(bool(each.ringing) == (each.state is ContactState.OFFERED) for each in found)
    for agent in people:
        if agent.contact_id:
            assert by_id[agent.contact_id].agent_id == agent.agent_id or by_id[agent.contact_id].ringing > 1
            assert by_id[agent.contact_id].state == agent.state
    busy = {ContactState.OFFERED, ContactState.ON_CONTACT, ContactState.WRAP_UP}
    assert {each.contact_id for each in found if each.state in busy} == set(held)
    assert {(row["contact_id"], row["agent_id"]) for row in pending} == {
        (each.contact_id, each.agent_id) for each in people if each.state is AgentState.OFFERED
    }


def check_i2(floor: Floor, contacts: list[Contact]) -> None:
    """Exactly one end each, told exactly once, and accepted at most once."""
    ends = Counter(
        fact.contact.contact_id
        for fact in floor.told
        if isinstance(fact, ContactEnded | ContactAbandoned | ContactDequeued)
    )
    assert ends == {each.contact_id: 1 for each in contacts}
    accepted = Counter(fact.contact.contact_id for fact in floor.told if isinstance(fact, OfferAccepted))
    assert all(count == 1 for count in accepted.values())


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("seed", range(8))
async def test_nobody_is_held_twice_and_nobody_is_lost(db: Database, clock: ManualClock, seed: int, most: int) -> None:
    floor = open_floor(db, clock)
    queue = await floor.queue(wrap_up_duration=timedelta(seconds=10 * (seed % 2)), rules=Rules(ring_agents=most))
    agents = [await floor.agent(f"Agent {n}") for n in range(3)]
    hands = [Chaos(floor, queue, agents, seed * 10 + n) for n in range(4)]
    for hand in hands[1:]:
        hand.contacts = hands[0].contacts
    for _ in range(30):
        await asyncio.gather(*(hand.act() for hand in hands))
        await check_i1(floor, agents, hands[0].contacts)
    await hands[0].finish()
    await check_i1(floor, agents, hands[0].contacts)
    check_i2(floor, hands[0].contacts)
    found = [await floor.look(each) for each in hands[0].contacts]
    assert {each.state for each in found} <= {ContactState.ENDED, ContactState.ABANDONED}


async def test_two_proposals_for_one_contact_make_one_offer(floor: Floor) -> None:
    queue = await floor.queue()
    people = [await floor.see(await floor.agent(f"Agent {n}")) for n in range(4)]
    waiting = waiting_of(await floor.contact(queue.queue_id))
    assert waiting is not None and line_of(queue)
    proposals = [Match(waiting, ready, "longest_idle") for ready in (ready_of(each) for each in people) if ready]
    outcomes = await asyncio.gather(
        *(floor.run(offer_ops.make_offer, each) for each in proposals), return_exceptions=True
    )
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 1
    assert all(isinstance(each, DomainError) for each in outcomes if isinstance(each, BaseException))
    assert sum(isinstance(fact, OfferMade) for fact in floor.told) == 1


async def test_accept_and_hang_up_at_the_same_time_leave_one_truth(floor: Floor) -> None:
    for _ in range(5):
        offer, agent_id, contact = await floor.ringing()
        await asyncio.gather(
            floor.run(offer_ops.accept_offer, offer.offer_id, agent_id), floor.hang_up(contact), return_exceptions=True
        )
        state = (await floor.look(contact)).state
        agent = await floor.see(agent_id)
        assert (state, agent.state) in {
            (ContactState.WRAP_UP, AgentState.WRAP_UP), (ContactState.ABANDONED, AgentState.AVAILABLE),
        }  # fmt: skip
        await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
        floor.clock.advance(31)
        await floor.run(contact_ops.expire_wrap_ups)
