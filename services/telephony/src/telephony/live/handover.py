"""Draining: this node takes no new calls, and gives its live ones and its stations to others while some take them.

An operator asks for it by the node's row, and may take it back in the middle; a process that is to stop does it once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from chassis.auth import acting_for
from chassis.grpc import Peers
from chassis.sql import Tx
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError
from merkez.telephony.v1 import node_service_pb2, node_service_pb2_grpc

from telephony.domain.calls import CallEnded, EndCause, EndParty
from telephony.domain.legs import LegState, Party
from telephony.domain.nodes import Node
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.ledger import LeaseLost
from telephony.live.nodes import BEAT_SECONDS, Nodes
from telephony.live.screens import leaves_message
from telephony.live.switchboard import NodeDraining, Switchboard

LAST_SECONDS = 5.0
"""So long before a process has to go, those whom only it reaches are given away too: some are reached after all."""
_WRITTEN_SECONDS = 5.0


class Handover:
    """Gives calls, and takes those that are given."""

    def __init__(self, house: House, switchboard: Switchboard, nodes: Nodes, peers: Peers) -> None:
        self._house = house
        self._switchboard = switchboard
        self._nodes = nodes
        self._peers = peers
        self._giving: asyncio.Task[Any] | None = None
        self._stopping = False
        self._last_moment = math.inf
        """From then on nobody is waited for, by the monotonic clock."""
        self._end = math.inf
        """From then on what is left here ends, when an operator drains."""
        nodes.on_wish = self._follow_wish

    def _follow_wish(self, until: datetime | None) -> None:
        """An operator asked for it, with this bound, or for its end; calls that were given stay where they are."""
        if self._stopping:
            return
        began, self._switchboard.draining = self._switchboard.draining, until is not None
        if until is None:
            log.info("node takes calls again", node=self._nodes.me, calls=len(self._switchboard.calls))
            self._last_moment = self._end = math.inf
            if self._giving is not None:
                self._giving.cancel()
                self._giving = None
            return
        left = (until - self._house.now()).total_seconds()
        self._end = monotonic() + left
        self._last_moment = self._end - min(LAST_SECONDS, left / 2)
        log.info("node drains", node=self._nodes.me, calls=len(self._switchboard.calls), seconds=round(left, 1))
        if self._giving is None or not began:
            self._giving = self._house.tasks.spawn(self._give_all(), "hand calls over")

    async def drain(self) -> None:
        """The process is to stop: hand the calls over while somebody takes them, and wait for the others to end."""
        self._stopping = self._switchboard.draining = True
        self._end = math.inf  # who stops the process ends what is left
        began = monotonic()
        self._last_moment = began + self._house.settings.drain_seconds - LAST_SECONDS
        if self._giving is None:
            self._giving = self._house.tasks.spawn(self._give_all(), "hand calls over")
        try:
            await self._switchboard.drain()
        finally:
            self._giving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._giving
            log.info("drained", seconds=round(monotonic() - began, 1))

    async def take(self, tenant_id: str, call_id: str, from_node: str) -> None:
        """Another node hands a call over. NodeDraining; CallEnded, also when it isn't that node's to give."""
        if self._switchboard.draining:
            raise NodeDraining("this node takes no calls", retry_after=timedelta(seconds=1))
        if not await self._nodes.adopt(tenant_id, call_id, from_node, self._house.now()):
            raise CallEnded("the call has ended, or moved on already")

    # -- inside ------------------------------------------------------------------------------------------------

    async def _give_all(self) -> None:
        """Give away what is here, and what still comes, until somebody cancels it."""
        given: Counter[str] = Counter()
        called: set[tuple[str, str]] = set()
        while True:
            moved = 0
            for live in self._switchboard.calls:
                if not live.ending and not self._is_waited_for(live):
                    moved += await self._give(live, given)
            self._send_stations_on(called)
            if monotonic() >= self._end:
                await self._end_left()
            if not moved:
                given.clear()
                await asyncio.sleep(BEAT_SECONDS)

    def _is_waited_for(self, live: LiveCall) -> bool:
        """Whether somebody in it couldn't be reached by another node, now or at all: given away, the call would be cut
        off, or who is rung no more; or whether a message is being left, which would begin anew. In the last moment
        nobody is waited for: some go on after all."""
        if monotonic() >= self._last_moment:
            return False
        unreachable = any(outside.kept() is None or outside.stays for outside in live.outside.values())
        return unreachable or _rings(live) or live.listens or leaves_message(live.call)

    async def _end_left(self) -> None:
        """The time is over that an operator gave: whoever is left is hung up on, and told why."""
        left = [live for live in self._switchboard.calls if not live.ending]
        if left:
            log.warning("a drained node ends what no other goes on with", node=self._nodes.me, calls=len(left))
        ends = (self._switchboard.end(live, EndParty.SYSTEM, EndCause.NODE_DRAINED) for live in left)
        await asyncio.gather(*ends, return_exceptions=True)

    async def _give(self, live: LiveCall, given: Counter[str]) -> bool:
        """Give one call to the least busy node that takes it; whether one did."""
        for node in sorted(self._nodes.others(), key=lambda other: other.live_calls + given[other.node_id]):
            if await self._take(live, node):
                given[node.node_id] += 1
                return True
        return False

    async def _take(self, live: LiveCall, node: Node) -> bool:
        stub = self._peers.stub_at(node_service_pb2_grpc.NodeServiceStub, "telephony", node.address)
        request = node_service_pb2.AdoptCallRequest(call_id=live.call_id, from_node_id=self._nodes.me)
        try:
            await self._written(live)
            with acting_for(live.tenant_id):
                await stub.AdoptCall(request, timeout=5)
        except (DomainError, RemoteFailed, LeaseLost, TimeoutError) as error:
            log.warning("a call can't be handed over", call_id=live.call_id, node=node.node_id, exc_info=error)
            return False
        if self._switchboard.find(live.call_id) is live and not live.ending:
            self._switchboard.abandon(live, linger=True)
        return True

    async def _written(self, live: LiveCall) -> None:
        """Wait until the rows have what this node knows: without its dialog nobody goes on with a party outside.
        LeaseLost, TimeoutError."""
        if live.outside:
            async with asyncio.timeout(_WRITTEN_SECONDS):
                await live.journal.write(_nothing)

    def _send_stations_on(self, called: set[tuple[str, str]]) -> None:
        """Idle agents' softphones attach at another node before this one is gone."""
        others = self._nodes.others()
        for station in self._switchboard.stations:
            who = station.tenant_id, station.agent_id
            if others and not station.call_id and who not in called:
                called.add(who)
                self._switchboard.station_wanted(*who, others[len(called) % len(others)].node_id)


async def _nothing(_tx: Tx) -> None:
    return None


def _rings(live: LiveCall) -> bool:
    """Whether a number is being rung, which only the node that rings it can go on with: the call is given away once
    they have answered, or haven't."""
    return any(
        leg.state is LegState.RINGING and (leg.party == Party.SOUGHT or leg.leg_id in live.outside) for leg in live.legs
    )
