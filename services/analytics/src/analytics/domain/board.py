"""The wallboard as values: a tile a queue, a total, agents by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from analytics.domain import kpis
from analytics.domain.contacts import WAITING, Contact

STATES = ("AVAILABLE", "OFFERED", "ON_CONTACT", "WRAP_UP", "NOT_READY", "OFFLINE")


@dataclass(frozen=True)
class Queue:
    """A queue's name and threshold."""

    queue_id: str
    display_name: str
    threshold_seconds: int = 20


@dataclass(frozen=True)
class Agent:
    """An agent's state."""

    agent_id: str
    display_name: str
    state: str
    reason: str
    state_time: datetime
    handled: int = 0


@dataclass(frozen=True)
class Tile:
    """A queue's present and its day so far."""

    queue: Queue
    depth: int = 0
    longest_wait_since: datetime | None = None
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    answered_within: int = 0
    missed_offers: int = 0
    wait_seconds: float = 0.0
    handle_seconds: float = 0.0
    handled: int = 0

    @property
    def service_level(self) -> float | None:
        """See `kpis.service_level`."""
        return kpis.service_level(self.answered_within, self.answered, self.abandoned, self.short_abandoned)

    @property
    def asa(self) -> float | None:
        """See `kpis.asa`."""
        return kpis.asa(self.wait_seconds, self.answered)

    @property
    def aht(self) -> float | None:
        """See `kpis.aht`."""
        return kpis.aht(self.handle_seconds, self.handled)


@dataclass(frozen=True)
class Wallboard:
    """Everything on the wallboard."""

    total: Tile
    queues: Sequence[Tile]
    agents: Sequence[Agent]
    states: Mapping[str, int] = field(default_factory=dict)


def build(
    queues: Iterable[Queue], contacts: Sequence[Contact], agents: Sequence[Agent], missed: Mapping[str, int]
) -> Wallboard:
    """The wallboard over a day's contacts, the waiting ones whenever they came, and the agents."""
    by_queue: dict[str, list[Contact]] = {}
    for contact in contacts:
        by_queue.setdefault(contact.queue_id, []).append(contact)
    tiles = [tile(queue, by_queue.get(queue.queue_id, ()), missed.get(queue.queue_id, 0)) for queue in queues]
    handled = Counter(contact.agent_id for contact in contacts if contact.handled)
    counted = Counter(agent.state for agent in agents)
    return Wallboard(
        total=tile(Queue("", ""), contacts, sum(missed.values())),
        queues=tiles,
        agents=[replace(agent, handled=handled[agent.agent_id]) for agent in agents],
        states={state: counted[state] for state in STATES},
    )


def tile(queue: Queue, contacts: Sequence[Contact], missed: int) -> Tile:
    """One tile over the contacts of a queue."""
    waiting = [contact.queue_time for contact in contacts if contact.state in WAITING]
    answered = [contact for contact in contacts if contact.answered]
    handled = [contact for contact in answered if contact.handled]
    return Tile(
        queue=queue,
        depth=len(waiting),
        longest_wait_since=min(waiting, default=None),
        offered=len(contacts),
        answered=len(answered),
        abandoned=sum(contact.abandoned for contact in contacts),
        short_abandoned=sum(contact.short_abandon for contact in contacts),
        answered_within=sum(contact.within_threshold for contact in answered),
        missed_offers=missed,
        wait_seconds=sum(contact.wait.total_seconds() for contact in answered),
        handle_seconds=sum(contact.handle_time.total_seconds() for contact in handled),
        handled=len(handled),
    )
