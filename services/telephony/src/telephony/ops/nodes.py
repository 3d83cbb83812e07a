"""A node's leases over all tenants: renewing its own, finding those of the dead. System transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.sql import Tx

from telephony.ops import devices as device_ops
from telephony.ops import lines as line_ops
from telephony.ops.calls import HEARTBEAT_FRESH
from telephony.store import calls as call_store
from telephony.store import lines as line_store
from telephony.store import stations as station_store
from telephony.store.calls import Lease


@dataclass(frozen=True)
class Left:
    """What a node holds by the rows."""

    leases: Sequence[Lease]
    stations: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Due:
    """What a sweep should look at: leases and stations of dead nodes, leases of this one that it should know, stations
    whose grace is over."""

    leases: Sequence[Lease]
    own_leases: Sequence[Lease]
    stale_stations: Sequence[tuple[str, str]]
    overdue_stations: Sequence[tuple[str, str]]


async def beat(tx: Tx, node_id: str, now: datetime) -> None:
    """Renew all leases of the node: one statement for calls, one for stations, one for lines."""
    await call_store.beat(tx, node_id, now)
    await station_store.beat(tx, node_id, now)
    await line_store.beat(tx, node_id, now)


async def versions_of(tx: Tx, node_id: str) -> Mapping[str, int]:
    """Call id -> version of its row, of every live call of the node."""
    return await call_store.versions_of(tx, node_id)


async def left_by(tx: Tx, node_id: str) -> Left:
    return Left(await call_store.leases_of(tx, node_id), await station_store.agents_of(tx, node_id))


async def due(tx: Tx, node_id: str, now: datetime) -> Due:
    before = now - HEARTBEAT_FRESH
    own = await call_store.leases_of(tx, node_id)
    return Due(
        await call_store.stale_leases(tx, before),
        [lease for lease in own if lease.create_time < before],
        await station_store.stale(tx, before),
        await station_store.overdue(tx, now),
    )


async def tidy(tx: Tx, now: datetime) -> None:
    """Let go the lines of dead nodes, and forget lines and phones' bindings that count no more."""
    await line_ops.sweep_lines(tx, now)
    await device_ops.purge_bindings(tx, now)
