"""Agents whose part in a call is over before the call is, against real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from chassis.sql import Database
from kernel.ids import new_id
from routing.domain.agents import AgentState
from routing.domain.contacts import (
    Contact,
    ContactKind,
)
from routing.domain.facts import (
    ContactAbandoned,
    ContactCorrected,
    ContactDequeued,
    ContactEnded,
)
from routing.domain.queues import Queue
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops.contacts import WrapUp
from testkit.clock import ManualClock

from .conftest import Floor, draft_contact, open_floor


async def busy(floor: Floor, queue: Queue, name: str = "Orxan") -> tuple[str, Contact]:
    """An agent who talks, with the contact."""
    agent_id = await floor.agent(name)
    contact = await floor.contact(queue.queue_id, priority=9)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    return agent_id, await floor.look(contact)


# -- leaving a call that goes on


async def test_agent_who_leaves_wraps_up_and_is_free_while_the_call_goes_on(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id, contact = await busy(floor, queue)
    floor.clock.advance(30)
    await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, floor.clock.now())
    assert (await floor.see(agent_id)).state is AgentState.WRAP_UP
    next_one = await floor.contact(queue.queue_id, kind=ContactKind.TRANSFER, call_id=contact.call_id)
    await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "sent on", agent_id))
    assert (await floor.match() or pytest.fail()).contact_id == next_one.contact_id
    changes = len(floor.told)
    await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, floor.clock.now())
    assert len(floor.told) == changes, "a repeat changes nothing"


async def test_news_of_another_agents_leaving_changes_nothing(floor: Floor) -> None:
    agent_id, contact = await busy(floor, await floor.queue())
    await floor.run(contact_ops.leave_call, contact.contact_id, await floor.agent(), floor.clock.now())
    await floor.run(contact_ops.leave_call, new_id("con", floor.clock.now()), agent_id, floor.clock.now())
    assert (await floor.see(agent_id)).state is AgentState.ON_CONTACT


@pytest.mark.parametrize("wrap_up", [timedelta(0), timedelta(seconds=30)])
async def test_agent_who_left_before_the_calls_end_has_left_then_whatever_is_heard_of_first(
    floor: Floor, wrap_up: timedelta
) -> None:
    queue = await floor.queue(wrap_up_duration=wrap_up)
    agent_id, contact = await busy(floor, queue)
    floor.clock.advance(10)
    left = floor.clock.now()
    floor.clock.advance(5)
    await floor.hang_up(contact)
    await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, left)
    after = await floor.look(contact)
    assert after.end_time == left and floor.last(ContactCorrected).contact == after
    assert after.wrap_up_end_time == (None if wrap_up else left)
    changes = len(floor.told)
    await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, left)
    assert len(floor.told) == changes


# -- several agents on one call, whatever is heard of first


@dataclass
class Scene:
    """A call as telephony knows it: who was on it, when each left, when it ended."""

    call_id: str
    leaves: list[tuple[Contact, str, datetime]]
    end: datetime
    waits: list[Contact]
    agents: list[str]

    @property
    def news(self) -> list[tuple[Contact, str, datetime] | None]:
        """Every fact about it, twice as a dead process may tell it; None is the call's end."""
        return [*self.leaves, None]


async def crowded(floor: Floor, wrap_up: timedelta) -> Scene:
    """A customer whose agent asked a colleague, handed them on, and who is with a third while a fourth is asked; each
    left at another time."""
    queue = await floor.queue(wrap_up_duration=wrap_up, open_to_all=False)
    first, asked_, third, outside, ringing = [await floor.agent(name) for name in ("A", "B", "C", "D", "E")]
    call_id = new_id("call", floor.clock.now())
    contacts: list[Contact] = []
    for agent_id, changes in (
        (first, {"kind": ContactKind.TRANSFER}),
        (asked_, {"kind": ContactKind.CONSULT, "consulting_agent_id": first}),
        (third, {"kind": ContactKind.TRANSFER}),
    ):
        contact = await floor.contact(queue.queue_id, call_id=call_id, target_agent_id=agent_id, **changes)
        await floor.run(offer_ops.pick_up, contact.contact_id, agent_id)
        contacts.append(contact)
    draft = draft_contact("", floor.clock.now(), call_id=call_id, kind=ContactKind.TRANSFER)
    contacts.append(await floor.run(contact_ops.start_contact, draft, outside))
    waits = [
        await floor.contact("", call_id=call_id, target_agent_id=ringing, kind=ContactKind.TRANSFER),
        await floor.contact(queue.queue_id, call_id=call_id, kind=ContactKind.CONSULT, consulting_agent_id=third),
    ]
    assert await floor.match() is not None
    leaves: list[tuple[Contact, str, datetime]] = []
    for contact, agent_id in zip(contacts[:3], (first, asked_, third), strict=True):
        floor.clock.advance(10)
        leaves.append((contact, agent_id, floor.clock.now()))
    floor.clock.advance(10)
    return Scene(call_id, leaves, floor.clock.now(), [*waits, contacts[3]], [first, asked_, third, outside, ringing])


@pytest.mark.parametrize("wrap_up", [timedelta(0), timedelta(seconds=30)])
async def test_each_agents_contact_ends_once_and_at_its_time_in_whatever_order_the_news_comes(
    db: Database, clock: ManualClock, wrap_up: timedelta
) -> None:
    outcomes: set[str] = set()
    for order in permutations(range(4)):
        floor = open_floor(db, clock)
        scene = await crowded(floor, wrap_up)
        began = clock.now()
        for index in (*order, *order):
            news = scene.news[index]
            if news is None:
                await floor.run(contact_ops.end_call, scene.call_id, scene.end)
            else:
                contact, agent_id, left = news
                await floor.run(contact_ops.leave_call, contact.contact_id, agent_id, left)
        everybody = [each for each, _, _ in scene.leaves] + scene.waits
        found = [await floor.look(each) for each in everybody]
        people = [await floor.see(each) for each in scene.agents]
        outcomes.add(str([(each.state, _since(each.end_time, began), each.agent_id != "") for each in found]))
        assert [each.end_time for each in found[:3]] == [left for _, _, left in scene.leaves]
        assert not {AgentState.ON_CONTACT, AgentState.OFFERED} & {each.state for each in people}
        clock.advance(100)
        await floor.run(contact_ops.expire_wrap_ups)
        assert {(await floor.see(each)).state for each in scene.agents} == {AgentState.AVAILABLE}
        ends = Counter(
            fact.contact.contact_id
            for fact in floor.told
            if isinstance(fact, ContactEnded | ContactAbandoned | ContactDequeued)
        )
        assert ends == {each.contact_id: 1 for each in everybody}
    assert len(outcomes) == 1


def _since(time: datetime | None, began: datetime) -> float | None:
    return None if time is None else (time - began).total_seconds()
