"""Runs the sweeps of tenancy, every few minutes, at every replica: what one has removed the others don't find."""

from __future__ import annotations

from chassis.sql import Database

from tenancy.ops import inventory
from tenancy.store import sweeps

EVERY_SECONDS = 300.0
KEPT_EVERY_SECONDS = 15.0
"""A number nobody holds any more is offered to everybody this soon."""
_ROUNDS = 50


async def sweep(db: Database) -> None:
    """Removes what is over; after 50 batches the rest waits for the next run."""
    now = db.clock.now()
    for _ in range(_ROUNDS):
        removed = await db.system(lambda tx: sweeps.attempts_and_states(tx, now))
        ended = await db.system(lambda tx: sweeps.find_ended_sessions(tx, now), read_only=True)
        for tenant_id, sessions in ended.items():
            await db.run(tenant_id, lambda tx, found=sessions: sweeps.remove_sessions(tx, found))
        dead = await db.system(lambda tx: sweeps.find_dead_links(tx, now), read_only=True)
        for tenant_id, links in dead.items():
            await db.run(tenant_id, lambda tx, found=links: sweeps.remove_links(tx, found))
        full = max(removed, *(sum(map(len, found.values())) for found in (ended, dead)))
        if full < sweeps.BATCH:
            return


async def end_kept(db: Database) -> None:
    """Ends holds and quarantines whose time has passed."""
    now = db.clock.now()
    for _ in range(_ROUNDS):
        if not await db.system(lambda tx: inventory.end_kept(tx, now)):
            return
