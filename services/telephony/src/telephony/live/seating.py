"""Who came into a call sits down by what they have: their softphone, or their telephone; who left it gets up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chassis.telemetry import log

from telephony.domain.legs import Leg, Party
from telephony.live.call import LiveCall
from telephony.live.house import House

if TYPE_CHECKING:
    from telephony.live.switchboard import Switchboard

SEATED = (Party.AGENT, Party.SUPERVISOR)


class Seating:
    """Stations and telephones of users, brought into calls and let go."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard

    def seat(self, live: LiveCall, legs: Sequence[Leg], *, ring: bool = True) -> None:
        """Stations of who came in are joined, of who left are free; outside legs of who left hang up. `ring` desk
        phones of agents without another station."""
        self._keep_telephones(live, legs)
        seats = {leg.leg_id for leg in legs if leg.live}
        for leg in legs:
            if leg.live and leg.answered and _is_users(leg):
                seat = live.leg_of(leg.agent_id)
                if seat is None or seat.leg_id not in seats:
                    self._sit_down(live, leg, ring=ring)
            elif not leg.live:
                self._get_up(live, leg, legs)

    def _keep_telephones(self, live: LiveCall, legs: Sequence[Leg]) -> None:
        """Who was in this call by a telephone and is in it by another leg now goes on by it: who listened and was
        asked, or took over. To hang up on them and ring them anew would be to lose them."""
        for leg in legs:
            if not (leg.live and leg.answered and _is_users(leg)) or leg.leg_id in live.outside:
                continue
            before = (other for other in legs if other.agent_id == leg.agent_id and not other.live and _is_users(other))
            old = next((other for other in before if other.leg_id in live.outside), None)
            if old is not None:
                self._take_along(live, old.leg_id, live, leg)

    def _leave_others(self, live: LiveCall, leg: Leg) -> None:
        """Who listened to another call of this node talks in this one now: their telephone comes along, and nothing of
        theirs is in two rooms. By the rows they listen no more; the other call's media follow at once."""
        for other in self._switchboard.calls:
            seat = other.leg_of(leg.agent_id) if other is not live and other.tenant_id == live.tenant_id else None
            if seat is None or seat.party != Party.SUPERVISOR or other.ending:
                continue
            other.room.remove(seat.leg_id)
            if seat.leg_id in other.outside:
                self._take_along(other, seat.leg_id, live, leg)
            self._switchboard.elsewhere(other.tenant_id, other.call_id)

    def _take_along(self, before: LiveCall, leg_id: str, live: LiveCall, leg: Leg) -> None:
        before.room.remove(leg_id)
        self._switchboard.take_along(live, leg, before.outside.pop(leg_id))

    def _sit_down(self, live: LiveCall, leg: Leg, *, ring: bool) -> None:
        board = self._switchboard
        station = board.stations.find(live.tenant_id, leg.agent_id)
        media = station.leg if station is not None and not station.lost else None
        if leg.party == Party.AGENT:
            self._leave_others(live, leg)
        if station is not None:
            station.call_id = live.call_id
        if leg.leg_id in live.outside:
            return  # a desk phone
        if media is not None:
            board.part_with(live.tenant_id, leg.agent_id)
            live.attach(leg.leg_id, media)
            return
        log.warning("who came in has no media here yet", call_id=live.call_id, party=leg.party)
        board.station_wanted(live.tenant_id, leg.agent_id, self._house.settings.node_id)
        if ring:
            self._house.tasks.spawn(board.ring_agent(live, leg), "ring desk phone")
        live.lose(leg.leg_id)
        if leg.party == Party.AGENT:
            self._house.tasks.spawn(board.comfort(live), "comfort")

    def _get_up(self, live: LiveCall, leg: Leg, legs: Sequence[Leg]) -> None:
        station = self._switchboard.stations.find(live.tenant_id, leg.agent_id) if _is_users(leg) else None
        if station is not None and station.call_id == live.call_id and not _seated_again(legs, leg):
            station.call_id = ""
        outside = live.outside.pop(leg.leg_id, None)
        if outside is not None:
            self._house.tasks.spawn(outside.hang_up(leg.q850_cause), "hang up outside")


def _is_users(leg: Leg) -> bool:
    return leg.party in SEATED and bool(leg.agent_id)


def _seated_again(legs: Sequence[Leg], over: Leg) -> bool:
    return any(leg.agent_id == over.agent_id and leg.live for leg in legs)
