"""A node's leases over all tenants: renewing its own, finding those of the dead. System transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log

from telephony import convert
from telephony.domain import calls
from telephony.domain.calls import Call
from telephony.domain.legs import Leg, LegTrigger, change_leg
from telephony.domain.moments import Happening, Moment
from telephony.domain.nodes import Node, NodeNotFound, until
from telephony.ops.calls import HEARTBEAT_FRESH, end_orphan
from telephony.store import calls as call_store
from telephony.store import legs as leg_store
from telephony.store import lines as line_store
from telephony.store import nodes as node_store
from telephony.store import stations as station_store
from telephony.store.calls import Lease, Owner
from telephony.store.moments import add_moment


@dataclass(frozen=True)
class Left:
    """What a node holds by the rows."""

    leases: Sequence[Lease]
    stations: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Due:
    """What a sweep should look at: leases and stations of dead nodes, leases of this one that it should know, stations
    whose grace is over, those that are phones which can't be rung any more, calls that were parked for too long."""

    leases: Sequence[Lease]
    own_leases: Sequence[Lease]
    stale_stations: Sequence[tuple[str, str]]
    overdue_stations: Sequence[tuple[str, str]]
    lapsed_phones: Sequence[tuple[str, str]]
    parked_calls: Sequence[tuple[str, str]]


async def begin(tx: Tx, node: Node) -> None:
    """A process of this node has begun."""
    await node_store.begin(tx, node)


async def live(tx: Tx, node_id: str, now: datetime) -> Sequence[Node]:
    """Say that the node lives; all nodes as they are then, by name."""
    await node_store.beat(tx, node_id, now)
    return await node_store.list_nodes(tx)


async def drain(tx: Tx, node_id: str, bound: timedelta | None, default: timedelta, now: datetime) -> Node:
    """Ask a node to take no new calls, and to wait for those it can't move no longer than `bound`, else than `default`.
    NodeNotFound, InvalidInput."""
    deadline = until(await _node(tx, node_id), bound, default, now)
    await node_store.set_draining(tx, node_id, deadline)
    return await _node(tx, node_id)


async def undrain(tx: Tx, node_id: str) -> Node:
    """Ask a node to take calls again. NodeNotFound."""
    await _node(tx, node_id)
    await node_store.set_draining(tx, node_id, None)
    return await _node(tx, node_id)


async def _node(tx: Tx, node_id: str) -> Node:
    found = await node_store.find_node(tx, node_id)
    if found is None:
        raise NodeNotFound("no node of this name has been seen: list them")
    return found


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


@dataclass(frozen=True)
class Adopted:
    """A call that `to_node` owns. `moved` is False when it did before: the answer to an earlier try was lost."""

    call: Call
    legs: Sequence[Leg]
    moved: bool


async def adopt_call(
    tx: Tx,
    call_id: str,
    from_node: str,
    to_node: str,
    last_heard: datetime,
    now: datetime,
    *,
    beaten: datetime | None = None,
) -> Adopted | None:
    """Make `to_node` the owner of a call; its media are to be made anew. None when `from_node` doesn't own it any more,
    or has renewed its lease since `beaten`: it was only asleep, or its next process has it already.

    A call that was only told why it isn't taken has nobody to tell any more: it ends.
    """
    owner = await call_store.owner_of(tx, call_id)
    if owner is not None and owner.node_id == to_node != from_node:
        return Adopted(await call_store.get_call(tx, call_id), await _legs(tx, call_id), moved=False)
    asleep = owner is not None and beaten is not None and owner.heartbeat_time > beaten
    if owner is None or owner.node_id != from_node or asleep:
        return None
    if not owner.counted:
        await end_orphan(tx, call_id, last_heard, now)
        return None
    await call_store.move_lease(tx, call_id, to_node, now)
    call = calls.moved(await call_store.get_call(tx, call_id), to_node, last_heard, now)
    await call_store.save_call(tx, call, now)
    for leg in await _legs(tx, call_id):
        changed = change_leg(leg, LegTrigger.LOSE)
        if changed is not None:
            await leg_store.save_leg(tx, changed, now)
    legs = await _legs(tx, call_id)
    await add_moment(tx, Moment(call_id, Happening.MOVED, now, "", "node", to_node))
    tx.emit(convert.call_moved(call, legs, from_node, to_node, last_heard), key=call_id)
    tx.after_commit(partial(log.info, "call adopted", call_id=call_id, from_node=from_node, node=to_node))
    return Adopted(call, legs, moved=True)


async def owner(tx: Tx, call_id: str) -> Owner | None:
    """Who owns the call; None when it has ended."""
    return await call_store.owner_of(tx, call_id)


async def owned_elsewhere(tx: Tx, call_ids: Sequence[str], node_id: str) -> frozenset[str]:
    """Which of these calls another node owns: this one writes no more of what becomes of them."""
    owners = await call_store.nodes_of(tx, call_ids)
    return frozenset(call_id for call_id, owner in owners.items() if owner != node_id)


async def _legs(tx: Tx, call_id: str) -> Sequence[Leg]:
    return (await leg_store.legs_of(tx, [call_id]))[call_id]


async def stations_of(tx: Tx, node_id: str) -> Sequence[tuple[str, str]]:
    """(tenant, agent) of every station whose row says it is on this node."""
    return await station_store.agents_of(tx, node_id)


async def call_node_of(tx: Tx, agent_id: str) -> tuple[str, str] | None:
    """(call, node that owns it) of the call a user's station is joined to; None when it is joined to none."""
    station = await station_store.find_station(tx, agent_id)
    owner = await call_store.owner_of(tx, station.call_id) if station is not None and station.call_id else None
    return None if station is None or owner is None else (station.call_id, owner.node_id)


async def station_node_of(tx: Tx, agent_id: str) -> str:
    """The node a user's media is on; empty when they have none."""
    station = await station_store.find_station(tx, agent_id)
    return station.node_id if station is not None else ""


async def list_nodes(tx: Tx) -> Sequence[Node]:
    """All nodes ever seen, by name."""
    return await node_store.list_nodes(tx)


async def due(tx: Tx, node_id: str, now: datetime) -> Due:
    before = now - HEARTBEAT_FRESH
    own = await call_store.leases_of(tx, node_id)
    return Due(
        await call_store.stale_leases(tx, before),
        [lease for lease in own if lease.create_time < before],
        await station_store.stale(tx, before),
        await station_store.overdue(tx, now),
        await station_store.lapsed_phones(tx, now),
        await call_store.parked_too_long(tx, now),
    )
