"""Agents who missed an offer: counted, told why they are away, and back by themselves where the queue says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from routing.domain.agents import Agent, AgentState, Reach
from routing.domain.contacts import Channel
from routing.domain.facts import AgentStateChanged
from routing.domain.rules import Rules
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.store import offers as offer_store
from routing.store import sweeps

from .conftest import Floor

RING, MINUTE = timedelta(seconds=20), timedelta(minutes=1)
EVERYWHERE = Reach(timedelta(seconds=50), timedelta(0), queue_calls=True, forwards=True, version=1)


async def missing(floor: Floor, agent_id: str) -> Agent:
    """The agent misses the offer that rings."""
    floor.clock.advance(RING)
    assert await floor.run(offer_ops.expire_offers) == 1
    return await floor.see(agent_id)


async def test_agent_who_missed_an_offer_comes_back_after_the_queues_time(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    away = await missing(floor, agent_id)
    assert (away.state, away.reason, away.missed_offers) == (AgentState.NOT_READY, "missed_offer", 1)
    assert away.return_time == floor.clock.now() + MINUTE
    assert not await floor.run(agent_ops.return_agents)
    floor.clock.advance(MINUTE)
    due = await floor.desk.db.system(lambda tx: sweeps.tenants_due(tx, floor.clock.now()), read_only=True)
    assert floor.tenant_id in due
    assert await floor.run(agent_ops.return_agents) == 1
    back = await floor.see(agent_id)
    assert (back.state, back.reason, back.return_time, back.idle_since) == (
        AgentState.AVAILABLE, "", None, floor.clock.now()
    )  # fmt: skip
    assert not await floor.run(agent_ops.return_agents)


async def test_nobody_comes_back_where_the_queue_does_not_say_so(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing()
    assert (await missing(floor, agent_id)).return_time is None


@pytest.mark.parametrize("state", [AgentState.NOT_READY, AgentState.OFFLINE, AgentState.AVAILABLE])
async def test_who_says_something_meanwhile_is_not_moved(floor: Floor, state: AgentState) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await missing(floor, agent_id)
    await floor.run(agent_ops.set_state, agent_id, state, "lunch")
    floor.clock.advance(MINUTE)
    assert not await floor.run(agent_ops.return_agents)
    assert (await floor.see(agent_id)).state is state


@pytest.mark.parametrize("way", ["hung up", "missed"])
async def test_who_is_found_at_their_telephone_meanwhile_still_comes_back(floor: Floor, way: str) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await floor.run(agent_ops.set_reach, agent_id, EVERYWHERE)
    back_at = (await missing(floor, agent_id)).return_time
    assert back_at == floor.clock.now() + MINUTE
    offer = await floor.match()
    assert offer is not None and offer.away
    floor.clock.advance(timedelta(seconds=50) if way == "missed" else MINUTE + RING)
    if way == "missed":
        assert await floor.run(offer_ops.expire_offers) == 1
    else:
        assert not await floor.run(agent_ops.return_agents), "it rings at them"
        contact = await floor.read(lambda tx: contact_ops.get_contact(tx, offer.contact_id))
        await floor.run(contact_ops.end_call, contact.call_id, floor.clock.now())
    away = await floor.see(agent_id)
    assert (away.state, away.reason, away.return_time) == (AgentState.NOT_READY, "missed_offer", back_at)
    floor.clock.advance(MINUTE)
    assert await floor.run(agent_ops.return_agents) == 1
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE


async def test_who_says_something_while_their_telephone_rings_is_not_brought_back(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await floor.run(agent_ops.set_reach, agent_id, EVERYWHERE)
    await missing(floor, agent_id)
    assert await floor.match() is not None
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    floor.clock.advance(MINUTE)
    await floor.run(offer_ops.expire_offers)
    assert not await floor.run(agent_ops.return_agents)
    assert (await floor.see(agent_id)).reason == "lunch"


async def test_whoever_wanted_to_be_away_next_is_not_brought_back(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    away = await missing(floor, agent_id)
    assert (away.state, away.return_time) == (AgentState.NOT_READY, None)


@pytest.mark.parametrize("wanted", [AgentState.NOT_READY, AgentState.OFFLINE])
@pytest.mark.parametrize(
    "way", ["missed", "declined", "hung up", "left", "station gone", "never rang", "a colleague was faster"]
)
async def test_what_an_agent_wanted_while_it_rang_holds_whatever_becomes_of_the_offer(
    floor: Floor, way: str, wanted: AgentState
) -> None:
    together = way == "a colleague was faster"
    queue = await floor.queue(missed_offer_return=MINUTE, rules=Rules(ring_agents=2 if together else 1))
    agent_id = await floor.agent()
    floor.clock.advance(1)
    colleague_id = await floor.agent("Leyla") if together else ""
    contact = await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id
    asked = await floor.run(agent_ops.set_state, agent_id, wanted, "Lunch" if wanted is AgentState.NOT_READY else "")
    assert asked.next_state is wanted and bool(asked.next_reason_id) == (wanted is AgentState.NOT_READY)
    match way:
        case "missed":
            await missing(floor, agent_id)
        case "declined":
            await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
        case "hung up":
            await floor.hang_up(contact)
        case "left":
            now = floor.clock.now()
            await floor.desk.run(
                floor.tenant_id,
                lambda tx: contact_ops.dequeue_contact(tx, contact.contact_id, "max_wait", now, rescind_offer=True),
            )
        case "station gone":
            await floor.run(agent_ops.detach_station, agent_id, floor.clock.now())
        case "never rang":
            floor.clock.advance(RING)
            now = floor.clock.now()
            await floor.desk.run(floor.tenant_id, lambda tx: offer_ops.expire_offers(tx, now, heard_since=now))
        case _:
            ring = await floor.read(lambda tx: offer_store.pending_offers(tx, contact.contact_id))
            theirs = next(each for each in ring if each.agent_id == colleague_id)
            await floor.run(offer_ops.accept_offer, theirs.offer_id, colleague_id)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.reason_id) == (wanted, asked.next_reason, asked.next_reason_id)
    assert (agent.next_state, agent.return_time, agent.idle_since) == (None, None, None)
    assert floor.last(AgentStateChanged).agent.reason_id == asked.next_reason_id or together


@pytest.mark.parametrize("answer", ["declined", "missed"])
async def test_lunch_asked_for_while_it_rings_comes_after_what_is_held_besides(floor: Floor, answer: str) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await floor.contact(queue.queue_id, channel=Channel.CHAT)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    asked = await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "Lunch")
    if answer == "declined":
        await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    else:
        await missing(floor, agent_id)
    assert (await floor.see(agent_id)).state is AgentState.ON_CONTACT
    await floor.hang_up(chat)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.reason_id) == (AgentState.NOT_READY, "Lunch", asked.next_reason_id)


async def test_who_missed_three_in_a_row_is_not_there(floor: Floor) -> None:
    _, agent_id, contact = await floor.ringing(missed_offer_return=MINUTE)
    for number in (1, 2):
        assert (await missing(floor, agent_id)).missed_offers == number
        floor.clock.advance(MINUTE)
        await floor.run(agent_ops.return_agents)
        assert await floor.match() is not None
    third = await missing(floor, agent_id)
    assert (third.missed_offers, third.return_time) == (3, None)
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    again = await floor.match()
    assert again is not None
    await floor.run(offer_ops.accept_offer, again.offer_id, agent_id)
    taken = await floor.see(agent_id)
    assert (taken.missed_in_row, taken.missed_offers) == (0, 3)
    await floor.hang_up(contact)


async def test_count_of_missed_offers_begins_anew_with_the_shift(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing()
    await missing(floor, agent_id)
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    assert (await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")).missed_offers == 0


async def test_who_lost_their_station_is_away_because_of_that_instead_of_back(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await missing(floor, agent_id)
    floor.clock.advance(MINUTE)
    await floor.run(agent_ops.detach_station, agent_id, floor.clock.now())
    await floor.run(agent_ops.return_agents)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.return_time) == (AgentState.NOT_READY, "no_station", None)


async def test_declined_offer_counts_as_no_missed_one_and_nobody_comes_back_of_it(floor: Floor) -> None:
    offer, agent_id, _ = await floor.ringing(missed_offer_return=MINUTE)
    await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    agent = await floor.see(agent_id)
    assert (agent.reason, agent.missed_offers, agent.return_time) == ("declined", 0, None)
