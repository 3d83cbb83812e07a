"""Ringing several, against real PostgreSQL: every race has one winner, and whoever loses it loses nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import DomainError
from kernel.ids import new_id
from routing.domain.agents import Agent, AgentState, Reach
from routing.domain.callback_rules import CallbackRules, CallOrder
from routing.domain.callbacks import CallbackState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.facts import OfferAccepted, OfferMade, OfferMissed, OfferRescinded
from routing.domain.offers import DecisionStale, Offer, OfferState, RescindReason
from routing.domain.overflow import Overflow
from routing.domain.queues import Queue, WrapUpMode
from routing.domain.rules import Rules, Strategy
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as ops
from routing.ops import overflow
from routing.ops.contacts import WrapUp
from routing.store import offers as store

from .callers import ask, see
from .conftest import Floor

THREE = Rules(ring_agents=3)


async def ring_of(floor: Floor, contact: Contact) -> list[Offer]:
    return await floor.read(lambda tx: store.pending_offers(tx, contact.contact_id))


async def ringing(floor: Floor, count: int = 3, **changes: Any) -> tuple[list[Offer], Contact, Queue]:
    """A queue that rings at three, so many agents of whom the first is idle for longest, and a caller."""
    queue = await floor.queue(rules=THREE, **changes)
    for number in range(count):
        await floor.agent(f"Agent {number}")
        floor.clock.advance(1)
    contact = await floor.contact(queue.queue_id)
    assert await floor.match() is not None
    ring = await ring_of(floor, contact)
    assert len(ring) == min(count, 3)
    return ring, contact, queue


async def accept(floor: Floor, offer: Offer) -> None:
    await floor.run(ops.accept_offer, offer.offer_id, offer.agent_id)


async def states(floor: Floor, offers: list[Offer]) -> list[AgentState]:
    return [(await floor.see(each.agent_id)).state for each in offers]


def told(floor: Floor, kind: type[Any]) -> list[Any]:
    return [fact for fact in floor.told if isinstance(fact, kind)]


async def idle_agents(floor: Floor, offers: list[Offer]) -> list[Agent]:
    return [await floor.see(each.agent_id) for each in offers]


async def test_contact_rings_at_three_and_the_first_who_accepts_has_it(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    before = await idle_agents(floor, ring)
    found = await floor.look(contact)
    assert (found.state, found.agent_id, found.ringing, found.offer_count) == (
        ContactState.OFFERED, ring[0].agent_id, 3, 1,
    )  # fmt: skip
    assert [fact.offer.agent_id for fact in told(floor, OfferMade)] == [each.agent_id for each in ring]
    floor.clock.advance(4)
    await accept(floor, ring[1])
    found = await floor.look(contact)
    assert (found.state, found.agent_id, found.ringing) == (ContactState.ON_CONTACT, ring[1].agent_id, 0)
    assert await states(floor, ring) == [AgentState.AVAILABLE, AgentState.ON_CONTACT, AgentState.AVAILABLE]
    for was, offer in ((before[0], ring[0]), (before[2], ring[2])):
        agent = await floor.see(offer.agent_id)
        assert (agent.idle_since, agent.missed_offers, agent.missed_in_row) == (was.idle_since, 0, 0)
    assert [
        (fact.offer.offer_id, fact.offer.rescind_reason, fact.contact.state) for fact in told(floor, OfferRescinded)
    ] == [
        (each.offer_id, RescindReason.TAKEN, ContactState.ON_CONTACT) for each in (ring[0], ring[2])
    ]  # fmt: skip


async def test_who_is_too_late_hears_that_a_colleague_has_it(floor: Floor) -> None:
    ring, _, _ = await ringing(floor)
    await accept(floor, ring[0])
    for verb in (ops.accept_offer, ops.decline_offer):
        with pytest.raises(DomainError) as refused:
            await floor.run(verb, ring[1].offer_id, ring[1].agent_id)
        assert refused.value.reason == "OFFER_TAKEN"


async def test_three_accept_at_the_same_moment_and_exactly_one_has_it(floor: Floor) -> None:
    for _ in range(4):
        ring, contact, _ = await ringing(floor)
        outcomes = await asyncio.gather(*(accept(floor, each) for each in ring), return_exceptions=True)
        lost = [each for each in outcomes if isinstance(each, DomainError)]
        assert len(lost) == 2 and {each.reason for each in lost} == {"OFFER_TAKEN"}
        winner = (await floor.look(contact)).agent_id
        for offer in ring:
            agent = await floor.see(offer.agent_id)
            assert (agent.contact_id == contact.contact_id) == (agent.agent_id == winner)
        assert len([fact for fact in told(floor, OfferAccepted) if fact.contact.contact_id == contact.contact_id]) == 1
        for offer in ring:
            await floor.run(agent_ops.set_state, offer.agent_id, AgentState.OFFLINE, "")
        await floor.hang_up(contact)
        floor.clock.advance(31)
        await floor.run(contact_ops.expire_wrap_ups)


async def test_accepting_declining_and_hanging_up_at_once_leave_one_truth(floor: Floor) -> None:
    for _ in range(4):
        ring, contact, _ = await ringing(floor)
        await asyncio.gather(
            accept(floor, ring[0]), floor.run(ops.decline_offer, ring[1].offer_id, ring[1].agent_id),
            floor.hang_up(contact), return_exceptions=True,
        )  # fmt: skip
        assert not await ring_of(floor, contact)
        found = await floor.look(contact)
        assert found.state in (ContactState.ABANDONED, ContactState.WRAP_UP)
        assert (await floor.see(ring[2].agent_id)).state is AgentState.AVAILABLE
        for offer in ring:
            await floor.run(agent_ops.set_state, offer.agent_id, AgentState.OFFLINE, "")
        floor.clock.advance(31)
        await floor.run(contact_ops.expire_wrap_ups)


async def test_caller_hangs_up_and_it_rings_nowhere_any_more(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    await floor.hang_up(contact)
    assert await states(floor, ring) == [AgentState.AVAILABLE] * 3
    assert {fact.offer.rescind_reason for fact in told(floor, OfferRescinded)} == {RescindReason.CONTACT_LEFT}
    found = await floor.look(contact)
    assert (found.state, found.ringing, found.agent_id) == (ContactState.ABANDONED, 0, "")


async def test_one_declines_and_one_closes_the_browser_while_it_rings_on_at_the_third(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    await floor.run(ops.decline_offer, ring[0].offer_id, ring[0].agent_id)
    found = await floor.look(contact)
    assert (found.state, found.agent_id, found.ringing) == (ContactState.OFFERED, ring[1].agent_id, 2)
    await floor.run(agent_ops.detach_station, ring[1].agent_id, floor.clock.now())
    assert floor.last(OfferRescinded).offer.rescind_reason is RescindReason.AGENT_GONE
    assert await states(floor, ring) == [AgentState.NOT_READY, AgentState.NOT_READY, AgentState.OFFERED]
    await accept(floor, ring[2])
    found = await floor.look(contact)
    assert (found.state, found.agent_id) == (ContactState.ON_CONTACT, ring[2].agent_id)


async def test_login_is_disabled_while_it_rings_and_the_others_keep_theirs(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    await floor.run(agent_ops.change_user, ring[0].agent_id, "Agent 0", False, 2)
    assert [each.offer_id for each in await ring_of(floor, contact)] == [each.offer_id for each in ring[1:]]
    await accept(floor, ring[1])


async def test_nobody_takes_it_and_each_who_let_it_ring_has_missed_one(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    floor.clock.advance(21)
    assert await floor.run(ops.expire_offers) == 3
    assert len(told(floor, OfferMissed)) == 3
    found = await floor.look(contact)
    assert (found.state, found.ringing, found.agent_id, found.queue_time) == (
        ContactState.QUEUED, 0, "", contact.queue_time,
    )  # fmt: skip
    for agent in await idle_agents(floor, ring):
        assert (agent.state, agent.reason, agent.missed_offers) == (AgentState.NOT_READY, "missed_offer", 1)


async def test_contact_nobody_took_is_served_before_one_that_came_later(floor: Floor) -> None:
    ring, contact, queue = await ringing(floor)
    later = await floor.contact(queue.queue_id)
    floor.clock.advance(21)
    await floor.run(ops.expire_offers)
    await floor.run(agent_ops.set_state, ring[1].agent_id, AgentState.AVAILABLE, "")
    offer = await floor.match()
    assert offer is not None and offer.contact_id == contact.contact_id != later.contact_id


async def test_bus_was_away_and_nothing_that_never_rang_is_held_against_anybody(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    floor.clock.advance(21)
    await floor.desk.run(
        floor.tenant_id,
        lambda tx: ops.expire_offers(tx, floor.clock.now(), heard_since=floor.clock.now()),
    )
    assert await states(floor, ring) == [AgentState.AVAILABLE] * 3
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert {fact.offer.rescind_reason for fact in told(floor, OfferRescinded)} == {RescindReason.NOT_RUNG}


async def test_one_who_missed_it_comes_back_while_it_rings_on_where_it_rings_longer(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    quick, patient = await floor.agent("Quick"), await floor.agent("Patient")
    await floor.run(agent_ops.set_reach, patient, Reach(desk=timedelta(seconds=60), queue_calls=True, version=1))
    contact = await floor.contact(queue.queue_id)
    await floor.match()
    floor.clock.advance(21)
    await floor.run(ops.expire_offers)
    assert (await floor.see(quick)).missed_offers == 1
    (left,) = await ring_of(floor, contact)
    assert left.agent_id == patient
    await floor.run(agent_ops.set_state, quick, AgentState.AVAILABLE, "")
    assert await floor.match() is None  # it rings still: who is free again has the next one
    await accept(floor, left)


async def test_colleague_who_became_busy_meanwhile_is_left_out(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    people = [await floor.agent(f"Agent {number}") for number in range(3)]
    contact = await floor.contact(queue.queue_id)
    match = await floor.proposal()
    assert match is not None and len(match.companions) == 2
    await floor.run(agent_ops.set_state, match.companions[0].agent_id, AgentState.NOT_READY, "lunch")
    await floor.run(ops.make_offer, match)
    ring = await ring_of(floor, contact)
    assert [each.agent_id for each in ring] == [match.agent.agent_id, match.companions[1].agent_id]
    (decision,) = await floor.read(lambda tx: contact_ops.list_decisions(tx, contact.contact_id))
    said = {each.agent_id: each.rejection for each in decision.candidates}
    assert said[match.companions[1].agent_id] == "rings_too" != said[match.companions[0].agent_id]
    assert len(people) == 3


async def test_two_processes_ring_for_one_contact_and_one_ring_comes_of_it(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    for number in range(6):
        await floor.agent(f"Agent {number}")
    contact = await floor.contact(queue.queue_id)
    match = await floor.proposal()
    assert match is not None
    others = [each for each, _ in match.weighed if each not in match.agents]
    other = match._replace(agent=others[0], companions=tuple(others[1:]))
    outcomes = await asyncio.gather(
        floor.run(ops.make_offer, match), floor.run(ops.make_offer, other), return_exceptions=True
    )
    assert [type(each) for each in outcomes if isinstance(each, BaseException)] == [DecisionStale]
    ring = await ring_of(floor, contact)
    assert len(ring) == 3 and {each.agent_id for each in ring} in (
        {each.agent_id for each in match.agents}, {each.agent_id for each in other.agents},
    )  # fmt: skip


async def test_colleague_picks_up_what_rings_at_three(floor: Floor) -> None:
    ring, contact, _ = await ringing(floor)
    other = await floor.agent("Leyla")
    await floor.run(ops.pick_up, contact.contact_id, other)
    assert await states(floor, ring) == [AgentState.AVAILABLE] * 3
    assert {fact.offer.rescind_reason for fact in told(floor, OfferRescinded)} == {RescindReason.TAKEN}
    assert (await floor.look(contact)).agent_id == other


async def test_overflow_and_the_longest_wait_leave_alone_what_rings(floor: Floor) -> None:
    _, contact, _ = await ringing(floor, overflow=Overflow(max_wait=timedelta(seconds=5)))
    floor.clock.advance(10)
    due = await floor.read(lambda tx: overflow.due(tx, floor.clock.now()))
    assert contact.contact_id not in due
    assert (await floor.run(contact_ops.dequeue_contact, contact.contact_id, "max_wait")).state is ContactState.OFFERED
    assert len(await ring_of(floor, contact)) == 3


async def test_agent_who_writes_goes_on_writing_when_a_colleague_takes_the_call(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    writing = await floor.agent("Writing")
    chat = await floor.contact(queue.queue_id, channel=Channel.CHAT)
    offer = await floor.match()
    assert offer is not None
    await accept(floor, offer)
    other = await floor.agent("Free")
    call = await floor.contact(queue.queue_id)
    await floor.match()
    ring = await ring_of(floor, call)
    assert [each.agent_id for each in ring] == [other, writing]
    await accept(floor, ring[0])
    agent = await floor.see(writing)
    assert (agent.state, agent.contact_id, agent.others) == (AgentState.ON_CONTACT, chat.contact_id, ())


@pytest.mark.parametrize("mode", list(WrapUpMode))
async def test_only_the_winner_wraps_up(floor: Floor, mode: WrapUpMode) -> None:
    ring, contact, _ = await ringing(floor, wrap_up_mode=mode)
    await accept(floor, ring[2])
    await floor.hang_up(contact)
    found = await states(floor, ring)
    assert found[:2] == [AgentState.AVAILABLE] * 2
    assert found[2] in (AgentState.AVAILABLE, AgentState.WRAP_UP)
    if found[2] is AgentState.WRAP_UP:
        floor.clock.advance(31)
        await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", ""))
        assert (await floor.see(ring[2].agent_id)).state is AgentState.AVAILABLE


async def test_round_robin_keeps_the_turn_of_who_was_not_the_first(floor: Floor) -> None:
    queue = await floor.queue(rules=Rules(Strategy.ROUND_ROBIN, ring_agents=2))
    for name in ("Aysel", "Leyla", "Orxan"):
        await floor.agent(name)
        floor.clock.advance(1)
    contact = await floor.contact(queue.queue_id)
    await floor.match()
    ring = await ring_of(floor, contact)
    await accept(floor, ring[1])
    assert (await floor.see(ring[0].agent_id)).last_offer_time is None
    assert (await floor.see(ring[1].agent_id)).last_offer_time == ring[1].create_time


async def test_callback_agent_first_is_the_first_one_who_accepts(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    for number in range(3):
        await floor.agent(f"Agent {number}")
    made = await ask(floor, queue.queue_id)
    await floor.match()
    contact = await floor.read(lambda tx: contact_ops.get_contact(tx, made.contact_id))
    ring = await ring_of(floor, contact)
    assert len(ring) == 3
    await accept(floor, ring[1])
    callback = await see(floor, made)
    assert (callback.state, callback.agent_id) == (CallbackState.CALLING, ring[1].agent_id)
    assert (await states(floor, ring)).count(AgentState.AVAILABLE) == 2


async def test_customer_who_is_called_first_keeps_one_agent(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE, callbacks=CallbackRules(order=CallOrder.CUSTOMER_FIRST))
    people = [await floor.agent(f"Agent {number}") for number in range(3)]
    made = await ask(floor, queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.kept
    contact = await floor.read(lambda tx: contact_ops.get_contact(tx, made.contact_id))
    assert [each.offer_id for each in await ring_of(floor, contact)] == [offer.offer_id]
    assert contact.ringing == 1
    assert [(await floor.see(each)).state for each in people].count(AgentState.AVAILABLE) == 2


async def test_who_is_away_does_not_ring_with_those_at_the_desk(floor: Floor) -> None:
    queue = await floor.queue(rules=THREE)
    home = await floor.agent("Home")
    reach = Reach(away=timedelta(seconds=30), queue_calls=True, version=1)
    await floor.run(agent_ops.set_reach, home, reach)
    await floor.run(agent_ops.set_state, home, AgentState.OFFLINE, "")
    desk = [await floor.agent(f"Agent {number}") for number in range(2)]
    contact = await floor.contact(queue.queue_id)
    await floor.match()
    assert {each.agent_id for each in await ring_of(floor, contact)} == set(desk)


async def test_database_refuses_a_second_ring_for_a_contact(floor: Floor) -> None:
    ring, _, _ = await ringing(floor)
    stranger = await floor.agent("Stranger")
    second = replace(ring[0], offer_id=new_id("ofr", floor.clock.now()), agent_id=stranger)
    with pytest.raises(Exception, match="offers_one_ring_per_contact"):
        await floor.desk.run(floor.tenant_id, lambda tx: store.add_offer(tx, second))


async def test_desktop_shows_each_their_own_offer(floor: Floor) -> None:
    ring, _, _ = await ringing(floor)
    for offer in ring:
        shown = await floor.read(lambda tx, each=offer: agent_ops.desktop(tx, each.agent_id))
        assert shown.offer is not None and shown.offer.offer_id == offer.offer_id
        assert shown.offer.state is OfferState.PENDING and shown.contact is not None
