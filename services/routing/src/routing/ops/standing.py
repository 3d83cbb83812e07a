"""How a queue stands for whoever would join it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from routing.domain import explaining, waiting
from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.offers import is_member
from routing.domain.queues import Queue
from routing.ledger import Ledger
from routing.ops.queues import get_queue
from routing.store import agents as agent_store
from routing.store import contacts as store
from routing.store import queues as queue_store


@dataclass(frozen=True)
class QueueStanding:
    """How many wait, how many agents at work could take the next, how many of them are free, and what the next would
    wait. `expected` is None when nobody at work could."""

    waiting: int
    agents: int
    free: int
    expected: timedelta | None


async def queue_standing(tx: Ledger, queue_id: str, now: datetime) -> QueueStanding:
    """Of a queue that is not deleted."""
    queue = await get_queue(tx, queue_id)
    crew = _crew(queue, await agent_store.agents_at_work(tx), now)
    depth = len(await store.waiting_line(tx, queue_id))
    busy = set(await store.queues_with_waiting(tx)) | {queue_id}
    lines = [each for each in await queue_store.every_queue(tx) if each.queue_id in busy]
    free = sum(agent.state is AgentState.AVAILABLE for agent in crew)
    told = waiting.estimate(
        position=depth + 1, depth=depth + 1, free=free, waited=timedelta(0),
        serving=sum(1 / max(1, sum(is_member(agent, each) for each in lines)) for agent in crew),
        handle_seconds=waiting.smoothed_handle_time(await store.last_handled(tx, queue_id, waiting.MEMORY)),
    )  # fmt: skip
    return QueueStanding(depth, len(crew), free, told.expected)


def _crew(queue: Queue, agents: Sequence[Agent], now: datetime) -> list[Agent]:
    """Who could take one that has just come."""
    newcomer = Contact("", Channel.VOICE, ContactState.QUEUED, queue.queue_id, now, now)
    stage, _ = explaining.stage_of(newcomer, queue, now)
    return [agent for agent in agents if not explaining.unfit(agent, stage, newcomer, queue)]
