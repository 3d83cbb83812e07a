"""Agents: who they are, where they stand, what they can do, whether voice reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kernel.errors import InvalidInput

from routing.domain import agents
from routing.domain.agents import AWAY, MAX_COST, Agent, AgentNotFound, AgentState, Reach, newcomer, wish
from routing.domain.capacity import check_capacities
from routing.domain.contacts import Contact
from routing.domain.facts import AgentChanged, OfferRescinded
from routing.domain.offers import Offer, withdrawn
from routing.domain.queues import Disposition, QueueNotFound, require_ids
from routing.ledger import Ledger
from routing.ops import presence, wrapup
from routing.ops.queues import require_known_skills, require_plan_for, require_version, rules_of
from routing.ops.releasing import agent_gone
from routing.ops.saving import move_of, put_agent, put_move
from routing.store import agents as store
from routing.store import contacts as contact_store
from routing.store import offers as offer_store
from routing.store import queues as queue_store


@dataclass(frozen=True)
class Desktop:
    """What an agent's screen is built from."""

    agent: Agent
    offer: Offer | None
    contact: Contact | None
    dispositions: Sequence[Disposition]


async def ensure_agent(tx: Ledger, agent_id: str, display_name: str, now: datetime, *, user_version: int = 0) -> Agent:
    """The agent of a user, made when the news of them is still under way."""
    known = await store.find_agent(tx, agent_id)
    if known is not None:
        return known
    agent = newcomer(agent_id, display_name, now, user_version)
    await store.add_agent(tx, agent)
    tx.tell(AgentChanged(agent))
    return agent


async def change_user(
    tx: Ledger, agent_id: str, display_name: str, active: bool, user_version: int, now: datetime
) -> Agent:
    """A user joined, was renamed, disabled or enabled. Disabling takes a ringing offer back at once. News older than
    `user_version` of what is known changes nothing."""
    agent = await ensure_agent(tx, agent_id, display_name, now, user_version=user_version if active else 0)
    if user_version <= agent.user_version:
        return agent
    if not active:
        agent = await _take_offer_back(tx, agent, now)
        await wrapup.leave_wrap_up(tx, agent, now)
    after = agents.disabled(agent, now) if agent.active and not active else replace(agent, active=active)
    name = display_name[:200] or agent.display_name
    after = replace(after, display_name=name, user_version=user_version, version=agent.version + 1)
    return await put_agent(tx, agent, after, now)


async def set_state(
    tx: Ledger, agent_id: str, state: AgentState, reason: str, now: datetime, *, reason_id: str = ""
) -> Agent:
    """Set the state an agent, or their supervisor, wants; kept as the next state while a contact is at hand. Who goes
    while they are only kept for a customer who is called is replaced. NotReadyReasonNotFound,
    NotReadyReasonArchived."""
    agent = await get_agent(tx, agent_id)
    if state is AgentState.NOT_READY:
        reason, reason_id = await presence.picked(tx, reason, reason_id, now)
    elif reason_id:
        raise InvalidInput.of("reason_id", "goes with NOT_READY")
    after = await put_agent(tx, agent, wish(agent, state, reason, now, reason_id), now)
    # The customer would answer, and wait for somebody who went home.
    return await _take_offer_back(tx, after, now, kept=True) if state in AWAY else after


async def return_agents(tx: Ledger, now: datetime, limit: int = 50) -> int:
    """Have everybody back whose time after a missed offer is over; how many."""
    due = await store.agents_returning(tx, now, limit)
    for agent in due:
        await put_agent(tx, agent, agents.returned(agent, now), now)
    return len(due)


async def get_agent(tx: Ledger, agent_id: str) -> Agent:
    """One who may work here."""
    agent = await store.find_agent(tx, agent_id)
    if agent is None or not agent.active:
        raise AgentNotFound("no such agent")
    return agent


async def is_agent(tx: Ledger, agent_id: str) -> bool:
    """Whether there is a row of them."""
    return await store.find_agent(tx, agent_id) is not None


async def list_agents(tx: Ledger, size: int, after: tuple[str, str] | None, *, without: str = "") -> list[Agent]:
    """By name, one more than `size` when there is a next page; all but the agent `without`."""
    return await store.page_of_agents(tx, size, after, without)


async def update_agent(tx: Ledger, agent_id: str, changes: Mapping[str, Any], version: int, now: datetime) -> Agent:
    """Change skills, queues, cost or capacities. FeatureNotInPlan when skills are added."""
    before = await get_agent(tx, agent_id)
    require_version(before.version, version)
    after = replace(before, **changes, version=before.version + 1)
    skills = await require_known_skills(tx, after.skills, "agent.skills")
    await require_plan_for(tx, before.skills, skills)
    if not 0 <= after.cost <= MAX_COST:
        raise InvalidInput.of("agent.cost", f"must be 0 to {MAX_COST}")
    check_capacities(after.capacities, "agent.capacities")
    queue_ids = require_ids("que", after.queue_ids, "agent.queue_ids", 500)
    if "queue_ids" in changes and set(queue_ids) - await queue_store.known_queues(tx, queue_ids):
        raise QueueNotFound("agent.queue_ids names a queue that does not exist")
    return await put_agent(tx, before, replace(after, skills=skills, queue_ids=queue_ids), now)


async def attach_station(tx: Ledger, agent_id: str, station_id: str, at: datetime, now: datetime) -> Agent:
    """Voice reaches the agent now."""
    agent = await ensure_agent(tx, agent_id, "", now)
    return await put_agent(tx, agent, agents.attached(agent, station_id, at), now)


async def detach_station(tx: Ledger, agent_id: str, at: datetime, now: datetime) -> Agent:
    """Voice reaches the agent no more by the station attached at `at`; an offer that rings there goes back to its queue
    at once, unless it rings at their telephones alone."""
    agent = await ensure_agent(tx, agent_id, "", now)
    gone = await put_agent(tx, agent, agents.detached(agent, at, now), now)
    return gone if gone.has_station or gone.found_away else await _take_offer_back(tx, gone, now)


async def set_reach(tx: Ledger, agent_id: str, reach: Reach, now: datetime) -> Agent:
    """Where their calls ring was set anew."""
    agent = await ensure_agent(tx, agent_id, "", now)
    return await put_agent(tx, agent, agents.reached(agent, reach), now)


async def desktop(tx: Ledger, agent_id: str) -> Desktop:
    """The agent with a ringing offer, the contact at hand and the outcomes it may have."""
    agent = await get_agent(tx, agent_id)
    offer = await offer_store.pending_offer(tx, agent_id=agent_id)
    contact = await contact_store.find_contact(tx, agent.contact_id) if agent.contact_id else None
    queue = await rules_of(tx, contact.queue_id) if contact else None
    dispositions = await queue_store.dispositions_of(tx, queue.disposition_ids if queue else ())
    return Desktop(agent, offer if offer is None or not offer.kept else None, contact, dispositions)


async def _take_offer_back(tx: Ledger, agent: Agent, now: datetime, *, kept: bool = False) -> Agent:
    """What rings at them goes back to its queue; with `kept` only what rings nowhere yet."""
    if agent.state is not AgentState.OFFERED:
        return agent
    offer = await offer_store.pending_offer(tx, agent_id=agent.agent_id)
    if offer is None or (kept and not offer.kept):
        return agent
    before = replace(await move_of(tx, offer), agent=agent)
    after = withdrawn(before, now)
    await put_move(tx, before, after, OfferRescinded, now)
    await agent_gone(tx, after.contact, now)
    return after.agent
