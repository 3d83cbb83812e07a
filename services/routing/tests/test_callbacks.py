"""Callbacks against real PostgreSQL: their place, their attempts, their times."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import InvalidInput
from kernel.hours import Holiday, OpenInterval
from kernel.ids import new_id
from routing.domain.agents import AgentState, Reach
from routing.domain.callback_outcomes import Outcome
from routing.domain.callback_rules import CallbackRules, OnMachine
from routing.domain.callbacks import CallbackMoved, CallbackState, When
from routing.domain.contacts import CallOver, ContactKind, ContactNotFound, ContactState
from routing.domain.facts import ContactDequeued
from routing.domain.hours import BusinessHours
from routing.domain.overflow import Overflow, OverflowRule, Trigger
from routing.domain.queues import QueueNotFound, SkillInUse, SkillLevel
from routing.ops import agents as agent_ops
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import hours as hours_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow as overflow_ops
from routing.ops import queues as queue_ops

from .callers import NUMBER, accept, ask, attempt, dial, end, see, wish
from .conftest import NEVER, Floor

S = CallbackState


async def contact_of(floor: Floor, contact_id: str):
    return await floor.read(lambda tx: contact_ops.get_contact(tx, contact_id))


async def test_caller_hangs_up_and_keeps_their_place_before_those_who_came_later(floor: Floor) -> None:
    queue = await floor.queue()
    first = await floor.contact(queue.queue_id, caller_number=NUMBER, priority=2)
    floor.clock.advance(300)
    later = await floor.contact(queue.queue_id, priority=2)
    made = await ask(floor, queue.queue_id, previous_contact_id=first.contact_id)
    assert (made.state, made.place_time) == (S.WAITING, first.queue_time)
    assert (await floor.look(first)).state is ContactState.ENDED
    assert floor.last(ContactDequeued).reason == "callback"
    await floor.agent()
    offer = await floor.match()
    assert offer is not None and offer.contact_id == made.contact_id
    waits = await contact_of(floor, made.contact_id)
    assert (waits.kind, waits.priority, waits.call_id) == (ContactKind.CALLBACK, 2, "")
    assert (await floor.look(later)).state is ContactState.QUEUED


async def test_agent_accepts_calls_and_the_customer_who_answers_is_done(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    calling = await accept(floor)
    assert (calling.state, calling.agent_id) == (S.CALLING, agent_id)
    call_id = await dial(floor, calling)
    assert (await contact_of(floor, calling.contact_id)).call_id == call_id
    await end(floor, call_id, answered=True)
    after = await see(floor, made)
    assert (after.state, [each.outcome for each in after.attempts]) == (S.COMPLETED, [Outcome.ANSWERED])
    assert after.attempts[0].call_id == call_id
    assert (await floor.see(agent_id)).state is AgentState.WRAP_UP
    told = [name for name in floor.names_told() if name.startswith("Callback")]
    assert told == [
        "CallbackRequested", "CallbackQueued", "CallbackReleased", "CallbackAttempted", "CallbackCompleted",
    ]  # fmt: skip


async def test_end_of_the_call_that_is_heard_twice_counts_once(floor: Floor) -> None:
    queue = await floor.queue()
    await floor.agent()
    made = await ask(floor, queue.queue_id)
    call_id = await dial(floor, await accept(floor))
    for _ in range(3):
        await end(floor, call_id, "BUSY")
    assert len((await see(floor, made)).attempts) == 1


async def test_busy_customer_is_tried_again_from_the_same_place_and_then_given_up(floor: Floor) -> None:
    queue = await floor.queue(callbacks=CallbackRules(attempts=2, retry_after=timedelta(minutes=5)))
    await floor.agent()
    made = await ask(floor, queue.queue_id)
    tried = await attempt(floor, "BUSY")
    assert (tried.state, tried.place_time) == (S.SCHEDULED, made.place_time)
    assert await floor.match() is None
    floor.clock.advance(300)
    assert await floor.run(ops.keep_times) == 1
    again = await see(floor, made)
    waits = await contact_of(floor, again.contact_id)
    assert (waits.queue_time, waits.previous_contact_id) == (made.place_time, tried.attempts[0].contact_id)
    assert (await attempt(floor, "NO_ANSWER")).state is S.FAILED
    assert floor.names_told().count("CallbackAttempted") == 2 and "CallbackFailed" in floor.names_told()


async def test_machine_hears_a_message_when_no_attempt_is_left(floor: Floor) -> None:
    prompt_id = new_id("prm", floor.clock.now())
    rules = CallbackRules(attempts=2, on_machine=OnMachine.LEAVE_MESSAGE, message_prompt_id=prompt_id)
    queue = await floor.queue(callbacks=rules)
    await floor.agent()
    made = await ask(floor, queue.queue_id)
    for number, (on_machine, prompt, cause, state) in enumerate(
        [
            (OnMachine.HANG_UP, "", "ANSWERING_MACHINE", S.SCHEDULED),
            (OnMachine.LEAVE_MESSAGE, prompt_id, "MESSAGE_LEFT", S.COMPLETED),
        ]
    ):
        calling = await accept(floor)
        contact_id = calling.contact_id
        found = await floor.read(lambda tx, contact_id=contact_id: ops.callback_dial(tx, contact_id))
        assert (found.on_machine, found.prompt_id) == (on_machine, prompt)
        await end(floor, await dial(floor, calling), cause, answered=True)
        after = await see(floor, made)
        assert (after.state, len(after.attempts)) == (state, number + 1)
        floor.clock.advance(1000)
        await floor.run(contact_ops.expire_wrap_ups)
        await floor.run(ops.keep_times)


async def test_two_who_ask_at_once_for_one_number_get_one_callback(floor: Floor) -> None:
    queue = await floor.queue()
    found = await asyncio.gather(*(ask(floor, queue.queue_id) for _ in range(6)))
    assert len({each.callback_id for each in found}) == 1
    assert len(await floor.read(lambda tx: ops.list_callbacks(tx, ops.CallbackFilter(), 50, ""))) == 1


async def test_scheduled_callback_gets_in_line_when_it_is_due_behind_who_came_before(floor: Floor) -> None:
    queue = await floor.queue()
    due = floor.clock.now() + timedelta(days=3)
    made = await ask(floor, queue.queue_id, When(due))
    assert (made.state, await floor.run(ops.keep_times)) == (S.SCHEDULED, 0)
    floor.clock.advance(timedelta(days=3).total_seconds() - 60)
    caller = await floor.contact(queue.queue_id)
    floor.clock.advance(61)
    await floor.run(ops.keep_times)
    assert (await see(floor, made)).state is S.WAITING
    await floor.agent()
    offer = await floor.match()
    assert offer is not None and offer.contact_id == caller.contact_id


async def test_missed_offer_leaves_the_callback_in_line(floor: Floor) -> None:
    queue = await floor.queue()
    await floor.agent()
    made = await ask(floor, queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    floor.clock.advance(20)
    await floor.run(offer_ops.expire_offers)
    assert (await see(floor, made)).state is S.WAITING
    assert (await contact_of(floor, made.contact_id)).state is ContactState.QUEUED


async def test_agent_picks_a_callback_up_and_has_it_as_if_it_was_offered(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    await floor.run(offer_ops.pick_up, made.contact_id, agent_id)
    assert (await see(floor, made)).agent_id == agent_id


async def test_agent_who_is_away_is_no_agent_for_a_callback(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    await floor.run(agent_ops.set_reach, agent_id, Reach(timedelta(seconds=30), timedelta(0), True, False, 1))
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    await ask(floor, queue.queue_id)
    assert await floor.match() is None
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id


async def test_customer_who_can_not_be_called_costs_the_agent_no_wrap_up(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    calling = await accept(floor)
    for _ in range(2):
        await floor.run(ops.fail_call, calling.contact_id, agent_id)
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE
    after = await see(floor, made)
    assert (after.state, [each.outcome for each in after.attempts]) == (S.SCHEDULED, [Outcome.NOT_DIALLED])


async def test_agent_whose_call_never_begins_is_free_after_a_minute(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    calling = await accept(floor)
    floor.clock.advance(60)
    assert await floor.run(ops.keep_times) == 1
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE
    assert (await see(floor, made)).attempts[0].outcome is Outcome.NOT_DIALLED
    with pytest.raises(CallbackMoved):
        await dial(floor, calling)


async def test_call_that_begins_is_bound_once_and_by_its_agent_alone(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    await ask(floor, queue.queue_id)
    calling = await accept(floor)
    with pytest.raises(ContactNotFound):
        await floor.run(
            ops.begin_call, calling.contact_id, new_id("usr", floor.clock.now()), new_id("call", floor.clock.now())
        )
    over = new_id("call", floor.clock.now())
    await floor.run(contact_ops.end_call, over, floor.clock.now())
    with pytest.raises(CallOver):
        await floor.run(ops.begin_call, calling.contact_id, agent_id, over)
    call_id = await dial(floor, calling)
    await floor.run(ops.begin_call, calling.contact_id, agent_id, call_id)
    with pytest.raises(CallbackMoved, match="already"):
        await dial(floor, calling)
    await floor.run(ops.fail_call, calling.contact_id, agent_id)
    assert (await see(floor, calling)).state is S.CALLING


async def test_cancelled_callback_leaves_the_line_and_takes_a_ringing_offer_back(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    assert await floor.match() is not None
    await floor.run(ops.cancel_callback, made.callback_id, "the customer came by")
    after = await floor.run(ops.cancel_callback, made.callback_id, "again")
    assert (after.state, after.cancel_reason) == (S.CANCELLED, "the customer came by")
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE
    assert floor.names_told().count("CallbackCancelled") == 1
    assert (await ask(floor, queue.queue_id)).callback_id != made.callback_id


async def test_callback_an_agent_has_is_neither_cancelled_nor_moved(floor: Floor) -> None:
    queue = await floor.queue()
    await floor.agent()
    await ask(floor, queue.queue_id)
    calling = await accept(floor)
    with pytest.raises(CallbackMoved):
        await floor.run(ops.cancel_callback, calling.callback_id, "")
    with pytest.raises(CallbackMoved):
        await floor.run(ops.reschedule_callback, calling.callback_id, When(), 0)


async def test_rescheduled_callback_leaves_the_line_until_its_new_time(floor: Floor) -> None:
    queue = await floor.queue()
    made = await ask(floor, queue.queue_id)
    due = floor.clock.now() + timedelta(hours=5)
    after = await floor.run(ops.reschedule_callback, made.callback_id, When(due), made.version)
    assert (after.state, after.due_time, after.place_time, after.contact_id) == (S.SCHEDULED, due, due, "")
    assert (await contact_of(floor, made.contact_id)).state is ContactState.ENDED
    at_once = await floor.run(ops.reschedule_callback, made.callback_id, When(), 0)
    assert (at_once.state, at_once.place_time) == (S.WAITING, floor.clock.now())


async def test_callback_nobody_could_make_expires(floor: Floor) -> None:
    queue = await floor.queue(callbacks=CallbackRules(time_to_live=timedelta(hours=1)))
    made = await ask(floor, queue.queue_id)
    floor.clock.advance(3600)
    for count in (1, 0):
        assert await floor.run(ops.keep_times) == count
    assert (await see(floor, made)).state is S.EXPIRED
    assert (await contact_of(floor, made.contact_id)).state is ContactState.ENDED
    assert floor.names_told().count("CallbackExpired") == 1


async def test_queue_that_closes_holds_its_callbacks_until_it_opens(floor: Floor) -> None:
    now = floor.clock.now()
    minute = now.hour * 60 + now.minute
    opens = tuple(OpenInterval(day, max(0, minute - 30), min(1440, minute + 30)) for day in range(1, 8))
    hours = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", opens, (), NEVER))
    queue = await floor.queue(callbacks=CallbackRules(business_hours_id=hours.business_hours_id))
    made = await ask(floor, queue.queue_id)
    assert made.close_time is not None
    floor.clock.advance((made.close_time - floor.clock.now()).total_seconds())
    await floor.run(ops.keep_times)
    held = await see(floor, made)
    assert (held.state, held.place_time) == (S.SCHEDULED, made.place_time)
    with pytest.raises(InvalidInput, match="outside of the hours"):
        later = floor.clock.now() + timedelta(minutes=5)
        await ask(floor, queue.queue_id, When(later), number="+994501112233")
    floor.clock.advance((held.due_time - floor.clock.now()).total_seconds())
    await floor.run(ops.keep_times)
    again = await see(floor, made)
    assert (again.state, (await contact_of(floor, again.contact_id)).queue_time) == (S.WAITING, made.place_time)


@pytest.mark.parametrize(
    ("asked_hours", "expires_hours"),
    [(0.0, 24.0), (6.0, 24.0), (104.5, 191.5), (106.0, 192.0)],
    ids=["in the morning", "in the afternoon", "Friday before closing", "Friday night"],
)
async def test_callback_asked_for_before_a_weekend_is_made_after_it(
    floor: Floor, asked_hours: float, expires_hours: float
) -> None:
    """The queue is open Monday to Friday, 9 to 18; its callbacks have no hours of their own."""
    monday = floor.clock.now()
    assert (monday.isoweekday(), monday.hour) == (1, 9)
    weekdays = tuple(OpenInterval(day, 540, 1080) for day in range(1, 6))
    office = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", weekdays, (), NEVER))
    queue = await floor.queue(business_hours_id=office.business_hours_id)
    floor.clock.advance(asked_hours * 3600)
    made = await ask(floor, queue.queue_id)
    expected = timedelta(hours=expires_hours if asked_hours > 24 else asked_hours + expires_hours)
    assert (made.state, made.expire_time - monday) == (S.WAITING, expected)
    again = await floor.run(ops.reschedule_callback, made.callback_id, When(), 0)
    assert again.expire_time - monday == expected


async def test_hours_given_to_a_queue_that_had_none_hold_for_those_in_line(floor: Floor) -> None:
    now = floor.clock.now()
    opens = (OpenInterval(now.isoweekday() % 7 + 1, 0, 1440),)  # tomorrow alone
    hours = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", opens, (), NEVER))
    queue = await floor.queue()
    made, later = await ask(floor, queue.queue_id), now + timedelta(hours=1)
    planned = await ask(floor, queue.queue_id, When(later), number="+994501112233")
    rules = CallbackRules(business_hours_id=hours.business_hours_id)
    await floor.run(queue_ops.update_queue, queue.queue_id, {"callbacks": rules}, queue.version)
    assert await floor.run(ops.keep_times) == 1
    held = await see(floor, made)
    assert (held.state, held.place_time, held.due_time.date()) == (
        S.SCHEDULED, made.place_time, (now + timedelta(days=1)).date()
    )  # fmt: skip
    assert (await see(floor, planned)).due_time == later


async def test_a_day_off_that_is_decided_at_noon_holds_for_those_in_line(floor: Floor) -> None:
    opens = tuple(OpenInterval(day, 0, 1439) for day in range(1, 8))
    hours = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", opens, (), NEVER))
    queue = await floor.queue(callbacks=CallbackRules(business_hours_id=hours.business_hours_id))
    made, now = await ask(floor, queue.queue_id), floor.clock.now()
    off = {"holidays": (Holiday(now.date(), "Storm", ()),)}
    await floor.run(hours_ops.update_hours, hours.business_hours_id, off, hours.version)
    assert await floor.run(ops.keep_times) == 1
    held = await see(floor, made)
    assert (held.state, held.place_time, held.due_time.date()) == (
        S.SCHEDULED, made.place_time, (now + timedelta(days=1)).date()
    )  # fmt: skip


async def test_hours_taken_from_a_queue_no_longer_hold_those_in_line_back(floor: Floor) -> None:
    opens = tuple(OpenInterval(day, 0, 1439) for day in range(1, 8))
    hours = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", opens, (), NEVER))
    queue = await floor.queue(callbacks=CallbackRules(business_hours_id=hours.business_hours_id))
    made = await ask(floor, queue.queue_id)
    assert made.close_time is not None
    await floor.run(queue_ops.update_queue, queue.queue_id, {"callbacks": CallbackRules()}, queue.version)
    await floor.run(ops.keep_times)
    after = await see(floor, made)
    assert (after.state, after.close_time) == (S.WAITING, None)


async def test_callbacks_of_a_queue_that_is_gone_are_cancelled_at_once(floor: Floor) -> None:
    queue, other = await floor.queue(), await floor.queue("Other")
    made = await ask(floor, queue.queue_id, When(floor.clock.now() + timedelta(days=3)))
    stays = await ask(floor, other.queue_id, When(floor.clock.now() + timedelta(days=3)))
    await floor.run(queue_ops.delete_queue, queue.queue_id)
    assert await floor.run(ops.keep_times) == 1
    assert (await see(floor, stays)).state is S.SCHEDULED
    after = await see(floor, made)
    assert (after.state, after.cancel_reason) == (S.CANCELLED, "queue_deleted")
    with pytest.raises(QueueNotFound):
        await ask(floor, queue.queue_id)


@pytest.mark.parametrize(("minutes", "same", "kept"), [(9, True, True), (11, True, False), (0, False, False)])
async def test_place_is_of_one_line_and_of_nobody_who_left_it_long_ago(
    floor: Floor, minutes: int, same: bool, kept: bool
) -> None:
    queue, other = await floor.queue(), await floor.queue("Other")
    gone = await floor.contact(queue.queue_id)
    floor.clock.advance(60)
    await floor.run(contact_ops.end_call, gone.call_id, floor.clock.now())
    floor.clock.advance(60 * minutes)
    made = await ask(floor, queue.queue_id if same else other.queue_id, previous_contact_id=gone.contact_id)
    assert made.place_time == (gone.queue_time if kept else floor.clock.now())


async def test_caller_who_was_sent_on_by_overflow_keeps_their_place_in_the_line_they_came_to(floor: Floor) -> None:
    skill_id = (await floor.run(queue_ops.create_skill, "French")).skill_id
    support = await floor.queue("Support")
    sends = Overflow((OverflowRule(Trigger.AFTER_WAIT, timedelta(seconds=60), queue_id=support.queue_id),))
    queue = await floor.queue(overflow=sends)
    caller = await floor.contact(
        queue.queue_id, caller_number=NUMBER, required_skills=(SkillLevel(skill_id, 2),)
    )  # fmt: skip
    floor.clock.advance(60)
    assert (await floor.run(overflow_ops.send_on, caller.contact_id)).queue_id == support.queue_id
    floor.clock.advance(240)
    made = await ask(floor, queue.queue_id, previous_contact_id=caller.contact_id)
    assert made.place_time == caller.queue_time, "five minutes of waiting are not for nothing"
    assert made.required_skills == (SkillLevel(skill_id, 2),)


async def test_skill_a_callback_asks_for_stays(floor: Floor) -> None:
    await floor.hold_plan("pln", "skills")
    queue = await floor.queue()
    skill = await floor.run(queue_ops.create_skill, "French")
    await ask(floor, queue.queue_id, When(floor.clock.now() + timedelta(days=1)),
              required_skills=(SkillLevel(skill.skill_id, 3),))  # fmt: skip
    with pytest.raises(SkillInUse):
        await floor.desk.run(floor.tenant_id, lambda tx: queue_ops.delete_skill(tx, skill.skill_id))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": ""}, "callback.number"), ({"number": "0501234567"}, "callback.number"),
        ({"priority": 10}, "callback.priority"), ({"attributes": {"": "x"}}, "callback.attributes"),
        ({"time_zone": "Baku"}, "callback.time_zone"), ({"caller_name": "x" * 201}, "callback.caller_name"),
        ({"customer_id": "me"}, "callback.customer_id"),
    ],
)  # fmt: skip
async def test_callback_that_is_not_well_formed_is_refused_with_its_place(
    floor: Floor, changes: dict[str, Any], field: str
) -> None:
    queue = await floor.queue()
    with pytest.raises(InvalidInput) as error:
        await ask(floor, queue.queue_id, **changes)
    assert [each.field for each in error.value.fields] == [field]


async def test_offered_when_the_wait_is_long_or_nobody_is_at_work(floor: Floor) -> None:
    queue = await floor.queue()
    nobody = await floor.run(ops.callback_offer, wish(queue.queue_id))
    assert nobody.offered and nobody.expected is None
    await floor.agent()
    assert not (await floor.run(ops.callback_offer, wish(queue.queue_id))).offered
    for _ in range(3):
        await floor.contact(queue.queue_id)
    floor.clock.advance(1)
    found = await floor.run(ops.callback_offer, wish(queue.queue_id))
    assert found.offered and found.expected is not None and found.expected >= timedelta(minutes=2)


async def test_callback_of_a_caller_who_was_told_of_much_takes_over_what_there_is_room_for(floor: Floor) -> None:
    queue = await floor.queue()
    old = {f"old_{at}": "x" for at in range(64)}
    gone = await floor.contact(queue.queue_id, attributes=old)
    # What a flow keeps of a menu goes by the step's id.
    new = {f"menu.{'m' * 64}": "1", **{f"new_{at}": "y" for at in range(39)}}
    made = await ask(floor, queue.queue_id, previous_contact_id=gone.contact_id, attributes=new)
    assert len(made.attributes) == 64 and new.items() <= made.attributes.items() <= (old | new).items()
