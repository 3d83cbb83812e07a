"""Whether anybody is signed in who could take a contact, now or by what still widens for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from routing.domain.agents import Agent, AgentState
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact
from routing.domain.explaining import stages_ahead, unfit
from routing.domain.queues import Queue

GRACE = timedelta(seconds=30)
"""For so long whoever went OFFLINE counts as there: a page that is loaded anew must not send everybody away."""


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
    return agent.active and (agent.state is not AgentState.OFFLINE or agent.findable or now - agent.state_time < GRACE)
