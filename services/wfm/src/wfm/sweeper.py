"""Clears away what is kept long enough, and looks at what waited for a week to be published. At every replica: what one
has done the others don't find."""

from __future__ import annotations

from chassis.sql import Database
from chassis.telemetry import log
from kernel.errors import DomainError

from wfm.ops import adherence, time_off

EVERY_SECONDS = 3600.0
LOOK_SECONDS = 300.0
BATCH = 1000
_ROUNDS = 20


async def sweep(db: Database) -> None:
    """States of agents that ended too long ago, of each tenant twenty batches at most: the rest waits for the next."""
    now = db.clock.now()
    for tenant_id in await db.system(adherence.tenants_heard_of, read_only=True):
        for _ in range(_ROUNDS):
            if await db.run(tenant_id, lambda tx: adherence.forget(tx, now, BATCH)) < BATCH:
                break


async def look(db: Database) -> None:
    """Requests for time off that couldn't be decided before their week was out. One tenant's trouble is no other's."""
    now = db.clock.now()
    for tenant_id in await db.system(time_off.tenants_waiting, read_only=True):
        try:
            await db.run(tenant_id, lambda tx: time_off.look_at_published(tx, now))
        except DomainError:
            log.exception("requests that wait could not be looked at", tenant_id=tenant_id)
