"""The audit log's pen: who did what, written in the background so that no answer waits for it.

The queue is bounded and an entry is tried again while tenancy is away; what does not fit is counted and said, never
waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from chassis.lifecycle import Tasks
from chassis.telemetry import counter, log
from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.errors import Unavailable
from kernel.tenant import Principal
from merkez.tenancy.v1.session_pb2 import AuditEntry, Session

from gateway.contracts import Method

QUEUE_SIZE = 5000
WRITERS = 2
_ATTEMPTS = 30
_lost = counter("merkez.audit.lost", "Audit entries that could not be written")

Append = Callable[[str, AuditEntry], Awaitable[None]]


class AuditLog:
    """Takes entries at once, writes them when it can."""

    def __init__(self, append: Append, clock: Clock):
        self._append = append
        self._clock = clock
        self._queue: asyncio.Queue[tuple[str, AuditEntry]] = asyncio.Queue(QUEUE_SIZE)
        self._tasks = Tasks("gateway.audit")

    def start(self) -> None:
        """Begin to write."""
        for number in range(WRITERS):
            self._tasks.spawn(self._write(), f"audit writer {number}")

    def note(self, who: Principal, method: Method, target: str, outcome: str, address: str) -> None:
        """Queue one entry. Without a tenant there is no log to write to."""
        if not who.tenant_id:
            return
        entry = AuditEntry(
            subject=who.subject,
            subject_name=who.name,
            action=method.action,
            target=target,
            outcome=outcome,
            address=address,
        )
        now: datetime = self._clock.now()
        entry.create_time.FromDatetime(now)
        try:
            self._queue.put_nowait((who.tenant_id, entry))
        except asyncio.QueueFull:
            _lost.add(1)
            log.error("an audit entry was lost: the queue is full", action=method.action, tenant=who.tenant_id)

    async def drain(self) -> None:
        """Wait until everything queued is written."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop writing."""
        if left := self._queue.qsize():
            log.error("audit entries were lost at the end", count=left)
        await self._tasks.close()

    async def _write(self) -> None:
        while True:
            tenant_id, entry = await self._queue.get()
            try:
                await self._write_one(tenant_id, entry)
            finally:
                self._queue.task_done()

    async def _write_one(self, tenant_id: str, entry: AuditEntry) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                await self._append(tenant_id, entry)
                return
            except Unavailable:
                await asyncio.sleep(min(5.0, 0.1 * 2**attempt))
            except Exception as error:
                log.error("an audit entry was refused", action=entry.action, error_kind=type(error).__name__)
                break
        _lost.add(1)


def target_of(method: Method, request: Message, response: Message | None) -> str:
    """Id of what an rpc was about: what the request names, else what the answer is about; of a creation, what came
    into being."""
    first, second = (response, request) if method.descriptor.name.startswith("Create") else (request, response)
    return next((found for each in (first, second) if each is not None and (found := _own_id(each))), "")


def _own_id(message: Message) -> str:
    if isinstance(message, Session):
        return message.user.user_id
    nested = ""
    for field, value in message.ListFields():
        if isinstance(value, str) and field.name.endswith("_id") and field.name not in ("request_id", "client_id"):
            return value
        if isinstance(value, str) and field.name == "number":
            return value
        if isinstance(value, Message) and not nested:
            nested = _own_id(value) if value.DESCRIPTOR.file.package.startswith("merkez") else ""
    return nested
