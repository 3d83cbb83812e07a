"""Queries over all tenants, for the system role: where is work due, what must a matcher know of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, union

from routing.domain.agents import AgentState
from routing.domain.contacts import ContactState
from routing.domain.offers import OfferState
from routing.store.agents import is_returning
from routing.store.rows import Transaction
from routing.store.tables import agents, callbacks, contacts, ended_calls, offers, queues


async def tenants_due(tx: Transaction, now: datetime) -> list[str]:
    """Tenants with an offer, a wrap-up, an agent's time after a missed offer or a callback whose time is over."""
    rows = await tx.all(
        union(
            select(offers.c.tenant_id).where(offers.c.state == OfferState.PENDING, offers.c.expire_time <= now),
            select(contacts.c.tenant_id).where(
                contacts.c.state == ContactState.WRAP_UP, contacts.c.wrap_up_expire_time <= now
            ),
            select(agents.c.tenant_id).where(is_returning(now)),
            select(callbacks.c.tenant_id).where(callbacks.c.next_time <= now),
        )
    )
    return sorted(row["tenant_id"] for row in rows)


async def tenants_watching_waits(tx: Transaction) -> list[str]:
    """Tenants where somebody waits in a queue with an overflow, or with steps that come by expected wait."""
    rows = await tx.all(
        select(contacts.c.tenant_id)
        .join(queues, (queues.c.tenant_id == contacts.c.tenant_id) & (queues.c.queue_id == contacts.c.queue_id))
        .where(contacts.c.state == ContactState.QUEUED, queues.c.watches_wait.is_(True))
        .distinct()
    )
    return sorted(row["tenant_id"] for row in rows)


async def tenants_at_work(tx: Transaction) -> list[str]:
    """Tenants where somebody waits or is available."""
    rows = await tx.all(
        union(
            select(agents.c.tenant_id).where(agents.c.state == AgentState.AVAILABLE),
            select(contacts.c.tenant_id).where(contacts.c.state == ContactState.QUEUED),
        )
    )
    return sorted(row["tenant_id"] for row in rows)


async def tenants_with_old_calls(tx: Transaction, before: datetime) -> list[str]:
    """Tenants that remember calls which ended before then."""
    rows = await tx.all(select(ended_calls.c.tenant_id).where(ended_calls.c.create_time < before).distinct())
    return sorted(row["tenant_id"] for row in rows)
