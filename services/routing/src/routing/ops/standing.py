"""How a queue stands for whoever would join it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.hours import Opening

from routing.domain import explaining, waiting
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.hours import opening
from routing.domain.offers import is_member
from routing.ledger import Ledger
from routing.ops.queues import get_queue
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as store
from routing.store import hours as hours_store
from routing.store import queues as queue_store


@dataclass(frozen=True)
class QueueStanding:
    """How many wait, how many agents at work could take the next, how many of them are free, and what the next would
    wait. `expected` is None when nobody at work could. `closed` is by the queue's business hours, `holiday` names
    the one that decides about them now."""

    waiting: int
    agents: int
    free: int
    expected: timedelta | None
    closed: bool = False
    holiday: str = ""


async def queue_standing(tx: Ledger, queue_id: str, now: datetime) -> QueueStanding:
    """Of a queue that is not deleted."""
    queue = await get_queue(tx, queue_id)
    newcomer = Contact("", Channel.VOICE, ContactState.QUEUED, queue_id, now, now)
    capacity = await capacity_store.find_rules(tx)
    stage, _ = explaining.stage_of(newcomer, queue, now)
    at_work = await agent_store.agents_at_work(tx)
    crew = [agent for agent in at_work if not explaining.unfit(agent, stage, newcomer, queue, capacity)]
    depth = len(await store.waiting_line(tx, queue_id))
    busy = set(await store.queues_with_waiting(tx)) | {queue_id}
    lines = [each for each in await queue_store.every_queue(tx) if each.queue_id in busy]
    free = sum(explaining.is_free(agent, newcomer, capacity) for agent in crew)
    told = waiting.estimate(
        position=depth + 1, depth=depth + 1, free=free, waited=timedelta(0),
        serving=sum(1 / max(1, sum(is_member(agent, each) for each in lines)) for agent in crew),
        handle_seconds=waiting.smoothed_handle_time(await store.last_handled(tx, queue_id, waiting.MEMORY)),
    )  # fmt: skip
    hours = await hours_store.find_hours(tx, queue.business_hours_id) if queue.business_hours_id else None
    now_open = opening(hours, now) if hours is not None else Opening(open=True, holiday="", change_time=None)
    return QueueStanding(depth, len(crew), free, told.expected, not now_open.open, now_open.holiday)
