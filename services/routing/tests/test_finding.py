"""Agents who are not at the desk and are reached by telephone, against real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import FailedPrecondition, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, contact_service_pb2
from routing.domain.agents import AgentNotAvailable, AgentState, Reach
from routing.domain.contacts import Channel, Contact, ContactKind, ContactState
from routing.domain.facts import ContactDequeued, OfferMade, OfferMissed
from routing.domain.offers import OfferState
from routing.domain.queues import OFFER_TIMEOUT
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops

from .conftest import Edge, Floor, as_, refused
from .test_handing_on import asked, busy, handed_on

AWAY = Reach(away=timedelta(seconds=50), version=1)
EVERYTHING = Reach(timedelta(seconds=50), timedelta(seconds=70), queue_calls=True, forwards=True, version=1)


async def reach(floor: Floor, agent_id: str, how: Reach = AWAY) -> str:
    await floor.run(agent_ops.set_reach, agent_id, how)
    return agent_id


async def gone_home(floor: Floor, how: Reach = AWAY, state: AgentState = AgentState.OFFLINE, reason: str = "") -> str:
    """An agent who is away and reached so."""
    agent_id = await reach(floor, await floor.agent(), how)
    await floor.run(agent_ops.set_state, agent_id, state, reason)
    return agent_id


# -- who is offered what


@pytest.mark.parametrize(
    ("state", "reason"), [(AgentState.OFFLINE, ""), (AgentState.NOT_READY, "lunch"), (AgentState.NOT_READY, "dnd")]
)
async def test_agent_who_is_away_is_offered_a_call_for_them_and_is_away_again_afterwards(floor, state, reason) -> None:
    target = await gone_home(floor, AWAY, state, reason)
    contact = await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None and offer.away and offer.expire_time - offer.create_time == AWAY.away
    assert floor.last(OfferMade).offer.away
    await floor.run(offer_ops.accept_offer, offer.offer_id, target)
    assert (await floor.see(target)).state is AgentState.ON_CONTACT
    await floor.hang_up(contact)
    assert (await floor.see(target)).state is AgentState.WRAP_UP
    floor.clock.advance(60)
    await floor.run(contact_ops.expire_wrap_ups)
    agent = await floor.see(target)
    assert (agent.state, agent.reason) == (state, reason)


async def test_calls_of_queues_are_offered_only_to_who_wants_them_and_after_those_at_the_desk(floor: Floor) -> None:
    queue = await floor.queue()
    await gone_home(floor)
    first = await floor.contact(queue.queue_id)
    assert await floor.match() is None, "nobody at home wants calls of queues"
    at_home = await gone_home(floor, EVERYTHING)
    floor.clock.advance(3600)
    at_desk = await floor.agent("Leyla")
    offer = await floor.match()
    assert offer is not None and (offer.agent_id, offer.contact_id) == (at_desk, first.contact_id)
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == at_home and offer.away


async def test_agent_at_home_who_misses_a_call_of_a_queue_gets_no_more_until_they_do_something(floor: Floor) -> None:
    queue = await floor.queue()
    at_home = await gone_home(floor, EVERYTHING)
    contact = await floor.contact(queue.queue_id)
    assert await floor.match() is not None
    floor.clock.advance(51)
    await floor.run(offer_ops.expire_offers)
    agent = await floor.see(at_home)
    assert agent.state is AgentState.OFFLINE and agent.passed_over
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert await floor.match() is None, "the same call would ring there for ever"
    direct = await handed_on(floor, at_home)
    offer = await floor.match()
    assert offer is not None and offer.contact_id == direct.contact_id, "asked for in person they are rung"
    await floor.run(offer_ops.accept_offer, offer.offer_id, at_home)
    assert not (await floor.see(at_home)).passed_over


async def test_at_the_desk_an_offer_lasts_as_long_as_desk_and_telephones_ring(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await reach(floor, await floor.agent(), Reach(desk=timedelta(seconds=70), version=1))
    contact = await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and not offer.away
    assert offer.expire_time - offer.create_time == OFFER_TIMEOUT, "calls of queues ring at the desk alone"
    await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    await floor.hang_up(contact)
    await handed_on(floor, agent_id)
    offer = await floor.match()
    assert offer is not None and offer.expire_time - offer.create_time == timedelta(seconds=70)


async def test_agent_who_signs_in_while_the_mobile_rings_is_at_work_afterwards(floor: Floor) -> None:
    target = await gone_home(floor)
    await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    await floor.run(agent_ops.set_state, target, AgentState.AVAILABLE, "")
    await floor.run(offer_ops.miss_offer, offer.offer_id, target)
    assert (await floor.see(target)).state is AgentState.OFFERED, "now the desk rings too: the offer has its time"
    floor.clock.advance(51)
    await floor.run(offer_ops.expire_offers)
    agent = await floor.see(target)
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "missed_offer")


async def test_closing_the_browser_doesnt_take_back_an_offer_that_rings_at_the_mobile(floor: Floor) -> None:
    target = await gone_home(floor)
    await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    await floor.run(agent_ops.detach_station, target, floor.clock.now())
    assert (await floor.see(target)).state is AgentState.OFFERED


# -- nobody took it


async def test_offer_whose_telephones_cant_be_reached_is_missed_at_once_and_missing_it_again_changes_nothing(
    floor: Floor,
) -> None:
    target = await gone_home(floor, EVERYTHING)
    contact = await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    for _ in range(2):
        missed, _ = await floor.run(offer_ops.miss_offer, offer.offer_id, target)
        assert missed.state is OfferState.MISSED
    assert floor.names_told().count("OfferMissed") == 1 and floor.last(OfferMissed)
    told = floor.last(ContactDequeued)
    assert (told.contact.contact_id, told.reason) == (contact.contact_id, "offer_missed")
    assert (await floor.see(target)).state is AgentState.OFFLINE


async def test_offer_that_rings_at_the_desk_is_not_missed_because_telephones_cant_be_reached(floor: Floor) -> None:
    target = await reach(floor, await floor.agent(), EVERYTHING)
    await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None
    still, _ = await floor.run(offer_ops.miss_offer, offer.offer_id, target)
    assert still.state is OfferState.PENDING


@pytest.mark.parametrize("state", [AgentState.OFFLINE, AgentState.NOT_READY])
async def test_call_for_somebody_away_with_nothing_but_a_last_resort_goes_on_at_once(floor, state) -> None:
    target = await gone_home(floor, Reach(forwards=True, version=1), state)
    contact = await handed_on(floor, target)
    assert contact.state is ContactState.ENDED
    told = floor.last(ContactDequeued)
    assert (told.contact.target_agent_id, told.reason) == (target, "forwarded")


async def test_call_for_somebody_who_talks_goes_on_at_once_by_their_last_resort(floor: Floor) -> None:
    target, _ = await busy(floor, await floor.queue())
    waits = await handed_on(floor, target)
    assert waits.state is ContactState.QUEUED, "without a last resort it waits"
    await reach(floor, target, Reach(forwards=True, version=1))
    assert (await handed_on(floor, target)).state is ContactState.ENDED


async def test_call_for_somebody_who_only_writes_reaches_them_and_not_their_last_resort(floor: Floor) -> None:
    queue, target = await floor.queue(), await floor.agent()
    await reach(floor, target, Reach(forwards=True, version=1))
    await floor.contact(queue.queue_id, channel=Channel.CHAT)
    chat = await floor.match()
    assert chat is not None and chat.agent_id == target
    await floor.run(offer_ops.accept_offer, chat.offer_id, target)
    contact = await handed_on(floor, target)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (contact.contact_id, target)


async def test_question_to_a_colleague_is_never_forwarded(floor: Floor) -> None:
    asking, about = await busy(floor, await floor.queue())
    gone = await gone_home(floor, Reach(forwards=True, version=1))
    with pytest.raises(AgentNotAvailable):
        await asked(floor, about, asking, gone)
    lunch = await gone_home(floor, Reach(forwards=True, version=1), AgentState.NOT_READY, "lunch")
    assert (await asked(floor, about, asking, lunch)).state is ContactState.QUEUED
    found = await gone_home(floor)
    question = await asked(floor, about, asking, found)
    offer = await floor.match()
    assert offer is not None and offer.contact_id == question.contact_id


async def test_older_news_of_where_calls_ring_changes_nothing(floor: Floor) -> None:
    agent_id = await reach(floor, await floor.agent(), Reach(away=timedelta(seconds=9), version=2))
    await reach(floor, agent_id, EVERYTHING)
    assert (await floor.see(agent_id)).reach.away == timedelta(seconds=9)


async def test_disabled_agent_is_found_nowhere(floor: Floor) -> None:
    target = await gone_home(floor, EVERYTHING)
    queue = await floor.queue()
    await floor.run(agent_ops.change_user, target, "Aysel", False, 2)
    await floor.contact(queue.queue_id)
    assert await floor.match() is None


# -- the rpcs


async def a_pending(edge: Edge, floor: Floor) -> tuple[Any, str, Contact]:
    target = await gone_home(floor)
    contact = await floor.contact("", kind=ContactKind.TRANSFER, target_agent_id=target)
    offer = await floor.match()
    assert offer is not None
    return offer, target, contact


async def test_service_takes_an_offer_for_its_agent_once_however_often_it_asks(edge: Edge, floor: Floor) -> None:
    offer, target, _ = await a_pending(edge, floor)
    request = contact_service_pb2.TakeOfferRequest(request_id="leg_1", offer_id=offer.offer_id, agent_id=target)
    with as_("service", floor):
        for _ in range(2):
            taken = await edge.offers.TakeOffer(request)
            assert taken.state == contact_pb2.OFFER_STATE_ACCEPTED
        late = contact_service_pb2.TakeOfferRequest(request_id="leg_2", offer_id=offer.offer_id, agent_id=target)
        await refused(edge.offers.TakeOffer(late), FailedPrecondition, "OFFER_NOT_PENDING")
        missed = contact_service_pb2.MissOfferRequest(offer_id=offer.offer_id, agent_id=target)
        assert (await edge.offers.MissOffer(missed)).state == contact_pb2.OFFER_STATE_ACCEPTED


async def test_offer_of_another_agent_or_tenant_can_be_neither_taken_nor_missed(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    offer, target, _ = await a_pending(edge, floor)
    somebody = new_id("usr", floor.clock.now())
    for where, agent_id in ((floor, somebody), (other_floor, target)):
        take = contact_service_pb2.TakeOfferRequest(request_id="leg_1", offer_id=offer.offer_id, agent_id=agent_id)
        miss = contact_service_pb2.MissOfferRequest(offer_id=offer.offer_id, agent_id=agent_id)
        with as_("service", where):
            await refused(edge.offers.TakeOffer(take), NotFound, "OFFER_NOT_FOUND")
            await refused(edge.offers.MissOffer(miss), NotFound, "OFFER_NOT_FOUND")


async def test_call_for_somebody_who_takes_no_calls_goes_to_their_last_resort_or_is_refused(floor: Floor) -> None:
    target = await floor.agent()
    agent = await floor.see(target)
    await floor.run(agent_ops.update_agent, target, {"capacities": {Channel.VOICE: 0}}, agent.version)
    with pytest.raises(AgentNotAvailable, match="takes no contacts of VOICE"):
        await handed_on(floor, target)
    await reach(floor, target, Reach(forwards=True, version=1))
    assert (await handed_on(floor, target)).state is ContactState.ENDED
