"""Counts of failed sign-ins, by a digest of what is counted: a list of what people tried is personal data too."""

from __future__ import annotations

import hashlib

from chassis.sql import Tx
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from tenancy.domain.attempts import WINDOW, Attempts
from tenancy.store.tables import attempts


def key_of(*parts: str) -> str:
    """What a count is found by."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


async def read(tx: Tx, key: str) -> Attempts | None:
    """The count, if there is one."""
    row = await tx.one_or_none(select(attempts).where(attempts.c.address == key))
    return Attempts(row["failures"], row["window_start"], row["known_until"]) if row else None


async def write(tx: Tx, key: str, counted: Attempts) -> None:
    """Keeps a count."""
    values = {
        "failures": counted.failures,
        "window_start": counted.window_start,
        "known_until": counted.known_until,
        "expire_time": max(counted.window_start + WINDOW, counted.known_until or counted.window_start),
    }
    statement = insert(attempts).values(address=key, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["address"], set_=values))
