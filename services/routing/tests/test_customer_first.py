"""Callbacks that ring the customer before an agent, against real PostgreSQL: who is kept, offered, and as before."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import FailedPrecondition
from kernel.hours import OpenInterval
from kernel.ids import new_id
from routing.domain.agents import AgentState
from routing.domain.callback_outcomes import Outcome
from routing.domain.callback_rules import CallbackRules, CallOrder
from routing.domain.callbacks import Callback, CallbackMoved, CallbackState
from routing.domain.contacts import ContactState
from routing.domain.facts import ContactDequeued, OfferMade
from routing.domain.hours import BusinessHours
from routing.domain.offers import Offer, OfferNotPending
from routing.domain.overflow import Overflow
from routing.domain.queues import Queue
from routing.ops import agents as agent_ops
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import hours as hours_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow

from .callers import ask, dial, end, see
from .conftest import NEVER, Floor

S = CallbackState
CUSTOMER_FIRST = CallbackRules(order=CallOrder.CUSTOMER_FIRST, attempts=2, retry_after=timedelta(minutes=5))


async def queue_of(floor: Floor, **changes: Any) -> Queue:
    return await floor.queue(callbacks=CUSTOMER_FIRST, **changes)


async def kept(floor: Floor, made: Callback) -> tuple[Callback, Offer]:
    """What is matched next is this callback, and its agent is kept for it."""
    offer = await floor.match()
    assert offer is not None and offer.kept
    callback = await see(floor, made)
    assert callback.contact_id == offer.contact_id
    return callback, offer


async def ringing(floor: Floor) -> tuple[Callback, Offer, str]:
    """A customer who is rung, the offer an agent is kept by, and the call."""
    queue = await queue_of(floor)
    await floor.agent()
    callback, offer = await kept(floor, await ask(floor, queue.queue_id))
    return callback, offer, await dial(floor, callback)


async def contact_state(floor: Floor, callback: Callback) -> ContactState:
    return (await floor.read(lambda tx: contact_ops.get_contact(tx, callback.contact_id))).state


async def idle_since(floor: Floor, agent_id: str) -> tuple[AgentState, object]:
    agent = await floor.see(agent_id)
    return agent.state, agent.idle_since


async def test_agent_is_kept_while_the_customer_rings_and_offered_once_they_answered(floor: Floor) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    callback, offer = await kept(floor, made)
    assert (callback.state, callback.customer_first, callback.agent_id) == (S.CALLING, True, agent_id)
    assert (await floor.see(agent_id)).state is AgentState.OFFERED
    assert "OfferMade" not in floor.names_told() and "CallbackReleased" in floor.names_told()
    with pytest.raises(OfferNotPending, match="not answered yet"):
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    with pytest.raises(OfferNotPending):
        await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    assert (await floor.read(lambda tx: agent_ops.desktop(tx, agent_id))).offer is None
    call_id = await dial(floor, callback)
    floor.clock.advance(15)
    for _ in range(2):
        assert (await floor.run(ops.answer_call, callback.contact_id, call_id)).queue_id == queue.queue_id
    told = floor.last(OfferMade)
    assert (told.offer.offer_id, told.contact.call_id, told.offer.kept) == (offer.offer_id, call_id, False)
    assert told.offer.expire_time == floor.clock.now() + queue.offer_timeout
    assert floor.names_told().count("OfferMade") == floor.names_told().count("CallbackAnswered") == 1
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    await end(floor, call_id, answered=True)
    after = await see(floor, made)
    assert (after.state, [each.outcome for each in after.attempts]) == (S.COMPLETED, [Outcome.ANSWERED])
    assert (await floor.see(agent_id)).state is AgentState.WRAP_UP


@pytest.mark.parametrize("cause", ["NO_ANSWER", "BUSY", "UNREACHABLE", "ANSWERING_MACHINE"])
async def test_customer_who_is_not_reached_costs_the_agent_nothing_and_is_tried_again(floor: Floor, cause: str) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    before = await idle_since(floor, agent_id)
    made = await ask(floor, queue.queue_id)
    for count, state in ((1, S.SCHEDULED), (2, S.FAILED)):
        callback, _ = await kept(floor, made)
        call_id = await dial(floor, callback)
        floor.clock.advance(20)
        for _ in range(2):
            await end(floor, call_id, cause)
        assert await idle_since(floor, agent_id) == before, "their place among the idle is as before"
        after = await see(floor, made)
        assert (after.state, len(after.attempts), after.place_time) == (state, count, made.place_time)
        assert await contact_state(floor, callback) is ContactState.ENDED
        floor.clock.advance(300)
        await floor.run(ops.keep_times)
    assert not {"OfferMissed", "ContactAbandoned", "OfferMade"} & set(floor.names_told())
    assert floor.last(ContactDequeued).reason == "callback_not_reached"


@pytest.mark.parametrize("way", ["missed", "declined"])
async def test_customer_whose_agent_does_not_come_waits_at_the_front_for_the_next(floor: Floor, way: str) -> None:
    callback, offer, call_id = await ringing(floor)
    await floor.contact(callback.queue_id, priority=0)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    if way == "missed":
        floor.clock.advance(20)
        await floor.run(offer_ops.expire_offers)
    else:
        await floor.run(offer_ops.decline_offer, offer.offer_id, offer.agent_id)
    assert await contact_state(floor, callback) is ContactState.QUEUED
    assert (await see(floor, callback)).state is S.CALLING
    other = await floor.agent("Murad")
    again = await floor.match()
    assert again is not None and (again.contact_id, again.agent_id, again.kept) == (callback.contact_id, other, False)
    await floor.run(offer_ops.accept_offer, again.offer_id, other)
    assert (await see(floor, callback)).agent_id == other
    await end(floor, call_id, answered=True)
    assert [each.agent_id for each in (await see(floor, callback)).attempts] == [other]
    assert floor.names_told().count("CallbackReleased") == 1


async def test_customer_who_hangs_up_while_they_wait_is_called_again_at_their_place(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    floor.clock.advance(5)
    await end(floor, call_id)
    assert (await floor.see(offer.agent_id)).state is AgentState.AVAILABLE
    after = await see(floor, callback)
    assert (after.state, after.place_time) == (S.SCHEDULED, callback.place_time)
    assert [each.outcome for each in after.attempts] == [Outcome.HUNG_UP]
    assert "ContactAbandoned" in floor.names_told() and "OfferMissed" not in floor.names_told()


async def test_machine_sets_the_agent_free_at_once_and_is_left_its_message(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    for _ in range(2):
        await floor.run(ops.no_person, call_id)
    assert (await floor.see(offer.agent_id)).state is AgentState.AVAILABLE
    floor.clock.advance(600)
    assert await floor.run(ops.keep_times) == 0, "the message is still being left"
    await end(floor, call_id, "MESSAGE_LEFT")
    after = await see(floor, callback)
    assert (after.state, [each.outcome for each in after.attempts]) == (S.COMPLETED, [Outcome.MESSAGE_LEFT])


async def test_agent_who_goes_before_it_rings_leaves_the_callback_in_line(floor: Floor) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    callback, _ = await kept(floor, made)
    agent = await floor.see(agent_id)
    assert agent.station_time is not None
    await floor.run(agent_ops.detach_station, agent_id, agent.station_time)
    back = await see(floor, made)
    assert (back.state, back.attempts, back.contact_id) == (S.WAITING, (), made.contact_id)
    with pytest.raises(CallbackMoved):
        await dial(floor, callback)
    other = await floor.agent("Murad")
    again, _ = await kept(floor, made)
    assert again.agent_id == other
    # What the first release began comes late: it neither rings nor ends what the second one does.
    with pytest.raises(CallbackMoved):
        await dial(floor, callback)
    await floor.run(ops.fail_call, callback.contact_id, agent_id)
    assert (await see(floor, made)).state is S.CALLING
    await dial(floor, again)


async def test_agent_who_goes_while_it_rings_is_replaced_without_a_second_ring(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    agent = await floor.see(offer.agent_id)
    assert agent.station_time is not None
    await floor.run(agent_ops.detach_station, offer.agent_id, agent.station_time)
    assert (await see(floor, callback)).state is S.CALLING
    other = await floor.agent("Murad")
    again, _ = await kept(floor, callback)
    assert (again.agent_id, again.call_id) == (other, call_id)
    assert floor.names_told().count("CallbackReleased") == 1
    with pytest.raises(CallbackMoved, match="already"):
        await dial(floor, again)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    assert floor.last(OfferMade).offer.agent_id == other


@pytest.mark.parametrize("state", [AgentState.OFFLINE, AgentState.NOT_READY])
async def test_kept_agent_who_signs_off_is_gone_at_once_and_replaced(floor: Floor, state: AgentState) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    await kept(floor, made)
    await floor.run(agent_ops.set_state, agent_id, state, "")
    assert (await floor.see(agent_id)).state is state
    assert (await see(floor, made)).state is S.WAITING
    other = await floor.agent("Murad")
    assert (await kept(floor, made))[0].agent_id == other


async def test_kept_agent_who_signs_off_while_it_rings_is_replaced_without_a_second_ring(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    await floor.run(agent_ops.set_state, offer.agent_id, AgentState.OFFLINE, "")
    assert (await floor.see(offer.agent_id)).state is AgentState.OFFLINE
    other = await floor.agent("Murad")
    again, _ = await kept(floor, callback)
    assert (again.agent_id, again.call_id) == (other, call_id)
    assert floor.names_told().count("CallbackReleased") == 1


async def test_agent_who_signs_off_once_the_customer_has_answered_is_still_rung(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    await floor.run(agent_ops.set_state, offer.agent_id, AgentState.OFFLINE, "")
    assert (await floor.see(offer.agent_id)).state is AgentState.OFFERED
    await floor.run(offer_ops.accept_offer, offer.offer_id, offer.agent_id)


async def test_customer_who_answers_without_any_agent_left_waits_on_the_line(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    agent = await floor.see(offer.agent_id)
    assert agent.station_time is not None
    await floor.run(agent_ops.detach_station, offer.agent_id, agent.station_time)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    assert await contact_state(floor, callback) is ContactState.QUEUED
    await floor.agent("Murad")
    found = await floor.match()
    assert found is not None and (found.contact_id, found.kept) == (callback.contact_id, False)


async def test_call_that_never_begins_sets_the_kept_agent_free_after_a_minute(floor: Floor) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    before = await idle_since(floor, agent_id)
    made = await ask(floor, queue.queue_id)
    callback, _ = await kept(floor, made)
    floor.clock.advance(60)
    assert await floor.run(ops.keep_times) == 1
    assert await idle_since(floor, agent_id) == before
    assert (await see(floor, made)).attempts[0].outcome is Outcome.NOT_DIALLED
    with pytest.raises(CallbackMoved):
        await dial(floor, callback)


async def test_agent_is_kept_no_longer_than_it_may_ring_when_nobody_tells_what_came_of_it(floor: Floor) -> None:
    callback, offer, call_id = await ringing(floor)
    floor.clock.advance(60)
    assert await floor.run(ops.keep_times) == 1
    assert (await floor.see(offer.agent_id)).state is AgentState.AVAILABLE
    after = await see(floor, callback)
    assert [(each.outcome, each.call_id) for each in after.attempts] == [(Outcome.NO_ANSWER, call_id)]
    with pytest.raises(CallbackMoved):
        await floor.run(ops.answer_call, callback.contact_id, call_id)
    await end(floor, call_id)
    assert len((await see(floor, callback)).attempts) == 1


async def test_customer_who_can_not_be_called_leaves_the_kept_agent_as_idle_as_before(floor: Floor) -> None:
    queue = await queue_of(floor)
    agent_id = await floor.agent()
    before = await idle_since(floor, agent_id)
    made = await ask(floor, queue.queue_id)
    callback, _ = await kept(floor, made)
    for _ in range(2):
        await floor.run(ops.fail_call, callback.contact_id, agent_id)
    assert await idle_since(floor, agent_id) == before
    assert [each.outcome for each in (await see(floor, made)).attempts] == [Outcome.NOT_DIALLED]


async def test_nobody_picks_up_a_customer_who_rings_for_another(floor: Floor) -> None:
    callback, _, call_id = await ringing(floor)
    other = await floor.agent("Murad")
    with pytest.raises(CallbackMoved, match="for another agent"):
        await floor.run(offer_ops.pick_up, callback.contact_id, other)
    await floor.run(ops.answer_call, callback.contact_id, call_id)
    await floor.run(offer_ops.pick_up, callback.contact_id, other)
    assert (await see(floor, callback)).agent_id == other


async def test_agent_who_picks_one_up_from_the_line_calls_themselves(floor: Floor) -> None:
    queue = await queue_of(floor)
    made = await ask(floor, queue.queue_id)
    agent_id = await floor.agent()
    await floor.run(offer_ops.pick_up, made.contact_id, agent_id)
    after = await see(floor, made)
    assert (after.state, after.customer_first) == (S.CALLING, False)


async def test_answer_is_of_the_call_that_rings_and_of_no_other(floor: Floor) -> None:
    callback, _, _ = await ringing(floor)
    with pytest.raises(CallbackMoved):
        await floor.run(ops.answer_call, callback.contact_id, new_id("call", floor.clock.now()))
    assert "CallbackAnswered" not in floor.names_told()


async def test_two_calls_for_one_release_at_once_ring_once(floor: Floor) -> None:
    queue = await queue_of(floor)
    await floor.agent()
    callback, _ = await kept(floor, await ask(floor, queue.queue_id))
    found = await asyncio.gather(*(dial(floor, callback) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, str) for each in found) == 1


async def test_never_more_customers_ring_than_agents_are_kept(floor: Floor) -> None:
    queue = await queue_of(floor)
    for _ in range(2):
        await floor.agent()
    for number in range(5):
        await ask(floor, queue.queue_id, number=f"+99450000000{number}")
    while await floor.match() is not None:
        pass
    assert floor.names_told().count("CallbackReleased") == 2


async def test_callback_keeps_its_place_when_its_queue_sends_others_away(floor: Floor) -> None:
    queue = await queue_of(floor, overflow=Overflow(max_wait=timedelta(minutes=5)))
    made = await ask(floor, queue.queue_id)
    caller = await floor.contact(queue.queue_id)
    floor.clock.advance(3600)
    assert await floor.read(lambda tx: overflow.due(tx, floor.clock.now())) == [caller.contact_id]
    for contact_id in (made.contact_id, caller.contact_id):
        await floor.run(overflow.send_on, contact_id)
    assert await contact_state(floor, made) is ContactState.QUEUED
    assert (await floor.look(caller)).state is ContactState.ENDED


async def test_hours_a_queue_calls_back_within_are_not_deleted(floor: Floor) -> None:
    opens = tuple(OpenInterval(day, 0, 1440) for day in range(1, 8))
    hours = await floor.run(hours_ops.create_hours, BusinessHours("", "Office", "UTC", opens, (), NEVER))
    queue = await floor.queue("Loans", callbacks=CallbackRules(business_hours_id=hours.business_hours_id))
    deleting = floor.desk.run(floor.tenant_id, lambda tx: hours_ops.delete_hours(tx, hours.business_hours_id))
    with pytest.raises(FailedPrecondition, match="Loans calls back within these hours") as error:
        await deleting
    assert error.value.metadata["queue_id"] == queue.queue_id
