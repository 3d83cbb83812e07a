"""Refresh tokens, of which a busy session has used thousands."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import delete, select, update

from tenancy.store import lookups
from tenancy.store.tables import refresh_tokens


async def retire(tx: Tx, session_id: str, now: datetime) -> None:
    """Notes every unused token of the session as used now."""
    unused = (*_of(tx, session_id), refresh_tokens.c.use_time.is_(None))
    await tx.execute(update(refresh_tokens).where(*unused).values(use_time=now))


async def forget(tx: Tx, session_id: str, used_before: datetime) -> None:
    """Removes the tokens of the session that were used long ago."""
    old = (*_of(tx, session_id), refresh_tokens.c.use_time < used_before)
    digests = [row["digest"] for row in await tx.all(select(refresh_tokens.c.digest).where(*old))]
    if digests:
        await tx.execute(delete(refresh_tokens).where(*old))
        await lookups.remove(tx, lookups.REFRESH, *digests)


def _of(tx: Tx, session_id: str) -> tuple:
    return refresh_tokens.c.tenant_id == tx.tenant_id, refresh_tokens.c.session_id == session_id
