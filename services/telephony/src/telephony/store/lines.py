"""Lines on trunks and what was spent on them. A line lies with the trunk's owner: the platform's are reached in system
transactions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from kernel.money import Money
from kernel.tenant import PLATFORM
from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql

from telephony.domain.countries import Tier
from telephony.domain.lines import SECOND, Line, Load, Spent, cost
from telephony.store.tables import among, live_calls
from telephony.store.trunk_tables import spending, trunk_lines

_FIELDS = (
    "line_id", "tenant_id", "caller_tenant_id", "trunk_id", "gateway_id", "call_id", "node_id", "inbound", "country",
    "take_time", "answer_time",
)  # fmt: skip
_SMALLEST = Decimal("0.000001")
_LIVE = trunk_lines.c.end_time.is_(None)


async def add_lines(tx: Tx, lines: Sequence[Line], now: datetime) -> None:
    rows = [
        {
            **{name: getattr(line, name) for name in _FIELDS},
            "tier": line.tier.value,
            "currency": line.price.currency,
            "price": line.price.amount,
            "heartbeat_time": now,
            "end_time": None,
        }
        for line in lines
    ]
    if rows:
        await tx.execute(insert(trunk_lines), rows)


async def load_of_trunk(
    tx: Tx, tenant_id: str, trunk_id: str, now: datetime, fresh_since: datetime, *, money: bool = True
) -> Load:
    """What is on a trunk, whoever calls; without what it costs when no `money` is asked for."""
    on_it = and_(trunk_lines.c.tenant_id == tenant_id, trunk_lines.c.trunk_id == trunk_id)
    spent_on_it = and_(spending.c.tenant_id == tenant_id, spending.c.trunk_id == trunk_id)
    return await _load(tx, on_it, spent_on_it, now, fresh_since, money=money)


async def load_of_caller(tx: Tx, caller_tenant_id: str, now: datetime, fresh_since: datetime) -> Load:
    """What a tenant has on its own trunks and the platform's, calls out alone."""
    owners = (caller_tenant_id, PLATFORM)
    its = and_(
        trunk_lines.c.tenant_id.in_(owners),
        trunk_lines.c.caller_tenant_id == caller_tenant_id,
        trunk_lines.c.inbound.is_(False),
    )
    spent = and_(spending.c.tenant_id.in_(owners), spending.c.caller_tenant_id == caller_tenant_id)
    return await _load(tx, its, spent, now, fresh_since)


async def _load(
    tx: Tx,
    of_lines: ColumnElement[bool],
    of_spending: ColumnElement[bool],
    now: datetime,
    fresh_since: datetime,
    *,
    money: bool = True,
) -> Load:
    recent = trunk_lines.c.take_time > now - SECOND
    alive = and_(_LIVE, trunk_lines.c.heartbeat_time >= fresh_since)
    counted = select(trunk_lines.c.take_time, alive.label("alive")).where(of_lines, or_(recent, alive))
    rows = await tx.all(counted)
    # Another node's clock may be a little ahead; a second is counted by the one that is furthest.
    latest = max((row["take_time"] for row in rows), default=now)
    moment = min(max(now, latest), now + SECOND)
    live = sum(1 for row in rows if row["alive"])
    started = sum(1 for row in rows if row["take_time"] > moment - SECOND)
    if not money:
        return Load(started=started, others=live)
    costing = await tx.all(select(trunk_lines).where(of_lines, alive, trunk_lines.c.inbound.is_(False)))
    lines = [_line(row) for row in costing]
    return Load(lines, started, await _spent(tx, of_spending, now.date()), others=live - len(lines))


async def _spent(tx: Tx, which: ColumnElement[bool], day: date) -> Mapping[str, Spent]:
    totals = select(
        spending.c.currency, func.sum(spending.c.spent).label("spent"), func.sum(spending.c.risky).label("risky")
    )
    rows = await tx.all(totals.where(which, spending.c.day == day).group_by(spending.c.currency))
    return {row["currency"]: Spent(row["spent"], row["risky"]) for row in rows}


async def count_live(tx: Tx, tenant_id: str, trunk_id: str, fresh_since: datetime) -> int:
    row = await tx.one(
        select(func.count().label("live")).where(
            trunk_lines.c.tenant_id == tenant_id,
            trunk_lines.c.trunk_id == trunk_id,
            _LIVE,
            trunk_lines.c.heartbeat_time >= fresh_since,
        )
    )
    return row["live"]


async def find_line(tx: Tx, tenant_id: str, line_id: str) -> Line | None:
    return (await find_lines(tx, tenant_id, [line_id])).get(line_id)


async def find_lines(tx: Tx, tenant_id: str, line_ids: Sequence[str]) -> dict[str, Line]:
    """By id, those that are live."""
    its = (trunk_lines.c.tenant_id == tenant_id, among(trunk_lines.c.line_id, line_ids), _LIVE)
    return {row["line_id"]: _line(row) for row in await tx.all(select(trunk_lines).where(*its))}


