"""Agents' warm legs on this node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from chassis.telemetry import log

from telephony.domain.stations import Station
from telephony.live.house import House, unbroken
from telephony.live.ledger import Journal
from telephony.media.leg import WebRtcLeg
from telephony.ops import stations as ops
from telephony.settings import TelephonySettings

Moved = Callable[[str, str, WebRtcLeg], None]
"""Takes (tenant id, agent id, new leg): a joined call goes on with it."""


@dataclass
class LiveStation:
    """One agent's media. `leg` is what is heard; `coming` the one that is being connected to replace it."""

    tenant_id: str
    agent_id: str
    client_id: str
    journal: Journal
    leg: WebRtcLeg | None = None
    coming: WebRtcLeg | None = None
    lost: bool = False
    call_id: str = ""
    """The call it is joined to."""


def graces(settings: TelephonySettings) -> tuple[timedelta, timedelta]:
    """How long a station whose media is lost may come back: idle, and joined to a call."""
    return timedelta(seconds=settings.station_grace_seconds), timedelta(seconds=settings.talking_grace_seconds)


class Stations:
    """Attaching, replacing and letting go. Whoever holds the newest connection is the station."""

    def __init__(self, house: House, moved: Moved) -> None:
        self._house = house
        self._moved = moved
        self._live: dict[tuple[str, str], LiveStation] = {}
        self.auto_accept: Callable[[str, str, str], object] = lambda _tenant_id, _offer_id, _agent_id: None
        """Told (tenant id, offer id, agent id) of an offer that is accepted by itself where the agent's leg is warm."""

    def __iter__(self) -> Iterator[LiveStation]:
        return iter(list(self._live.values()))

    def find(self, tenant_id: str, agent_id: str) -> LiveStation | None:
        return self._live.get((tenant_id, agent_id))

    def of_call(self, tenant_id: str, call_id: str) -> list[LiveStation]:
        return [live for live in self if live.tenant_id == tenant_id and live.call_id == call_id]

    async def attach(
        self, tenant_id: str, agent_id: str, client_id: str, sdp_offer: str, takeover: bool
    ) -> tuple[Station, str]:
        """The station and the SDP answer. StationHeldByOtherTab, SdpInvalid.

        What was heard before goes on until the new connection stands, so a call joined to the station is never
        without media because of us.
        """
        house = self._house
        joined = await house.db.run(
            tenant_id, lambda tx: ops.check_attach(tx, agent_id, client_id, takeover), read_only=True
        )
        leg, answer = await house.plane.answer(sdp_offer, tenant_id, agent_id, returns=joined)
        station = await unbroken(self._attach(tenant_id, agent_id, client_id, takeover, leg))
        return station, answer

    async def _attach(self, tenant_id: str, agent_id: str, client_id: str, takeover: bool, leg: WebRtcLeg) -> Station:
        house = self._house
        try:
            station = await house.db.run(
                tenant_id,
                lambda tx: ops.attach_station(tx, agent_id, client_id, takeover, house.settings.node_id, house.now()),
            )
        except BaseException:
            await house.plane.close_leg(leg)
            raise
        live = self._live.get((tenant_id, agent_id))
        if live is None:
            # Not fenced: what is written of a station says by which node.
            journal = house.ledger.journal(tenant_id, agent_id, fenced=False)
            live = LiveStation(tenant_id, agent_id, client_id, journal)
            self._live[tenant_id, agent_id] = live
        given_up, live.coming, live.client_id = live.coming, leg, client_id
        # A grace that ran out while the new connection is being made must not drop it.
        live.lost, live.call_id = False, station.call_id
        if given_up is not None:
            house.tasks.spawn(house.plane.close_leg(given_up), "close superseded leg")
        house.tasks.spawn(self._replace(live, leg), "station connects")
        return station

    async def detach(self, tenant_id: str, agent_id: str, client_id: str) -> None:
        """The tab lets go. StationOnCall. Nothing happens when another tab owns the station."""
        house = self._house
        gone = await house.db.run(
            tenant_id, lambda tx: ops.detach_station(tx, agent_id, client_id, house.settings.node_id, house.now())
        )
        if gone is not None:
            await self.forget(tenant_id, agent_id)

    async def forget(self, tenant_id: str, agent_id: str) -> None:
        """Close the media of a station that is no more."""
        live = self._live.pop((tenant_id, agent_id), None)
        if live is not None:
            for leg in (live.leg, live.coming):
                if leg is not None:
                    await self._house.plane.close_leg(leg)

    def lose(self, live: LiveStation) -> None:
        """Nothing is heard of the browser: give it its grace."""
        live.lost = True
        settings = self._house.settings
        idle, talking = graces(settings)
        grace = talking if live.call_id else idle
        live.journal.later(
            lambda tx: ops.lose_station(tx, live.agent_id, grace, self._house.now(), by_node=settings.node_id),
            "station lost",
        )

    def regain(self, live: LiveStation) -> None:
        """The same connection is heard of again."""
        live.lost = False
        node = self._house.settings.node_id
        live.journal.later(
            lambda tx: ops.regain_station(tx, live.agent_id, self._house.now(), by_node=node), "station regained"
        )

    async def close(self) -> None:
        """Close all media; the rows stay for the next process, which gives the agents time to come back."""
        await asyncio.gather(*(self.forget(live.tenant_id, live.agent_id) for live in self))

    async def _replace(self, live: LiveStation, leg: WebRtcLeg) -> None:
        """Switch over when the new connection stands; keep the old one when it doesn't."""
        connected = await leg.connected
        if live.coming is not leg:
            return
        live.coming = None
        if not connected:
            log.info("a station's new connection failed", agent_id=live.agent_id)
            if live.leg is None or live.leg.closed:
                self.lose(live)
            return
        old, live.leg = live.leg, leg
        self.regain(live)
        self._moved(live.tenant_id, live.agent_id, leg)
        if old is not None:
            await self._house.plane.close_leg(old)
