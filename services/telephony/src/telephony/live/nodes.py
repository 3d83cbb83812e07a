"""This node among the others: it says that it lives, and adopts the calls of those that died. (`handover` gives calls
away when this node drains.)

A node is dead when nothing listens where it was, or when its row was not renewed for two seconds and it is silent when
asked: the row alone also stays behind when the database was away, an answer alone also when the network between two
nodes is. Who owns a call is its lease's row, changed by compare and set, so that two nodes that see a third one die
share its calls and never own one twice; a node that was only asleep finds its calls gone and parts with their media.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from chassis.auth import acting_as, acting_for, principal
from chassis.grpc import Peers
from chassis.statuses import RemoteFailed
from chassis.telemetry import counter, log
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import DomainError, Unavailable
from merkez.telephony.v1 import call_service_pb2_grpc, node_service_pb2, node_service_pb2_grpc

from telephony.domain.calls import CallEnded
from telephony.domain.nodes import Node, neighbours_of
from telephony.live.house import House, Pulse
from telephony.live.rounds import patiently
from telephony.live.stations import graces
from telephony.live.switchboard import CallElsewhere, Switchboard
from telephony.ops import lines as line_ops
from telephony.ops import nodes as ops
from telephony.ops import stations as station_ops
from telephony.store.calls import Lease

_died = counter("merkez.telephony.nodes_lost", "Nodes that died with calls, which this one went on with")

BEAT_SECONDS = 0.5
"""What is billed of a call whose node dies is right within this time."""
LOOK_SECONDS = 0.4
SILENT_SECONDS = 2.0
"""A node whose row was not renewed for this long, and that doesn't answer either, is dead."""
_PING_SECONDS = Pulse.ASLEEP_SECONDS
_LATE_SECONDS = 3.0
"""How long a node that beats is waited for before somebody is told that no node takes their call."""
_ADOPT_AT_ONCE = 64
_FORWARD_SECONDS = 9.0
_PERSIST_SECONDS = 20.0


