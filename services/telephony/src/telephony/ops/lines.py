"""Taking a trunk's line for a call leg and letting it go, so that no node and no two together exceed a limit.

All of it runs in system transactions (`Database.system`): a line of the platform's trunk counts for its owner and for
the tenant that calls. SERIALIZABLE makes of two takers one that sees the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.errors import QuotaExceeded
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


@dataclass(frozen=True)
class Take:
    """A wish for a place on a trunk."""

    line: Line
    context: Context = field(default_factory=copy_context, compare=False)


@dataclass(frozen=True)
class Answer:
    """The leg was answered then: from now on it costs."""

    line: Line
    time: datetime


@dataclass(frozen=True)
class Release:
    """The leg was over then."""

    line: Line
    time: datetime
    context: Context = field(default_factory=copy_context, compare=False)


Wish = Take | Answer | Release
Outcome = Line | None | TrunkNotFound | QuotaExceeded | LineNotFound


async def use_lines(tx: Tx, wishes: Sequence[Wish], now: datetime) -> Sequence[Outcome]:
    """What is wished of the lines of one trunk: first what is answered and let go, then who takes one, in their order.

    A take gives the line as it was taken, or why there is none: TrunkNotFound when the trunk is gone or disabled,
    TrunkLimitReached, CallRateLimitReached, SpendLimitReached; the same line again is OK. An answer of a line that was
    let go gives LineNotFound. Again changes nothing.
    """
    outcomes: dict[int, Outcome] = {}
    known = [wish.line for wish in wishes if not isinstance(wish, Take)]
    if known:
        live = await store.find_lines(tx, known[0].tenant_id, [line.line_id for line in known])
        outcomes |= await _answer(tx, wishes, live)
        outcomes |= await _release(tx, wishes, live)
    takes = {place: wish for place, wish in enumerate(wishes) if isinstance(wish, Take)}
    if takes:
        outcomes |= zip(takes, await _take(tx, list(takes.values()), now), strict=True)
    return [outcomes[place] for place in range(len(wishes))]


async def _answer(tx: Tx, wishes: Sequence[Wish], live: dict[str, Line]) -> Mapping[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    answered: list[tuple[Line, datetime]] = []
    for place, wish in enumerate(wishes):
        if isinstance(wish, Answer):
            line = live.get(wish.line.line_id)
            outcomes[place] = None if line is not None else LineNotFound("the line was let go")
            if line is not None and line.answer_time is None:
                # A line that is let go in the same round costs from here.
                live[line.line_id] = line = replace(line, answer_time=wish.time)
                answered.append((line, wish.time))
    await store.answer_lines(tx, answered)
    return outcomes


async def _release(tx: Tx, wishes: Sequence[Wish], live: dict[str, Line]) -> Mapping[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    ended: list[tuple[Line, datetime]] = []
    for place, wish in enumerate(wishes):
        if isinstance(wish, Release):
            outcomes[place] = None
            line = live.pop(wish.line.line_id, None)
            if line is not None:
                ended.append((line, wish.time))
                with tx.part_of(wish.context):
                    _log(tx, log.info, "line released", line)
    await store.end_lines(tx, ended)
    return outcomes


async def _take(tx: Tx, takes: Sequence[Take], now: datetime) -> Sequence[Outcome]:
    tenant_id, trunk_id = takes[0].line.tenant_id, takes[0].line.trunk_id
    trunk = await trunk_store.find_trunk(tx, tenant_id, trunk_id)
    if trunk is None or not trunk.enabled:
        return [TrunkNotFound("the trunk is gone or disabled") for _ in takes]
    known = await store.find_lines(tx, tenant_id, [take.line.line_id for take in takes])
    since = now - HEARTBEAT_FRESH
    wishes = {take.line.line_id: replace(take.line, take_time=now) for take in takes}
    wished = [line for line_id, line in wishes.items() if line_id not in known]
    tenants = sorted({line.caller_tenant_id for line in wished if not line.inbound})
    on_trunk = await store.load_of_trunk(tx, tenant_id, trunk_id, now, since, money=bool(tenants))
    callers = {
        tenant: (await outbound_store.settings_of(tx, tenant), await store.load_of_caller(tx, tenant, now, since))
        for tenant in tenants
    }
    admitted = lines.admit(wished, trunk.limits, on_trunk, callers)
    found = {line.line_id: outcome for line, outcome in zip(wished, admitted, strict=True)}
    taken = [line for line in found.values() if isinstance(line, Line)]
    await store.add_lines(tx, taken, now)
    contexts = {take.line.line_id: take.context for take in takes}
    for line in taken:
        with tx.part_of(contexts[line.line_id]):
            _log(tx, log.info, "line taken", line)
    return [known.get(take.line.line_id) or found[take.line.line_id] for take in takes]


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
    for tenant_id in sorted({line.tenant_id for line, _ in left}):
        its = [(line, heard) for line, heard in left if line.tenant_id == tenant_id]
        live = await store.find_lines(tx, tenant_id, [line.line_id for line, _ in its])
        ended = [(live[line.line_id], max(heard, line.take_time)) for line, heard in its if line.line_id in live]
        await store.end_lines(tx, ended)
        for line, _ in ended:
            _log(tx, log.warning, "line freed", line)


def _log(tx: Tx, write: Callable[..., None], what: str, line: Line) -> None:
    ids = {"line_id": line.line_id, "trunk_id": line.trunk_id, "call_id": line.call_id}
    tx.after_commit(partial(write, what, **ids))
