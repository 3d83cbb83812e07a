"""What this node keeps an eye on: media that goes silent or parts from its rows, its own heartbeat, calls other nodes
left behind.

A browser that lives sends RTP, RTCP or STUN checks; aiortc's own consent check takes half a minute to notice that
one doesn't. Heartbeats are two statements for all calls and stations of the node, so that after a crash every call
ends at the time it was last known to live, and once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from math import inf
from time import monotonic

from chassis.sql import Tx
from chassis.telemetry import context_of_trace, gauge, log, tracer
from kernel.errors import Unavailable

from telephony.domain.calls import EndCause, EndParty
from telephony.domain.legs import Q850, Leg, LegTrigger, Party
from telephony.live import lines
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.nodes import Nodes
from telephony.live.stations import LiveStation, graces
from telephony.live.switchboard import Switchboard
from telephony.media.leg import WebRtcLeg
from telephony.media.media_leg import MediaLeg
from telephony.media.rtp_leg import RtpLeg
from telephony.media.standstill import STANDSTILL
from telephony.ops import calls as call_ops
from telephony.ops import lines as line_ops
from telephony.ops import nodes, parking
from telephony.ops import stations as station_ops
from telephony.ops.nodes import Lease
from telephony.ops.parties import Found

_active_calls = gauge("merkez.telephony.active_calls", "{call}", "Calls live on this node")
_live_legs = gauge("merkez.telephony.legs", "{leg}", "Browser connections live on this node")

LOOK_SECONDS = 0.25
BEAT_SECONDS = 5.0
CATCH_UP_SECONDS = 2.0
SWEEP_SECONDS = 2.0


class Watch:
    """Loops that main runs as `look`, `catch_up`, `beat` and `sweep`, and `recover` once at the start."""

    def __init__(self, house: House, switchboard: Switchboard, others: Nodes) -> None:
        self._house = house
        self._switchboard = switchboard
        self._nodes = others
        self._troubled: set[str] = set()
        """Whose last look failed: that is told once, not every quarter of a second."""
        self._blind_until = monotonic() + call_ops.HEARTBEAT_FRESH.total_seconds()
        """Until then another's heartbeat may be missing for the reason this node's own is: the database was away, or
        all of them start. Who takes a node for dead too early cuts its conversations off."""

    # -- media -----------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Notice media that went or came back, and end what stayed away too long."""
        if self._house.pulse.beat():
            await self.catch_up()
        now = monotonic()
        troubled: set[str] = set()
        for kind, whose, look in self._to_look_at(now):
            try:
                look()
            except Exception as error:  # one call's trouble is not the others'
                troubled.add(whose)
                if whose not in self._troubled:
                    log.error("media can't be looked at", **{kind: whose}, exc_info=error)
        self._troubled = troubled

    def _to_look_at(self, now: float) -> Iterator[tuple[str, str, Callable[[], None]]]:
        """(what it is, its id, the look) for everything that has media here."""
        for station in self._switchboard.stations:
            yield "agent_id", station.agent_id, partial(self._look_at_station, station, now)
        for live in self._switchboard.calls:
            if not live.ending:
                yield "call_id", live.call_id, partial(self._look_at_customer, live, now)
                for leg in live.live_legs(Party.AGENT, Party.SUPERVISOR):
                    if leg.answered:
                        yield "call_id", live.call_id, partial(self._look_at_seated, live, leg, now)
                for leg in live.live_legs(Party.PARTICIPANT):
                    if leg.answered:
                        yield "call_id", live.call_id, partial(self._look_at_number, live, leg, now)

    def _look_at_station(self, station: LiveStation, now: float) -> None:
        if station.leg is None:
            return
        station.leg.in_call = False  # looked at again with its call
        gone = station.leg.hushed = self._gone(station.leg, now)
        if gone and not station.lost:
            self._switchboard.stations.lose(station)
        elif not gone and station.lost:
            self._switchboard.stations.regain(station)

    def _look_at_customer(self, live: LiveCall, now: float) -> None:
        media, leg_id = live.customer, live.customer_id
        if media is None and leg_id in live.lost_since:  # adopted, and not back yet
            lost = live.lost_since[leg_id]
            if now - max(lost, live.begun) > self._house.settings.customer_grace_seconds:
                self._end(live, EndParty.SYSTEM, EndCause.NODE_LOST, lost)
            return
        if media is None or not media.connected.done() or not media.connected.result():
            return
        gone = self._gone(media, now)
        if isinstance(media, WebRtcLeg):
            media.in_call, media.hushed = True, gone
        if gone and leg_id not in live.lost_since:
            live.lost_since[leg_id] = media.last_heard
            self._switchboard.leg_media(live, leg_id, LegTrigger.LOSE)
        elif not gone and leg_id in live.lost_since:
            del live.lost_since[leg_id]
            self._switchboard.leg_media(live, leg_id, LegTrigger.CONNECT)
        elif gone and now - media.last_heard > self._house.settings.customer_grace_seconds:
            cause = EndCause.CALLER_LEFT if media.closed else EndCause.MEDIA_LOST
            self._end(live, EndParty.CUSTOMER, cause, media.last_heard)

    def _look_at_seated(self, live: LiveCall, leg: Leg, now: float) -> None:
        """An agent or a supervisor, whose media is their station's."""
        station = self._switchboard.stations.find(live.tenant_id, leg.agent_id)
        media: MediaLeg | None = station.leg if station is not None else None
        if leg.leg_id in live.outside:
            media = live.outside[leg.leg_id].media
        if isinstance(media, WebRtcLeg):
            media.in_call = True
        if media is not None and not self._gone(media, now):
            if live.room.member(leg.leg_id).leg is not media:
                self._switchboard.regain(live, leg, media)
            return
        lost = live.lost_since.get(leg.leg_id)
        if lost is None or live.room.member(leg.leg_id).leg is not None:
            self._switchboard.lose(live, leg)
        elif now - max(lost, live.begun) > self._house.settings.talking_grace_seconds:
            self._give_up(live, leg, lost)

    def _look_at_number(self, live: LiveCall, leg: Leg, now: float) -> None:
        """A number whose carrier has died without a word costs, and keeps others waiting for an answer, until somebody
        hangs up on it."""
        outside = live.outside.get(leg.leg_id)
        media = outside.media if outside is not None else None
        if leg.leg_id in live.lost_since or not isinstance(media, RtpLeg) or not self._gone(media, now):
            return
        live.lost_since[leg.leg_id] = media.last_heard
        gone = self._switchboard.party_gone(live, leg.leg_id, Q850.TEMPORARY_FAILURE)
        self._house.tasks.spawn(gone, "number without media")

    def _give_up(self, live: LiveCall, leg: Leg, lost: float) -> None:
        """A seated leg did not come back: the call ends with its last agent, others go on without it."""
        others = [other for other in live.live_legs(Party.AGENT, Party.PARTICIPANT) if other is not leg]
        if leg.party == Party.AGENT and not any(other.answered for other in others):
            self._end(live, EndParty.AGENT, EndCause.MEDIA_LOST, lost)
            return
        live.lost_since[leg.leg_id] = monotonic()
        self._house.tasks.spawn(self._switchboard.party_gone(live, leg.leg_id), "seated leg gone")

    def _gone(self, leg: MediaLeg, now: float) -> bool:
        settings = self._house.settings
        if isinstance(leg, RtpLeg):
            # Its end is told by signalling. Silence is lawful on hold, and in pauses where the peer saves packets.
            return leg.closed or (leg.expects_media and now - leg.last_heard > settings.sip_silent_seconds)
        return leg.closed or now - leg.last_heard > settings.media_silent_seconds

    def _end(self, live: LiveCall, party: EndParty, cause: str, last_heard: float) -> None:
        self._house.tasks.spawn(
            self._switchboard.end(live, party, cause, last_heard=last_heard), "end call without media"
        )

    # -- media and rows ----------------------------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Bring the media of calls to their rows where a change of them was missed: the answer to a commit was lost,
        or another node changed them and its hint was."""
        here = [live for live in self._switchboard.calls if not live.ending]
        if not here:
            self._sure()
            return
        node = self._house.settings.node_id
        try:
            versions = await self._house.db.system(lambda tx: nodes.versions_of(tx, node), read_only=True)
        except Unavailable:
            return  # the heartbeat tells of it, and its pauses would leave callers with music once it is back
        # An ended call has no lease any more.
        await self._follow([live for live in here if versions.get(live.call_id, inf) > live.version])
        self._sure()

    def _sure(self) -> None:
        """What is still here is this node's."""
        self._house.pulse.sure()
        STANDSTILL.over()

    async def refresh(self, call_id: str) -> None:
        """Another node changed this call's rows; nothing to do when it isn't one of ours."""
        live = self._switchboard.find(call_id)
        if live is not None:
            await self._follow([live])

    async def _follow(self, behind: Sequence[LiveCall]) -> None:
        for tenant_id in sorted({live.tenant_id for live in behind}):
            ids = [live.call_id for live in behind if live.tenant_id == tenant_id]
            try:
                found = await self._house.db.run(tenant_id, lambda tx, ids=ids: call_ops.find(tx, ids), read_only=True)
            except Exception as error:
                log.error("calls' media can't follow their rows", calls=len(ids), exc_info=error)
                continue
            for call, legs in found:
                try:
                    self._switchboard.settle(tenant_id, call, legs)
                except Exception as error:  # one call's trouble is not the others'
                    log.error("a call's media can't follow its rows", call_id=call.call_id, exc_info=error)

    # -- rows ------------------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """Say that this node's calls and stations live."""
        node, now = self._house.settings.node_id, self._house.now()
        try:
            await self._house.db.system(lambda tx: nodes.beat(tx, node, now), serializable=False)
        except Unavailable as error:  # no longer pauses: others wait only so long before they take this node for dead
            self._blind_until = monotonic() + call_ops.HEARTBEAT_FRESH.total_seconds()
            log.warning("the heartbeat can't be written", exc_info=error)
        _active_calls.set(len(self._switchboard.calls))
        _live_legs.set(len(self._house.plane.legs))

    async def recover(self) -> None:
        """At the start: calls an earlier process of this node left behind are its own again, stations get their
        grace."""
        house = self._house
        await self._nodes.adopt_own()
        node, now = house.settings.node_id, house.now()
        left = await house.db.system(lambda tx: nodes.left_by(tx, node), read_only=True)
        for tenant_id, agent_id in left.stations:
            if self._switchboard.stations.find(tenant_id, agent_id) is None:
                await self._one(tenant_id, self._lost_station(agent_id, now, node))
        kept = {lease.call_id for lease in left.leases}
        await house.db.system(lambda tx: line_ops.free_lines_of(tx, node, kept))
        if left.leases or left.stations:
            log.info("recovered after a stop", calls=len(left.leases), stations=len(left.stations))

    async def sweep(self) -> None:
        """End what nobody adopted and what this node lost track of, and give up stations that did not come back."""
        house, now = self._house, self._house.now()
        node = house.settings.node_id
        due = await house.db.system(lambda tx: nodes.due(tx, node, now), read_only=True)
        blind = monotonic() < self._blind_until
        if not blind:
            await lines.tidy(house.db, now)
        # Among its own: a set-up whose caller hung up between the commit and the answer leaves a row nobody drives.
        for lease in due.own_leases if blind else [*due.leases, *due.own_leases]:
            await self._end_orphan(lease, now)
        for tenant_id, agent_id in [] if blind else due.stale_stations:
            if self._switchboard.stations.find(tenant_id, agent_id) is None:
                await self._one(tenant_id, self._lost_station(agent_id, now))
        for tenant_id, agent_id in due.overdue_stations:
            station = self._switchboard.stations.find(tenant_id, agent_id)
            if station is not None and station.coming is not None:
                continue
            await self._one(tenant_id, lambda tx, a=agent_id: station_ops.expire_station(tx, a, node, now))
            await self._switchboard.stations.forget(tenant_id, agent_id)
        for tenant_id, agent_id in due.lapsed_phones:
            await self._one(tenant_id, lambda tx, a=agent_id: station_ops.follow_phones(tx, a, node, now))
        for tenant_id, call_id in due.parked_calls:
            await self._expire_park(tenant_id, call_id, now)
        await self._part_with_moved_stations(node)

    async def _expire_park(self, tenant_id: str, call_id: str, now: datetime) -> None:
        """A parked call waits no longer, whichever node has it: every node looks, and one of them does it."""
        expired: list[Found] = []

        async def expire(tx: Tx) -> None:
            found = await parking.expire(tx, call_id, now)
            expired[:] = [found] if found is not None else []

        await self._one(tenant_id, expire)
        for found in expired:
            self._switchboard.settle(tenant_id, *found)

    async def _part_with_moved_stations(self, node: str) -> None:
        """Close the media of stations that have attached at another node since."""
        mine = set(await self._house.db.system(lambda tx: nodes.stations_of(tx, node), read_only=True))
        for station in self._switchboard.stations:
            if station.coming is None and (station.tenant_id, station.agent_id) not in mine:
                await self._switchboard.stations.forget(station.tenant_id, station.agent_id)

    async def _end_orphan(self, lease: Lease, now: datetime) -> None:
        """End a call that no node drives any more, in the call's own trace: the bill and all that follows belong to
        it."""
        if self._switchboard.find(lease.call_id) is not None:
            return
        with tracer.start_as_current_span("end orphaned call", context=context_of_trace(lease.trace_id)):
            await self._one(
                lease.tenant_id, lambda tx: call_ops.end_orphan(tx, lease.call_id, lease.heartbeat_time, now)
            )

    def _lost_station(self, agent_id: str, now: datetime, node: str = "") -> Callable[[Tx], Awaitable[object]]:
        grace, here = graces(self._house.settings), self._house.settings.node_id
        return lambda tx: station_ops.lose_station_of_node(tx, agent_id, grace, now, here, by_node=node)

    async def _one(self, tenant_id: str, fn: Callable[[Tx], Awaitable[object]]) -> None:
        """One row of a sweep in its own transaction; its trouble is not the others'."""
        try:
            await self._house.db.run(tenant_id, fn)
        except Exception as error:
            log.warning("a sweep left something for the next one", exc_info=error)
