"""Why a contact waits: what is asked for now, and what keeps each agent from it. The same rules the board goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from routing.domain.agents import Agent, AgentState
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import Contact
from routing.domain.courses import Stage, ahead, alone, at_desk, course, preferred_until, stage_at
from routing.domain.fairness import HeldBack
from routing.domain.matches import HELD_BACK, why_not
from routing.domain.queues import Queue
from routing.domain.ranking import Ranking
from routing.domain.requirements import score
from routing.domain.rules import Rules
from routing.domain.urgency import urgency_of
from routing.domain.views import line_of, ready_of, seen_idle

MOST_AGENTS = 200
_NOBODY: Mapping[str, HeldBack] = {}


@dataclass(frozen=True)
class Kept:
    """What keeps one agent from a contact; `rejection` is empty for whoever would take it now, `score` None when skills
    are missing. `held_back` says for which contact they wait to have room, when they take nothing else meanwhile: this
    one, or another that comes before it."""

    agent_id: str
    idle: timedelta
    score: int | None
    rejection: str
    held_back: HeldBack | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a contact waits. `agents` are the nearest, at most 200 of `agent_count`."""

    contact: Contact
    stage: Stage
    next_change_time: datetime | None
    preferred_until: datetime | None
    points: float
    counted_wait: timedelta
    ahead: int
    agents: Sequence[Kept]
    agent_count: int
    time: datetime


def stage_of(contact: Contact, queue: Queue, now: datetime) -> tuple[Stage, datetime | None]:
    """What holds for a waiting contact now, and when that changes by itself."""
    if contact.target_agent_id:
        return alone(contact.target_agent_id), None
    since, at = contact.queue_time.timestamp(), now.timestamp()
    preferred = contact.preferred_agent_id
    due = preferred_until(since, contact.preferred_wait.total_seconds(), at) if preferred else None
    callback = contact.to_be_called
    if due is not None:
        return alone(preferred, at_desk=callback), datetime.fromtimestamp(due, now.tzinfo)
    stages = course(line_of(queue), contact.asked, contact.fired_steps)
    stages = at_desk(stages) if callback else stages
    index, due = stage_at(stages, since, at)
    return stages[index], None if due is None else datetime.fromtimestamp(due, now.tzinfo)


def stages_ahead(contact: Contact, queue: Queue, now: datetime) -> list[tuple[float, Stage]]:
    """What holds for a waiting contact now, and what comes for it by waiting, each with the seconds until then."""
    if contact.target_agent_id:
        return [(0.0, alone(contact.target_agent_id))]
    since, at = contact.queue_time.timestamp(), now.timestamp()
    stages = course(line_of(queue), contact.asked, contact.fired_steps)
    callback = contact.to_be_called
    until = preferred_until(since, contact.preferred_wait.total_seconds(), at) if contact.preferred_agent_id else None
    preferred = alone(contact.preferred_agent_id, at_desk=callback) if until is not None else None
    return ahead(at_desk(stages) if callback else stages, since, at, preferred, until)


def unfit(
    agent: Agent, stage: Stage, contact: Contact, queue: Queue, capacity: CapacityRules = USUAL_RULES
) -> str:  # fmt: skip
    """Why an agent could not take it even when ready and holding nothing; empty when they could."""
    if not agent.findable and not capacity.capacity(contact.channel, agent.capacities):
        return "no_capacity"
    ranking = _ranking(queue.rules)
    return why_not(seen_idle(agent), stage, ranking, contact.target_agent_id, contact.preferred_agent_id)


def is_free(agent: Agent, contact: Contact, capacity: CapacityRules = USUAL_RULES) -> bool:
    """Whether an agent who could take it could do so now."""
    if agent.state is AgentState.AVAILABLE or agent.findable:
        return True
    ready = ready_of(agent, capacity)
    return ready is not None and ready.takes(contact.channel)


def in_order(line: Iterable[Contact], queue: Queue, now: datetime) -> list[Contact]:
    """Contacts that wait in a queue, first to last."""
    urgency = urgency_of(queue.rules)

    def place(contact: Contact) -> tuple[float, float, str]:
        return urgency.place(contact.contact_id, contact.queue_time.timestamp(), contact.points, now.timestamp())

    return sorted(line, key=place)


def explained(
    contact: Contact, queue: Queue, agents: Sequence[Agent], line: Iterable[Contact], now: datetime,
    capacity: CapacityRules = USUAL_RULES, held_back: Mapping[str, HeldBack] = _NOBODY,
) -> Explanation:  # fmt: skip
    """Why this contact of the queue waits, with everybody who may work and everything that waits in it; `held_back` by
    agent."""
    stage, change = stage_of(contact, queue, now)
    preferred = bool(contact.preferred_agent_id) and stage.members == (contact.preferred_agent_id,)
    urgency, since = urgency_of(queue.rules), contact.queue_time.timestamp()
    waited = max(0.0, now.timestamp() - since)
    order = [each.contact_id for each in in_order(line, queue, now)]
    kept = sorted(
        (_kept(agent, stage, contact, queue, now, capacity, held_back.get(agent.agent_id)) for agent in agents),
        key=_nearness,
    )
    return Explanation(
        contact, stage, change, change if preferred else None,
        min(urgency.most, contact.points + urgency.growth * waited),
        timedelta(seconds=now.timestamp() - urgency.came(since, contact.points, now.timestamp())),
        order.index(contact.contact_id) if contact.contact_id in order else 0,
        kept[:MOST_AGENTS], len(kept), now,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _ranking(rules: Rules) -> Ranking:
    return Ranking(rules)


def _kept(
    agent: Agent, stage: Stage, contact: Contact, queue: Queue, now: datetime, capacity: CapacityRules,
    waits_for: HeldBack | None,
) -> Kept:  # fmt: skip
    rejection = unfit(agent, stage, contact, queue, capacity)
    rejection = rejection or ("" if is_free(agent, contact, capacity) else _busy(agent))
    if waits_for is not None and waits_for.contact_id != contact.contact_id:
        # Whoever couldn't take it anyway is not kept from it by another's turn.
        rejection, waits_for = (rejection, None) if rejection else (HELD_BACK, waits_for)
    held = {level.skill_id: level.proficiency for level in agent.skills}
    idle = now - agent.idle_since if agent.idle_since is not None else timedelta(0)
    return Kept(agent.agent_id, max(idle, timedelta(0)), score(held, stage.requirement), rejection, waits_for)


def _busy(agent: Agent) -> str:
    return f"state:{agent.state}" + (f":{agent.reason}" if agent.reason else "")


def _nearness(kept: Kept) -> tuple[int, str]:
    """Whoever would take it, then who could if they were free, then who lacks something."""
    if not kept.rejection or kept.rejection == HELD_BACK or kept.rejection.startswith("state:"):
        return (1 if kept.rejection else 0), kept.agent_id
    return (2 if kept.score is not None else 3), kept.agent_id
