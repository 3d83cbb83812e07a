"""The wallboard as values: a tile a queue, a total, agents by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from analytics.domain import kpis
from analytics.domain.intervals import NOTHING, Counters

STATES = ("AVAILABLE", "OFFERED", "ON_CONTACT", "WRAP_UP", "NOT_READY", "OFFLINE")
_MICROS = 1_000_000


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
class Waiting:
    """Who waits in a queue now."""

    depth: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class Tile:
    """A queue's present and its day so far."""

    queue: Queue
    waiting: Waiting
    day: Counters

    @property
    def service_level(self) -> float | None:
        """See `kpis.service_level`."""
        day = self.day
        return kpis.service_level(day.answered_within, day.answered, day.abandoned, day.short_abandoned)

    @property
    def asa(self) -> float | None:
        """See `kpis.asa`."""
        return kpis.asa(self.day.wait / _MICROS, self.day.answered)

    @property
    def aht(self) -> float | None:
        """See `kpis.aht`."""
        return kpis.aht(self.day.handled_time / _MICROS, self.day.handled)


@dataclass(frozen=True)
class Wallboard:
    """Everything on the wallboard."""

    total: Tile
    queues: Sequence[Tile]
    agents: Sequence[Agent]
    states: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """A wallboard with its place and the age of its data."""

    board: Wallboard
    sequence: int
    data_time: datetime | None
    compute_time: datetime


def build(
    queues: Sequence[Queue],
    waiting: Mapping[str, Waiting],
    day: Mapping[str, Counters],
    agents: Iterable[Agent],
    handled: Mapping[str, int],
) -> Wallboard:
    """The wallboard over who waits, a day's counters by queue, and the agents with what each handled."""
    shown = [replace(agent, handled=handled.get(agent.agent_id, 0)) for agent in agents]
    counted = Counter(agent.state for agent in shown)
    return Wallboard(
        total=_total(queues, waiting, day),
        queues=[Tile(q, waiting.get(q.queue_id, Waiting()), day.get(q.queue_id, NOTHING)) for q in queues],
        agents=shown,
        states={state: counted[state] for state in STATES},
    )


def _total(queues: Sequence[Queue], waiting: Mapping[str, Waiting], day: Mapping[str, Counters]) -> Tile:
    # Contacts of a queue that was deleted today stay in the total. Each was held to its own queue's threshold; one is
    # named only when all queues have the same.
    thresholds = {queue.threshold_seconds for queue in queues}
    whole = Counters()
    for counters in day.values():
        whole = whole.plus(counters)
    since = min((each.since for each in waiting.values() if each.since), default=None)
    depth = sum(each.depth for each in waiting.values())
    return Tile(Queue("", "", thresholds.pop() if len(thresholds) == 1 else 0), Waiting(depth, since), whole)
