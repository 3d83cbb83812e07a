"""Clears away what is kept long enough, at every replica: what one has removed the others don't find."""

from __future__ import annotations

from chassis.sql import Database

from wfm.ops import adherence

EVERY_SECONDS = 3600.0
BATCH = 1000
_ROUNDS = 20


async def sweep(db: Database) -> None:
    """States of agents that ended too long ago, of each tenant twenty batches at most: the rest waits for the next."""
    now = db.clock.now()
    for tenant_id in await db.system(adherence.tenants_heard_of, read_only=True):
        for _ in range(_ROUNDS):
            if await db.run(tenant_id, lambda tx: adherence.forget(tx, now, BATCH)) < BATCH:
                break
