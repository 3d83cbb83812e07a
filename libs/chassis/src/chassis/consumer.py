"""A durable consumer: takes facts from streams, gives each one effect, buries what can't be worked.

The inbox row (consumer, event id) commits together with the handler's work and the acknowledgement comes after, so a
crash in between only means the fact is delivered again and found worked. A neighbour or database that is away is
waited for; a fact that fails by itself is tried a few times and then goes, whole, to the dead letters.

Facts of one key are worked one after the other, as they come; in which order they come is not promised. Handlers go by
the version or the time a fact carries (docs/mechanisms/facts.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message
from kernel.clock import SystemClock
from kernel.errors import DomainError, Unavailable
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from sqlalchemy.dialects.postgresql import insert

from chassis import facts
from chassis.lifecycle import Tasks
from chassis.regions import STAND_IN_SECONDS, copy_of
from chassis.sql import Database, Tx
from chassis.telemetry import context_from, counter, current_tenant, gauge, histogram, log, tracer

if TYPE_CHECKING:
    from chassis.bus import Bus

MAX_DELIVER = 20
"""Deliveries by JetStream: only crashes of the process use them up, since failures are tried again in place."""
ATTEMPTS = 5
_BACKOFF = (0.05, 0.25, 1.0, 3.0)
_ACK_WAIT = 6.0
"""Seconds after which what a killed process had at hand reaches another one; who lives says so three times within."""
_AT_ONCE = 128
_PULL_EXPIRES = 25.0
_dead = counter("merkez.dead_letters", "Facts that could not be worked")
_age = histogram(
    "merkez.facts.age", "s", "From the commit that made a fact to the commit that worked it",
    (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)  # fmt: skip
_oldest = gauge("merkez.facts.oldest", "s", "Age of the oldest fact that is being worked, or waited with")

Handler = Callable[[Tx, Any, "FactMeta"], Awaitable[Any]]
Handlers = Mapping[type[Message], Handler]


@dataclass(frozen=True)
class FactMeta:
    """What travels with a fact (CloudEvents attributes)."""

    event_id: str
    tenant_id: str
    key: str
    time: datetime
    source: str
    fact: str
    traceparent: str


class _Poison(Exception):
    """The message can't be a fact of ours: no number of attempts helps."""


