"""Calls and the node's lease on each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, bindparam, delete, func, insert, select, update

from telephony.domain.call_rules import CallRules
from telephony.domain.calls import Call, CallState, Direction, Served, no_such_call
from telephony.store.tables import among, calls, live_calls, park_codes

_FIELDS = (
    "call_id", "brand_id", "brand_name", "language", "flow_id", "caller_number", "caller_name", "dialed_number",
    "contact_id", "queue_id", "customer_id", "agent_id", "run_id", "release_id", "trace_id", "recording_id",
    "recorded", "turn", "sent_to", "sent_by", "trunk_id", "park_code", "node_id", "start_time", "state_time",
    "answer_time", "end_time",
    "talk", "hold", "unheard", "kept_run_id", "after_agent", "version",
)  # fmt: skip


@dataclass(frozen=True)
class Lease:
    """A node's hold on a live call. `trace_id` is the call's, empty when its row is gone."""

    tenant_id: str
    call_id: str
    node_id: str
    trace_id: str
    heartbeat_time: datetime
    create_time: datetime


def _row(call: Call, *but: str) -> dict[str, Any]:
    return {name: getattr(call, name) for name in _FIELDS if name not in but} | {
        "state": call.state.value,
        "direction": call.direction.value,
        "attributes": dict(call.attributes),
        "rules": call.rules.document(),
        "forwarded_by": list(call.forwarded_by),
        "served": dataclasses.asdict(call.served) if call.served is not None else {},
    }


def to_call(row: RowMapping) -> Call:
    return Call(
        **{name: row[name] for name in _FIELDS},
        state=CallState(row["state"]),
        direction=Direction(row["direction"]),
        attributes=row["attributes"],
        rules=CallRules.of(row["rules"]),
        forwarded_by=tuple(row["forwarded_by"]),
        served=Served(**row["served"]) if row["served"] else None,
    )


async def add_calls(tx: Tx, new: Sequence[tuple[Call, bool]], now: datetime) -> None:
    """Store new calls and their node's lease on each; whether it counts as one of the plan's."""
    times = {"create_time": now, "update_time": now}
    await tx.execute(insert(calls), [{"tenant_id": tx.tenant_id, **_row(call), **times} for call, _ in new])
    leases = [
        {
            "tenant_id": tx.tenant_id,
            "call_id": call.call_id,
            "node_id": call.node_id,
            "counted": counted,
            "heartbeat_time": now,
            "create_time": now,
        }
        for call, counted in new
    ]
    await tx.execute(insert(live_calls), leases)


async def find_call(tx: Tx, call_id: str) -> Call | None:
    return (await find_calls(tx, [call_id])).get(call_id)


async def find_calls(tx: Tx, call_ids: Sequence[str]) -> dict[str, Call]:
    """By id, those of the tenant that there are."""
    rows = await tx.all(select(calls).where(calls.c.tenant_id == tx.tenant_id, among(calls.c.call_id, call_ids)))
    return {row["call_id"]: to_call(row) for row in rows}


async def get_call(tx: Tx, call_id: str) -> Call:
    """The call; CallNotFound for another tenant's as well."""
    call = await find_call(tx, call_id)
    if call is None:
        raise no_such_call()
    return call


_SAVE = update(calls).where(calls.c.tenant_id == bindparam("of_tenant"), calls.c.call_id == bindparam("of_call"))


async def save_call(tx: Tx, call: Call, now: datetime) -> None:
    await save_calls(tx, [call], now)


async def save_calls(tx: Tx, changed: Sequence[Call], now: datetime) -> None:
    rows = [
        {"of_tenant": tx.tenant_id, "of_call": call.call_id, **_row(call, "call_id"), "update_time": now}
        for call in changed
    ]
    if rows:
        await tx.execute(_SAVE, rows)


async def live_among(tx: Tx, call_ids: Sequence[str]) -> frozenset[str]:
    """Which of these calls are up."""
    its = (live_calls.c.tenant_id == tx.tenant_id, among(live_calls.c.call_id, call_ids))
    return frozenset(row["call_id"] for row in await tx.all(select(live_calls.c.call_id).where(*its)))


async def nodes_of(tx: Tx, call_ids: Sequence[str]) -> Mapping[str, str]:
    """Call id -> the node that owns it, of those of these calls that are up."""
    its = (live_calls.c.tenant_id == tx.tenant_id, among(live_calls.c.call_id, call_ids))
    rows = await tx.all(select(live_calls.c.call_id, live_calls.c.node_id).where(*its))
    return {row["call_id"]: row["node_id"] for row in rows}


async def count_live(tx: Tx, fresh_since: datetime) -> int:
    """Calls of the tenant that are up and counted, on nodes heard of since."""
    row = await tx.one(
        select(func.count().label("live")).where(
            live_calls.c.tenant_id == tx.tenant_id,
            live_calls.c.counted,
            live_calls.c.heartbeat_time >= fresh_since,
        )
    )
    return row["live"]


async def drop_leases(tx: Tx, call_ids: Sequence[str]) -> None:
    await tx.execute(
        delete(live_calls).where(live_calls.c.tenant_id == tx.tenant_id, among(live_calls.c.call_id, call_ids))
    )


