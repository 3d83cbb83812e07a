"""How a queue stands for whoever would join it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.hours import Opening

from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.hours import opening
from routing.ledger import Ledger
from routing.ops.queues import get_queue
from routing.ops.waits import floor_of
from routing.store import hours as hours_store
from routing.store import queues as queue_store

_NEWCOMER = "newcomer"
"""Behind whoever came in the same instant: contacts' ids begin with con_."""


@dataclass(frozen=True)
class QueueStanding:
    """How many wait, how many agents at work could take the next, now or by what still comes for it, how many of them
    are free, and what the next would wait. `expected` is None when nobody at work could. `closed` is by the queue's
    business hours, `holiday` names the one that decides about them now."""

    waiting: int
    agents: int
    free: int
    expected: timedelta | None
    closed: bool = False
    holiday: str = ""


async def queue_standing(tx: Ledger, queue_id: str, now: datetime) -> QueueStanding:
    """Of a queue that is not deleted."""
    queue = await get_queue(tx, queue_id)
    newcomer = Contact(_NEWCOMER, Channel.VOICE, ContactState.QUEUED, queue_id, now, now)
    queues = {each.queue_id: each for each in await queue_store.every_queue(tx)}
    floor = await floor_of(tx, queue, queue_id, queues, now, newcomer)
    able, told = floor.able(newcomer, now), floor.estimate(newcomer, now)
    hours = await hours_store.find_hours(tx, queue.business_hours_id) if queue.business_hours_id else None
    now_open = opening(hours, now) if hours is not None else Opening(open=True, holiday="", change_time=None)
    free = sum(floor.is_free(agent, newcomer) for agent in able)
    return QueueStanding(len(floor.line) - 1, len(able), free, told.expected, not now_open.open, now_open.holiday)
