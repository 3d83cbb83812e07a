"""Offers that are accepted by themselves: a tone in the agent's ear, and routing is told that they take it.

Only the node that has the agent's warm leg does it, and only while that is heard of: anywhere else the offer rings as
any other does. Whoever answers, declines or is gone meanwhile was faster, and nothing is held against anybody.
"""

from __future__ import annotations

import asyncio

from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError

from telephony.live.house import House
from telephony.live.stations import LiveStation, Stations

_TONE_SECONDS = 1.0
"""The tone itself is a fraction of it: an ear that plays nothing keeps no caller waiting."""


def is_warm(station: LiveStation | None) -> bool:
    """Whether what is said now would be heard: connected, not lost, and in no call."""
    if station is None or station.leg is None or station.lost or station.call_id:
        return False
    connected = station.leg.connected
    return connected.done() and not connected.cancelled() and connected.exception() is None and connected.result()


async def accept(house: House, stations: Stations, tenant_id: str, offer_id: str, agent_id: str) -> bool:
    """Take the offer for the agent, if their softphone is warm here; whether it was taken."""
    station = stations.find(tenant_id, agent_id)
    if station is None or station.leg is None or not is_warm(station):
        return False
    tone = station.leg.play([await house.clips.zip_tone()], loop=False)
    await asyncio.wait([tone.finished], timeout=_TONE_SECONDS)
    if not is_warm(station):
        return False
    try:
        await house.routing.take_offer(tenant_id, offer_id, agent_id, f"auto:{offer_id}")
    except (DomainError, RemoteFailed) as error:
        log.info("an offer was not accepted by itself", offer_id=offer_id, reason=type(error).__name__)
        return False
    log.info("an offer was accepted by itself", offer_id=offer_id, agent_id=agent_id)
    return True
