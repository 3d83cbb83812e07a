"""Taking a trunk's line for a call leg and letting it go, so that no node and no two together exceed a limit.

All of it runs in system transactions (`Database.system`): a line of the platform's trunk counts for its owner and for
the tenant that calls. SERIALIZABLE makes of two takers one that sees the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.tenant import PLATFORM

from telephony.domain import lines
from telephony.domain.lines import Line, LineNotFound, Load, OutboundSettings
from telephony.domain.trunks import Limits, TrunkNotFound
from telephony.ops.calls import HEARTBEAT_FRESH
from telephony.store import lines as store
from telephony.store import outbound as outbound_store
from telephony.store import trunks as trunk_store

_COUNTED = timedelta(seconds=3)
"""How long an ended line stays: calls per second look one second back, by clocks that may differ."""
_REMEMBERED = timedelta(days=40)


async def take_line(tx: Tx, line: Line, now: datetime) -> Line:
    """A place on the trunk for this leg; the line as it was taken.

    TrunkNotFound when the trunk is gone or disabled, TrunkLimitReached, CallRateLimitReached, SpendLimitReached. The
    same line again is OK.
    """
    trunk = await trunk_store.find_trunk(tx, line.tenant_id, line.trunk_id)
    if trunk is None or not trunk.enabled:
        raise TrunkNotFound("the trunk is gone or disabled")
    since = now - HEARTBEAT_FRESH
    on_trunk = await store.load_of_trunk(tx, line.tenant_id, line.trunk_id, now, since)
    known = next((each for each in on_trunk.lines if each.line_id == line.line_id), None)
    if known is not None:
        return known
    line = replace(line, take_time=now)
    if not line.inbound:
        settings = await outbound_store.settings_of(tx, line.caller_tenant_id)
        of_tenant = await store.load_of_caller(tx, line.caller_tenant_id, now, since)
        lines.check_tenant_room(line, settings, of_tenant)
    lines.check_trunk_room(line, trunk.limits, on_trunk)
    await store.add_line(tx, line, now)
    tx.after_commit(partial(log.info, "line taken", line_id=line.line_id, trunk_id=line.trunk_id, call_id=line.call_id))
    return line


async def answer_line(tx: Tx, line: Line, now: datetime) -> None:
    """The leg was answered: from now on it costs. LineNotFound when it was let go; again is OK."""
    if not await store.answer_line(tx, line.tenant_id, line.line_id, now):
        load = await store.load_of_trunk(tx, line.tenant_id, line.trunk_id, now, now - HEARTBEAT_FRESH)
        if all(each.line_id != line.line_id for each in load.lines):
            raise LineNotFound("the line was let go")


async def release_line(tx: Tx, line: Line, now: datetime) -> None:
    """Let a line go and count what it cost; again is OK."""
    ended = await store.end_line(tx, line.tenant_id, line.line_id, now)
    if ended is not None:
        tx.after_commit(
            partial(log.info, "line released", line_id=line.line_id, trunk_id=line.trunk_id, call_id=line.call_id)
        )


async def find_line(tx: Tx, tenant_id: str, line_id: str) -> Line | None:
    """A live line of the trunk's owner; None when it was let go."""
    return await store.find_line(tx, tenant_id, line_id)


async def move_lines(tx: Tx, tenant_id: str, call_id: str, node_id: str, now: datetime) -> None:
    """A call's lines belong to this node from now on: it took the call over."""
    await store.move_lines(tx, (tenant_id, PLATFORM), call_id, node_id, now)


async def free_lines_of(tx: Tx, node_id: str, but: Collection[str]) -> int:
    """Let go what an earlier process of this node left, as of its last heartbeat, except the lines of the calls that
    go on; how many."""
    left = [each for each in await store.lines_of(tx, node_id) if each[0].call_id not in but]
    await _free(tx, left)
    return len(left)


@dataclass(frozen=True)
class Leftovers:
    """Lines nobody holds any more, each with when it was last known to live; whether rows are there to be forgotten."""

    lines: Sequence[tuple[Line, datetime]]
    old: bool


async def leftovers(tx: Tx, now: datetime) -> Leftovers:
    """Lines of dead nodes and of calls that are over. For a read-only transaction: at SERIALIZABLE it would make
    everybody who takes a line or changes a call run again."""
    since = now - HEARTBEAT_FRESH
    found = [*await store.stale_lines(tx, since), *await store.lines_without_calls(tx, since)]
    return Leftovers(found, await store.has_old(tx, *_old(now)))


async def free_line(tx: Tx, line: Line, heartbeat_time: datetime) -> None:
    """Let a leftover go, as of its last heartbeat; nothing when it went by itself."""
    await _free(tx, [(line, heartbeat_time)])


async def forget_old(tx: Tx, now: datetime) -> None:
    """Forget lines that nobody counts any more, and what was spent long ago."""
    await store.purge(tx, *_old(now))


async def overspent(tx: Tx, node_id: str, now: datetime) -> Sequence[Line]:
    """Lines of this node whose calls must be cut, because what has been spoken reached a limit."""
    cut: list[Line] = []
    loads: dict[tuple[str, str], tuple[Limits, Load]] = {}
    callers: dict[str, tuple[OutboundSettings, Load]] = {}
    since = now - HEARTBEAT_FRESH
    for line, _ in await store.lines_of(tx, node_id):
        if line.inbound or line.answer_time is None:
            continue
        place, caller = (line.tenant_id, line.trunk_id), line.caller_tenant_id
        if place not in loads:
            trunk = await trunk_store.find_trunk(tx, *place)
            load = await store.load_of_trunk(tx, *place, now, since)
            loads[place] = (trunk.limits if trunk else Limits(), load)
        if caller not in callers:
            settings = await outbound_store.settings_of(tx, caller)
            callers[caller] = (settings, await store.load_of_caller(tx, caller, now, since))
        if lines.overspent(line, *loads[place], *callers[caller], now):
            cut.append(line)
    return cut


def _old(now: datetime) -> tuple[datetime, date]:
    return now - _COUNTED, (now - _REMEMBERED).date()


async def _free(tx: Tx, left: Sequence[tuple[Line, datetime]]) -> None:
    for line, heartbeat_time in left:
        await store.end_line(tx, line.tenant_id, line.line_id, max(heartbeat_time, line.take_time))
        tx.after_commit(
            partial(log.warning, "line freed", line_id=line.line_id, trunk_id=line.trunk_id, call_id=line.call_id)
        )
