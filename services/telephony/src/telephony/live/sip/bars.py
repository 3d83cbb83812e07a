"""Whom the SIP edge doesn't listen to for a while: who showed wrong credentials too often."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic

from chassis.telemetry import log

SECONDS = 300.0
"""Failures count for so long, and who is barred is so for as long."""
PER_NAME = 20
PER_ADDRESS = 400
"""So many phones with a wrong secret don't silence the office they share an address with; whoever tries names does."""
_REMEMBERED = 10_000


class Bars:
    """Names at their addresses, and addresses whatever the names. A name is counted whether it is somebody's or not, so
    that being barred tells nothing. `trusts` says of an address that it is a trunk's: it is heard whatever was tried
    from there, for a trunk's calls need no secret; who shows one there, an office's phones beside it, is let in no more
    than elsewhere. Any company may say that an address is its trunk's. `now` gives seconds."""

    def __init__(self, trusts: Callable[[str], bool], now: Callable[[], float] = monotonic) -> None:
        self._trusts = trusts
        self._names = _Failures(PER_NAME, now)
        self._addresses = _Failures(PER_ADDRESS, now)

    def failed(self, address: str, what: str, name: str = "") -> None:
        """See `AgentSettings.on_failure`."""
        if what == "malformed" or not address:
            return
        if self._names.add((address, name)):
            log.warning("a SIP user name is barred for a while", source=address, seconds=SECONDS)
        if self._addresses.add(address):
            log.warning("a SIP source is barred for a while", source=address, seconds=SECONDS)

    def barred(self, address: str) -> bool:
        return self._addresses.too_many(address) and not self._trusts(address)

    def barred_name(self, address: str, name: str) -> bool:
        return self._names.too_many((address, name)) or self._addresses.too_many(address)


class _Failures:
    """How often something failed of late. The count begins anew with the first failure after its time."""

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._known: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def add(self, key: Hashable) -> bool:
        """Once more; whether that is the one too many."""
        now = self._now()
        count, since = self._known.get(key, (0, now))
        count, since = (1, now) if now - since > SECONDS else (count + 1, since)
        reached = count == self._limit
        # Once the limit is met the time runs from there.
        self._known[key] = (count, now if reached else since)
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return reached

    def too_many(self, key: Hashable) -> bool:
        count, since = self._known.get(key, (0, 0.0))
        return count >= self._limit and self._now() - since <= SECONDS
