"""Contacts for one agent, and one agent's question to another, against real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import InvalidInput
from kernel.ids import new_id
from routing.domain.agents import AgentNotAvailable, AgentNotFound, AgentState
from routing.domain.contacts import (
    Contact,
    ContactKind,
    ContactState,
)
from routing.domain.facts import (
    ContactDequeued,
    OfferMissed,
    OfferRescinded,
    WrapUpStarted,
)
from routing.domain.queues import OFFER_TIMEOUT, WRAP_UP_DURATION, Queue
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import queues as queue_ops
from routing.ops import waits
from routing.ops.contacts import WrapUp
from routing.store import contacts as contact_store

from .conftest import Floor, draft_contact


async def handed_on(floor: Floor, target: str, queue_id: str = "", **changes: Any) -> Contact:
    """A customer who is handed to one agent."""
    return await floor.contact(queue_id, kind=ContactKind.TRANSFER, target_agent_id=target, **changes)


async def asked(floor: Floor, about: Contact, asking: str, target: str = "", queue_id: str = "") -> Contact:
    """A question to an agent, or to a queue, about a contact at hand."""
    return await floor.contact(
        queue_id, kind=ContactKind.CONSULT, call_id=about.call_id, previous_contact_id=about.contact_id,
        target_agent_id=target, consulting_agent_id=asking,
    )  # fmt: skip


async def busy(floor: Floor, queue: Queue, name: str = "Orxan") -> tuple[str, Contact]:
    """An agent who talks, with the contact."""
    agent_id = await floor.agent(name)
    contact = await floor.contact(queue.queue_id, priority=9)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    return agent_id, await floor.look(contact)


# -- for one agent


async def test_contact_for_one_agent_waits_for_them_while_others_are_free(floor: Floor) -> None:
    queue = await floor.queue()
    target, talked = await busy(floor, queue)
    colleague = await floor.agent("Leyla")
    contact = await handed_on(floor, target)
    assert await floor.match() is None
    other = await floor.contact(queue.queue_id)
    assert (await floor.match() or pytest.fail()).agent_id == colleague, "the queue goes on"
    await floor.hang_up(talked)
    await floor.run(contact_ops.end_wrap_up, WrapUp(talked.contact_id, "", "", target))
    offer = await floor.match()
    assert offer is not None and (offer.agent_id, offer.contact_id) == (target, contact.contact_id)
    assert (offer.expire_time - offer.create_time, offer.queue_name) == (OFFER_TIMEOUT, "")
    assert (await floor.look(other)).state is ContactState.OFFERED


async def test_contact_without_a_queue_is_wrapped_up_by_the_usual_rules(floor: Floor) -> None:
    target = await floor.agent()
    contact = await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, target)
    outcome = await floor.run(queue_ops.create_disposition, "Sold")
    assert [each.disposition_id for each in (await floor.read(lambda tx: agent_ops.desktop(tx, target))).dispositions]
    await floor.hang_up(contact)
    wrapping = await floor.look(contact)
    assert wrapping.wrap_up_expire_time == floor.clock.now() + WRAP_UP_DURATION
    ended = await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, outcome.disposition_id, "", target))
    assert (ended.state, ended.disposition_id) == (ContactState.ENDED, outcome.disposition_id)


async def test_contact_for_one_agent_by_the_rules_of_a_queue_does_not_stand_in_its_line(floor: Floor) -> None:
    queue = await floor.queue(offer_timeout=timedelta(seconds=7), wrap_up_duration=timedelta(0))
    target, talked = await busy(floor, queue)
    direct = await handed_on(floor, target, queue.queue_id)
    other = await floor.contact(queue.queue_id)
    told = await floor.run(waits.estimate_wait, other.contact_id)
    assert (told.position, told.depth) == (1, 1)
    told = await floor.run(waits.estimate_wait, direct.contact_id)
    assert (told.position, told.depth, told.expected) == (1, 1, None)
    await floor.hang_up(talked)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.queue_name) == (direct.contact_id, "Sales")
    assert offer.expire_time - offer.create_time == timedelta(seconds=7)


@pytest.mark.parametrize(("answer", "reason"), [("decline", "offer_declined"), ("miss", "offer_missed")])
async def test_agent_who_does_not_take_what_is_for_them_ends_it_and_says_why(
    floor: Floor, answer: str, reason: str
) -> None:
    target, colleague = await floor.agent("Orxan"), await floor.agent("Leyla")
    contact = await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    floor.clock.advance(5)
    if answer == "decline":
        await floor.run(offer_ops.decline_offer, offer.offer_id, target)
    else:
        floor.clock.advance(30)
        await floor.run(offer_ops.expire_offers)
    ended = await floor.look(contact)
    assert (ended.state, ended.end_time, ended.agent_id) == (ContactState.ENDED, floor.clock.now(), "")
    assert floor.last(ContactDequeued) == ContactDequeued(ended, reason)
    assert (await floor.see(target)).state is AgentState.NOT_READY
    assert (await floor.see(colleague)).state is AgentState.AVAILABLE
    assert await floor.match() is None


async def test_contact_in_a_queue_that_one_agent_missed_goes_back_to_its_queue(floor: Floor) -> None:
    offer, _, contact = await floor.ringing()
    floor.clock.advance(30)
    await floor.run(offer_ops.expire_offers)
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert floor.last(OfferMissed).offer.offer_id == offer.offer_id
    assert "ContactDequeued" not in floor.names_told()


async def test_agent_whose_microphone_is_gone_while_it_rings_still_has_the_contact_waiting(floor: Floor) -> None:
    target = await floor.agent()
    contact = await handed_on(floor, target)
    assert await floor.match() is not None
    floor.clock.advance(1)
    await floor.run(agent_ops.detach_station, target, floor.clock.now())
    assert (await floor.look(contact)).state is ContactState.QUEUED
    floor.clock.advance(1)
    await floor.run(agent_ops.attach_station, target, new_id("stn", floor.clock.now()), floor.clock.now())
    await floor.run(agent_ops.set_state, target, AgentState.AVAILABLE, "")
    assert (await floor.match() or pytest.fail()).contact_id == contact.contact_id


async def test_agent_who_is_not_at_work_is_not_waited_for(floor: Floor, other_floor: Floor) -> None:
    target, stranger = await floor.agent(), await other_floor.agent()
    with pytest.raises(AgentNotFound):
        await handed_on(floor, stranger)
    await floor.run(agent_ops.set_state, target, AgentState.OFFLINE, "")
    with pytest.raises(AgentNotAvailable):
        await handed_on(floor, target)
    await floor.run(agent_ops.change_user, target, "Orxan", False, 2)
    with pytest.raises(AgentNotFound):
        await handed_on(floor, target)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "contact.queue_id"),
        ({"target_agent_id": "que_01m8697mv2r48mmynbq2ew6xq0"}, "contact.target_agent_id"),
        ({"target_agent_id": "me", "kind": ContactKind.OUTBOUND}, "contact.kind"),
        ({"target_agent_id": "me", "kind": ContactKind.CONSULT}, "contact.consulting_agent_id"),
        ({"target_agent_id": "me", "consulting_agent_id": "me"}, "contact.consulting_agent_id"),
        (
            {"target_agent_id": "me", "consulting_agent_id": "me", "kind": ContactKind.CONSULT},
            "contact.target_agent_id",
        ),
        ({"target_agent_id": "me", "previous_contact_id": "call_1"}, "contact.previous_contact_id"),
    ],
)
async def test_contact_that_makes_no_sense_is_refused_by_its_field(
    floor: Floor, changes: dict[str, Any], field: str
) -> None:
    me = await floor.agent()
    known = {name: me if value == "me" else value for name, value in changes.items()}
    with pytest.raises(InvalidInput) as error:
        await floor.contact("", **known)
    assert [each.field for each in error.value.fields] == [field]


# -- questions


async def test_question_and_customer_end_each_for_themselves(floor: Floor) -> None:
    queue = await floor.queue()
    asking, contact = await busy(floor, queue, "Aysel")
    answering = await floor.agent("Orxan")
    question = await asked(floor, contact, asking, answering)
    offer = await floor.match()
    assert offer is not None and offer.contact_id == question.contact_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, answering)
    floor.clock.advance(10)
    await floor.run(contact_ops.leave_call, question.contact_id, answering, floor.clock.now())
    assert (await floor.see(answering)).state is AgentState.WRAP_UP
    assert (await floor.see(asking)).state is AgentState.ON_CONTACT
    assert floor.last(WrapUpStarted).contact.contact_id == question.contact_id
    floor.clock.advance(10)
    await floor.hang_up(contact)
    assert (await floor.see(asking)).state is AgentState.WRAP_UP
    assert (await floor.look(question)).end_time == floor.clock.now() - timedelta(seconds=10)


async def test_customer_who_hangs_up_ends_the_question_of_every_state_and_nobody_has_abandoned_it(floor: Floor) -> None:
    queue = await floor.queue(open_to_all=False)
    asking = await floor.agent("Aysel", queues=[queue.queue_id])
    contact = await floor.contact(queue.queue_id)
    first = await floor.match()
    assert first is not None
    await floor.run(offer_ops.accept_offer, first.offer_id, asking)
    ringing_at = await floor.agent("Orxan")
    ringing = await asked(floor, contact, asking, ringing_at)
    assert (await floor.match() or pytest.fail()).agent_id == ringing_at
    waiting = await asked(floor, contact, asking, queue_id=queue.queue_id)
    await floor.hang_up(contact)
    assert {(await floor.look(each)).state for each in (ringing, waiting)} == {ContactState.ENDED}
    assert (await floor.see(ringing_at)).state is AgentState.AVAILABLE
    assert floor.last(OfferRescinded).offer.agent_id == ringing_at
    assert floor.last(ContactDequeued).reason == "call_ended"
    assert "ContactAbandoned" not in floor.names_told()


async def test_question_is_called_off_also_while_it_rings_but_not_once_it_is_answered(floor: Floor) -> None:
    queue = await floor.queue()
    asking, contact = await busy(floor, queue, "Aysel")
    answering = await floor.agent("Orxan")
    for accept in (False, True):
        question = await asked(floor, contact, asking, answering)
        offer = await floor.match()
        assert offer is not None
        if accept:
            await floor.run(offer_ops.accept_offer, offer.offer_id, answering)

        async def call_off(tx: Any, contact_id: str = question.contact_id) -> Contact:
            return await contact_ops.dequeue_contact(
                tx, contact_id, "cancelled", floor.clock.now(), rescind_offer=True
            )  # fmt: skip

        after = await floor.desk.run(floor.tenant_id, call_off)
        assert after.state is (ContactState.ON_CONTACT if accept else ContactState.ENDED)
        assert (await floor.see(answering)).state is (AgentState.ON_CONTACT if accept else AgentState.AVAILABLE)
    assert floor.last(ContactDequeued).reason == "cancelled"


async def test_handle_times_of_questions_and_of_calls_out_do_not_change_what_customers_are_told(floor: Floor) -> None:
    queue = await floor.queue(wrap_up_duration=timedelta(0))
    agent_id = await floor.agent()
    for seconds, changes in (
        (60, {}),
        (600, {"kind": ContactKind.CONSULT, "consulting_agent_id": new_id("usr", floor.clock.now())}),
    ):
        contact = await floor.contact(queue.queue_id, **changes)
        await floor.run(offer_ops.pick_up, contact.contact_id, agent_id)
        floor.clock.advance(seconds)
        await floor.hang_up(contact)
    draft = draft_contact(queue.queue_id, floor.clock.now(), kind=ContactKind.OUTBOUND)
    await floor.run(contact_ops.start_contact, draft, agent_id)
    floor.clock.advance(600)
    await floor.hang_up(draft)
    handled = await floor.read(lambda tx: contact_store.last_handled(tx, queue.queue_id, 50))
    assert handled == [timedelta(seconds=60)]
