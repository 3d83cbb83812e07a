"""Facts that a service has told: what its outbox holds."""

from __future__ import annotations

from typing import Any

from chassis.facts import message_class
from chassis.sql import Database
from sqlalchemy import select


async def told(db: Database, tenant_id: str, *names: str) -> list[Any]:
    """A tenant's facts in the order they were told in; of these `names` only, such as `CallEnded`, when any are given.

    What the relay has sent is gone: only for a service without one.
    """
    outbox = db.standard.outbox
    mine = select(outbox).where(outbox.c.tenant_id == tenant_id).order_by(outbox.c.position)
    rows = await db.run(tenant_id, lambda tx: tx.all(mine), read_only=True)
    facts = [message_class(row["fact"]).FromString(row["payload"]) for row in rows]
    return [fact for fact in facts if not names or fact.DESCRIPTOR.name in names]
