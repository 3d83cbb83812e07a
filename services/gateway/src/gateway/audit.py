"""The audit log's pen: who did what, as facts that tenancy keeps.

An entry is in its stream before the answer is given, so a gateway that dies loses none it has answered for. While the
stream can't be reached answers wait no longer and entries wait here, in bounded memory; what does not fit is counted
and said. An entry's id is made here, so that sending it again doubles nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.telemetry import counter, current_traceparent, log
from google.protobuf.message import Message
from kernel.clock import Clock
from kernel.ids import new_id
from kernel.tenant import Principal
from merkez.gateway.v1.gateway_events_pb2 import RequestAudited
from merkez.tenancy.v1.session_pb2 import AuditEntry, Session
from nats.errors import Error as NatsError

from gateway.contracts import Method

QUEUE_SIZE = 5000
WRITERS = 8
PATIENCE = 0.25
"""Seconds an answer waits for its entry at most."""
_lost = counter("merkez.audit.lost", "Audit entries that could not be written")


@dataclass(frozen=True)
class _Line:
    tenant_id: str
    event_id: str
    time: datetime
    entry: AuditEntry
    traceparent: str
    kept: asyncio.Event = field(default_factory=asyncio.Event)


class AuditLog:
    """Takes entries at once, sends them as soon as it can."""

    def __init__(self, bus: Bus, clock: Clock):
        self._bus = bus
        self._clock = clock
        self._queue: asyncio.Queue[_Line] = asyncio.Queue(QUEUE_SIZE)
        self._waiting = 0
        self._behind = False
        self._tasks = Tasks("gateway.audit")

    def start(self) -> None:
        """Begin to send."""
        for number in range(WRITERS):
            self._tasks.spawn(self._write(), f"audit writer {number}")

    async def keep(self, who: Principal, action: str, target: str, outcome: str, address: str) -> None:
        """As `note`, and return once the entry is safe; at once when the stream can't be reached."""
        kept = self.note(who, action, target, outcome, address)
        if kept is None or self._behind or not self._bus.connected:
            return
        try:
            await asyncio.wait_for(kept.wait(), PATIENCE)
        except TimeoutError:
            self._fall_behind("the stream is slow")

    def note(self, who: Principal, action: str, target: str, outcome: str, address: str) -> asyncio.Event | None:
        """Queue one entry; what says that it is safe, None when it is lost. Without a tenant there is no log."""
        if not who.tenant_id:
            return None
        now = self._clock.now()
        entry = AuditEntry(
            audit_entry_id=new_id("aud", now),
            subject=who.subject[:200],
            subject_name=who.name[:200],
            action=action[:200],
            target=target[:200],
            outcome=outcome[:100],
            address=address[:100],
        )
        entry.create_time.FromDatetime(now)
        line = _Line(who.tenant_id, new_id("evt", now), now, entry, current_traceparent())
        try:
            self._queue.put_nowait(line)
        except asyncio.QueueFull:
            _lost.add(1)
            log.error("an audit entry was lost: too many wait", action=action, tenant=who.tenant_id)
            return None
        self._waiting += 1
        return line.kept

    async def drain(self) -> None:
        """Wait until everything queued is sent."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop sending."""
        if self._waiting:
            _lost.add(self._waiting)
            log.error("audit entries were lost at the end", count=self._waiting)
        await self._tasks.close()

    async def _write(self) -> None:
        while True:
            line = await self._queue.get()
            await self._send(line)
            self._waiting -= 1
            line.kept.set()
            self._queue.task_done()

    async def _send(self, line: _Line) -> None:
        pause = 0.1
        while True:
            try:
                if not self._bus.connected:
                    raise OSError("nats is away")
                await self._bus.publish_fact(
                    full_name=RequestAudited.DESCRIPTOR.full_name,
                    tenant_id=line.tenant_id,
                    key=line.entry.audit_entry_id,
                    event_id=line.event_id,
                    payload=RequestAudited(entry=line.entry).SerializeToString(),
                    time=line.time,
                    traceparent=line.traceparent,
                )
                self._behind = False
                return
            except (NatsError, OSError, TimeoutError) as error:
                self._bus.forget_streams()
                self._fall_behind(type(error).__name__)
            except Exception:
                _lost.add(1)
                log.exception("an audit entry can't be sent", action=line.entry.action)
                return
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)

    def _fall_behind(self, reason: str) -> None:
        if not self._behind:
            log.error("audit entries wait in memory", reason=reason)
        self._behind = True


def action_of(method: Method, request: Message, field: str) -> str:
    """What was asked for: the rpc, and where it does several things the value of the enum `field` that says which:
    `telephony.v1.CallService/SuperviseCall:WHISPER`."""
    if not field:
        return method.action
    kind = request.DESCRIPTOR.fields_by_name[field].enum_type
    assert kind is not None, "the rules are checked at the start"
    found = kind.values_by_number.get(getattr(request, field))
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return f"{method.action}:{found.name.removeprefix(prefix) if found is not None else 'UNKNOWN'}"


def target_of(method: Method, request: Message, response: Message | None) -> str:
    """Id of what an rpc was about: what the request names, else what the answer is about; of a creation, what came
    into being."""
    first, second = (response, request) if method.descriptor.name.startswith("Create") else (request, response)
    return next((found for each in (first, second) if each is not None and (found := _own_id(each))), "")


def _own_id(message: Message) -> str:
    if isinstance(message, Session):
        return message.user.user_id
    nested = ""
    for each, value in message.ListFields():
        if isinstance(value, str) and each.name.endswith("_id") and each.name not in ("request_id", "client_id"):
            return value
        if isinstance(value, str) and each.name == "number":
            return value
        if isinstance(value, Message) and not nested:
            nested = _own_id(value) if value.DESCRIPTOR.file.package.startswith("merkez") else ""
    return nested
