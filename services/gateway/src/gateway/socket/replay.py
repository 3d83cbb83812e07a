"""What happened since an event: a tenant's facts out of the streams, for a program that was away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.bus import Bus, LiveMessage
from chassis.facts import STREAMS
from chassis.regions import copy_of
from kernel.errors import InvalidInput, Unavailable
from kernel.ids import is_id, time_of
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

MAX_FACTS = 10_000
KEPT = timedelta(days=14)
_BATCH = 500
_SECONDS = 10.0
_AT_ONCE = 4
# A fact is stamped in its transaction and stored a moment later, by several writers.
_OVERLAP = timedelta(seconds=2)


class SinceInvalid(InvalidInput):
    """`since` is not the id of an event."""

    reason = "SINCE_INVALID"


class ReplayUnavailable(Unavailable):
    """The streams can't be read now."""

    reason = "REPLAY_UNAVAILABLE"


@dataclass(frozen=True)
class Replay:
    """What was found, oldest first, and whether that is all of it."""

    messages: list[LiveMessage]
    complete: bool


class Replays:
    """Reads the streams, a few readers at a time."""

    def __init__(self, bus: Bus):
        self._bus = bus
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def since(self, tenant_id: str, event_id: str, now: datetime) -> Replay:
        """The tenant's facts after this event; SinceInvalid, ReplayUnavailable."""
        start = since_time(event_id)
        if not self._bus.connected:
            raise ReplayUnavailable("the streams can't be read now")
        found: list[LiveMessage] = []
        complete = start > now - KEPT
        async with self._room:
            try:
                async with asyncio.timeout(_SECONDS * 3):
                    for stream in self._streams():
                        found += await self._read(stream, tenant_id, start - _OVERLAP)
            except (NatsError, TimeoutError) as error:
                raise ReplayUnavailable("the streams can't be read now") from error
        found = list({each.event_id: each for each in found}.values())  # both regions may have sent one
        found = sorted((each for each in found if each.event_id != event_id), key=lambda each: each.time)
        return Replay(found[:MAX_FACTS], complete and len(found) <= MAX_FACTS)

    def _streams(self) -> list[str]:
        """This region's streams and its copies of the others'."""
        others = self._bus.settings.other_regions
        return [*STREAMS.values(), *(copy_of(stream, region) for region in others for stream in STREAMS.values())]

    async def _read(self, stream: str, tenant_id: str, start: datetime) -> list[LiveMessage]:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=start,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60,
            mem_storage=True,
        )
        subject = f"merkez.{tenant_id}.*.v1.*"
        try:
            reader = await self._bus.jetstream.pull_subscribe(subject, stream=stream, config=config)
        except NotFoundError:
            return []  # nothing was ever told of there
        found: list[LiveMessage] = []
        try:
            left = (await reader.consumer_info()).num_pending or 0
            while left > 0 and len(found) <= MAX_FACTS:
                batch = await reader.fetch(min(_BATCH, left), timeout=_SECONDS)
                found += [_live(message) for message in batch]
                left -= len(batch)
        finally:
            await reader.unsubscribe()
        return found


def since_time(event_id: object) -> datetime:
    """When an event happened, by its id; SinceInvalid when it is none."""
    if not isinstance(event_id, str) or not is_id("evt", event_id):
        raise SinceInvalid.of("since", "is not the id of an event (evt_...)")
    return time_of(event_id)


def _live(message: Msg) -> LiveMessage:
    return LiveMessage(message.subject, message.data, dict(message.headers or {}))
