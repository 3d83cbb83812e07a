"""What can be said of a contact that waits: how long it may still wait, and why it does; and the steps that come
because it would wait too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from routing.domain import explaining, waiting
from routing.domain.agents import Agent
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import WAITING, Channel, Contact, ContactMoved, ContactState
from routing.domain.courses import Stage
from routing.domain.explaining import Explanation
from routing.domain.facts import ContactChanged
from routing.domain.offers import is_member
from routing.domain.queues import DIRECT, Queue
from routing.domain.waiting import Prospect, WaitEstimate
from routing.ledger import Ledger
from routing.ops.contacts import get_contact
from routing.ops.queues import rules_of
from routing.ops.saving import put_contact
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as store
from routing.store import departures as departure_store
from routing.store import held_back as held_back_store
from routing.store import offers as offer_store
from routing.store import queues as queue_store

_RINGS = Prospect(0.0, 1.0, 1_000_000)
"""Of a contact that rings: its agent is found."""


class Crew(NamedTuple):
    """Agents who could take what has come to a stage: shared among the queues they serve, and how many are free. Who
    rings along for a contact is: a colleague will have it."""

    serving: float
    free: int


@dataclass(frozen=True)
class QueueFloor:
    """What estimates of one queue go by, read once."""

    queue: Queue
    line: Sequence[Contact]
    """Who waits in it, first to last."""
    agents: Sequence[Agent]
    """Those at work."""
    busy_lines: Sequence[Queue]
    """Queues where anybody waits."""
    handle_seconds: float
    ring_along: Set[str] = frozenset()
    """Agents at whom a contact rings that rings at a better one as well."""
    capacity: CapacityRules = USUAL_RULES
    places: Mapping[str, int] = field(default_factory=dict)
    """Contact -> its position, from 1 on."""
    _crews: dict[tuple[Stage, Channel], Crew] = field(default_factory=dict)
    """Who has no capacity for a channel is none of its crew."""

    def estimate(self, contact: Contact, now: datetime) -> WaitEstimate:
        """Of one that waits in it."""
        position = self.places[contact.contact_id]
        before = self.line[: position - 1]
        rings = contact.state is ContactState.OFFERED
        stages = explaining.stages_ahead(contact, self.queue, now)
        prospects = (Prospect(begins, *self._crew(stage, contact)) for begins, stage in stages)
        return waiting.estimate(
            position=position, depth=len(self.line), prospects=[_RINGS] if rings else prospects,
            ringing=sum(each.state is ContactState.OFFERED for each in before),
            handle_seconds=self.handle_seconds, waited=_waited(contact, now),
        )  # fmt: skip

    def able(self, contact: Contact, now: datetime) -> list[Agent]:
        """Who at work could take it, now or by what still comes for it."""
        stages = [stage for _, stage in explaining.stages_ahead(contact, self.queue, now)]
        return [
            agent
            for agent in self.agents
            if not all(explaining.unfit(agent, each, contact, self.queue, self.capacity) for each in stages)
        ]

    def is_free(self, agent: Agent, contact: Contact) -> bool:
        """Whether somebody able could take it now."""
        return agent.agent_id in self.ring_along or explaining.is_free(agent, contact, self.capacity)

    def _crew(self, stage: Stage, contact: Contact) -> Crew:
        crew = self._crews.get((stage, contact.channel))
        if crew is None:
            able = [a for a in self.agents if not explaining.unfit(a, stage, contact, self.queue, self.capacity)]
            crew = self._crews[stage, contact.channel] = Crew(
                sum(1 / max(1, sum(is_member(agent, each) for each in self.busy_lines)) for agent in able),
                sum(self.is_free(agent, contact) for agent in able),
            )
        return crew


async def estimate_wait(tx: Ledger, contact_id: str, now: datetime) -> WaitEstimate:
    """Position and expected wait. ContactMoved when it no longer waits."""
    contact = await _waiting_contact(tx, contact_id)
    if contact.target_agent_id:
        return WaitEstimate(1, 1, None, None, None, _waited(contact, now))
    queues = {queue.queue_id: queue for queue in await queue_store.every_queue(tx)}
    floor = await floor_of(tx, queues.get(contact.queue_id, DIRECT), contact.queue_id, queues, now)
    return floor.estimate(contact, now)


async def estimate_arrival(tx: Ledger, arrival: Contact, now: datetime) -> WaitEstimate:
    """The same for somebody who would come to a queue now."""
    queues = {queue.queue_id: queue for queue in await queue_store.every_queue(tx)}
    queue = queues.get(arrival.queue_id, DIRECT)
    return (await floor_of(tx, queue, arrival.queue_id, queues, now, arrival)).estimate(arrival, now)


async def explain_contact(tx: Ledger, contact_id: str, now: datetime) -> Explanation:
    """Why it waits: what is asked for now and what keeps each agent from it; of one that left unanswered, how that was
    then, with the nearest agents. ContactMoved when it was answered."""
    contact = await get_contact(tx, contact_id)
    if contact.state not in WAITING:
        left = await departure_store.find_departure(tx, contact)
        if left is None:
            raise _moved(contact)
        return left
    queue = await rules_of(tx, contact.queue_id)
    line = await store.waiting_line(tx, contact.queue_id) if contact.queue_id else []
    agents, capacity = await agent_store.every_agent(tx), await capacity_store.find_rules(tx)
    held_back = await held_back_store.find_held_back(tx, now)
    return explaining.explained(contact, queue, agents, line, now, capacity, held_back)


async def fire_steps(tx: Ledger, now: datetime) -> int:
    """Have the steps come whose contacts are expected to wait too long; for how many contacts."""
    queues = {queue.queue_id: queue for queue in await queue_store.every_queue(tx)}
    fired = 0
    for queue in queues.values():
        if not queue.rules.watches_expected_wait:
            continue
        floor = await floor_of(tx, queue, queue.queue_id, queues, now)
        for each in floor.line:
            due = queue.rules.steps_over(floor.estimate(each, now).expected, each.fired_steps)
            if each.state is ContactState.QUEUED and due != each.fired_steps:
                before = await get_contact(tx, each.contact_id)
                if before.state is ContactState.QUEUED:
                    after = replace(before, fired_steps=before.fired_steps | due, version=before.version + 1)
                    await put_contact(tx, before, after, now)
                    tx.tell(ContactChanged(after))
                    fired += 1
    return fired


async def _waiting_contact(tx: Ledger, contact_id: str) -> Contact:
    contact = await get_contact(tx, contact_id)
    if contact.state not in WAITING:
        raise _moved(contact)
    return contact


def _moved(contact: Contact) -> ContactMoved:
    return ContactMoved("the contact no longer waits", metadata={"state": contact.state})


async def floor_of(
    tx: Ledger, queue: Queue, queue_id: str, queues: Mapping[str, Queue], now: datetime, also: Contact | None = None
) -> QueueFloor:
    """How a queue is now; `also` is a contact that might come to it and counts as waiting there."""
    waiting_there = await store.waiting_line(tx, queue_id)
    if also is not None and all(each.contact_id != also.contact_id for each in waiting_there):
        waiting_there.append(also)
    line = explaining.in_order(waiting_there, queue, now)
    busy = {*await store.queues_with_waiting(tx), *([queue_id] if also is not None else [])}
    return QueueFloor(
        queue, line, await agent_store.agents_at_work(tx) if queue.queue_id else [],
        [queues[each] for each in busy if each in queues],
        waiting.smoothed_handle_time(await store.last_handled(tx, queue_id, waiting.MEMORY)),
        frozenset(await offer_store.agents_ringing_along(tx)),
        await capacity_store.find_rules(tx),
        {contact.contact_id: number for number, contact in enumerate(line, 1)},
    )  # fmt: skip


def _waited(contact: Contact, now: datetime) -> timedelta:
    return max(now - contact.queue_time, timedelta(0))
