"""The bus: one NATS connection per process, its two lanes, and the streams behind them.

Facts (what someone bills, routes or audits by) leave through the outbox into JetStream and are consumed with an inbox.
Live hints are plain NATS: lossy by declaration. NATS being away never stops a process: the connection comes back by
itself, facts wait in the outbox, consumers go on where they were.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError

from chassis import facts
from chassis.consumer import Consumer, FactMeta, Handlers
from chassis.lifecycle import Tasks
from chassis.mutual_tls import Identity
from chassis.outbox import Relay
from chassis.regions import Horizon, Subscriptions, copy_of, far_subject, near_subject, said_again, source_of
from chassis.settings import ProcessSettings
from chassis.sql import Database
from chassis.telemetry import log

__all__ = ["Bus", "FactMeta", "LiveMessage"]

_DAY = 86_400
_DUPLICATE_WINDOW = 120
_CONNECT_WAIT = 5.0
_RENEW_SECONDS = 10.0
# The server's own advisory says when a fact was delivered to the last without an end, as nobody else can then.
_DEAD_SUBJECTS = ["dead.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"]


@dataclass(frozen=True)
class LiveMessage:
    """What a plain subscriber sees: a fact as it passes, or a live hint."""

    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def tenant_id(self) -> str:
        """Whose it is."""
        return self.subject.split(".")[1]

    @property
    def name(self) -> str:
        """The last part of the subject: `wallboard`, `offer_made`."""
        return self.subject.rsplit(".", 1)[1]

    @property
    def fact(self) -> facts.Fact | None:
        """The catalogue line when this is a fact."""
        return facts.fact_of_subject(self.subject)

    @property
    def event_id(self) -> str:
        """The fact's id; empty for a live hint."""
        return self.headers.get("ce-id", "")

    @property
    def time(self) -> str:
        """When the fact happened, RFC 3339; empty for a live hint."""
        return self.headers.get("ce-time", "")

    def decode(self) -> Message:
        """The fact's message. ValueError for a live hint: its reader knows the type."""
        fact = self.fact
        if fact is None:
            raise ValueError("a live hint has no type of its own")
        return facts.message_class(fact.full_name).FromString(self.data)


LiveCallback = Callable[[LiveMessage], Awaitable[None]]


def stream_config(owner: str, replicas: int) -> StreamConfig:
    """The stream that holds the owner's facts (`DEAD`: the dead letters), as everybody makes it."""
    dead = owner == facts.DEAD_STREAM
    return StreamConfig(
        name=owner if dead else facts.STREAMS[owner],
        subjects=_DEAD_SUBJECTS if dead else facts.stream_subjects(owner),
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        num_replicas=replicas,
        duplicate_window=_DUPLICATE_WINDOW,
        max_age=(facts.DEAD_DAYS if dead else facts.FACT_DAYS) * _DAY,
        allow_direct=True,
    )


