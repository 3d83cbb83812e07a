"""A preferred agent who stops working before a contact that waits for them is offered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from routing.domain.agents import AgentState
from routing.domain.rules import Rules
from routing.ops import agents as agent_ops
from routing.ops import offers as offer_ops
from routing.ops import waits

from .conftest import Floor

SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize("leaves", [AgentState.OFFLINE, AgentState.NOT_READY])
async def test_preferred_agent_who_leaves_before_it_is_offered_is_waited_for_no_longer(
    floor: Floor, leaves: AgentState
) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=1200 * SECONDS))
    mine, other = await floor.agent("Mine"), await floor.agent("Other")
    waiting = await floor.contact(queue.queue_id, preferred_agent_id=mine)
    await floor.run(agent_ops.set_state, mine, leaves, "")
    why = await floor.read(lambda tx: waits.explain_contact(tx, waiting.contact_id, floor.clock.now()))
    assert why.preferred_until is None
    kept = {each.agent_id: each.rejection for each in why.agents}
    assert kept[mine].startswith(f"state:{leaves}") and not kept[other]
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (waiting.contact_id, other)


async def test_preferred_agent_who_goes_home_after_the_call_they_are_in_is_waited_for_until_it_is_over(
    floor: Floor,
) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=1200 * SECONDS), wrap_up_duration=timedelta(0))
    mine = await floor.agent("Mine")
    talk = await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, mine)
    other = await floor.agent("Other")
    waiting = await floor.contact(queue.queue_id, preferred_agent_id=mine)
    await floor.run(agent_ops.set_state, mine, AgentState.OFFLINE, "")
    assert await floor.match() is None
    await floor.hang_up(talk)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (waiting.contact_id, other)
