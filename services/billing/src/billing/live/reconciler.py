"""Media seconds = detail record seconds = billed seconds: looks every five minutes, keeps what differs with its cause,
and fills the gaps it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.sql import Database
from chassis.telemetry import counter, log
from kernel.errors import Unavailable
from merkez.telephony.v1 import call_pb2

from billing import convert
from billing.clients import Telephony
from billing.domain.differences import CallSeconds, Difference
from billing.ops import differences as ops

EVERY_SECONDS = 300
SETTLED = timedelta(minutes=2)
"""Facts of calls that ended less than so long ago may still be under way."""
LOOK_BACK = timedelta(hours=6)
OLDEST = timedelta(days=31)
_MOMENT = timedelta(microseconds=1)
AGAIN = 200
"""So many older calls whose differences are open are looked at again each time, those looked at longest ago first."""
_found = counter("merkez.billing.differences", "Calls whose seconds differ")


@dataclass(frozen=True)
class Reconciled:
    """What one look found."""

    call_count: int
    healed_count: int
    differences: Sequence[Difference]


class Reconciler:
    """Compares tenants' calls."""

    def __init__(self, db: Database, telephony: Telephony) -> None:
        self._db = db
        self._telephony = telephony

    async def look(self) -> None:
        """Every tenant's calls of the last hours, and older ones that differed: what is mended later is resolved. One
        tenant's trouble is not the others'."""
        now = self._db.clock.now()
        for tenant_id in await self._db.system(ops.tenants, read_only=True):
            try:
                await self.reconcile(tenant_id, now - LOOK_BACK, now)
                for time in await self._db.run(
                    tenant_id, lambda tx: ops.open_between(tx, now - OLDEST, now - LOOK_BACK, AGAIN), read_only=True
                ):
                    await self.reconcile(tenant_id, time, time + _MOMENT)
            except Unavailable as error:
                log.warning("calls can't be compared now", tenant_id=tenant_id, exc_info=error)
            except Exception as error:
                log.error("calls can't be compared", tenant_id=tenant_id, exc_info=error)

    async def reconcile(self, tenant_id: str, start: datetime, end: datetime) -> Reconciled:
        """Compares the calls that began in [start, end), fills gaps, and compares again. Raises Unavailable."""
        now = self._db.clock.now()
        told = await self._telephony.cdrs(tenant_id, start, end)
        cdrs = [cdr for cdr in told if convert.end_in(cdr) <= now - SETTLED]
        calls = [_seconds(cdr) for cdr in cdrs]
        fresh = {cdr.call_id for cdr in told} - {cdr.call_id for cdr in cdrs}
        found = await self._db.run(tenant_id, lambda tx: ops.compare(tx, calls, fresh, start, end, now))
        by_id = {cdr.call_id: convert.call_in(cdr) for cdr in cdrs}
        healed = 0
        for each in found:
            if ops.heals(each):
                call = by_id[each.call_id]
                healed += await self._db.run(tenant_id, lambda tx, call=call: ops.heal(tx, call, now))
        if healed:
            found = await self._db.run(tenant_id, lambda tx: ops.compare(tx, calls, fresh, start, end, now))
        if found:
            _found.add(len(found))
            log.warning("calls' seconds differ", tenant_id=tenant_id, differences=len(found), healed=healed)
        return Reconciled(len(calls), healed, found)


def _seconds(cdr: call_pb2.Cdr) -> CallSeconds:
    call = convert.call_in(cdr)
    return CallSeconds(
        cdr.call_id, call.start_time, call.record_seconds, convert.media_in(cdr), convert.talk_in(cdr),
        call.used_seconds, not convert.metered(cdr),
    )  # fmt: skip
