"""Callers whose flow leads them out of a queue and back into it: they have waited already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kernel.ids import new_id
from routing.domain.contacts import Contact, ContactKind, ContactState
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.queues import Queue
from routing.domain.rules import Rules
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow as ops
from routing.ops import simulations

from .conftest import Floor, draft_contact

SECONDS = timedelta(seconds=1)


async def come(floor: Floor, queue: Queue, **changes: Any) -> Contact:
    return await floor.run(ops.enqueue_contact, draft_contact(queue.queue_id, floor.clock.now(), **changes))


async def left(floor: Floor, queue: Queue) -> Contact:
    """Who waited for two minutes and was offered something else for one."""
    contact = await come(floor, queue)
    floor.clock.advance(120)
    await floor.run(contact_ops.dequeue_contact, contact.contact_id, "max_wait")
    floor.clock.advance(60)
    return contact


def again(contact: Contact, **changes: Any) -> dict[str, Any]:
    return {"call_id": contact.call_id, "previous_contact_id": contact.contact_id, **changes}


async def test_who_declined_to_be_called_back_stands_before_those_who_came_meanwhile(floor: Floor) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=20 * SECONDS))
    contact = await left(floor, queue)
    await come(floor, queue)
    await floor.agent("Other")
    back = await come(floor, queue, **again(contact))
    assert back.queue_time == contact.queue_time
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.waited) == (back.contact_id, 180 * SECONDS)


async def test_preferred_agent_has_who_comes_back_for_as_long_as_anybody(floor: Floor) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=20 * SECONDS))
    contact, mine = await left(floor, queue), await floor.agent("Mine")
    back = await come(floor, queue, **again(contact, preferred_agent_id=mine))
    assert back.preferred_wait == 200 * SECONDS, "of which 180 are over"


async def test_nobody_has_anybody_elses_place_or_one_of_another_queue_or_of_long_ago(floor: Floor) -> None:
    queue, other = await floor.queue(), await floor.queue("Other")
    contact = await left(floor, queue)
    for into, changes in (
        (other, again(contact)), (queue, again(contact, call_id=new_id("call", floor.clock.now()))),
        (queue, again(contact, kind=ContactKind.TRANSFER)), (queue, {"call_id": contact.call_id}),
    ):  # fmt: skip
        assert (await come(floor, into, **changes)).queue_time == floor.clock.now()
    floor.clock.advance(601)
    assert (await come(floor, queue, **again(contact))).queue_time == floor.clock.now()


async def test_who_talked_with_an_agent_begins_anew(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    floor.clock.advance(30)
    await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, floor.clock.now())
    drafted = draft_contact(contact.queue_id, floor.clock.now(), **again(contact))
    assert (await floor.run(ops.enqueue_contact, drafted)).queue_time == floor.clock.now()


@pytest.mark.parametrize(
    "limit",
    [
        Overflow(max_wait=150 * SECONDS),
        Overflow((OverflowRule(Trigger.AFTER_WAIT, 150 * SECONDS, number="+994125550100"),)),
    ],
    ids=["longest wait", "to a number"],
)
async def test_where_their_place_would_send_them_out_at_once_they_wait_anew(floor: Floor, limit: Overflow) -> None:
    queue = await floor.queue(overflow=limit)
    contact = await left(floor, queue)
    back = await come(floor, queue, **again(contact))
    assert (back.state, back.queue_time) == (ContactState.QUEUED, floor.clock.now())


async def test_who_was_led_back_is_one_customer_of_a_day_that_is_played_again(floor: Floor) -> None:
    queue, begin = await floor.queue(), floor.clock.now()
    contact = await left(floor, queue)
    back = await come(floor, queue, **again(contact))
    floor.clock.advance(30)
    await floor.hang_up(back)
    day = await floor.read(lambda tx: simulations.recorded(tx, begin))
    assert [(each.contact_id, each.at, each.patience) for each in day.arrivals] == [(back.contact_id, 0.0, 210.0)]
