"""What can happen to an agent's station, as transactions."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id

from telephony import convert
from telephony.domain import stations
from telephony.domain.calls import TALK_STATES, CallState
from telephony.domain.legs import LegState
from telephony.domain.stations import Station, StationReason
from telephony.ops import devices as device_ops
from telephony.store import calls as call_store
from telephony.store import stations as station_store


async def check_attach(tx: Tx, agent_id: str, client_id: str, takeover: bool) -> bool:
    """Whether the agent is joined to a call. StationHeldByOtherTab when this tab may not attach now; `attach_station`
    decides again."""
    held = await station_store.find_station(tx, agent_id)
    stations.may_attach(held, client_id, takeover)
    return bool(await _joined_call(tx, held))


async def attach_station(tx: Tx, agent_id: str, client_id: str, takeover: bool, node_id: str, now: datetime) -> Station:
    """Make this tab the owner of the agent's media; the call it is joined to stays. StationHeldByOtherTab."""
    held = await station_store.find_station(tx, agent_id)
    stations.may_attach(held, client_id, takeover)
    station = Station(
        station_id=held.station_id if held else new_id("stn", now),
        agent_id=agent_id,
        client_id=client_id,
        state=LegState.CONNECTED,
        node_id=node_id,
        attach_time=now,
        call_id=await _joined_call(tx, held),
    )
    await station_store.put_station(tx, station, known=held is not None, now=now)
    tx.emit(convert.station_attached(station), key=agent_id)
    tx.after_commit(
        partial(log.info, "station attached", agent_id=agent_id, call_id=station.call_id, replaced=held is not None)
    )
    return station


async def follow_phones(tx: Tx, agent_id: str, node_id: str, now: datetime, *, anew: bool = False) -> None:
    """The agent's desk phones have come or gone: one that can be rung is the station of who has no other, one that
    can't any more is nobody's; a call it is in goes on. `anew` looks after it here from now on."""
    held = await station_store.find_station(tx, agent_id)
    if held is not None and not held.desk_phone:
        return
    able = [device.device_id for device, _ in await device_ops.reachable(tx, agent_id, now)]
    known = held.client_id if held is not None else ""
    if able and (anew or known not in able):
        await attach_station(tx, agent_id, known if known in able else able[0], False, node_id, now)
    elif held is not None and not able:
        await _drop(tx, held, StationReason.LEFT)


async def detach_station(tx: Tx, agent_id: str, client_id: str, node_id: str, now: datetime) -> Station | None:
    """The tab lets its station go, to a desk phone where there is one; StationOnCall while joined. None when another
    tab owns it, or none."""
    station = await station_store.find_station(tx, agent_id)
    if station is None or station.client_id != client_id:
        return None
    if await _joined_call(tx, station):
        raise stations.StationOnCall("the station is joined to a call")
    gone = await _drop(tx, station, StationReason.LEFT)
    await follow_phones(tx, agent_id, node_id, now)
    return gone


async def lose_station(
    tx: Tx,
    agent_id: str,
    grace: timedelta,
    now: datetime,
    reason: str = StationReason.MEDIA_LOST,
    *,
    by_node: str = "",
) -> Station | None:
    """The station's media went silent; it has `grace` to come back. None when that is known, when it is gone, or when
    it has attached elsewhere since `by_node` had it."""
    station = await station_store.find_station(tx, agent_id)
    if station is None or station.detach_time is not None or by_node not in ("", station.node_id):
        return None
    station = stations.lost(station, now, grace, reason)
    await station_store.put_station(tx, station, known=True, now=now)
    tx.after_commit(
        partial(log.info, "station lost its media", agent_id=agent_id, call_id=station.call_id, reason=reason)
    )
    return station


async def lose_station_of_node(
    tx: Tx, agent_id: str, graces: tuple[timedelta, timedelta], now: datetime, node_id: str, *, by_node: str = ""
) -> Station | None:
    """The station's node is gone; it has the first of `graces` to come back, joined to a call the second. As
    `lose_station`. A desk phone knows nothing of that and rings as before: `node_id` looks after it."""
    station = await station_store.find_station(tx, agent_id)
    if station is not None and station.desk_phone and by_node in ("", station.node_id):
        await follow_phones(tx, agent_id, node_id, now, anew=station.node_id != node_id)
        return None
    grace = graces[1] if await _joined_call(tx, station) else graces[0]
    return await lose_station(tx, agent_id, grace, now, StationReason.NODE_LOST, by_node=by_node)


async def regain_station(tx: Tx, agent_id: str, now: datetime, *, by_node: str = "") -> Station | None:
    """The same media came back by itself. None when it wasn't lost, or has attached elsewhere."""
    station = await station_store.find_station(tx, agent_id)
    if station is None or station.detach_time is None or by_node not in ("", station.node_id):
        return None
    station = stations.regained(station)
    await station_store.put_station(tx, station, known=True, now=now)
    tx.emit(convert.station_attached(station), key=agent_id)
    return station


async def expire_station(tx: Tx, agent_id: str, node_id: str, now: datetime) -> Station | None:
    """Give a station up whose grace has passed, to a desk phone where there is one; None when it came back or is
    gone."""
    station = await station_store.find_station(tx, agent_id)
    if station is None or station.detach_time is None or station.detach_time > now:
        return None
    gone = await _drop(tx, station, station.detach_reason or StationReason.MEDIA_LOST)
    await follow_phones(tx, agent_id, node_id, now)
    return gone


async def apart_from(tx: Tx, agent_id: str, call_id: str) -> str:
    """The node a call is on, when the agent's media is on another one; empty when they are together, or either is
    nowhere."""
    station, owner = await station_store.find_station(tx, agent_id), await call_store.owner_of(tx, call_id)
    return owner.node_id if station is not None and owner is not None and owner.node_id != station.node_id else ""


async def get_station(tx: Tx, agent_id: str) -> Station:
    """The agent's station. StationNotFound."""
    station = await station_store.find_station(tx, agent_id)
    if station is None:
        raise stations.StationNotFound("no station is attached")
    return station


async def _drop(tx: Tx, station: Station, reason: str) -> Station:
    await station_store.drop_station(tx, station.agent_id)
    gone = dataclasses.replace(station, state=LegState.ENDED)
    tx.emit(convert.station_detached(gone, reason), key=station.agent_id)
    tx.after_commit(partial(log.info, "station detached", agent_id=station.agent_id, reason=reason))
    return gone


async def _joined_call(tx: Tx, station: Station | None) -> str:
    """The call the station is joined to, if that call still talks, or rings whom its agent dialled."""
    if station is None or not station.call_id:
        return ""
    call = await call_store.find_call(tx, station.call_id)
    joined = call is not None and (call.state in TALK_STATES or call.state is CallState.DIALING)
    return station.call_id if joined else ""