_ONE = update(trunk_lines).where(
    trunk_lines.c.tenant_id == bindparam("of_tenant"), trunk_lines.c.line_id == bindparam("of_line")
)


async def answer_lines(tx: Tx, answered: Sequence[tuple[Line, datetime]]) -> None:
    """Lines that were answered, each then."""
    if answered:
        await tx.execute(_ONE, [_of(line, answer_time=time) for line, time in answered])


async def end_lines(tx: Tx, ended: Sequence[tuple[Line, datetime]]) -> None:
    """Let live lines go, each then, and count what each cost to the day it ends on."""
    if not ended:
        return
    await tx.execute(_ONE, [_of(line, end_time=time) for line, time in ended])
    for line, time in ended:
        spent = cost(line, time).amount.quantize(_SMALLEST)
        if spent:
            await _add_spending(tx, line, spent, time.date())


def _of(line: Line, **changes: datetime) -> dict[str, Any]:
    return {"of_tenant": line.tenant_id, "of_line": line.line_id, **changes}


async def _add_spending(tx: Tx, line: Line, spent: Decimal, day: date) -> None:
    key: dict[str, Any] = {
        "tenant_id": line.tenant_id,
        "caller_tenant_id": line.caller_tenant_id,
        "trunk_id": line.trunk_id,
        "day": day,
        "currency": line.price.currency,
    }
    statement = postgresql.insert(spending).values(**key, spent=spent, risky=spent if line.risky else Decimal(0))
    more = {
        "spent": spending.c.spent + statement.excluded.spent,
        "risky": spending.c.risky + statement.excluded.risky,
    }
    await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=more))


# -- the node's sweeps, in system transactions -----------------------------------------------------------------


async def beat(tx: Tx, node_id: str, now: datetime) -> None:
    """Renew every line of the node in one statement."""
    mine = (trunk_lines.c.node_id == node_id, _LIVE)
    await tx.execute(update(trunk_lines).where(*mine).values(heartbeat_time=now))


async def lines_of(tx: Tx, node_id: str) -> Sequence[tuple[Line, datetime]]:
    """Live lines of a node, each with the last heartbeat."""
    rows = await tx.all(select(trunk_lines).where(trunk_lines.c.node_id == node_id, _LIVE))
    return [(_line(row), row["heartbeat_time"]) for row in rows]


async def stale_lines(tx: Tx, before: datetime) -> Sequence[tuple[Line, datetime]]:
    """Live lines of nodes that were last heard of before then, each with when."""
    rows = await tx.all(select(trunk_lines).where(_LIVE, trunk_lines.c.heartbeat_time < before).limit(500))
    return [(_line(row), row["heartbeat_time"]) for row in rows]


async def lines_without_calls(tx: Tx, before: datetime) -> Sequence[tuple[Line, datetime]]:
    """Live lines taken before then whose call is over or never was, each with its last heartbeat."""
    its_call = and_(
        live_calls.c.tenant_id == trunk_lines.c.caller_tenant_id, live_calls.c.call_id == trunk_lines.c.call_id
    )
    rows = await tx.all(
        select(trunk_lines)
        .outerjoin(live_calls, its_call)
        .where(_LIVE, trunk_lines.c.take_time < before, live_calls.c.call_id.is_(None))
        .limit(500)
    )
    return [(_line(row), row["heartbeat_time"]) for row in rows]


async def move_lines(tx: Tx, tenant_ids: Sequence[str], call_id: str, node_id: str, now: datetime) -> None:
    """Another node has a call's lines from now on."""
    its = (trunk_lines.c.tenant_id.in_(tenant_ids), trunk_lines.c.call_id == call_id, _LIVE)
    await tx.execute(update(trunk_lines).where(*its).values(node_id=node_id, heartbeat_time=now))


async def has_old(tx: Tx, ended_before: datetime, day_before: date) -> bool:
    """Whether `purge` would find anything."""
    for column, before in ((trunk_lines.c.end_time, ended_before), (spending.c.day, day_before)):
        if await tx.one_or_none(select(column).where(column < before).limit(1)) is not None:
            return True
    return False


async def purge(tx: Tx, ended_before: datetime, day_before: date) -> None:
    """Forget lines that nobody counts any more, and what was spent long ago."""
    await tx.execute(delete(trunk_lines).where(trunk_lines.c.end_time < ended_before))
    await tx.execute(delete(spending).where(spending.c.day < day_before))


def _line(row: RowMapping) -> Line:
    return Line(
        **{name: row[name] for name in _FIELDS},
        tier=Tier(row["tier"]),
        price=Money(row["price"], row["currency"]),
    )
