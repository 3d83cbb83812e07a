"""Whether anybody is signed in who could take a contact, now or by what still widens for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from routing.domain.agents import NO_STATION, Agent, AgentState
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact
from routing.domain.explaining import stages_ahead, unfit
from routing.domain.queues import Queue

GRACE = timedelta(seconds=30)
"""For so long whoever went OFFLINE counts as there: a page that is loaded anew must not send everybody away."""
LOST = timedelta(minutes=5)
"""For so long whoever was ready when their desk went out of reach does: a network may come back, and who closed the
browser and went home says nothing more."""
ASLEEP = timedelta(hours=2)
"""For so long whoever is on a break, or in wrap-up, with the desk out of reach does: their machine may sleep."""


def is_staffed(
    contact: Contact, queue: Queue, agents: Iterable[Agent], now: datetime, capacity: CapacityRules = USUAL_RULES
) -> bool:  # fmt: skip
    """Whether one of the agents is signed in, or found by telephone, and could take it, busy or not."""
    anybody = replace(contact, preferred_wait=timedelta(0))
    stages = [stage for _, stage in stages_ahead(anybody, queue, now)]
    return any(
        _signed_in(agent, now) and not all(unfit(agent, each, anybody, queue, capacity) for each in stages)
        for agent in agents
    )


def _signed_in(agent: Agent, now: datetime) -> bool:
    if not agent.active or agent.findable:
        return agent.active
    since = now - agent.state_time
    if agent.state is AgentState.OFFLINE:
        return since < GRACE
    if agent.state in (AgentState.NOT_READY, AgentState.WRAP_UP) and not agent.has_station:
        return since < (LOST if agent.reason == NO_STATION else ASLEEP)
    return True
