"""The row of whom a tenant's board holds back, and for what: its owner writes it, every process reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from routing.domain.contacts import Channel, ContactState
from routing.domain.fairness import HeldBack
from routing.store.rows import Transaction
from routing.store.tables import contacts, held_back


async def put_held_back(tx: Transaction, held: Sequence[HeldBack], expire_time: datetime) -> None:
    """In place of whatever was said before. It counts until it expires."""
    row = {"tenant_id": tx.tenant_id, "agents": [list(each) for each in held], "expire_time": expire_time}
    made = insert(held_back).values(row)
    await tx.execute(made.on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def find_held_back(tx: Transaction, now: datetime) -> dict[str, HeldBack]:
    """By agent, as long as who they are held back for still waits."""
    row = await tx.one_or_none(
        select(held_back).where(held_back.c.tenant_id == tx.tenant_id, held_back.c.expire_time > now)
    )
    found = [
        HeldBack(agent_id, contact_id, Channel(channel), passed, since)
        for agent_id, contact_id, channel, passed, since in (row["agents"] if row is not None else ())
    ]
    if not found:
        return {}
    waiting = await tx.all(
        select(contacts.c.contact_id).where(
            contacts.c.tenant_id == tx.tenant_id,
            contacts.c.contact_id.in_(sorted({each.contact_id for each in found})),
            contacts.c.state == ContactState.QUEUED,
        )
    )
    known = {each["contact_id"] for each in waiting}
    return {each.agent_id: each for each in found if each.contact_id in known}
