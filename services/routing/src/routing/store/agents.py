"""Rows of agents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.statements import Sought
from sqlalchemy import ColumnElement, RowMapping, and_, case, func, or_, select, true

from routing.domain.agents import AT_WORK, AWAY, BUSY, Agent, AgentState, Reach
from routing.domain.capacity import SPOKEN, Held
from routing.domain.contacts import Channel
from routing.store.rows import (
    Transaction,
    add,
    change,
    duration,
    find,
    milliseconds,
    skills_from_json,
    skills_to_json,
    sought,
)
from routing.store.tables import agents

_FINDABLE = and_(agents.c.reach_away_ms > 0, agents.c.state.in_(sorted(AWAY)), agents.c.active.is_(True))
_ROOMY = and_(
    agents.c.state.in_([AgentState.ON_CONTACT, AgentState.WRAP_UP]), agents.c.channel.not_in(["", *sorted(SPOKEN)])
)
_READY = or_(agents.c.state == AgentState.AVAILABLE, _FINDABLE, _ROOMY)


async def add_agent(tx: Transaction, agent: Agent) -> None:
    """A new one."""
    await add(tx, agents, _row(agent, agent.create_time))


async def change_agent(tx: Transaction, agent: Agent, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, agents, "agent_id", _row(agent, now), was)


async def find_agent(tx: Transaction, agent_id: str) -> Agent | None:
    """One by their user id."""
    row = await find(tx, agents, "agent_id", agent_id)
    return _agent(row) if row is not None else None


def sought_agent(agent_id: str) -> Sought:
    """That row, for who will read it."""
    return sought(agents, "agent_id", agent_id)


async def find_agents(tx: Transaction, agent_ids: Sequence[str]) -> list[Agent]:
    """Those of the ids that exist."""
    rows = await tx.all(select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.agent_id.in_(agent_ids)))
    return [_agent(row) for row in rows]


async def ready_agents(tx: Transaction) -> list[Agent]:
    """Everyone who is AVAILABLE, away and to be found by telephone, or holds what may leave them room."""
    rows = await tx.all(select(agents).where(agents.c.tenant_id == tx.tenant_id, _READY))
    return [_agent(row) for row in rows]


def is_returning(now: datetime) -> ColumnElement[bool]:
    """Whether an agent's time after a missed offer is over, and nothing rings at them."""
    states = (AgentState.NOT_READY, AgentState.ON_CONTACT, AgentState.WRAP_UP)
    return and_(agents.c.return_time <= now, agents.c.state.in_(states))


async def agents_returning(tx: Transaction, now: datetime, limit: int) -> list[Agent]:
    """Those whose time after a missed offer is over."""
    rows = await tx.all(
        select(agents)
        .where(agents.c.tenant_id == tx.tenant_id, is_returning(now))
        .order_by(agents.c.return_time)
        .limit(limit)
    )
    return [_agent(row) for row in rows]


async def ready_versions(tx: Transaction) -> dict[str, int]:
    """Their ids and versions."""
    found = select(agents.c.agent_id, agents.c.version).where(agents.c.tenant_id == tx.tenant_id, _READY)
    return {row["agent_id"]: row["version"] for row in await tx.all(found)}


async def every_agent(tx: Transaction) -> list[Agent]:
    """Everyone who may work here."""
    rows = await tx.all(select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True)))
    return [_agent(row) for row in rows]


async def nearest_agents(
    tx: Transaction, members: Sequence[str], skills: Sequence[str], limit: int
) -> tuple[list[Agent], int]:
    """Of those who may work here and are, or serve, one of the members (agents and queues; none for everybody) so many
    of them, first who has any of the skills, then who is AVAILABLE, at work, away, OFFLINE; and how many there are."""
    there = and_(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True))
    if members:
        named = [each for each in members if each.startswith("usr_")]
        serve = [agents.c.queue_ids.contains([each]) for each in members if each not in named]
        there = and_(there, or_(agents.c.agent_id.in_(named), *serve))
    able = or_(*(agents.c.skills.contains([{"skill_id": each}]) for each in skills)) if skills else true()
    nearness = case(
        (agents.c.state == AgentState.AVAILABLE, 0), (agents.c.state.in_(sorted(BUSY)), 1),
        (agents.c.state == AgentState.NOT_READY, 2), else_=3,
    )  # fmt: skip
    # Whole rows only of those few, and counted by itself: a window over them all costs several times as much.
    rows = await tx.all(
        select(agents.c.agent_id)
        .where(there)
        .order_by(case((able, 0), else_=1), nearness, agents.c.agent_id)
        .limit(limit)
    )
    found = await find_agents(tx, [row["agent_id"] for row in rows]) if rows else []
    if len(found) < limit:
        return found, len(found)
    return found, (await tx.one(select(func.count().label("count")).where(there)))["count"]


async def agents_at_work(tx: Transaction) -> list[Agent]:
    """Everyone who serves queues now or soon."""
    rows = await tx.all(select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.state.in_(sorted(AT_WORK))))
    return [_agent(row) for row in rows]


