"""Agents who handle several contacts at once, and the tenant's rules of how many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kernel.errors import Conflict, Forbidden, InvalidInput
from kernel.ids import new_id
from merkez.routing.v1 import capacity_pb2 as k
from merkez.routing.v1 import capacity_service_pb2 as ks
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from routing import convert
from routing.domain import agents
from routing.domain.agents import AgentNotAvailable, AgentState
from routing.domain.capacity import USUAL_RULES, ChannelRule
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.facts import AgentStateChanged, CapacityChanged
from routing.domain.views import ready_of
from routing.ops import agents as agent_ops
from routing.ops import capacity as ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops

from .conftest import Edge, Floor, as_, refused

CHAT, EMAIL, VOICE = Channel.CHAT, Channel.EMAIL, Channel.VOICE


async def taking(floor: Floor, queue_id: str, agent_id: str, channel: Channel) -> Contact:
    """One more contact of this channel, offered to the agent and accepted."""
    floor.clock.advance(timedelta(seconds=1))
    contact = await floor.contact(queue_id, channel=channel)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (contact.contact_id, agent_id)
    assert not offer.away
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    return await floor.look(contact)


async def test_agent_handles_three_chats_at_once_and_no_fourth(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chats = [await taking(floor, queue.queue_id, agent_id, CHAT) for _ in range(3)]
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id) == (AgentState.ON_CONTACT, chats[2].contact_id)
    assert [each.contact_id for each in agent.others] == [chats[0].contact_id, chats[1].contact_id]
    told = convert.fact_to_proto(floor.last(AgentStateChanged))
    assert [each.channel for each in told.agent.held_contacts] == [c.CHANNEL_CHAT] * 2  # pyright: ignore
    fourth = await floor.contact(queue.queue_id, channel=CHAT)
    assert await floor.match() is None
    await floor.hang_up(chats[0])
    offer = await floor.match()
    assert offer is not None and offer.contact_id == fourth.contact_id


async def test_call_interrupts_chats_and_no_chat_comes_during_a_call(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await taking(floor, queue.queue_id, agent_id, CHAT)
    call = await taking(floor, queue.queue_id, agent_id, VOICE)
    await floor.contact(queue.queue_id, channel=CHAT)
    assert await floor.match() is None
    await floor.hang_up(call)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.others) == (AgentState.ON_CONTACT, chat.contact_id, ())
    assert await floor.match() is not None


async def test_each_contact_ends_by_itself_and_the_last_one_sets_the_agent_free(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    first, second = [await taking(floor, queue.queue_id, agent_id, CHAT) for _ in range(2)]
    await floor.hang_up(first)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id) == (AgentState.ON_CONTACT, second.contact_id)
    assert agent.others[0].wrapping and (await floor.look(first)).state is ContactState.WRAP_UP
    await floor.hang_up(second)
    await floor.run(contact_ops.end_wrap_up, contact_ops.WrapUp(second.contact_id, "", "", agent_id))
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.others) == (AgentState.WRAP_UP, first.contact_id, ())
    floor.clock.advance(timedelta(seconds=30))
    assert await floor.run(contact_ops.expire_wrap_ups) == 1
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.channel, agent.held) == (AgentState.AVAILABLE, "", None, ())


@pytest.mark.parametrize("answer", ["declined", "missed_offer"])
async def test_agent_who_does_not_take_one_more_goes_on_and_is_away_afterwards(floor: Floor, answer: str) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await taking(floor, queue.queue_id, agent_id, CHAT)
    await floor.contact(queue.queue_id, channel=CHAT)
    offer = await floor.match()
    assert offer is not None and (await floor.see(agent_id)).state is AgentState.OFFERED
    if answer == "declined":
        await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    else:
        floor.clock.advance(timedelta(seconds=20))
        await floor.run(offer_ops.expire_offers)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id) == (AgentState.ON_CONTACT, chat.contact_id)
    assert (agent.next_state, agent.next_reason) == (AgentState.NOT_READY, answer)
    assert agent.missed_offers == int(answer == "missed_offer")
    assert await floor.match() is None
    await floor.hang_up(chat)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.held) == (AgentState.NOT_READY, answer, ())


async def test_offer_that_is_taken_back_leaves_the_agent_with_what_they_held(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await taking(floor, queue.queue_id, agent_id, CHAT)
    leaver = await floor.contact(queue.queue_id, channel=VOICE)
    assert await floor.match() is not None
    await floor.hang_up(leaver)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.next_state) == (AgentState.ON_CONTACT, chat.contact_id, None)
    assert (await floor.look(leaver)).state is ContactState.ABANDONED


async def test_who_wants_to_be_away_gets_nothing_more(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    await taking(floor, queue.queue_id, agent_id, CHAT)
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    await floor.contact(queue.queue_id, channel=CHAT)
    assert await floor.match() is None
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    assert await floor.match() is not None


async def test_idle_agent_comes_before_one_who_holds_something(floor: Floor) -> None:
    queue, busy = await floor.queue(), await floor.agent()
    await taking(floor, queue.queue_id, busy, CHAT)
    idle = await floor.agent("Rena")
    await floor.contact(queue.queue_id, channel=CHAT)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == idle


async def test_agents_own_capacity_is_kept(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    await floor.run(agent_ops.update_agent, agent_id, {"capacities": {CHAT: 1, EMAIL: 0}}, 0)
    await floor.contact(queue.queue_id, channel=EMAIL)
    assert await floor.match() is None
    await taking(floor, queue.queue_id, agent_id, CHAT)
    await floor.contact(queue.queue_id, channel=CHAT)
    assert await floor.match() is None


async def test_rules_of_the_tenant_hold_from_the_next_assignment_on(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    await taking(floor, queue.queue_id, agent_id, CHAT)
    await floor.contact(queue.queue_id, channel=CHAT)
    one = {CHAT: ChannelRule(1, 100)}
    rules = await floor.desk.run(floor.tenant_id, lambda tx: ops.set_rules(tx, one, 0, floor.clock.now()))
    assert floor.last(CapacityChanged).rules == rules and rules.channels[EMAIL] == USUAL_RULES.channels[EMAIL]
    assert await floor.match() is None
    assert ready_of(await floor.see(agent_id), rules) is not None  # a call comes through
    assert ready_of(await floor.see(agent_id), rules).open == {VOICE, Channel.VIDEO}  # pyright: ignore


async def test_nobody_on_a_call_can_be_offered_another_one(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking()
    agent = await floor.see(agent_id)
    assert ready_of(agent) is None
    with pytest.raises(AgentNotAvailable):
        agents.offered(agent, contact.contact_id, floor.clock.now())


async def test_rules_are_read_by_agents_and_set_by_admins(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    chat = k.ChannelRule(channel=c.CHANNEL_CHAT, capacity=5, weight=20, interrupts=[c.CHANNEL_EMAIL])
    asked = ks.UpdateCapacityRulesRequest(capacity_rules=k.CapacityRules(channels=[chat]))
    with as_("supervisor", floor):
        await refused(edge.capacity.UpdateCapacityRules(asked), Forbidden)
    with as_("admin", floor):
        first = await edge.capacity.UpdateCapacityRules(asked)
        assert (first.version, len(first.channels)) == (1, len(Channel))
        asked.version = 7
        await refused(edge.capacity.UpdateCapacityRules(asked), Conflict, "VERSION_CONFLICT")
        asked.version = 1
        assert (await edge.capacity.UpdateCapacityRules(asked)).version == 2
    with as_("agent", floor):
        shown = await edge.capacity.GetCapacityRules(ks.GetCapacityRulesRequest())
        assert chat in shown.channels and shown.version == 2
    with as_("agent", other_floor):
        shown = await edge.capacity.GetCapacityRules(ks.GetCapacityRulesRequest())
        assert chat not in shown.channels and shown.version == 0


@pytest.mark.parametrize(
    ("channels", "field"),
    [
        ([k.ChannelRule(capacity=1, weight=1)], "capacity_rules.channels[0].channel"),
        ([k.ChannelRule(channel=c.CHANNEL_SMS, capacity=1, weight=1)] * 2, "capacity_rules.channels[1].channel"),
        ([k.ChannelRule(channel=c.CHANNEL_VOICE, capacity=2, weight=50)], "channels[VOICE]"),
        ([k.ChannelRule(channel=c.CHANNEL_SMS, capacity=1)], "channels[SMS].weight"),
    ],
)
async def test_rules_that_can_not_be_are_refused(edge: Edge, floor: Floor, channels: Any, field: str) -> None:
    with as_("admin", floor):
        asked = ks.UpdateCapacityRulesRequest(capacity_rules=k.CapacityRules(channels=channels))
        await refused(edge.capacity.UpdateCapacityRules(asked), InvalidInput, field=field)


async def test_supervisor_sets_an_agents_capacities(edge: Edge, floor: Floor) -> None:
    agent_id = await floor.agent()
    with as_("supervisor", floor, new_id("usr", floor.clock.now())):
        asked = cs.UpdateAgentRequest(
            agent=c.Agent(agent_id=agent_id, capacities=[c.ChannelCapacity(channel=c.CHANNEL_CHAT, capacity=5)])
        )
        shown = await edge.agents.UpdateAgent(asked)
        assert list(shown.capacities) == list(asked.agent.capacities) and shown.voice_capacity == 1
        asked.agent.capacities[0].channel = c.CHANNEL_VOICE
        await refused(edge.agents.UpdateAgent(asked), InvalidInput, field="agent.capacities[VOICE]")
