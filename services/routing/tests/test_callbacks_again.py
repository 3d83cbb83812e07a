"""Who asks to be called back once more, at a number that has a callback already: the earlier place and time hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from routing.domain.callback_rules import CallbackRules
from routing.domain.callbacks import CallbackState, When
from routing.domain.contacts import ContactState
from routing.domain.facts import CallbackRescheduled, ContactChanged
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops

from .callers import NUMBER, accept, ask, wish
from .conftest import Floor

S = CallbackState


async def contact_of(floor: Floor, contact_id: str):
    return await floor.read(lambda tx: contact_ops.get_contact(tx, contact_id))


async def test_asking_again_keeps_the_older_place_and_says_so(floor: Floor) -> None:
    queue = await floor.queue()
    made = await ask(floor, queue.queue_id)
    floor.clock.advance(600)
    caller = await floor.contact(queue.queue_id, caller_number=NUMBER)
    draft = wish(queue.queue_id, previous_contact_id=caller.contact_id)
    again, known = await floor.run(ops.create_callback, draft, When())
    assert known and again == made
    assert (await floor.look(caller)).state is ContactState.ENDED
    other = await floor.queue("Service")
    assert (await ask(floor, other.queue_id)).callback_id != made.callback_id
    assert floor.names_told().count("CallbackRequested") == 2


async def test_caller_who_waited_is_called_back_at_their_place_though_their_number_had_one_for_another_month(
    floor: Floor,
) -> None:
    queue = await floor.queue()
    made = await ask(floor, queue.queue_id, When(floor.clock.now() + timedelta(days=29)))
    caller = await floor.contact(queue.queue_id, caller_number=NUMBER)
    floor.clock.advance(600)
    later = await floor.contact(queue.queue_id)
    draft = wish(queue.queue_id, previous_contact_id=caller.contact_id)
    again, known = await floor.run(ops.create_callback, draft, When())
    now = floor.clock.now()
    assert known and (again.callback_id, again.state) == (made.callback_id, S.WAITING)
    assert (again.place_time, again.due_time) == (caller.queue_time, now)
    assert again.expire_time == now + CallbackRules().time_to_live
    told = [name for name in floor.names_told() if name.startswith("Callback")]
    assert told == ["CallbackRequested", "CallbackRescheduled", "CallbackQueued"]
    await floor.agent()
    offer = await floor.match()
    assert offer is not None and offer.contact_id == again.contact_id
    assert (await floor.look(later)).state is ContactState.QUEUED


async def test_callback_in_line_moves_up_to_the_place_of_its_customer_who_waited_longer_also_while_it_rings(
    floor: Floor,
) -> None:
    queue = await floor.queue()
    caller = await floor.contact(queue.queue_id, caller_number=NUMBER)
    floor.clock.advance(60)
    between = await floor.contact(queue.queue_id)
    floor.clock.advance(60)
    made = await ask(floor, queue.queue_id)
    draft = wish(queue.queue_id, previous_contact_id=caller.contact_id)
    again, known = await floor.run(ops.create_callback, draft, When())
    assert known and (again.contact_id, again.place_time) == (made.contact_id, caller.queue_time)
    assert floor.last(CallbackRescheduled).callback == again
    assert floor.last(ContactChanged).contact.queue_time == caller.queue_time
    await floor.agent()
    offer = await floor.match()
    assert offer is not None and offer.contact_id == made.contact_id
    # A third call comes in while it rings at the agent, who says no: the place holds then too.
    earlier = replace(again, place_time=caller.queue_time - timedelta(seconds=30))
    await floor.run(contact_ops.move_up, made.contact_id, earlier.place_time)
    await floor.run(offer_ops.decline_offer, offer.offer_id, offer.agent_id)
    await floor.agent("Leyla")
    offer = await floor.match()
    assert offer is not None and offer.contact_id == made.contact_id
    assert (await contact_of(floor, made.contact_id)).queue_time == earlier.place_time
    assert (await floor.look(between)).state is ContactState.QUEUED


async def test_asking_again_for_a_later_time_puts_nothing_off(floor: Floor) -> None:
    queue = await floor.queue()
    made = await ask(floor, queue.queue_id)
    draft = wish(queue.queue_id)
    again, known = await floor.run(ops.create_callback, draft, When(floor.clock.now() + timedelta(days=2)))
    assert known and again == made and "CallbackRescheduled" not in floor.names_told()


async def test_asking_again_while_the_customer_is_being_called_changes_nothing(floor: Floor) -> None:
    queue = await floor.queue()
    caller = await floor.contact(queue.queue_id, caller_number=NUMBER)
    floor.clock.advance(1)
    await floor.agent()
    made = await ask(floor, queue.queue_id, priority=9)
    calling = await accept(floor)
    draft = wish(queue.queue_id, previous_contact_id=caller.contact_id)
    again, known = await floor.run(ops.create_callback, draft, When())
    assert known and (again, again.callback_id) == (calling, made.callback_id)
