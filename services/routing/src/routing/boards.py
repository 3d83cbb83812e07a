"""The boards of this process: rebuilt from rows, fed by facts, compared with the rows again and again.

A fact of this process carries the whole value and is taken as it is. A fact of another replica only says that
something changed: the row is read. Versions keep late news from undoing newer ones.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.telemetry import log

from routing.domain import facts
from routing.domain.agents import Agent
from routing.domain.board import Board, Match, line_of, ready_of, waiting_of
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact
from routing.domain.facts import Fact
from routing.domain.queues import Queue
from routing.ledger import Desk, Ledger
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as contact_store
from routing.store import queues as queue_store

_REMEMBERED, _AT_ONCE = 20_000, 500


@dataclass(frozen=True)
class Snapshot:
    """What the rows say at one moment."""

    queues: Sequence[Queue]
    agents: Sequence[Agent]
    contacts: Sequence[Contact]
    capacity: CapacityRules | None = None


@dataclass(frozen=True)
class Versions:
    """The queues and capacities; and by id the versions of those who are on the board when it is true, and of agents
    who hold what may leave them room."""

    queues: Sequence[Queue]
    agents: Mapping[str, int]
    contacts: Mapping[str, int]
    capacity: CapacityRules


@dataclass
class TenantBoard:
    """One tenant's board with what it takes to keep it true. Whoever changes it says what time it is, in seconds since
    the epoch."""

    tenant_id: str
    board: Board = field(default_factory=Board)
    capacity: CapacityRules = USUAL_RULES
    loaded: bool = False
    seen: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Newest version known of each agent and contact, and so the ids changed lately."""
    in_flight: set[str] = field(default_factory=set)
    """Agents and contacts of an offer being written: not to be matched again meanwhile."""
    passed_by: set[str] = field(default_factory=set)
    """Those of them there was news of meanwhile."""
    unready: dict[str, int] = field(default_factory=dict)
    """Agents who may not be matched by this version of theirs: those without room beside what they hold among them."""
    ticks: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    """Id -> tick of its last change, while a snapshot is being read."""
    reading: int = 0
    used: float = 0.0

    def put_agent(self, agent: Agent) -> None:
        """The newest known of an agent."""
        if self._newest(agent.agent_id, agent.version):
            ready = ready_of(agent, self.capacity)
            if ready is None:
                self.board.drop_agent(agent.agent_id)
                self.unready[agent.agent_id] = agent.version
            elif not self._passes_by(agent.agent_id):
                self.board.put_agent(ready)

    def put_contact(self, contact: Contact, now: float) -> bool:
        """The newest known of a contact; False when its queue is not known here yet."""
        if not contact.target_agent_id and not self.board.knows(contact.queue_id):
            return waiting_of(contact) is None
        if self._newest(contact.contact_id, contact.version):
            waiting = waiting_of(contact)
            if waiting is None:
                self.board.drop_contact(contact.contact_id)
            elif not self._passes_by(contact.contact_id):
                self.board.put_contact(waiting, now)
        return True

    def settle(self, snapshot: Snapshot, since: int, now: float) -> None:
        """Take a snapshot whose reading began at tick `since`; what changed meanwhile is newer than it."""
        if snapshot.capacity is not None:
            self.capacity = snapshot.capacity
        for queue in snapshot.queues:
            self.board.put_line(line_of(queue), now)
        for agent in snapshot.agents:
            self.put_agent(agent)
        for contact in snapshot.contacts:
            self.put_contact(contact, now)
        self._keep({each.agent_id for each in snapshot.agents}, {each.contact_id for each in snapshot.contacts}, since)

    def compare(self, versions: Versions, since: int, now: float) -> tuple[list[str], list[str]]:
        """Take what needs no row, and say which agents and contacts are older here than their rows; as for `settle`,
        what changed since the reading began is newer than it."""
        for queue in versions.queues:
            self.board.put_line(line_of(queue), now)
        self._keep(set(versions.agents), set(versions.contacts), since)
        waiting = self.board.waiting
        return (
            self._older(versions.agents, self._version_of_agent),
            self._older(versions.contacts, lambda each: waiting[each].version if each in waiting else 0),
        )

    def _older(self, versions: Mapping[str, int], here: Callable[[str], int]) -> list[str]:
        return [
            entity_id
            for entity_id, version in versions.items()
            if here(entity_id) < version and entity_id not in self.in_flight
        ]

    def _version_of_agent(self, agent_id: str) -> int:
        stands = self.board.ready.get(agent_id) or self.board.held_back.get(agent_id)
        return stands.version if stands is not None else self.unready.get(agent_id, 0)

    def _keep(self, agents: Set[str], contacts: Set[str], since: int) -> None:
        for agent_id in {*self.board.ready, *self.board.held_back} - agents:
            if self.changed.get(agent_id, 0) <= since:
                self.board.drop_agent(agent_id)
        for agent_id in self.unready.keys() - agents:
            del self.unready[agent_id]
        for contact_id in set(self.board.waiting) - contacts:
            if self.changed.get(contact_id, 0) <= since:
                self.board.drop_contact(contact_id)

    def reserve(self, match: Match) -> None:
        """An offer for this match is being written."""
        self.in_flight |= _named(match)

    def release(self, match: Match) -> bool:
        """It was, or could not be; whether there was news of either meanwhile that has to be read again."""
        named = _named(match)
        self.in_flight -= named
        missed = bool(self.passed_by & named)
        self.passed_by -= named
        return missed

    def knows(self, entity_id: str, version: int) -> bool:
        """Whether this version, or a newer one, was seen here."""
        return self.seen.get(entity_id, 0) >= version

    def _passes_by(self, entity_id: str) -> bool:
        if entity_id in self.in_flight:
            self.passed_by.add(entity_id)
            return True
        return False

    def _newest(self, entity_id: str, version: int) -> bool:
        if version < self.seen.get(entity_id, 0):
            return False
        self.seen[entity_id] = version
        self.seen.move_to_end(entity_id)
        while len(self.seen) > _REMEMBERED:
            self.seen.popitem(last=False)
        self.ticks += 1
        if self.reading:
            self.changed[entity_id] = self.ticks
        return True


