"""How many requests a minute a company's programs may make by its plan, however many gateways they knock at.

The minute's count lives in a NATS bucket and rises by compare-and-set. A gateway takes a slice of what is left and
spends it in memory, so that most requests ask nobody; slices get smaller towards the end, and what is granted in all
never exceeds the plan. While NATS is away a gateway goes on by itself up to a quarter of the limit, what it admitted of
the minute before counting: a minute that begins without NATS isn't exceeded by four of them, one in which it goes may
be, by what they are short of their quarters. Partners' programs go on, which counts for more in that hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.telemetry import current_traceparent, log
from kernel.clock import Clock
from kernel.errors import QuotaExceeded
from kernel.ids import new_id
from merkez.gateway.v1.gateway_events_pb2 import ApiRequestLimitReached
from merkez.gateway.v1.limit_events_pb2 import ApiRequestsOverLimit
from nats.errors import Error as NatsError
from nats.js.api import StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from gateway.tokens import Access

BUCKET = "merkez_api_requests"
WINDOW_SECONDS = 60
SLICES = 20
"""A gateway takes this part of what is left at once."""
ALONE = 4
"""Without NATS a gateway admits the limit divided by this."""
PATIENCE = 2.0
"""Seconds a request waits for a slice at most."""
TELL_EVERY_SECONDS = 5.0
"""How often minutes that have ended are looked at for what went over soft limits."""
_MAX_TENANTS = 10_000


class RequestLimitReached(QuotaExceeded):
    """The plan's requests of this minute are used up; `retry_after` is the next one's begin."""

    reason = "API_REQUEST_LIMIT_REACHED"


@dataclass
class _Minute:
    window: int
    limit: int
    left: int = 0
    taken: int = 0
    alone: bool = False
    spent: bool = False
    over: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RequestBudgets:
    """Counts the requests of partners' programs against their companies' plans."""

    def __init__(self, bus: Bus, clock: Clock):
        self._bus = bus
        self._clock = clock
        self._bucket: KeyValue | None = None
        self._minutes: OrderedDict[str, _Minute] = OrderedDict()
        self._tasks = Tasks("gateway.budgets")
        self._gateway_id = new_id("gwy", clock.now())
        self._over: list[tuple[str, _Minute]] = []

    async def take(self, access: Access) -> None:
        """One request of who asks. RequestLimitReached when the plan's are used up and the limit is a hard one; of a
        soft one the owner is told."""
        limit, tenant_id = access.requests_per_minute, access.principal.tenant_id
        if not limit:
            return
        minute = self._minute(tenant_id, limit)
        if minute.left == 0 and not minute.spent:
            async with minute.lock:
                if minute.left == 0 and not minute.spent:
                    await self._refill(tenant_id, minute)
        if minute.left > 0:
            minute.left -= 1
        elif access.limit_is_hard:
            wait = (minute.window + 1) * WINDOW_SECONDS - self._clock.now().timestamp()
            raise RequestLimitReached(
                f"The plan allows {limit} requests a minute, and all are used: wait for the next minute, or change the"
                " plan.",
                metadata={"limit": str(limit)},
                retry_after=timedelta(seconds=max(1.0, wait)),
            )
        else:
            if not minute.over:
                self._over.append((tenant_id, minute))
            minute.over += 1

    async def tell_over(self, *, all_of_them: bool = False) -> None:
        """Tell what went over soft limits in the minutes that have ended, once each; what can't be told yet waits."""
        window = int(self._clock.now().timestamp()) // WINDOW_SECONDS
        waiting, self._over = self._over, []
        for tenant_id, minute in waiting:
            if not (all_of_them or minute.window < window) or not await self._metered(tenant_id, minute):
                self._over.append((tenant_id, minute))

    async def close(self) -> None:
        """Tell what went over so far, and stop."""
        await self.tell_over(all_of_them=True)
        await self._tasks.close()

    def _minute(self, tenant_id: str, limit: int) -> _Minute:
        window = int(self._clock.now().timestamp()) // WINDOW_SECONDS
        minute = self._minutes.get(tenant_id)
        # A clock that goes back doesn't open an earlier minute again.
        if minute is None or minute.window < window:
            minute = self._minutes[tenant_id] = _Minute(window, limit)
            self._minutes.move_to_end(tenant_id)
            while len(self._minutes) > _MAX_TENANTS:
                self._minutes.popitem(last=False)
        elif minute.limit != limit:  # another plan
            minute.limit, minute.spent = limit, False
        return minute

    async def _refill(self, tenant_id: str, minute: _Minute) -> None:
        try:
            granted = await asyncio.wait_for(self._lease(f"{tenant_id}.{minute.window}", minute.limit), PATIENCE)
        except (NatsError, OSError, TimeoutError) as error:
            self._bucket = None
            granted = max(0, max(1, minute.limit // ALONE) - minute.taken)
            if not minute.alone:
                log.warning("requests are counted by this gateway alone", tenant=tenant_id, reason=type(error).__name__)
            minute.alone = True
        minute.left += granted
        minute.taken += granted
        if granted == 0:
            minute.spent = True
            self._tasks.spawn(self._tell(tenant_id, minute), "tell of a used up plan")

    async def _lease(self, key: str, limit: int) -> int:
        # A slice of what is left of the minute; 0 when nothing is.
        bucket = self._bucket = self._bucket or await self._open()
        while True:
            with contextlib.suppress(KeyWrongLastSequenceError):  # another gateway was faster: look again
                try:
                    entry = await bucket.get(key)
                except KeyNotFoundError:
                    granted = -(-limit // SLICES)
                    await bucket.create(key, str(granted).encode())
                    return granted
                used = int(entry.value or b"0")
                if used >= limit:
                    return 0
                granted = max(1, (limit - used) // SLICES)
                await bucket.update(key, str(used + granted).encode(), last=entry.revision)
                return granted
            await asyncio.sleep(random.uniform(0.0, 0.01))

    async def _open(self) -> KeyValue:
        if not self._bus.connected:
            raise OSError("nats is away")
        jetstream = self._bus.jetstream
        try:
            return await jetstream.key_value(BUCKET)
        except BucketNotFoundError:
            with contextlib.suppress(APIError):  # another gateway made it in between
                return await jetstream.create_key_value(
                    bucket=BUCKET,
                    ttl=WINDOW_SECONDS * 3,
                    storage=StorageType.MEMORY,
                    history=1,
                    replicas=self._bus.settings.stream_replicas,
                )
            return await jetstream.key_value(BUCKET)

    async def _metered(self, tenant_id: str, minute: _Minute) -> bool:
        begin = datetime.fromtimestamp(minute.window * WINDOW_SECONDS, UTC)
        fact = ApiRequestsOverLimit(gateway_id=self._gateway_id, count=minute.over, limit=minute.limit)
        fact.minute_time.FromDatetime(begin)
        event_id = f"evt_over_{tenant_id}_{minute.window}_{self._gateway_id}"
        return await self._publish(fact, tenant_id, event_id, begin)

    async def _tell(self, tenant_id: str, minute: _Minute) -> None:
        # Told once a minute whichever gateway notices: the id is the minute's.
        fact = ApiRequestLimitReached(limit=minute.limit)
        begin = datetime.fromtimestamp(minute.window * WINDOW_SECONDS, UTC)
        fact.minute_time.FromDatetime(begin)
        await self._publish(fact, tenant_id, f"evt_requests_{tenant_id}_{minute.window}", begin)

    async def _publish(
        self, fact: ApiRequestLimitReached | ApiRequestsOverLimit, tenant_id: str, event_id: str, begin: datetime
    ) -> bool:
        try:
            await self._bus.publish_fact(
                full_name=fact.DESCRIPTOR.full_name,
                tenant_id=tenant_id,
                key=tenant_id,
                event_id=event_id,
                payload=fact.SerializeToString(),
                time=begin,
                traceparent=current_traceparent(),
            )
        except (NatsError, OSError, TimeoutError) as error:
            log.warning("nobody could be told of a used up plan", tenant=tenant_id, reason=type(error).__name__)
            return False
        return True
