"""What is due without anybody asking: reservations nobody renews or whose call ended, grants whose time is over."""

from __future__ import annotations

from chassis.sql import Database
from chassis.telemetry import log

from billing.live.charging import Charges
from billing.ops import reservations, wallets


class Sweeps:
    """Loops that main runs. Each row is a transaction of its own; its trouble isn't the others'."""

    EVERY_SECONDS = 1
    EXPIRY_SECONDS = 30

    def __init__(self, db: Database, charges: Charges) -> None:
        self._db = db
        self._charges = charges

    async def reservations(self) -> None:
        """Returns what calls hold that nobody renews, and settles those that have a detail record."""
        now = self._db.clock.now()
        for tenant_id, call_id in await self._db.system(lambda tx: reservations.due(tx, now), read_only=True):
            try:
                row = await self._db.run(tenant_id, lambda tx, c=call_id: reservations.get(tx, c), read_only=True)
                deck = await self._charges.deck_of(tenant_id, row)
                await self._db.run(
                    tenant_id, lambda tx, c=call_id, d=deck: reservations.tidy(tx, c, d, self._db.clock.now())
                )
            except Exception as error:
                log.error("a reservation waits for the next sweep", call_id=call_id, exc_info=error)
            else:
                self._charges.forget(tenant_id, call_id)

    async def grants(self) -> None:
        """Ends grants whose time is over."""
        now = self._db.clock.now()
        for tenant_id in await self._db.system(lambda tx: wallets.tenants_with_expired(tx, now), read_only=True):
            try:
                await self._db.run(tenant_id, lambda tx: wallets.expire(tx, self._db.clock.now()))
            except Exception as error:
                log.error("expired grants wait for the next sweep", tenant_id=tenant_id, exc_info=error)