class Bus:
    """The process's connection to NATS."""

    def __init__(self, settings: ProcessSettings):
        self.settings = settings
        self.service = settings.service
        self.nats = Client()
        self.tasks = Tasks(f"{settings.service}.bus")
        self.jetstream: JetStreamContext = self.nats.jetstream(timeout=5)
        self._consumers: list[Consumer] = []
        self._told_of_return: list[Callable[[], None]] = []
        self._relays: list[Relay] = []
        self._ensured: set[tuple[str, str]] = set()
        self.horizon = Horizon(self.nats, settings.other_regions)
        self._ready = asyncio.Event()
        self._closing = False
        self._renew: Callable[[], None] = lambda: None

    @classmethod
    async def connect(cls, settings: ProcessSettings) -> Bus:
        """Connect, waiting up to 5 s; when NATS is not there yet the connection is made in the background."""
        bus = cls(settings)
        task = bus.tasks.spawn(bus._connect(), "nats connect")
        await asyncio.wait({task}, timeout=_CONNECT_WAIT)
        if settings.other_regions:
            bus.tasks.spawn(bus.horizon.watch(), "watch other regions")
        if not task.done():
            log.warning("nats can't be reached yet; going on without it", servers=settings.nats_url)
        return bus

    @property
    def connected(self) -> bool:
        """Whether NATS answers now; for readiness."""
        return self._ready.is_set() and self.nats.is_connected

    async def wait_connected(self) -> None:
        """Return as soon as the first connection stands."""
        await self._ready.wait()

    def relay(self, db: Database) -> Relay:
        """Send what `db`'s outbox holds, from now on. Every service that emits facts calls this once."""
        relay = Relay(self, db)
        self._relays.append(relay)
        relay.start()
        return relay

    async def consume(self, db: Database, consumer: str, handlers: Handlers) -> Consumer:
        """Work the facts of `handlers` (`{CallEnded: async fn(tx, fact, meta)}`) as the durable `consumer`.

        Each fact takes effect once: its inbox row commits with the handler's work, the acknowledgement follows. Order
        is not promised: handlers go by the version or time a fact carries. All replicas share the consumer.
        """
        work = Consumer(self, db, consumer, handlers)
        self._consumers.append(work)
        work.start()
        if self._ready.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(work.ready.wait(), 5)
        return work

    async def subscribe(self, subject: str, callback: LiveCallback, *, queue: str = "") -> Subscriptions:
        """Plain NATS: every subscriber (or one of a `queue` in each region) sees each message that passes anywhere
        while it is there."""

        async def deliver(message: Msg) -> None:
            try:
                await callback(_heard(message))
            except Exception:
                log.exception("a live message could not be handled", subject=message.subject)

        await self.wait_connected()
        subjects = [subject, *(far_subject(region, subject) for region in self.settings.other_regions)]
        return Subscriptions([await self.nats.subscribe(each, queue=queue, cb=deliver) for each in subjects])

    def publish_live(self, tenant_id: str, name: str, message: Message | bytes) -> None:
        """Send a live hint on `merkez.{tenant}.live.v1.{name}`. Not awaited; lost when NATS is away."""
        data = message if isinstance(message, bytes) else message.SerializeToString()
        if self.connected:
            subject = facts.live_subject(tenant_id, name)
            self.tasks.spawn(self._publish_plain(subject, data), "publish live")
            if self.settings.other_regions:
                self.tasks.spawn(self._publish_plain(far_subject(self.settings.region, subject), data), "publish far")

    async def publish_fact(
        self,
        *,
        full_name: str,
        tenant_id: str,
        key: str,
        event_id: str,
        payload: bytes,
        time: datetime,
        traceparent: str = "",
        suffix: str = "",
    ) -> None:
        """Put one fact into its stream and wait for the acknowledgement. For the relay, and for reconcilers:
        `suffix` changes the message id, so that the duplicate window lets a replay through, while the event id that
        inboxes remember stays."""
        fact = facts.CATALOGUE[full_name]
        headers = {
            "Nats-Msg-Id": f"{event_id}{suffix}",
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-type": full_name,
            "ce-source": f"/merkez/{fact.owner}",
            "ce-time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce-tenant": tenant_id,
            "ce-partitionkey": key,
            "content-type": "application/protobuf",
        }
        if traceparent:
            headers["traceparent"] = traceparent
        await self.ensure_stream(fact.owner)
        subject = facts.subject_for(facts.message_class(full_name), tenant_id)
        taken = await self.jetstream.publish(subject, payload, headers=headers)
        if self.settings.other_regions and taken.domain != self.settings.region:
            # It may be in our stream or not: tried again it is, once.
            raise OSError(f"a fact was taken by the domain {taken.domain!r}: let leaf nodes deny merkez.>")

    async def ensure_stream(self, owner: str, region: str = "") -> None:
        """Create or correct the owner's stream (`DEAD` for the dead letters), or the copy of another region's. Both
        ends call it: order of start does not matter."""
        if (owner, region) in self._ensured:
            return
        config = stream_config(owner, self.settings.stream_replicas)
        if region:
            name = copy_of(facts.STREAMS[owner], region)
            config = replace(config, name=name, subjects=None, sources=[source_of(facts.STREAMS[owner], region)])
        elif self.settings.other_regions and owner != facts.DEAD_STREAM:
            config = replace(config, republish=said_again(self.settings.region))
        try:
            await self.jetstream.add_stream(config)
        except (BadRequestError, APIError) as error:
            if error.err_code != 10058:  # 10058: the name is in use with another configuration
                raise
            await self.jetstream.update_stream(config)
        self._ensured.add((owner, region))

    def forget_streams(self) -> None:
        """Have them ensured again: after a reconnect the server may have lost them."""
        self._ensured.clear()

    async def drain(self) -> None:
        """Stop taking facts, finish those at hand, send what the outboxes hold."""
        for consumer in self._consumers:
            await consumer.drain()
        for relay in self._relays:
            await relay.drain()

    async def close(self) -> None:
        """Stop everything; facts at hand go back to the stream, facts in the outbox stay there."""
        self._closing = True
        for consumer in self._consumers:
            await consumer.close()
        for relay in self._relays:
            await relay.close()
        await self.tasks.close()
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            await self.nats.close()

    async def _connect(self) -> None:
        secured: dict[str, Any] = {}
        if (identity := Identity.of(self.settings)) is not None:
            secured["tls"], self._renew = identity.nats_context()
            self.tasks.every(_RENEW_SECONDS, self._renewed, "certificate for nats")
        await self.nats.connect(
            [url.strip() for url in self.settings.nats_url.split(",")],
            name=self.service,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]
            connect_timeout=2,
            ping_interval=5,
            max_outstanding_pings=2,
            dont_randomize=True,  # own region first
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
            **secured,
        )
        self._ready.set()

    async def _renewed(self) -> None:
        self._renew()

    async def _on_error(self, error: Exception) -> None:
        if isinstance(error, NatsError | OSError | TimeoutError):  # once per attempt while the server is away
            log.debug("nats error", exc_info=error)
        else:
            log.error("nats callback failed", exc_info=error)

    async def _on_disconnect(self) -> None:
        self._renew()
        if not self._closing:
            log.warning("nats is away; facts wait in the outbox")

    async def _on_reconnect(self) -> None:
        log.info("nats is back")
        self.forget_streams()
        for relay in self._relays:
            relay.wake()
        for consumer in self._consumers:
            consumer.reconnected()
        for told in self._told_of_return:
            told()

    def when_back(self, told: Callable[[], None]) -> None:
        """Have `told` called whenever NATS is back: what was published plainly in between was not heard."""
        self._told_of_return.append(told)

    async def _publish_plain(self, subject: str, data: bytes) -> None:
        try:
            await self.nats.publish(subject, data)
        except (NatsError, OSError) as error:
            log.debug("a live hint was lost", subject=subject, exc_info=error)


def _heard(message: Msg) -> LiveMessage:
    return LiveMessage(near_subject(message.subject), message.data, dict(message.headers or {}))
