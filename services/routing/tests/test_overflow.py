"""Contacts sent on, against real rows: when they come, while they wait, once, and never in circles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.hours import Holiday, OpenInterval
from kernel.ids import new_id
from routing.domain.agents import AgentState
from routing.domain.board import Board
from routing.domain.contacts import Channel, Contact, ContactKind, ContactState
from routing.domain.facts import ContactDequeued, ContactOverflowed
from routing.domain.hours import BusinessHours
from routing.domain.overflow import LeaveReason, Overflow, OverflowRule, Trigger
from routing.domain.queues import Queue, SkillLevel, WrapUpMode
from routing.domain.views import line_of, waiting_of
from routing.ledger import Desk
from routing.ops import agents as agent_ops
from routing.ops import hours as hours_ops
from routing.ops import overflow as ops
from routing.ops import queues as queue_ops
from routing.ops import standing

from .conftest import NEVER, Floor, draft_contact, refused

SECONDS = timedelta(seconds=1)
NUMBER = "+994125550100"


def after(seconds: float, queue: Queue) -> OverflowRule:
    return OverflowRule(Trigger.AFTER_WAIT, seconds * SECONDS, queue_id=queue.queue_id)


def when(trigger: Trigger, queue: Queue | None = None, **more: Any) -> OverflowRule:
    target: dict[str, Any] = {"queue_id": queue.queue_id} if queue else {"number": NUMBER}
    return OverflowRule(trigger, **target | more)


async def come(floor: Floor, queue: Queue, **changes: Any) -> Contact:
    return await floor.run(ops.enqueue_contact, draft_contact(queue.queue_id, floor.clock.now(), **changes))


async def look_round(floor: Floor) -> list[str]:
    """What the watch does each second; the ids of those sent on."""
    now = floor.clock.now()
    found = await floor.read(lambda tx: ops.due(tx, now))
    for contact_id in found:
        await floor.run(ops.send_on, contact_id)
    return found


async def office(floor: Floor) -> BusinessHours:
    """Open 10 to 18 UTC every day; it is 9 now."""
    intervals = tuple(OpenInterval(day, 600, 1080) for day in range(1, 8))
    return await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", intervals, (), NEVER))


async def test_a_queue_says_whether_it_is_open_and_which_holiday_decides(floor: Floor) -> None:
    hours = await office(floor)
    closed = await floor.queue("Closed", business_hours_id=hours.business_hours_id)
    always = await floor.queue("Always")
    assert (await floor.run(standing.queue_standing, closed.queue_id)).closed
    stands = await floor.run(standing.queue_standing, always.queue_id)
    assert (stands.closed, stands.holiday) == (False, ""), "without hours a queue is open"
    today = Holiday(floor.clock.now().date(), "Novruz", ())
    await floor.run(hours_ops.update_hours, hours.business_hours_id, {"holidays": (today,)}, 0)
    floor.clock.advance(2 * 3600)
    stands = await floor.run(standing.queue_standing, closed.queue_id)
    assert (stands.closed, stands.holiday) == (True, "Novruz")
    await floor.run(hours_ops.update_hours, hours.business_hours_id, {"holidays": ()}, 0)
    assert not (await floor.run(standing.queue_standing, closed.queue_id)).closed


async def test_contact_that_waited_long_enough_is_taken_to_the_other_queue_with_its_age(floor: Floor) -> None:
    support = await floor.queue("Support", open_to_all=False)
    sales = await floor.queue("Sales", open_to_all=False, overflow=Overflow((after(60, support),)))
    agent_id = await floor.agent(queues=[support.queue_id])
    first = await come(floor, sales)
    floor.clock.advance(59)
    late = await come(floor, support)
    assert await look_round(floor) == [] and first.queue_id == sales.queue_id
    floor.clock.advance(1)
    assert await look_round(floor) == [first.contact_id]
    moved = await floor.look(first)
    assert (moved.queue_id, moved.queue_time, moved.state) == (support.queue_id, first.queue_time, ContactState.QUEUED)
    (how,) = moved.overflows
    assert (how.from_queue_id, how.queue_id, how.rule, how.waited) == (
        sales.queue_id, support.queue_id, 0, 60 * SECONDS,
    )  # fmt: skip
    assert floor.last(ContactOverflowed).contact == moved
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (first.contact_id, agent_id), "it came first"
    assert (await floor.look(late)).state is ContactState.QUEUED
    assert await look_round(floor) == []


async def test_board_that_hears_of_it_offers_the_contact_to_the_other_queue(floor: Floor) -> None:
    support = await floor.queue("Support", open_to_all=False)
    sales = await floor.queue("Sales", open_to_all=False, overflow=Overflow((after(60, support),)))
    contact, board = await come(floor, sales), Board()
    for queue in (support, sales):
        board.put_line(line_of(queue))
    board.put_contact(waiting_of(contact))  # pyright: ignore[reportArgumentType]
    floor.clock.advance(60)
    await look_round(floor)
    board.put_contact(waiting_of(floor.last(ContactOverflowed).contact))  # pyright: ignore[reportArgumentType]
    assert [each.queue_id for each in board.waiting.values()] == [support.queue_id]


async def test_contact_that_rings_at_an_agent_is_left_there(floor: Floor) -> None:
    support = await floor.queue("Support")
    sales = await floor.queue("Sales", overflow=Overflow((after(10, support),)))
    await floor.agent()
    contact = await come(floor, sales)
    offer = await floor.match()
    floor.clock.advance(15)
    assert offer is not None and await look_round(floor) == []
    assert (await floor.run(ops.send_on, contact.contact_id)).state is ContactState.OFFERED


async def test_two_processes_send_a_contact_on_once(floor: Floor) -> None:
    support = await floor.queue("Support")
    sales = await floor.queue("Sales", overflow=Overflow((after(10, support),)))
    contact = await come(floor, sales)
    floor.clock.advance(10)
    now, told = floor.clock.now(), floor.told
    desks = [Desk(floor.desk.db, lambda _tenant, facts: told.extend(facts)) for _ in range(2)]
    await asyncio.gather(
        *(desk.run(floor.tenant_id, lambda tx: ops.send_on(tx, contact.contact_id, now)) for desk in desks)
    )
    assert floor.names_told().count("ContactOverflowed") == 1
    assert len((await floor.look(contact)).overflows) == 1


async def test_depth_counts_those_who_come_before_and_full_everybody(floor: Floor) -> None:
    support = await floor.queue("Support")
    sales = await floor.queue("Sales", overflow=Overflow((when(Trigger.DEPTH, support, depth=1),)))
    assert (await come(floor, sales)).queue_id == sales.queue_id
    floor.clock.advance(0.001)  # of two who come in one instant either may be first
    assert (await come(floor, sales)).queue_id == support.queue_id
    assert (await come(floor, sales, priority=9)).queue_id == sales.queue_id, "nobody comes before it"
    small = await floor.queue("Small", overflow=Overflow(max_waiting=1))
    assert (await come(floor, small)).state is ContactState.QUEUED
    turned_away = await come(floor, small, priority=9)
    assert (turned_away.state, turned_away.leave_reason) == (ContactState.ENDED, LeaveReason.FULL)
    assert floor.last(ContactDequeued).reason == "full"


async def test_expected_wait_sends_on_also_whoever_comes(floor: Floor) -> None:
    support = await floor.queue("Support")
    rule = when(Trigger.EXPECTED_WAIT, support, wait=200 * SECONDS)
    sales = await floor.queue("Sales", overflow=Overflow((rule,)))
    agent_id = await floor.agent()
    first = await come(floor, sales)
    assert first.queue_id == sales.queue_id, "somebody is free"
    assert (await come(floor, sales)).queue_id == sales.queue_id, "180 s for one agent"
    floor.clock.advance(0.001)  # of two who come in one instant either may be first
    assert (await come(floor, sales)).queue_id == support.queue_id, "360 s"
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    assert len(await look_round(floor)) == 2, "with nobody at work every wait is too long"


async def test_nobody_staffed_minds_skills_breaks_and_pages_that_are_loaded_anew(floor: Floor) -> None:
    french = (await floor.run(queue_ops.create_skill, "French")).skill_id
    needs = (SkillLevel(french, 3),)
    queue = await floor.queue("French", required_skills=needs, overflow=Overflow(leave_when_unstaffed=True))
    await floor.agent("Nobody's French")
    turned_away = await come(floor, queue)
    assert turned_away.leave_reason is LeaveReason.NOBODY_STAFFED
    agent_id = await floor.agent("Amélie", skills=needs)
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "")
    waits = await come(floor, queue)
    assert waits.state is ContactState.QUEUED, "at lunch is signed in"
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    floor.clock.advance(29)
    assert await look_round(floor) == []
    floor.clock.advance(1)
    assert await look_round(floor) == [waits.contact_id]
    assert (await floor.look(waits)).leave_reason is LeaveReason.NOBODY_STAFFED


async def test_who_closes_the_browser_and_goes_home_is_no_staff_for_callers(floor: Floor) -> None:
    queue = await floor.queue(overflow=Overflow(leave_when_unstaffed=True))
    agent_id = await floor.agent()
    attached = (await floor.see(agent_id)).station_time
    await floor.run(agent_ops.detach_station, agent_id, attached)
    waits = await come(floor, queue)
    floor.clock.advance(299)
    assert (await look_round(floor), waits.state) == ([], ContactState.QUEUED), "a network that comes back"
    floor.clock.advance(1)
    assert await look_round(floor) == [waits.contact_id]
    assert (await come(floor, queue)).leave_reason is LeaveReason.NOBODY_STAFFED
    await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
    assert (await come(floor, queue)).state is ContactState.QUEUED, "back at the desk, and about to be ready"


async def test_who_goes_home_from_a_break_with_the_browser_closed_is_no_staff_by_the_evening(floor: Floor) -> None:
    queue = await floor.queue(overflow=Overflow(leave_when_unstaffed=True))
    agent_id = await floor.agent()
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "Lunch")
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    floor.clock.advance(7199)
    assert (await come(floor, queue)).state is ContactState.QUEUED, "a machine may sleep while its agent eats"
    floor.clock.advance(1)
    assert (await come(floor, queue)).leave_reason is LeaveReason.NOBODY_STAFFED


async def test_who_goes_home_without_ending_wrap_up_is_no_staff_by_the_evening(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(
        wrap_up_mode=WrapUpMode.UNTIMED, overflow=Overflow(leave_when_unstaffed=True)
    )
    await floor.hang_up(contact)
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    assert (await floor.contact(contact.queue_id)).state is ContactState.QUEUED
    floor.clock.advance(7200)
    left = await floor.run(ops.enqueue_contact, draft_contact(contact.queue_id, floor.clock.now()))
    assert left.leave_reason is LeaveReason.NOBODY_STAFFED


async def test_who_answers_no_calls_is_no_staff_for_callers(floor: Floor) -> None:
    queue = await floor.queue(overflow=Overflow(leave_when_unstaffed=True))
    agent_id = await floor.agent()
    await floor.run(agent_ops.update_agent, agent_id, {"capacities": {Channel.VOICE: 0}}, 0)
    assert (await come(floor, queue)).leave_reason is LeaveReason.NOBODY_STAFFED
    await floor.run(agent_ops.update_agent, agent_id, {"capacities": {}}, 0)
    assert (await come(floor, queue)).state is ContactState.QUEUED


async def test_closed_queue_takes_nobody_unless_a_rule_sends_them_elsewhere_and_keeps_who_waits(floor: Floor) -> None:
    hours = await office(floor)
    support = await floor.queue("Support")
    closed = await floor.queue("Closed", business_hours_id=hours.business_hours_id)
    turned_away = await come(floor, closed)
    assert (turned_away.state, turned_away.leave_reason) == (ContactState.ENDED, LeaveReason.CLOSED)
    assert floor.names_told()[-2:] == ["ContactQueued", "ContactDequeued"]
    sends = Overflow((when(Trigger.CLOSED, support),))
    sending = await floor.queue("Sending", business_hours_id=hours.business_hours_id, overflow=sends)
    assert (await come(floor, sending)).queue_id == support.queue_id
    floor.clock.advance(timedelta(hours=8, minutes=59))
    waits, sent = await come(floor, closed), await come(floor, sending)
    assert (waits.state, sent.queue_id) == (ContactState.QUEUED, sending.queue_id), "open"
    floor.clock.advance(timedelta(minutes=1))
    assert await look_round(floor) == [sent.contact_id]
    assert (await floor.look(waits)).state is ContactState.QUEUED


async def test_longest_wait_and_an_outside_number_end_the_wait_and_say_why(floor: Floor) -> None:
    patient = await floor.queue("Patient", overflow=Overflow(max_wait=30 * SECONDS))
    number = OverflowRule(Trigger.AFTER_WAIT, 20 * SECONDS, number=NUMBER)
    outside = await floor.queue("Outside", overflow=Overflow((number,)))
    one, two = await come(floor, patient), await come(floor, outside)
    floor.clock.advance(20)
    assert await look_round(floor) == [two.contact_id]
    gone = await floor.look(two)
    assert (gone.state, gone.leave_reason, gone.overflows[0].number) == (
        ContactState.ENDED, LeaveReason.NUMBER, NUMBER,
    )  # fmt: skip
    assert (gone.end_time, floor.last(ContactDequeued).reason) == (floor.clock.now(), "number")
    floor.clock.advance(10)
    await look_round(floor)
    assert (await floor.look(one)).leave_reason is LeaveReason.MAX_WAIT


async def test_queue_that_would_send_the_contact_out_again_is_passed_over(floor: Floor) -> None:
    hours = await office(floor)
    closed = await floor.queue("Closed", business_hours_id=hours.business_hours_id)
    small = await floor.queue("Small", overflow=Overflow(max_waiting=1))
    impatient = await floor.queue("Impatient", overflow=Overflow(max_wait=60 * SECONDS))
    last = await floor.queue("Last")
    await come(floor, small)
    rules = (after(60, closed), after(60, small), after(60, impatient), after(90, last))
    sales = await floor.queue("Sales", overflow=Overflow(rules))
    contact = await come(floor, sales)
    floor.clock.advance(60)
    assert await look_round(floor) == []
    now = floor.clock.now()
    told = await floor.read(lambda tx: ops.checks(tx, contact.contact_id, now))
    assert [each.rejection for each in told.rules] == ["queue_closed", "queue_full", "queue_max_wait", "not_yet"]
    assert told.next_time == contact.queue_time + 90 * SECONDS
    floor.clock.advance(30)
    await look_round(floor)
    assert (await floor.look(contact)).queue_id == last.queue_id


async def test_contact_is_handed_through_several_queues_at_once(floor: Floor) -> None:
    hours = await office(floor)
    third = await floor.queue("Third")
    more: dict[str, Any] = {"business_hours_id": hours.business_hours_id}
    second = await floor.queue("Second", overflow=Overflow((when(Trigger.CLOSED, third),)), **more)
    first = await floor.queue("First", overflow=Overflow((when(Trigger.CLOSED, second),)), **more)
    contact = await come(floor, first)
    assert contact.queue_id == third.queue_id
    assert [each.queue_id for each in contact.overflows] == [second.queue_id, third.queue_id]


async def test_contact_never_comes_back_to_a_queue_whatever_is_saved_while_it_waits(floor: Floor) -> None:
    one = await floor.queue("One")
    two = await floor.queue("Two", overflow=Overflow((after(10, one),)))
    contact = await come(floor, two)
    floor.clock.advance(10)
    await look_round(floor)
    await floor.run(queue_ops.update_queue, two.queue_id, {"overflow": Overflow()}, 0)
    await floor.run(queue_ops.update_queue, one.queue_id, {"overflow": Overflow((after(10, two),))}, 0)
    floor.clock.advance(10)
    assert await look_round(floor) == []
    assert (await floor.look(contact)).queue_id == one.queue_id


async def test_contact_for_one_agent_and_an_agents_question_stay(floor: Floor) -> None:
    queue = await floor.queue(overflow=Overflow(max_wait=5 * SECONDS, max_waiting=1))
    agent_id, asks = await floor.agent("Leyla"), await floor.agent("Omid")
    direct = await come(floor, queue, target_agent_id=agent_id)
    question = await come(floor, queue, kind=ContactKind.CONSULT, consulting_agent_id=asks)
    again = await come(floor, queue, kind=ContactKind.CONSULT, consulting_agent_id=asks)
    floor.clock.advance(60)
    assert await look_round(floor) == []
    for contact in (direct, question, again):
        assert (await floor.look(contact)).state is ContactState.QUEUED


async def test_contact_nobody_of_the_other_queue_could_take_stays(floor: Floor) -> None:
    french = (await floor.run(queue_ops.create_skill, "French")).skill_id
    no_french = replace((await floor.queue("x")).rules, requirement="not French")
    other = await floor.queue("No French", rules=no_french)
    sales = await floor.queue("Sales", overflow=Overflow((after(10, other),)))
    contact = await come(floor, sales, required_skills=(SkillLevel(french, 1),))
    floor.clock.advance(10)
    assert await look_round(floor) == []
    now = floor.clock.now()
    checks = await floor.read(lambda tx: ops.checks(tx, contact.contact_id, now))
    assert [each.rejection for each in checks.rules] == ["impossible"]


async def test_loop_through_several_queues_is_refused_when_saved_with_its_place(floor: Floor) -> None:
    one = await floor.queue("One")
    two = await floor.queue("Two", overflow=Overflow((when(Trigger.NOBODY_STAFFED, one),)))
    three = await floor.queue("Three", overflow=Overflow((after(10, two),)))
    other = await floor.queue("Other")
    loop = {"overflow": Overflow((after(10, other), after(20, three)))}
    try:
        await floor.run(queue_ops.update_queue, one.queue_id, loop, 0)
    except InvalidInput as error:
        assert error.fields[0].field == "queue.overflow.rules[1].queue_id"
        assert "One > Three > Two > One" in str(error)
    else:
        raise AssertionError("contacts would go round")
    await floor.run(queue_ops.update_queue, one.queue_id, {"overflow": Overflow((after(10, other),))}, 0)


async def test_two_queues_saved_at_once_make_no_loop(floor: Floor) -> None:
    one, two = await floor.queue("One"), await floor.queue("Two")

    async def saved(queue: Queue, target: Queue) -> bool:
        try:
            await floor.run(queue_ops.update_queue, queue.queue_id, {"overflow": Overflow((after(10, target),))}, 0)
        except InvalidInput:
            return False
        return True

    assert sorted(await asyncio.gather(saved(one, two), saved(two, one))) == [False, True]


async def test_what_is_named_must_be_there_and_stays_while_it_is_named(floor: Floor, other_floor: Floor) -> None:
    now = floor.clock.now()
    theirs = await other_floor.queue()
    for queue in (replace(theirs, queue_id=new_id("que", now)), theirs):
        await refused(floor.queue(overflow=Overflow((after(10, queue),))), NotFound, "QUEUE_NOT_FOUND")
    their_hours = await office(other_floor)
    await refused(
        floor.queue(business_hours_id=their_hours.business_hours_id), NotFound, "BUSINESS_HOURS_NOT_FOUND"
    )  # fmt: skip
    hours, target = await office(floor), await floor.queue("Target")
    queue = await floor.queue(
        business_hours_id=hours.business_hours_id, overflow=Overflow((after(10, target),))
    )  # fmt: skip

    async def delete_hours(tx: Any, _now: datetime) -> None:
        await hours_ops.delete_hours(tx, hours.business_hours_id)

    await refused(floor.run(queue_ops.delete_queue, target.queue_id), FailedPrecondition, "QUEUE_IN_USE")
    await refused(floor.run(delete_hours), FailedPrecondition, "BUSINESS_HOURS_IN_USE")
    await floor.run(
        queue_ops.update_queue, queue.queue_id, {"overflow": Overflow(), "business_hours_id": ""}, 0
    )  # fmt: skip
    await floor.run(queue_ops.delete_queue, target.queue_id)
    await floor.run(delete_hours)


async def test_overflow_comes_back_as_it_was_written(floor: Floor) -> None:
    hours, target = await office(floor), await floor.queue("Target")
    overflow = Overflow(
        (
            after(10, target), when(Trigger.EXPECTED_WAIT, target, wait=90 * SECONDS), when(Trigger.DEPTH, depth=7),
            when(Trigger.CLOSED),
        ),
        400 * SECONDS, 30, True,
    )  # fmt: skip
    queue = await floor.queue(business_hours_id=hours.business_hours_id, overflow=overflow)
    assert await floor.read(lambda tx: queue_ops.get_queue(tx, queue.queue_id)) == queue
    assert queue.overflow == overflow
