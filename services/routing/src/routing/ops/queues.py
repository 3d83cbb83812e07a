"""Looking after queues, skills and dispositions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kernel.features import Feature
from kernel.ids import new_id
from kernel.skills import skill_finder

from routing.domain import requirements
from routing.domain.agents import VersionConflict
from routing.domain.callback_rules import require_time_for_attempts
from routing.domain.callbacks import CallbackState
from routing.domain.facts import QueueChanged, QueueDeleted
from routing.domain.hours import BusinessHoursNotFound
from routing.domain.queues import (
    DIRECT,
    Disposition,
    DispositionInUse,
    DispositionNotFound,
    Queue,
    QueueInUse,
    QueueNotEmpty,
    QueueNotFound,
    Skill,
    SkillExists,
    SkillInUse,
    SkillLevel,
    SkillNotFound,
    adds_skills,
    check_queue,
    require_name,
    require_skills,
)
from routing.domain.rules import DEFAULT
from routing.ledger import Ledger
from routing.ops import overflow_rules
from routing.ops import rules as rules_ops
from routing.ops.plans import require_feature
from routing.ops.saving import put_agent
from routing.store import agents as agent_store
from routing.store import callbacks as callback_store
from routing.store import hours as hours_store
from routing.store import queues as store


async def create_queue(tx: Ledger, draft: Queue, now: datetime) -> Queue:
    """A new waiting line. SkillNotFound, DispositionNotFound for what it names and the tenant has not,
    FeatureNotInPlan."""
    queue = replace(draft, queue_id=new_id("que", now), create_time=now, update_time=now, version=1, deleted=False)
    queue = await sound(tx, queue)
    require_time_for_attempts(queue.callbacks, "queue.callbacks")
    await require_plan_for(tx, (), queue.required_skills)
    await rules_ops.require_plan_for(tx, DEFAULT, queue.rules)
    await store.add_queue(tx, queue)
    tx.tell(QueueChanged(queue))
    return queue


async def get_queue(tx: Ledger, queue_id: str) -> Queue:
    """One that is not deleted."""
    queue = await store.find_queue(tx, queue_id)
    if queue is None or queue.deleted:
        raise QueueNotFound("no such queue")
    return queue


async def rules_of(tx: Ledger, queue_id: str) -> Queue:
    """The rules a contact goes by: those of its queue, also once that is deleted, or of a direct one."""
    if not queue_id:
        return DIRECT
    queue = await store.find_queue(tx, queue_id)
    if queue is None:  # queues are only ever marked deleted
        raise QueueNotFound("the contact's queue is gone")
    return queue


async def list_queues(tx: Ledger, size: int, token: str) -> list[Queue]:
    """Newest first, one more than `size` when there is a next page."""
    return await store.page_of_queues(tx, size, token)


async def update_queue(tx: Ledger, queue_id: str, changes: Mapping[str, Any], version: int, now: datetime) -> Queue:
    """Change the named fields. VersionConflict when it is no longer at `version` (0: whatever is there),
    FeatureNotInPlan when it asks for more skills than before, QueueInUse when it is to be open to everybody while a
    step of another queue calls for its agents."""
    before = await get_queue(tx, queue_id)
    require_version(before.version, version)
    after = await sound(tx, replace(before, **changes, update_time=now, version=before.version + 1))
    if after.callbacks != before.callbacks:
        require_time_for_attempts(after.callbacks, "queue.callbacks")
    if after.open_to_all and not before.open_to_all:
        await _require_nobody_calls_for_its_agents(tx, queue_id)
    await require_plan_for(tx, before.required_skills, after.required_skills)
    await rules_ops.require_plan_for(tx, before.rules, after.rules)
    await store.change_queue(tx, after, before.version)
    if after.callbacks.business_hours_id != before.callbacks.business_hours_id:
        # Who is in line was told when the hours before close, or never if there were none.
        await callback_store.look_again(tx, queue_id, [CallbackState.WAITING], now)
    tx.tell(QueueChanged(after))
    return after


async def delete_queue(tx: Ledger, queue_id: str, now: datetime) -> None:
    """Take it away, also from the agents who list it, and its callbacks with it. QueueNotEmpty while contacts wait in
    it, QueueInUse while a step or an overflow of another queue names it."""
    before = await get_queue(tx, queue_id)
    if await store.waiting_in(tx, queue_id):
        raise QueueNotEmpty("contacts wait in this queue")
    await _require_nobody_calls_for_its_agents(tx, queue_id)
    for other in await store.every_queue(tx):
        if queue_id in other.overflow.queues_named:
            raise QueueInUse(
                f"{other.display_name} overflows to this queue: change that first",
                metadata={"queue_id": other.queue_id},
            )
    await store.change_queue(
        tx, replace(before, deleted=True, update_time=now, version=before.version + 1), before.version
    )
    for agent in await agent_store.agents_listing(tx, queue_id):
        kept = tuple(each for each in agent.queue_ids if each != queue_id)
        await put_agent(tx, agent, replace(agent, queue_ids=kept, version=agent.version + 1), now)
    # Nobody stands in line for those. The sweep cancels them, however many they are.
    await callback_store.look_again(tx, queue_id, [CallbackState.SCHEDULED], now)
    tx.tell(QueueDeleted(queue_id))


async def _require_nobody_calls_for_its_agents(tx: Ledger, queue_id: str) -> None:
    for other in await store.every_queue(tx):
        if queue_id in other.rules.queues_named:
            raise QueueInUse(
                f"a step of {other.display_name} has its contacts taken by this queue's agents: change that first",
                metadata={"queue_id": other.queue_id},
            )


async def create_skill(tx: Ledger, display_name: str, now: datetime) -> Skill:
    """A new skill. SkillExists when another has the name, whatever its case; FeatureNotInPlan."""
    await require_feature(tx, Feature.SKILLS)
    skill = Skill(new_id("skl", now), require_name(display_name, "skill.display_name"), now)
    if not await store.add_skill(tx, skill):
        raise SkillExists("another skill has this name")
    return skill


async def list_skills(tx: Ledger, size: int, token: str) -> list[Skill]:
    """Newest first."""
    return await store.page_of_skills(tx, size, token)


async def delete_skill(tx: Ledger, skill_id: str) -> None:
    """SkillInUse while an agent holds it, or a queue or a waiting contact asks for it."""
    if await store.skill_in_use(tx, skill_id):
        raise SkillInUse("an agent, a queue or a waiting contact has this skill")
    if not await store.delete_skill(tx, skill_id):
        raise SkillNotFound("no such skill")


async def create_disposition(tx: Ledger, display_name: str, now: datetime) -> Disposition:
    """A new outcome."""
    disposition = Disposition(new_id("dsp", now), require_name(display_name, "disposition.display_name"), now)
    await store.add_disposition(tx, disposition)
    return disposition


async def list_dispositions(tx: Ledger, size: int, token: str) -> list[Disposition]:
    """Newest first."""
    return await store.page_of_dispositions(tx, size, token)


async def delete_disposition(tx: Ledger, disposition_id: str) -> None:
    """Contacts keep its id. DispositionInUse while a queue lists it: its agents could pick nothing, and it would be
    refused whatever is changed of it."""
    for queue in await store.every_queue(tx):
        if disposition_id in queue.disposition_ids:
            wrong = f"{queue.display_name} lists this outcome: change that first"
            raise DispositionInUse(wrong, metadata={"queue_id": queue.queue_id})
    if not await store.delete_disposition(tx, disposition_id):
        raise DispositionNotFound("no such disposition")


async def require_known_skills(tx: Ledger, levels: Sequence[SkillLevel], field: str) -> tuple[SkillLevel, ...]:
    """The levels, in order, when they are well formed and the tenant has every skill."""
    levels = require_skills(levels, field)
    named = {level.skill_id for level in levels}
    if named and named - await store.known_skills(tx, named):
        raise SkillNotFound(f"{field} names a skill that does not exist", metadata={"fault": "SKILL_UNKNOWN"})
    return levels


async def require_plan_for(tx: Ledger, before: Sequence[SkillLevel], after: Sequence[SkillLevel]) -> None:
    """FeatureNotInPlan when there are more skills than before: what a plan change left in use stays and may shrink."""
    if adds_skills(before, after):
        await require_feature(tx, Feature.SKILLS)


def require_version(found: int, wanted: int) -> None:
    """VersionConflict unless `wanted` is 0 or what was found."""
    if wanted not in (0, found):
        raise VersionConflict("somebody else changed it first: read it again", metadata={"version": str(found)})


async def known_requirement(tx: Ledger, text: str, field: str) -> str:
    """An expression of skills by their names or ids, with all of them by id. InvalidInput with the place of its
    fault."""
    if not text.strip():
        return ""
    skill_of = skill_finder(await store.skill_names(tx))
    requirements.parsed(text, skill_of, field)
    return requirements.renamed(text, skill_of)


async def skill_names_for(tx: Ledger, queues: Iterable[Queue]) -> Mapping[str, str]:
    """Name by id, for whoever shows these queues' expressions; empty when they have none."""
    return await store.skill_names(tx) if any(queue.rules.skills_named for queue in queues) else {}