async def list_calls(tx: Tx, *, token: str, size: int, live: bool, parked: bool = False) -> Sequence[Call]:
    """Newest first; one more than `size` when there is a next page."""
    statement = select(calls).where(calls.c.tenant_id == tx.tenant_id)
    # By the few rows that live and parked calls have: those of all calls that ever were would be read one by one.
    if live:
        leased = select(live_calls.c.call_id).where(live_calls.c.tenant_id == tx.tenant_id)
        statement = statement.where(calls.c.call_id.in_(leased), calls.c.state != CallState.ENDED.value)
    if parked:
        coded = select(park_codes.c.call_id).where(park_codes.c.tenant_id == tx.tenant_id)
        statement = statement.where(calls.c.call_id.in_(coded), calls.c.state == CallState.PARKED.value)
    return [to_call(row) for row in await tx.all(keyset(statement, calls.c.start_time, calls.c.call_id, token, size))]


@dataclass(frozen=True)
class Owner:
    """Who owns a live call, as its lease says. `counted` tells whether it is one of the plan's concurrent calls: one
    that was refused isn't."""

    node_id: str
    heartbeat_time: datetime
    counted: bool


async def owner_of(tx: Tx, call_id: str) -> Owner | None:
    """None when the call has ended."""
    its = (live_calls.c.tenant_id == tx.tenant_id) & (live_calls.c.call_id == call_id)
    row = await tx.one_or_none(select(live_calls).where(its))
    return None if row is None else Owner(row["node_id"], row["heartbeat_time"], row["counted"])


async def move_lease(tx: Tx, call_id: str, to_node: str, now: datetime) -> None:
    """Make this node the owner of a call."""
    its = (live_calls.c.tenant_id == tx.tenant_id) & (live_calls.c.call_id == call_id)
    await tx.execute(update(live_calls).where(its).values(node_id=to_node, heartbeat_time=now))


# -- parked calls ----------------------------------------------------------------------------------------------

FIRST_PARK_CODE = 701


async def take_park_code(tx: Tx, call_id: str, agent_id: str, deadline: datetime, now: datetime) -> str:
    """The lowest code that is free, as digits anybody can remember for a minute. Until `deadline` somebody may retrieve
    the call that `agent_id` parked."""
    rows = await tx.all(select(park_codes.c.park_code).where(park_codes.c.tenant_id == tx.tenant_id))
    taken = {row["park_code"] for row in rows}
    code = next(
        str(number) for number in range(FIRST_PARK_CODE, FIRST_PARK_CODE + len(taken) + 1) if str(number) not in taken
    )
    values = {"tenant_id": tx.tenant_id, "park_code": code, "call_id": call_id, "agent_id": agent_id}
    await tx.execute(insert(park_codes), values | {"deadline_time": deadline, "create_time": now})
    return code


async def find_parked(tx: Tx, code: str) -> str | None:
    """The call that is parked under this code."""
    mine = (park_codes.c.tenant_id == tx.tenant_id) & (park_codes.c.park_code == code)
    row = await tx.one_or_none(select(park_codes.c.call_id).where(mine))
    return None if row is None else row["call_id"]


async def parked_by(tx: Tx, code: str) -> str:
    """The agent who parked what is under this code; empty when nobody knows."""
    mine = (park_codes.c.tenant_id == tx.tenant_id) & (park_codes.c.park_code == code)
    row = await tx.one_or_none(select(park_codes.c.agent_id).where(mine))
    return "" if row is None else row["agent_id"]


async def free_park_code(tx: Tx, code: str) -> None:
    mine = (park_codes.c.tenant_id == tx.tenant_id) & (park_codes.c.park_code == code)
    await tx.execute(delete(park_codes).where(mine))


# -- the node's sweeps, in system transactions -----------------------------------------------------------------


_ITS_LEASE = (live_calls.c.tenant_id == calls.c.tenant_id) & (live_calls.c.call_id == calls.c.call_id)
_LEASES = select(live_calls, calls.c.trace_id).outerjoin(calls, _ITS_LEASE)


async def beat(tx: Tx, node_id: str, now: datetime) -> int:
    """Renew every lease of the node in one statement; how many."""
    result = await tx.execute(update(live_calls).where(live_calls.c.node_id == node_id).values(heartbeat_time=now))
    return result.rowcount


async def versions_of(tx: Tx, node_id: str) -> Mapping[str, int]:
    """Call id -> version of every live call of the node."""
    statement = select(calls.c.call_id, calls.c.version).join(live_calls, _ITS_LEASE)
    statement = statement.where(live_calls.c.node_id == node_id)
    return {row["call_id"]: row["version"] for row in await tx.all(statement)}


async def parked_too_long(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """(tenant, call) of what waits under a code longer than it should."""
    overdue = select(park_codes.c.tenant_id, park_codes.c.call_id).where(park_codes.c.deadline_time <= now).limit(500)
    return [(row["tenant_id"], row["call_id"]) for row in await tx.all(overdue)]


async def leases_of(tx: Tx, node_id: str) -> Sequence[Lease]:
    return [_lease(row) for row in await tx.all(_LEASES.where(live_calls.c.node_id == node_id))]


async def stale_leases(tx: Tx, before: datetime) -> Sequence[Lease]:
    """Leases of any node that was last heard of before then."""
    rows = await tx.all(_LEASES.where(live_calls.c.heartbeat_time < before).limit(500))
    return [_lease(row) for row in rows]


def _lease(row: RowMapping) -> Lease:
    return Lease(
        row["tenant_id"], row["call_id"], row["node_id"], row["trace_id"] or "", row["heartbeat_time"],
        row["create_time"],
    )  # fmt: skip