class Consumer:
    """The facts one service works, over the streams of all their owners."""

    def __init__(self, bus: Bus, db: Database, name: str, handlers: Handlers):
        self.bus, self.db, self.name = bus, db, name
        self.handlers = {facts.fact_of(kind).full_name: (kind, handler) for kind, handler in handlers.items()}
        self.ready = asyncio.Event()
        self.tasks = Tasks(f"{name}.consumer")
        owners = {facts.CATALOGUE[full_name].owner for full_name in self.handlers}
        regions = ("", *bus.settings.other_regions)
        self._pulls = [_Pull(self, owner, region) for region in regions for owner in sorted(owners)]

    def start(self) -> None:
        """Take facts until drained or closed."""
        for pull in self._pulls:
            self.tasks.spawn(pull.run(), f"{self.name} pulls {pull.owner}")
        self.tasks.spawn(self._announce(), f"{self.name} ready")

    def reconnected(self) -> None:
        """The server may have forgotten what was asked of it: ask again."""
        for pull in self._pulls:
            pull.restart()

    async def drain(self) -> None:
        """Take no more and finish what is at hand."""
        for pull in self._pulls:
            await pull.drain()

    async def close(self) -> None:
        """Stop; what is at hand goes back and reaches another replica at once."""
        for pull in self._pulls:
            await pull.give_back()
        await self.tasks.close()

    async def _announce(self) -> None:
        for pull in self._pulls:
            if not pull.region:  # what comes from other regions is nobody's reason to wait
                await pull.ready.wait()
        self.ready.set()

    async def work(self, message: Msg) -> None:
        """One fact to its end: worked, found worked, or buried."""
        try:
            meta, fact, handler = self._read(message)
        except _Poison as error:
            await self._bury(message, str(error), 0)
            return
        parent = context_from(meta.traceparent)
        producer = trace.get_current_span(parent).get_span_context()
        links = [trace.Link(producer)] if producer.is_valid else []
        tenant = current_tenant.set(meta.tenant_id)
        try:
            with tracer.start_as_current_span(
                f"{self.name} works {meta.fact}", context=parent, kind=SpanKind.CONSUMER, links=links,
                attributes={"messaging.message.id": meta.event_id, "merkez.key": meta.key}, record_exception=False,
            ):  # fmt: skip
                await self._until_worked(message, meta, fact, handler)
        finally:
            current_tenant.reset(tenant)

    async def _until_worked(self, message: Msg, meta: FactMeta, fact: Message, handler: Handler) -> None:
        if message.metadata.num_delivered >= MAX_DELIVER:
            # Never acknowledged although delivered so often: it takes the process down with it.
            await self._bury(message, "delivered too often without an end", 0)
            return
        failures = waits = 0
        while True:
            try:
                first = await self.db.run(meta.tenant_id, lambda tx: self._once(tx, fact, meta, handler))
                if first:
                    _age.record(max(0.0, (self.db.clock.now() - meta.time).total_seconds()))
                await message.ack()
                return
            except Unavailable as error:
                waits += 1
                if waits in (1, 10) or waits % 100 == 0:
                    log.warning("a fact waits", fact=meta.fact, event_id=meta.event_id, exc_info=error)
                await asyncio.sleep(min(5.0, 0.1 * 2 ** min(waits, 6)))
            except Exception as error:
                failures += 1
                if failures >= ATTEMPTS:
                    log.error("a fact is dead", fact=meta.fact, event_id=meta.event_id, exc_info=error)
                    reason = error.reason if isinstance(error, DomainError) else type(error).__name__
                    await self._bury(message, reason, failures)
                    return
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF)) - 1])

    async def _once(self, tx: Tx, fact: Message, meta: FactMeta, handler: Handler) -> bool:
        """Whether it was not known yet."""
        inbox = self.db.standard.inbox
        row = {
            "tenant_id": meta.tenant_id,
            "consumer": self.name,
            "event_id": meta.event_id,
            "create_time": self.db.clock.now(),
        }
        first = await tx.execute(insert(inbox).values(row).on_conflict_do_nothing())
        if first.rowcount:
            await handler(tx, fact, meta)
        return bool(first.rowcount)

    def _read(self, message: Msg) -> tuple[FactMeta, Message, Handler]:
        headers = dict(message.headers or {})
        found = facts.fact_of_subject(message.subject)
        if found is None or found.full_name not in self.handlers:
            raise _Poison("not a fact this consumer knows")
        kind, handler = self.handlers[found.full_name]
        tenant = message.subject.split(".")[1]
        if headers.get("ce-tenant", tenant) != tenant:
            raise _Poison("the tenant of the headers is not the tenant of the subject")
        try:
            fact = kind.FromString(message.data)
            meta = FactMeta(
                event_id=headers["ce-id"],
                tenant_id=tenant,
                key=headers.get("ce-partitionkey", ""),
                time=datetime.fromisoformat(headers["ce-time"]),
                source=headers.get("ce-source", ""),
                fact=found.name,
                traceparent=headers.get("traceparent", ""),
            )
        except (DecodeError, KeyError, ValueError) as error:
            raise _Poison(f"not a readable fact: {type(error).__name__}") from error
        return meta, fact, handler

    async def _bury(self, message: Msg, reason: str, attempts: int) -> None:
        headers = dict(message.headers or {})
        event_id = headers.get("ce-id") or f"{message.metadata.stream}-{message.metadata.sequence.stream}"
        headers |= {
            "Nats-Msg-Id": f"{event_id}:{self.name}",
            "merkez-dead-reason": reason,
            "merkez-dead-consumer": self.name,
            "merkez-dead-attempts": str(attempts),
            "merkez-dead-subject": message.subject,
        }
        tenant = message.subject.split(".")[1]
        while True:
            try:
                await self.bus.ensure_stream(facts.DEAD_STREAM)
                subject = f"dead.{tenant}.{self.name}"
                await self.bus.jetstream.publish(subject, message.data, headers=headers)
                break
            except (NatsError, OSError, TimeoutError):  # it must not vanish: hold it until it can be buried
                self.bus.forget_streams()
                await asyncio.sleep(1)
        _dead.add(1, {"consumer": self.name})
        await message.ack()


