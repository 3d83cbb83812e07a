"""A queue's rules as people write them, made into what is stored: skills by id, and everything named is there."""

from __future__ import annotations

from dataclasses import replace

from kernel.features import Feature
from kernel.ids import is_id
from kernel.skills import skill_finder

from routing.domain import requirements
from routing.domain.agents import AgentNotFound
from routing.domain.faults import fault
from routing.domain.queues import QueueNotFound, SkillNotFound
from routing.domain.rules import Change, ChangeKind, Rules
from routing.ledger import Ledger
from routing.ops.plans import require_feature
from routing.store import agents as agent_store
from routing.store import queues as store

_EXPRESSIONS = {ChangeKind.ALSO: "also", ChangeKind.REQUIRE: "require", ChangeKind.REPLACE: "replace"}


async def known_rules(tx: Ledger, rules: Rules, field: str) -> Rules:
    """The rules with skills by id in their expressions. InvalidInput, SkillNotFound, AgentNotFound, QueueNotFound with
    the place of what is wrong or missing."""
    written = [rules.requirement, *(change.expression for change in rules.changes)]
    if any(written) or rules.skills_named:
        rules = _by_id(rules, await store.skill_names(tx), field)
    agent_ids = sorted(rules.agents_named)
    if agent_ids:
        found = {agent.agent_id for agent in await agent_store.find_agents(tx, agent_ids)}
        for index, level in enumerate(rules.levels):
            for number, agent_id in enumerate(level.agent_ids):
                if is_id("usr", agent_id) and agent_id not in found:
                    place = f"{field}.levels[{index}].agent_ids[{number}]"
                    wrong = f"{place} names an agent who does not exist"
                    raise AgentNotFound(wrong, metadata={"fault": "AGENT_UNKNOWN"})
    queue_ids = sorted(rules.queues_named)
    if queue_ids:
        queues = {queue.queue_id: queue for queue in await store.every_queue(tx)}
        for place, change in _places(rules, field):
            if change.queue_id and change.queue_id not in queues:
                wrong = f"{place}.also_queue_id names a queue that does not exist"
                raise QueueNotFound(wrong, metadata={"fault": "QUEUE_UNKNOWN"})
            if change.queue_id and queues[change.queue_id].open_to_all:
                wrong = "names a queue that is open to everybody, and has no agents of its own: nobody would be added"
                raise fault("NAMES_OPEN_QUEUE", f"{place}.also_queue_id", wrong)
    return rules


async def require_plan_for(tx: Ledger, before: Rules, after: Rules) -> None:
    """FeatureNotInPlan when rules name skills they didn't name before."""
    if after.skills_named - before.skills_named:
        await require_feature(tx, Feature.SKILLS)


def _by_id(rules: Rules, names: dict[str, str], field: str) -> Rules:
    skill_of = skill_finder(names)

    def stated(text: str, place: str) -> str:
        requirements.parsed(text, skill_of, place)
        return requirements.renamed(text, skill_of)

    def known(change: Change, place: str) -> Change:
        for skill_id in (change.skill_id, change.other_skill_id):
            if skill_id and skill_id not in names:
                wrong = f"{place} names a skill that does not exist"
                raise SkillNotFound(wrong, metadata={"fault": "SKILL_UNKNOWN"})
        if change.kind in (ChangeKind.REMOVE, ChangeKind.LOWER, ChangeKind.SWAP) and not change.skill_id:
            raise fault("SKILL_MISSING", f"{place}.skill_id", "is required")
        if change.kind is ChangeKind.SWAP and not change.other_skill_id:
            raise fault("SKILL_MISSING", f"{place}.swap.other_skill_id", "is required")
        if change.kind not in _EXPRESSIONS:
            return change
        return replace(change, expression=stated(change.expression, f"{place}.{_EXPRESSIONS[change.kind]}"))

    steps = tuple(
        replace(
            step,
            changes=tuple(
                known(change, f"{field}.steps[{index}].changes[{number}]") for number, change in enumerate(step.changes)
            ),
        )
        for index, step in enumerate(rules.steps)
    )
    return replace(rules, requirement=stated(rules.requirement, f"{field}.requirement"), steps=steps)


def _places(rules: Rules, field: str) -> list[tuple[str, Change]]:
    return [
        (f"{field}.steps[{index}].changes[{number}]", change)
        for index, step in enumerate(rules.steps)
        for number, change in enumerate(step.changes)
    ]
