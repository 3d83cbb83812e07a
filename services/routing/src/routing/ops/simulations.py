"""What a simulation is made of, read from the tenant's rows: queues with their rules, and a day that was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernel.errors import FieldViolation, InvalidInput

from routing.domain import days
from routing.domain.capacity import CapacityRules
from routing.domain.days import Crew, Traffic
from routing.domain.hall import House
from routing.domain.hours import BusinessHours
from routing.domain.keeping import kept_for
from routing.domain.queues import Queue, QueueNotFound
from routing.domain.simulating import MOST_CONTACTS, Day, Played
from routing.domain.views import line_of
from routing.ledger import Ledger
from routing.ops.queues import sound
from routing.store import agents as agent_store
from routing.store import callbacks as callback_store
from routing.store import capacity as capacity_store
from routing.store import contacts as contact_store
from routing.store import hours as hours_store
from routing.store import queues as store

MOST_VARIANTS, MOST_EXTRA = 4, 500
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Variant:
    """Queues with other rules, and agents more or fewer."""

    name: str
    queues: Sequence[Queue]
    extra_agents: int


async def recorded(tx: Ledger, begin: datetime) -> Day:
    """The contacts of the 24 hours from `begin` on, and who handled them."""
    contacts = await contact_store.queued_between(tx, begin, begin + _DAY, MOST_CONTACTS + 1)
    agents = {agent.agent_id: agent for agent in await agent_store.every_agent(tx)}
    callbacks = await callback_store.callbacks_of(tx, {contact.callback_id for contact in contacts} - {""})
    return days.recorded_day(contacts, agents, begin, kept_for(callbacks, contacts))


async def made_up(
    tx: Ledger, traffic: Sequence[Traffic], crews: Sequence[Crew], seed: int, begin: datetime | None
) -> Day:
    """A day that was made up, for queues that are there. QueueNotFound."""
    known = {queue.queue_id for queue in await store.every_queue(tx)}
    for index, each in enumerate(traffic):
        if each.queue_id not in known:
            raise QueueNotFound(f"synthetic.traffic[{index}].queue_id names a queue that does not exist")
    return days.made_up_day(traffic, crews, seed, begin)


async def to_play(tx: Ledger, day: Day, variants: Sequence[Variant]) -> list[Played]:
    """The day under the rules as they are, and under each variant's. InvalidInput, QueueNotFound."""
    if len(variants) > MOST_VARIANTS:
        raise InvalidInput.of("variants", f"are more than {MOST_VARIANTS}")
    queues = {queue.queue_id: queue for queue in await store.every_queue(tx)}
    # A queue that is gone since chose as its last rules say.
    for queue_id in {arrival.queue_id for arrival in day.arrivals} - set(queues):
        gone = await store.find_queue(tx, queue_id)
        if gone is not None:
            queues[queue_id] = gone
    hours, capacity = await _hours_of(tx, queues.values()), await capacity_store.find_rules(tx)
    played = [_played(day, queues, hours, capacity)]
    for index, variant in enumerate(variants):
        if not variant.name.strip() or len(variant.name) > 100:
            raise InvalidInput.of(f"variants[{index}].name", "must be 1 to 100 characters")
        if not -MOST_EXTRA <= variant.extra_agents <= MOST_EXTRA:
            raise InvalidInput.of(f"variants[{index}].extra_agents", f"must be -{MOST_EXTRA} to {MOST_EXTRA}")
        changed = dict(queues)
        for number, queue in enumerate(variant.queues):
            before = queues.get(queue.queue_id)
            if before is None:
                raise QueueNotFound(f"variants[{index}].queues[{number}].queue_id names a queue that does not exist")
            draft = replace(queue, create_time=before.create_time, update_time=before.update_time)
            changed[queue.queue_id] = await _sound(tx, draft, f"variants[{index}].queues[{number}]")
        hours |= await _hours_of(tx, changed.values())
        played.append(_played(days.with_agents(day, variant.extra_agents), changed, hours, capacity))
    return played


async def _sound(tx: Ledger, queue: Queue, place: str) -> Queue:
    """The queue as `sound` has it, but what is wrong is said of its place in the request: it isn't the only one."""
    try:
        return await sound(tx, queue)
    except InvalidInput as error:
        error.message = _placed(error.message, place)
        error.fields = tuple(FieldViolation(_placed(each.field, place), each.description) for each in error.fields)
        raise


async def _hours_of(tx: Ledger, queues: Iterable[Queue]) -> dict[str, BusinessHours]:
    named = {queue.business_hours_id for queue in queues} - {""}
    found = [await hours_store.find_hours(tx, hours_id) for hours_id in sorted(named)]
    return {hours.business_hours_id: hours for hours in found if hours is not None}


def _placed(said: str, place: str) -> str:
    return re.sub(r"^queue(?=\.)", place, said)


def _played(
    day: Day, queues: Mapping[str, Queue], hours: Mapping[str, BusinessHours], capacity: CapacityRules
) -> Played:  # fmt: skip
    house = House(
        {queue_id: line_of(queue) for queue_id, queue in queues.items()},
        {queue_id: queue.overflow for queue_id, queue in queues.items()},
        {each.queue_id: hours[each.business_hours_id] for each in queues.values() if each.business_hours_id in hours},
        # The day is played in another process, which a read-only mapping doesn't get to.
        replace(capacity, channels=dict(capacity.channels)),
    )
    return Played(
        day, house, {queue_id: queue.service_level_threshold.total_seconds() for queue_id, queue in queues.items()}
    )
