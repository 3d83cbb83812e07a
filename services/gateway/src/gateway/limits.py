"""Token buckets: who asks too much is told when to come back."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta

from kernel.clock import Clock

from gateway.problems import RateLimited

_MAX_KEYS = 50_000


class Limit:
    """`rate` per second sustained, `burst` at once, per key. The longest unused keys are forgotten first."""

    def __init__(self, rate: float, burst: float, clock: Clock):
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: float = 1.0) -> None:
        """Take `cost` from the key's bucket; RateLimited with the wait when it is empty."""
        now = self._clock.monotonic()
        left, since = self._buckets.get(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= cost
        self._buckets[key] = (left - cost if allowed else left, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > _MAX_KEYS:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = (cost - left) / self._rate if self._rate > 0 else 60.0
            raise RateLimited("too many requests; slow down", retry_after=timedelta(seconds=wait))
