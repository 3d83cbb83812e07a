"""Agents, contacts and queues as the board sees them."""

from __future__ import annotations

from routing.domain.agents import Agent, AgentState
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.courses import Line
from routing.domain.matches import Waiting
from routing.domain.queues import Queue, demand
from routing.domain.ranking import LAST, Ready, Tally
from routing.domain.room import has_any_room, with_room

_BY_TELEPHONE = frozenset({Channel.VOICE})


def ready_of(agent: Agent, rules: CapacityRules = USUAL_RULES) -> Ready | None:
    """The agent as the board sees them; None unless AVAILABLE, found by telephone, or with room for more."""
    if agent.state is AgentState.AVAILABLE or agent.findable:
        return seen(agent, rules)
    if agent.state not in (AgentState.ON_CONTACT, AgentState.WRAP_UP) or agent.next_state is not None:
        return None
    return seen(agent, rules) if agent.active and has_any_room(agent.held, agent.capacities, rules) else None


def seen_idle(agent: Agent) -> Ready:
    """The agent as the board would see them if they were ready now and held nothing, capacities aside."""
    held = {level.skill_id: level.proficiency for level in agent.skills}
    tally = Tally(
        agent.last_offer_time.timestamp() if agent.last_offer_time is not None else 0.0, agent.shift_contacts,
        agent.shift_talk.total_seconds(), agent.cost,
    )  # fmt: skip
    queue_ids = frozenset(agent.queue_ids)
    if agent.findable:
        direct = agent.passed_over or not agent.reach.queue_calls
        return Ready(agent.agent_id, LAST, held, queue_ids, agent.version, direct, tally, _BY_TELEPHONE)
    return Ready(agent.agent_id, agent.idle_since or agent.state_time, held, queue_ids, agent.version, tally=tally)


def seen(agent: Agent, rules: CapacityRules = USUAL_RULES) -> Ready:
    """The agent as the board would see them if they were ready now."""
    idle = seen_idle(agent)
    return idle if idle.away else with_room(idle, agent.held, agent.capacities, rules)


def waiting_of(contact: Contact) -> Waiting | None:
    """The contact as the board sees it; None when not QUEUED."""
    if contact.state is not ContactState.QUEUED:
        return None
    return Waiting(
        contact.contact_id, contact.queue_id, contact.queue_time.timestamp(), contact.points,
        contact.asked, contact.version, contact.traceparent, contact.target_agent_id,
        contact.preferred_agent_id, contact.preferred_wait.total_seconds(), contact.fired_steps,
        contact.to_be_called, contact.channel,
    )  # fmt: skip


def line_of(queue: Queue) -> Line:
    """The queue as the board sees it."""
    return Line(queue.queue_id, queue.open_to_all, demand(queue.required_skills), queue.rules)
