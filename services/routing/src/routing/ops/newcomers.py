"""Contacts that come: what they name is looked up and they are written together, by the same few statements however
many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from kernel.skills import skill_finder

from routing.domain import agents, contacts, explaining, requirements
from routing.domain.agents import AT_WORK, Agent, AgentNotAvailable, AgentNotFound, AgentState, Directly
from routing.domain.capacity import USUAL_RULES, CapacityRules
from routing.domain.contacts import CallOver, Contact, ContactKind, ContactTrigger
from routing.domain.facts import ContactDequeued, ContactQueued
from routing.domain.queues import DIRECT, Queue, QueueNotFound, SkillNotFound, require_skills
from routing.ledger import Ledger
from routing.ops.saving import put_contact
from routing.store import agents as agent_store
from routing.store import capacity as capacity_store
from routing.store import contacts as store
from routing.store import queues as queue_store

FORWARDED = "forwarded"
"""Why a contact for one agent is over at once: telephony knows where it goes."""


@dataclass(frozen=True)
class Newcomer:
    """A contact that came at `time`: who came first waits first, also of those who are written together."""

    draft: Contact
    time: datetime
    context: Context = field(default_factory=copy_context, compare=False)


@dataclass(frozen=True)
class Known:
    """What the rows say of the queues, skills, agents and calls that some contacts name."""

    queues: Mapping[str, Queue]
    skills: Set[str]
    skill_of: Callable[[str], str | None]
    """A skill by its name or id: of all there are, when one of the contacts asks for some by an expression."""
    agents: Mapping[str, Agent]
    ended_calls: Set[str]
    capacity: CapacityRules

    def admit(self, contact: Contact) -> tuple[Contact, Queue]:
        """A new contact, what it asks for by the ids of skills, and its queue, when it may be added. QueueNotFound,
        SkillNotFound, CallOver, InvalidInput when nobody could ever take it."""
        queue = self.queues.get(contact.queue_id) if contact.queue_id else DIRECT
        if queue is None or queue.deleted:
            raise QueueNotFound("no such queue")
        levels = require_skills(contact.required_skills, "contact.required_skills")
        if {level.skill_id for level in levels} - self.skills:
            wrong = "contact.required_skills names a skill that does not exist"
            raise SkillNotFound(wrong, metadata={"fault": "SKILL_UNKNOWN"})
        requirement = requirements.by_id(contact.requirement, self.skill_of, "contact.requirement")
        contact = replace(contact, requirement=requirement)
        if contact.call_id in self.ended_calls:
            raise CallOver("the call is over")
        if not contact.target_agent_id:
            require_possible(queue, contact, "contact.requirement" if requirement else "contact.required_skills")
        return contact, queue

    def reaches(self, contact: Contact) -> Directly:
        """How a contact meets the one agent it is for. AgentNotFound, AgentNotAvailable."""
        agent = self.agents.get(contact.target_agent_id)
        if agent is None or not agent.active:
            raise AgentNotFound("no such agent")
        takes = self.capacity.capacity(contact.channel, agent.capacities) > 0
        meets = agents.directly(agent, free=explaining.is_free(agent, contact, self.capacity), takes=takes)
        consult = contact.kind is ContactKind.CONSULT
        if meets is Directly.REFUSED or (consult and agent.state is AgentState.OFFLINE and not agent.findable):
            why = "the agent is not at work" if takes else f"the agent takes no contacts of {contact.channel}"
            raise AgentNotAvailable(why, metadata={"state": agent.state})
        return Directly.WAITS if consult else meets


async def look_up(tx: Ledger, named_by: Sequence[Contact]) -> Known:
    """What these contacts name, as far as there is any of it."""
    queues = {each.queue_id for each in named_by} - {""}
    skills = {level.skill_id for each in named_by for level in each.required_skills}
    agent_ids = {name for each in named_by for name in (each.target_agent_id, each.preferred_agent_id)} - {""}
    calls = {each.call_id for each in named_by} - {""}
    in_words = any(each.requirement.strip() for each in named_by)
    for_one = any(each.target_agent_id for each in named_by)
    found = await agent_store.find_agents(tx, sorted(agent_ids)) if agent_ids else []
    return Known(
        {each.queue_id: each for each in (await queue_store.find_queues(tx, sorted(queues)) if queues else ())},
        await queue_store.known_skills(tx, skills) if skills else frozenset(),
        skill_finder(await queue_store.skill_names(tx) if in_words else {}),
        {each.agent_id: each for each in found},
        await store.ended_among(tx, sorted(calls)) if calls else frozenset(),
        await capacity_store.find_rules(tx) if for_one else USUAL_RULES,
    )


async def enqueue_contacts(tx: Ledger, newcomers: Sequence[Newcomer], known: Known) -> Sequence[Contact | DomainError]:
    """Let contacts wait; what came of each. QueueNotFound, AgentNotFound; AgentNotAvailable when the one agent it is
    for is OFFLINE and not to be found elsewhere; CallOver when the customer has hung up already. One is over at once,
    "forwarded", when that agent's last resort is all there is; a CONSULT is refused then: whoever asks wants that
    agent."""
    outcomes: list[Contact | DomainError] = []
    added: list[tuple[int, Newcomer, Contact, Directly]] = []
    for place, newcomer in enumerate(newcomers):
        try:
            contact, meets = _admitted(newcomer, known)
        except DomainError as error:
            outcomes.append(error)
        else:
            outcomes.append(contact)
            added.append((place, newcomer, contact, meets))
    await store.add_contacts(tx, [contact for _, _, contact, _ in added])
    for place, newcomer, contact, meets in added:
        with tx.part_of(newcomer.context):
            tx.follow(contact.traceparent)
            tx.tell(ContactQueued(contact))
            if meets is not Directly.WAITS:
                outcomes[place] = await _forward(tx, contact, newcomer.time)
    return outcomes


def preferring(contact: Contact, queue: Queue, agent: Agent | None, passed: timedelta) -> Contact:
    """With the time that its preferred agent has it alone, from `passed` on: none when they are not at work, or there
    is no such agent any more."""
    at_work = agent is not None and agent.active and agent.state in AT_WORK
    return replace(contact, preferred_wait=passed + queue.rules.preferred_wait if at_work else timedelta(0))


def require_possible(queue: Queue, contact: Contact, field: str) -> None:
    """InvalidInput when nobody could ever take it."""
    if not requirements.both(queue.requirement, contact.asked):
        raise InvalidInput.of(field, "contradict what the queue asks for: nobody could ever take it")


def _admitted(newcomer: Newcomer, known: Known) -> tuple[Contact, Directly]:
    now = newcomer.time
    checked = contacts.check_waiting(newcomer.draft)
    contact = replace(checked, contact_id=new_id("con", now), queue_time=now, create_time=now)
    meets = known.reaches(contact) if contact.target_agent_id else Directly.WAITS
    contact, queue = known.admit(contact)
    return preferring(contact, queue, known.agents.get(contact.preferred_agent_id), timedelta(0)), meets


async def _forward(tx: Ledger, contact: Contact, now: datetime) -> Contact:
    after = contacts.moved(contact, ContactTrigger.DEQUEUE, end_time=now, agent_id="")
    await put_contact(tx, contact, after, now)
    tx.tell(ContactDequeued(after, FORWARDED))
    return after
