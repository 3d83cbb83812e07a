"""The relay: facts leave the outbox for JetStream, in order per key, and are deleted once acknowledged.

A commit that emitted wakes it, so a fact is on its way within milliseconds; a slow look once a second finds what a
crashed twin left behind. What remains in the table is what failed. The table is the truth: with NATS away rows wait.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from sqlalchemy import ARRAY, Text, any_, bindparam, delete, select
from sqlalchemy.exc import SQLAlchemyError

from chassis.facts import INBOX_DAYS
from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import gauge, log

if TYPE_CHECKING:
    from chassis.bus import Bus

_BATCH = 500
_AT_ONCE = 64
_SAFETY_SECONDS = 1.0
_lag = gauge("merkez.outbox.lag", "s", "Age of the oldest fact that has not left the outbox")


class Relay:
    """Sends one database's outbox. Replicas may all run one: a fact sent twice is dropped by its message id, and
    each sends a key's facts from the oldest on, so order holds."""

    def __init__(self, bus: Bus, db: Database):
        self._bus = bus
        self._db = db
        self._tasks = Tasks(f"{db.schema}.relay")
        self._wake = asyncio.Event()
        self._busy: set[tuple[str, str]] = set()
        self._sent: set[tuple[str, str]] = set()
        """(tenant id, event id) of what was acknowledged and is still in the table."""
        self._deleting: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._skipped = False
        self._failing = False
        outbox = db.standard.outbox
        self._first = select(outbox).order_by(outbox.c.position).limit(bindparam("most"))
        its = [
            column == any_(bindparam(name, type_=ARRAY(Text)))
            for column, name in ((outbox.c.tenant_id, "tenants"), (outbox.c.event_id, "events"))
        ]
        self._sent_ones = delete(outbox).where(*its)
        db.on_emit(self.wake)

    def start(self) -> None:
        """Run until closed."""
        self._tasks.spawn(self._run(), f"{self._db.schema} relay")
        self._tasks.every(3600, self._forget_old, f"{self._db.schema} inbox housekeeping")

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    async def drain(self) -> None:
        """Return when the outbox is empty, or at once when NATS is away: what waits is safe."""
        while self._bus.connected and not self._failing:
            self.wake()
            if not self._busy and not self._sent and not await self._waiting(1):
                return
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop; what was not acknowledged stays in the table."""
        await self._tasks.close()

    async def _run(self) -> None:
        await self._bus.wait_connected()
        while True:
            try:
                self._wake.clear()
                if self._bus.connected:
                    await self._round()
                elif not self._failing:
                    self._failing = True
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                self._fail(error)
            if self._failing:  # don't hammer what is down; a reconnect wakes us
                self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), _SAFETY_SECONDS)
            except TimeoutError:
                self._failing = False

    async def _round(self) -> None:
        rows = await self._waiting(_BATCH)
        self._skipped = False
        lag = (self._db.clock.now() - rows[0]["create_time"]).total_seconds() if rows else 0.0
        _lag.set(lag, {"service": self._db.schema})
        chains: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            if (row["tenant_id"], row["event_id"]) not in self._sent:
                chains[(row["tenant_id"], row["key"])].append(row)
        for key, chain in chains.items():
            if key in self._busy:
                self._skipped = True
                continue
            self._busy.add(key)
            self._tasks.spawn(self._send(key, chain), "relay chain")
        if len(rows) == _BATCH:
            self._skipped = True

    async def _send(self, key: tuple[str, str], chain: Sequence[Mapping[str, Any]]) -> None:
        done: list[tuple[str, str]] = []
        try:
            async with self._slots:
                for row in chain:
                    await self._bus.publish_fact(
                        full_name=row["fact"],
                        tenant_id=row["tenant_id"],
                        key=row["key"],
                        event_id=row["event_id"],
                        payload=bytes(row["payload"]),
                        time=row["create_time"],
                        traceparent=row["traceparent"],
                    )
                    done.append((row["tenant_id"], row["event_id"]))
            self._failing = False
        except (NatsError, OSError, TimeoutError) as error:
            self._bus.forget_streams()
            self._fail(error)
        except Exception:
            log.exception("a fact can't be sent", fact=chain[len(done)]["fact"])
            self._failing = True
        finally:
            self._sent.update(done)
            self._busy.discard(key)
            if done and (self._deleting is None or self._deleting.done()):
                self._deleting = self._tasks.spawn(self._delete(), "relay delete")
            if self._skipped and not self._failing:
                self.wake()

    async def _waiting(self, limit: int) -> Sequence[Mapping[str, Any]]:
        # Outside of any SERIALIZABLE transaction: reading the whole table there would conflict with every writer.
        return await self._db.alone(self._first, {"most": limit})

    async def _delete(self) -> None:
        """Delete what was sent, and then what was sent meanwhile: one statement at a time, however many keys."""
        while self._sent:
            done = list(self._sent)[:_BATCH]
            await self._forget(done)

    async def _forget(self, done: Sequence[tuple[str, str]]) -> None:
        # Arrays, so that it is one statement to prepare; an event's id is no other tenant's.
        tenants, events = (list(ids) for ids in zip(*done, strict=True))
        try:
            await self._db.alone(self._sent_ones, {"tenants": tenants, "events": events})
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self._fail(error)  # sent again then, and dropped by its message id or by inboxes
        finally:
            self._sent.difference_update(done)

    async def _forget_old(self) -> None:
        engine = self._db.system_engine
        assert engine is not None
        before = self._db.clock.now() - timedelta(days=INBOX_DAYS)
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in (self._db.standard.inbox, self._db.standard.requests):
                await connection.execute(delete(table).where(table.c.create_time < before))

    def _fail(self, error: BaseException) -> None:
        if not self._failing:
            log.warning("facts wait in the outbox", service=self._db.schema, exc_info=error)
        self._failing = True
