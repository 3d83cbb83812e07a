"""Runs the sweeps of tenancy, at every replica: what one has removed or let happen the others don't find."""

from __future__ import annotations

from chassis.sql import Database
from chassis.telemetry import log
from kernel.errors import DomainError

from tenancy.ops import inventory, subscriptions
from tenancy.store import sweeps

EVERY_SECONDS = 300.0
DUE_EVERY_SECONDS = 2.0
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


async def settle_due(db: Database) -> None:
    """Lets happen what has fallen due of subscriptions. One that fails doesn't hold up the others."""
    now = db.clock.now()
    for tenant_id in await db.system(lambda tx: subscriptions.find_due(tx, now), read_only=True):
        try:
            await db.run(tenant_id, lambda tx: subscriptions.settle(tx, now))
        except DomainError:
            log.exception("what is due of a subscription failed", tenant_id=tenant_id)


async def end_kept(db: Database) -> None:
    """Ends holds and quarantines whose time has passed."""
    now = db.clock.now()
    for _ in range(_ROUNDS):
        if not await db.system(lambda tx: inventory.end_kept(tx, now)):
            return
