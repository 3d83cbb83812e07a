"""Agents who call somebody, or pick up what was not offered to them, against real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from routing.domain.agents import AgentNotAvailable, AgentNotFound, AgentState, StationMissing
from routing.domain.contacts import (
    CallOver,
    Contact,
    ContactKind,
    ContactMoved,
    ContactNotFound,
    ContactState,
    NotInQueue,
)
from routing.domain.facts import (
    ContactStarted,
    OfferAccepted,
    OfferMade,
    OfferRescinded,
)
from routing.domain.offers import OfferState
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops.contacts import WrapUp

from .conftest import Floor, draft_contact


async def dial(floor: Floor, agent_id: str, **changes: Any) -> Contact:
    draft = draft_contact("", floor.clock.now(), **{"kind": ContactKind.OUTBOUND} | changes)
    return await floor.run(contact_ops.start_contact, draft, agent_id)


# -- calls out


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.NOT_READY])
async def test_agent_who_calls_somebody_is_on_contact_at_once_and_back_where_they_were_afterwards(
    floor: Floor, state: AgentState
) -> None:
    await floor.contact((await floor.queue()).queue_id)
    agent_id = await floor.agent()
    await floor.run(agent_ops.set_state, agent_id, state, "break" if state is AgentState.NOT_READY else "")
    contact = await dial(floor, agent_id)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id) == (AgentState.ON_CONTACT, contact.contact_id)
    assert (contact.state, contact.kind, contact.agent_id) == (
        ContactState.ON_CONTACT, ContactKind.OUTBOUND, agent_id,
    )  # fmt: skip
    assert floor.last(ContactStarted).contact == contact
    assert await floor.match() is None
    floor.clock.advance(50)
    await floor.hang_up(contact)
    assert (await floor.see(agent_id)).state is AgentState.WRAP_UP
    await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", agent_id))
    after = await floor.see(agent_id)
    assert (after.state, after.reason) == (state, "break" if state is AgentState.NOT_READY else "")


async def test_agent_who_has_a_contact_or_is_not_at_work_calls_nobody(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    for act in (None, floor.run(offer_ops.accept_offer, offer.offer_id, agent_id), floor.hang_up(contact)):
        if act is not None:
            await act
        before = await floor.see(agent_id)
        with pytest.raises(AgentNotAvailable):
            await dial(floor, agent_id)
        assert await floor.see(agent_id) == before
    offline = await floor.agent()
    await floor.run(agent_ops.set_state, offline, AgentState.OFFLINE, "")
    with pytest.raises(AgentNotAvailable):
        await dial(floor, offline)
    with pytest.raises(AgentNotFound):
        await dial(floor, new_id("usr", floor.clock.now()))


async def test_call_that_is_over_before_its_contact_begins_holds_nobody(floor: Floor) -> None:
    agent_id = await floor.agent()
    draft = draft_contact("", floor.clock.now(), kind=ContactKind.OUTBOUND)
    await floor.hang_up(draft)
    with pytest.raises(CallOver):
        await floor.run(contact_ops.start_contact, draft, agent_id)
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE


async def test_two_calls_of_one_agent_at_once_make_one_contact(floor: Floor) -> None:
    agent_id = await floor.agent()
    outcomes = await asyncio.gather(*(dial(floor, agent_id) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, Contact) for each in outcomes) == 1
    assert sum(isinstance(each, AgentNotAvailable) for each in outcomes) == 3


async def test_question_can_not_begin_as_a_call_out(floor: Floor) -> None:
    agent_id = await floor.agent()
    for changes in ({"kind": ContactKind.CONSULT}, {"target_agent_id": agent_id}):
        with pytest.raises(InvalidInput):
            await dial(floor, agent_id, **changes)
    taken_over = await dial(floor, agent_id, kind=ContactKind.TRANSFER)
    assert taken_over.kind is ContactKind.TRANSFER


# -- pick-up


async def test_agent_picks_up_who_waits(floor: Floor) -> None:
    queue = await floor.queue(open_to_all=False)
    contact = await floor.contact(queue.queue_id)
    agent_id = await floor.agent(queues=[queue.queue_id])
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "paperwork")
    floor.clock.advance(12)
    offer, after = await floor.run(offer_ops.pick_up, contact.contact_id, agent_id)
    assert (offer.state, offer.queue_name, offer.waited) == (OfferState.ACCEPTED, "Sales", timedelta(seconds=12))
    assert (after.state, after.agent_id, after.answer_time) == (
        ContactState.ON_CONTACT, agent_id, floor.clock.now(),
    )  # fmt: skip
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.next_state) == (
        AgentState.ON_CONTACT, contact.contact_id, AgentState.NOT_READY,
    )  # fmt: skip
    assert floor.last(OfferAccepted) == OfferAccepted(offer, after)
    assert "OfferMade" not in floor.names_told()
    decisions = await floor.read(lambda tx: contact_ops.list_decisions(tx, contact.contact_id))
    assert [each.rule for each in decisions] == ["picked_up"]


async def test_agent_picks_up_what_rings_at_a_colleague_who_keeps_their_idle_time(floor: Floor) -> None:
    offer, colleague, contact = await floor.ringing()
    idle_since = (await floor.see(colleague)).idle_since
    other = await floor.agent("Leyla")
    floor.clock.advance(5)
    taken, _ = await floor.run(offer_ops.pick_up, contact.contact_id, other)
    assert taken.agent_id == other
    free = await floor.see(colleague)
    assert (free.state, free.idle_since, free.contact_id) == (AgentState.AVAILABLE, idle_since, "")
    assert floor.last(OfferRescinded).offer.offer_id == offer.offer_id
    assert (await floor.look(contact)).agent_id == other
    with pytest.raises(DomainError) as refused:
        await floor.run(offer_ops.accept_offer, offer.offer_id, colleague)
    assert refused.value.reason == "OFFER_TAKEN"


async def test_contact_of_another_queue_or_for_another_agent_is_not_picked_up(floor: Floor) -> None:
    queue = await floor.queue(open_to_all=False)
    contact = await floor.contact(queue.queue_id)
    stranger, target = await floor.agent("Stranger"), await floor.agent("Orxan")
    with pytest.raises(NotInQueue):
        await floor.run(offer_ops.pick_up, contact.contact_id, stranger)
    direct = await floor.contact("", kind=ContactKind.TRANSFER, target_agent_id=target)
    with pytest.raises(NotInQueue):
        await floor.run(offer_ops.pick_up, direct.contact_id, stranger)
    await floor.run(agent_ops.set_state, target, AgentState.NOT_READY, "lunch")
    await floor.run(offer_ops.pick_up, direct.contact_id, target)
    assert (await floor.see(target)).contact_id == direct.contact_id


async def test_pick_up_is_refused_with_a_reason_in_each_wrong_state(floor: Floor, other_floor: Floor) -> None:
    offer, talking, contact = await floor.talking()
    agent_id = await floor.agent("Leyla")
    for move in (None, floor.hang_up(contact), floor.run(contact_ops.end_wrap_up, _wrap(contact, talking))):
        if move is not None:
            await move
        with pytest.raises(ContactMoved):
            await floor.run(offer_ops.pick_up, contact.contact_id, agent_id)
    left = await floor.contact(offer.queue_id)
    await floor.hang_up(left)
    with pytest.raises(ContactMoved):
        await floor.run(offer_ops.pick_up, left.contact_id, agent_id)
    waiting = await floor.contact(offer.queue_id)
    with pytest.raises(ContactNotFound):
        await other_floor.run(offer_ops.pick_up, waiting.contact_id, await other_floor.agent())
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    with pytest.raises(AgentNotAvailable):
        await floor.run(offer_ops.pick_up, waiting.contact_id, agent_id)
    floor.clock.advance(1)
    await floor.run(agent_ops.detach_station, agent_id, floor.clock.now())
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "")
    with pytest.raises(StationMissing):
        await floor.run(offer_ops.pick_up, waiting.contact_id, agent_id)
    assert (await floor.look(waiting)).state is ContactState.QUEUED


async def test_agent_with_a_contact_at_hand_picks_up_nothing(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    waiting = await floor.contact(offer.queue_id)
    for act in (None, floor.run(offer_ops.accept_offer, offer.offer_id, agent_id), floor.hang_up(contact)):
        if act is not None:
            await act
        with pytest.raises(AgentNotAvailable):
            await floor.run(offer_ops.pick_up, waiting.contact_id, agent_id)


async def test_of_many_who_pick_up_at_once_one_has_it(floor: Floor) -> None:
    offer, colleague, contact = await floor.ringing()
    agents = [await floor.agent(f"Agent {n}") for n in range(4)]
    outcomes = await asyncio.gather(
        *(floor.run(offer_ops.pick_up, contact.contact_id, each) for each in agents),
        floor.run(offer_ops.accept_offer, offer.offer_id, colleague),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 1
    assert all(isinstance(each, DomainError) for each in outcomes if isinstance(each, BaseException))
    states = [(await floor.see(each)).state for each in (*agents, colleague)]
    assert sorted(states).count(AgentState.ON_CONTACT) == 1 and AgentState.OFFERED not in states
    assert sum(isinstance(fact, OfferAccepted) for fact in floor.told) == 1
    assert sum(isinstance(fact, OfferMade) for fact in floor.told) == 1


def _wrap(contact: Contact, agent_id: str) -> WrapUp:
    return WrapUp(contact.contact_id, "", "", agent_id)