async def agents_signed_in(tx: Transaction, since: datetime) -> list[Agent]:
    """Everyone who may work here and is not OFFLINE, or wasn't since then, or may be found by telephone."""
    there = or_(agents.c.state != AgentState.OFFLINE, agents.c.state_time > since, agents.c.reach_away_ms > 0)
    rows = await tx.all(select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True), there))
    return [_agent(row) for row in rows]


async def agents_listing(tx: Transaction, queue_id: str) -> list[Agent]:
    """Everyone who lists the queue."""
    rows = await tx.all(
        select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.queue_ids.contains([queue_id]))
    )
    return [_agent(row) for row in rows]


async def page_of_agents(tx: Transaction, size: int, after: tuple[str, str] | None, without: str = "") -> list[Agent]:
    """By name, after the (name, id) given; one more than `size` when there is a next page."""
    listed = select(agents).where(agents.c.tenant_id == tx.tenant_id, agents.c.active.is_(True))
    if without:
        listed = listed.where(agents.c.agent_id != without)
    if after is not None:
        name, agent_id = after
        listed = listed.where(
            or_(agents.c.display_name > name, and_(agents.c.display_name == name, agents.c.agent_id > agent_id))
        )
    rows = await tx.all(listed.order_by(agents.c.display_name, agents.c.agent_id).limit(size + 1))
    return [_agent(row) for row in rows]


def _row(agent: Agent, now: datetime) -> dict[str, Any]:
    return {
        "agent_id": agent.agent_id,
        "display_name": agent.display_name,
        "state": agent.state.value,
        "reason": agent.reason,
        "state_time": agent.state_time,
        "idle_since": agent.idle_since,
        "skills": skills_to_json(agent.skills),
        "queue_ids": list(agent.queue_ids),
        "contact_id": agent.contact_id,
        "next_state": agent.next_state.value if agent.next_state is not None else None,
        "next_reason": agent.next_reason,
        "station_id": agent.station_id,
        "station_time": agent.station_time,
        "active": agent.active,
        "user_version": agent.user_version,
        "reach_away_ms": milliseconds(agent.reach.away),
        "reach_desk_ms": milliseconds(agent.reach.desk),
        "reach_queue_calls": agent.reach.queue_calls,
        "reach_forwards": agent.reach.forwards,
        "reach_version": agent.reach.version,
        "passed_over": agent.passed_over,
        "last_offer_time": agent.last_offer_time,
        "shift_contacts": agent.shift_contacts,
        "shift_talk_ms": milliseconds(agent.shift_talk),
        "reason_id": agent.reason_id,
        "next_reason_id": agent.next_reason_id,
        "return_time": agent.return_time,
        "missed_offers": agent.missed_offers,
        "missed_in_row": agent.missed_in_row,
        "channel": agent.channel.value if agent.channel is not None else "",
        "others": [list(each) for each in agent.others],
        "capacities": {channel.value: most for channel, most in agent.capacities.items()},
        "cost": agent.cost,
        "auto_accept": agent.auto_accept,
        "create_time": agent.create_time,
        "update_time": now,
        "version": agent.version,
    }


def _agent(row: RowMapping) -> Agent:
    return Agent(
        agent_id=row["agent_id"],
        display_name=row["display_name"],
        state=AgentState(row["state"]),
        state_time=row["state_time"],
        create_time=row["create_time"],
        reason=row["reason"],
        idle_since=row["idle_since"],
        skills=skills_from_json(row["skills"]),
        queue_ids=tuple(row["queue_ids"]),
        contact_id=row["contact_id"],
        next_state=AgentState(row["next_state"]) if row["next_state"] is not None else None,
        next_reason=row["next_reason"],
        station_id=row["station_id"],
        station_time=row["station_time"],
        active=row["active"],
        user_version=row["user_version"],
        reach=Reach(
            away=duration(row["reach_away_ms"]),
            desk=duration(row["reach_desk_ms"]),
            queue_calls=row["reach_queue_calls"],
            forwards=row["reach_forwards"],
            version=row["reach_version"],
        ),
        passed_over=row["passed_over"],
        last_offer_time=row["last_offer_time"],
        shift_contacts=row["shift_contacts"],
        shift_talk=duration(row["shift_talk_ms"]),
        reason_id=row["reason_id"],
        next_reason_id=row["next_reason_id"],
        return_time=row["return_time"],
        missed_offers=row["missed_offers"],
        missed_in_row=row["missed_in_row"],
        channel=Channel(row["channel"] or Channel.VOICE) if row["contact_id"] else None,
        others=tuple(Held(contact_id, Channel(channel), wrapping) for contact_id, channel, wrapping in row["others"]),
        capacities={Channel(channel): most for channel, most in row["capacities"].items()},
        cost=row["cost"],
        auto_accept=row["auto_accept"],
        version=row["version"],
    )
