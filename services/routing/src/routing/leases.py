"""Which process matches which tenant: one key per tenant in a NATS key-value bucket, taken by compare-and-set.

An optimisation only: two matchers at once waste work and break nothing, since the rows decide. So whenever the bucket
can't be asked, everybody matches. The revision of the key is the lease's epoch; it is what a holder renews over, so a
holder that was away too long finds its lease taken instead of taking it back.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.telemetry import log
from kernel.clock import Clock
from kernel.ids import home_region
from nats.errors import Error as NatsError
from nats.js.api import StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

BUCKET = "routing_leases"
LIFE_SECONDS = 6.0
RENEW_SECONDS = 2.0


@dataclass
class _Lease:
    epoch: int
    mine: bool
    until: float


class Leases:
    """The leases this process wants, holds, or sees held by others."""

    def __init__(self, bus: Bus | None, holder: str, clock: Clock, tasks: Tasks):
        self._bus, self._holder, self._clock, self._tasks = bus, holder, clock, tasks
        self._wanted: dict[str, _Lease | None] = {}
        self._bucket: KeyValue | None = None
        self._asking = asyncio.Lock()
        self._released = False

    def start(self) -> None:
        """Take and renew in the background."""
        if self._bus is not None:
            self._tasks.every(RENEW_SECONDS, self._renew_all, "leases")

    def want(self, tenant_id: str) -> None:
        """This process has a board of the tenant."""
        if tenant_id not in self._wanted:
            self._wanted[tenant_id] = None
            if self._bus is not None and self._bus.connected and not self._released:
                self._tasks.spawn(self._renew(tenant_id), "take a lease")

    def forget(self, tenant_id: str) -> None:
        """This process has no board of the tenant any more."""
        self._wanted.pop(tenant_id, None)

    def holds(self, tenant_id: str) -> bool:
        """Whether this process should match at once: it holds the lease, or nobody is known to."""
        if self._bus is not None and self._bus.settings.other_regions:
            home = home_region(tenant_id)
            if home and home != self._bus.settings.region:
                return False  # its own region's processes are faster; half a second later their silence counts
        lease = self._wanted.get(tenant_id)
        return lease is None or lease.mine or lease.until <= self._clock.monotonic()

    def epoch(self, tenant_id: str) -> int:
        """The lease's fencing epoch; 0 when it is not ours."""
        lease = self._wanted.get(tenant_id)
        return lease.epoch if lease is not None and lease.mine else 0

    async def release(self) -> None:
        """Give every lease back and take none any more, so that another process need not wait for their end."""
        self._released = True
        async with self._asking:  # what is being taken now is given back, too
            if self._bucket is None or self._bus is None or not self._bus.connected:
                return
            for tenant_id, lease in self._wanted.items():
                if lease is not None and lease.mine:
                    with contextlib.suppress(NatsError, OSError, TimeoutError):
                        await self._bucket.delete(tenant_id, last=lease.epoch)

    async def _renew_all(self) -> None:
        for tenant_id in list(self._wanted):
            await self._renew(tenant_id)

    async def _renew(self, tenant_id: str) -> None:
        async with self._asking:
            if self._released:
                return
            try:
                bucket = self._bucket = self._bucket or await self._open()
                lease = self._wanted.get(tenant_id)
                renewed = await self._take(bucket, tenant_id, lease)
            except (NatsError, OSError, TimeoutError) as error:
                log.debug("leases can't be asked; matching without", exc_info=error)
                self._bucket = None
                renewed = None
            if tenant_id in self._wanted:
                self._wanted[tenant_id] = renewed

    async def _take(self, bucket: KeyValue, tenant_id: str, lease: _Lease | None) -> _Lease:
        now = self._clock.monotonic()
        with contextlib.suppress(KeyWrongLastSequenceError):
            if lease is not None and lease.mine:
                return _Lease(await bucket.update(tenant_id, self._holder.encode(), last=lease.epoch), True, now)
            return _Lease(await bucket.create(tenant_id, self._holder.encode()), True, now)
        try:
            entry = await bucket.get(tenant_id)
        except KeyNotFoundError:  # it ended in between: the next round takes it
            return _Lease(0, False, now)
        mine = entry.value == self._holder.encode()
        return _Lease(entry.revision or 0, mine, now + LIFE_SECONDS)

    async def _open(self) -> KeyValue:
        if self._bus is None or not self._bus.connected:
            raise OSError("nats is away")
        jetstream = self._bus.jetstream
        try:
            return await jetstream.key_value(BUCKET)
        except BucketNotFoundError:
            with contextlib.suppress(APIError):  # somebody else made it in between
                return await jetstream.create_key_value(
                    bucket=BUCKET,
                    ttl=LIFE_SECONDS,
                    storage=StorageType.MEMORY,
                    history=1,
                    replicas=self._bus.settings.stream_replicas,
                )
            return await jetstream.key_value(BUCKET)