async def sound(tx: Ledger, queue: Queue) -> Queue:
    """The queue as it is kept, when its rules can work and what it names is there. InvalidInput, SkillNotFound,
    AgentNotFound, QueueNotFound, DispositionNotFound."""
    skills = await require_known_skills(tx, queue.required_skills, "queue.required_skills")
    queue = replace(
        queue,
        display_name=require_name(queue.display_name, "queue.display_name"),
        required_skills=skills,
        rules=await rules_ops.known_rules(tx, queue.rules, "queue.rules"),
    )
    check_queue(queue)
    await overflow_rules.require_sound(tx, queue, "queue")
    hours_id = queue.callbacks.business_hours_id
    if hours_id and await hours_store.find_hours(tx, hours_id) is None:
        wrong = "queue.callbacks.business_hours_id names business hours that do not exist"
        raise BusinessHoursNotFound(wrong, metadata={"fault": "HOURS_UNKNOWN"})
    known = {each.disposition_id for each in await store.dispositions_of(tx, queue.disposition_ids)}
    if queue.disposition_ids and set(queue.disposition_ids) - known:
        wrong = "queue.disposition_ids names a disposition that does not exist"
        raise DispositionNotFound(wrong, metadata={"fault": "DISPOSITION_UNKNOWN"})
    return queue
