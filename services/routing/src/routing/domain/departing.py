"""How a contact stood that left its queue unanswered: kept, so that it can be asked for afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from routing.domain.agents import Agent
from routing.domain.capacity import CapacityRules
from routing.domain.contacts import Contact
from routing.domain.explaining import Explanation, explained, stage_of
from routing.domain.fairness import HeldBack
from routing.domain.queues import Queue
from routing.domain.requirements import skills_named

MOST_KEPT = 20
"""Agents that are kept with a contact, the nearest."""


def asked_of(contact: Contact, queue: Queue, at: datetime) -> tuple[Sequence[str], Sequence[str]]:
    """Agents and queues whose agents the contact is for, both empty for anybody; and the skills that count then, where
    any do."""
    stage, _ = stage_of(contact, queue, at)
    listed = [agent_id for level in queue.rules.levels for agent_id in level.agent_ids] if stage.members else []
    alone = all(each.startswith("usr_") for each in stage.members)
    return (*stage.members, *(() if alone else listed)), sorted(skills_named(stage.requirement))


def parted(
    contact: Contact, queue: Queue, agents: Sequence[Agent], count: int, ahead: int, at: datetime,
    capacity: CapacityRules, held_back: Mapping[str, HeldBack],
) -> Explanation:  # fmt: skip
    """What is kept of a contact that leaves with so many of its queue before it; `agents` are some of the `count` that
    it could have been for."""
    found = explained(contact, queue, agents, (), at, capacity, held_back)
    return replace(found, ahead=ahead, agents=found.agents[:MOST_KEPT], agent_count=count)
