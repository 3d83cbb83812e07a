"""What a caller may expect while the rules still widen for them, and while contacts ring, against real rows."""

from __future__ import annotations

from datetime import timedelta

from routing.domain.agents import AgentState
from routing.domain.contacts import Contact, ContactState
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.queues import Queue, SkillLevel
from routing.domain.rules import Change, ChangeKind, Level, Rules, Step, Strategy
from routing.ops import agents as agent_ops
from routing.ops import overflow as ops
from routing.ops import queues as queue_ops
from routing.ops import standing, waits

from .conftest import Floor, draft_contact

SECONDS = timedelta(seconds=1)
TOO_LONG = Overflow((OverflowRule(Trigger.EXPECTED_WAIT, 30 * SECONDS, number="+994125550100"),))


async def come(floor: Floor, queue: Queue, **changes: object) -> Contact:
    return await floor.run(ops.enqueue_contact, draft_contact(queue.queue_id, floor.clock.now(), **changes))


async def expected(floor: Floor, contact: Contact) -> timedelta | None:
    now = floor.clock.now()
    return (await floor.read(lambda tx: waits.estimate_wait(tx, contact.contact_id, now))).expected


async def test_caller_whose_preferred_agent_is_busy_waits_for_a_colleague_and_is_not_sent_away(floor: Floor) -> None:
    queue = await floor.queue(overflow=TOO_LONG, rules=Rules(preferred_wait=15 * SECONDS))
    preferred = await floor.agent("Aysel")
    talked_to = await floor.contact(queue.queue_id)
    assert await floor.match() is not None
    await floor.agent("Leyla")
    contact = await come(floor, queue, preferred_agent_id=preferred)
    assert contact.state is ContactState.QUEUED and talked_to.contact_id != contact.contact_id
    assert await expected(floor, contact) == 15 * SECONDS


async def test_list_whose_first_level_is_away_serves_by_the_next_one(floor: Floor) -> None:
    first, second = await floor.agent("Aysel"), await floor.agent("Leyla")
    await floor.run(agent_ops.set_state, first, AgentState.OFFLINE, "")
    rules = Rules(Strategy.LIST, levels=(Level((first,), 10 * SECONDS), Level((second,))))
    queue = await floor.queue(rules=rules, overflow=TOO_LONG)
    now = floor.clock.now()
    told = await floor.read(lambda tx: standing.queue_standing(tx, queue.queue_id, now))
    assert (told.agents, told.free, told.expected) == (1, 1, 10 * SECONDS)
    contact = await come(floor, queue)
    assert contact.state is ContactState.QUEUED and await expected(floor, contact) == 10 * SECONDS
    floor.clock.advance(10)
    assert await expected(floor, contact) == timedelta(0)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == second


async def test_skills_that_will_be_asked_for_no_more_count_from_then_on(floor: Floor) -> None:
    french = await floor.run(queue_ops.create_skill, "French")
    step = Step((Change(ChangeKind.REMOVE, french.skill_id),), after=60 * SECONDS)
    queue = await floor.queue(required_skills=(SkillLevel(french.skill_id, 3),), rules=Rules(steps=(step,)))
    await floor.agent()
    contact = await floor.contact(queue.queue_id)
    assert await expected(floor, contact) == 60 * SECONDS
    nobody = await floor.queue("Nobody", required_skills=(SkillLevel(french.skill_id, 3),))
    assert await expected(floor, await floor.contact(nobody.queue_id)) is None


async def test_contact_that_rings_at_three_leaves_two_for_who_comes_next(floor: Floor) -> None:
    queue = await floor.queue(overflow=TOO_LONG, rules=Rules(ring_agents=3))
    for name in ("Aysel", "Leyla", "Nigar"):
        await floor.agent(name)
    rings = await floor.contact(queue.queue_id)
    assert await floor.match() is not None
    assert await expected(floor, rings) == timedelta(0)
    floor.clock.advance(1)
    second, third = await come(floor, queue), await come(floor, queue)
    assert [each.state for each in (second, third)] == [ContactState.QUEUED] * 2
    assert [await expected(floor, each) for each in (second, third)] == [timedelta(0)] * 2
    floor.clock.advance(1)
    assert (await come(floor, queue)).state is ContactState.ENDED, "the fourth would wait for somebody to finish"
