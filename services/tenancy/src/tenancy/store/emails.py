"""E-mails that wait."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import select

from tenancy.store.tables import emails

_AT_ONCE = 20


async def due(tx: Tx, now: datetime) -> list[tuple[str, str]]:
    """(tenant, e-mail) of what should be sent, longest waiting first. System transaction."""
    statement = select(emails.c.tenant_id, emails.c.email_id).where(emails.c.next_attempt_time <= now)
    found = await tx.all(statement.order_by(emails.c.next_attempt_time).limit(_AT_ONCE))
    return [(row["tenant_id"], row["email_id"]) for row in found]
