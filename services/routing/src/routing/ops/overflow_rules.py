"""A queue's hours and overflow as they are saved: what they name is there, and no contact would go round in circles."""

from __future__ import annotations

from routing.domain.faults import fault
from routing.domain.hours import BusinessHoursNotFound
from routing.domain.overflow import loop_of
from routing.domain.queues import Queue, QueueNotFound
from routing.ledger import Ledger
from routing.store import hours as hours_store
from routing.store import queues as store


async def require_sound(tx: Ledger, queue: Queue, field: str) -> None:
    """BusinessHoursNotFound, QueueNotFound or InvalidInput with the place of what is missing or leads back."""
    if queue.business_hours_id and await hours_store.find_hours(tx, queue.business_hours_id) is None:
        raise BusinessHoursNotFound(
            f"{field}.business_hours_id names hours that do not exist", metadata={"fault": "HOURS_UNKNOWN"}
        )
    if not queue.overflow.queues_named:
        return
    queues = {each.queue_id: each for each in await store.every_queue(tx)} | {queue.queue_id: queue}
    targets = {each.queue_id: [rule.queue_id for rule in each.overflow.rules] for each in queues.values()}
    for index, rule in enumerate(queue.overflow.rules):
        place = f"{field}.overflow.rules[{index}].queue_id"
        if not rule.queue_id:
            continue
        if rule.queue_id not in queues:
            raise QueueNotFound(f"{place} names a queue that does not exist", metadata={"fault": "QUEUE_UNKNOWN"})
        loop = loop_of(queue.queue_id, targets | {queue.queue_id: [rule.queue_id]})
        if loop:
            way = " > ".join(queues[each].display_name for each in loop)
            wrong = f"leads back to this queue, and contacts must not go round: {way}"
            raise fault("LOOP", place, wrong, way=way)