def _named(match: Match) -> set[str]:
    return {match.contact.contact_id, *(each.agent_id for each in match.agents)}


class Boards:
    """Every board of this process. `wake` is called with the tenant whose board may have a match now."""

    def __init__(self, desk: Desk, wake: Callable[[str], None]):
        self._desk, self._wake = desk, wake
        self._tenants: dict[str, TenantBoard] = {}
        self._loading: dict[str, asyncio.Lock] = {}

    @property
    def tenants(self) -> list[str]:
        """Whose boards are here."""
        return list(self._tenants)

    @property
    def in_flight(self) -> bool:
        """Whether any offer is being written."""
        return any(tenant.in_flight for tenant in self._tenants.values())

    def of(self, tenant_id: str) -> TenantBoard:
        """The tenant's board, empty and not loaded when it is new."""
        found = self._tenants.get(tenant_id)
        if found is None:
            found = self._tenants[tenant_id] = TenantBoard(tenant_id)
        found.used = self._desk.clock.monotonic()
        return found

    def drop(self, tenant_id: str) -> None:
        """Forget a board; it is rebuilt when the tenant is touched again."""
        self._tenants.pop(tenant_id, None)
        self._loading.pop(tenant_id, None)

    def idle_since(self, tenant_id: str) -> float | None:
        """Monotonic time of its last use when nothing stands on it, else None."""
        found = self._tenants[tenant_id]
        busy = found.board.ready or found.board.waiting or found.in_flight
        return None if busy else found.used

    def hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        """Facts of this process, right after their commit."""
        tenant = self.of(tenant_id)
        complete, now = tenant.loaded, self._now()
        for fact in told:
            if isinstance(fact, facts.QueueChanged):
                tenant.board.put_line(line_of(fact.queue), now)
            elif isinstance(fact, facts.QueueDeleted):
                tenant.board.drop_line(fact.queue_id)
            elif isinstance(fact, facts.AgentStateChanged | facts.AgentChanged):
                tenant.put_agent(fact.agent)
            elif isinstance(fact, facts.CapacityChanged):
                complete = False  # everybody is weighed anew
            elif not isinstance(fact, facts.CallbackFact):
                complete &= tenant.put_contact(fact.contact, now)
        if not complete:
            tenant.loaded = False
        self._wake(tenant_id)

    async def load(self, tenant_id: str) -> TenantBoard:
        """The tenant's board, true to the rows."""
        tenant = self.of(tenant_id)
        if not tenant.loaded:
            async with self._loading.setdefault(tenant_id, asyncio.Lock()):
                if not tenant.loaded:
                    await self._rebuild(tenant_id)
                    tenant.loaded = True
                    log.debug(
                        "board rebuilt", ready=len(tenant.board.ready), waiting=len(tenant.board.waiting)
                    )  # fmt: skip
        return tenant

    async def resync(self, tenant_id: str) -> None:
        """Compare the board with the rows' versions, and read those again that are older here."""
        tenant = self.of(tenant_id)
        if not tenant.loaded:  # nothing to compare: every row would be read again, a few at a time
            await self.load(tenant_id)
            return
        with self._reading(tenant) as since:
            versions = await self._desk.run(tenant_id, _versions, read_only=True)
            if versions.capacity != tenant.capacity:
                tenant.loaded = False  # everybody is weighed anew
                await self.load(tenant_id)
                return
            agents, contacts = tenant.compare(versions, since, self._now())
        for first in range(0, max(len(agents), len(contacts)), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            await self.reread(tenant_id, agents[some], contacts[some])

    async def _rebuild(self, tenant_id: str) -> None:
        tenant = self.of(tenant_id)
        with self._reading(tenant) as since:
            tenant.settle(await self._desk.run(tenant_id, _snapshot, read_only=True), since, self._now())

    @contextmanager
    def _reading(self, tenant: TenantBoard) -> Iterator[int]:
        """While rows are read: what changes meanwhile, after this tick, is newer than they are."""
        tenant.reading += 1
        try:
            yield tenant.ticks
        finally:
            tenant.reading -= 1
            if not tenant.reading:
                tenant.changed.clear()

    def _now(self) -> float:
        return self._desk.clock.now().timestamp()

    async def reread(self, tenant_id: str, agent_ids: Sequence[str], contact_ids: Sequence[str]) -> None:
        """Take these rows as they are now; a row that is gone leaves the board."""

        async def read(tx: Ledger) -> Snapshot:
            agents = await agent_store.find_agents(tx, agent_ids) if agent_ids else []
            contacts = await contact_store.find_contacts(tx, contact_ids) if contact_ids else []
            return Snapshot((), agents, contacts)

        tenant = self.of(tenant_id)
        found = await self._desk.run(tenant_id, read, read_only=True)
        for agent in found.agents:
            tenant.put_agent(agent)
        now = self._now()
        if not all([tenant.put_contact(contact, now) for contact in found.contacts]):
            tenant.loaded = False
        for contact_id in set(contact_ids) - {each.contact_id for each in found.contacts}:
            tenant.board.drop_contact(contact_id)
        self._wake(tenant_id)


async def _versions(tx: Ledger) -> Versions:
    return Versions(
        await queue_store.every_queue(tx),
        await agent_store.ready_versions(tx),
        await contact_store.queued_versions(tx),
        await capacity_store.find_rules(tx),
    )


async def _snapshot(tx: Ledger) -> Snapshot:
    return Snapshot(
        await queue_store.every_queue(tx),
        await agent_store.ready_agents(tx),
        await contact_store.queued_contacts(tx),
        await capacity_store.find_rules(tx),
    )
