"""Erases, by and by, of dialled numbers what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta

from chassis.telemetry import log
from kernel.errors import DomainError

from billing.live.rating import Rating
from billing.ops import erasing as ops

EVERY_SECONDS = 3600
_TENANTS = 200


class Eraser:
    """Shortens numbers of calls that began longer than `kept_for` ago. At every replica: a batch is one transaction,
    and what was done is done."""

    def __init__(self, rating: Rating, kept_for: timedelta) -> None:
        self._rating, self._kept_for = rating, kept_for

    async def erase(self) -> None:
        """All that is due, of every tenant; one's trouble isn't the others'."""
        horizon, after = self._rating.db.clock.now() - self._kept_for, ""
        while True:
            found = await self._rating.db.system(
                lambda tx, last=after: ops.due(tx, horizon, last, _TENANTS), read_only=True
            )
            for tenant_id in found:
                try:
                    while await self._rating.run(tenant_id, lambda tx, decks: ops.shorten_next(tx, horizon, decks)):
                        pass
                except DomainError as error:
                    log.warning("dialled numbers wait to be erased", tenant_id=tenant_id, reason=error.reason)
            if not found:
                return
            after = found[-1]