class _Pull:
    """The pull side on one owner's stream, or on the copy of another region's: asks for as many facts as there is room
    for, keeps a lane per key."""

    def __init__(self, consumer: Consumer, owner: str, region: str = ""):
        self.owner, self.region = owner, region
        self._stream = copy_of(facts.STREAMS[owner], region) if region else facts.STREAMS[owner]
        self.ready = asyncio.Event()
        self._consumer = consumer
        self._bus = consumer.bus
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._asked = 0
        self._at_hand: dict[int, Msg] = {}
        self._lanes: dict[tuple[str, str], deque[Msg]] = {}
        self._again = asyncio.Event()
        self._idle = asyncio.Event()
        self._draining = False

    async def run(self) -> None:
        """Subscribe, ask, and start over whenever the server says or forgets something."""
        await self._bus.wait_connected()
        self._consumer.tasks.spawn(self._keep_alive(), "acknowledgement heartbeat")
        pause = 0.2
        while not self._draining:
            try:
                self._again.clear()
                await self._ensure()
                inbox = self._bus.nats.new_inbox()
                self._inbox = inbox
                self._subscription = await self._bus.nats.subscribe(inbox, cb=self._arrived)
                self._asked = 0
                await self._ask()
                self.ready.set()
                pause = 0.2
                while not self._again.is_set():
                    # Requests expire at the server; one lost on the way would leave us waiting for ever.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._again.wait(), _PULL_EXPIRES + 5)
                        break
                    self._asked = 0
                    await self._ask()
            except (NatsError, OSError, TimeoutError) as error:
                log.debug("pulling facts failed", owner=self.owner, exc_info=error)
                self._bus.forget_streams()
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
            finally:
                if self._subscription is not None:
                    with contextlib.suppress(NatsError, OSError):
                        await self._subscription.unsubscribe()
                    self._subscription = None

    def restart(self) -> None:
        """Begin again from the consumer's definition."""
        self._again.set()

    async def drain(self) -> None:
        """Take no more; return when nothing is at hand."""
        self._draining = True
        self._again.set()
        while self._at_hand:
            self._idle.clear()
            await self._idle.wait()

    async def give_back(self) -> None:
        """Hand what is still here to another replica."""
        self._draining = True
        self._again.set()
        if not self._bus.connected:
            return
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            if self._subscription is not None:
                # Else the server would give it straight back to what we asked for and did not get yet.
                await self._subscription.unsubscribe()
                await self._bus.nats.flush(2)
            for message in list(self._at_hand.values()):
                await message.nak()
            await self._bus.nats.flush(2)

    async def _ensure(self) -> None:
        await self._bus.ensure_stream(self.owner, self.region)
        subjects = sorted(
            facts.subject_for(kind, "*")
            for full_name, (kind, _) in self._consumer.handlers.items()
            if facts.CATALOGUE[full_name].owner == self.owner
        )
        config = ConsumerConfig(
            durable_name=self._consumer.name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT,
            max_deliver=MAX_DELIVER,
            max_ack_pending=4096,
            deliver_policy=DeliverPolicy.ALL,
            filter_subjects=subjects,
        )
        await self._bus.jetstream.add_consumer(self._stream, config)

    async def _ask(self) -> None:
        room = _AT_ONCE - self._asked - len(self._at_hand)
        if room <= 0 or self._draining or (self._asked > 0 and room < _AT_ONCE // 2):
            return
        self._asked += room
        request = {"batch": room, "expires": int(_PULL_EXPIRES * 1e9)}
        await self._bus.nats.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer.name}",
            json.dumps(request).encode(),
            reply=self._inbox,
        )

    async def _arrived(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status") if not message.data else None
        if status is not None:
            await self._told(status, message.headers or {})
            return
        self._asked = max(0, self._asked - 1)
        sequence = message.metadata.sequence.stream
        if sequence in self._at_hand:  # delivered again while it waits here for its turn
            return
        self._at_hand[sequence] = message
        key = (message.subject.split(".")[1], (message.headers or {}).get("ce-partitionkey", ""))
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = deque([message])
            self._consumer.tasks.spawn(self._work_lane(key), f"{self._consumer.name} lane")
        else:
            lane.append(message)
        await self._ask()

    async def _told(self, status: str, headers: Mapping[str, str]) -> None:
        if status in ("404", "408") or "Leadership" in headers.get("Description", ""):
            self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", self._asked)))
            await self._ask()
        elif status != "100":  # 409 consumer deleted, 503 no responders and the like
            self._again.set()

    async def _work_lane(self, key: tuple[str, str]) -> None:
        lane = self._lanes[key]
        while lane:
            message = lane[0]
            try:
                if self.region:
                    await self._leave_to_its_region(message)
                await self._consumer.work(message)
            except (NatsError, OSError):  # the acknowledgement was lost: it comes again and the inbox knows it
                pass
            finally:
                lane.popleft()
                self._at_hand.pop(message.metadata.sequence.stream, None)
            with contextlib.suppress(NatsError, OSError):
                await self._ask()
        del self._lanes[key]
        if not self._at_hand:
            self._idle.set()

    async def _leave_to_its_region(self, message: Msg) -> None:
        """Wait until the region a fact came from has had its time for it, or is gone. Then inboxes tell whether it was
        worked: they are one database's."""
        due = message.metadata.timestamp.timestamp() + STAND_IN_SECONDS
        while not self._draining and not self._bus.horizon.silent(self.region):
            left = due - SystemClock().now().timestamp()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 1.0))

    def _age_of_oldest(self) -> float:
        since = min((each.metadata.timestamp.timestamp() for each in self._at_hand.values()), default=0.0)
        return max(0.0, SystemClock().now().timestamp() - since) if since else 0.0

    async def _keep_alive(self) -> None:
        # What waits behind a slow neighbour here must not be delivered to a twin as well.
        while True:
            await asyncio.sleep(_ACK_WAIT / 3)
            if not self.region:  # what another region made is left to it for a while
                _oldest.set(self._age_of_oldest(), {"stream": self._stream})
            for message in list(self._at_hand.values()):
                with contextlib.suppress(NatsError, OSError):
                    await message.in_progress()