class Nodes:
    """The loops `beat` and `look`, `begin` once before them, and what handlers ask of other nodes."""

    def __init__(self, house: House, switchboard: Switchboard, peers: Peers) -> None:
        self.me = house.settings.node_id
        self._region = house.settings.region
        self.on_wish: Callable[[datetime | None], object] = lambda _until: None
        """Told until when an operator wants this node drained, or that they want it no more (None)."""
        self._house = house
        self._switchboard = switchboard
        self._peers = peers
        self._known: dict[str, Node] = {}
        self._read = 0.0
        """When the rows of the nodes were read last, by this process's clock: others' clocks may differ."""
        self._heard: dict[str, tuple[datetime, float]] = {}
        """Node -> its last sign of life in its row, and when that was read first."""
        self._buried: dict[str, datetime] = {}
        """Node -> its last sign of life, of those that are dead and whose calls are adopted: nobody asks them any more,
        unless they give another one."""
        self._adopting: dict[str, asyncio.Task[bool]] = {}
        self._wanted_by_operator: datetime | None = None
        self.start_time: datetime = house.now()

    async def begin(self, address: str, sip_address: str = "") -> None:
        """This process serves as its node from now on, at this address for the others, and at that one for SIP."""
        me = Node(self.me, address, self.start_time, self._house.now(), sip_address=sip_address, region=self._region)
        await self._house.db.system(lambda tx: ops.begin(tx, me))
        await self.beat()

    # -- liveness ----------------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """Say that this node lives and learn how the others do; do what the rows ask of this one."""
        try:
            found = await self._house.db.system(lambda tx: ops.live(tx, self.me, self._house.now()), serializable=False)
        except Unavailable as error:
            # Nobody's row was renewed meanwhile, and that is no sign of death.
            self._heard.clear()
            log.warning("the node's row can't be renewed", exc_info=error)
            return
        self._read = monotonic()
        self._known = {node.node_id: node for node in found}
        for node in found:
            if self._heard.get(node.node_id, (None, 0.0))[0] != node.heartbeat_time:
                self._heard[node.node_id] = node.heartbeat_time, self._read
        mine = self._known.get(self.me)
        wanted = mine.drain_deadline_time if mine is not None and mine.draining else None
        if mine is not None and wanted != self._wanted_by_operator:
            self._wanted_by_operator = wanted
            self.on_wish(wanted)

    def silent(self, node: Node) -> bool:
        """Whether the node's row was not renewed for long, while this one's was."""
        return self._read - self._heard.get(node.node_id, (None, self._read))[1] > SILENT_SECONDS

    def others(self) -> Sequence[Node]:
        """Nodes that take calls and live as far as is known: those of this region first, and the least busy."""
        able = [n for n in self._known.values() if n.node_id != self.me and not n.draining and not self.silent(n)]
        return sorted(able, key=lambda node: (node.region != self._region, node.live_calls))

    async def look(self) -> None:
        """Adopt the calls of nodes that died."""
        others = [node for node in self._known.values() if node.node_id != self.me]
        await asyncio.gather(*(self._look_at(n) for n in others if self._buried.get(n.node_id) != n.heartbeat_time))

    async def _look_at(self, node: Node) -> None:
        if await self._answers(node) or not (self.silent(node) or await self._refuses(node)):
            return
        if not await self._is_heir(node):
            return
        if self._switchboard.draining and any(other.node_id != node.node_id for other in self.others()):
            return
        try:
            whole = await self._adopt_all(node)
        except Unavailable as error:
            log.warning("a dead node's calls can't be adopted yet", node=node.node_id, exc_info=error)
            return
        if whole and self.silent(node):
            self._buried[node.node_id] = node.heartbeat_time

    async def _is_heir(self, dead: Node) -> bool:
        """Whether this node is to adopt what another left: not while a node of its region answers."""
        me = self._known.get(self.me)
        if me is None or me.region == dead.region:
            return True
        near = neighbours_of(dead, self._known.values())
        return not any(await asyncio.gather(*(self._answers(node) for node in near if not node.draining)))

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

    async def _answers(self, node: Node, seconds: float = _PING_SECONDS) -> bool:
        """Whether the node's process lives; one that was started anew after its calls began doesn't know them, but
        adopts them itself."""
        if not node.address:
            return False
        stub = self._peers.stub_at(node_service_pb2_grpc.NodeServiceStub, "telephony", node.address)
        try:
            with acting_for(""):
                answer = await stub.PingNode(node_service_pb2.PingNodeRequest(), timeout=seconds)
        except (DomainError, RemoteFailed):
            return False
        return answer.node_id == node.node_id

    def ping(self) -> node_service_pb2.PingNodeResponse:
        start = Timestamp()
        start.FromDatetime(self.start_time)
        return node_service_pb2.PingNodeResponse(node_id=self.me, start_time=start)

    # -- adopting ----------------------------------------------------------------------------------------------

    async def adopt_own(self) -> None:
        """What an earlier process of this node left behind, before any other node does."""
        left = await self._house.db.system(lambda tx: ops.left_by(tx, self.me), read_only=True)
        found = await self._house.db.system(ops.list_nodes, read_only=True)
        before = next((node for node in found if node.node_id == self.me), None)
        await self._adopt_each(left.leases, before)

    async def _adopt_all(self, node: Node) -> bool:
        """Adopt what a dead node holds, and give its stations their grace; whether all of it could be looked at."""
        left = await self._house.db.system(lambda tx: ops.left_by(tx, node.node_id), read_only=True)
        if left.leases:
            _died.add(1)
            log.warning("a node died; its calls are adopted", node=node.node_id, calls=len(left.leases))
        whole = await self._adopt_each(left.leases, node)
        grace = graces(self._house.settings)
        for tenant_id, agent_id in left.stations:
            await self._house.db.run(
                tenant_id,
                lambda tx, agent_id=agent_id: station_ops.lose_station_of_node(
                    tx, agent_id, grace, self._house.now(), self.me, by_node=node.node_id
                ),
            )
        return whole

    async def _adopt_each(self, leases: Sequence[Lease], dead: Node | None) -> bool:
        """Adopt calls of a node; whether all of them could be looked at."""
        turn = asyncio.Semaphore(_ADOPT_AT_ONCE)

        async def one(lease: Lease) -> bool:
            heard = lease.heartbeat_time if dead is None else max(lease.heartbeat_time, dead.heartbeat_time)
            async with turn:
                return await self._adopt(lease, heard)

        # In any order: another node begins elsewhere, and the two meet in the middle.
        return all(await asyncio.gather(*map(one, random.sample(list(leases), len(leases)))))

    async def _adopt(self, lease: Lease, last_heard: datetime) -> bool:
        """Whether that was possible: the call is this node's, another's, or over."""
        try:
            await self.adopt(lease.tenant_id, lease.call_id, lease.node_id, last_heard, beaten=lease.heartbeat_time)
        except Exception as error:
            log.error("a call can't be adopted", call_id=lease.call_id, exc_info=error)
            return False
        return True

    async def adopt(
        self, tenant_id: str, call_id: str, from_node: str, last_heard: datetime, *, beaten: datetime | None = None
    ) -> bool:
        """Own a call that `from_node` owned, last heard of then; whether it is this node's. `beaten` as in
        `ops.adopt_call`. Goes on to its end also when whoever asked is gone: rows and media must not part."""
        task = self._adopting.get(call_id)
        if task is None:
            work = self._take(tenant_id, call_id, from_node, last_heard, beaten)
            task = self._adopting[call_id] = self._house.tasks.spawn(work, "adopt call")
            task.add_done_callback(lambda _: self._adopting.pop(call_id, None))
        return await asyncio.shield(task)

    async def _take(
        self, tenant_id: str, call_id: str, from_node: str, last_heard: datetime, beaten: datetime | None
    ) -> bool:
        house = self._house

        async def adopted() -> ops.Adopted | None:
            # In rounds: at once a company's calls only make each other run again, and all of them wait for the last.
            return await house.ledger.begin_by(
                tenant_id,
                call_id,
                lambda tx: ops.adopt_call(tx, call_id, from_node, self.me, last_heard, house.now(), beaten=beaten),
            )

        found = await patiently(adopted, "adoption", seconds=_PERSIST_SECONDS, pause_at_most=0.2, call_id=call_id)
        if found is None:
            return False
        here = self._switchboard.find(call_id)
        if here is not None and not found.moved:
            return True
        if here is not None:  # from before it was another's
            self._switchboard.abandon(here)
        silent = max(0.0, (house.now() - last_heard).total_seconds())
        self._switchboard.adopt(tenant_id, found.call, found.legs, silent)
        # Nobody's audio waits for this.
        house.tasks.spawn(self._adopt_lines(tenant_id, call_id), "adopt lines")
        return True

    async def _adopt_lines(self, tenant_id: str, call_id: str) -> None:
        """The call's places on trunks are this node's too, so that they stay counted."""
        house = self._house
        await patiently(
            lambda: house.db.system(lambda tx: line_ops.move_lines(tx, tenant_id, call_id, self.me, house.now())),
            "lines of an adopted call", call_id=call_id,
        )  # fmt: skip

    # -- the owner of a call -----------------------------------------------------------------------------------

    async def at_owner(self, error: CallElsewhere, method: str, request: Message) -> Any:
        """Have the node that owns the call carry out this rpc for the same asker; own it here when that node is dead
        (None then: carry it out here). `method` is of CallService."""
        stub = self._stub_of(error.node_id) if error.node_id != self.me else None
        if stub is not None:
            try:
                with acting_as(principal()):
                    return await getattr(stub, method)(request, timeout=_FORWARD_SECONDS)
            except Unavailable:
                node = self._known.get(error.node_id)
                if node is None or await self._answers(node):
                    raise
        # Of this node by the rows, though it isn't here: what was committed of an adoption, and not heard of.
        if not await self._own(error.tenant_id, error.call_id, error.node_id):
            raise error
        return None

    async def _own(self, tenant_id: str, call_id: str, dead: str) -> bool:
        """Own a call of a node that is dead; whether it is this node's now. CallEnded."""
        owner = await self._house.db.run(tenant_id, lambda tx: ops.owner(tx, call_id), read_only=True)
        if owner is None:
            raise CallEnded("the call has ended")
        node = self._known.get(dead)
        heard = owner.heartbeat_time if node is None else max(owner.heartbeat_time, node.heartbeat_time)
        return await self.adopt(tenant_id, call_id, dead, heard, beaten=owner.heartbeat_time)

    async def station_node(
        self, tenant_id: str, agent_id: str, wished: str
    ) -> call_service_pb2_grpc.StationServiceAsyncStub | None:
        """The node a user's media belongs to, when it isn't this one: where the call is that they are in, or the one
        that is wished for, or any other while this one drains. A call whose node is dead comes here."""
        where = await self._house.db.run(tenant_id, lambda tx: ops.call_node_of(tx, agent_id), read_only=True)
        node_id = where[1] if where is not None else wished
        if not node_id and self._switchboard.draining:
            node_id = next((node.node_id for node in self.others()), "")
        node = self._known.get(node_id) if node_id != self.me else None
        if node is None:
            return None
        if await self._answers(node):
            made: Any = self._peers.stub_at(call_service_pb2_grpc.StationServiceStub, "telephony", node.address)
            return made
        if where is not None:
            with contextlib.suppress(CallEnded):
                await self._own(tenant_id, where[0], node_id)
        return None

    async def taking_calls(self) -> call_service_pb2_grpc.CallServiceAsyncStub | None:
        """Another node that takes new calls, while this one drains: the least busy of those that answer at once, or the
        first that answers late."""
        for seconds in (_PING_SECONDS, _LATE_SECONDS):
            for node in self.others():
                if await self._answers(node, seconds):
                    return self._stub_of(node.node_id)
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
        node = self._known.get(node_id) if node_id != self.me else None
        return None if node is None or not await self._answers(node) else self._stub_of(node_id)

    async def sip_of_call(self, tenant_id: str, agent_id: str) -> str:
        """Where another living node speaks SIP (host:port) that owns the call an agent is in; "" for this one, no call,
        and a node that is dead or has no SIP."""
        where = await self._house.db.run(tenant_id, lambda tx: ops.call_node_of(tx, agent_id), read_only=True)
        node = self._known.get(where[1]) if where is not None and where[1] != self.me else None
        return node.sip_address if node is not None and not self.silent(node) else ""

    def living(self) -> Sequence[str]:
        """Names of the nodes that live as far as is known, this one among them."""
        return [node.node_id for node in self._known.values() if node.node_id == self.me or not self.silent(node)]
