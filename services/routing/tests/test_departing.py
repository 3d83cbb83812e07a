"""Why somebody was not answered, asked for after they left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kernel.errors import NotFound
from kernel.features import Feature
from kernel.ids import new_id
from merkez.routing.v1 import contact_service_pb2
from routing.domain.agents import AgentState
from routing.domain.callbacks import When
from routing.domain.contacts import Channel, Contact, ContactMoved, ContactState
from routing.domain.departing import MOST_KEPT
from routing.domain.explaining import Explanation
from routing.domain.overflow import LeaveReason, Overflow, OverflowRule, Trigger
from routing.domain.queues import SkillLevel
from routing.domain.rules import Change, ChangeKind, Level, Rules, Step, Strategy
from routing.ops import agents as agent_ops
from routing.ops import callbacks as callback_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow as overflow_ops
from routing.ops import queues as queue_ops
from routing.ops import waits

from .callers import NUMBER, wish
from .conftest import Edge, Floor, as_, refused

MINUTE = timedelta(minutes=1)


async def why(floor: Floor, contact: Contact) -> Explanation:
    return await floor.read(lambda tx: waits.explain_contact(tx, contact.contact_id, floor.clock.now()))


async def test_caller_gives_up_and_it_can_be_asked_for_what_kept_each_agent_from_them(floor: Floor) -> None:
    await floor.hold_plan("pro", *(each.value for each in Feature))
    french = await floor.run(queue_ops.create_skill, "French")
    step = Step((Change(ChangeKind.LOWER, french.skill_id, level=2),), after=MINUTE)
    queue = await floor.queue(
        rules=Rules(steps=(step,)), required_skills=(SkillLevel(french.skill_id, 4),), open_to_all=False
    )
    other = await floor.queue("Sales")
    serves = [queue.queue_id]
    at_lunch = await floor.agent("Aysel", skills=[SkillLevel(french.skill_id, 5)], queues=serves)
    await floor.run(agent_ops.set_state, at_lunch, AgentState.NOT_READY, "Lunch")
    beginner = await floor.agent("Rena", skills=[SkillLevel(french.skill_id, 1)], queues=serves)
    talks = await floor.agent("Leyla", skills=[SkillLevel(french.skill_id, 2)], queues=[*serves, other.queue_id])
    await floor.agent("Of another queue", queues=[other.queue_id])
    sale = await floor.contact(other.queue_id, preferred_agent_id=talks)
    offer = await floor.match()
    assert offer is not None and (offer.agent_id, offer.contact_id) == (talks, sale.contact_id)
    await floor.run(offer_ops.accept_offer, offer.offer_id, talks)
    await floor.contact(queue.queue_id)
    floor.clock.advance(1)
    contact = await floor.contact(queue.queue_id, priority=1)
    floor.clock.advance(30)
    important = await floor.contact(queue.queue_id, priority=9)
    floor.clock.advance(60)
    before = await why(floor, contact)
    left_at = floor.clock.now()
    await floor.hang_up(contact)
    floor.clock.advance(3600)
    await floor.run(agent_ops.set_state, at_lunch, AgentState.AVAILABLE, "")
    left = await why(floor, contact)
    assert (left.contact.state, left.time) == (ContactState.ABANDONED, left_at)
    assert (left.stage.requirement, left.stage.steps) == (before.stage.requirement, (0,))
    assert (left.ahead, left.points, left.counted_wait) == (before.ahead, before.points, before.counted_wait)
    assert left.ahead == 1 and important.priority > contact.priority
    assert [(each.agent_id, each.rejection) for each in left.agents] == [
        *sorted([(at_lunch, "state:NOT_READY:Lunch"), (talks, "state:ON_CONTACT")]),
        (beginner, f"proficiency_too_low:{french.skill_id}"),
    ]
    assert (left.agent_count, before.agent_count) == (3, 4), "of whoever serves the queue"


@pytest.mark.parametrize("way", ["dequeued", "longest wait", "to a number", "nobody staffed", "callback", "forwarded"])
async def test_whoever_leaves_unanswered_by_another_way_leaves_the_same_trace(floor: Floor, way: str) -> None:
    limits = {
        "longest wait": Overflow(max_wait=MINUTE),
        "to a number": Overflow(rules=(OverflowRule(Trigger.AFTER_WAIT, MINUTE, number="+994501112233"),)),
        "nobody staffed": Overflow(leave_when_unstaffed=True),
    }
    queue = await floor.queue(overflow=limits.get(way, Overflow()))
    agent_id = await floor.agent()
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    floor.clock.advance(60)
    now = floor.clock.now()
    if way == "nobody staffed":
        draft = Contact("", Channel.VOICE, ContactState.QUEUED, queue.queue_id, now, now, call_id=new_id("call", now))
        contact = await floor.run(overflow_ops.enqueue_contact, draft)
        assert contact.leave_reason is LeaveReason.NOBODY_STAFFED
    else:
        contact = await floor.contact(queue.queue_id, caller_number=NUMBER)
        floor.clock.advance(60)
        match way:
            case "callback":
                draft = wish(queue.queue_id, previous_contact_id=contact.contact_id)
                await floor.run(callback_ops.create_callback, draft, When())
            case "dequeued" | "forwarded":
                await floor.run(contact_ops.dequeue_contact, contact.contact_id, way)
            case _:
                await floor.run(overflow_ops.send_on, contact.contact_id)
    assert (await floor.look(contact)).state is ContactState.ENDED
    left = await why(floor, contact)
    assert [(each.agent_id, each.rejection) for each in left.agents] == [(agent_id, "state:OFFLINE")]
    assert left.time == floor.clock.now()


async def test_of_many_agents_the_nearest_are_kept_whoever_comes_first_by_name(floor: Floor) -> None:
    await floor.hold_plan("pro", *(each.value for each in Feature))
    french = await floor.run(queue_ops.create_skill, "French")
    queue = await floor.queue(required_skills=(SkillLevel(french.skill_id, 3),))
    crowd = [await floor.agent(f"Idle {number}") for number in range(MOST_KEPT + 1)]
    able = await floor.agent("Able", skills=[SkillLevel(french.skill_id, 3)])
    await floor.run(agent_ops.set_state, able, AgentState.NOT_READY, "Lunch")
    contact = await floor.contact(queue.queue_id)
    await floor.hang_up(contact)
    left = await why(floor, contact)
    assert left.agents[0].agent_id == able and len(left.agents) == MOST_KEPT
    assert left.agent_count == len(crowd) + 1


async def test_list_keeps_its_own_agents_with_the_trace(floor: Floor) -> None:
    first, second = await floor.agent("First"), await floor.agent("Second")
    await floor.run(agent_ops.set_state, first, AgentState.OFFLINE, "")
    levels = (Level((first,), 5 * MINUTE), Level((second,), MINUTE))
    queue = await floor.queue(rules=Rules(strategy=Strategy.LIST, levels=levels))
    contact = await floor.contact(queue.queue_id)
    floor.clock.advance(60)
    await floor.hang_up(contact)
    left = await why(floor, contact)
    assert {each.agent_id: each.rejection for each in left.agents} == {first: "state:OFFLINE", second: "later_level"}
    assert left.next_change_time == contact.queue_time + 5 * MINUTE


async def test_contact_for_one_agent_alone_leaves_what_kept_that_one(floor: Floor) -> None:
    agent_id = await floor.agent()
    await floor.agent("Somebody else")
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "Lunch")
    contact = await floor.contact("", target_agent_id=agent_id)
    await floor.hang_up(contact)
    left = await why(floor, contact)
    assert [(each.agent_id, each.rejection) for each in left.agents] == [(agent_id, "state:NOT_READY:Lunch")]
    assert (left.ahead, left.agent_count) == (0, 1)


async def test_who_was_answered_has_decisions_and_no_trace_of_having_left(floor: Floor) -> None:
    offer, agent_id, contact = await floor.talking()
    with pytest.raises(ContactMoved):
        await why(floor, contact)
    await floor.hang_up(contact)
    with pytest.raises(ContactMoved):
        await why(floor, contact)
    found = await floor.read(lambda tx: contact_ops.list_decisions(tx, contact.contact_id))
    assert [each.offer_id for each in found] == [offer.offer_id] and agent_id


async def test_supervisor_asks_after_the_call_and_nobody_of_another_company_can(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    queue = await floor.queue(overflow=Overflow(max_wait=5 * MINUTE))
    agent_id = await floor.agent()
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "Lunch")
    contact = await floor.contact(queue.queue_id)
    floor.clock.advance(60)
    await floor.hang_up(contact)
    request = contact_service_pb2.ExplainContactRequest(contact_id=contact.contact_id)
    with as_("supervisor", floor):
        left = await edge.contacts.ExplainContact(request)
        assert left.time.ToDatetime(floor.clock.now().tzinfo) == floor.clock.now()
        assert left.counted_wait.ToTimedelta() == MINUTE and not left.overflow_checks
        assert [each.rejection for each in left.agents] == ["state:NOT_READY:Lunch"]
    with as_("supervisor", other_floor):
        await refused(edge.contacts.ExplainContact(request), NotFound)
