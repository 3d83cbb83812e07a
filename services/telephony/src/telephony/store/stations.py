"""Agents' stations, one row per agent while attached."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, insert, select, update

from telephony.domain.legs import LegState
from telephony.domain.stations import Station
from telephony.store.tables import stations
from telephony.store.trunk_tables import device_bindings, devices

_FIELDS = (
    "station_id", "agent_id", "client_id", "node_id", "attach_time", "call_id", "detach_time", "detach_reason",
)  # fmt: skip


def _row(station: Station) -> dict[str, Any]:
    return {name: getattr(station, name) for name in _FIELDS} | {"state": station.state.value}


def _station(row: RowMapping) -> Station:
    return Station(**{name: row[name] for name in _FIELDS}, state=LegState(row["state"]))


async def find_station(tx: Tx, agent_id: str) -> Station | None:
    row = await tx.one_or_none(
        select(stations).where(stations.c.tenant_id == tx.tenant_id, stations.c.agent_id == agent_id)
    )
    return None if row is None else _station(row)


async def put_station(tx: Tx, station: Station, *, known: bool, now: datetime) -> None:
    """Insert, or update when a row is `known` to be there."""
    values = _row(station) | {"heartbeat_time": now, "update_time": now}
    if known:
        await tx.execute(
            update(stations)
            .where(stations.c.tenant_id == tx.tenant_id, stations.c.agent_id == station.agent_id)
            .values(**values)
        )
    else:
        await tx.execute(insert(stations), {"tenant_id": tx.tenant_id, **values, "create_time": now})


async def join_call(tx: Tx, agent_id: str, call_id: str, now: datetime) -> None:
    """The agent's station, if there is one, is joined to this call."""
    station = await find_station(tx, agent_id)
    if station is not None and station.call_id != call_id:
        await put_station(tx, dataclasses.replace(station, call_id=call_id), known=True, now=now)


async def leave_call(tx: Tx, agent_id: str, call_id: str, now: datetime) -> None:
    """The agent's station, if it is joined to this call, is so no more."""
    station = await find_station(tx, agent_id) if agent_id else None
    if station is not None and station.call_id == call_id:
        await put_station(tx, dataclasses.replace(station, call_id=""), known=True, now=now)


async def drop_station(tx: Tx, agent_id: str) -> None:
    await tx.execute(delete(stations).where(stations.c.tenant_id == tx.tenant_id, stations.c.agent_id == agent_id))


# -- the node's sweeps, in system transactions -----------------------------------------------------------------


async def beat(tx: Tx, node_id: str, now: datetime) -> int:
    """Renew every station of the node in one statement; how many."""
    result = await tx.execute(update(stations).where(stations.c.node_id == node_id).values(heartbeat_time=now))
    return result.rowcount


async def agents_of(tx: Tx, node_id: str) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) of every station of the node."""
    rows = await tx.all(select(stations.c.tenant_id, stations.c.agent_id).where(stations.c.node_id == node_id))
    return [(row["tenant_id"], row["agent_id"]) for row in rows]


async def overdue(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) of stations that did not come back in time."""
    statement = select(stations.c.tenant_id, stations.c.agent_id).where(stations.c.detach_time <= now).limit(500)
    return [(row["tenant_id"], row["agent_id"]) for row in await tx.all(statement)]


async def stale(tx: Tx, before: datetime) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) of stations whose node was last heard of before then and that have no deadline yet."""
    statement = select(stations.c.tenant_id, stations.c.agent_id).where(
        stations.c.heartbeat_time < before, stations.c.detach_time.is_(None)
    )
    return [(row["tenant_id"], row["agent_id"]) for row in await tx.all(statement.limit(500))]


async def lapsed_phones(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) of stations that are desk phones which can't be rung any more."""
    signed_in = (
        select(device_bindings.c.device_id)
        .join(
            devices,
            (devices.c.tenant_id == device_bindings.c.tenant_id) & (devices.c.device_id == device_bindings.c.device_id),
        )
        .where(
            device_bindings.c.tenant_id == stations.c.tenant_id,
            device_bindings.c.device_id == stations.c.client_id,
            device_bindings.c.expire_time > now,
            ~device_bindings.c.unreachable,
            devices.c.enabled,
        )
    )
    phones = stations.c.client_id.startswith("dev_", autoescape=True)
    statement = select(stations.c.tenant_id, stations.c.agent_id).where(phones, ~signed_in.exists()).limit(500)
    return [(row["tenant_id"], row["agent_id"]) for row in await tx.all(statement)]
