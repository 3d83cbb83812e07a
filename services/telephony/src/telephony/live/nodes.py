"""This node among the others: it says that it lives, adopts the calls of those that died, hands its own over when it
drains.

A node is dead when nothing listens where it was, or when its row was not renewed for two seconds and it is silent when
asked: the row alone also stays behind when the database was away, an answer alone also when the network between two
nodes is. Who owns a call is its lease's row, changed by compare and set, so that two nodes that see a third one die
share its calls and never own one twice; a node that was only asleep finds its calls gone and parts with their media.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from chassis.auth import acting_as, acting_for, principal
from chassis.grpc import Peers
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import DomainError, Unavailable
from merkez.telephony.v1 import call_service_pb2_grpc, node_service_pb2, node_service_pb2_grpc

from telephony.domain.calls import CallEnded
from telephony.domain.nodes import Node
from telephony.live.house import House, unbroken
from telephony.live.switchboard import CallElsewhere, NodeDraining, Switchboard
from telephony.ops import lines as line_ops
from telephony.ops import nodes as ops
from telephony.store.calls import Lease

BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.4
_PING_SECONDS = 0.7
_ADOPT_AT_ONCE = 16
_FORWARD_SECONDS = 9.0


class Nodes:
    """The loops `beat` and `look`, `begin` once before them, and what handlers ask of other nodes."""

    def __init__(self, house: House, switchboard: Switchboard, peers: Peers) -> None:
        self._house = house
        self._switchboard = switchboard
        self._peers = peers
        self._me = house.settings.node_id
        self._known: dict[str, Node] = {}
        self._buried: set[datetime] = set()
        """Start times of processes that are dead and whose calls are adopted: nobody asks them any more."""
        self._wanted_by_operator = False
        self._handing_over: asyncio.Task[Any] | None = None
        self.start_time: datetime = house.now()

    async def begin(self, address: str) -> None:
        """This process serves as its node from now on, at this address for the others."""
        me = Node(self._me, address, self.start_time, self._house.now())
        await self._house.db.system(lambda tx: ops.begin(tx, me))
        await self.beat()

    # -- liveness ----------------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """Say that this node lives and learn how the others do; do what the rows ask of this one."""
        try:
            found = await self._house.db.system(lambda tx: ops.live(tx, self._me, self._house.now()))
        except Unavailable as error:
            log.warning("the node's row can't be renewed", exc_info=error)
            return
        self._known = {node.node_id: node for node in found}
        mine = self._known.get(self._me)
        if mine is not None and mine.draining != self._wanted_by_operator:
            self._wanted_by_operator = mine.draining
            self._follow_wish(mine.draining)

    async def look(self) -> None:
        """Adopt the calls of nodes that died."""
        now = self._house.now()
        for node in list(self._known.values()):
            if node.node_id == self._me or node.start_time in self._buried or await self._answers(node):
                continue
            if node.silent(now) or await self._refuses(node):
                await self._adopt_all(node)
                if node.silent(now):
                    self._buried.add(node.start_time)

    async def _refuses(self, node: Node) -> bool:
        """Whether nobody listens at the node's address: its process is gone, whatever its row says."""
        host, _, port = node.address.rpartition(":")
        try:
            async with asyncio.timeout(_PING_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError, ValueError):
            return False
        writer.close()
        return False

    async def _answers(self, node: Node) -> bool:
        """Whether the node's process lives; one that was started anew after its calls began doesn't know them, but
        adopts them itself."""
        if not node.address:
            return False
        stub = self._peers.stub_at(node_service_pb2_grpc.NodeServiceStub, "telephony", node.address)
        try:
            with acting_for(""):
                answer = await stub.PingNode(node_service_pb2.PingNodeRequest(), timeout=_PING_SECONDS)
        except (DomainError, RemoteFailed):
            return False
        return answer.node_id == node.node_id

    def ping(self) -> node_service_pb2.PingNodeResponse:
        start = Timestamp()
        start.FromDatetime(self.start_time)
        return node_service_pb2.PingNodeResponse(node_id=self._me, start_time=start)

    # -- adopting ----------------------------------------------------------------------------------------------

    async def adopt_own(self) -> None:
        """What an earlier process of this node left behind, before any other node does."""
        left = await self._house.db.system(lambda tx: ops.left_by(tx, self._me), read_only=True)
        found = await self._house.db.system(ops.list_nodes, read_only=True)
        self._known = {node.node_id: node for node in found}
        before = self._known.get(self._me)
        for lease in left.leases:
            heard = lease.heartbeat_time if before is None else max(lease.heartbeat_time, before.heartbeat_time)
            await self._adopt(lease, heard)

    async def _adopt_all(self, node: Node) -> None:
        left = await self._house.db.system(lambda tx: ops.left_by(tx, node.node_id), read_only=True)
        if left.leases:
            log.warning("a node died; its calls are adopted", node=node.node_id, calls=len(left.leases))
        turn = asyncio.Semaphore(_ADOPT_AT_ONCE)
        # In any order: another node begins elsewhere, and the two meet in the middle.
        leases = random.sample(list(left.leases), len(left.leases))

        async def one(lease: Lease) -> None:
            async with turn:
                await self._adopt(lease, max(lease.heartbeat_time, node.heartbeat_time))

        await asyncio.gather(*(one(lease) for lease in leases))

    async def _adopt(self, lease: Lease, last_heard: datetime) -> bool:
        """Whether the call is this node's now."""
        try:
            return await self.adopt(lease.tenant_id, lease.call_id, lease.node_id, last_heard)
        except Exception as error:
            log.error("a call can't be adopted", call_id=lease.call_id, exc_info=error)
            return False

    async def adopt(self, tenant_id: str, call_id: str, from_node: str, last_heard: datetime) -> bool:
        """Own a call that `from_node` owned, last heard of then; whether it is this node's."""
        house = self._house
        if self._switchboard.find(call_id) is not None:
            return True

        async def owned() -> bool:
            found = await house.db.run(
                tenant_id, lambda tx: ops.adopt_call(tx, call_id, from_node, self._me, last_heard, house.now())
            )
            if found is not None:
                silent = max(0.0, (house.now() - last_heard).total_seconds())
                self._switchboard.adopt(tenant_id, *found, silent)
                # Nobody's audio waits for this.
                house.tasks.spawn(self._adopt_lines(tenant_id, call_id), "adopt lines")
            return found is not None

        return await unbroken(owned())

    async def _adopt_lines(self, tenant_id: str, call_id: str) -> None:
        """The call's places on trunks are this node's too, so that they stay counted."""
        try:
            await self._house.db.system(
                lambda tx: line_ops.move_lines(tx, tenant_id, call_id, self._me, self._house.now())
            )
        except Unavailable as error:
            log.warning("a call's lines can't be adopted", call_id=call_id, exc_info=error)

    # -- the owner of a call -----------------------------------------------------------------------------------

    async def at_owner(self, error: CallElsewhere, method: str, request: Message) -> Any:
        """Have the node that owns the call carry out this rpc for the same asker; own it here when that node is dead
        (None then: carry it out here). `method` is of CallService."""
        if error.node_id == self._me:
            raise error
        stub = self._stub_of(error.node_id)
        if stub is not None:
            try:
                with acting_as(principal()):
                    return await getattr(stub, method)(request, timeout=_FORWARD_SECONDS)
            except Unavailable:
                node = self._known.get(error.node_id)
                if node is None or await self._answers(node):
                    raise
        if not await self._own(error.tenant_id, error.call_id):
            raise error
        return None

    async def _own(self, tenant_id: str, call_id: str) -> bool:
        """Own a call whose node is dead; whether it is this node's now. CallEnded."""
        owner = await self._house.db.run(tenant_id, lambda tx: ops.owner(tx, call_id), read_only=True)
        if owner is None:
            raise CallEnded("the call has ended")
        node = self._known.get(owner[0])
        heard = owner[1] if node is None else max(owner[1], node.heartbeat_time)
        return await self.adopt(tenant_id, call_id, owner[0], heard)

    async def station_node(
        self, tenant_id: str, agent_id: str, wished: str
    ) -> call_service_pb2_grpc.StationServiceAsyncStub | None:
        """The node a user's media belongs to, when it isn't this one: where the call is that they are in, or the one
        that is wished for. A call whose node is dead comes here."""
        where = await self._house.db.run(tenant_id, lambda tx: ops.call_node_of(tx, agent_id), read_only=True)
        node_id = where[1] if where is not None else wished
        node = self._known.get(node_id) if node_id != self._me else None
        if node is None:
            return None
        if await self._answers(node):
            made: Any = self._peers.stub_at(call_service_pb2_grpc.StationServiceStub, "telephony", node.address)
            return made
        if where is not None:
            with contextlib.suppress(CallEnded):
                await self._own(tenant_id, where[0])
        return None

    def _stub_of(self, node_id: str) -> call_service_pb2_grpc.CallServiceAsyncStub | None:
        node = self._known.get(node_id)
        if node is None or not node.address:
            return None
        made: Any = self._peers.stub_at(call_service_pb2_grpc.CallServiceStub, "telephony", node.address)
        return made

    async def dialing_node(self, tenant_id: str, agent_id: str) -> call_service_pb2_grpc.CallServiceAsyncStub | None:
        """The node an agent's media is on, when it is another one that lives: what they dial belongs there."""
        node_id = await self._house.db.run(tenant_id, lambda tx: ops.station_node_of(tx, agent_id), read_only=True)
        node = self._known.get(node_id) if node_id != self._me else None
        return None if node is None or not await self._answers(node) else self._stub_of(node_id)

    def living(self) -> Sequence[str]:
        """Names of the nodes that live as far as is known, this one among them."""
        now = self._house.now()
        return [node.node_id for node in self._known.values() if node.node_id == self._me or not node.silent(now)]

    # -- draining ----------------------------------------------------------------------------------------------

    def _follow_wish(self, draining: bool) -> None:
        """An operator asked for it: no new calls, and the live ones go to other nodes; or an end of that."""
        self._switchboard.draining = draining
        log.info("node drains" if draining else "node takes calls again", node=self._me)
        if self._handing_over is not None:
            self._handing_over.cancel()
            self._handing_over = None
        if draining:
            self._handing_over = self._house.tasks.spawn(self.hand_over(), "hand calls over")

    def others(self) -> Sequence[Node]:
        """Nodes that take calls and live as far as is known, the least busy first."""
        now = self._house.now()
        able = [n for n in self._known.values() if n.node_id != self._me and not n.draining and not n.silent(now)]
        return sorted(able, key=lambda node: node.live_calls)

    async def hand_over(self) -> None:
        """Give every live call to another node, one by one, until none is left or no other node takes any."""
        while self._switchboard.calls:
            moved = 0
            for live in self._switchboard.calls:
                others = self.others()
                if not others or live.ending:
                    continue
                moved += await self._give(live.tenant_id, live.call_id, others[0])
            if not moved:
                await asyncio.sleep(BEAT_SECONDS)

    async def _give(self, tenant_id: str, call_id: str, node: Node) -> bool:
        stub = self._peers.stub_at(node_service_pb2_grpc.NodeServiceStub, "telephony", node.address)
        request = node_service_pb2.AdoptCallRequest(call_id=call_id, from_node_id=self._me)
        try:
            with acting_for(tenant_id):
                await stub.AdoptCall(request, timeout=5)
        except (DomainError, RemoteFailed) as error:
            log.warning("a call can't be handed over", call_id=call_id, node=node.node_id, exc_info=error)
            return False
        live = self._switchboard.find(call_id)
        if live is not None and not live.ending:
            self._switchboard.abandon(live)
        return True

    async def adopt_given(self, tenant_id: str, call_id: str, from_node: str) -> None:
        """Another node hands a call over. NodeDraining."""
        if self._switchboard.draining:
            raise NodeDraining("this node takes no calls", retry_after=timedelta(seconds=1))
        await self.adopt(tenant_id, call_id, from_node, self._house.now())

    async def drain(self) -> None:
        """The process is to stop: hand the calls over while somebody takes them, and wait for the others to end."""
        self._switchboard.draining = True
        began = monotonic()
        handing = self._house.tasks.spawn(self.hand_over(), "hand calls over")
        try:
            await self._switchboard.drain()
        finally:
            handing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await handing
            log.info("drained", seconds=round(monotonic() - began, 1))
