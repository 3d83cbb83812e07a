"""How regions hear of each other: each is a NATS domain of its own, joined to the others by leaf nodes.

`merkez.>` never crosses a leaf node, or two streams would take every fact and acknowledge it. What passes in a region
is said again as `far.<region>.merkez...`, which does cross; and each region keeps a copy of the others' streams, whose
facts it works when the region they came from didn't (docs/mechanisms/regions.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import ExternalStream, RePublish, StreamSource

from chassis.telemetry import gauge, log

KEPT_AT_HOME = ("merkez.>", "dead.>", "$KV.>", "$JS.EVENT.>")
"""Subjects that a leaf node must deny in both directions."""
STAND_IN_SECONDS = 15.0
"""A fact of a region that is heard is left to it for so long; then others look whether it was worked."""
_LOOK_SECONDS = 1.0
_PATIENCE = 3
"""Looks in a row without an answer before a region counts as silent."""
_silent = gauge("merkez.region.silent", "{region}", "1 while another region isn't heard from here")


def far_subject(region: str, subject: str) -> str:
    """What a subject of `region` is called everywhere else."""
    return f"far.{region}.{subject}"


def near_subject(subject: str) -> str:
    """A subject as it is called where it comes from."""
    return subject.split(".", 2)[2] if subject.startswith("far.") else subject


def copy_of(stream: str, region: str) -> str:
    """The stream that holds a copy of another region's."""
    return f"{stream}_{region}"


def said_again(region: str) -> RePublish:
    """A stream's rule that says what it took again for other regions."""
    return RePublish(src="merkez.>", dest=far_subject(region, "merkez.>"))


def source_of(stream: str, region: str) -> StreamSource:
    """Another region's stream as the source of a copy."""
    return StreamSource(name=stream, external=ExternalStream(api=f"$JS.{region}.API"))


class Subscriptions:
    """One subject heard in this region and in others."""

    def __init__(self, each: Iterable[Subscription]) -> None:
        self._each = tuple(each)

    async def unsubscribe(self) -> None:
        """Hear nothing more."""
        for subscription in self._each:
            await subscription.unsubscribe()


class Horizon:
    """Which of the other regions are heard now, by asking their JetStream."""

    def __init__(self, nats: Client, others: Iterable[str]) -> None:
        self._nats = nats
        self._missed = dict.fromkeys(others, 0)

    def silent(self, region: str) -> bool:
        """Whether the region was not heard of for some seconds, while this one's NATS was there."""
        return self._missed[region] >= _PATIENCE

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            if self._nats.is_connected:
                await asyncio.gather(*(self._look(region) for region in self._missed))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, region: str) -> None:
        before = self.silent(region)
        try:
            await self._nats.request(f"$JS.{region}.API.INFO", b"", timeout=_LOOK_SECONDS)
            self._missed[region] = 0
        except (NatsError, OSError, TimeoutError):
            # Without our own server nobody can be heard, which says nothing of them.
            self._missed[region] += 1 if self._nats.is_connected else 0
        if before != self.silent(region):
            log.warning("a region is silent" if self.silent(region) else "a region is heard again", region=region)
        _silent.set(int(self.silent(region)), {"region": region})
