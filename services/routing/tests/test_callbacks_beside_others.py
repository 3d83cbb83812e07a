"""Callbacks and agents who handle several contacts at once: the call to come takes the agent's one voice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from routing.domain.agents import AgentState
from routing.domain.callback_outcomes import Outcome
from routing.domain.callback_rules import CallbackRules
from routing.domain.callbacks import CallbackState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.facts import AgentStateChanged
from routing.domain.queues import WrapUpMode
from routing.ops import agents as agent_ops
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops

from .callers import accept, ask, dial, end, see
from .conftest import Floor

CHAT, VOICE = Channel.CHAT, Channel.VOICE
OTHER = "+994501112233"


async def writing(floor: Floor, queue_id: str) -> Contact:
    """A chat the next agent has taken."""
    chat = await floor.contact(queue_id, channel=CHAT)
    offer = await floor.match()
    assert offer is not None and offer.contact_id == chat.contact_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, offer.agent_id)
    return await floor.look(chat)


async def test_callback_interrupts_a_chat_and_nothing_comes_beside_it(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    chat = await writing(floor, queue.queue_id)
    await ask(floor, queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id and not offer.away
    agent = await floor.see(agent_id)
    assert (agent.state, agent.channel, agent.held) == (AgentState.OFFERED, VOICE, (CHAT, VOICE))
    await ask(floor, queue.queue_id, number=OTHER)
    await floor.contact(queue.queue_id, channel=VOICE)
    await floor.contact(queue.queue_id, channel=CHAT)
    assert await floor.match() is None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    assert await floor.match() is None  # accepted, and not dialled yet: the voice is taken all the same
    agent = await floor.see(agent_id)
    assert [each.contact_id for each in agent.others] == [chat.contact_id]


async def test_agent_on_a_call_is_never_asked_to_call_somebody_back(floor: Floor) -> None:
    _, agent_id, call = await floor.talking(wrap_up_duration=timedelta(0))
    made = await ask(floor, call.queue_id)
    assert await floor.match() is None
    await floor.hang_up(call)
    offer = await floor.match()
    assert offer is not None and (offer.agent_id, offer.contact_id) == (agent_id, made.contact_id)


async def test_agent_without_voice_is_not_asked_to_call_anybody_back(floor: Floor) -> None:
    queue, writer = await floor.queue(), await floor.agent()
    await floor.run(agent_ops.update_agent, writer, {"capacities": {VOICE: 0}}, 0)
    await ask(floor, queue.queue_id)
    assert await floor.match() is None
    caller = await floor.agent("Rena")
    offer = await floor.match()
    assert offer is not None and offer.agent_id == caller


async def test_agent_whose_customer_can_not_be_called_goes_on_with_the_chat(floor: Floor) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    chat = await writing(floor, queue.queue_id)
    made = await ask(floor, queue.queue_id)
    calling = await accept(floor)
    await floor.run(ops.fail_call, calling.contact_id, agent_id)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.others) == (AgentState.ON_CONTACT, chat.contact_id, ())
    assert [each.outcome for each in (await see(floor, made)).attempts] == [Outcome.NOT_DIALLED]


async def test_chat_that_ends_meanwhile_leaves_the_callback_as_it_is(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await writing(floor, queue.queue_id)
    await ask(floor, queue.queue_id)
    calling = await accept(floor)
    await floor.hang_up(chat)
    agent = await floor.see(agent_id)
    assert (agent.contact_id, agent.channel, agent.others) == (calling.contact_id, VOICE, ())
    await end(floor, await dial(floor, calling), answered=True)
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE
    assert (await see(floor, calling)).state is CallbackState.COMPLETED


async def test_offer_at_the_desk_stays_one_when_the_chat_beside_it_ends(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_duration=timedelta(0)), await floor.agent()
    chat = await writing(floor, queue.queue_id)
    made = await ask(floor, queue.queue_id)
    assert await floor.match() is not None
    await floor.hang_up(chat)
    agent = await floor.see(agent_id)
    assert agent.state is AgentState.OFFERED and not agent.found_away
    await floor.run(agent_ops.detach_station, agent_id, agent.station_time)
    waits = await floor.read(lambda tx: contact_ops.get_contact(tx, made.contact_id))
    assert waits.state is ContactState.QUEUED
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "no_station")


@pytest.mark.parametrize("how", ["cancelled", "withdrawn"])
async def test_callback_that_is_taken_back_while_it_rings_gives_the_agent_back_to_the_chat(
    floor: Floor, how: str
) -> None:
    queue, agent_id = await floor.queue(), await floor.agent()
    chat = await writing(floor, queue.queue_id)
    made = await ask(floor, queue.queue_id)
    assert await floor.match() is not None
    if how == "cancelled":
        await floor.run(ops.cancel_callback, made.callback_id, "found it out")
    else:
        floor.clock.advance(timedelta(days=3))
        await floor.run(ops.keep_times)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.contact_id, agent.next_state) == (AgentState.ON_CONTACT, chat.contact_id, None)


async def test_agent_who_misses_a_callback_comes_back_by_themselves_and_it_keeps_its_place(floor: Floor) -> None:
    queue = await floor.queue(missed_offer_return=timedelta(seconds=15))
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    assert await floor.match() is not None
    floor.clock.advance(timedelta(seconds=20))
    assert await floor.run(offer_ops.expire_offers) == 1
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.missed_offers) == (AgentState.NOT_READY, "missed_offer", 1)
    again = await see(floor, made)
    assert (again.state, again.place_time, again.contact_id) == (
        CallbackState.WAITING, made.place_time, made.contact_id,
    )  # fmt: skip
    floor.clock.advance(timedelta(seconds=15))
    assert await floor.run(agent_ops.return_agents) == 1
    assert floor.last(AgentStateChanged).agent.state is AgentState.AVAILABLE
    offer = await floor.match()
    assert offer is not None and (offer.agent_id, offer.contact_id) == (agent_id, made.contact_id)


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (WrapUpMode.NONE, AgentState.AVAILABLE), (WrapUpMode.OPTIONAL, AgentState.AVAILABLE),
        (WrapUpMode.UNTIMED, AgentState.WRAP_UP), (WrapUpMode.FIXED, AgentState.WRAP_UP),
    ],
)  # fmt: skip
async def test_call_to_the_customer_is_wrapped_up_by_the_queues_mode(
    floor: Floor, mode: WrapUpMode, state: AgentState
) -> None:
    queue = await floor.queue(wrap_up_mode=mode, callbacks=CallbackRules(attempts=1))
    agent_id = await floor.agent()
    made = await ask(floor, queue.queue_id)
    calling = await accept(floor)
    assert (await floor.read(lambda tx: contact_ops.get_contact(tx, calling.contact_id))).wrap_up_mode is mode
    await end(floor, await dial(floor, calling), "BUSY")
    assert (await floor.see(agent_id)).state is state
    assert (await see(floor, made)).state is CallbackState.FAILED


async def test_agent_who_wants_to_be_away_is_so_once_the_callback_is_over(floor: Floor) -> None:
    queue, agent_id = await floor.queue(wrap_up_mode=WrapUpMode.NONE), await floor.agent()
    await ask(floor, queue.queue_id)
    calling = await accept(floor)
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    await floor.run(ops.fail_call, calling.contact_id, agent_id)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, bool(agent.reason_id)) == (AgentState.NOT_READY, "lunch", True)
